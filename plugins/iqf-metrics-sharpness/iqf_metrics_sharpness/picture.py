"""A picture of what was measured: the edges on the band, and the responses that they give."""

from __future__ import annotations

import textwrap
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from iqf_core import Image, MissingDependency, ParameterError
from iqf_metrics_sharpness.geojson import ends
from iqf_metrics_sharpness.result import BandSharpness, DirectionSharpness, Estimate, SharpnessResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LARGEST = 2000
"""Longest side, in pixels, at which the band is drawn."""

COLOURS = {"x": "#e8402a", "y": "#1e88e5", "other": "#f0a202", "combined": "#202020"}
REACH_PX = 6.0
"""Distance from the edge up to which responses are drawn."""

_ONE_AT_A_TIME = threading.Lock()  # Matplotlib is not safe between threads, even without pyplot


def overlay(
    image: Image | npt.ArrayLike, result: SharpnessResult, path: str | Path, *, band: int | None = None
) -> None:
    """Draw the edges on one band, and beside it edge response, line spread and MTF.

    Parameters
    ----------
    image : Image or array_like, shape (H, W) or (H, W, C)
        What was measured.
    result : SharpnessResult
        What `sharpness` gave.
    path : str or pathlib.Path
        The PNG to write.
    band : int, optional
        Number of the band; by default the measured one with the most edges.

    Raises
    ------
    ParameterError
        When that band was not measured.
    MissingDependency
        Without Matplotlib.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependency(
            f"drawing needs matplotlib ({error}): pip install 'iqf-metrics-sharpness[plot]'"
        ) from error
    chosen = _chosen(result, band)
    pixels = image.pixels if isinstance(image, Image) else np.asarray(image)
    plane = pixels if pixels.ndim == 2 else pixels[..., chosen.band]
    holes = image.nodata_mask() if isinstance(image, Image) else None
    with _ONE_AT_A_TIME:
        figure = Figure(figsize=(15, 9), dpi=_dpi(plane.shape), facecolor="white")
        FigureCanvasAgg(figure)
        _draw(figure, plane, None if holes is None else holes[..., chosen.band], chosen, result)
        figure.savefig(path, format="png")


def _chosen(result: SharpnessResult, band: int | None) -> BandSharpness:
    if band is None:
        return max(result.bands, key=lambda one: one.combined.count)
    for one in result.bands:
        if one.band == band:
            return one
    known = ", ".join(str(one.band) for one in result.bands)
    raise ParameterError(f"overlay: band {band} was not measured; measured: {known}")


def _dpi(shape: tuple[int, ...]) -> float:
    """So that the band has about as many pixels in the picture as it has itself, within reason."""
    return float(np.clip(min(max(shape), LARGEST) / 8.2, 110, 240))


def _draw(
    figure: Figure, plane: npt.NDArray[Any], holes: npt.NDArray[np.bool_] | None,
    band: BandSharpness, result: SharpnessResult,
) -> None:  # fmt: skip
    grid = figure.add_gridspec(
        3, 2, width_ratios=(1.75, 1), left=0.05, right=0.985, top=0.93, bottom=0.06, hspace=0.33, wspace=0.1
    )
    _draw_band(figure.add_subplot(grid[:, 0]), plane, holes, band)
    panels = [figure.add_subplot(grid[row, 1]) for row in range(3)]
    _draw_responses(panels, band)
    said = f"Band {band.band}: {band.combined.count} edges measured"
    left_out = int((~band.edges.measured).sum())
    said += f", {left_out} left out (clipped or at nodata)" if left_out else ""
    said += f"; GSD {result.gsd_m:.3g} m" if result.gsd_m is not None else ""
    figure.suptitle(said, x=0.05, ha="left", fontsize=13, fontweight="bold")


def _draw_band(
    axes: Axes, plane: npt.NDArray[Any], holes: npt.NDArray[np.bool_] | None, band: BandSharpness
) -> None:
    from matplotlib.lines import Line2D

    height, width = plane.shape
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    axes.imshow(_stretched(plane, holes), cmap="gray", vmin=0, vmax=1, extent=extent, interpolation="nearest")
    axes.set_facecolor("#c9b7d6")  # nodata: a colour that no grey is
    lines, table = ends(band), band.edges
    shown = []
    for name in ("x", "y", "other"):
        for measured in (True, False):
            there = (table.direction == name) & (table.measured == measured)
            if there.any():
                _draw_lines(axes, lines[there], COLOURS[name], dashed=not measured)
                label = f"{name}: {int(there.sum())}" + ("" if measured else " left out")
                style = "-" if measured else (0, (1.2, 1))
                shown.append(Line2D([], [], color=COLOURS[name], lw=2.4, ls=style, label=label))
    axes.set(xlim=extent[:2], ylim=extent[2:], xlabel="column, px", ylabel="row, px")
    axes.tick_params(labelsize=8)
    if shown:
        axes.legend(
            handles=shown, title="normal of the edge along", loc="upper right", fontsize=9, title_fontsize=9
        )


def _draw_lines(axes: Axes, lines: npt.NDArray[np.float64], colour: str, *, dashed: bool) -> None:
    from matplotlib.collections import LineCollection

    segments = list(lines)
    if not dashed:  # a dark seam below, so that they are seen on bright ground too
        axes.add_collection(LineCollection(segments, colors="black", linewidths=3.2, capstyle="round"))
    style = (0, (1.2, 1)) if dashed else "solid"
    axes.add_collection(
        LineCollection(
            segments,
            colors=colour,
            linewidths=1.8,
            linestyles=[style],
            capstyle="butt" if dashed else "round",
        )
    )


def _stretched(plane: npt.NDArray[Any], holes: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.float32]:
    """Band from 0 to 1 between its 1st and 99th percentile, NaN where there is no data, not too large."""
    import cv2

    height, width = plane.shape
    scale = min(1.0, LARGEST / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    whole = plane if plane.dtype.kind == "f" or plane.dtype.itemsize <= 2 else plane.astype(np.float32)
    small = np.ascontiguousarray(whole)
    if scale < 1:
        small = cv2.resize(small, size, interpolation=cv2.INTER_AREA)
        holes = None if holes is None else _shrunk(holes, size)
    picture = small.astype(np.float32)
    picture[~np.isfinite(picture)] = np.nan
    if holes is not None:
        picture[holes] = np.nan
    there = picture[np.isfinite(picture)]
    if not there.size:
        return picture
    low, high = np.percentile(there, [1, 99])
    return np.asarray(np.clip((picture - low) / (high - low if high > low else 1.0), 0, 1), np.float32)


def _shrunk(mask: npt.NDArray[np.bool_], size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    import cv2

    plain = np.ascontiguousarray(mask).astype(np.uint8)
    return np.asarray(cv2.resize(plain, size, interpolation=cv2.INTER_NEAREST) > 0)


def _draw_responses(panels: list[Axes], band: BandSharpness) -> None:
    edge, line, transfer = panels
    parts = {name: getattr(band, name) for name in COLOURS}
    there = {name: part for name, part in parts.items() if part.response is not None}
    several = sum(name != "combined" for name in there) > 1
    for name, part in there.items():
        if name == "combined" and not several:
            continue  # the same curve as that of the only direction
        near = np.abs(part.response.distance) <= REACH_PX
        style: dict[str, Any] = {"color": COLOURS[name], "lw": 2.2 if name == "combined" else 1.5}
        distance = part.response.distance[near]
        edge.plot(distance, part.response.edge[near], label=_label(name, part.rer), **style)
        line.plot(distance, part.response.line[near], label=_label(name, part.fwhm), **style)
        transfer.plot(part.curve.frequency, part.curve.mtf, label=_label(name, part.mtf50), **style)
    edge.set(title="Edge response", xlabel="distance along the normal, px", xlim=(-REACH_PX, REACH_PX))
    line.set(title="Line spread, per px", xlabel="distance along the normal, px", xlim=(-REACH_PX, REACH_PX))
    transfer.set(title="MTF", xlabel="cycles per px along the normal", ylim=(0, 1.02))
    _dress(panels, there, band.combined.reason)


def _dress(panels: list[Axes], there: dict[str, DirectionSharpness], reason: str) -> None:
    edge, transfer = panels[0], panels[-1]
    transfer.axvline(0.5, color="#888888", lw=1, ls=(0, (4, 3)))
    transfer.annotate(
        "Nyquist",
        (0.5, 0.25),
        xytext=(3, 0),
        textcoords="offset points",
        fontsize=8,
        color="#555555",
        rotation=90,
    )
    legends = ("RER, 1/px [95 %]", "FWHM, px [95 %]", "MTF50, cycles/px [95 %]")
    for panel, title, place in zip(
        panels, legends, ("lower right", "upper right", "upper right"), strict=True
    ):
        panel.title.set(fontsize=11, fontweight="bold")
        panel.grid(color="#dddddd", lw=0.6)
        panel.tick_params(labelsize=8)
        panel.xaxis.label.set_fontsize(8.5)
        if there:
            panel.legend(title=title, loc=place, fontsize=8, title_fontsize=8, framealpha=0.85)
    if not there:
        said = "\n".join(textwrap.wrap(reason or "no edges", 48))
        edge.text(0.5, 0.5, said, ha="center", va="center", transform=edge.transAxes, fontsize=10)


def _label(name: str, value: Estimate) -> str:
    if not np.isfinite(value.value):
        return f"{name}  unknown"
    known = np.isfinite(value.low) and np.isfinite(value.high)
    interval = f"  [{value.low:.3g}, {value.high:.3g}]" if known else ""
    return f"{name}  {value.value:.3g}{interval}"
