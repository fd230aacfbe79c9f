"""Finding the edges of one band."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from iqf_core import parallel
from iqf_metrics_sharpness.conflicts import standing
from iqf_metrics_sharpness.options import EdgeOptions
from iqf_metrics_sharpness.search import candidates, tiles
from iqf_metrics_sharpness.spoilt import spoilt
from iqf_metrics_sharpness.steps import Steps, accepted, fit_steps
from iqf_metrics_sharpness.table import EdgeTable
from iqf_metrics_sharpness.windows import Bools, Holes, Lines

SAMPLED = 1 << 20
"""Pixels from which the span of a band is judged."""

CONTRAST = 0.05
"""Smallest contrast, as a share of the span of the band, where none is given."""

NOWHERE = Lines(np.empty(0, np.int64), np.empty(0), np.empty(0))


@dataclass(frozen=True)
class Band:
    """One band of an image.

    Parameters
    ----------
    pixels : ndarray, shape (H, W)
        Values, finite.
    invalid : ndarray of bool or None, shape (H, W)
        Where there is no data.
    white : float or None
        Full scale, in DN.
    top : float or None
        Largest value, where full scale was not given.
    options : EdgeOptions
        What is looked for.
    filled : bool
        Whether edges are looked for with an ordinary value where there is no data.
    """

    pixels: npt.NDArray[np.generic]
    invalid: Bools | None
    white: float | None
    top: float | None
    options: EdgeOptions
    filled: bool = True

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @functools.cached_property
    def holes(self) -> Holes | None:
        """Where there is no data, with the median of the others to stand there."""
        if self.invalid is None or not self.filled:
            return None
        valid = _sample(self)
        return Holes(self.invalid, float(np.median(valid.astype(np.float64))) if valid.size else 0.0)

    @property
    def step(self) -> float:
        """To what values are rounded, in DN."""
        return 0.0 if self.pixels.dtype.kind == "f" else 1.0

    def spoilt(self, steps: Steps) -> tuple[Bools, Bools]:
        """Which edges touch nodata, and which are clipped."""
        return spoilt(self.pixels, steps, self.options, invalid=self.invalid, white=self.white, top=self.top)

    def turned(self) -> Band:
        """The band with rows and columns exchanged."""
        return replace(self, pixels=self.pixels.T, invalid=None if self.invalid is None else self.invalid.T)


def detected(band: Band, *, at: EdgeTable | None, tile: int, workers: int) -> tuple[EdgeTable, str]:
    """Edges of a band, and why there are none.

    Parameters
    ----------
    band : Band
        Where to look.
    at : EdgeTable or None
        Edges that are given.
    tile : int
        Side of the tiles, in pixels.
    workers : int
        Tiles at once.
    """
    if at is not None:
        return _given(band, at), "none of the given edges can be measured here"
    valid = _sample(band)
    if not valid.size:
        return _table(band, (NOWHERE, NOWHERE), lambda steps: steps.whole), "every pixel is nodata"
    low, high = np.percentile(valid.astype(np.float64), [1, 99])
    span = float(high - low) or float(valid.max() - valid.min())
    if span == 0 and np.ptp(band.pixels if band.invalid is None else band.pixels[~band.invalid]) == 0:
        return _table(band, (NOWHERE, NOWHERE), lambda steps: steps.whole), "every pixel has the same value"
    contrast = band.options.min_contrast or CONTRAST * span or 1.0
    table = _found(band, contrast, tile, workers)
    if band.invalid is not None:
        # Which edges count must not depend on the number that stands for nodata; how many touch it may.
        at_nodata = _found(replace(band, filled=False), contrast, tile, workers)
        table = EdgeTable.joined(table[~table.nodata], at_nodata[at_nodata.nodata])
    return table, (
        f"no straight edge between plateaus with edge SNR {band.options.min_edge_snr:g} or more: "
        "lower min_edge_snr, min_contrast or edge_length"
    )


def _found(band: Band, contrast: float, tile: int, workers: int) -> EdgeTable:
    lines = _candidates(band, contrast, tile, workers)
    return _table(band, lines, lambda steps: accepted(steps, band.options, contrast))


def _sample(band: Band) -> npt.NDArray[np.generic]:
    """Valid pixels, evenly thinned."""
    every = max(1, int(np.sqrt(band.pixels.size / SAMPLED)))
    pixels = band.pixels[::every, ::every]
    return pixels.reshape(-1) if band.invalid is None else pixels[~band.invalid[::every, ::every]]


def _candidates(band: Band, contrast: float, tile: int, workers: int) -> tuple[Lines, Lines]:
    """Places where edges may be, of all tiles, in the order of the picture."""
    cores = list(enumerate(tiles(band.shape, tile)))

    def search(numbered: tuple[int, tuple[slice, slice]]) -> tuple[int, tuple[Lines, Lines]]:
        return numbered[0], candidates(band.pixels, numbered[1], band.options, contrast, holes=band.holes)

    found = [
        lines
        for _, lines in sorted(parallel.unordered(search, cores, workers=workers), key=lambda one: one[0])
    ]
    return _joined([steep for steep, _ in found]), _joined([flat for _, flat in found])


def _joined(parts: list[Lines]) -> Lines:
    row = np.concatenate([part.row for part in parts])
    position = np.concatenate([part.position for part in parts])
    slope = np.concatenate([part.slope for part in parts])
    order = np.lexsort((position, row))
    return Lines(row[order], position[order], slope[order])


def _table(band: Band, lines: tuple[Lines, Lines], accept: Callable[[Steps], Bools]) -> EdgeTable:
    """Fit, accept, and let no two share a pixel. What is spoilt stays in the table and is not measured."""
    kept, nodata, clipped = [], [], []
    for frame, there in zip((band, band.turned()), lines, strict=True):
        steps = fit_steps(frame.pixels, there, frame.options, holes=frame.holes)
        steps = steps[accept(steps)]
        holes, full = frame.spoilt(steps)
        kept.append(steps)
        nodata.append(holes)
        clipped.append(full & ~holes)
    good = [~(holes | full) for holes, full in zip(nodata, clipped, strict=True)]
    stands = standing(kept[0][good[0]], kept[1][good[1]], band.options)
    for mask, stand in zip(good, stands, strict=True):
        mask[mask] = stand
    left = [mask | holes | full for mask, holes, full in zip(good, nodata, clipped, strict=True)]
    table = EdgeTable.of(kept[0][left[0]], kept[1][left[1]], band.options, band.shape)
    both = np.concatenate(left)
    order = table.order
    holes, full = np.concatenate(nodata)[both][order], np.concatenate(clipped)[both][order]
    dark = np.abs(np.minimum(table.low, table.low + table.contrast)) < 0.5
    dark &= band.pixels.dtype.kind == "u"
    return replace(table, nodata=holes, clipped=full, measured=~(holes | full), dark_at_zero=dark)


def _given(band: Band, at: EdgeTable) -> EdgeTable:
    """Fit steps to the edges of another image, which stay in their order and keep their plateaus."""
    chosen = at[at.measured]
    parts, places = [], []
    holes: list[Bools] = []
    full: list[Bools] = []
    for flat, frame in ((False, band), (True, band.turned())):
        places.append(np.flatnonzero(chosen.flat == flat))
        parts.append(
            fit_steps(frame.pixels, chosen.steps[places[-1]].lines, frame.options, holes=frame.holes)
        )
        for mask, found in zip((holes, full), frame.spoilt(parts[-1]), strict=True):
            mask.append(found)
    back = np.argsort(np.concatenate(places))
    nodata, clipped = np.concatenate(holes)[back], np.concatenate(full)[back]
    table = chosen.with_steps(Steps.joined(parts)[back])
    return replace(table, nodata=nodata, clipped=clipped & ~nodata, measured=~(nodata | clipped))
