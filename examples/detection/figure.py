"""Draw AP50 against the rate and against the knob: `figure.py STUDY -o figure.png`."""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.axes import Axes

import iqf_core as iqf

matplotlib.use("agg")
from matplotlib import pyplot as plt

SIZES = {"all": "-", "small": ":", "medium": "--", "large": "-."}
CODECS = ("jpeg2000", "bit_depth+jpeg", "quantise")
KNOBS = {"blur": "sigma of the blur, px", "gsd": "pixel size, times the original"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", help="name, folder or file of the study")
    parser.add_argument("-o", "--output", type=Path, default=Path("figure.png"))
    options = parser.parse_args()
    table = iqf.open_results(options.study).summary()
    table.columns = [
        name.partition("unitm.")[2] or name for name in table.columns
    ]  # without the metric's name
    figure, axes = plt.subplots(2, 2, figsize=(11, 8), layout="constrained")
    codecs(axes[0, 0], table)
    sizes(axes[0, 1], table[table["family"] == "jpeg2000"])
    for axis, (family, label) in zip(axes[1], KNOBS.items(), strict=True):
        knob(axis, table, family, label)
    figure.savefig(options.output, dpi=130)
    print(options.output)


def codecs(axis: Axes, table: pd.DataFrame) -> None:
    for family in CODECS:
        rows = table[table["family"] == family].sort_values("bits_per_pixel")
        axis.errorbar(rows["bits_per_pixel"], *spread(rows, "ap_0.5"), marker="o", capsize=3, label=family)
    reference(axis, table, "ap_0.5")
    axis.set(xscale="log", xlabel="bits per pixel (four bands)", ylabel="AP50", title="Codecs")
    axis.legend()


def sizes(axis: Axes, rows: pd.DataFrame) -> None:
    rows = rows.sort_values("bits_per_pixel")
    for name, style in SIZES.items():
        column = "ap" if name == "all" else f"ap_{name}"
        axis.errorbar(rows["bits_per_pixel"], *spread(rows, column), ls=style, marker="o", label=name)
    axis.set(
        xscale="log", xlabel="bits per pixel (four bands)", ylabel="AP", title="JPEG 2000, by size of object"
    )
    axis.legend()


def knob(axis: Axes, table: pd.DataFrame, family: str, label: str) -> None:
    rows = table[table["family"] == family].sort_values("knob")
    axis.errorbar(rows["knob"], *spread(rows, "ap_0.5"), marker="o", capsize=3, label=family)
    reference(axis, table, "ap_0.5")
    axis.set(xlabel=label, ylabel="AP50", title=family)


def spread(rows: pd.DataFrame, column: str) -> tuple[pd.Series, pd.Series]:
    return rows[f"{column}_mean"], rows[f"{column}_std"].fillna(0)


def reference(axis: Axes, table: pd.DataFrame, column: str) -> None:
    rows = table[table["family"] == "reference"]
    axis.axhline(rows[f"{column}_mean"].iloc[0], color="black", linestyle=":", label="untouched")


if __name__ == "__main__":
    main()
