"""Bias and spread on exact straight edges blurred by Gaussians of every width."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from pairs import Figure
from scenes.edges import Gaussian, edge_image
from scenes.floor import pooled_floor
from tables import Table
from trials.measured import LEVELS, in_parallel, measure, seeded, with_errors, worst

SIGMAS = (0.4, 0.5, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0)
DEGREES = (0, 2, 7, 15, 21, 172, 69, 76, 83, 90, 97, 109, 26.565, 35, 45, 58, 118, 135, 150)
PLATEAU = 23.7  # px; no whole number, so that edges along an axis meet the pixels in every phase
WINDOW = (7, 13)  # rows and width of the default window, for the Cramer-Rao floor


def gaussians(quick: bool) -> Iterator[Figure | Table]:
    """Bias by width, depth, direction, sign of the contrast and noise; every image has a result."""
    sigmas, degrees = (SIGMAS[::3], DEGREES[1::3]) if quick else (SIGMAS, DEGREES)
    tasks = [
        (sigma, depth, snr, angle, 1 if (i + j) % 2 else -1)
        for i, sigma in enumerate(sigmas)
        for depth in LEVELS
        for snr in (math.inf, 100.0, 50.0)
        for j, angle in enumerate(degrees)
    ]
    rows = with_errors(in_parallel(_gaussian, tasks))
    keys = ["sigma", "depth", "snr", "sign", "direction"]
    cells = rows.groupby(keys).mean(numeric_only=True).reset_index()
    yield from _bias_figures(cells[cells.snr >= 100], cells[cells.snr == 50])
    yield from _image_figures(rows)
    yield _bias_table(rows)


def _gaussian(sigma: float, depth: str, snr: float, degrees: float, sign: int) -> dict[str, Any]:
    theta, psf = math.radians(degrees), Gaussian(sigma)
    middle, contrast = LEVELS[depth]
    rng = seeded(sigma, len(depth), 0 if math.isinf(snr) else snr, degrees, sign)
    image = edge_image(
        psf, theta, sign * contrast, middle=middle, plateau=PLATEAU, depth=depth, snr=snr, rng=rng
    )
    key = {"sigma": sigma, "depth": depth, "snr": snr, "angle": degrees, "sign": sign}
    return key | measure(image, psf, theta)


def _bias_figures(clean: pd.DataFrame, noisy: pd.DataFrame) -> Iterator[Figure]:
    cells = f"worst of {len(clean)} cells: width, depth, noise, sign, direction class"
    yield Figure(
        "RER, |bias|, no noise and SNR 100", [worst(clean.rer_percent)], at_most=0.7, unit=" %", note=cells
    )
    yield Figure(
        "FWHM, |bias|, no noise and SNR 100", [worst(clean.fwhm_percent)], at_most=1, unit=" %", note=cells
    )
    for name, label in (("mtf_half_nyquist", "MTF(0.25)"), ("mtf_nyquist", "MTF(0.5)")):
        yield Figure(f"{label}, |bias|", [worst(clean[f"{name}_error"])], at_most=0.007, note=cells)
        large = clean[clean[f"{name}_truth"] > 0.05]
        yield Figure(
            f"{label}, |bias| where it exceeds 0.05",
            [worst(large[f"{name}_percent"])],
            at_most=10,
            unit=" %",
            note=f"worst of {len(large)} cells",
        )
    for name in ("rer", "fwhm"):
        bias = worst(noisy[f"{name}_percent"])
        yield Figure(
            f"{name.upper()}, |bias|, SNR 50", [bias], at_most=1.5, unit=" %", note=f"{len(noisy)} cells"
        )


def _image_figures(rows: pd.DataFrame) -> Iterator[Figure]:
    note = f"of {len(rows)} images of exact Gaussian edges"
    failed = rows[["rer", "fwhm", "mtf_half_nyquist", "mtf_nyquist"]].isna().any(axis=1)
    yield Figure("images without a result", [float(failed.sum())], at_most=0, note=note)
    beyond = pd.Series(False, index=rows.index)
    for name, bar in (("rer", 0.7), ("fwhm", 1.0)):
        percent = np.where(rows.snr == 50, 1.5, bar)
        beyond |= rows[f"{name}_error"].abs() > percent / 100 * rows[f"{name}_truth"] + _half_interval(
            rows, name
        )
    for name in ("mtf_half_nyquist", "mtf_nyquist"):
        beyond |= rows[f"{name}_error"].abs() > 0.007 + _half_interval(rows, name)
    yield Figure("images beyond the bar and their own interval", [float(beyond.sum())], at_most=0, note=note)


def _half_interval(rows: pd.DataFrame, name: str) -> pd.Series:
    return (rows[f"{name}_high"] - rows[f"{name}_low"]) / 2


def _bias_table(rows: pd.DataFrame) -> Table:
    lines = []
    for (sigma, snr), part in rows.groupby(["sigma", "snr"]):
        errors = [part.rer_percent, part.fwhm_percent, part.mtf_half_nyquist_error, part.mtf_nyquist_error]
        cells = [cell for error in errors for cell in (error.mean(), worst(error))]
        noise = "none" if math.isinf(snr) else f"{snr:g}"
        lines.append([sigma, noise, len(part), int(part.rer.isna().sum()), *cells])
    return Table(
        "sharpness-gaussians",
        "Sharpness of exact Gaussian edges: mean error, and that of the worst image",
        ["sigma px", "edge SNR", "images", "failed", "RER %", "worst", "FWHM %", "worst", "MTF(0.25)",
         "worst", "MTF(0.5)", "worst"],
        lines,
        f"256x256, stripes of {PLATEAU} px at {rows.angle.nunique()} angles, 8 and 16 bit, both signs. "
        "Truth: along the normal, the pixel's box included.",
    )  # fmt: skip


def spread(quick: bool) -> Iterator[Figure | Table]:
    """Spread of the pooled values over repetitions, against the Cramer-Rao floor of as many windows."""
    places = [(sigma, angle) for sigma in (0.5, 1.0, 2.0) for angle in ((5,) if quick else (5, 35))]
    repeats = 8 if quick else 24
    rows = with_errors(in_parallel(_repeated, [(*place, n) for place in places for n in range(repeats)]))
    lines = []
    for (sigma, angle), part in rows.groupby(["sigma", "angle"]):
        floor = pooled_floor(part["count"].mean(), Gaussian(sigma), math.radians(angle), 50, *WINDOW)
        ratios = part.rer_percent.std() / floor.rer / 100, part.fwhm_percent.std() / floor.fwhm / 100
        lines.append(
            [sigma, angle, part["count"].mean(), 100 * floor.rer, ratios[0], 100 * floor.fwhm, ratios[1]]
        )
    note = f"root mean square over {len(places)} scenes of {repeats} repetitions"
    for name, column in (("RER", 4), ("FWHM", 6)):
        value = float(np.sqrt(np.mean([line[column] ** 2 for line in lines])))
        yield Figure(f"{name}, pooled spread over the Cramer-Rao floor", [value], at_most=1.5, note=note)
    yield Table(
        "sharpness-spread",
        "Spread over repetitions at edge SNR 50, as a ratio to the Cramer-Rao floor",
        ["sigma px", "angle", "edges", "floor of RER %", "RER ratio", "floor of FWHM %", "FWHM ratio"],
        lines,
        f"Floor: as many windows of {WINDOW[0]}x{WINDOW[1]} pixels sharing a Gaussian of unknown width, "
        "with level, contrast, position and angle of each unknown.",
    )


def _repeated(sigma: float, degrees: float, number: int) -> dict[str, Any]:
    theta, psf = math.radians(degrees), Gaussian(sigma)
    rng = np.random.default_rng([7, number, round(10 * sigma), degrees])
    image = edge_image(
        psf, theta, 6000.0, middle=20000.0, plateau=PLATEAU, depth="uint16", snr=50, rng=rng, size=192
    )
    return {"sigma": sigma, "angle": degrees} | measure(image, psf, theta)
