"""The metric `coco_detection`: axis-parallel boxes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from iqf_core.records import Thing
from iqf_detection.boxes import box_overlaps
from iqf_detection.detection import Detection
from iqf_detection.instances import Array
from iqf_detection.predictions import box_in
from iqf_detection.truth import box_of


class CocoDetection(Detection):
    """The twelve numbers of the COCO evaluation of boxes, and precision, recall and F1 at one score.

    Average precision is the mean of the precision at 101 recalls, of ten overlaps from 0.5 to 0.95 and of the
    classes that have an object. A detection is right when it overlaps an object of its class that no better
    one has taken. Crowds, and objects of another size than asked for, are neither demanded nor wrong to find.

    Parameters
    ----------
    max_detections : int
        Detections of an image and class that count, best first. Reaching it is a warning with the count.
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
    .. [1] T.-Y. Lin et al. (2014), Microsoft COCO: common objects in context,
       doi:10.1007/978-3-319-10602-1_48

    Examples
    --------
    >>> CocoDetection(max_detections=500).label
    'coco_detection-max_detections500'
    """

    name: ClassVar[str] = "coco_detection"

    def shape(self, thing: Thing, image: Path) -> Sequence[Any]:
        """Box of an object, or around its polygons."""
        return box_of(thing, image)

    def read(self, entry: dict[str, Any]) -> Sequence[Any]:
        """Box of a prediction."""
        return box_in(entry)

    def overlaps(self, found: Array, objects: Array, crowd: Array) -> Array:
        """Intersection over union."""
        return box_overlaps(found, objects, crowd)
