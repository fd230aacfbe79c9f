"""By what a study is decided: refused where it is wrong, doubted where nothing gives it, and dated."""

from __future__ import annotations

import json

import pytest

from iqf_core import ParameterError
from iqf_core.criterion import Criterion, NoSuchMetric, metric_column
from tests.study.lab import Lab

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
        ({"metric": "score", "margin": 0.1, "marign": 1}, "criterion.marign"),
    ],
)
def test_a_wrong_key_is_named(given, said):
    with pytest.raises(ParameterError, match=said):
        Criterion.of(given)


def test_a_metric_that_nothing_gives_is_doubted_before_anything_runs(here: Lab):
    pytest.importorskip("iqf_metrics_snr", reason="iqf-metrics-snr is not installed")
    known = {"modifiers": ["identity"], "metrics": ["snr"]}
    file = here.study(**known, criterion={"metric": "snr_dn", "margin": 0.1})
    doubt = "no metric of the study gives 'snr_dn', so the script has to write it. Did you mean 'snr_db'"
    assert doubt in here.iqf("plan", file).err
    assert doubt in here.iqf("run", file).err
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
    rule = {"metric": "loss", "margin": 0.1}
    file = here.study(modifiers=["identity"], criterion=rule)
    here.iqf("run", file)
    kept = json.loads((here.runs / "study" / "study.json").read_text())["criterion"]
    assert (kept["criterion"]["metric"], kept["runs_before"]) == ("loss", 0)
    here.iqf("run", here.study(modifiers=["identity"], criterion={**rule, "margin": 0.2}))
    kept = json.loads((here.runs / "study" / "study.json").read_text())["criterion"]
    assert kept["runs_before"] == 2
