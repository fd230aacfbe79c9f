"""Pictures: the curves, the margin and the recommendation are in them."""

from __future__ import annotations

import math

import pytest
from click.testing import CliRunner
from matplotlib.colors import to_rgba

import iqf_core as iqf
from iqf_report.plot import command, plot
from iqf_report.recommend import recommend
from iqf_report.testing import MadeRun, write_study


@pytest.fixture
def results(written, spread):
    settings = {None: spread(0.9, seed=1)}
    rates = {None: 8.0}
    for index, quality in enumerate((90, 50, 10)):
        settings[f"jpeg(quality={quality})"] = spread(0.9 - 0.02 * index, seed=index)
        rates[f"jpeg(quality={quality})"] = 3.0 - index
    settings["quantise(bits=4)"], rates["quantise(bits=4)"] = spread(0.88, seed=9), 2.0
    criterion = {"metric": "score", "margin": 0.03}
    from iqf_core.criterion import Criterion

    return written.study(settings, rates=rates, criterion=Criterion.of(criterion).model_dump(mode="json"))


def test_curves_margin_and_recommendation(results):
    figure = plot(results, y="score", answer=recommend(results))
    (axes,) = figure.axes
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    band = "± one standard deviation"
    assert labels == [band, "jpeg", "quantise", "reference", "margin", "recommended"]
    rings = [one for one in axes.lines if one.get_markersize() == 13]
    assert [tuple(map(float, one.get_xdata())) for one in rings] == [(2.0,), (2.0,)]
    line = next(one for one in axes.lines if one.get_label() == "jpeg")
    assert line.get_xdata().tolist() == [1.0, 2.0, 3.0]
    assert line.get_ydata().tolist() == pytest.approx([0.86, 0.88, 0.9])
    margin = next(one for one in axes.lines if one.get_label() == "margin")
    assert margin.get_ydata()[0] == pytest.approx(0.87)
    assert axes.get_xscale() == "log"


@pytest.mark.parametrize("kind", ["line", "scatter", "bar"])
@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_command_writes_a_picture(results, kind, suffix, tmp_path):
    target = tmp_path / f"p.{suffix}"
    given = [str(results.folder), "--metric", "score", "--kind", kind, "-o", str(target)]
    found = CliRunner().invoke(command, given, catch_exceptions=False)
    assert found.exit_code == 0, found.output
    assert target.stat().st_size > 5000


def test_what_is_not_there_is_said(results, tmp_path):
    with pytest.raises(iqf.ParameterError, match="no metric 'scores'"):
        plot(results, y="scores")
    with pytest.raises(iqf.ParameterError, match="no family 'jpg'"):
        plot(results, y="score", families=["jpg"])
    found = CliRunner().invoke(command, [str(results.folder), "-m", "score", "-o", str(tmp_path / "a.gif")])
    assert "ends in .png, .svg or .pdf" in found.output
    assert found.exit_code == 2


def labels_of(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_only_what_is_drawn_is_ringed_and_named(results):
    answer = recommend(results)
    (axes,) = plot(results, y="score", families=["quantise"], answer=answer).axes
    assert len([one for one in axes.lines if one.get_markersize() == 13]) == 1
    assert "jpeg" not in labels_of(axes)
    (bars,) = plot(results, y="score", kind="bar", answer=answer).axes
    assert labels_of(bars) == ["reference", "margin", "recommended", "jpeg", "quantise"]
    (line,) = plot(results, y="score").axes
    colours = {one.get_label(): one.get_color() for one in line.lines}
    assert bars.containers[-1].patches[0].get_facecolor() == to_rgba(colours["quantise"])
    assert axes.get_ylabel() == "score"
    assert [text.get_text() for text in line.get_xticklabels() if "$" in text.get_text()] == []


def test_the_answer_to_another_metric_is_not_drawn(written):
    runs = [
        MadeRun(spec, r, {"a.ap_0.5": 0.9 + r / 1000, "a.iou_0.5": 0.1}, rates={"bits_per_pixel": 1.0 + r})
        for spec in (None, "jpeg(quality=50)")
        for r in range(3)
    ]
    results = write_study(written.folder / "two", runs, criterion={"metric": "ap_0.5", "margin": 0.1})
    answer = recommend(results)
    assert "margin" in labels_of(plot(results, y="ap_0.5", answer=answer).axes[0])
    assert "margin" not in labels_of(plot(results, y="a.iou_0.5", answer=answer).axes[0])


def test_what_has_no_place_is_told_and_each_knob_has_a_panel(written, spread, caplog):
    settings = {
        None: spread(0.9, seed=1),
        "jpeg(quality=50)": spread(0.89, seed=2),
        "quantise(bits=4)": [math.nan, math.inf, 0.88, 0.87],
        "quantise(bits=3)": spread(0.85, seed=3),
    }
    results = written.study(settings, rates={None: 8.0, "jpeg(quality=50)": 1.0})
    (axes,) = plot(results, y="score").axes
    assert "quantise" not in labels_of(axes)
    assert "not drawn: quantise has no score with a bits_per_pixel; -x knob" in caplog.text
    panels = plot(results, y="score", x="knob").axes
    assert [one.get_xlabel() for one in panels] == ["quality of jpeg", "bits of quantise"]


def test_a_line_for_each_choice_of_hyperparameters(written):
    runs = [
        MadeRun(spec, r, {"score": 0.9 + r / 1000 + lr}, hyperparameters={"lr": lr, "epochs": 3})
        for spec in (None, "jpeg(quality=50)", "jpeg(quality=20)")
        for lr in (0.01, 0.02)
        for r in range(3)
    ]
    results = write_study(written.folder / "grid", runs, hyperparameters={"lr": [0.01, 0.02], "epochs": 3})
    (axes,) = plot(results, y="score", x="knob").axes
    assert {"jpeg (lr=0.01)", "jpeg (lr=0.02)"} <= set(labels_of(axes))
    assert [len(one.get_xdata()) for one in axes.lines if one.get_label().startswith("jpeg")] == [2, 2]


def test_the_metric_is_the_criterions_unless_given(results, tmp_path):
    found = CliRunner().invoke(command, [str(results.folder), "-o", str(tmp_path / "a.png")])
    assert found.exit_code == 0, found.output


def test_the_file_lies_with_the_results_unless_given(results, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(command, ["study"], catch_exceptions=False)
    assert found.stdout == "iqf-runs/study/plot-score.png\n"
    assert (results.folder / "plot-score.png").stat().st_size > 5000


def test_against_the_knob_of_one_family(results):
    figure = plot(results, y="score", x="knob", families=["jpeg"])
    line = next(one for one in figure.axes[0].lines if one.get_label() == "jpeg")
    assert line.get_xdata().tolist() == [10, 50, 90]


def test_other_pictures_have_other_names(results, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for options, name in (
        (["--against", "knob"], "plot-score-against-knob.png"),
        (["--kind", "bar", "--family", "jpeg"], "plot-score-bar-jpeg.png"),
        (["--linear"], "plot-score-linear.png"),
    ):
        found = CliRunner().invoke(command, ["study", *options], catch_exceptions=False)
        assert found.stdout == f"iqf-runs/study/{name}\n"
