"""Time of `snr` on one thread against two box filters, and its memory."""

from __future__ import annotations

import statistics
import tracemalloc
from collections.abc import Iterator

import cv2
import numpy as np
from pairs import Figure, in_turns
from scenes import noise
from tables import Table
from threadpoolctl import threadpool_limits
from trials.memory import beyond_the_image

SIDES = (1024, 4096)
DEPTHS = ("uint8", "uint16")
BARS = {"hb": 1.0, "dct": 4.0}


def speed(quick: bool) -> Iterator[Figure | Table]:
    """Ratios for 8 and 16 bit, small and large; then memory."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    rows: list[list[str | float]] = []
    try:
        with threadpool_limits(1):
            for method in BARS:
                for depth in DEPTHS:
                    yield from _ratios(method, depth, rows, quick)
    finally:
        cv2.setNumThreads(threads)
    yield from _memory(quick)
    yield Table(
        "snr-speed",
        "SNR on one thread against boxFilter and sqrBoxFilter, 3x3, to float32",
        ["method", "type", "side px", "snr ms", "floor ms", "ratio"],
        rows,
        "Medians of turns; one photograph with noise of 3 DN, mirrored and tiled; one band.",
    )


def _ratios(method: str, depth: str, rows: list[list[str | float]], quick: bool) -> Iterator[Figure]:
    from iqf_metrics_snr import snr

    ratios = []
    for side in SIDES:
        image = noise.tiled(side, depth)
        rounds = (7 if quick else 25) if side == SIDES[0] else (3 if quick else 9)
        pairs = in_turns(
            lambda image=image: snr(image, method=method), lambda image=image: _floor(image), rounds=rounds
        )
        ours, floor = (1000 * statistics.median(seconds) for seconds in zip(*pairs, strict=True))
        ratios.append([mine / bare for mine, bare in pairs])
        rows.append([method, depth, side, ours, floor, statistics.median(ratios[-1])])
    note = (
        f"{ours:.0f} against {floor:.0f} ms, {side}x{side}, one thread; boxFilter and sqrBoxFilter to float32"
    )
    yield Figure(f"snr {method}, {depth}, over two box filters", ratios[1], at_most=BARS[method], note=note)
    small, large = (statistics.median(ratio) for ratio in ratios)
    note = f"ratio {large:.2f} against {small:.2f} at {SIDES[0]}x{SIDES[0]}"
    yield Figure(f"snr {method}, {depth}, ratio at 4096 over 1024", [large / small], at_most=1.2, note=note)


def _floor(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return cv2.boxFilter(image, cv2.CV_32F, (3, 3)), cv2.sqrBoxFilter(image, cv2.CV_32F, (3, 3))


def _memory(quick: bool) -> Iterator[Figure]:
    """Peak of the default in a process of its own; of all three methods, what NumPy asked for."""
    side = 2048 if quick else 4096
    for depth in DEPTHS:
        taken = beyond_the_image("snr", side=side, depth=depth)
        image_mb, peak_mb = taken.image_bytes / 1e6, taken.peak_bytes / 1e6
        note = f"{peak_mb:.0f} MB beyond an image of {image_mb:.0f} MB; {taken.how}"
        ratio = taken.peak_bytes / taken.image_bytes
        yield Figure(f"snr, {depth}, extra memory over the image's", [ratio], at_most=6, note=note)
    image = noise.tiled(side, "uint8")
    for method in ("dct", "hb", "ha"):
        ratio = _allocated(image, method) / image.nbytes
        note = f"{side}x{side}; tracemalloc, which sees NumPy's arrays"
        yield Figure(f"snr {method}, uint8, peak of arrays over the image's", [ratio], at_most=6, note=note)


def _allocated(image: np.ndarray, method: str) -> int:
    from iqf_metrics_snr import snr

    tracemalloc.start()
    try:
        snr(image, method=method)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
