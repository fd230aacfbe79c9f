"""Draw accuracy against bits per pixel, a line per modifier: `figure.py STUDY OUTPUT.png`."""

from __future__ import annotations

import argparse
from itertools import cycle
from pathlib import Path

import matplotlib
import pandas as pd

matplotlib.use("Agg")  # draws into a file, also where there is no screen
from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, NullLocator, PercentFormatter

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]  # Okabe and Ito, 2008
MARKERS = ["o", "s", "^", "D", "v", "P"]
GREY = "#595959"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", help="the study's folder or name")
    parser.add_argument("output", type=Path, help="the picture to write")
    options = parser.parse_args()

    import iqf_core

    draw(iqf_core.open_results(options.study).summary(), options.output)


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw a table with a row per setting: family, bits_per_pixel, accuracy_mean, accuracy_std, runs."""
    figure, axes = plt.subplots(figsize=(7.2, 4.5), layout="constrained")
    untouched = table["family"] == "reference"
    modified = table[~untouched].dropna(subset=["bits_per_pixel", "accuracy_mean"])
    for (name, rows), colour, marker in zip(
        modified.groupby("family", sort=False), cycle(COLOURS), cycle(MARKERS), strict=False
    ):
        draw_modifier(axes, str(name), rows.sort_values("bits_per_pixel"), colour, marker)
    axes.set_xscale("log", base=2)
    axes.margins(x=0.05)
    axes.set_xlim(left=0.66 * modified["bits_per_pixel"].min())  # room for the names
    for _, row in table[untouched].iterrows():
        draw_reference(axes, row)
    finish(axes, int(table["runs"].max()))
    figure.savefig(path, dpi=160)
    plt.close(figure)


def draw_modifier(axes: plt.Axes, name: str, rows: pd.DataFrame, colour: str, marker: str) -> None:
    rate, mean, spread = rows["bits_per_pixel"], rows["accuracy_mean"], rows["accuracy_std"].fillna(0)
    axes.errorbar(rate, mean, spread, color=colour, marker=marker, markersize=5, linewidth=1.8, capsize=2.5)
    axes.annotate(
        name,
        (rate.iloc[0], mean.iloc[0]),
        xytext=(-9, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        color=colour,
        fontsize=11,
        fontweight="bold",
    )


def draw_reference(axes: plt.Axes, row: pd.Series) -> None:
    mean, spread = row["accuracy_mean"], row["accuracy_std"]
    axes.axhline(mean, color=GREY, linewidth=1.2, linestyle=(0, (5, 3)), zorder=1)
    if spread > 0:
        axes.axhspan(mean - spread, mean + spread, color=GREY, alpha=0.2, linewidth=0, zorder=0)
    axes.annotate(
        f"untouched images: {mean:.1%}",
        (0, mean),
        xycoords=("axes fraction", "data"),
        xytext=(6, 5),
        textcoords="offset points",
        color=GREY,
        fontsize=10,
    )


def finish(axes: plt.Axes, repetitions: int) -> None:
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    axes.set_xlabel("Bits per pixel (logarithmic)")
    axes.set_ylabel("Accuracy on the test data")
    axes.set_title(
        f"Accuracy after training and testing on degraded images\n"
        f"mean ± standard deviation of {repetitions} repetitions",
        loc="left",
        fontsize=11,
    )
    axes.grid(axis="y", color="#E0E0E0", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    _, top = axes.get_ylim()
    axes.set_ylim(top=max(top, min(1.0, top + 0.02)))


if __name__ == "__main__":
    main()
