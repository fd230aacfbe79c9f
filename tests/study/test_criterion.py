"""By what a study is decided: refused where it is wrong, doubted where nothing gives it, and dated."""

from __future__ import annotations

import json
import math
from typing import ClassVar

import pytest

import iqf_core as iqf
from iqf_core import ParameterError
from iqf_core.criterion import Criterion, NoSuchMetric, metric_column, says_error
from tests.study.lab import ANSWER, Lab

COLUMNS = ["coco_detection.ap", "coco_detection.ap_0.5", "oriented.ap", "accuracy"]


def test_a_column_is_asked_for_by_its_name_or_its_end():
    assert metric_column(COLUMNS, "accuracy") == "accuracy"
    assert metric_column(COLUMNS, "ap_0.5") == "coco_detection.ap_0.5"
    assert metric_column(COLUMNS, "oriented.ap") == "oriented.ap"
    with pytest.raises(ParameterError, match=r"may be coco_detection\.ap or oriented\.ap"):
        metric_column(COLUMNS, "ap")
    with pytest.raises(NoSuchMetric, match=r"Did you mean 'ap_0\.5'"):
        metric_column(COLUMNS, "ap_05")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"metric": "score"}, "criterion.margin"),
        ({"metric": "score", "margin": -1}, "criterion.margin"),
        ({"metric": "score", "margin": 0.1, "looks": 0}, "criterion.looks"),
        ({"metric": "score", "margin": 0.1, "marign": 1}, r"criterion.marign: .*Did you mean 'margin'"),
        ({"metric": "score", "margin": "3%"}, "margin: 0.03 with relative: true"),
        ({"metric": "score", "margin": "three"}, "'three' is no number"),
        ({"metric": "score", "margin": 0.1, "confidence": 95}, "95 % is confidence: 0.95"),
        ({"metric": "score", "margin": 0.1, "families": "jpeg"}, r"write families: \[jpeg\]"),
        ("accuracy", r"write \{metric: accuracy, margin: 0.03\}"),
        ({"metric": "score", "margin": 3, "relative": True}, "3 of the reference may be lost"),
        ({"metric": "bpp", "margin": 3, "cost": "bpp"}, "metric and cost are both bpp"),
    ],
)
def test_a_wrong_key_is_named(given, said):
    with pytest.raises(ParameterError, match=said):
        Criterion.of(given)


def test_the_study_file_says_it_in_the_same_words(here: Lab):
    found = here.iqf("plan", here.study(modifiers=["identity"], criterion="accuracy"), code=None)
    assert found.code == 2
    assert "write {metric: accuracy, margin: 0.03}" in found.err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"repetitions": 2, "seed_argument": "seed"}, "repetitions: 2 cannot decide it"),
        ({"repetitions": 3}, "no seed_argument, so the script is told no seed"),
    ],
)
def test_what_cannot_be_decided_is_said_before_it_is_run(here: Lab, given, said):
    file = here.study(modifiers=["identity"], criterion={"metric": "zero", "margin": 0.1}, **given)
    assert said in here.iqf("plan", file).err


def test_a_text_where_the_deciding_number_is_needed_is_said(here: Lab):
    here.script(ANSWER.replace('{"how": "quickly"}', '{"accuracy": "0.93"}'))
    decided = {"metric": "accuracy", "margin": 0.1}
    file = here.study(modifiers=["identity"], criterion=decided, repetitions=3, seed_argument="seed")
    said = "6 of 6 finished runs have no accuracy, which is to decide: the script wrote the text '0.93'"
    assert said in here.iqf("run", file).err
    here.script(ANSWER.replace('{"how": "quickly"}', '{"accuracy": 0.93}'))
    assert "which is to decide" not in here.iqf("run", file).err


class Share(iqf.ImageMetric):
    """A metric whose values lie between 0 and 1."""

    name: ClassVar[str] = "share"
    outputs: ClassVar[tuple[iqf.Output, ...]] = (
        iqf.Output("share", "1", "higher", 0.0, 1.0, "Of something."),
        iqf.Output("loss", "1", "none", 0.0, math.inf, "Of something."),
    )

    def measure(self, image):
        raise NotImplementedError


def test_what_is_not_given_is_doubted_once():
    known = {"metric": "score", "margin": 0.1}
    assert Criterion.of(known).doubts([]) == [
        "criterion: no metric of the study gives 'score', so the script has to write it."
    ]
    assert Criterion.of(known).doubts([], written=["score"]) == []
    (doubt,) = Criterion.of({**known, "cost": "bit_per_pixel"}).doubts([], written=["score"])
    assert "cost: no metric of the study gives 'bit_per_pixel'" in doubt
    assert "Did you mean 'bits_per_pixel'" in doubt
    assert Criterion.of({"metric": "share", "margin": 0.1}).doubts([Share()]) == []


def test_a_margin_of_all_that_can_be_lost_is_refused():
    with pytest.raises(ParameterError, match="3 is all that share can lose: it lies between 0 and 1"):
        Criterion.of({"metric": "share", "margin": 3}).doubts([Share()])


@pytest.mark.parametrize("name", ["loss", "val_loss", "RMSE", "valLoss", "lpips", "count.mae", "share.loss"])
def test_an_error_without_a_direction_is_refused_before_anything_runs(name):
    with pytest.raises(ParameterError, match="say `better: lower`"):
        Criterion.of({"metric": name, "margin": 0.1}).doubts([Share()])
    assert Criterion.of({"metric": name, "margin": 0.1, "better": "lower"}).doubts([Share()], [name]) == []
    assert not any(map(says_error, ("lossless", "score", "perror", "accuracy")))


def test_a_metric_that_nothing_gives_is_doubted_before_anything_runs(here: Lab):
    pytest.importorskip("iqf_metrics_snr", reason="iqf-metrics-snr is not installed")
    known = {"modifiers": ["identity"], "metrics": ["snr"]}
    file = here.study(**known, criterion={"metric": "snr_dn", "margin": 0.1})
    doubt = "no metric of the study gives 'snr_dn', so the script has to write it. Did you mean 'snr_db'"
    assert doubt in here.iqf("plan", file).err
    assert doubt in here.iqf("run", file).err
    known |= {"repetitions": 3, "seed_argument": "seed"}
    file = here.study("sure", **known, criterion={"metric": "snr_db", "margin": 0.1})
    planned = here.iqf("plan", file)
    assert "criterion" not in planned.out + planned.err


def test_a_metric_that_two_give_is_refused(here: Lab):
    pytest.importorskip("iqf_metrics_snr", reason="iqf-metrics-snr is not installed")
    metrics = [{"snr": {"method": "hb"}}, {"snr": {"method": "dct"}}]
    file = here.study(metrics=metrics, criterion={"metric": "snr_db", "margin": 0.1})
    found = here.iqf("plan", file, code=None)
    assert found.code == 2
    assert "'snr_db' may be" in found.err


def test_when_it_was_fixed_is_kept(here: Lab):
    rule = {"metric": "loss", "margin": 0.1, "better": "lower"}
    file = here.study(modifiers=["identity"], criterion=rule)
    assert "so the script has to write it" in here.iqf("run", file).err
    assert "so the script has to write it" not in here.iqf("plan", file).err  # it has written it
    kept = json.loads((here.runs / "study" / "study.json").read_text())["criterion"]
    assert (kept["criterion"]["metric"], kept["runs_before"]) == ("loss", 0)
    here.iqf("run", here.study(modifiers=["identity"], criterion={**rule, "margin": 0.2}))
    kept = json.loads((here.runs / "study" / "study.json").read_text())["criterion"]
    assert kept["runs_before"] == 2
