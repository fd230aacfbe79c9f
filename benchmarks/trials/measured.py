"""What the trials of sharpness share: measuring many images, and what is kept of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import joblib
import numpy as np
import pandas as pd
from scenes.psfs import PointSpread

QUANTITIES = ("rer", "fwhm", "mtf_half_nyquist", "mtf_nyquist")
LEVELS = {"uint8": (128.0, 120.0), "uint16": (20000.0, 6000.0)}  # middle and contrast in DN


def direction_of(theta: float) -> str:
    """Class of an edge by its normal: x and y within 22.5 degrees of the axis, other between."""
    off = math.degrees(theta) % 180
    if min(off, 180 - off) <= 22.5:
        return "x"
    return "y" if abs(off - 90) <= 22.5 else "other"


def measure(image: np.ndarray, psf: PointSpread, theta: float) -> dict[str, Any]:
    """Measured and true values of parallel edges, in the class of their direction."""
    from iqf_metrics_sharpness import sharpness

    found = getattr(sharpness(image).bands[0], direction_of(theta))
    truth = psf.truth(theta)
    row: dict[str, Any] = {"count": found.count, "direction": direction_of(theta)}
    for name in QUANTITIES:
        estimate = getattr(found, name)
        row |= {
            name: estimate.value,
            f"{name}_low": estimate.low,
            f"{name}_high": estimate.high,
            f"{name}_truth": getattr(truth, name),
        }
    return row


def in_parallel(work: Callable[..., dict[str, Any]], tasks: Iterable[tuple[Any, ...]]) -> pd.DataFrame:
    """One row per task, in their order, whatever the number of processors."""
    rows = joblib.Parallel(n_jobs=-1, batch_size=4)(joblib.delayed(work)(*task) for task in tasks)
    return pd.DataFrame(rows)


def with_errors(rows: pd.DataFrame) -> pd.DataFrame:
    """Add the error of each quantity: absolute, and in percent of the truth."""
    for name in QUANTITIES:
        rows[f"{name}_error"] = rows[name] - rows[f"{name}_truth"]
        rows[f"{name}_percent"] = 100 * rows[f"{name}_error"] / rows[f"{name}_truth"]
    return rows


def worst(values: pd.Series) -> float:
    """Largest modulus: infinite where there is nothing to take it of."""
    sizes = values.abs().to_numpy(dtype=float)
    return float(np.nanmax(sizes)) if np.isfinite(sizes).any() else math.inf


def seeded(*key: float) -> np.random.Generator:
    """A generator that depends on what the image is, not on the order in which images are made."""
    return np.random.default_rng([round(abs(value) * 1000) * 2 + (value < 0) for value in key])
