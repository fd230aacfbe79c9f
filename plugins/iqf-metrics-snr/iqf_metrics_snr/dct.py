"""Noise in the high frequencies of blocks, texture told from it by the shape of its spectrum: the default.

Blocks of 8x8 are sorted by level and, within a level, by the energy of their lowest coefficients, as
Ponomarenko et al. (2007) do. Each group's mean spectrum is then divided into white noise and texture
(`iqf_metrics_snr.texture`) by maximum likelihood, which for spectra is Whittle's; Uss et al. (2013) let a
fractal texture and the noise compete in this way. The noise of all groups makes the model sigma^2 = a + b L.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from iqf_metrics_snr.line import Line, Values, fit, off_rails
from iqf_metrics_snr.noise_model import NoiseModel
from iqf_metrics_snr.samples import Array, Samples, Unmeasurable
from iqf_metrics_snr.texture import SHAPES, SIDE, dct, gather, multiplicity, templates

LIMIT = 2**17
"""Blocks looked at: 8.4 million samples, spread over the image; more would not narrow the interval."""
LEAST = 16
LEVELS, PER_LEVEL = 8, 100
FEW = 12
CLASSES = (0.2, 0.6)
"""Shares at which the blocks of a level are divided by texture."""
DISTRUST = 0.3
"""Standard error of a group's noise, as a share of the texture in it: how well the shapes fit real scenes."""
PRIOR = 1.5
"""Weight of the log penalty that holds the texture's shape at the natural one until the image objects."""
SYSTEMATIC = 0.002
"""Bias of SNR on scenes of known noise without texture (docs/accuracy.md)."""
UNLIKE = 0.03
"""The same for texture, times the square root of its share: what exponents between those of `SHAPES` cost."""


@dataclass(frozen=True)
class Groups:
    """Mean spectra of blocks alike in level and texture.

    Parameters
    ----------
    level, count : ndarray, shape (groups,)
        Mean level in DN, number of blocks.
    power : ndarray, shape (groups, pairs)
        Mean square of each pair of coefficients, DN^2.
    """

    level: Values
    count: Values
    power: Values

    @property
    def total(self) -> Values:
        """Mean power of noise and texture, DN^2."""
        return np.asarray(np.average(self.power, axis=1, weights=multiplicity()))


def estimate(samples: Samples) -> tuple[NoiseModel, int]:
    """Measure the noise model of a band.

    Returns
    -------
    model : NoiseModel
        Noise against level.
    blocks : int
        Blocks used.

    Raises
    ------
    Unmeasurable
        With the reason.
    """
    level, spectrum = _spectra(samples)
    groups = _grouped(level, spectrum)
    line, share = _divided(groups, _shape(groups))
    if samples.clips:
        kept = off_rails(samples, level, line(level), LEAST)
        if not kept.all():
            groups = _grouped(level[kept], spectrum[kept])
            line, share = _divided(groups, _shape(groups))
    return line.model(samples, groups.level, SYSTEMATIC + UNLIKE * share**0.5), int(groups.count.sum())


def _spectra(samples: Samples) -> tuple[Array, Array]:
    """Level of each block that is not of one colour, and mean squares of its coefficients."""
    levels, spectra = [np.empty(0, np.float32)], [np.empty((0, 1 + len(multiplicity())), np.float32)]
    seen = 0
    for block in samples.blocks(SIDE, LIMIT):
        seen += len(block)
        first = block[:, :1].copy()
        block -= first  # exact, so that a block of one colour is one of zeros
        spectrum = np.square(block @ dct()) @ gather()
        noisy = np.einsum("ij->i", spectrum) > 0
        levels.append((block.mean(axis=1) + first[:, 0])[noisy])
        spectra.append(spectrum[noisy])
    level, spectrum = np.concatenate(levels), np.concatenate(spectra)
    if len(level) < LEAST:
        raise Unmeasurable(_too_few(samples, seen, len(level)))
    return level, spectrum


def _too_few(samples: Samples, seen: int, noisy: int) -> str:
    whole = (samples.plane.shape[0] // SIDE) * (samples.plane.shape[1] // SIDE)
    if whole < LEAST:
        return f"{whole} whole blocks of {SIDE}x{SIDE} samples, {LEAST} are needed: give a larger image"
    if seen < LEAST:
        return (
            f"{seen} of {whole} blocks of {SIDE}x{SIDE} are free of nodata and of clipped samples, {LEAST}"
            " are needed: give a larger image, or method='hb', which has smaller blocks"
        )
    if not noisy:
        return "no noise: every block is constant"
    return f"no noise: all but {noisy} of {seen} blocks are constant, {LEAST} others are needed"


def _grouped(level: Array, spectrum: Array) -> Groups:
    """Sort blocks into levels and, within each, into classes of texture."""
    levels = int(np.clip(len(level) // PER_LEVEL, 1, LEVELS))
    of = _class(level, np.arange(1, levels) / levels)
    code = np.empty(len(level), np.uint8)
    for number in range(levels):
        inside = np.flatnonzero(of == number)
        code[inside] = number * (len(CLASSES) + 1) + _class(spectrum[inside, 0], np.array(CLASSES))
    order = np.argsort(code, kind="stable")
    starts = np.flatnonzero(np.diff(code[order], prepend=255))
    count = np.diff(starts, append=len(level)).astype(np.float64)
    power = np.add.reduceat(spectrum[order, 1:], starts, axis=0, dtype=np.float64) / count[:, None]
    return Groups(np.add.reduceat(level[order], starts, dtype=np.float64) / count, count, power)


def _class(values: Array, shares: Values) -> npt.NDArray[np.intp]:
    """Number of the class of each value, between quantiles."""
    if not (len(values) and len(shares)):
        return np.zeros(len(values), np.intp)
    few = values[:: max(1, len(values) // 4096)]  # the bounds need not be exact
    return np.searchsorted(np.quantile(few, shares).astype(values.dtype), values, side="right")


def _shape(groups: Groups) -> Values:
    """Template of the texture: the likeliest of all shapes, for the whole band."""
    template, power = templates()[:, None, :], groups.power[None]
    model = np.broadcast_to(groups.total[:, None] + 1e-9, (len(SHAPES), *groups.power.shape))
    for _ in range(8):
        noise, texture = _solved(power, template, model)[:2]
        noise = np.maximum(noise, 1e-6)
        model = noise[..., None] + np.maximum(texture, 0)[..., None] * template
    misfit = (np.log(model) + power / model) @ multiplicity() @ groups.count / 2
    exponent, blur = np.array(SHAPES).T
    unnatural = np.log1p((20 * (exponent - 2)) ** 2) + np.log1p((10 * blur) ** 2)
    return np.asarray(templates()[int(np.argmin(misfit + PRIOR * unnatural))])


def _divided(groups: Groups, template: Values) -> tuple[Line, float]:
    """Divide each group's power into noise and texture; return the line of the noise, and texture's share.

    Each pass weighs the coefficients by what the line and the texture of the pass before predict, not by
    what was seen: the estimate stays linear in the powers, so unbiased, and may be negative in a group.
    """
    total = groups.total
    model = np.broadcast_to(total[:, None] + 1e-9, groups.power.shape)
    predicted = np.full(total.shape, np.median(total))
    for _ in range(6):
        noise, texture, inverse = _solved(groups.power, template, model)
        doubt = DISTRUST * np.maximum(total - predicted, 0)
        chance = 2 * inverse / groups.count + 1e-18
        error = chance + doubt**2
        sloped = bool(groups.count.sum() >= 2 * PER_LEVEL)
        many = chance if len(noise) > FEW else None  # the scatter of a few groups is itself chance
        line = fit(groups.level, noise, error, chance=many, slope=sloped)
        predicted = line(groups.level)
        model = np.maximum(predicted, 1e-6)[:, None] + np.maximum(texture, 0)[:, None] * template
        model = model * (total / np.average(model, axis=1, weights=multiplicity()))[:, None]
        model = np.maximum(model, 1e-3 * total[:, None]) + 1e-9
    share = float((np.maximum(total - predicted, 0) / error).sum() / (total / error).sum())
    return line, share


def _solved(power: Any, template: Any, model: Any) -> tuple[Values, Values, Values]:
    """Weighted least squares of ``power = noise + texture * template`` along the last axis.

    Weights are 1 / model^2, as the variance of a mean square is twice its square over the count. Returns
    both parts, and the first diagonal element of the inverse of the normal matrix.
    """
    weight = multiplicity() / model**2
    sloped = weight * template
    w, wt, wtt = weight.sum(-1), sloped.sum(-1), (sloped * template).sum(-1)
    p, pt = (weight * power).sum(-1), (sloped * power).sum(-1)
    determinant = w * wtt - wt**2
    return (wtt * p - wt * pt) / determinant, (w * pt - wt * p) / determinant, wtt / determinant
