"""An image of 20000x20000 16-bit pixels: both metrics finish, within 1 GB beyond it."""

from __future__ import annotations

from collections.abc import Iterator

from pairs import Figure
from tables import Table
from trials.memory import beyond_the_image


def speed(quick: bool) -> Iterator[Figure | Table]:
    """Peak memory beyond the image, and time, each in a process of its own."""
    side = 6000 if quick else 20000
    lines = []
    for metric in ("snr", "sharpness"):
        taken = beyond_the_image(metric, side=side, depth="uint16")
        peak = taken.peak_bytes / 1e9
        note = f"{taken.seconds:.0f} s, beyond the image's own {taken.image_bytes / 1e9:.2f} GB; {taken.said}"
        yield Figure(f"{metric}, {side}x{side} uint16: peak memory", [peak], at_most=1, unit=" GB", note=note)
        lines.append([metric, side, taken.seconds, taken.image_bytes / 1e9, peak, taken.said])
    yield Table(
        "large",
        f"A large image: {side}x{side} uint16, photographs tiled in memory",
        ["metric", "side px", "seconds", "image GB", "peak beyond it GB", "result"],
        lines,
        taken.how,
    )
