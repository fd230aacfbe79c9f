"""Greedy matching of detections with objects, as in the COCO evaluation, for all images at once.

In each image and class, detections choose in the order of their scores; each takes the object that it
overlaps most of those still free, at each threshold of overlap and in each range of size (Lin et al. 2014,
doi:10.1007/978-3-319-10602-1_48, and its reference code). Detections of one rank choose at the same time:
those of different images and classes never want the same object.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from iqf_detection.instances import Array, Instances, run_starts

FALSE, TRUE, IGNORED = 0, 1, 2
PAIRS_AT_ONCE = 1_000_000
Overlaps = Callable[[Array, Array, Array], Array]
"""Shapes of detections, shapes of objects, whether these are crowds -> overlap of each pair, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Matches:
    """Who found whom.

    Parameters
    ----------
    found, objects : Instances
        Detections by image, class and falling score, no more than allowed; objects by image and class.
    state : ndarray of uint8, shape (ranges, thresholds, detections)
        FALSE, TRUE, or IGNORED (a crowd, or of another size).
    taken : ndarray of bool, shape (ranges, thresholds, objects)
        Whether an object was found.
    ignored : ndarray of bool, shape (ranges, objects)
        Crowds, and objects of another size.
    finder : ndarray of int, shape (thresholds, objects)
        In the first range: index of the detection that found it, -1 where none did.
    """

    found: Instances
    objects: Instances
    state: Array
    taken: Array
    ignored: Array
    finder: Array


def matched(
    objects: Instances,
    found: Instances,
    overlaps: Overlaps,
    *,
    thresholds: Sequence[float],
    ranges: Sequence[tuple[float, float]],
    scale: Array,
    limit: int,
) -> Matches:
    """Match.

    Parameters
    ----------
    objects, found : Instances
        In any order; equal scores keep theirs.
    overlaps : callable
        Of pairs of shapes.
    thresholds : sequence of float
        Least overlaps.
    ranges : sequence of (float, float)
        Least and largest area, both inclusive.
    scale : ndarray of float, shape (images,)
        Length of a pixel of each image, in the unit of the ranges.
    limit : int
        Detections of an image and class that count.
    """
    objects = objects.take(np.lexsort((objects.label, objects.image)))
    found = found.take(np.lexsort((-found.score, found.label, found.image)))
    found = found.take(found.ranks() < limit)
    lows, highs = np.array(ranges).reshape(-1, 2, 1).transpose(1, 0, 2)
    ignored = objects.crowd | _outside(objects, scale, lows, highs)
    shape = len(ranges), len(thresholds)
    matches = Matches(
        found=found,
        objects=objects,
        state=np.zeros((*shape, len(found)), np.uint8),
        taken=np.zeros((*shape, len(objects)), bool),
        ignored=ignored,
        finder=np.full((len(thresholds), len(objects)), -1),
    )
    least = np.minimum(np.asarray(thresholds, float), 1 - 1e-10)
    ranks = found.ranks()
    for pair_found, pair_object in _pairs(found, objects):
        crowd = objects.crowd[pair_object]
        overlap = overlaps(found.shape[pair_found], objects.shape[pair_object], crowd)
        near = overlap >= least.min()
        _choose(matches, ranks, pair_found[near], pair_object[near], overlap[near], least)
    outside = _outside(found, scale, lows, highs)[:, None]
    matches.state[(matches.state == FALSE) & outside] = IGNORED
    return matches


def _outside(instances: Instances, scale: Array, lows: Array, highs: Array) -> Array:
    area = instances.area * scale[instances.image] ** 2
    return np.asarray((area < lows) | (area > highs))


def _pairs(found: Instances, objects: Instances) -> Iterator[tuple[Array, Array]]:
    """Yield every detection with every object of its image and class, some images and classes at a time."""
    groups = objects.groups()
    starts = run_starts(groups)
    sizes = np.diff(np.append(starts, groups.size))
    place = np.searchsorted(groups[starts], found.groups())
    there = place < starts.size
    there[there] = groups[starts[place[there]]] == found.groups()[there]
    partners = np.zeros(len(found), np.int64)
    partners[there] = sizes[place[there]]
    # An image and class must not be torn apart: its detections choose one after the other.
    bounds = np.append(run_starts(found.groups()), len(found))
    before = np.concatenate(([0], np.cumsum(partners)))[bounds]
    cuts = np.unique(np.searchsorted(before, np.arange(0, max(1, before[-1]), PAIRS_AT_ONCE)))
    for first, last in zip(cuts, [*cuts[1:], bounds.size - 1], strict=True):
        part = np.arange(bounds[first], bounds[last])
        count = partners[part]
        pair_found = np.repeat(part, count)
        offset = np.arange(pair_found.size) - np.repeat(np.cumsum(count) - count, count)
        yield pair_found, starts[place[pair_found]] + offset


def _choose(
    matches: Matches, ranks: Array, found: Array, objects: Array, overlap: Array, least: Array
) -> None:
    """Let the detections of some images and classes choose, those of rank 0 first."""
    rank = ranks[found]
    order = np.lexsort((objects, overlap, found, rank))  # of equal overlaps, the later object is preferred
    bounds = np.append(run_starts(rank[order]), order.size)
    for first, last in itertools.pairwise(bounds):
        part = order[first:last]
        _choose_one_rank(matches, found[part], objects[part], overlap[part], least)


def _choose_one_rank(matches: Matches, found: Array, objects: Array, overlap: Array, least: Array) -> None:
    """Let one detection of each image and class choose; its pairs stand together, by rising overlap."""
    starts = run_starts(found)
    who = found[starts]
    free = ~matches.taken[:, :, objects] | matches.objects.crowd[objects]
    allowed = free & (overlap >= least[:, None])
    place = np.arange(found.size)
    liked = place + found.size * ~matches.ignored[:, objects]  # what counts before what is ignored
    best = np.maximum.reduceat(np.where(allowed, liked[:, None, :], -1), starts, axis=2)
    chosen = objects[best % found.size]  # of no meaning where best is -1
    ignored = matches.ignored[np.arange(len(matches.ignored))[:, None, None], chosen]
    hit = best >= 0
    matches.state[:, :, who] = np.where(hit, np.where(ignored, IGNORED, TRUE), FALSE)
    ranges, thresholds, which = np.nonzero(hit)
    matches.taken[ranges, thresholds, chosen[hit]] = True
    first = ranges == 0
    matches.finder[thresholds[first], chosen[0][hit[0]]] = who[which[first]]
