"""Whether `snr` is right: on scenes of known noise, on textures, on photographs with known added noise."""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from pairs import Figure
from scenes import noise
from tables import Table
from trials.snr_speed import speed as speed

METHODS = ("dct", "hb", "ha")
PLAIN_CASES = (
    *((8, sigma, 0.0) for sigma in (1.0, 2.0, 5.0, 10.0)),
    *((8, sigma, 0.1) for sigma in (1.0, 3.0)),
    *((16, sigma, 0.0) for sigma in (1.0, 20.0, 200.0)),
    *((16, sigma, 5.0) for sigma in (10.0, 200.0)),
)
TEXTURE_SIGMAS = (1.0, 2.0, 3.0, 5.0, 10.0)
POWERS = (1.5, 1.8, 2.15, 2.3, 2.5, 3.0, 3.5)
ADDED = (2.0, 5.0, 10.0)
COCO = Path(__file__).resolve().parents[3] / "shared" / "data" / "coco10" / "images"
PUBLISHED = (35.55032353607093, 28.91166092794036, 21.353973062148025)


def trial(quick: bool) -> Iterator[Figure | Table]:
    """Bias, spread, coverage; then the published methods."""
    covered: list[bool] = []
    for kind in noise.PLAIN:
        yield from _plain(kind, 2 if quick else 10, covered)
    yield from _texture(2 if quick else 10, covered)
    note = f"{len(covered)} synthetic images: flat, ramp, two-level, polygon and texture"
    share = 100 * statistics.fmean(covered)
    yield Figure("snr, 95 % interval covers the truth", [share], at_least=90, unit=" %", note=note)
    yield Figure("snr, 95 % interval, not too wide", [share], at_most=99, unit=" %", note="the same share")
    yield from _exponents(2 if quick else 10)
    yield from _photographs(1 if quick else 3)
    yield from _published()


def _plain(kind: str, seeds: int, covered: list[bool]) -> Iterator[Figure | Table]:
    """Bias of every case of one kind of scene; held to its bar divided by it."""
    rows, shares = [], []
    for bits, sigma, gain in PLAIN_CASES:
        errors = {
            method: _errors(kind, method, seeds, bits=bits, sigma=sigma, gain=gain) for method in METHODS
        }
        covered += [inside for _, inside in errors["dct"]]
        percent = [error for error, _ in errors["dct"]]
        shares.append(_worst([statistics.fmean(percent)]) / (3.0 if sigma == 1 else 2.0))
        others = [statistics.fmean(error for error, _ in errors[method]) for method in METHODS[1:]]
        failed = sum(map(math.isnan, percent))
        rows.append([bits, sigma, gain, statistics.fmean(percent), _worst(percent), failed, *others])
    note = f"{len(rows)} cases of {seeds} images, 8 and 16 bit; bar 2 %, 3 % at sigma 1 DN"
    yield Figure(f"snr, {kind}: largest |bias| over its bar", [_worst(shares)], at_most=1, note=note)
    heads = ["bits", "sigma", "gain", "dct bias %", "worst image %", "failed", "hb bias %", "ha bias %"]
    said = "Sigma in DN before rounding, gain in DN per electron; 512x512. A dash: no result on some image."
    yield Table(f"snr-{kind}", f"SNR of {kind} scenes: error in percent of the truth", heads, rows, said)


def _texture(seeds: int, covered: list[bool]) -> Iterator[Figure | Table]:
    rows, biases = [], []
    for sigma in TEXTURE_SIGMAS:
        errors = {method: _errors("texture", method, seeds, sigma=sigma, size=1024) for method in METHODS}
        covered += [inside for _, inside in errors["dct"]]
        percent = [error for error, _ in errors["dct"]]
        biases.append(statistics.fmean(percent))
        others = [statistics.fmean(error for error, _ in errors[method]) for method in METHODS[1:]]
        rows.append([sigma, biases[-1], statistics.stdev(percent), _worst(percent), *others])
    note = f"sigma 1 to 10 DN, {seeds} images of 1024x1024 each, standard deviation of the texture 10 DN"
    yield Figure("snr, 1/f^2 texture: largest |bias|", [_worst(biases)], at_most=4, unit=" %", note=note)
    heads = ["sigma", "dct bias %", "spread %", "worst image %", "hb bias %", "ha bias %"]
    yield Table("snr-texture", "SNR of 1/f^2-power texture: error in percent of the truth", heads, rows, note)


def _exponents(seeds: int) -> Iterator[Table]:
    """Textures that are not the one the method expects first: reported, not barred."""
    rows = []
    for power in POWERS:
        row: list[str | float] = [power]
        covered: list[bool] = []
        for sigma in ADDED:
            errors = _errors("texture", "dct", seeds, sigma=sigma, size=1024, power=power)
            percent = [error for error, _ in errors]
            covered += [inside for _, inside in errors]
            row += [statistics.fmean(percent), _worst(percent)]
        rows.append([*row, 100 * statistics.fmean(covered)])
    heads = [f"{what} {sigma:g}" for sigma in ADDED for what in ("bias % at", "worst % at")]
    note = f"Standard deviation 10 DN, {seeds} images of 1024x1024 each; sigma in DN. Not barred."
    title = "SNR (dct) of textures whose power falls as 1/f^power"
    yield Table("snr-exponents", title, ["power", *heads, "covered %"], rows, note)


def _errors(kind: str, method: str, seeds: int, **case: float) -> list[tuple[float, bool]]:
    """Error in percent of the truth, and whether the interval holds it, of each image."""
    from iqf_metrics_snr import snr

    found = []
    for seed in range(seeds):
        scene = _scene(kind, seed, tuple(case.items()))
        result = snr(scene.pixels, method=method)
        low, high = result.interval
        found.append((100 * (result.snr / scene.snr - 1), low <= scene.snr <= high))
    return found


@functools.lru_cache(maxsize=16)
def _scene(kind: str, seed: int, case: tuple[tuple[str, float], ...]) -> noise.Scene:
    return noise.scene(kind, seed=seed, **dict(case))


def _photographs(seeds: int) -> Iterator[Figure | Table]:
    """Share of the added variance that is found: measured after, less measured before."""
    rows = {}
    for name in (*noise.PHOTOGRAPHS, *noise.JPEGS):
        rows[name] = [_recovered(name, method, sigma, seeds) for method in METHODS for sigma in ADDED]
    for sigma in ADDED[1:]:
        shares = {name: rows[name][ADDED.index(sigma)] for name in noise.PHOTOGRAPHS}
        good = [name for name, share in shares.items() if abs(share - 1) <= 0.15]
        missed = ", ".join(name for name in shares if name not in good) or "none"
        note = f"within 15 %, of {len(shares)} pictures; outside: {missed}"
        yield Figure(f"snr, added noise of {sigma:g} DN recovered", [len(good)], at_least=8, note=note)
    heads = ["picture", *(f"{method} {sigma:g}" for method in METHODS for sigma in ADDED)]
    yield Table(
        "snr-photographs",
        "Added variance recovered, as a share of it, by method and sigma in DN",
        heads,
        [[name, *shares] for name, shares in rows.items()],
        f"8 bit, rounded and clipped; of {seeds} realisations the one that is furthest off. The last two have"
        " been through JPEG.",
    )


def _recovered(name: str, method: str, sigma: float, seeds: int) -> float:
    from iqf_metrics_snr import snr

    before = snr(noise.photograph(name).astype(np.uint8), method=method).sigma ** 2
    after = [
        snr(noise.noisy_photograph(name, sigma=sigma, seed=seed), method=method) for seed in range(seeds)
    ]
    shares = [(result.sigma**2 - before) / (sigma**2 + 1 / 12) for result in after]
    return max(shares, key=lambda share: math.inf if math.isnan(share) else abs(share - 1))


def _published() -> Iterator[Figure]:
    """Published HB: its numbers on ten COCO pictures where those are, and its theoretical bias anyway."""
    from iqf_metrics_snr import snr

    scenes = [noise.scene("flat", seed=seed, sigma=10.0, size=1024) for seed in range(5)]
    bias = [100 * (snr(scene.pixels, method="hb", published=True).snr / scene.snr - 1) for scene in scenes]
    off = abs(statistics.fmean(bias) - 6.7)
    note = f"{statistics.fmean(bias):+.2f} % on flat fields"
    yield Figure("snr, published hb against its theory, +6.7 %", [off], at_most=0.3, unit=" %", note=note)
    pictures = noise.coco_pictures(COCO)
    if pictures:
        values = np.array([snr(picture, method="hb", published=True).snr for picture in pictures])
        seen = (values.mean(), np.median(values), values.std())
        off = max(abs(one - other) for one, other in zip(seen, PUBLISHED, strict=True))
        yield Figure(
            "snr, published hb on COCO, largest difference", [off], at_most=1e-9, note="ten pictures"
        )


def _worst(values: Sequence[float]) -> float:
    """Largest modulus; infinite where one is missing."""
    return max(math.inf if math.isnan(value) else abs(value) for value in values)
