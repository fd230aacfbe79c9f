"""Information lost and domain shift, from studies whose cells are known."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

import iqf_core as iqf
from iqf_core.cli import main
from iqf_report.crossing import command, crossing

CELLS = {
    ("reference", "reference"): 0.90,
    ("reference", "jpeg-quality10"): 0.60,
    ("jpeg-quality10", "reference"): 0.70,
    ("jpeg-quality10", "jpeg-quality10"): 0.80,
    ("reference", "jpeg-quality50"): 0.85,
    ("jpeg-quality50", "jpeg-quality50"): 0.85,
}


@pytest.fixture
def results(written):
    made = written.study({None: [0.0]})
    (known,) = (made.folder / "runs").iterdir()
    job, outcome = (json.loads((known / f"{name}.json").read_text()) for name in ("job", "outcome"))
    keys = []
    for number, ((trained, judged), value) in enumerate(CELLS.items()):
        for repetition, noise in enumerate((-0.004, 0.0, 0.004)):
            key = f"cell{number}{repetition}"
            keys.append(key)
            folder = made.folder / "runs" / key
            folder.mkdir()
            own = {"label": judged, "family": judged.split("-")[0], "train_variant": trained}
            (folder / "job.json").write_text(json.dumps({**job, **own, "repetition": repetition}))
            shifted = value + noise * (1 if trained == judged else -1)
            metrics = {"metrics": {"score": [[0, shifted]]}}
            (folder / "outcome.json").write_text(json.dumps({**outcome, **metrics}))
    study = json.loads((made.folder / "study.json").read_text())
    (made.folder / "study.json").write_text(json.dumps({**study, "runs": keys}))
    return made


def test_what_is_lost_and_what_is_only_unseen(results):
    rows = crossing(results, "score").set_index("variant")
    harsh = rows.loc["jpeg-quality10"]
    assert harsh[["clean", "unprepared", "prepared"]].tolist() == pytest.approx([0.9, 0.6, 0.8])
    assert (harsh["information_lost"], harsh["domain_shift"]) == (pytest.approx(0.1), pytest.approx(0.2))
    assert harsh["information_lost_se"] == pytest.approx(0, abs=1e-9)
    assert harsh["domain_shift_se"] == pytest.approx(0.008 / 3**0.5)
    assert rows.loc["jpeg-quality50", "domain_shift"] == pytest.approx(0)
    lower = crossing(results, "score", better="lower").set_index("variant")
    assert lower.loc["jpeg-quality10", "information_lost"] == pytest.approx(-0.1)


def test_it_is_said(results):
    found = CliRunner().invoke(command, [str(results.folder), "-m", "score"], catch_exceptions=False)
    assert "jpeg-quality10: score is 0.3 worse where the model has never seen the like" in found.output
    assert "wins back 0.2 ± 0.0046 (standard error), and 0.1 ± " in found.output
    assert "jpeg-quality50: score is 0.05 worse" in found.output
    assert "wins nothing back that could be told from chance" in found.output
    rows = json.loads(CliRunner().invoke(command, [str(results.folder), "-m", "score", "--json"]).stdout)
    assert len(rows) == 2


def test_what_was_taken_to_be_is_said_beside(results, capsys):
    assert main(["matrix", str(results.folder), "-m", "score", "--json"]) == 0
    printed = capsys.readouterr()
    assert "higher is taken to be" in printed.err
    assert len(json.loads(printed.out)) == 2
    assert main(["matrix", str(results.folder), "-m", "score", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_a_column_without_values_says_so(results):
    for file in (results.folder / "runs").glob("cell*/outcome.json"):
        outcome = json.loads(file.read_text())
        file.write_text(json.dumps({**outcome, "metrics": {"score": [[0, float("nan")]]}}))
    with pytest.raises(iqf.ParameterError, match="score has no value in any run that ended well"):
        crossing(results, "score")


def test_a_study_that_is_no_matrix_says_so(written, spread):
    results = written.study({None: spread(0.9), "jpeg(quality=50)": spread(0.8)})
    with pytest.raises(iqf.ParameterError, match="matrix: true"):
        crossing(results, "score")
