"""What this plugin offers."""

from __future__ import annotations

from iqf_core import Component, hookimpl

IQF_API = 1


@hookimpl
def iqf_metrics() -> list[Component]:
    """Offer the scores of detections."""
    return [
        Component("coco_detection", "iqf_detection.coco:CocoDetection", "COCO's twelve numbers of boxes"),
        Component(
            "oriented_detection",
            "iqf_detection.oriented:OrientedDetection",
            "The same of rotated boxes and quadrilaterals",
        ),
    ]


@hookimpl
def iqf_modifiers() -> list[Component]:
    """Offer the cutting of scenes into chips."""
    return [Component("chips", "iqf_detection.tiles:Chips", "Scenes cut into chips, ground truth clipped")]


@hookimpl
def iqf_dataset_formats() -> list[Component]:
    """Offer DOTA's."""
    return [Component("dota", "iqf_detection.dota:DotaFormat", "DOTA labelTxt: quadrilaterals, difficult")]


@hookimpl
def iqf_commands() -> list[Component]:
    """Offer the conversion of ground truth."""
    return [Component("convert", "iqf_detection.conversion:command", "Ground truth as COCO, DOTA or GeoJSON")]
