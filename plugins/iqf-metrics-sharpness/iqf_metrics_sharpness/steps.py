"""A straight blurred step fitted to each window, all at once.

The step is a Gaussian's integral. It serves to find the line of the edge, to which its shape matters little
because a symmetric error moves no position, and to decide what is an edge. The edge response does not come
from it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from iqf_metrics_sharpness.options import EdgeOptions
from iqf_metrics_sharpness.windows import Bools, Floats, Ints, Lines, lattice

CHUNK = 2048
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


def fit_steps(picture: npt.NDArray[np.generic], lines: Lines, options: EdgeOptions) -> Steps:
    """Fit a step to the window of each line.

    Parameters
    ----------
    picture : ndarray, shape (H, W)
        One band; transposed for flat edges.
    lines : Lines
        Where edges may be.
    options : EdgeOptions
        Size of the windows.
    """
    order = np.argsort(np.abs(lines.slope), kind="stable")  # windows of like slopes are of one shape
    parts = [
        _fit(picture, lines[order[start : start + CHUNK]], options) for start in range(0, len(lines), CHUNK)
    ]
    fitted = Steps.joined(parts or [_fit(picture, lines, options)])
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


def _fit(picture: npt.NDArray[np.generic], lines: Lines, options: EdgeOptions) -> Steps:
    grid = lattice(lines, (picture.shape[0], picture.shape[1]), length=options.edge_length, half=options.half)
    count = len(lines)
    flat = (count, grid.column.shape[1] * grid.column.shape[2])
    values, inside = grid.values(picture).reshape(flat), grid.inside.reshape(flat)
    along = np.broadcast_to(grid.along, grid.column.shape[1:]).reshape(-1)
    now, sigma = lines, np.full(count, START)
    low, contrast = np.zeros(count), np.zeros(count)
    for turn in range(ROUNDS):
        distance, used = _distances(grid.distance(now), inside, options.half)
        u = distance / sigma[:, None]
        step = ndtr(u)
        if turn == 0:
            low, contrast = _levels(step, values, used)
        left = (values - low[:, None] - contrast[:, None] * step) * used
        rise = np.exp(-0.5 * u * u) * (contrast / sigma / np.sqrt(2 * np.pi))[:, None] * used
        change = _change(used, step * used, rise, along, u, left)
        cosine = 1 / np.hypot(1.0, now.slope)
        low, contrast = low + change[:, 0], contrast + change[:, 1]
        now = Lines(
            now.row,
            now.position - np.clip(change[:, 2] / cosine, -1, 1),
            now.slope - np.clip(change[:, 3] / cosine, -0.15, 0.15),
        )
        sigma = np.clip(sigma - np.clip(change[:, 4], -0.7, 0.7), 0.2, 6.0)
    distance, used = _distances(grid.distance(now), inside, options.half)
    left = (values - low[:, None] - contrast[:, None] * ndtr(distance / sigma[:, None])) * used
    size = used.sum(axis=1)
    mean = (values * used).sum(axis=1) / np.maximum(size, 1)
    rest = (left * left).sum(axis=1)
    total = (((values - mean[:, None]) ** 2) * used).sum(axis=1)
    full = np.asarray(~((np.abs(distance) <= options.half) & ~inside).any(axis=1))
    return Steps(
        now.row, now.position, now.slope, low, contrast, sigma,
        np.sqrt(rest / np.maximum(size - 5, 1)),
        1 - rest / np.maximum(total, np.finfo(float).tiny),
        np.abs(now.position - lines.position),
        full,
    )  # fmt: skip


def _distances(distance: Floats, inside: Bools, half: float) -> tuple[Floats, Floats]:
    """Distances, and 1 where the pixel belongs to the window, else 0: shape (E, S)."""
    flat = distance.reshape(inside.shape)
    return flat, ((np.abs(flat) <= half) & inside).astype(np.float64)


def _levels(step: Floats, values: Floats, used: Floats) -> tuple[Floats, Floats]:
    """Least squares of the two levels, the step being known."""
    size = np.maximum(used.sum(axis=1), 1)
    mean_step, mean = (step * used).sum(axis=1) / size, (values * used).sum(axis=1) / size
    apart = (step - mean_step[:, None]) * used
    contrast = (apart * values).sum(axis=1) / np.maximum((apart * step).sum(axis=1), 1e-9)
    return mean - contrast * mean_step, contrast


def _change(used: Floats, step: Floats, rise: Floats, along: Floats, u: Floats, left: Floats) -> Floats:
    """Gauss-Newton step of low, contrast, distance, turn and width: shape (E, 5)."""
    columns = (used, step, rise, rise * along, rise * u)
    size = len(columns)
    normal = np.empty((len(used), size, size))
    right = np.empty((len(used), size))
    for i, one in enumerate(columns):
        right[:, i] = np.einsum("es,es->e", one, left)
        for j in range(i + 1):
            normal[:, i, j] = normal[:, j, i] = np.einsum("es,es->e", one, columns[j])
    diagonal = np.arange(size)
    normal[:, diagonal, diagonal] = normal[:, diagonal, diagonal] * (1 + 1e-6) + 1e-9
    return np.asarray(np.linalg.solve(normal, right[..., None])[..., 0])
