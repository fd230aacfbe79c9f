from __future__ import annotations

import unittest

import pytest

import iqf_core as iqf
from iqf_core import ParameterError
from iqf_core.testing import MODIFIER_LAWS, BrokenLaw, broken, modifier_laws
from tests.degradations import Tiles
from tests.testing.wrong_modifiers import (
    BREAKS,
    RIGHT,
    Bright,
    Coarser,
    Fade,
    FailsOnSixBands,
    Grainy,
    WritesToItsInput,
)

NAMES = [law.__name__ for law in MODIFIER_LAWS]
DECLARED = {"RefusesWithoutRemedy": ["uint8"], "RefusesWithAnotherError": ["uint8"]}


@pytest.mark.parametrize("made", RIGHT, ids=str)
def test_a_right_one_keeps_every_law(made):
    for law in modifier_laws(made):
        law.check()


def test_one_that_changes_type_bands_and_full_scale_and_says_so():
    for law in modifier_laws(Bright(), keeps_white=False):
        law.check()
    assert broken(modifier_laws(Bright())) == ["full_scale_is_known"]


def test_one_that_makes_many_images_of_one_keeps_what_concerns_it():
    laws = modifier_laws(Tiles(size=16))
    assert [law.name for law in laws] == ["same_seed_same_bytes", "parameters_survive_yaml"]
    for law in laws:
        law.check()


@pytest.mark.parametrize(("wrong", "law"), BREAKS.items(), ids=lambda one: getattr(one, "__name__", one))
def test_a_wrong_one_breaks_exactly_its_law(wrong, law):
    declared = DECLARED.get(wrong.__name__)
    kinds = {"dtypes": declared} if declared else {}
    assert broken(modifier_laws(wrong(), **kinds)) == [law]


def test_every_law_is_broken_by_some_wrong_one():
    assert set(BREAKS.values()) == set(NAMES)


def test_what_is_supported_in_secret_is_a_breach():
    assert broken(modifier_laws(Fade(), bands=[1, 3])) == ["unsupported_is_refused"]


def test_a_chain_is_held_to_the_laws():
    assert broken(modifier_laws(["png", "png(level=1)"], dtypes=["uint8", "uint16"])) == []


def test_a_chain_has_no_knob_of_its_own():
    assert "harm_grows_along_the_knob" not in {law.name for law in modifier_laws(["quantise(bits=4)", "png"])}


def test_what_is_drowned_in_noise_is_not_looked_for():
    (law,) = [law for law in modifier_laws(Grainy(sigma=5.0)) if law.name == "pixels_lie_where_declared"]
    law.check()


def test_a_knob_that_is_refused_says_what_to_declare():
    (law,) = [law for law in modifier_laws(Coarser(), harm=[1, 60]) if law.name.startswith("harm")]
    with pytest.raises(BrokenLaw, match=r"coarser\(step=60\) is refused .* declare harm="):
        law.check()


def test_a_law_that_does_not_apply_is_not_there():
    names = {law.name for law in modifier_laws("identity")}
    assert set(NAMES) - names == {"unsupported_is_refused", "harm_grows_along_the_knob"}
    assert "neutral_is_the_identity" not in {law.name for law in modifier_laws(Coarser())}


def test_ids_name_component_and_law():
    laws = modifier_laws(Fade(loss=0.3))
    assert str(laws[0]) == "fade-loss0.3-works"
    assert len(set(map(str, laws))) == len(laws)


def test_a_breach_names_law_component_and_image():
    (law,) = [law for law in modifier_laws(FailsOnSixBands()) if law.name == "works"]
    with pytest.raises(
        BrokenLaw, match=r"^fails_on_six_bands-loss0\.2 breaks works \(Every .*\): TypeError: "
    ) as found:
        law.check()
    assert "uint8, 6 band(s), 64x64 px" in str(found.value)
    assert isinstance(found.value.__cause__, TypeError)


def test_what_another_breach_explains_is_skipped_and_says_so():
    laws = {law.name: law for law in modifier_laws(WritesToItsInput())}
    with pytest.raises(unittest.SkipTest, match="cannot be decided while input_is_untouched is broken"):
        laws["same_seed_same_bytes"].check()


def test_a_skipped_law_excuses_no_other():
    laws = modifier_laws(WritesToItsInput(), skip={"input_is_untouched": "for this test"})
    assert broken(laws) == ["same_seed_same_bytes"]
    with pytest.raises(unittest.SkipTest, match="for this test"):
        next(law for law in laws if law.name == "input_is_untouched").check()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"skip": {"works": " "}}, "say why works is skipped"),
        ({"skip": {"work": "because"}}, "no law 'work'. Did you mean 'works'"),
        ({"dtypes": ["uint32"]}, "dtypes=.*uint8"),
        ({"bands": []}, "bands=.*1, 3, 6"),
        ({"harm": [1, 2]}, "harm: identity is not set by a knob"),
        ({"dtypes": "uint8"}, "dtypes='uint8'"),
    ],
)
def test_wrong_declarations_are_refused(options, said):
    with pytest.raises(ParameterError, match=said):
        modifier_laws("identity", **options)


def test_harm_is_tried_from_mild_to_harsh_in_any_order():
    for harm in ([0.0, 0.5], [0.5, 0.1, 0.3]):
        assert broken(modifier_laws(Fade(), harm=harm)) == []
    assert "harm_grows_along_the_knob" in broken(modifier_laws(Fade(), harm=[0.3, 0.3]))


def test_names_are_public_errors_too():
    assert issubclass(BrokenLaw, AssertionError)
    assert not issubclass(BrokenLaw, iqf.IqfError)
