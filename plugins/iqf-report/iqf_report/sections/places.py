"""What changed in the predictions, and the place where most did, at each setting."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqf_core import PredictionMetric
from iqf_core.errors import IqfError
from iqf_core.runfolder import RunFolder
from iqf_report.page.blocks import Block, Gallery, Picture, Table, Text
from iqf_report.page.material import Material
from iqf_report.sections.crop import Crop, Place, Setting, bare, cropped
from iqf_report.stored import Stored, stored_in

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("iqf")
SIDE = 112
"""Of the place, in pixels of the untouched image."""
MOST = 40
"""Pictures."""
PLACE = ["x", "y", "width", "height"]


@dataclass(frozen=True)
class Compared:
    """A setting against the reference, in one repetition.

    Parameters
    ----------
    family, variant : str
        The setting.
    run : RunFolder
        Its run.
    changes : pandas.DataFrame
        As the metric lists them.
    """

    family: str
    variant: str
    run: RunFolder
    changes: pd.DataFrame


def places(material: Material) -> Iterator[Block]:
    """Yield what was lost and gained at each setting, and pictures of the place where most was."""
    pairs = _pairs(material)
    column = _column(material, [reference for reference, _ in pairs[:1]])
    if column is None:
        return
    try:
        compared = list(_compared(material, pairs, column))
    except IqfError as error:
        yield Text(f"What changed in the predictions is not told: {error}", "note")
        return
    if not any(len(one.changes) for one in compared):
        return
    metric = material.declared[column].metric
    have_places = any(set(PLACE) <= set(one.changes) for one in compared)
    what, found = ("Objects", "found") if have_places else ("Images", "judged rightly")
    yield Text(
        f"{what} that were {found} on the untouched images and no longer at a setting are lost; those that "
        f"were {found} at the setting alone are gained. By {metric.name}, in the first repetition."
    )
    sizes = any(_thirds(one.changes) is not None for one in compared)
    yield Table(_counted(compared), f"{what} lost and gained, by class{' and by size' if sizes else ''}")
    reference = pairs[0][0]
    yield from _pictures(material, reference, compared)


def _pairs(material: Material) -> list[tuple[RunFolder, RunFolder]]:
    """Runs of the reference and of each setting: the first repetition that both have."""
    rows = material.finished
    hyper = material.results.hyperparameters()
    if rows.empty or "key" not in rows:
        return []
    folders = {folder.key: folder for folder in material.results.runs()}
    first = rows.drop_duplicates(hyper)[hyper].iloc[0] if hyper else None
    if first is not None:
        rows = rows[(rows[hyper] == first).all(axis=1)]
    untouched = rows["family"] == "reference"
    reference = {row["repetition"]: str(row["key"]) for row in rows[untouched].to_dict("records")}
    found: dict[str, tuple[RunFolder, RunFolder]] = {}
    for row in rows[~untouched].to_dict("records"):
        variant, repetition = str(row["variant"]), row["repetition"]
        if repetition in reference and variant not in found:
            found[variant] = folders[reference[repetition]], folders[str(row["key"])]
    return list(found.values())


def _column(material: Material, runs: Sequence[RunFolder]) -> str | None:
    """A column of a metric of predictions that keeps matches: the one that decides, if it does."""
    deciding = [] if material.answer is None else [material.answer.column]
    for column in [*deciding, *material.declared]:
        declared = material.declared.get(column)
        if declared is not None and isinstance(declared.metric, PredictionMetric):
            found = stored_in([run.tables for run in runs], column)
            if found is not None and found.rows.is_file():
                return column
    return None


def _compared(
    material: Material, pairs: Sequence[tuple[RunFolder, RunFolder]], column: str
) -> Iterator[Compared]:
    known: dict[str, tuple[Stored, pd.DataFrame]] = {}
    for reference, run in pairs:
        if reference.key not in known:
            found = stored_in([reference.tables], column)
            if found is None:
                continue
            known[reference.key] = found, found.table()
        before, rows = known[reference.key]
        after = stored_in([run.tables], column)
        if after is None or not after.rows.is_file():
            continue
        metric, other = before.metric, after.metric
        if isinstance(metric, PredictionMetric) and isinstance(other, type(metric)):
            changes = metric.compare(rows, after.table(), other=other)
            job = run.job()
            yield Compared(str(job["family"]), str(job["label"]), run, changes)


def _counted(compared: Sequence[Compared]) -> pd.DataFrame:
    import pandas as pd

    every = pd.concat([one.changes for one in compared], ignore_index=True)
    every = every[every["change"].isin(["lost", "gained"])]
    classes = list(dict.fromkeys(every["class"])) if "class" in every else []
    limits = _thirds(every)
    rows = []
    for one in compared:
        changes = one.changes
        row: dict[str, Any] = {"setting": one.variant, "all": _told(changes)}
        row |= {str(name): _told(changes[changes["class"] == name]) for name in classes}
        if limits is not None:
            size, unit, low, high = limits
            sizes = changes[size]
            row[f"up to {low:.3g} {unit}"] = _told(changes[sizes <= low])
            row[f"to {high:.3g} {unit}"] = _told(changes[(sizes > low) & (sizes <= high)])
            row[f"above {high:.3g} {unit}"] = _told(changes[sizes > high])
        others = [name for name in dict.fromkeys(changes["change"]) if name not in ("lost", "gained")]
        row |= {str(name): int((changes["change"] == name).sum()) for name in others}
        rows.append(row)
    return pd.DataFrame(rows).fillna("")


def _told(changes: pd.DataFrame) -> str:
    lost, gained = ((changes["change"] == what).sum() for what in ("lost", "gained"))
    told = [f"{count}\u00a0{what}" for count, what in ((lost, "lost"), (gained, "gained")) if count]
    return ", ".join(told) or "none"


def _thirds(changes: pd.DataFrame) -> tuple[str, str, float, float] | None:
    """Column of sizes, its unit, and what parts them into three of the same number."""
    for size, unit in (("size_m", "m"), ("size_px", "px")):
        if size in changes and changes[size].notna().any():
            low, high = changes[size].quantile([1 / 3, 2 / 3])
            return (size, unit, float(low), float(high)) if high > low else None
    return None


def _pictures(material: Material, reference: RunFolder, compared: Sequence[Compared]) -> Iterator[Block]:
    place = _place(compared)
    if place is None:
        return
    whites = material.origin["study"]["datasets"]
    shown = 0
    try:
        base = Crop.of(_setting(reference, whites), place)
    except (IqfError, OSError) as error:
        yield Text(f"The images are no longer there, so no place is shown ({error}).", "note")
        return
    families: dict[str, list[Compared]] = {}
    for one in compared:
        families.setdefault(one.family, []).append(one)
    what = f"{place.image}, {place.side} pixels a side at column {place.left}, row {place.top}"
    yield Text(
        f"The place where most changed: {what}, at each setting. Lost objects are outlined in red, gained "
        "ones in blue."
    )
    for family, members in families.items():
        items = [Picture(base.png(()), f"{what}, untouched", "untouched")]
        for one in members:
            if shown >= MOST:
                break
            picture = _picture(one, whites, place, base)
            if picture is not None:
                items.append(picture)
                shown += 1
        if len(items) > 1:
            yield Gallery(tuple(items), family)


def _picture(one: Compared, whites: Mapping[str, Any], place: Place, base: Crop) -> Picture | None:
    here = one.changes[[bare(image) == bare(place.image) for image in one.changes["image"]]]
    here = here[here["change"].isin(["lost", "gained"])]
    within = here[place.holds(here["x"] + here["width"] / 2, here["y"] + here["height"] / 2)]
    boxes = [(str(row.change), row.x, row.y, row.width, row.height) for row in within.itertuples()]
    lost = sum(change == "lost" for change, *_ in boxes)
    said = f"{lost} lost, {len(boxes) - lost} gained"
    try:
        png = cropped(_setting(one.run, whites), place, like=base).png(boxes)
    except (IqfError, OSError) as error:
        log.warning("report: %s is not shown (%s)", one.variant, error)
        return None
    return Picture(png, f"The same place at {one.variant}: {said}", f"{one.variant}: {said}")


def _place(compared: Sequence[Compared]) -> Place | None:
    """The window with the most changes over all settings; None where no change has a place."""
    import pandas as pd

    every = pd.concat([one.changes for one in compared], ignore_index=True)
    if not set(PLACE) <= set(every):
        return None
    every = every[every["change"].isin(["lost", "gained"])].dropna(subset=PLACE)
    every = every.assign(bare=every["image"].map(bare))
    if every.empty:
        return None
    image = every["bare"].value_counts().index[0]
    rows = every[every["bare"] == image]
    across, down = (rows["x"] + rows["width"] / 2).to_numpy(), (rows["y"] + rows["height"] / 2).to_numpy()
    near = (abs(across[:, None] - across) <= SIDE / 2) & (abs(down[:, None] - down) <= SIDE / 2)
    best = int(near.sum(axis=1).argmax())
    side = max(SIDE, 4 * math.ceil(float(rows.iloc[best][["width", "height"]].max())))
    left, top = (max(0, round(float(value) - side / 2)) for value in (across[best], down[best]))
    return Place(str(rows["image"].iloc[0]), left, top, side)


def _setting(run: RunFolder, datasets: Mapping[str, Any]) -> Setting:
    job = run.job()
    part = job["measured"]["part"]
    entry = datasets.get(part) or datasets.get("source") or {}
    return Setting(Path(job["datasets"][part]["path"]), entry.get("white"))
