"""The laws of modifiers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from iqf_core.errors import ParameterError
from iqf_core.modifiers import ImageModifier, Modifier
from iqf_core.specs import Spec, modifier
from iqf_core.testing import image_laws, place_laws, setting_laws
from iqf_core.testing.attempts import ModifierCase
from iqf_core.testing.law import Law, Rule, laws_for, require_known
from iqf_core.testing.scenes import BANDS, DTYPES
from iqf_core.testing.written import require_survival


def modifier_laws(
    spec: Spec,
    *,
    harm: Sequence[float] | None = None,
    dtypes: Sequence[str] = DTYPES,
    bands: Sequence[int] = BANDS,
    keeps_white: bool = True,
    skip: Mapping[str, str] | None = None,
) -> list[Law]:
    """The laws that apply to a modifier at one setting.

    Parameters
    ----------
    spec : str, mapping, sequence or Modifier
        As for `iqf_core.modifier`; an instance needs no plugin that offers it.
    harm : sequence of float, optional
        Values of its knob along which harm grows; by default its mild end, a middle, and its harsh end.
    dtypes : sequence of str, optional
        Types of samples that it supports, of uint8, uint16, int16, float32. The others it must refuse.
    bands : sequence of int, optional
        Numbers of bands that it supports, of 1, 3, 6. The others it must refuse.
    keeps_white : bool, optional
        False for a modifier that is there to change full scale.
    skip : mapping of str to str, optional
        Law -> why it is skipped.

    Returns
    -------
    list of Law
        Each to be tried with ``check()``; its text is an id.

    Raises
    ------
    ParameterError
        For a type, number of bands or law that does not exist, a skip without a reason, and for ``harm``
        without a knob.

    Examples
    --------
    >>> laws = modifier_laws("identity")
    >>> [law.check() for law in laws if law.name == "input_is_untouched"]
    [None]
    """
    made = modifier(spec)
    require_known("dtypes", dtypes, DTYPES)
    require_known("bands", bands, BANDS)
    if harm is not None and not _has_knob(made):
        raise ParameterError(f"harm: {made} is not set by a knob along which harm could grow")
    case = ModifierCase(
        made, tuple(_ends(made) if harm is None else harm), tuple(dtypes), tuple(bands), keeps_white
    )
    return laws_for(case, MODIFIER_LAWS, applies=_APPLIES, basics=_BASICS, skip=skip)


def parameters_survive_yaml(case: ModifierCase) -> None:
    """What a study file says of it makes an equal one, with the same label, along its knob too."""
    along = case.harm if _has_knob(case.modifier) else ()
    for made in (case.modifier, *map(case.modifier.with_knob, along)):
        require_survival(made)


MODIFIER_LAWS: tuple[Rule, ...] = (
    image_laws.works,
    image_laws.unsupported_is_refused,
    image_laws.odd_images_work_or_are_refused,
    image_laws.input_is_untouched,
    image_laws.memory_is_its_own,
    image_laws.type_bands_and_size_are_declared,
    image_laws.full_scale_is_known,
    place_laws.pixels_lie_where_declared,
    place_laws.georeference_follows,
    place_laws.nodata_stays_nodata,
    setting_laws.same_seed_same_bytes,
    setting_laws.drawing_is_declared,
    setting_laws.neutral_is_the_identity,
    setting_laws.harm_grows_along_the_knob,
    parameters_survive_yaml,
)

_BASICS: tuple[Rule, ...] = (
    image_laws.works,
    image_laws.input_is_untouched,
    image_laws.type_bands_and_size_are_declared,
    setting_laws.drawing_is_declared,
)


def _of_single_images(case: ModifierCase) -> bool:
    return isinstance(case.modifier, ImageModifier)


_FOR_ANY = (setting_laws.same_seed_same_bytes, parameters_survive_yaml)
_APPLIES: Mapping[Rule, Callable[[Any], object]] = {
    **{rule: _of_single_images for rule in MODIFIER_LAWS if rule not in _FOR_ANY},
    image_laws.unsupported_is_refused: lambda case: (
        _of_single_images(case) and next(case.unsupported(), None) is not None
    ),
    setting_laws.neutral_is_the_identity: lambda case: (
        _of_single_images(case) and case.modifier.neutral() is not None
    ),
    setting_laws.harm_grows_along_the_knob: lambda case: _of_single_images(case) and _has_knob(case.modifier),
}


def _has_knob(made: Modifier) -> bool:
    """Whether its knob is what sets it: a chain has none of its own, a lossless setting is set otherwise."""
    return made.knob is not None and made.knob_value is not None


def _ends(made: Modifier) -> list[float]:
    """The mild end of the knob, a middle, and the harsh end."""
    knob = made.knob
    if knob is None:
        return []
    ends = knob.mild, knob.harsh
    middle = math.sqrt(ends[0] * ends[1]) if min(ends) > 0 else sum(ends) / 2
    return [knob.mild, middle, knob.harsh]
