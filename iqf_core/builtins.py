"""What the core itself offers, through the same door as any plugin."""

from __future__ import annotations

from iqf_core.hookspecs import Component, hookimpl

IQF_API = 1


@hookimpl
def iqf_modifiers() -> list[Component]:
    """Offer the one modifier that the core holds."""
    return [Component("identity", "iqf_core.modifiers:Identity", "Every pixel as it was")]


@hookimpl
def iqf_metrics() -> list[Component]:
    """Offer the one metric that the core holds."""
    return [Component("basic", "iqf_core.metrics:Basic", "Range, mean, spread, entropy, saturation, nodata")]


@hookimpl
def iqf_task_executors() -> list[Component]:
    """Offer the executor on this machine."""
    return [Component("local", "iqf_core.local:LocalExecutor", "Processes on this machine")]


@hookimpl
def iqf_dataset_formats() -> list[Component]:
    """Offer the formats of iquaflow's conventions."""
    return [
        Component("coco", "iqf_core.formats:CocoFormat", "COCO JSON: boxes, polygons, categories"),
        Component(
            "geojson", "iqf_core.formats:GeoJsonFormat", "GeoJSON features with image_filename, class_id"
        ),
        Component("masks", "iqf_core.formats:MasksFormat", "A folder of masks beside the images"),
        Component("classes", "iqf_core.formats:ClassesFormat", "A folder per class, or a CSV of labels"),
        Component("json", "iqf_core.formats:OtherJsonFormat", "Any other JSON: it travels along untouched"),
        Component("folder", "iqf_core.formats:FolderFormat", "Images without ground truth"),
    ]
