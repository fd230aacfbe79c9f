"""A straight blurred step fitted to each window, all at once.

The step is a Gaussian's integral. It serves to find the line of the edge, to which its shape matters little
because a symmetric error moves no position, and to decide what is an edge. The edge response does not come
from it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from iqf_metrics_sharpness.options import EdgeOptions
from iqf_metrics_sharpness.windows import Bools, Floats, Holes, Ints, Lines, lattice

Singles = npt.NDArray[np.float32]

CHUNK = 512
"""Windows fitted at once: their arrays stay in the processor's cache."""

ROUNDS = 4
"""Gauss-Newton steps; a fifth changes the position by less than 0.001 px."""

START = 1.3
"""First guess of the width, in pixels."""


@dataclass(frozen=True)
class Steps:
    """Fitted steps, arrays of shape (E,).

    Parameters
    ----------
    row, position, slope : ndarray
        As in `Lines`.
    low, contrast : ndarray of float64
        Level on the side of smaller columns, and how much the other is higher, in DN.
    sigma : ndarray of float64
        Gaussian width along the normal, the pixel's box included, in pixels.
    noise : ndarray of float64
        Standard deviation of what the step leaves, in DN.
    r2 : ndarray of float64
        Share of the variance that it explains.
    moved : ndarray of float64
        How far the fit moved the edge, in pixels.
    whole : ndarray of bool
        Whether the window lies in the picture as a whole.
    """

    row: Ints
    position: Floats
    slope: Floats
    low: Floats
    contrast: Floats
    sigma: Floats
    noise: Floats
    r2: Floats
    moved: Floats
    whole: Bools

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, chosen: Bools | Ints | slice) -> Steps:
        return Steps(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})

    @property
    def lines(self) -> Lines:
        """Where the edges run."""
        return Lines(self.row, self.position, self.slope)

    @classmethod
    def joined(cls, parts: list[Steps]) -> Steps:
        """Several as one."""
        return cls(
            **{
                field.name: np.concatenate([getattr(part, field.name) for part in parts])
                for field in fields(cls)
            }
        )


def fit_steps(
    picture: npt.NDArray[np.generic], lines: Lines, options: EdgeOptions, *, holes: Holes | None = None
) -> Steps:
    """Fit a step to the window of each line.

    Parameters
    ----------
    picture : ndarray, shape (H, W)
        One band; transposed for flat edges.
    lines : Lines
        Where edges may be.
    options : EdgeOptions
        Size of the windows.
    holes : Holes, optional
        Pixels without data.
    """
    order = np.argsort(np.abs(lines.slope), kind="stable")  # windows of like slopes are of one shape
    parts = [
        _fit(picture, lines[order[start : start + CHUNK]], options, holes)
        for start in range(0, len(lines), CHUNK)
    ]
    fitted = Steps.joined(parts or [_fit(picture, lines, options, holes)])
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    return fitted[back]


def accepted(steps: Steps, options: EdgeOptions, contrast: float) -> Bools:
    """Which steps are edges."""
    slack = 1.05  # both kinds of search find an edge near 45 degrees; the overlap is resolved later
    return np.asarray(
        steps.whole
        & (np.abs(steps.contrast) >= contrast)
        & (steps.r2 >= options.min_r2)
        & (np.abs(steps.contrast) >= options.min_edge_snr * steps.noise)
        & (steps.sigma <= options.max_sigma)
        & (np.abs(steps.slope) <= slack)
        & (steps.moved < 1.5)
    )


@dataclass(frozen=True)
class _Pixels:
    """Pixels of windows in single precision, which the arrays of a chunk halve: shape (E, R, K).

    Columns count from the whole number nearest to the edge, and values are in standard deviations of their
    window from its mean, so that single precision is enough.
    """

    column: Singles
    along: Singles
    value: Singles
    inside: Bools
    anchor: Floats
    centre: Floats
    scale: Floats

    @classmethod
    def of(
        cls, picture: npt.NDArray[np.generic], lines: Lines, options: EdgeOptions, holes: Holes | None
    ) -> _Pixels:
        shape = (picture.shape[0], picture.shape[1])
        grid = lattice(lines, shape, length=options.edge_length, half=options.half)
        anchor = np.rint(lines.position)
        value = grid.values(picture, holes)
        centre = value.mean(axis=(1, 2))
        value -= centre[:, None, None]
        scale = np.sqrt(np.einsum("erk,erk->e", value, value) / max(value[0].size if len(value) else 1, 1))
        scale = np.where(scale > 0, scale, 1.0)
        value /= scale[:, None, None]
        column = (grid.column - anchor.astype(np.int64)[:, None, None]).astype(np.float32)
        along = grid.along.astype(np.float32)
        return cls(column, along, value.astype(np.float32), grid.inside, anchor, centre, scale)

    def distance(self, lines: Lines) -> Singles:
        """Distance of each pixel from its edge."""
        cosine = _single(1 / np.hypot(1.0, lines.slope))
        crossing = _single(lines.position - self.anchor) + _single(lines.slope) * self.along
        return (self.column - crossing) * cosine


def _single(of_edges: Floats) -> Singles:
    return of_edges.astype(np.float32)[:, None, None]


def _fit(picture: npt.NDArray[np.generic], lines: Lines, options: EdgeOptions, holes: Holes | None) -> Steps:
    pixels = _Pixels.of(picture, lines, options, holes)
    now, sigma = lines, np.full(len(lines), START)
    low, contrast = np.zeros(len(lines)), np.zeros(len(lines))
    for turn in range(ROUNDS):
        distance = pixels.distance(now)
        used = ((np.abs(distance) <= options.half) & pixels.inside).astype(np.float32)
        u = distance / _single(sigma)
        step, density = _normal(u)
        step *= used
        if turn == 0:
            low, contrast = _levels(step, pixels.value, used)
        left = (pixels.value - _single(low)) * used - _single(contrast) * step
        rise = density * (_single(contrast / sigma) * used)
        change = _change((used, step, rise, rise * pixels.along, rise * u), left)
        stretch = np.hypot(1.0, now.slope)
        low, contrast = low + change[:, 0], contrast + change[:, 1]
        position = now.position - np.clip(change[:, 2] * stretch, -1, 1)
        slope = now.slope - np.clip(change[:, 3] * stretch, -0.15, 0.15)
        now = Lines(now.row, position, slope)
        sigma = np.clip(sigma - np.clip(change[:, 4], -0.7, 0.7), 0.2, 6.0)
    return _judged(pixels, now, sigma, low, contrast, np.abs(now.position - lines.position), options.half)


def _judged(
    pixels: _Pixels, lines: Lines, sigma: Floats, low: Floats, contrast: Floats, moved: Floats, half: float
) -> Steps:
    """Fitted steps with what they leave of the windows."""
    distance = pixels.distance(lines)
    window = np.abs(distance) <= half
    used = (window & pixels.inside).astype(np.float32)
    step, _ = _normal(distance / _single(sigma))
    left = (pixels.value - _single(low) - _single(contrast) * step) * used
    size = np.maximum(used.sum(axis=(1, 2), dtype=np.float64), 1)
    rest = np.einsum("erk,erk->e", left, left).astype(np.float64)
    value = pixels.value * used
    mean = value.sum(axis=(1, 2), dtype=np.float64) / size
    total = np.einsum("erk,erk->e", value, value).astype(np.float64) - size * mean**2
    noise = np.sqrt(rest / np.maximum(size - 5, 1)) * pixels.scale
    r2 = 1 - rest / np.maximum(total, np.finfo(np.float32).tiny)
    whole = np.asarray(~(window & ~pixels.inside).any(axis=(1, 2)))
    return Steps(
        lines.row, lines.position, lines.slope, low * pixels.scale + pixels.centre, contrast * pixels.scale,
        sigma, noise, r2, moved, whole,
    )  # fmt: skip


def _normal(u: Singles) -> tuple[Singles, Singles]:
    """Distribution function and density of the normal distribution.

    Both from one exponential, after Abramowitz and Stegun 1964, 7.1.26: within 2e-7, in a fifth of the time
    of the library's.
    """
    exponential = np.exp(np.float32(-0.5) * u * u)
    t = 1 / (1 + np.float32(0.3275911 * 0.7071067811865476) * np.abs(u))
    tail = np.float32(1.061405429) * t
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        tail += np.float32(coefficient)
        tail *= t
    tail *= exponential
    tail *= np.float32(0.5)
    return np.where(u > 0, 1 - tail, tail), exponential * np.float32(1 / np.sqrt(2 * np.pi))


def _levels(step: Singles, value: Singles, used: Singles) -> tuple[Floats, Floats]:
    """Least squares of the two levels, the step being known."""
    size = np.maximum(_sums(used, used), 1)
    mean_step, mean = _sums(step, used) / size, _sums(value, used) / size
    across = _sums(step, value) - size * mean_step * mean
    contrast = across / np.maximum(_sums(step, step) - size * mean_step**2, 1e-6)
    return mean - contrast * mean_step, contrast


def _change(columns: tuple[Singles, ...], left: Singles) -> Floats:
    """Gauss-Newton step of low, contrast, distance, turn and width: shape (E, 5)."""
    size = len(columns)
    normal, right = np.empty((len(left), size, size)), np.empty((len(left), size))
    for i, one in enumerate(columns):
        right[:, i] = _sums(one, left)
        for j in range(i + 1):
            normal[:, i, j] = normal[:, j, i] = _sums(one, columns[j])
    diagonal = np.arange(size)
    normal[:, diagonal, diagonal] = normal[:, diagonal, diagonal] * (1 + 1e-6) + 1e-6
    return np.asarray(np.linalg.solve(normal, right[..., None])[..., 0])


def _sums(one: Singles, other: Singles) -> Floats:
    """Sum of products over each window."""
    return np.asarray(np.einsum("erk,erk->e", one, other), dtype=np.float64)
