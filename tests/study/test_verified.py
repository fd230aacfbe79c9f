"""`verify:` of a study: columns before, after and asked; a warning below the table where they differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iqf_core import Image, Study, StudyError, open_results, write_image
from tests.study.lab import Lab

CONTENT: dict[str, Any] = {
    "modifiers": ["noise(target_snr=20)", "noise(target_snr=20) | blur(sigma_px=1.0)", "jpeg(quality=50)"]
}


@pytest.fixture
def ramps(here: Lab) -> Path:
    """Ramps with little noise of their own."""
    folder = here.folder / "ramps" / "images"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(3):
        values = np.linspace(80, 120, 128) + rng.normal(0, 1.5, (128, 128))
        write_image(folder / f"{index}.png", Image.from_array(np.rint(values).astype(np.uint8)))
    return folder.parent


def test_what_was_asked_for_and_what_was_achieved(here: Lab, ramps: Path) -> None:
    file = here.study(**CONTENT, datasets={"test": "ramps"}, verify=["snr"])
    command = here.iqf("run", file)
    found = open_results(file).summary().set_index("variant")
    asked, after = found["verify.snr.snr.asked"], found["verify.snr.snr.after"]
    assert asked["noise-target_snr20"] == 20
    assert after["noise-target_snr20"] == pytest.approx(20, rel=0.03)
    assert found["verify.snr.snr.before"].drop("reference").min() > 50
    assert asked[["reference", "jpeg-quality50"]].isna().all()
    assert after["noise-target_snr20+blur-sigma_px1"] > 40
    note = "noise-target_snr20+blur-sigma_px1: snr.snr 20 was asked for, and is"
    assert command.err.count(f"Note: {note}") == 1
    assert "Note: noise-target_snr20: " not in command.err
    assert "verify.snr.snr.after" in " ".join(command.out.split())
    runs = {run.params["variant"]: run.metrics for run in here.mlflow().values()}
    assert runs["jpeg-quality50"]["verify.snr.snr.after"][0][1] == pytest.approx(after["jpeg-quality50"])
    assert not any(name.startswith("verify.") for name in runs["reference"])


def test_asked_for_later_it_is_measured_without_running_again(here: Lab, ramps: Path) -> None:
    study = {**CONTENT, "modifiers": CONTENT["modifiers"][:1], "datasets": {"test": "ramps"}}
    here.iqf("run", here.study(**study))
    starts = len(here.started())
    file = here.study(**study, verify={"metrics": ["snr"], "sample": 2, "tolerance": 0.001})
    here.iqf("run", file)
    assert len(here.started()) == starts
    results = open_results(file)
    assert "verify.snr.snr.after" in results.dataframe()
    assert "snr.snr 20 was asked for" in " ".join(results.warnings())
    variant = next(here.folder.glob("ramps#*"))
    assert '"sample": 2' in (variant / ".iqf-manifest").read_text()


@pytest.mark.parametrize(
    ("verify", "said"),
    [({"metric": ["snr"]}, "Did you mean 'metrics'"), ({"metrics": ["snr"], "sample": 0}, "verify.sample")],
)
def test_a_misspelt_block_is_refused(here: Lab, verify: dict[str, Any], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        Study.from_file(here.study(verify=verify))


def test_a_metric_of_predictions_is_refused_before_anything_runs(here: Lab) -> None:
    command = here.iqf("run", here.study(verify=["classification"]), code=2)
    assert "classification does not measure single images" in command.err
    assert not here.started()
