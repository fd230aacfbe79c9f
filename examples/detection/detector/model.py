"""A detector of one kind of object: where to look, how to settle there, and whether to believe it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import Ridge

from detector.boxes import boxes_around, overlaps, suppressed
from detector.pictures import Picture
from detector.templates import Templates, fit_templates
from detector.windows import channels, cut_windows, pooled

RIGHT, WRONG = 0.5, 0.3  # overlaps from and up to which a proposal is an example, or a counter-example
SAME = 0.35  # overlap from which two detections are one object
LEAST = 0.01  # score that is worth writing


@dataclass(frozen=True)
class Kind:
    """What is known of a kind of object beforehand, in metres and in pixels of its windows.

    Parameters
    ----------
    lengths : tuple of float
        Sizes that are looked for, in metres; what lies between is settled afterwards.
    directions : int
        Of the templates, within half a turn.
    coarse, fine : float
        Pixels a length, of the templates and of the windows that are judged.
    side : int
        Of a template in pixels, odd.
    window : (int, int)
        Height and width in pixels of the windows that are judged, even.
    proposals : float
        How many places are looked at, a hectare and size.
    """

    lengths: tuple[float, ...]
    directions: int
    coarse: float
    fine: float
    side: int
    window: tuple[int, int]
    proposals: float


KINDS = {
    "car": Kind((4.5,), 6, 9.0, 9.0, 13, (12, 16), 45),
    "truck": Kind((9.5,), 12, 10.0, 15.0, 15, (10, 24), 30),
    "aircraft": Kind((9.5, 16.0, 27.0), 12, 10.0, 10.0, 13, (14, 14), 6),
}


@dataclass(frozen=True)
class Settings:
    """How a detector is trained: hyper-parameters of the script."""

    rounds: int = 1
    trees: int = 40
    negatives: float = 2.0


@dataclass
class Finder:
    """A trained detector of one kind.

    Parameters
    ----------
    kind : Kind
        What it looks for.
    templates : list of Templates
        One for each length.
    settle : sklearn.linear_model.Ridge
        From a window to how its object lies in it.
    judge : sklearn.ensemble.HistGradientBoostingClassifier
        From a settled window to whether it holds such an object.
    """

    kind: Kind
    templates: list[Templates]
    settle: Ridge
    judge: HistGradientBoostingClassifier | None = None

    def find(self, picture: Picture) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (n, 4) in metres and scores of a picture, best first."""
        features, poses = self.look(picture)
        scores = self.judge.predict_proba(features)[:, 1]
        boxes = boxes_around(poses)
        kept = suppressed(boxes, scores, overlap=SAME)
        kept = kept[scores[kept] >= LEAST]
        return boxes[kept], scores[kept]

    def look(self, picture: Picture) -> tuple[np.ndarray, np.ndarray]:
        """Features (n, f) and poses (n, 5) of what is proposed, settled."""
        features, poses = [], []
        height, width = picture.pixels.shape[:2] * np.array(picture.gsd_m)[::-1]
        count = round(self.kind.proposals * height * width / 10_000)
        for length, templates in zip(self.kind.lengths, self.templates, strict=True):
            proposed = templates.propose(picture, count)
            first = describe(picture, proposed, self.kind, length)
            settled = moved(proposed, self.settle.predict(first), length)
            second = describe(picture, settled, self.kind, length)
            features.append(second)
            poses.append(moved(settled, self.settle.predict(second), length))
        return np.concatenate(features), np.concatenate(poses)


def fit_finder(
    kind: Kind,
    pictures: list[Picture],
    objects: list[np.ndarray],
    settings: Settings,
    rng: np.random.Generator,
) -> Finder:
    """Train the detector of one kind on pictures and the poses (n, 5) of its objects in each."""
    templates = [
        fit_templates(
            pictures,
            [_of_size(poses, length) for poses in objects],
            metres=length / kind.coarse,
            side=kind.side,
            directions=kind.directions,
            rng=rng,
        )
        for length in kind.lengths
    ]
    finder = Finder(kind, templates, _fit_settle(kind, pictures, objects, rng))
    features, right, wrong = _examples(finder, pictures, objects)
    finder.judge = _fit_judge(features[right], features[wrong], settings, rng)
    return finder


def describe(picture: Picture, poses: np.ndarray, kind: Kind, length: float) -> np.ndarray:
    """Features (n, f) of windows around poses."""
    return pooled(channels(cut_windows(picture, poses, length / kind.fine, kind.window)))


def moved(poses: np.ndarray, changes: np.ndarray, length: float) -> np.ndarray:
    """Poses (n, 5) after changes (n, 5): forward and aside in lengths, turn, logarithms of both sides."""
    cosine, sine = np.cos(poses[:, 2]), np.sin(poses[:, 2])
    ahead, aside = length * changes[:, 0], length * changes[:, 1]
    sides = length * np.exp(changes[:, 3:])
    x, y = poses[:, 0] + ahead * cosine - aside * sine, poses[:, 1] + ahead * sine + aside * cosine
    return np.column_stack([x, y, poses[:, 2] + changes[:, 2], sides])


def _of_size(poses: np.ndarray, length: float) -> np.ndarray:
    return poses[np.abs(np.log(poses[:, 3] / length)) < np.log(1.4)]


def _fit_settle(
    kind: Kind, pictures: list[Picture], objects: list[np.ndarray], rng: np.random.Generator
) -> Ridge:
    """Learn from windows that were moved off an object how to move back, and how large it is."""
    features, changes = [], []
    for picture, poses in zip(pictures, objects, strict=True):
        for length in kind.lengths:
            some = np.repeat(_of_size(poses, length), 3, axis=0)
            if len(some):
                off, change = _disturbed(some, length, kind, rng)
                features.append(describe(picture, off, kind, length))
                changes.append(change)
    return Ridge(alpha=0.3, solver="cholesky").fit(np.concatenate(features), np.concatenate(changes))


def _disturbed(
    poses: np.ndarray, length: float, kind: Kind, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Poses moved and turned at random, looking ahead or back, and what undoes it."""
    count = len(poses)
    ahead, aside = rng.normal(0, 0.1, (2, count))
    turn = rng.uniform(-0.75, 0.75, count) * np.pi / kind.directions
    heading = poses[:, 2] - turn
    cosine, sine = np.cos(heading), np.sin(heading)
    x = poses[:, 0] - length * (ahead * cosine - aside * sine)
    y = poses[:, 1] - length * (ahead * sine + aside * cosine)
    back = rng.integers(0, 2, count)
    sign = 1 - 2 * back
    changes = [sign * ahead, sign * aside, turn, *np.log(poses[:, 3:] / length).T]
    return np.column_stack([x, y, heading + np.pi * back]), np.column_stack(changes)


def _examples(
    finder: Finder, pictures: list[Picture], objects: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features of what is proposed in the training pictures, which of it is right, and which wrong."""
    features, best = [], []
    for picture, poses in zip(pictures, objects, strict=True):
        found, settled = finder.look(picture)
        shared = overlaps(boxes_around(settled), boxes_around(poses))
        features.append(found)
        best.append(shared.max(axis=1, initial=0))
    overlap = np.concatenate(best)
    return np.concatenate(features), overlap >= RIGHT, overlap < WRONG


def _fit_judge(
    right: np.ndarray, wrong: np.ndarray, settings: Settings, rng: np.random.Generator
) -> HistGradientBoostingClassifier:
    """Learn to tell right from wrong: from any counter-examples, then from those that passed for right."""
    count = min(len(wrong), int(settings.negatives * len(right)))
    chosen = rng.permutation(len(wrong))[:count]
    judge = _boosted(right, wrong[chosen], settings.trees // 2, rng)
    for _ in range(settings.rounds):
        hardest = np.argsort(-judge.predict_proba(wrong)[:, 1], kind="stable")[: count // 2]
        chosen = np.union1d(chosen, hardest)
        judge = _boosted(right, wrong[chosen], settings.trees, rng)
    return judge


def _boosted(
    right: np.ndarray, wrong: np.ndarray, trees: int, rng: np.random.Generator
) -> HistGradientBoostingClassifier:
    judge = HistGradientBoostingClassifier(
        max_iter=trees,
        learning_rate=0.2,
        max_leaf_nodes=8,
        min_samples_leaf=10,
        max_features=0.1,
        max_bins=32,
        early_stopping=False,
        random_state=int(rng.integers(2**31)),
    )
    labels = np.repeat([1, 0], [len(right), len(wrong)])
    return judge.fit(np.concatenate([right, wrong]), labels)
