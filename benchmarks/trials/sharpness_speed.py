"""Time of `sharpness` on one thread against two Sobels and their magnitude, and its memory."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from functools import partial

import cv2
import numpy as np
from pairs import Figure, in_turns
from scenes.pictures import TILE, tiles
from tables import Table
from threadpoolctl import threadpool_limits
from trials.memory import beyond_the_image

SIDES = (1024, 4096)


def speed(quick: bool) -> Iterator[Figure | Table]:
    """Ratios for 8 and 16 bit, small and large; what the large one takes of memory."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    lines = []
    try:
        with threadpool_limits(1):
            for label, tile in tiles().items():
                for depth in ("uint8", "uint16"):
                    yield from _ratios(
                        label, tile.astype(depth) * (1 if depth == "uint8" else 16), lines, quick
                    )
    finally:
        cv2.setNumThreads(threads)
    yield from _memory()
    yield Table(
        "sharpness-speed",
        "Sharpness on one thread against two 3x3 Sobels and their magnitude (float32)",
        ["scene", "type", "side px", "edges", "sharpness ms", "floor ms", "ratio"],
        lines,
        "Medians of turns. The scene is 1024x1024, tiled to the side given and, for the floor, "
        "converted to float32 beforehand.",
    )


def _ratios(label: str, tile: np.ndarray, lines: list[list[object]], quick: bool) -> Iterator[Figure]:
    from iqf_metrics_sharpness import sharpness

    ratios = []
    for side in SIDES:
        image = np.tile(tile, (side // TILE, side // TILE))
        floats = image.astype(np.float32)
        rounds = (3 if quick else 9) if side == TILE else (2 if quick else 5)
        floor_work = partial(
            _floor, floats
        )  # also between: the first one after a large piece of work is slow
        pairs = in_turns(partial(sharpness, image), floor_work, rounds=rounds, between=floor_work)
        ours, floor = (statistics.median(seconds) for seconds in zip(*pairs, strict=True))
        ratios.append([mine / bare for mine, bare in pairs])
        edges = sharpness(image).bands[0].combined.count
        lines.append(
            [label, tile.dtype.name, side, edges, 1000 * ours, 1000 * floor, statistics.median(ratios[-1])]
        )
    kind = f"sharpness, {label}, {tile.dtype.name}"
    note = f"{lines[-1][4]:.0f} against {lines[-1][5]:.0f} ms, {edges} edges, 4096x4096, one thread"
    yield Figure(f"{kind}, over two Sobels", ratios[1], at_most=30, note=note)
    growth = statistics.median(ratios[1]) / statistics.median(ratios[0])
    note = f"ratio {statistics.median(ratios[1]):.1f} against {statistics.median(ratios[0]):.1f} at 1024x1024"
    yield Figure(f"{kind}, ratio at 4096 over 1024", [growth], at_most=1.2, note=note)


def _floor(image: np.ndarray) -> np.ndarray:
    """As anyone would call it, on what is float32 already."""
    return cv2.magnitude(cv2.Sobel(image, cv2.CV_32F, 1, 0), cv2.Sobel(image, cv2.CV_32F, 0, 1))


def _memory() -> Iterator[Figure]:
    for depth in ("uint8", "uint16"):
        measured = beyond_the_image("sharpness", side=4096, depth=depth)
        ratio = measured.peak_bytes / measured.image_bytes
        note = f"{measured.peak_bytes / 1e6:.0f} MB beyond an image of {measured.image_bytes / 1e6:.0f} MB"
        yield Figure(
            f"sharpness, {depth}, extra memory over the image's",
            [ratio],
            at_most=6,
            note=f"{note}; {measured.how}",
        )
