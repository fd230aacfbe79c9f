"""How many edges are accepted, where there are any and where there are none; hard images; repeats."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from pairs import Figure
from scenes.edges import noise_image, texture_image
from scenes.pictures import aerial
from scenes.polygons import polygon_image
from tables import Table
from trials.measured import in_parallel

VALUES = ("rer", "fwhm", "mtf_half_nyquist", "mtf_nyquist", "mtf50", "edge_snr", "overshoot")
DIRECTIONS = ("x", "y", "other", "combined")


def yields(quick: bool) -> Iterator[Figure | Table]:
    """Accepted edges on the aerial photograph, on noise and texture, and on polygons of any blur."""
    yield from _aerial()
    yield from _nothing(2 if quick else 8)
    yield from _polygons(2 if quick else 6)


def _aerial() -> Iterator[Figure | Table]:
    from iqf_metrics_sharpness import sharpness

    photograph = aerial()
    if photograph is None:
        yield Figure(
            "aerial1: edges accepted per band", [0.0], at_least=40, note="../shared/data is not there"
        )
        return
    bands = sharpness(photograph).bands
    counts = [band.combined.count for band in bands]
    yield Figure(
        "aerial1: edges accepted per band", [float(min(counts))], at_least=40, note=f"fewest of {counts}"
    )
    shared = sum(_shared_pixels(band.edges) for band in bands)
    yield Figure("aerial1: pixels used by two edges", [float(shared)], at_most=0, note="over all bands")
    lines = []
    for number, band in enumerate(bands):
        for name in DIRECTIONS:
            found = getattr(band, name)
            cells = [
                cell
                for value in (found.rer, found.fwhm)
                for cell in (value.value, value.median, value.spread)
            ]
            lines.append([number, name, found.count, *cells])
    yield Table(
        "sharpness-aerial",
        "What is accepted on a real aerial photograph (aerial1, 1024x1024)",
        ["band", "direction", "edges", "RER", "median", "spread", "FWHM px", "median", "spread"],
        lines,
        "Spread: standard deviation over the accepted edges, each by itself.",
    )


def _shared_pixels(edges: Any) -> int:
    flat, number = edges.pixels()
    once = np.unique(np.stack([flat, number]), axis=1)[0]  # an edge may name a pixel of its own twice
    return len(once) - len(np.unique(once))


def _nothing(scenes: int) -> Iterator[Figure]:
    for label, make in (("pure noise", noise_image), ("1/f texture", texture_image)):
        rows = in_parallel(
            _count_nothing, [(make, depth, n) for depth in ("uint8", "uint16") for n in range(scenes)]
        )
        note = f"in {len(rows)} images of 512x512, 8 and 16 bit"
        yield Figure(f"{label}: edges accepted", [float(rows["count"].sum())], at_most=0, note=note)


def _count_nothing(make: Any, depth: str, number: int) -> dict[str, Any]:
    from iqf_metrics_sharpness import sharpness

    scale = 1 if depth == "uint8" else 40
    spread = {"sigma": 10.0 * scale} if make is noise_image else {"std": 30.0 * scale}
    image = make(np.random.default_rng([11, number]), level=128.0 * scale, depth=depth, **spread)
    return {"count": sharpness(image).bands[0].combined.count}


def _polygons(scenes: int) -> Iterator[Figure | Table]:
    sigmas = (0.6, 1.0, 1.5, 2.0)
    rows = in_parallel(_polygon, [(sigma, number) for sigma in sigmas for number in range(scenes)])
    counts = rows.groupby("sigma")["count"].mean()
    ratio = float(counts[2.0] / counts[0.6]) if counts[0.6] else math.nan
    note = f"{counts[2.0]:.0f} against {counts[0.6]:.0f} edges, mean of {scenes} scenes"
    yield Figure("polygons: edges at sigma 2.0 over those at 0.6", [ratio], at_least=0.5, note=note)
    lines = [[sigma, *rows[rows.sigma == sigma].mean(numeric_only=True)[1:]] for sigma in sigmas]
    yield Table(
        "sharpness-polygons",
        "Polygons at edge SNR 50: accepted edges and their spread",
        [
            "sigma px",
            "edges",
            "RER error %",
            "RER spread of edges %",
            "FWHM error %",
            "FWHM spread of edges %",
        ],
        lines,
        "Truth taken along 0 degrees (directions differ by 0.6 % at most). "
        "Corners and low contrasts are part of it.",
    )


def _polygon(sigma: float, number: int) -> dict[str, Any]:
    from scenes.edges import Gaussian

    from iqf_metrics_sharpness import sharpness

    image = polygon_image(sigma, np.random.default_rng([13, number]), snr=50)
    found, truth = sharpness(image).bands[0].combined, Gaussian(sigma).truth(0.0)
    row: dict[str, Any] = {"sigma": sigma, "count": found.count}
    for name in ("rer", "fwhm"):
        estimate, true = getattr(found, name), getattr(truth, name)
        row[name] = 100 * (estimate.value / true - 1)
        row[f"{name}_spread"] = 100 * estimate.spread / true
    return row


def repeats(quick: bool) -> Iterator[Figure]:
    """The same bits every time, whatever the threads; the same edges whatever the tiles."""
    import cv2

    from iqf_metrics_sharpness import sharpness

    image = polygon_image(0.8, np.random.default_rng(17), snr=60, size=512 if quick else 1024)
    threads = cv2.getNumThreads()
    first = _numbers(sharpness(image))
    cv2.setNumThreads(1)
    again = [_numbers(sharpness(image)) for _ in range(2)]
    cv2.setNumThreads(threads)
    differing = sum(not np.array_equal(first, other, equal_nan=True) for other in again)
    note = f"of {len(again)} repetitions, {len(first)} numbers each, one thread and all"
    yield Figure("repetitions that are not bit-identical", [float(differing)], at_most=0, note=note)
    tiled = [_places(sharpness(image, tile=side)) for side in (256, 300, 4096)]
    differing = max(len(tiled[0] ^ other) for other in tiled[1:])
    note = f"of {len(tiled[0])} edges, with tiles of 256, 300 and 4096 px"
    yield Figure("edges that depend on the size of the tiles", [float(differing)], at_most=0, note=note)


def _places(result: Any) -> set[tuple[float, float]]:
    edges = result.bands[0].edges
    return set(zip(np.round(edges.row, 6).tolist(), np.round(edges.column, 6).tolist(), strict=True))


def _numbers(result: Any) -> np.ndarray:
    """Every number of a result, in a fixed order."""
    numbers: list[np.ndarray] = []
    for band in result.bands:
        for direction in (getattr(band, name) for name in DIRECTIONS):
            for estimate in (getattr(direction, name) for name in VALUES):
                numbers.append(np.array([estimate.value, estimate.low, estimate.high]))
            if direction.curve is not None:
                numbers += [direction.curve.mtf, direction.response.edge]
        numbers += [getattr(band.edges, name) for name in ("row", "column", "angle", "rer", "fwhm")]
    return np.concatenate(numbers)


def hard(quick: bool) -> Iterator[Figure]:
    """All nodata, one flat colour: NaN with a reason, and nothing else."""
    from iqf_metrics_sharpness import sharpness

    faults: list[str] = []
    images = {
        "all nodata": (np.zeros((300, 300, 2), np.uint8), 0),
        "one flat colour": (np.full((300, 300), 7, np.uint16), None),
    }
    for label, (image, nodata) in images.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                bands = sharpness(image, nodata=nodata).bands
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the fault that is counted
            faults.append(f"{label}: {error!r}")
            continue
        for direction in (getattr(band, name) for band in bands for name in DIRECTIONS):
            numbers = [getattr(direction, name).value for name in VALUES]
            if not np.all(np.isnan(numbers)) or not direction.reason or direction.count:
                faults.append(f"{label}: {numbers}, reason {direction.reason!r}")
    note = "; ".join(faults[:2]) or "all nodata, one flat colour: NaN with the reason, no warning"
    yield Figure("hard images: faults", [float(len(faults))], at_most=0, note=note)
