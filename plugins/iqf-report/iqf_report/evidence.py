"""What the runs of a study say of a setting against its reference."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from iqf_core import ParameterError, Results
from iqf_core.criterion import Criterion, metric_column
from iqf_core.runfolder import RunFolder
from iqf_report.bounds import Estimate
from iqf_report.estimates import Array, bootstrapped, crossed, distance, draws_of, paired
from iqf_report.families import Setting
from iqf_report.stored import Stored, stored_in

if TYPE_CHECKING:
    import pandas as pd

LEAST_REPETITIONS = 3
HIGHER = "{} does not say which way is better: higher is taken to be (`better: lower` says otherwise)"


class NotEnough(Exception):
    """Nothing can be said of a setting yet; the text says what is missing."""


@dataclass
class Evidence:
    """Runs of a study, looked at by one metric.

    Parameters
    ----------
    results : Results
        Of the study.
    criterion : Criterion
        By which it is decided.
    """

    results: Results
    criterion: Criterion
    notes: list[str] = field(default_factory=list)

    @functools.cached_property
    def table(self) -> pd.DataFrame:
        """A row per run."""
        table = self.results.dataframe()
        if "train_variant" in table:  # of a matrix, each model on what it was trained on
            table = table[table["train_variant"] == table["variant"]]
        if table.empty or not (table["status"] == "FINISHED").any():
            raise ParameterError(f"{self.results.name}: no run has ended well yet; `iqf run` first")
        return table

    @functools.cached_property
    def finished(self) -> pd.DataFrame:
        """Runs that ended well, with a value of the metric."""
        rows = self.table[self.table["status"] == "FINISHED"]
        return rows[rows[self.column].notna()]

    @functools.cached_property
    def column(self) -> str:
        """Column of the metric."""
        known = {*self.results.hyperparameters(), "knob", "repetition", "seed", "duration_s"}
        numbers = self.table.select_dtypes("number").columns
        return metric_column([str(name) for name in numbers if name not in known], self.criterion.metric)

    @functools.cached_property
    def sign(self) -> int:
        """1 where higher is better, -1 where lower is."""
        declared = self.criterion.better
        if declared is None:
            stored = self._stored or stored_in(self._measurements(), self.column)
            declared = None if stored is None or stored.better == "none" else stored.better
        if declared is None:
            self.notes.append(HIGHER.format(self.column))
        return -1 if declared == "lower" else 1

    def settings(self) -> list[Setting]:
        """Settings of the study, in its order."""
        hyper = self.results.hyperparameters()
        found = []
        for row in self.table.drop_duplicates(["variant", *hyper]).to_dict("records"):
            knob = row["knob"]
            found.append(
                Setting(
                    variant=str(row["variant"]),
                    spec=self._folder(row["key"]).job().get("modifier"),
                    knob=None if knob is None or knob != knob else float(knob),
                    hyperparameters=tuple((name, row[name]) for name in hyper),
                )
            )
        return found

    def mean(self, setting: Setting) -> float:
        """Mean of the metric over the repetitions; NaN where there is none."""
        return float(self._runs(setting)[self.column].mean())

    def cost(self, setting: Setting) -> float:
        """Mean of the cost; NaN where the results do not have it."""
        runs = self._runs(setting)
        return float(runs[self.criterion.cost].mean()) if self.criterion.cost in runs else float("nan")

    def compared(self, setting: Setting, reference: Setting) -> Estimate:
        """How far a setting is from the worst that still does: positive is better.

        The difference to the reference plus the margin; with a relative margin, the difference to its share
        of the reference. Either is the mean of what each repetition says on the same images.

        Raises
        ------
        NotEnough
            Saying what is missing.
        """
        one, other = self._by_repetition(setting), self._by_repetition(reference)
        common = sorted(one.keys() & other.keys())
        self._require(common, setting)
        shift = self._distance(*(np.array([values[r] for r in common]) for values in (one, other)))
        images = self._images(setting, reference, common)
        if images is not None:
            return images(shift)
        if self.criterion.frozen or len(common) < LEAST_REPETITIONS:
            raise NotEnough("there are no values image by image, so at least 3 repetitions are needed")
        return paired(shift, step=self._resolution)

    def _distance(self, variant: Any, reference: Any) -> Any:
        criterion = self.criterion
        return distance(
            variant, reference, margin=criterion.margin, relative=criterion.relative, sign=self.sign
        )

    def margin(self, reference: Setting) -> float:
        """What may be lost, in the metric's unit: what lies between a difference and a distance.

        Raises
        ------
        ParameterError
            When it is a share of something that is not above 0.
        """
        if not self.criterion.relative:
            return self.criterion.margin
        mean = self.mean(reference)
        if mean <= 0:
            raise ParameterError(
                f"{self.column}: the reference has {mean:.4g}, and a share of that is no margin; give it in "
                "the metric's own unit (without --relative)"
            )
        return self.criterion.margin * mean

    def _require(self, common: list[int], setting: Setting) -> None:
        if not common:
            raise NotEnough("no repetition of it and of the reference has ended well")
        if self.criterion.frozen:
            return
        if len(common) < LEAST_REPETITIONS:
            raise NotEnough(
                f"{len(common)} repetition(s), and a model that is trained anew needs at least "
                f"{LEAST_REPETITIONS} (`repetitions:`); of one trained model, say `frozen: true`"
            )
        if self._are_copies(setting):
            raise NotEnough(
                "its repetitions ended identically, with no seed_argument: they are not repetitions (give "
                "the script a seed, or say `frozen: true`)"
            )

    def _are_copies(self, setting: Setting) -> bool:
        runs = self._runs(setting)
        return bool(runs["seed"].isna().all() and runs[self.column].nunique() == 1)

    def _images(
        self, setting: Setting, reference: Setting, common: list[int]
    ) -> Callable[[Array], Estimate] | None:
        """Estimate from values image by image, None where there are none."""
        if self._stored is None or not self._stored.rows.is_file():
            return None
        pairs = [(self._kept(setting, r), self._kept(reference, r)) for r in common]
        if any(kept is None for pair in pairs for kept in pair):
            return None
        if self._stored.values(self._stored.table()) is not None:
            return functools.partial(self._crossed, reference, pairs)
        return functools.partial(self._bootstrapped, setting, reference, common)

    def _crossed(self, reference: Setting, pairs: list[Any], shift: Array) -> Estimate:
        """Two-way crossed model on means of per-image values, by scene."""
        import pandas as pd

        tables = [(one.table(), other.table()) for one, other in pairs]
        mine, theirs = (
            pd.concat(
                [pair[side].values(table[side]) for pair, table in zip(pairs, tables, strict=True)],
                axis=1,
                keys=range(len(pairs)),
            )
            for side in (0, 1)
        )
        distances = self._distance(mine, theirs.reindex(mine.index))
        known = distances.dropna()
        if known.empty:
            raise NotEnough("no image has a value in every run")
        if len(known) < len(distances):
            self.notes.append(f"{len(distances) - len(known)} images have no value in some run: left out")
        by_scene = known.groupby(tables[0][0].set_index("image")["group"].reindex(known.index))
        step = _smallest_gap(np.concatenate([mine.to_numpy(float), theirs.to_numpy(float)])) / len(known)
        sizes = by_scene.size().to_numpy(float)
        return crossed(by_scene.mean().to_numpy(float).T, sizes, step=step, margin=self.margin(reference))

    def _bootstrapped(
        self, setting: Setting, reference: Setting, common: list[int], shift: Array
    ) -> Estimate:
        ours, theirs = (
            np.stack([self._samples(one, r) for r in common], axis=1) for one in (setting, reference)
        )
        return bootstrapped(
            shift,
            self._distance(ours, theirs),
            np.bincount(self._clusters[2]),
            step=self._resolution,
            margin=self.margin(reference),
        )

    def _samples(self, setting: Setting, repetition: int) -> Array:
        """Metric of a run with images drawn anew, the same draws for every run: (draws,)."""
        key = setting.variant, setting.hyperparameters, repetition
        if key not in self._drawn:
            kept = self._kept(setting, repetition)
            if kept is None:
                raise NotEnough("the table of a run is no longer there")
            table = kept.table()
            _, images, places = self._clusters
            self._drawn[key] = kept.sampled(table, self._draws[:, places], images)
        return self._drawn[key]

    @functools.cached_property
    def _drawn(self) -> dict[Any, Array]:
        return {}

    @functools.cached_property
    def _clusters(self) -> tuple[list[str], list[str], np.ndarray[Any, Any]]:
        """Scenes, images, and the scene of each image."""
        if self._stored is None:
            raise NotEnough("there are no values image by image")
        table = self._stored.table().drop_duplicates("image")
        groups = sorted(set(table["group"]))
        place = {group: index for index, group in enumerate(groups)}
        return groups, list(table["image"]), np.array([place[group] for group in table["group"]])

    @functools.cached_property
    def _draws(self) -> Array:
        seed = zlib.crc32(self.results.name.encode())
        return draws_of(len(self._clusters[0]), self.criterion.draws, np.random.default_rng(seed))

    @functools.cached_property
    def _stored(self) -> Stored | None:
        return stored_in((self._folder(key).tables for key in self.finished["key"].iloc[:1]), self.column)

    def _measurements(self) -> list[Any]:
        return [self._folder(key).measurements for key in self.finished["key"].iloc[:1]]

    def _kept(self, setting: Setting, repetition: int) -> Stored | None:
        runs = self._runs(setting)
        (key,) = runs[runs["repetition"] == repetition]["key"]
        found = stored_in([self._folder(key).tables], self.column)
        return found if found is not None and found.rows.is_file() else None

    @functools.cached_property
    def _resolution(self) -> float:
        """Smallest step of the metric: one over the rows of its table, or the least between two runs."""
        if self._stored is not None and self._stored.rows.is_file():
            return 1.0 / max(1, len(self._stored.table()))
        return _smallest_gap(self.finished[self.column].to_numpy(float))

    def _folder(self, key: str) -> RunFolder:
        return RunFolder(self.results.folder / "runs" / str(key))

    def _by_repetition(self, setting: Setting) -> dict[int, float]:
        runs = self._runs(setting)
        return dict(zip(runs["repetition"].astype(int), runs[self.column].astype(float), strict=True))

    def _runs(self, setting: Setting) -> pd.DataFrame:
        names = (setting.variant, *(str(value) for _, value in setting.hyperparameters))
        return self.finished.loc[self._index.get(names, [])]

    @functools.cached_property
    def _index(self) -> dict[tuple[str, ...], list[Any]]:
        """Setting, as text -> rows of its runs that ended well."""
        found: dict[tuple[str, ...], list[Any]] = {}
        keys = self.finished[["variant", *self.results.hyperparameters()]].astype(str)
        for row, named in zip(keys.index, keys.itertuples(index=False), strict=True):
            found.setdefault(tuple(named), []).append(row)
        return found


def _smallest_gap(values: Array) -> float:
    """Smallest step between values, NaN aside."""
    known = np.unique(values[~np.isnan(values)])
    if known.size < 2:
        raise NotEnough("every value is the same, so nothing tells how fine the metric is")
    return float(np.diff(known).min())
