from __future__ import annotations

import sys

import pytest
import yaml

import iqf_core as iqf
from iqf_core import plugins
from iqf_core.errors import ParameterError, UnknownComponent
from iqf_core.hookspecs import Component
from iqf_core.modifiers import Chain, Identity
from iqf_core.specs import expand, grid, modifier
from iqf_core.targets import RateTarget
from tests.degradations import Coarse, Flip, Jpg, Pair, Tiles


@pytest.fixture(autouse=True)
def offered(tmp_path, monkeypatch):
    """The test modifiers, offered by a plugin that is really installed."""
    names = {one.name: one for one in (Coarse, Flip, Jpg, Pair, Tiles)}
    entries = ", ".join(
        f"Component({name!r}, 'tests.degradations:{one.__name__}', 'for tests')"
        for name, one in names.items()
    )
    (tmp_path / "degrading_plugin.py").write_text(
        "from iqf_core import Component, hookimpl\nIQF_API = 1\n"
        f"@hookimpl\ndef iqf_modifiers():\n    return [{entries}]\n"
    )
    info = tmp_path / "degrading-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: degrading\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[iqf]\ndegrading = degrading_plugin\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    plugins.configure(plugins.Policy())
    assert Component  # the interface that the plugin is written against
    yield
    sys.modules.pop("degrading_plugin", None)
    monkeypatch.undo()
    plugins.configure(plugins.Policy())


MODIFIERS = [
    Identity(),
    Coarse(step=5),
    Pair(),
    Pair(window=(3, 5)),
    Pair(window=[1], word="a, 'b' | (c)"),
    Chain(steps=(Coarse(step=2), Jpg(quality=30))),
    Chain(steps=(Pair(window=(3, 5)), Chain(steps=(Flip(), Coarse(step=2))))),
    RateTarget(modifier=Coarse(gain=2.0), target_bits_per_pixel=1.5),
    RateTarget(modifier=Jpg(), target_ratio=10.0, per_image=True),
]


@pytest.mark.parametrize("made", MODIFIERS, ids=str)
def test_what_a_modifier_says_of_itself_makes_it_again(made):
    spec = made.spec()
    assert modifier(spec).spec() == spec
    assert modifier(yaml.safe_load(yaml.safe_dump(spec))).spec() == spec
    if not isinstance(made, RateTarget):  # the knob of its modifier does not count
        assert modifier(spec) == made


@pytest.mark.parametrize("made", [m for m in MODIFIERS if "(c)" not in str(m)], ids=str)
def test_what_a_modifier_prints_makes_it_again(made):
    assert str(modifier(str(made))) == str(made)
    assert modifier(str(made)).label == made.label


def test_ways_to_write_one():
    expected = Coarse(step=5)
    assert modifier("coarse(step=5)") == expected
    assert modifier("coarse", step=5) == expected
    assert modifier("coarse(gain=1.0)", step=5) == expected
    assert modifier("degrading:coarse", step=5) == expected
    assert modifier({"coarse": {"step": 5}}) == expected
    assert modifier(["coarse(step=5)"]) == expected
    assert modifier(expected) is expected
    assert modifier(Coarse(), step=5) == expected
    assert iqf.modifier("coarse(step=5)") == expected


def test_chains():
    expected = Chain(steps=(Coarse(step=2), Jpg(quality=30)))
    assert modifier("coarse(step=2) | jpg(quality=30)") == expected
    assert modifier(["coarse(step=2)", {"jpg": {"quality": 30}}]) == expected
    assert modifier({"chain": {"steps": ["coarse(step=2)", "jpg(quality=30)"]}}) == expected
    assert expected.label == "coarse-step2+jpg-quality30"
    assert expected.family == "coarse+jpg"
    assert expected.knob_value == 30
    assert hash(expected) == hash(modifier("coarse(step=2) | jpg(quality=30)"))


def test_a_bar_inside_brackets_is_part_of_a_value():
    assert modifier("pair(word='a|b') | flip").steps[0] == Pair(word="a|b")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ([], "at least one"),
        ("chain", "at least one"),
        ({"chain": {}}, "at least one"),
        ({"chain": {"steps": ["flip"], "quality": 5}}, "no parameter 'quality'"),
        ("flip | tiles", "no modifier of single images"),
        ("tiles(target_ratio=10)", "no knob"),
        ("flip(target_ratio=10)", "no knob"),
        ("coarse(step=3, target_ratio=10)", "not both"),
        ("coarse(target_ratio=10, target_bits_per_pixel=1)", "exactly one"),
        ("coarse(target_ratio=0.5)", "greater than or equal to 1"),
        ("coarse(per_image=True)", "no parameter 'per_image'"),
        ("coarse(target_psnr=10)", "no target 'target_psnr'"),
        ("coarse(step=[1, 2])", "grid of 2"),
        ({"coarse": {"step": []}}, "empty list"),
        ({"coarse": {1: 2}}, "no parameter '1'"),
        (5, "cannot read"),
        ("coarse(stpe=3)", "Did you mean 'step'"),
    ],
)
def test_what_makes_no_sense_is_said(spec, said):
    with pytest.raises(ParameterError) as error:
        modifier(spec)
    assert said in str(error.value)


@pytest.mark.parametrize("spec", ["coarse | flip", ["coarse", "flip"]])
def test_parameters_beside_a_chain_are_refused(spec):
    with pytest.raises(ParameterError, match="no parameter 'step': write it at its step"):
        modifier(spec, step=3)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UnknownComponent, match="coarse"):
        modifier("corse(step=1)")


def test_grids_vary_the_last_fastest():
    found = [one.label for one in expand({"coarse": {"step": [2, 3], "gain": [1.0, 2.0]}})]
    assert found == ["coarse-step2", "coarse-step2-gain2", "coarse-step3", "coarse-step3-gain2"]
    chains = expand([{"coarse": {"step": [2, 3]}}, "jpg(quality=[10, 30])"])
    assert [chain.label for chain in chains] == [
        f"coarse-step{step}+jpg-quality{quality}" for step in (2, 3) for quality in (10, 30)
    ]
    assert [one.window for one in expand({"pair": {"window": [[1, 2], [3]]}})] == [(1, 2), (3,)]
    assert expand({"coarse": {"target_ratio": [2.0, 4.0]}})[1].target_ratio == 4.0
    assert grid({}) == [{}]
