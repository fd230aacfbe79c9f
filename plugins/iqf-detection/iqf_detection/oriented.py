"""The metric `oriented_detection`: rotated boxes and quadrilaterals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from iqf_core.records import Thing
from iqf_detection.detection import Detection
from iqf_detection.instances import Array
from iqf_detection.predictions import box_in, numbers_in
from iqf_detection.quads import corners_of_box, corners_of_rotated, quad_around, quad_overlaps, uncrossed
from iqf_detection.truth import box_of, corners_of


class OrientedDetection(Detection):
    r"""Average precision of rotated boxes and quadrilaterals, and precision, recall and F1 at one score.

    As `coco_detection`, whose numbers it gives for upright boxes, with another overlap: that of two
    quadrilaterals :math:`A` and :math:`B`, :math:`|A \cap B| / |A \cup B|`, exact up to rounding. DOTA's own
    evaluation takes one overlap, 0.5, and another mean over recalls [1]_: compare ``ap_0.5``, not the digits.

    An object of the ground truth is its polygon, if that has four corners; the smallest rotated rectangle
    around its polygons, if they have another number of corners; its box, if it has no polygon. An
    object that DOTA calls difficult counts as a crowd does in COCO: it is neither demanded nor wrong to find.

    A prediction says its place in one of three ways, all in pixels, x to the right and y down; the first of
    them that it has counts:

    - ``poly``, ``[x1, y1, x2, y2, x3, y3, x4, y4]``: corners in DOTA's order, round about, either way;
    - ``obb``, ``[centre x, centre y, width, height, angle]``: the angle in degrees from the x axis to the
      side called width, clockwise as seen. So has it mmrotate's ``le90``, in radians (any angle will do, not
      only those from -90 to 90); Detectron2 turns the other way: negate it;
    - ``bbox``, ``[x, y, width, height]``.

    Corners of which two sides cross are put in order; dents are kept; what has no area overlaps nothing, and
    so is a false alarm.

    Parameters
    ----------
    max_detections : int
        Detections of an image and class that count, best first. Scenes of DOTA hold more objects than the
        100 of COCO: cut them into chips, or raise it. Reaching it is a warning with the count.
    iou_thresholds : tuple of float
        Overlaps (intersection over union) from which a detection is right.
    area_sides : (float, float)
        An object is small up to the square of the first, large from the square of the second on.
    area_unit : {"px", "m"}
        Of ``area_sides``; m needs a projected georeference or ``gsd_m``.
    gsd_m : float or None
        Metres a pixel.
    classes : tuple of str
        Names of the classes that count; all unless given.
    score_threshold : float or None
        Of precision, recall and F1, at the overlap 0.5. Unless given it is the one of the best F1 over all
        classes on the predictions of the validation images, ``validation.json``, where the script writes one.

    References
    ----------
    .. [1] G.-S. Xia et al. (2018), DOTA: a large-scale dataset for object detection in aerial images,
       doi:10.1109/CVPR.2018.00418
    .. [2] T.-Y. Lin et al. (2014), Microsoft COCO: common objects in context,
       doi:10.1007/978-3-319-10602-1_48

    Examples
    --------
    >>> OrientedDetection(iou_thresholds=(0.5,)).label
    'oriented_detection-iou_thresholds0.5'
    """

    name: ClassVar[str] = "oriented_detection"

    def shape(self, thing: Thing, image: Path) -> Sequence[Any]:
        """Corners of an object."""
        if not thing.polygons:
            return corners_of_box(box_of(thing, image))
        outer = tuple((rings[0],) for rings in thing.polygons)
        return quad_around(corners_of(replace(thing, polygons=outer), image))

    def read(self, entry: dict[str, Any]) -> Sequence[Any]:
        """Corners of a prediction."""
        if "poly" in entry:
            x1, y1, x2, y2, x3, y3, x4, y4 = numbers_in(entry, "poly", 8, "[x1, y1, x2, y2, x3, y3, x4, y4]")
            return uncrossed(((x1, y1), (x2, y2), (x3, y3), (x4, y4)))
        if "obb" in entry:
            return corners_of_rotated(_rotated_in(entry))
        if "bbox" in entry:
            return corners_of_box(box_in(entry))
        raise ValueError(
            "says no place; write poly [x1, y1, x2, y2, x3, y3, x4, y4], "
            "obb [centre x, centre y, width, height, angle in degrees] or bbox [x, y, width, height]"
        )

    def overlaps(self, found: Array, objects: Array, crowd: Array) -> Array:
        """Intersection over union."""
        return quad_overlaps(found, objects, crowd)


def _rotated_in(entry: dict[str, Any]) -> Sequence[float]:
    """``obb``: centre, width, height, angle."""
    form = "[centre x, centre y, width, height, angle in degrees]"
    box = numbers_in(entry, "obb", 5, form)
    if box[2] < 0 or box[3] < 0:
        raise ValueError(f"obb {box} has a negative side; write {form}, lengths in pixels")
    return box
