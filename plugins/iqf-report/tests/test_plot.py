"""Pictures: the curves, the margin and the recommendation are in them."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

import iqf_core as iqf
from iqf_report.plot import command, plot
from iqf_report.recommend import recommend


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
    assert labels == ["jpeg", "quantise", "reference", "margin"]
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


def test_against_the_knob_of_one_family(results):
    figure = plot(results, y="score", x="knob", families=["jpeg"])
    line = next(one for one in figure.axes[0].lines if one.get_label() == "jpeg")
    assert line.get_xdata().tolist() == [10, 50, 90]
