"""What is not there, or not what it seems: runs to come, NaN, failures, costs, directions, plugins."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import iqf_core as iqf
from iqf_core.cli import main
from iqf_core.criterion import Criterion
from iqf_report.asking import example
from iqf_report.bounds import Estimate
from iqf_report.deciding import _Decider
from iqf_report.families import Setting, unplaced
from iqf_report.recommend import command, recommend
from iqf_report.saying import said
from iqf_report.testing import MadeRun, MadeTable, write_study
from iqf_report.wanted import wanted

RULE = {"metric": "score", "margin": 0.03}
ASKED = {"modifiers": [{"jpeg": {"quality": [90, 50]}}, "quantise(bits=4)"], "reference": True}


def planned(results, more):
    """Let a study have more runs than have ended."""
    file = results.folder / "study.json"
    study = json.loads(file.read_text())
    file.write_text(json.dumps({**study, "runs": [*study["runs"], *(f"late{n}" for n in range(more))]}))
    return results


def verdicts(answer):
    return {level.setting.variant: level.verdict for one in answer.answers for level in one.levels}


def test_families_that_are_to_come_share_the_error_rate(written, spread):
    settings = {None: spread(0.9, seed=1), "jpeg(quality=90)": spread(0.9, seed=2)}
    results = planned(written.study(settings, rates={None: 8.0, "jpeg(quality=90)": 2.0}, **ASKED), 10)
    answer = recommend(results, RULE)
    assert answer.alpha == pytest.approx(0.025)
    assert verdicts(answer) == {
        "jpeg-quality90": "accepted",
        "jpeg-quality50": "missing",
        "quantise-bits4": "missing",
    }
    text = said(answer)
    assert "over 2 families" in text
    assert text.splitlines()[1] == "Note: 10 of 20 runs are not done yet."
    assert "quantise: incomplete: its runs are not done (`iqf run`)" in text
    assert "the runs of jpeg-quality50 are not done (`iqf run`)" in text
    assert "Cheapest that does of what is done so far: jpeg-quality90" in text


def test_a_reference_that_is_to_come_leaves_everything_open(written, spread):
    answer = recommend(written.study({"jpeg(quality=90)": spread(0.9)}, **ASKED), RULE)
    assert set(verdicts(answer).values()) == {"missing", "not tested"}
    assert "the runs of reference are not done" in said(answer)


def test_a_plugin_that_is_gone_keeps_its_share(written, spread):
    settings = {None: spread(0.9, seed=1), "jpeg(quality=90)": spread(0.9, seed=2)}
    gone = ["sharpen(by=[1, 2])", "blur2(a=1) | jpeg(quality=50)", "jpeg(quality=90)"]
    results = written.study(settings, modifiers=gone, reference=True)
    assert unplaced(wanted(results)) == ["sharpen", "blur2+jpeg"]
    answer = recommend(results, RULE)
    assert answer.alpha == pytest.approx(0.05 / 3)
    assert "sharpen: its plugin is not here now" in answer.caveats[-1] + answer.caveats[-2]


def test_a_failed_run_is_said_with_whose_it_is(written, spread):
    runs = [MadeRun(None, r, {"score": value}) for r, value in enumerate(spread(0.9))]
    runs += [MadeRun("jpeg(quality=50)", r, reason="exit code 3") for r in range(5)]
    runs += [MadeRun("quantise(bits=4)", r, {"score": 0.9 + r / 500}) for r in range(2)]
    runs += [MadeRun("quantise(bits=4)", 2, reason="exit code 3")]
    text = said(recommend(write_study(written.folder / "failing", runs), RULE))
    why = "(`iqf results failing --failed` says why)"
    assert f"5 of 5 runs of jpeg-quality50 failed {why}" in text
    assert f"1 of 3 runs of quantise-bits4 failed {why}" in text
    assert f"6 of 13 runs failed and do not count {why}" in text
    runs[0:5] = [MadeRun(None, r, reason="killed") for r in range(5)]
    text = said(recommend(write_study(written.folder / "unreferenced", runs), RULE))
    assert "5 of 5 runs of reference failed" in text


@pytest.mark.parametrize(("value", "what"), [(math.nan, "NaN (or was not written)"), (math.inf, "infinite")])
def test_what_is_no_number_is_said(written, spread, value, what):
    results = written.study({None: spread(0.9, count=3), "jpeg(quality=90)": [value] * 3})
    text = said(recommend(results, RULE))
    assert f"score is {what} in 3 of 3 runs of jpeg-quality90" in text
    results = written.study({None: [value] * 3, "jpeg(quality=90)": spread(0.9)}, name="other")
    assert f"score is {what} in 3 of 3 runs of reference" in said(recommend(results, RULE))


def test_an_error_is_not_taken_for_a_score(written, spread):
    runs = [
        MadeRun(spec, r, {"val_loss": v, "score": v})
        for spec in (None, "jpeg(quality=50)")
        for r, v in enumerate(spread(0.9))
    ]
    results = write_study(written.folder / "loss", runs)
    with pytest.raises(iqf.ParameterError, match="--better lower"):
        recommend(results, metric="val_loss", margin=0.1)
    assert recommend(results, metric="val_loss", margin=0.1, better="lower").better == "lower"
    assert "higher is taken to be" in said(recommend(results, RULE)).splitlines()[1]


def test_costs(written, spread):
    settings = {None: spread(0.9, seed=1), "blur(sigma_px=0.5)": spread(0.9, seed=2)}
    results = written.study(settings)
    text = said(recommend(results, RULE))
    assert "blur-sigma_px0.5 still does" in text
    assert "Nothing is recommended" not in text
    assert "None of them is called the cheapest: no bits_per_pixel is known" in text
    with pytest.raises(iqf.ParameterError, match=r"no values of 'duration'\. Did you mean 'duration_s'"):
        recommend(results, {**RULE, "cost": "duration"})
    assert recommend(results, {**RULE, "cost": "duration_s"}).best is not None
    with pytest.raises(iqf.ParameterError, match="metric and cost are both score"):
        recommend(results, {**RULE, "cost": "score"})
    rates = {None: 2.0, "blur(sigma_px=0.5)": 3.0}
    dearer = said(recommend(written.study(settings, rates=rates, name="dearer"), RULE))
    assert "50 % more than the reference (2)" in dearer


def test_repetitions_that_never_differ(written):
    results = written.study({None: [0.90] * 3, "jpeg(quality=50)": [0.88] * 3})
    answer = recommend(results, metric="score", margin=0.021)
    assert "the repetitions do not differ at all: see whether the script uses its seed" in answer.caveats
    assert "the least step between values of the study, 0.02," in answer.answers[0].levels[0].remedy


def test_a_relative_bound_is_a_share(written, spread):
    results = written.study({None: spread(0.5, seed=1), "jpeg(quality=50)": spread(0.49, seed=2)})
    answer = recommend(results, metric="score", margin=0.1, relative=True)
    level = answer.answers[0].levels[0]
    assert level.share == pytest.approx(level.bound / 0.5)
    assert -0.1 < level.share < -0.02
    text = said(answer)
    assert "within 10 % (0.05) below that of the reference (0.5)" in text
    assert f"at worst {-100 * level.share:.3g} % ({-level.bound:.4g}) below the reference" in text


def judged(label, rights, seed):
    """What `classification` keeps of a run: so many of the images are right, which ones is drawn."""
    order = np.random.default_rng(seed).permutation(20)
    right = np.isin(np.arange(20), order[:rights])
    rows = pd.DataFrame(
        {
            "image": [f"{n}.png" for n in range(20)],
            "group": [f"{n}.png" for n in range(20)],
            "label": "a",
            "predicted": np.where(right, "a", "b"),
            "probability": np.nan,
        }
    )
    return MadeRun(label, seed, tables=(MadeTable("classification", rows),))


def test_a_bound_is_no_further_off_than_the_metric_can_go(written):
    pytest.importorskip("iqf_metrics_agreement", reason="iqf-metrics-agreement is not installed")
    counts = {None: (20, 18, 19), "jpeg(quality=50)": (20, 2, 18)}
    runs = [judged(label, right, n) for label, rights in counts.items() for n, right in enumerate(rights)]
    results = write_study(written.folder / "ranged", runs)
    answer = recommend(results, metric="classification.accuracy", margin=0.05)
    (level,) = answer.answers[0].levels
    assert level.estimate.lower(answer.alpha) - 0.05 < -answer.reference
    assert (level.verdict, level.vacuous) == ("undecided", True)
    assert level.bound == pytest.approx(-answer.reference)
    assert "no bound (3 repetitions are too few: it may be as bad as the metric can be)" in said(answer)
    assert "at worst" not in said(answer)


def test_what_the_script_writes_has_no_range(written):
    results = written.study({None: [0.9, 0.91, 0.92], "jpeg(quality=50)": [0.9, 0.1, 0.85]})
    (level,) = recommend(results, RULE).answers[0].levels
    assert level.bound < -1
    assert not level.vacuous


def estimated(mean, var_repetitions, var_images, clusters=8):
    basis = "images crossed with repetitions"
    return Estimate(mean, basis, 6, clusters, var_repetitions, var_images, df_images=clusters - 1)


def remedy(estimate, *, margin=0.03, low=-math.inf):
    known = SimpleNamespace(
        criterion=Criterion.of({"metric": "score", "margin": margin}),
        sign=1,
        range=(low, 1.0),
        margin=lambda reference: margin,
        mean=lambda setting: 0.9,
    )
    return _Decider(known, 0.01)._remedy(estimate, Setting("reference", None, None, ()))


def test_a_large_spread_is_told_from_a_mean_close_to_the_margin():
    close = remedy(estimated(-0.001, 0.0028**2, 0.0028**2))
    assert close.startswith("its mean lies close to the margin (0.001 beyond it, standard error 0.00396)")
    above = remedy(estimated(0.05, 0.1**2, 0.1**2))  # better than the reference by 0.02
    assert above.startswith(
        "the spread of the runs is large beside the margin of 0.03 (standard error 0.141)"
    )
    for text in (close, above):
        assert "these runs accept it with a margin of 0." in text
        assert re.search(r"about \d+ repetitions together with \d+ test images or scenes would", text)
    assert "accept it with no margin" in remedy(estimated(0.02, 1.0, 1.0), low=0.0)


def test_the_margin_that_is_named_would_do():
    one = estimated(-0.001, 0.0028**2, 0.0028**2)
    named = float(re.search(r"a margin of ([\d.]+) or more", remedy(one))[1])
    assert replace(one, mean=one.mean + named - 0.03).lower(0.01) >= 0


def test_a_number_of_the_script_alone_says_how_to_count_images(written, spread):
    results = written.study({None: spread(0.9, seed=1), "jpeg(quality=50)": spread(0.9, seed=2)})
    (note,) = [note for note in recommend(results, RULE).notes if "test images alone" in note]
    assert "`metrics: [classification]`" in note
    assert "`classification.accuracy`" in note


def test_which_hyperparameters_the_best_has(written):
    runs = [
        MadeRun(spec, r, {"score": 0.9 + r / 1000}, {}, {"bits_per_pixel": 8 - r}, hyperparameters=cell)
        for spec in (None, "jpeg(quality=50)")
        for cell in ({"lr": 0.1, "epochs": 3}, {"lr": 0.2, "epochs": 3})
        for r in range(3)
    ]
    results = write_study(written.folder / "grid", runs, hyperparameters={"lr": [0.1, 0.2], "epochs": 3})
    answer = recommend(results, RULE)
    assert [one.family.name for one in answer.answers] == ["jpeg (lr=0.1)", "jpeg (lr=0.2)"]
    assert "Cheapest that does: jpeg-quality50 (lr=0.1)" in said(answer)


def test_a_frozen_model_needs_images(written, spread):
    results = written.study({None: [0.9], "jpeg(quality=50)": [0.89]}, frozen=True)
    text = said(recommend(results, RULE))
    assert "one frozen model needs values image by image" in text
    assert "repetitions of the same model cannot replace them" in text
    assert "at least 3" not in text


def test_what_more_repetitions_would_do(written, spread):
    settings = {None: spread(0.9, seed=1)}
    for quality, mean in ((90, 0.872), (50, 0.868)):
        settings_now = {**settings, f"jpeg(quality={quality})": spread(mean, std=0.01, seed=quality)}
        text = said(recommend(written.study(settings_now, name=f"q{quality}"), RULE))
        word = "would accept it" if mean > 0.87 else "would show that it does not"
        assert f"repetitions {word}, if its mean stays where it is" in text


def test_a_file_with_another_criterion_than_its_results(written, spread, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = Criterion.of(RULE).model_dump(mode="json")
    written.study({None: spread(0.9, seed=1), "jpeg(quality=50)": spread(0.9, seed=2)}, criterion=kept)
    file = tmp_path / "study.yaml"
    content = {"name": "study", "datasets": {"test": "d"}, "task": {"script": "s.py"}, "criterion": RULE}
    file.write_text(json.dumps(content))
    assert recommend(file).answers
    file.write_text(json.dumps({**content, "criterion": {**RULE, "margin": 0.05}}))
    with pytest.raises(iqf.ParameterError, match=r"margin: 0\.05.*margin: 0\.03.*`iqf run .*study.yaml`"):
        recommend(str(file))
    file.write_text(json.dumps({**content, "criterion": None}))
    with pytest.raises(iqf.ParameterError, match="has no criterion, and its results were run with the"):
        recommend(file)


def test_looks_that_cannot_be_noted(written, spread):
    kept = Criterion.of(RULE).model_dump(mode="json")
    settings = {None: spread(0.9, seed=1), "jpeg(quality=50)": spread(0.9, seed=2)}
    results = written.study(settings, criterion=kept)
    (results.folder / "looks.json").mkdir()  # also for root, who may write into any folder
    answer = recommend(results)
    assert answer.exploratory == ""
    assert "looks.json cannot be read, so earlier looks are not counted" in answer.notes[-1]


def test_a_look_at_a_study_that_is_not_finished_counts_and_says_so(written, spread, caplog):
    settings = {None: spread(0.9, seed=1), "jpeg(quality=50)": spread(0.9, seed=2)}
    kept = Criterion.of(RULE).model_dump(mode="json")
    results = planned(written.study(settings, criterion=kept), 6)
    assert recommend(results).exploratory == ""
    (text,) = [one.getMessage() for one in caplog.records]
    assert text == (
        "Note: 6 of 16 runs are not done, and this look counts: it is number 1 of 1 declared (`looks:`); "
        "with more runs the answer will be exploratory."
    )
    recommend(results)  # at the same runs: no other look
    assert len(caplog.records) == 1
    assert len(json.loads((results.folder / "looks.json").read_text())["looks"]) == 1


def test_a_look_that_could_test_nothing_does_not_count(written, spread, caplog):
    settings = {None: spread(0.9, count=2, seed=1), "jpeg(quality=50)": spread(0.9, count=2, seed=2)}
    kept = Criterion.of(RULE).model_dump(mode="json")
    results = planned(written.study(settings, criterion=kept), 6)
    assert set(verdicts(recommend(results)).values()) == {"missing"}
    assert "no setting can be tested yet: this look does not count" in caplog.text
    assert not (results.folder / "looks.json").exists()
    caplog.clear()
    recommend(
        written.study({None: spread(0.9), "jpeg(quality=50)": spread(0.9)}, name="done", criterion=kept)
    )
    assert caplog.records == []


@pytest.mark.parametrize(
    ("metrics", "word"),
    [([], "`metrics: [classification]`"), (["classification"], "are there of `classification.accuracy`")],
)
def test_how_to_have_values_image_by_image_is_said(written, spread, metrics, word):
    settings = {None: spread(0.9), "jpeg(quality=50)": spread(0.9)}
    answer = recommend(written.study(settings, metrics=metrics), RULE)
    assert word in said(answer)


def test_no_name_steers_the_terminal(written, capsys):
    hostile = "\x1b[31mred\u202e\x9b2J"
    runs = [
        MadeRun(spec, r, {"score": 0.9 + r / 1000}, hyperparameters={"lr": hostile})
        for spec in (None, "jpeg(quality=50)")
        for r in range(3)
    ]
    results = write_study(written.folder / "study", runs, hyperparameters={"lr": hostile})
    given = ["recommend", str(results.folder), "--metric", "score", "--margin", "0.03"]
    assert main(given) == 0
    text = capsys.readouterr().out
    assert "red" in text
    assert not {"\x1b", "\u202e", "\x9b"} & set(text)
    assert main([*given, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["levels"][0]["lr"] == hostile


def test_json_and_csv_together_are_refused(written, spread):
    results = written.study({None: spread(0.9), "jpeg(quality=50)": spread(0.9)})
    found = CliRunner().invoke(command, [str(results.folder), "--json", "--csv"])
    assert found.exit_code == 2
    assert "give one of them" in found.output


def test_the_same_runs_under_another_name_have_the_same_bounds(written):
    pytest.importorskip("iqf_metrics_agreement", reason="iqf-metrics-agreement is not installed")
    counts = {None: (19, 18, 19), "jpeg(quality=50)": (18, 17, 18)}
    runs = [judged(label, right, n) for label, rights in counts.items() for n, right in enumerate(rights)]
    found = []
    for name in ("one", "another"):
        answer = recommend(write_study(written.folder / name, runs), metric="accuracy", margin=0.3)
        (level,) = answer.answers[0].levels
        assert "images" in level.estimate.basis
        found.append(level.bound)
    assert found[0] == found[1]


def test_the_example_is_a_metric_of_the_study_that_says_it_is_to_be_high(written):
    pytest.importorskip("iqf_metrics_agreement", reason="iqf-metrics-agreement is not installed")
    runs = [replace(judged(label, 19, 0), written={"a": 1.0}) for label in (None, "jpeg(quality=50)")]
    results = write_study(written.folder / "several", runs, metrics=["classification"])
    assert example(results) == "--metric classification.accuracy --margin 0.03"
    (written.folder / "nothing").mkdir()
    assert example(write_study(written.folder / "nothing", [])) == "--metric METRIC --margin 0.03"


def test_repetitions_that_are_to_come_are_not_asked_for_again(written, spread):
    settings = {None: spread(0.9, count=2), "jpeg(quality=50)": [0.9]}
    results = written.study(settings, repetitions=3)
    remedy = recommend(results, RULE).answers[0].levels[0].remedy
    assert remedy == "1 of 3 repetitions are done: `iqf run` goes on"
    results = written.study(settings, repetitions=2, name="few")
    assert "needs at least 3" in recommend(results, RULE).answers[0].levels[0].remedy
