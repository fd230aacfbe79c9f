"""Known kernels on real pictures: what they do to the measured MTF, and that more blur means a lower RER."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from pairs import Figure
from scenes.pictures import blurred_picture, disc_kernel, gaussian_kernel, kernel_transfer, real_pictures
from tables import Table
from trials.measured import in_parallel, worst

KERNELS = {
    "sigma 0.5": gaussian_kernel(0.5),
    "sigma 1": gaussian_kernel(1.0),
    "sigma 1.5": gaussian_kernel(1.5),
    "disc 1.5": disc_kernel(1.5),
}
RISING = ("sigma 0.5", "sigma 1", "sigma 1.5")
FREQUENCIES = (0.1, 0.2)  # cycles/px
WINDOW = 17  # px: longer plateaus than by default, as blur carries into a window what lies beside it
ENOUGH, LOWEST = 10, 0.2  # edges, and MTF before, from which a picture has a say
BEFORE = [f"MTF({frequency})" for frequency in FREQUENCIES]


def blurs(quick: bool) -> Iterator[Figure | Table]:
    """MTF after over MTF before on the same edges, against the kernel's own transfer."""
    pictures = list(real_pictures())[:: 4 if quick else 1]
    rows = in_parallel(_picture, pictures)
    rows["said"] = [_unsaid(row) for _, row in rows.iterrows()]
    seen = rows[rows.said == ""]
    left_out = ", ".join(rows.picture[rows.said != ""]) or "none"
    note = (
        f"worst of {len(seen)} pictures, {len(KERNELS)} kernels, {FREQUENCIES} cycles/px; no say: {left_out}"
    )
    columns = [f"{name} at {frequency}" for name in KERNELS for frequency in FREQUENCIES]
    errors = seen[columns].stack() if len(seen) else rows.rer
    yield Figure("blur added: MTF after over before, error", [worst(errors)], at_most=0.03, note=note)
    yield Figure("blur added: pictures with a say", [float(len(seen))], at_least=1 if quick else 5)
    measured = rows[rows["count"] > 0]
    for column, label, start in (
        ("same", "on the same edges", "as it is, then "),
        ("anew", "searched anew", "from the first half pixel on: "),
    ):
        risen = float((~measured[column].astype(bool)).sum()) if len(measured) else float("inf")
        note = f"of {len(measured)} pictures: {start}sigma 0.5, 1, 1.5"
        yield Figure(f"RER does not fall with blur, {label}", [risen], at_most=0, note=note)
    lines = [
        [row.picture, row["count"], row.rer, row.mtf, *row[columns], row.said or "yes"]
        for _, row in rows.iterrows()
    ]
    yield Table(
        "sharpness-blur",
        "Blur added to real pictures: error of MTF after over MTF before, on the same edges",
        ["picture", "edges", "RER", "MTF(0.2)", *columns, "held to the bar"],
        lines,
        "Against the kernel's exact discrete transfer in the directions of the edges; 8 bit, rounded again. "
        f"Windows of {WINDOW} px. A quotient of two MTFs says nothing where the lower is near 0, or where "
        "few edges stand for the picture.",
    )


def _unsaid(row: Any) -> str:
    """Why a picture has no say in the quotient; empty where it has."""
    if row["count"] < ENOUGH:
        return f"fewer than {ENOUGH} edges"
    return "" if row.mtf >= LOWEST else f"MTF(0.2) before is below {LOWEST}"


def _picture(name: str, picture: np.ndarray) -> dict[str, Any]:
    from iqf_metrics_sharpness import sharpness

    before = sharpness(picture, window=WINDOW).bands[0]
    row: dict[str, Any] = {"picture": name, "count": before.combined.count, "rer": before.combined.rer.value}
    if not before.combined.count:
        return row
    row["mtf"] = _at(before.combined, max(FREQUENCIES))
    same, anew = [before.combined.rer.value], []
    angles = before.edges.angle[before.edges.measured]
    for label, kernel in KERNELS.items():
        blurred = blurred_picture(picture, kernel)
        after = sharpness(blurred, at=before.edges).bands[0].combined
        for frequency in FREQUENCIES:
            true = float(kernel_transfer(kernel, angles, frequency).mean())
            row[f"{label} at {frequency}"] = _at(after, frequency) / _at(before.combined, frequency) - true
        if label in RISING:
            same.append(after.rer.value)
            anew.append(sharpness(blurred).bands[0].combined.rer.value)
    return row | {"same": bool(np.all(np.diff(same) < 0)), "anew": bool(np.all(np.diff(anew) < 0))}


def _at(direction: Any, frequency: float) -> float:
    return float(np.interp(frequency, direction.curve.frequency, direction.curve.mtf))
