"""What the runs of a study say of a setting against its reference."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from iqf_core import ParameterError
from iqf_core.criterion import LEAST_REPETITIONS
from iqf_report.bounds import Estimate
from iqf_report.estimates import Array, bootstrapped, crossed, distance, draws_of, paired
from iqf_report.families import Setting
from iqf_report.stored import Stored, stored_in
from iqf_report.studied import Studied

IMAGES = (
    "add a metric of predictions to the study, `metrics: [classification]` or `coco_detection` for example, "
    "which judges what the script writes to output.json, and make its output the criterion's metric "
    "(`classification.accuracy`)"
)
"""How a study comes to values image by image."""


class NotEnough(Exception):
    """Nothing can be said of a setting yet; the text says what is missing."""


@dataclass
class Evidence(Studied):
    """What the runs of a study say of a setting, by one metric."""

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
        self._require(common, setting, reference)
        shift = self._distance(*(np.array([values[r] for r in common]) for values in (one, other)))
        images = self._images(setting, reference, common)
        if images is not None:
            return images(shift)
        if self.criterion.frozen:
            raise NotEnough(
                "one frozen model needs values image by image; repetitions of the same model cannot replace "
                f"them: {IMAGES}"
            )
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

    def _require(self, common: list[int], setting: Setting, reference: Setting) -> None:
        faults = "; ".join([*self.faults(setting), *self.faults(reference)])
        if not common:
            raise NotEnough(faults or "no repetition of it and of the reference has ended both")
        if self.criterion.frozen:
            return
        if len(common) < LEAST_REPETITIONS:
            asked = int(self.results.origin()["study"].get("repetitions") or 0)
            if asked >= LEAST_REPETITIONS and min(map(self.ended, (setting, reference))) < asked:
                faults = f"; {faults}" if faults else ""
                raise NotEnough(f"{len(common)} of {asked} repetitions are done: `iqf run` goes on{faults}")
            one = "; of one trained model, say `frozen: true`" if self.has_images() else ""
            faults = f"; {faults}" if faults else ""
            raise NotEnough(
                f"{len(common)} repetition(s), and a model that is trained anew needs at least "
                f"{LEAST_REPETITIONS} (`repetitions:`){one}{faults}"
            )
        if self._are_copies(setting):
            one = ", or say `frozen: true`" if self.has_images() else ""
            raise NotEnough(
                "its repetitions ended identically, with no seed_argument: they are not repetitions (give "
                f"the script a seed{one})"
            )

    def has_images(self) -> bool:
        """Whether there are values image by image, without which one model cannot be judged."""
        return self._stored is not None and self._stored.rows.is_file()

    def _are_copies(self, setting: Setting) -> bool:
        runs = self._runs(setting)
        return bool(runs["seed"].isna().all() and runs[self.column].nunique() == 1)

    def _images(
        self, setting: Setting, reference: Setting, common: list[int]
    ) -> Callable[[Array], Estimate] | None:
        """Estimate from values image by image, None where there are none."""
        if self._stored is None or not self.has_images():
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
        mine, theirs = (one.replace([np.inf, -np.inf], np.nan) for one in (mine, theirs))
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
        """The same for the same scenes, whatever the study is called and whichever settings it has."""
        groups = self._clusters[0]
        seed = zlib.crc32("\n".join(groups).encode())
        return draws_of(len(groups), self.criterion.draws, np.random.default_rng(seed))

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


def _smallest_gap(values: Array) -> float:
    """Smallest step between values that are numbers."""
    known = np.unique(values[np.isfinite(values)])
    if known.size < 2:
        raise NotEnough("every value is the same, so nothing tells how fine the metric is")
    return float(np.diff(known).min())
