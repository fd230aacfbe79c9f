"""What prediction metrics may do beyond two steps: choose on the validation part, and keep further tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from iqf_core import PredictionMetric, Results, Study, open_results
from iqf_core.metrics import Output
from tests.study.lab import Lab

SCRIPT = """
import json, pathlib, sys
args = dict(zip((name.lstrip("-") for name in sys.argv[1::2]), sys.argv[2::2]))
output = pathlib.Path(args["outputpath"])
def numbers(folder):
    files = sorted((pathlib.Path(folder) / "images").iterdir())
    return {file.name: 0.1 * index for index, file in enumerate(files)}
(output / "output.json").write_text(json.dumps(numbers(args["testds"])))
if "valds" in args and "plain" not in args:
    (output / "validation.json").write_text(json.dumps(numbers(args["valds"])))
(output / "results.json").write_text("{}")
"""


@pytest.fixture
def ready(here: Lab) -> Lab:
    here.plugin("iqf-stranger")
    here.script(SCRIPT)
    here.images("val", 3)
    return here


def run(lab: Lab, **content: object) -> Results:
    known = {"datasets": {"val": "val", "test": "data"}, "metrics": ["chooser"]}
    return Study.from_file(lab.study(**{**known, **content})).run(progress=False)


def kept(results: Results) -> dict[str, object]:
    (folder,) = results.runs()
    return json.loads((folder.tables / "chooser.json").read_text())


def test_what_is_chosen_on_the_validation_part_judges_the_other(ready: Lab) -> None:
    """Numbers 0, 0.1, 0.2 for validation choose 0.2; of 0, 0.1, 0.2, 0.3 two reach it."""
    results = run(ready)
    assert results.dataframe()["chooser.share"].item() == 0.5
    assert kept(results)["metric"] == {"chooser": {"threshold": 0.2}}
    again = open_results(results.folder).apply("chooser")
    assert again.dataframe()["chooser.share"].item() == 0.5


def test_without_such_predictions_the_metric_is_as_it_was_given(ready: Lab) -> None:
    results = run(ready, hyperparameters={"plain": [1]})
    assert results.dataframe()["chooser.share"].item() == 1
    assert kept(results)["metric"] == {"chooser": {}}


def test_predictions_for_no_part_are_said(ready: Lab) -> None:
    ready.script(SCRIPT.replace('args["valds"]', 'args["testds"]').replace('"valds" in args and ', ""))
    command = ready.iqf("run", ready.study(datasets={"test": "data"}, metrics=["chooser"]), code=1)
    assert "validation.json: the study has no validation part" in command.err
    assert ready.table()[0]["chooser.share"] is None


def test_further_tables_are_kept_and_reach_mlflow(ready: Lab) -> None:
    results = run(ready)
    (folder,) = results.runs()
    table = pd.read_csv(folder.tables / "chooser.sorted.csv")
    assert list(table["number"]) == pytest.approx([0, 0.1, 0.2, 0.3])
    artifacts = [file.name for file in ready.runs.rglob("mlflow-artifacts/**/tables/*")]
    assert sorted(artifacts) == ["chooser.csv", "chooser.sorted.csv"]


def test_many_samples_of_weights_are_aggregated_one_by_one() -> None:
    class Mean(PredictionMetric):
        name = "mean"
        outputs = (Output("mean", "1", "higher", 0, 1, "Mean."),)

        def match(self, predictions: Path, dataset: object) -> pd.DataFrame:
            raise NotImplementedError

        def aggregate(self, table: pd.DataFrame, weights: object = None) -> dict[str, float]:
            share = table["image"].map(dict(weights)).to_numpy()
            return {"mean": float(np.average(table["value"], weights=share))}

    table = pd.DataFrame({"image": ["a", "b"], "group": [None, None], "value": [1.0, 0.0]})
    found = Mean().aggregate_many(table, np.array([[1.0, 1.0], [3.0, 1.0]]), ["a", "b"], ["mean"])
    assert found["mean"].tolist() == [0.5, 0.75]
