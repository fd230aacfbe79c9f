"""Whether the 95 % intervals cover the truth as often as they say, and how wide they are for that."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from pairs import Figure
from scenes.edges import Disc, Gaussian, PointSpread, Sharpened, TwoGaussians, edge_image
from scenes.floor import pooled_floor
from tables import Table
from trials.measured import in_parallel, measure, with_errors

# Point spread, angle in degrees, edge SNR; each of them small (few edges) and large (many).
KINDS: list[tuple[PointSpread, float, float]] = [
    (Gaussian(0.5), 6, 60),
    (Gaussian(0.8), 96, 30),
    (Gaussian(1.2), 33, 60),
    (Gaussian(1.8), 12, 100),
    (Disc(1.5), 82, 60),
    (TwoGaussians(), 40, 60),
    (Sharpened(), 171, 100),
]
SIZES = {"few": (64, "single"), "many": (256, "stripes")}
NAMES = {"rer": "RER", "fwhm": "FWHM", "mtf_half_nyquist": "MTF(0.25)"}
WINDOW = (7, 13)


def intervals(quick: bool) -> Iterator[Figure | Table]:
    """Coverage and width over synthetic images whose noise and position are random."""
    repeats = 6 if quick else 36
    tasks = [(kind, size, n) for kind in range(len(KINDS)) for size in SIZES for n in range(repeats)]
    rows = with_errors(in_parallel(_image, tasks))
    lines, widths, ideals = [], {name: [] for name in NAMES}, {name: [] for name in NAMES}
    for (kind, _), part in rows.groupby(["kind", "size"], sort=False):
        psf, angle, snr = KINDS[kind]
        line: list[Any] = [repr(psf), angle, snr, part["count"].mean()]
        for name in NAMES:
            width = (part[f"{name}_high"] - part[f"{name}_low"]).mean()
            ideal = 2 * 1.96 * math.sqrt((part[f"{name}_error"] ** 2).mean())
            widths[name].append(width)
            ideals[name].append(ideal)
            line += [100 * _covered(part, name).mean(), width / ideal]
        line.append(_over_floor(part, psf, angle, snr))
        lines.append(line)
    for name, label in NAMES.items():
        for size in SIZES:
            chosen = rows[rows["size"] == size]
            share = 100 * _covered(chosen, name).mean()
            note = f"{len(chosen)} images of {chosen['count'].min()} to {chosen['count'].max()} edges"
            yield Figure(f"{label}, {size} edges: truth covered", [share], at_least=90, unit=" %", note=note)
        share = 100 * _covered(rows, name).mean()
        note = f"all {len(rows)} images, few edges and many"
        yield Figure(f"{label}: truth covered, not always", [share], at_most=99, unit=" %", note=note)
        ratio = float(np.sum(widths[name]) / np.sum(ideals[name]))
        note = "ideal: 2 x 1.96 root mean square errors of repeated images"
        yield Figure(f"{label}: mean width over the ideal one", [ratio], at_most=2, note=note)
    yield Table(
        "sharpness-intervals",
        "95 % intervals: share that covers the truth, and width over the ideal",
        ["point spread", "angle", "edge SNR", "edges", "RER %", "width", "FWHM %", "width", "MTF(0.25) %",
         "width", "RER width over the floor"],
        lines,
        f"{len(rows)} images of 16 bit with random noise and position. Ideal width: 2 x 1.96 times the root "
        "mean square error about the truth over the repetitions of a row. "
        "Floor: 2 x 1.96 times the pooled Cramer-Rao bound.",
    )  # fmt: skip


def _covered(rows: Any, name: str) -> Any:
    truth = rows[f"{name}_truth"]
    return (rows[f"{name}_low"] <= truth) & (truth <= rows[f"{name}_high"])


def _over_floor(part: Any, psf: PointSpread, angle: float, snr: float) -> float:
    if not isinstance(psf, Gaussian):
        return math.nan
    floor = (
        pooled_floor(part["count"].mean(), psf, math.radians(angle), snr, *WINDOW).rer * part.rer_truth.mean()
    )
    return float((part.rer_high - part.rer_low).mean() / (2 * 1.96 * floor))


def _image(kind: int, size: str, number: int) -> dict[str, Any]:
    psf, degrees, snr = KINDS[kind]
    side, pattern = SIZES[size]
    theta, rng = math.radians(degrees), np.random.default_rng([19, kind, side, number])
    sign = 1 if number % 2 else -1
    image = edge_image(
        psf,
        theta,
        sign * 4000.0,
        middle=9000.0,
        size=side,
        pattern=pattern,
        plateau=24.3,
        depth="uint16",
        snr=snr,
        rng=rng,
    )
    return {"kind": kind, "size": size} | measure(image, psf, theta)
