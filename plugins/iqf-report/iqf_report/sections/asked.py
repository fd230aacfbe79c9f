"""What modifiers were asked for, and what the images measure afterwards."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from iqf_core.verification import VERIFY, drifts
from iqf_report.page.blocks import Block, Table, Text
from iqf_report.page.material import Material


def asked(material: Material) -> Iterator[Block]:
    """Yield a row for each output that was verified before and after a modifier."""
    import pandas as pd

    verify = material.origin["study"].get("verify")
    if verify is None or material.finished.empty:
        return
    rows, said = [], []
    for row in material.finished.drop_duplicates("variant").to_dict("records"):
        known = {str(name): value for name, value in row.items()}
        said += [f"{row['variant']}: {drift}." for drift in drifts(known, verify["tolerance"])]
        rows += list(_rows(material, known))
    for text in said:
        yield Text(text, "warning")
    if rows:
        table = pd.DataFrame(rows).dropna(axis="columns", how="all")
        yield Table(table, "A sample of the images, before and after each modifier")


def _rows(material: Material, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, after in row.items():
        if not (name.startswith(VERIFY) and name.endswith(".after")) or _missing(after):
            continue
        column = name.removesuffix(".after")
        wanted = row.get(f"{column}.asked", math.nan)
        yield {
            "setting": row["variant"],
            "measured": column.removeprefix(VERIFY),
            "before": row.get(f"{column}.before", math.nan),
            "asked for": wanted,
            "after": after,
            "off by": "" if _missing(wanted) or not wanted else f"{100 * (after / wanted - 1):+.1f} %",
        }


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
