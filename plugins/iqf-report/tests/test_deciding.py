"""The decision: from mild to harsh, to the first failure; what is missing, and what is exploratory."""

from __future__ import annotations

import json
import math

import pytest
from click.testing import CliRunner

import iqf_core as iqf
from iqf_report.recommend import as_values, command, recommend
from iqf_report.saying import said

RULE = {"metric": "score", "margin": 0.03}


@pytest.fixture
def two_families(written, spread):
    settings = {
        None: spread(0.90, seed=1),
        "identity": spread(0.90, seed=2),
        "jpeg(quality=90)": spread(0.895, seed=3),
        "jpeg(quality=50)": spread(0.885, seed=4),
        "jpeg(quality=20)": spread(0.80, seed=5),
        "jpeg(quality=10)": spread(0.89, seed=6),  # by luck: behind a failure, it is not tested
        "quantise(bits=5)": spread(0.893, seed=7),
        "quantise(bits=3)": spread(0.872, std=0.01, seed=8),
    }
    rates = {None: 8.0, "jpeg(quality=90)": 3.0, "jpeg(quality=50)": 1.0, "quantise(bits=5)": 2.0}
    return written.study(settings, rates=rates, criterion=None)


def verdicts(answer):
    return {level.setting.variant: level.verdict for one in answer.answers for level in one.levels}


def test_levels_are_tested_until_one_fails(two_families):
    answer = recommend(two_families, {**RULE, "families": ["jpeg", "quantise"]})
    assert verdicts(answer) == {
        "jpeg-quality90": "accepted",
        "jpeg-quality50": "accepted",
        "jpeg-quality20": "inferior",
        "jpeg-quality10": "not tested",
        "quantise-bits5": "accepted",
        "quantise-bits3": "undecided",
    }
    assert answer.alpha == pytest.approx(0.025)
    assert answer.best.recommended.setting.variant == "jpeg-quality50"
    level = answer.best.recommended
    assert (level.cost, level.saving) == (1, 0.875)
    assert level.difference == pytest.approx(-0.015, abs=1e-9)
    assert -0.03 <= level.bound < level.difference
    undecided = answer.answers[1].levels[1]
    assert "repetitions" in undecided.remedy


def test_it_is_said_in_sentences(two_families):
    text = said(recommend(two_families, {**RULE, "families": ["jpeg", "quantise"]}))
    assert "keeps score within 0.03 below that of the reference (0.9), with 95 % confidence" in text
    assert "jpeg: jpeg-quality50 still does: score 0.885, at worst" in text
    assert "at 1 bits_per_pixel, 88 % less than the reference (1/8)" in text
    assert "jpeg-quality20 does not: score 0.8, at best" in text
    assert "quantise-bits3 is undecided" in text
    assert "Cheapest that does: jpeg-quality50" in text


def test_lower_may_be_better_and_the_margin_relative(written, spread):
    settings = {
        None: spread(10, seed=1),
        "jpeg(quality=50)": spread(10.5, seed=2),
        "jpeg(quality=10)": spread(12, seed=3),
    }
    results = written.study(settings)
    answer = recommend(results, metric="score", margin=0.1, relative=True, better="lower")
    assert verdicts(answer) == {"jpeg-quality50": "accepted", "jpeg-quality10": "inferior"}
    (family,) = answer.answers
    assert family.recommended.difference == pytest.approx(-0.5, abs=1e-6)
    higher = recommend(results, metric="score", margin=0.1, relative=True, better="higher")
    assert verdicts(higher) == {"jpeg-quality50": "accepted", "jpeg-quality10": "accepted"}


def test_too_few_repetitions_decide_nothing(written, spread):
    results = written.study(
        {None: spread(0.9, count=2, seed=1), "jpeg(quality=50)": spread(0.9, count=2, seed=2)}
    )
    answer = recommend(results, RULE)
    assert verdicts(answer) == {"jpeg-quality50": "missing"}
    assert "needs at least 3" in answer.answers[0].levels[0].remedy
    assert answer.best is None
    assert "Nothing is recommended" in said(answer)


def test_copies_are_no_repetitions(written):
    results = written.study(
        {None: [0.9] * 3, "jpeg(quality=50)": [0.9] * 3, "jpeg(quality=10)": [0.1] * 3}, seeded=False
    )
    answer = recommend(results, RULE)
    assert "ended identically, with no seed_argument" in answer.answers[0].levels[0].remedy


def test_no_spread_is_not_certainty(written):
    """All repetitions alike: the error is at least the metric's smallest step."""
    results = written.study({None: [0.90, 0.90, 0.90], "jpeg(quality=50)": [0.88, 0.88, 0.88]})
    answer = recommend(results, metric="score", margin=0.021)
    assert verdicts(answer) == {"jpeg-quality50": "undecided"}


@pytest.mark.parametrize(
    ("written_as", "before", "word"),
    [
        (RULE, 0, ""),
        (RULE, 4, "was set when 4 runs had ended"),
        (
            None,
            0,
            "made with no criterion, and this answer is by the criterion {metric: score, margin: 0.03}",
        ),
    ],
)
def test_only_what_was_fixed_before_keeps_its_error_rate(written, spread, written_as, before, word):
    from iqf_core.criterion import Criterion

    criterion = None if written_as is None else Criterion.of(written_as).model_dump(mode="json")
    settings = {None: spread(0.9, seed=1), "jpeg(quality=50)": spread(0.9, seed=2)}
    results = written.study(settings, criterion=criterion, runs_before=before)
    answer = recommend(results, None if written_as else RULE)
    assert word in answer.exploratory
    assert bool(word) == bool(answer.exploratory)
    assert ("EXPLORATORY" in said(answer)) == bool(word)
    assert ("loses more than the margin may be above 5 %" in said(answer)) == bool(word)


def test_another_criterion_than_that_of_the_file_is_told_by_what_differs(written, spread):
    from iqf_core.criterion import Criterion

    kept = Criterion.of(RULE).model_dump(mode="json")
    settings = {None: spread(0.9, seed=1), "jpeg(quality=50)": spread(0.9, seed=2)}
    answer = recommend(written.study(settings, criterion=kept), relative=True)
    assert answer.exploratory == (
        "the runs were made with the criterion {metric: score, margin: 0.03, relative: false}, and this "
        "answer is by the criterion {metric: score, margin: 0.03, relative: true}"
    )


def test_more_looks_than_declared_are_exploratory(written, spread):
    from iqf_core.criterion import Criterion

    criterion = Criterion.of({**RULE, "looks": 2}).model_dump(mode="json")
    alphas, words = [], []
    for count in (3, 3, 4, 5):
        settings = {
            None: spread(0.9, count=count, seed=1),
            "jpeg(quality=50)": spread(0.9, count=count, seed=2),
        }
        import shutil

        shutil.rmtree(written.folder / "study" / "runs", ignore_errors=True)
        results = written.study(settings, criterion=criterion)
        answer = recommend(results)
        alphas.append(answer.alpha)
        words.append(answer.exploratory)
    assert alphas == pytest.approx([0.025] * 4)
    assert [bool(word) for word in words] == [False, False, False, True]
    assert "asked for 3 times, each time with other runs, and the criterion declares 2" in words[-1]


def test_families_are_told_apart(written, spread):
    settings = {
        None: spread(0.9, seed=1),
        "blur(sigma_px=0.5) | jpeg(quality=90)": spread(0.9, seed=2),
        "blur(sigma_px=0.5) | jpeg(quality=50)": spread(0.89, seed=3),
        "noise(sigma_dn=3.0)": spread(0.9, seed=4),
        "noise(sigma_dn=1.0)": spread(0.9, seed=5),
        "noise(snr=50.0)": spread(0.9, seed=6),
    }
    answer = recommend(written.study(settings), RULE)
    found = {one.family.name: [level.setting.variant for level in one.levels] for one in answer.answers}
    assert found["blur+jpeg"] == ["blur-sigma_px0.5+jpeg-quality90", "blur-sigma_px0.5+jpeg-quality50"]
    assert ["noise-sigma_dn1", "noise-sigma_dn3"] in found.values()


def test_the_front(two_families):
    answer = recommend(two_families, {**RULE, "families": ["jpeg", "quantise"]})
    assert [level.setting.variant for level in answer.front] == [
        "jpeg-quality50",
        "quantise-bits5",
        "jpeg-quality90",
    ]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"metric": "scor"}, "Did you mean 'score'"),
        ({"families": ["jpg"]}, "Did you mean 'jpeg'"),
        ({"margin": -1}, "criterion.margin"),
        ({"confidence": 0.2}, "criterion.confidence"),
    ],
)
def test_what_is_wrong_is_said(two_families, changes, word):
    with pytest.raises(iqf.ParameterError, match=word):
        recommend(two_families, {**RULE, **changes})


def test_without_a_criterion_it_asks_for_one(two_families):
    with pytest.raises(iqf.ParameterError, match="give --metric and --margin, such as `--metric score --m"):
        recommend(two_families)
    with pytest.raises(iqf.ParameterError, match=r"give --margin, such as `--margin 0\.03`"):
        recommend(two_families, metric="score")
    with pytest.raises(iqf.ParameterError, match="give --metric, such as `--metric score`"):
        recommend(two_families, margin=0.03)


def test_a_share_of_nothing_is_no_margin(written, spread):
    results = written.study({None: spread(-0.2, seed=1), "jpeg(quality=50)": spread(-0.3, seed=2)})
    with pytest.raises(
        iqf.ParameterError, match=r"the reference has -0\.2, and a share of that is no margin"
    ):
        recommend(results, metric="score", margin=0.1, relative=True)


def test_the_command(two_families):
    runner = CliRunner()
    folder = str(two_families.folder)
    given = [folder, "--metric", "score", "--margin", "0.03", "--family", "jpeg"]
    text = runner.invoke(command, given, catch_exceptions=False)
    assert "jpeg-quality50 still does" in text.output
    found = json.loads(runner.invoke(command, [*given, "--json"], catch_exceptions=False).output)
    assert found["recommended"] == {"jpeg": "jpeg-quality50"}
    assert found["levels"][3]["bound"] is None
    rows = runner.invoke(command, [*given, "--csv"], catch_exceptions=False).output.splitlines()
    assert len(rows) == 5
    assert as_values(recommend(two_families, RULE))["best"] == "jpeg-quality50"


def test_ten_thousand_runs_are_answered(written, spread):
    settings = {None: spread(0.9, count=100, seed=1)}
    for quality in range(1, 100):
        settings[f"jpeg(quality={quality})"] = spread(
            0.9 - 0.05 * math.exp(-quality / 20), count=100, seed=quality
        )
    results = written.study(settings)
    answer = recommend(results, RULE)  # in how many seconds: benchmarks/trials/decision_results.py
    assert answer.answers[0].recommended is not None
    assert len(answer.answers[0].levels) == 99
