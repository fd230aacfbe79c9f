"""Asked against achieved: in the manifest, in the tables, and a warning where they differ."""

from __future__ import annotations

import json
import logging
import math
from typing import ClassVar

import pytest

from iqf_core import Missing, Output, ParameterError, Variant, make_variant, open_dataset
from iqf_core.metrics import ImageMetric
from iqf_core.modifiers import Chain, Identity, Modified
from iqf_core.verification import Verify, drifts
from tests.degradations import Coarse, Tiles


class Brightness(ImageMetric):
    """Mean and what lies beyond; of the first image nothing, if asked."""

    name: ClassVar[str] = "brightness"
    outputs: ClassVar[tuple[Output, ...]] = (
        Output("level", "DN", "none", 0, math.inf, "Mean."),
        Output("spread", "DN", "none", 0, math.inf, "Spread."),
    )

    fails: bool = False

    def measure(self, image):
        if self.fails and image.pixels[0, 0, 0] == 0:
            return self.missing("it is the first")
        return {"level": float(image.pixels.mean()), "spread": float(image.pixels.std())}


class Dimmed(Coarse):
    """Asked for a level, gives half of what there is."""

    name: ClassVar[str] = "dimmed"

    target_level: float = 50.0

    def asked(self):
        return {"level": self.target_level}

    def apply(self, image, *, rng):
        return Modified(image.with_pixels(image.pixels // 2))


@pytest.fixture
def source(maker):
    return open_dataset(maker.plain(count=6))


def means(dataset, output="level"):
    return [Brightness().measure(dataset.read(name))[output] for name in dataset.images]


def test_means_before_and_after_are_in_the_manifest(source, caplog):
    with caplog.at_level(logging.WARNING, logger="iqf"):
        made = make_variant(source, Dimmed(), verify=[Brightness()], workers=1)
    found = Variant.open(made.root).manifest.verified["brightness"]
    assert (found.sample, found.images) == (8, list(made.images))
    level, spread = found.outputs["brightness.level"], found.outputs["brightness.spread"]
    assert level.before == pytest.approx(sum(means(source)) / 6)
    assert level.after == pytest.approx(sum(means(made)) / 6)
    assert spread.after == pytest.approx(sum(means(made, "spread")) / 6)
    assert (level.asked, spread.asked, level.images, level.failed) == (50, None, 6, 0)
    assert f"brightness.level 50 was asked for, and is {level.after:.4g}" in caplog.text
    assert "brightness.spread" not in caplog.text


def test_within_the_tolerance_there_is_no_warning(source, caplog):
    half = sum(means(source)) / 12
    with caplog.at_level(logging.WARNING, logger="iqf"):
        make_variant(source, Dimmed(target_level=half), verify=Brightness())
        assert not caplog.text
        tight = {"metrics": [Brightness()], "tolerance": 1e-6}
        make_variant(source, Dimmed(target_level=half), verify=tight)
        assert "was asked for" in caplog.text


def test_a_sample_is_spread_evenly(source):
    made = make_variant(source, Coarse(), verify=Verify(metrics=[Brightness()], sample=3))
    assert made.manifest.verified["brightness"].images == ["scene0.png", "scene2.png", "scene5.png"]


def test_a_finished_variant_is_verified_without_being_made_again(source):
    made = make_variant(source, Dimmed())
    assert made.manifest.verified == {}
    before = {file: file.stat().st_mtime_ns for file in made.images_dir.iterdir()}
    again = make_variant(source, Dimmed(), verify=[Brightness()])
    assert again.root == made.root
    assert again.manifest.verified.keys() == {"brightness"}
    assert {file: file.stat().st_mtime_ns for file in made.images_dir.iterdir()} == before
    other = make_variant(source, Dimmed(), verify=[Brightness(fails=True)])
    assert other.manifest.verified.keys() == {"brightness", "brightness(fails=True)"}
    fewer = make_variant(source, Dimmed(), verify={"metrics": [Brightness()], "sample": 2})
    assert len(fewer.manifest.verified["brightness"].images) == 2
    assert make_variant(source, Dimmed()).manifest.verified.keys() == other.manifest.verified.keys()


def test_what_cannot_be_measured_has_a_reason_and_a_count(source):
    made = make_variant(source, Identity(), verify=[Brightness(fails=True)])
    (level, _) = made.manifest.verified["brightness(fails=True)"].outputs.values()
    assert (level.images, level.failed, level.reason) == (5, 1, "it is the first")
    assert level.before == pytest.approx(sum(means(source)[1:]) / 5)


def test_nothing_measured_is_not_a_number_and_said(maker, caplog):
    source = open_dataset(maker.plain(count=1))
    with caplog.at_level(logging.WARNING, logger="iqf"):
        made = make_variant(source, Dimmed(), verify=[Brightness(fails=True)])
    found = Variant.open(made.root).manifest.verified["brightness(fails=True)"]
    assert math.isnan(found.values()["verify.brightness-failsTrue.level.after"])
    assert "level 50 was asked for, and could not be measured" in caplog.text


def test_a_later_step_that_undoes_what_was_asked_for_is_found(source, caplog):
    half = sum(means(source)) / 12
    chain = Chain(steps=(Dimmed(target_level=half), Dimmed(target_level=half)))
    with caplog.at_level(logging.WARNING, logger="iqf"):
        make_variant(source, chain, verify=[Brightness()])
    assert "(-5" in caplog.text


def test_tiles_are_measured_against_their_source(source):
    made = make_variant(source, Tiles(size=16), verify=[Brightness()])
    assert made.manifest.verified["brightness"].outputs["brightness.level"].failed == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "verify.metrics: .*at least 1"),
        ({"metrics": ["basic"], "samples": 3}, "verify.samples: "),
        ({"metrics": ["basic"], "sample": 0}, "verify.sample: "),
        ({"metrics": ["basic"], "tolerance": 0}, "verify.tolerance: "),
        (["basics"], "Did you mean 'basic'"),
        (3, "verify"),
    ],
)
def test_what_is_refused(source, given, said):
    with pytest.raises(Exception, match=said):
        make_variant(source, Identity(), verify=given)
    assert not [folder for folder in source.root.parent.iterdir() if "#" in folder.name]


def test_pair_metrics_have_no_value_before(source):
    from tests.test_metrics import Difference

    with pytest.raises(ParameterError, match="difference does not measure single images"):
        make_variant(source, Identity(), verify=[Difference()])


def test_drifts_of_a_row():
    row = {"verify.a.b.asked": 2.0, "verify.a.b.after": 2.3, "accuracy": 0.4, "verify.a.c.after": 9.0}
    assert drifts(row, 0.1) == ["a.b 2 was asked for, and is 2.3 (+15.0 %)"]
    assert drifts(row, 0.2) == []
    assert drifts({"verify.a.b.asked": math.nan}, 0.1) == []
    assert drifts({"verify.a.b.asked": 1.0, "verify.a.b.after": Missing("x")}, 0.1)


def test_a_manifest_of_before_it_could_verify_is_read(source):
    made = make_variant(source, Coarse())
    file = made.root / ".iqf-manifest"
    content = json.loads(file.read_text())
    del content["verified"]
    file.write_text(json.dumps(content))
    assert Variant.open(made.root).manifest.verified == {}
