"""The images that a search looks at, and the random numbers that belong to each."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from iqf_core.image import Image

if TYPE_CHECKING:
    from iqf_core.modifiers import ImageModifier


def generator_for(seed: int, modifier_name: str, image_name: str) -> np.random.Generator:
    """Generator of one image under one modifier: the same in any order, on any number of workers.

    Parameters
    ----------
    seed : int
        The study's or variant's seed, at least 0.
    modifier_name, image_name : str
        Settings of one modifier share their draws, so that they differ by the setting alone.
    """
    words = [zlib.crc32(text.encode()) for text in (modifier_name, image_name)]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))


@dataclass(frozen=True)
class Samples:
    """Images by name, loaded when asked.

    Parameters
    ----------
    names : sequence of str
        Image names.
    load : callable
        Name -> image.
    seed : int
        What modifiers draw from.
    workers : int or None
        How many images are worked on at once.
    """

    names: Sequence[str]
    load: Callable[[str], Image]
    seed: int = 0
    workers: int | None = None

    def through(self, modifier: ImageModifier) -> Samples:
        """The same images after a modifier, with the draws that a variant of it has."""

        def load(name: str) -> Image:
            rng = generator_for(self.seed, modifier.name, name)
            return modifier.modify(self.load(name), rng=rng).decoded()

        return replace(self, load=load)
