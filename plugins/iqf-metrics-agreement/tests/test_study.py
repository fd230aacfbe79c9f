"""In a study, from what a script writes to the table, and from the stored tables to the same numbers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import iqf_core as iqf
from iqf_metrics_agreement import confusion_matrix, per_class, read_matches

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:(sqlalchemy|mlflow)")

LABELS = ["01", "NA", "01", "water"]
SAID = ["01", "NA", "water", "1"]
RECORDS = {
    f"s{number}.jpg": {"label": said, "probabilities": {said: 0.1 * (number + 6)}, "mask": f"s{number}.png"}
    for number, said in enumerate(SAID)
}
SCRIPT = """
import json, pathlib, shutil, sys
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
output = pathlib.Path(options["--outputpath"])
for mask in (pathlib.Path(__file__).parent / "predicted").iterdir():
    shutil.copy(mask, output)
(output / "output.json").write_text({records!r})
"""


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A study of four images with a label and a mask each, run once."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rng = np.random.default_rng(4)
    for number in range(len(LABELS)):
        pictures = {
            "scenes/images": rng.integers(0, 255, (8, 9)),
            "scenes/images_mask": rng.integers(0, 3, (8, 9)),
            "predicted": rng.integers(0, 4, (8, 9)),
        }
        for folder, pixels in pictures.items():
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            image = iqf.Image.from_array(pixels.astype(np.uint8))
            iqf.write_image(tmp_path / folder / f"s{number}.png", image)
    rows = [f"s{number}.png,{label}" for number, label in enumerate(LABELS)]
    (tmp_path / "scenes" / "labels.csv").write_text("\n".join(["image_filename,label", *rows]))
    (tmp_path / "script.py").write_text(SCRIPT.format(records=json.dumps(RECORDS)))
    study = iqf.Study(
        name="labels",
        datasets={"test": str(tmp_path / "scenes")},
        task={"script": str(tmp_path / "script.py")},
        metrics=["classification", "segmentation(ignore=0)"],
        runs_root=str(tmp_path / "iqf-runs"),
    )
    return study.run(progress=False)


def test_from_the_script_to_the_table_and_back(results, tmp_path):
    (row,) = results.dataframe().to_dict("records")
    assert row["classification.accuracy"] == 0.5
    assert row["classification.classes_absent"] == 1
    truth, predicted = (
        np.stack([iqf.read_image(tmp_path / folder / f"s{number}.png").pixels for number in range(4)])
        for folder in ("scenes/images_mask", "predicted")
    )
    right = (truth == predicted)[truth != 0].mean()
    assert row["segmentation-ignore0.overall_accuracy"] == pytest.approx(right)

    results.apply("classification(bins=1)")
    (row,) = results.dataframe().to_dict("records")
    assert row["classification-bins1.accuracy"] == 0.5
    assert row["classification-bins1.calibration_error"] == pytest.approx(0.75 - 0.5)

    (run,) = results.runs()
    for name in ("classification", "classification-bins1", "segmentation-ignore0"):
        metric = iqf.metric(json.loads((run.tables / f"{name}.json").read_text())["metric"])
        again = metric.aggregate(read_matches(run.tables / f"{name}.csv"))
        assert {f"{name}.{output}": value for output, value in again.items()} == {
            column: value for column, value in row.items() if column.startswith(f"{name}.")
        }


def test_tables_of_classes_are_kept(results):
    (run,) = results.runs()
    kept = pd.read_csv(
        run.tables / "classification.per_class.csv", dtype={"class": str}, keep_default_na=False
    )
    assert kept["class"].tolist() == ["01", "1", "NA", "water"]
    assert kept["averaged"].tolist() == [True, False, True, True]
    kept = pd.read_csv(run.tables / "segmentation-ignore0.confusion.csv", index_col=0)
    assert (kept.index.tolist(), kept.columns.tolist()) == ([1, 2], ["0", "1", "2", "3"])


def test_stored_tables_say_what_outputs_cannot(results, tmp_path, monkeypatch, capsys):
    (run,) = results.runs()
    table = read_matches(run.tables / "classification.csv")
    assert per_class(table).index.tolist() == ["01", "1", "NA", "water"]
    assert confusion_matrix(table).loc["01"].to_dict() == {"01": 1, "1": 0, "NA": 0, "water": 1}
    assert {"iou", "f1"} <= set(per_class(read_matches(run.tables / "segmentation-ignore0.csv")))

    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    exec(re.findall(r"```python\n(.*?)```", text, re.DOTALL)[1], {})  # noqa: S102 - it is ours
    assert capsys.readouterr().out == f"reference\n{per_class(table)}\n"
