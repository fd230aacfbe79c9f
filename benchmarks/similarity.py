"""SSIM of an image of 1024x1024 pixels and three bands, against scikit-image's own on the same arrays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pairs import Figure, in_turns

from iqf_metrics_similarity import ssim

WANG = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "channel_axis": -1}


def figures(quick: bool) -> Iterator[Figure]:
    for dtype, white in (("uint8", 255), ("uint16", 4095)):
        yield _compared(dtype, white, rounds=3 if quick else 15)


def _compared(dtype: str, white: int, *, rounds: int) -> Figure:
    from skimage.metrics import structural_similarity

    one, other = _pictures(dtype, white)
    found = []

    def ours() -> None:
        found.append(ssim(one, other, white=white))

    def floor() -> None:
        found.append(float(structural_similarity(one, other, data_range=white, **WANG)))

    pairs = in_turns(ours, floor, rounds=rounds)
    if max(found) - min(found) > 1e-9:
        raise RuntimeError(f"SSIM from {min(found)} to {max(found)}: not the same measurement")
    best, bare_best = (min(seconds) for seconds in zip(*pairs, strict=True))
    return Figure(
        f"ssim of 1024x1024x3 {dtype} over scikit-image's",
        [our_seconds / seconds for our_seconds, seconds in pairs],
        at_most=1.2,
        note=f"at best {best * 1000:.0f} against {bare_best * 1000:.0f} ms",
    )


def _pictures(dtype: str, white: int) -> tuple[np.ndarray, np.ndarray]:
    """Make a photograph four times, and the same with noise."""
    from skimage.data import astronaut

    clean = np.tile(astronaut(), (2, 2, 1)) / 255 * white
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, white / 50, clean.shape), 0, white)
    return clean.astype(dtype), noisy.astype(dtype)
