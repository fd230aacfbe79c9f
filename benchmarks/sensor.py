"""Each modifier on a picture of three bands, against the bare OpenCV or NumPy call that it rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from pairs import Figure, in_turns

import iqf_core as iqf

SIDE, BANDS, CALLS = 1024, 3, 3
BAR = 2.0
Pixels = np.ndarray
Floor = Callable[[Pixels], object]


def figures(quick: bool) -> Iterator[Figure]:
    rounds = 7 if quick else 25
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, BANDS), dtype=np.uint8)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # both sides: what is compared is the work
    try:
        for spec, floor, called in _pairs():
            yield _compared(spec, floor, called, pixels, rounds)
    finally:
        cv2.setNumThreads(threads)


def _compared(spec: str, floor: Floor, called: str, pixels: Pixels, rounds: int) -> Figure:
    modifier, image = iqf.modifier(spec), iqf.Image.from_array(pixels)
    rng = np.random.default_rng(0)

    def ours() -> None:
        for _ in range(CALLS):
            modifier.modify(image, rng=rng).decoded()

    def bare() -> None:
        for _ in range(CALLS):
            floor(pixels)

    pairs = in_turns(ours, bare, rounds=rounds, warm_up=2)
    best, bare_best = (min(seconds) / CALLS for seconds in zip(*pairs, strict=True))
    return Figure(
        f"{spec} over {called}",
        [seconds / bare_seconds for seconds, bare_seconds in pairs],
        at_most=BAR,
        note=f"at best {1e3 * best:.2f} against {1e3 * bare_best:.2f} ms",
    )


def _pairs() -> Iterator[tuple[str, Floor, str]]:
    """Setting, floor on the same pixels, and what the floor is called."""
    bell = cv2.getGaussianKernel(9, 1.0, cv2.CV_32F)
    yield "blur(sigma_px=1.0)", lambda p: cv2.sepFilter2D(p, cv2.CV_32F, bell, bell), "sepFilter2D"
    plane = np.full((5, 5), 0.04, np.float32)
    yield "blur(kind='disc', radius_px=2.2)", lambda p: cv2.filter2D(_single(p), -1, plane), "filter2D"
    yield "noise(sigma_dn=5.0)", _with_noise, "standard_normal, add"
    yield "noise(a=4.0, b=0.1)", _with_noise, "standard_normal, add"
    yield "gsd(scale=2.0)", lambda p: _area(_single(p), 2.0), "INTER_AREA in floats"
    yield "gsd(scale=1.7)", lambda p: _area(p, 1.7), "INTER_AREA in bytes"
    yield "sharpen", _unsharp, "GaussianBlur, addWeighted in floats"
    table = (np.arange(256) // 16).astype(np.uint8)
    yield "bit_depth(bits=4)", lambda p: cv2.LUT(p, table), "LUT"
    kernel = np.array([0, -0.0625, 0.5625, 0.5625, -0.0625], np.float32)
    yield "band_shift(dx_px=0.5)", lambda p: _one_band(p, kernel), "copy, sepFilter2D of a band"


def _single(pixels: Pixels) -> Pixels:
    return pixels.astype(np.float32)


def _area(pixels: Pixels, scale: float) -> Pixels:
    side = round(SIDE / scale)
    return cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)


def _with_noise(pixels: Pixels) -> Pixels:
    drawn = np.random.default_rng(0).standard_normal(pixels.shape, np.float32)
    return cv2.add(pixels, 5 * drawn, dtype=cv2.CV_8U)


def _unsharp(pixels: Pixels) -> Pixels:
    single = _single(pixels)
    return cv2.addWeighted(single, 1.5, cv2.GaussianBlur(single, (9, 9), 1.0), -0.5, 0, dtype=cv2.CV_8U)


def _one_band(pixels: Pixels, kernel: Pixels) -> Pixels:
    copy = pixels.copy()
    band = np.ascontiguousarray(pixels[..., 0])
    copy[..., 0] = cv2.sepFilter2D(band, cv2.CV_8U, kernel, np.ones(1, np.float32))
    return copy
