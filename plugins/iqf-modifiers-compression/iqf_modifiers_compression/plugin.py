"""What this plugin offers."""

from __future__ import annotations

from iqf_core import Component, hookimpl

IQF_API = 1


@hookimpl
def iqf_modifiers() -> list[Component]:
    """Offer the codecs and their lossless baselines."""
    return [
        Component("jpeg", "iqf_modifiers_compression.jpeg:Jpeg", "JPEG round trip (ISO/IEC 10918-1)"),
        Component(
            "jpeg2000",
            "iqf_modifiers_compression.jpeg2000:Jpeg2000",
            "JPEG 2000 round trip (ISO/IEC 15444-1)",
        ),
        Component(
            "quantise", "iqf_modifiers_compression.quantise:Quantise", "Fewer bits: the high ones are kept"
        ),
        Component("png", "iqf_modifiers_compression.lossless:Png", "Lossless PNG: the rate to beat"),
        Component(
            "tiff", "iqf_modifiers_compression.lossless:Tiff", "Lossless TIFF (deflate): the rate to beat"
        ),
    ]
