"""What this plugin offers."""

from __future__ import annotations

from iqf_core import Component, hookimpl

IQF_API = 1


@hookimpl
def iqf_modifiers() -> list[Component]:
    """Offer the parts of a sensor that an image can be made to have."""
    return [
        Component("blur", "iqf_modifiers_sensor.blur:Blur", "Gaussian, defocus, motion, any point spread"),
        Component("noise", "iqf_modifiers_sensor.noise:Noise", "White, signal-dependent, striped by columns"),
        Component("gsd", "iqf_modifiers_sensor.gsd:Gsd", "Larger pixels on the same ground"),
        Component("sharpen", "iqf_modifiers_sensor.sharpen:Sharpen", "Unsharp mask"),
        Component("bit_depth", "iqf_modifiers_sensor.bit_depth:BitDepth", "Another full scale"),
        Component("band_shift", "iqf_modifiers_sensor.band_shift:BandShift", "Bands beside one another"),
    ]
