"""The table of runs: every value as it was written, summaries, metrics applied afterwards."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iqf_core import Results, ResultsError, Study, open_results
from tests.study.lab import Lab

FULL: dict[str, Any] = {
    "modifiers": [{"jpeg": {"quality": [90, 30]}}],
    "hyperparameters": {"lr": [0.1, 0.2], "layers": [[8, 8], [16]]},
    "repetitions": 3,
    "seed_argument": "seed",
    "parallel": 2,
}


def run(lab: Lab, **content: Any) -> Results:
    return Study.from_file(lab.study(**content)).run(progress=False)


def test_values_arrive_as_they_were_written(here: Lab) -> None:
    here.script("""
        import json, pathlib, sys
        args = dict(zip((name.lstrip("-") for name in sys.argv[1::2]), sys.argv[2::2]))
        results = {
            "zero": 0.0, "nothing": float("nan"), "most": float("inf"), "loss": [3, 2.5, 0],
            "steps": [[0, 9.0], [10, 8.0]], "AP@[.5:.95]": 0.25, "AP@[.5;.95]": 0.5, "word": "grün",
            "yes": True, "long": list(range(2500)), "late": [[1e300, 0.5]], "status": 7, "lr": 5, "seed": 8,
            "bits_per_pixel": 1, "variant": "mine", "a/": 1, "../b": 2, "nested": {"a": 1},
        }
        (pathlib.Path(args["outputpath"]) / "results.json").write_text(json.dumps(results))
        (pathlib.Path(args["outputpath"]) / "deep").mkdir()
        (pathlib.Path(args["outputpath"]) / "deep" / "model #1.bin").write_bytes(b"12")
    """)
    results = run(here, hyperparameters={"lr": 0.1})
    row = results.dataframe().iloc[0].to_dict()
    assert (row["zero"], row["most"], row["loss"], row["steps"], row["AP@[.5:.95]"]) == (
        0,
        math.inf,
        0,
        8,
        0.25,
    )
    assert math.isnan(row["nothing"])
    assert (row["status"], row["lr"], row["variant"]) == ("FINISHED", 0.1, "reference")
    assert (row["results.status"], row["results.lr"], row["results.seed"]) == (7, 5, 8)
    assert row["bits_per_pixel"] > 10
    assert row["results.bits_per_pixel"] == 1
    (tracked,) = here.mlflow().values()
    assert tracked.status == "FINISHED"
    assert tracked.metrics["zero"] == [(0, 0.0)]
    assert tracked.metrics["nothing"] == [(0, None)]
    assert tracked.metrics["loss"] == [(0, 3.0), (1, 2.5), (2, 0.0)]
    assert tracked.metrics["steps"] == [(0, 9.0), (10, 8.0)]
    assert tracked.metrics["long"] == [(step, float(step)) for step in range(2500)]
    assert tracked.metrics["late"] == [(2**63 - 1, 0.5)]
    assert (tracked.metrics["AP__.5:.95_"], tracked.metrics["AP__.5_.95_"]) == ([(0, 0.25)], [(0, 0.5)])
    assert (tracked.params["word"], tracked.params["yes"], tracked.params["lr"]) == ("grün", "True", "0.1")
    assert (tracked.params["variant"], tracked.params["results.variant"]) == ("reference", "mine")
    assert tracked.params["ds_name"] == "data"
    artifacts = {file.name for file in (results.folder / "mlflow-artifacts").rglob("*") if file.is_file()}
    assert artifacts == {"study.yaml", "job.json", "results.json", "model #1.bin"}


def test_two_names_that_mlflow_cannot_tell_apart_are_both_there(here: Lab) -> None:
    here.script("""
        import json, pathlib, sys
        output = pathlib.Path(sys.argv[sys.argv.index("--outputpath") + 1])
        (output / "results.json").write_text(json.dumps({"AP@[50]": 1, "AP@{50}": 2}))
    """)
    run(here)
    (tracked,) = here.mlflow().values()
    assert (tracked.metrics["AP__50_"], tracked.metrics["AP__50__2"]) == ([(0, 1.0)], [(0, 2.0)])


def test_the_summary_is_the_mean_std_and_count_over_the_repetitions(here: Lab) -> None:
    results = run(here, **FULL)
    table, summary = results.dataframe(), results.summary()
    assert (len(table), len(summary)) == (36, 12)
    assert set(table["layers"]) == {"[8, 8]", "[16]"}
    for _, row in summary.iterrows():
        same = (table[["variant", "lr", "layers"]] == row[["variant", "lr", "layers"]]).all(axis=1)
        values = table[same]["testds"].to_numpy()
        assert row["testds_mean"] == pytest.approx(np.mean(values), rel=1e-12)
        assert row["testds_std"] == pytest.approx(np.std(values, ddof=1), rel=1e-9)
        assert (row["testds_count"], row["runs"], row["failed"]) == (3, 3, 0)
        assert row["bits_per_pixel"] == table[same]["bits_per_pixel"].iloc[0]
    assert list(summary["knob"].dropna().unique()) == [90, 30]
    assert (summary["zero_mean"] == 0).all()
    assert summary["nothing_mean"].isna().all()
    assert (summary["nothing_count"] == 0).all()
    assert results.warnings() == []


def test_hyperparameters_named_as_columns_of_the_table_keep_their_place(here: Lab) -> None:
    results = run(here, hyperparameters={"seed": [1, 2], "variant": ["x"]})
    table = results.dataframe()
    assert list(table["--seed"]) == [1, 2]
    assert list(table["variant"]) == ["reference"] * 2
    assert len(results.summary()) == 2


def test_repetitions_that_are_none_are_said_to_be(here: Lab) -> None:
    results = run(here, repetitions=3, modifiers=["jpeg(quality=50)"])
    (warning,) = results.warnings()
    assert "2 setting(s) ended identically, with no seed_argument" in warning
    assert run(here, repetitions=3, seed_argument="seed").warnings() == []


def test_infinite_values_are_summed_up_without_a_warning(here: Lab) -> None:
    here.script("""
        import json, pathlib, sys
        output = pathlib.Path(sys.argv[sys.argv.index("--outputpath") + 1])
        (output / "results.json").write_text('{"psnr": Infinity}')
    """)
    summary = run(here, repetitions=2).summary()
    assert summary["psnr_mean"][0] == math.inf
    assert math.isnan(summary["psnr_std"][0])


GENERATE = """
    import json, pathlib, shutil, sys
    args = dict(zip((name.lstrip("-") for name in sys.argv[1::2]), sys.argv[2::2]))
    output = pathlib.Path(args["outputpath"])
    (output / "made").mkdir()
    files = sorted((pathlib.Path(args["testds"]) / "images").iterdir())
    for file in files:
        shutil.copy(file, output / "made" / file.name)
    (output / "output.json").write_text(json.dumps([f"made/{file.name}" for file in files]))
"""


def test_metrics_are_applied_afterwards_without_running_again(
    here: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Image metrics, pair metrics, of the variants and of generated images; from any folder."""
    here.plugin("iqf-pair")
    here.script(GENERATE)
    study = {"modifiers": ["quantise(bits=2)"], "repetitions": 2}
    results = run(here, **study)
    logs = [(folder.log.stat().st_mtime_ns, folder.outcome()) for folder in results.runs()]
    monkeypatch.chdir(tmp_path)
    applied = open_results(results.folder).apply("basic").apply("distance")
    table = applied.dataframe().set_index("variant")
    assert (table.loc["reference", ["distance.mean", "output.distance.mean"]] == 0).all(axis=None)
    quantised = table.loc["quantise-bits2", ["distance.mean", "output.distance.mean"]]
    assert (quantised > 10).all(axis=None)
    assert (quantised["distance.mean"] == quantised["output.distance.mean"]).all()
    assert (table["output.basic.mean"] == table["basic.mean"]).all()
    assert [(folder.log.stat().st_mtime_ns, folder.outcome()) for folder in applied.runs()] == logs
    rows = (applied.runs()[0].tables / "output.distance.csv").read_text().splitlines()
    assert rows[0] == "image,group,output.distance.mean" or rows[0].startswith("image,group,")
    assert len(rows) == 5
    monkeypatch.chdir(here.folder)
    before = run(here, **study, metrics=["basic", "distance"]).dataframe()
    assert before.drop(columns="duration_s").equals(applied.dataframe().drop(columns="duration_s"))
    assert all("output.distance.mean" in tracked.metrics for tracked in here.mlflow().values())


def test_a_prediction_metric_is_applied_afterwards_also_when_the_script_has_changed(here: Lab) -> None:
    here.plugin("iqf-stranger")
    here.script("""
        import json, pathlib, sys
        args = dict(zip((name.lstrip("-") for name in sys.argv[1::2]), sys.argv[2::2]))
        names = sorted(file.name for file in (pathlib.Path(args["testds"]) / "images").iterdir())
        labels = {name: "ab"[index == 0] for index, name in enumerate(names)}
        (pathlib.Path(args["outputpath"]) / "output.json").write_text(json.dumps(labels))
    """)
    results = run(here, modifiers=["jpeg(quality=50)"])
    here.script("raise RuntimeError('not to be run')")
    table = results.apply("judge").dataframe()
    assert list(table["judge.score"]) == [0.75, 0.75]
    assert (results.runs()[0].tables / "judge.csv").read_text().count("\n") == 5


def test_metrics_are_not_applied_to_what_is_gone_or_has_changed(
    here: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    results = run(here, modifiers=["jpeg(quality=50)"])
    shutil.rmtree(here.folder / "data#jpeg-quality50")
    results.apply("basic")
    assert "the variant is no longer there" in caplog.text
    assert results.dataframe()["basic.mean"].notna().tolist() == [True, False]
    extra = here.folder / "data" / "images"
    shutil.copy(extra / "scene0_0.png", extra / "scene7_0.png")
    with pytest.raises(ResultsError, match="changed since the study was run"):
        results.apply("basic")


def test_results_are_opened_by_name_folder_file_or_experiment(
    here: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = run(here)
    keys = list(results.dataframe()["key"])
    for place in ("study", results.folder, here.folder / "study.yaml"):
        opened = open_results(place)
        assert isinstance(opened, Results)
        assert (opened.name, list(opened.dataframe()["key"])) == ("study", keys)
    tracked = open_results("study", tracking_uri=f"sqlite:///{here.runs / 'mlflow.db'}")
    assert not isinstance(tracked, Results)
    assert (tracked["status"][0], tracked["zero"][0], tracked["ds_name"][0]) == ("FINISHED", 0.0, "data")
    with pytest.raises(ResultsError, match="Did you mean 'study'"):
        open_results("studdy")
    with pytest.raises(ResultsError, match="no MLflow experiment 'other'"):
        open_results("other", tracking_uri=f"sqlite:///{here.runs / 'mlflow.db'}")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ResultsError, match="no study of that name"):
        open_results("study")


def test_folders_with_odd_names_work_throughout(here: Lab) -> None:
    here.images("Bilder #1 grün")
    content = {
        "datasets": {"test": "Bilder #1 grün"},
        "modifiers": ["jpeg(quality=50)"],
        "metrics": ["basic"],
    }
    done = here.iqf("run", here.study("study é", **content, runs_root="kept #2 ü"))
    assert "2 finished" in done.out
    folder = here.folder / "kept #2 ü" / "study é"
    table = open_results(folder).dataframe()
    assert table["status"].tolist() == ["FINISHED"] * 2
    tracked = here.mlflow("study é", here.folder / "kept #2 ü" / "mlflow.db")
    assert [one.status for one in tracked.values()] == ["FINISHED"] * 2
    assert len(list((folder / "mlflow-artifacts").rglob("results.json"))) == 2


def test_what_is_written_can_be_read_by_whoever_may_read_the_folder(here: Lab) -> None:
    results = run(here)
    (folder,) = results.runs()
    modes = {file.name: file.stat().st_mode & 0o777 for file in folder.path.glob("*.json")}
    probe = here.folder / "probe"
    probe.touch()
    assert set(modes) == {"job.json", "handle.json", "outcome.json", "delivered.json"}
    assert set(modes.values()) == {probe.stat().st_mode & 0o777}
    assert json.loads((folder.path / "outcome.json").read_text())["metrics"]["zero"] == [[0, 0.0]]
