"""Laws of settings: seeds, workers, the neutral setting, the knob, and what a study file says."""

from __future__ import annotations

import hashlib
import itertools
import math
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from iqf_core.contract import Pixels
from iqf_core.errors import UnsupportedImage
from iqf_core.image import Image, write_image
from iqf_core.modifiers import ImageModifier
from iqf_core.testing.attempts import Attempt, ModifierCase, attempt, require_same, told
from iqf_core.testing.law import BrokenLaw
from iqf_core.testing.place_laws import on_grid_of
from iqf_core.testing.scenes import NODATA, scene

WORKERS = (1, 4)
IMAGES = 6  # of the dataset that is made by one worker and by four


def same_seed_same_bytes(case: ModifierCase) -> None:
    """The same seed gives the same bytes: again, and in a dataset's variant by one worker or four."""
    if isinstance(case.modifier, ImageModifier):
        for image in case.images():
            first, second = (attempt(case.modifier, image, seed=3).bytes for _ in range(2))
            if first != second:
                raise BrokenLaw(f"two results of one seed differ ({told(image)})")
    with tempfile.TemporaryDirectory() as folder:
        one, four = (_variant(case, Path(folder), workers) for workers in WORKERS)
    if one.keys() != four.keys():
        raise BrokenLaw(f"one worker made {sorted(one)}, four made {sorted(four)}")
    differ = sorted(name for name in one if one[name] != four[name])
    if differ:
        raise BrokenLaw(f"one worker and four made different files: {', '.join(differ)}")


def _variant(case: ModifierCase, folder: Path, workers: int) -> Mapping[str, str]:
    """Digests of the images of a variant of a small dataset, by name."""
    from iqf_core.dataset import open_dataset
    from iqf_core.variant import make_variant

    source = folder / "scenes"
    if not source.exists():
        (source / "images").mkdir(parents=True)
        template = case.image(size=(48, 40))
        dtype = str(template.dtype)
        for seed in range(IMAGES):
            holes = NODATA[dtype][0] if seed == 0 else None
            image = scene(dtype, template.bands, size=(48, 40), seed=seed, nodata=holes)
            write_image(source / "images" / f"{seed}.tif", image)
    variant = make_variant(
        open_dataset(source, white=case.image().white),
        case.modifier,
        variants_root=folder / f"by{workers}",
        workers=workers,
        seed=5,
        progress=False,
    )
    return {name: hashlib.sha256(variant.path(name).read_bytes()).hexdigest() for name in variant.images}


def drawing_is_declared(case: ModifierCase) -> None:
    """What draws from the generator says ``stochastic``; what says so differs from seed to seed."""
    modifier, image = case.image_modifier, case.image()
    first = attempt(modifier, image, seed=1)
    if not modifier.draws:
        if _drew(first, seed=1):
            raise BrokenLaw(
                "it draws from rng, so its class must say stochastic: ClassVar[bool] = True; else its"
                " variants are taken for those of any other seed"
            )
    elif first.bytes == attempt(modifier, image, seed=2).bytes:
        raise BrokenLaw("it says stochastic, and two seeds give the same bytes")


def _drew(tried: Attempt, *, seed: int) -> bool:
    unused = np.random.default_rng(seed)
    after, before = tried.rng.bit_generator, unused.bit_generator
    spawned = getattr(after.seed_seq, "n_children_spawned", 0)
    return bool(spawned) or after.state != before.state


def neutral_is_the_identity(case: ModifierCase) -> None:
    """``neutral()`` gives back every sample, on every supported type and number of bands."""
    neutral = case.modifier.neutral()
    if not isinstance(neutral, ImageModifier):
        raise BrokenLaw(f"neutral() gave {type(neutral).__name__}, which modifies no single image")
    for nodata in (False, True):
        for image in case.images(nodata=nodata):
            tried = attempt(neutral, image)
            affine = tried.modified.affine
            if affine is not None and not affine.almost_equals(type(affine).identity()):
                raise BrokenLaw(f"{neutral} moves the pixels ({told(image)})")
            require_same(tried.kept, image, f"{neutral} is not the identity")


def harm_grows_along_the_knob(case: ModifierCase) -> None:
    """The error against the input (RMSE) never falls from mild to harsh, and is larger at the end."""
    knob = case.modifier.knob
    if knob is None:
        raise BrokenLaw("it has no knob")
    image = case.image(size=(96, 96))
    values = sorted(case.harm, reverse=knob.mild > knob.harsh)
    errors = [_rmse(_tried(case, value, image)) for value in values]
    along = ", ".join(f"{value:g}: {error:.4g}" for value, error in zip(values, errors, strict=True))
    falls = any(later < earlier * (1 - 1e-9) for earlier, later in itertools.pairwise(errors))
    if falls or not errors[-1] > errors[0]:
        raise BrokenLaw(f"from mild to harsh the RMSE is {knob.field} {along} ({told(image)})")


def _tried(case: ModifierCase, value: float, image: Image) -> Attempt:
    found = case.modifier.with_knob(value)
    if not isinstance(found, ImageModifier):
        raise BrokenLaw(f"with_knob({value:g}) gave {type(found).__name__}")
    try:
        return attempt(found, image)
    except UnsupportedImage as refusal:
        raise BrokenLaw(f"{found} is refused ({refusal}): declare harm=[…], values that work") from refusal


def _rmse(tried: Attempt) -> float:
    """Error on the input's grid, inside the result, in shares of each one's white."""
    from affine import Affine

    before, after = tried.before, tried.kept
    if after.bands != before.bands:
        raise BrokenLaw("bands that are not the input's cannot be compared with it: skip this law")
    found, inside = on_grid_of(before, after, tried.modified.affine or Affine.identity())
    difference = _shares(found, after) - _shares(before.pixels, before)
    return math.sqrt(float(np.square(difference[inside]).mean()))


def _shares(pixels: Pixels, image: Image) -> Pixels:
    return np.asarray(pixels, np.float64) / (image.white or 1.0)
