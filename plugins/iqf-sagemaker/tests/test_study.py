"""Studies whose runs are training jobs: how they end, and what is done when something goes wrong."""

from __future__ import annotations

import io
import json
import signal
import tarfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import iqf_core as iqf
from iqf_sagemaker import SageMakerExecutor
from iqf_sagemaker.request import training_job

from .conftest import PATIENCE_S, Lab, wait_for

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def status(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {row["how"]: row["status"] for row in rows}


@pytest.mark.timeout(180)
def test_six_runs_of_which_one_fails_one_is_stopped_and_one_is_interrupted(lab: Lab) -> None:
    ways = ["well", "fails", "stopped", "interrupted", "better", "best"]
    spot = {"sagemaker": lab.options(spot=True)}
    process = lab.start("run", lab.study(spot, hyperparameters={"how": ways}, parallel=3))
    client = lab.server.client("sagemaker")
    for how in ("stopped", "interrupted"):
        wait_for(lambda how=how: (lab.job(how) or {}).get("SecondaryStatus") == "Training")
        name = lab.job(how)["TrainingJobName"]
        kept = f"checkpoints/{name}/kept.txt"
        s3 = lab.server.client("s3")
        wait_for(
            lambda kept=kept, s3=s3: s3.list_objects_v2(Bucket="iqf-test", Prefix=f"iqf/{kept}")["KeyCount"]
        )
        if how == "stopped":
            client.stop_training_job(TrainingJobName=name)
        else:
            lab.server.interrupt(name)
    assert process.wait(PATIENCE_S) == 1
    assert "4 finished, 2 failed, 0 done earlier" in (lab.folder / "out.txt").read_text()
    code, out, _ = lab.iqf("results", "study", "--runs", "--json")
    rows = json.loads(out)
    assert code == 0
    assert status(rows) == dict.fromkeys(ways, "FINISHED") | {"fails": "FAILED", "stopped": "KILLED"}
    reasons = {row["how"]: row["reason"] for row in rows}
    assert reasons["fails"].startswith("exit code 3: AlgorithmError")
    assert "no such layer" in reasons["fails"]
    assert reasons["stopped"] == "the training job was stopped"
    logs = lab.logs()
    assert sorted(logs["fails"].splitlines()) == ["first words of fails", "no such layer"]  # of two streams
    assert logs["stopped"].startswith("first words of stopped\nhalf is done\n")
    assert logs["interrupted"].splitlines() == [
        "first words of interrupted",
        "half is done",
        "first words of interrupted",
        "goes on from half",
        "last words",
    ]
    assert all(0 < row["score"] < 1 for row in rows if row["status"] == "FINISHED")


@pytest.mark.parametrize("lost", ["nothing", "sagemaker.json"])
@pytest.mark.timeout(180)
def test_a_killed_study_finds_its_jobs_again_and_pays_and_sends_once(lab: Lab, lost: str) -> None:
    file = lab.study(hyperparameters={"how": ["a", "b"], "sleep": [4]}, parallel=2)
    process = lab.start("run", file)
    wait_for(lambda: len(list(lab.folder.glob("iqf-runs/study/runs/*/handle.json"))) == 2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    for run in lab.runs():  # what a kill at a worse moment would have left undone
        for name in [] if lost == "nothing" else ["handle.json", lost]:
            (run / name).unlink()
    code, out, err = lab.iqf("run", file)
    assert code == 0, err
    assert "2 finished, 0 failed, 0 done earlier" in out
    assert err.count("re-attached") == 2
    assert len(lab.asked("CreateTrainingJob")) == len(lab.server.jobs()) == 2
    sent = Counter(lab.asked("PutObject"))
    assert max(sent.values()) == 1, sent
    assert len([key for key in sent if key.endswith(".png")]) == 3
    assert [log.splitlines() for log in lab.logs().values()] == [
        [f"first words of {how}", "last words"] for how in lab.logs()
    ]


def test_the_same_numbers_as_on_this_machine_to_the_last_digit(lab: Lab) -> None:
    content = {
        "hyperparameters": {"how": ["1e-3", "a b"]},
        "modifiers": ["identity"],
        "repetitions": 2,
        "seed_argument": "seed",
        "parallel": 4,
    }
    here = lab.run("local", name="here", **content)
    there = lab.run(**content)
    assert len(here) == len(there) == 8
    for one, other in zip(here, there, strict=True):
        assert one["score"] == other["score"]
        assert one["key"] == other["key"]


@pytest.mark.parametrize(
    ("status_code", "said"), [(503, "AWS did not answer in"), (403, "not allowed (AccessDenied")]
)
def test_s3_that_refuses_fails_the_runs_of_that_data_alone(lab: Lab, status_code: int, said: str) -> None:
    lab.server.fail("PutObject", key="scene1.png", status=status_code, times=3 if status_code == 503 else 1)
    rows = lab.run(hyperparameters={"how": ["a", "b"]})
    assert status(rows) == {"a": "FAILED", "b": "FINISHED"}
    assert said in rows[0]["reason"]
    assert "cannot be staged to s3://iqf-test/iqf/data/" in rows[0]["reason"]
    assert sorted(Counter(lab.asked("PutObject", "scene0.png")).values()) == [1], "what was sent is kept"


def test_an_upload_that_is_cut_is_sent_again_and_is_an_error_where_it_always_is(lab: Lab) -> None:
    lab.server.cut(key="scene1.png", after_bytes=10, times=1)
    assert status(lab.run(hyperparameters={"how": ["a"]})) == {"a": "FINISHED"}
    (lab.folder / "data" / "images" / "scene9.png").write_bytes(
        (lab.folder / "data" / "images" / "scene1.png").read_bytes()
    )
    lab.server.cut(key="scene9.png", after_bytes=10, times=3)
    rows = lab.run(hyperparameters={"how": ["b", "c"]})
    assert status(rows) == {"b": "FAILED", "c": "FINISHED"}
    assert "cannot be staged" in rows[0]["reason"]
    assert "what was sent is kept, and the same command goes on" in rows[0]["reason"]


def hostile(kind: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo({"climbs": "../../x", "absolute": "/tmp/iqf-x"}.get(kind, "x"))
        if kind == "link":
            member.type, member.linkname = tarfile.SYMTYPE, "../../../x"
        if kind == "zeros":
            member.size = 10_000_000_000
            tar.fileobj.write(member.tobuf())  # type: ignore[union-attr] - the body is never read
        else:
            tar.addfile(member)
    return packed.getvalue()


HOSTILE = {
    "climbs": "'../../x' is refused: it lies outside the folder",
    "absolute": "'/tmp/iqf-x' is refused: it lies outside the folder",
    "link": "'x' is refused: it links out of the folder",
    "zeros": "more than 0.001 GB when unpacked",
}


def test_hostile_outputs_fail_their_runs_and_leave_nothing(lab: Lab, meanwhile: Any) -> None:
    def replace() -> None:
        for kind in HOSTILE:
            wait_for(lambda kind=kind: (lab.job(kind) or {}).get("TrainingJobStatus") == "Completed")
            key = f"iqf/runs/{lab.job(kind)['TrainingJobName']}/output/output.tar.gz"
            lab.server.client("s3").put_object(Bucket="iqf-test", Key=key, Body=hostile(kind))

    meanwhile(replace)
    slow = lab.options(poll_s=4.0, poll_most_s=4.0, output_limit_gb=0.001)
    rows = lab.run({"sagemaker": slow}, hyperparameters={"how": [*HOSTILE, "well"]}, parallel=5)
    assert status(rows) == dict.fromkeys(HOSTILE, "FAILED") | {"well": "FINISHED"}
    for row, said in zip(rows, HOSTILE.values(), strict=False):
        assert said in row["reason"]
        refused = next(run for run in lab.runs() if run.name == row["key"])
        assert list((refused / "output").iterdir()) == []
    assert not list(lab.folder.rglob("x"))
    assert not Path("/tmp/iqf-x").exists()
    assert all("last words" in log for log in lab.logs().values())


@pytest.mark.timeout(120)
def test_ctrl_c_stops_the_jobs_and_ends_at_once(lab: Lab) -> None:
    process = lab.start("run", lab.study(hyperparameters={"how": ["long", "stopped"]}, parallel=2))
    wait_for(lambda: len([job for job in lab.server.jobs() if job["SecondaryStatus"] == "Training"]) == 2)
    asked = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 130
    assert time.monotonic() - asked < 5
    wait_for(lambda: {job["TrainingJobStatus"] for job in lab.server.jobs()} == {"Stopped"})


def test_a_job_that_takes_too_long_says_so(lab: Lab) -> None:
    task = {"script": "code/script.py", "timeout_s": 1}
    (row,) = lab.run(hyperparameters={"how": ["long"]}, task=task)
    assert row["status"] == "FAILED"
    assert row["reason"] == "timeout after 1 s"


def test_a_creation_whose_answer_was_lost_is_no_second_job(lab: Lab) -> None:
    """The client asks again, and the name is taken: by this run's own job, or by a stranger's."""
    made = SageMakerExecutor(**lab.options())
    folder = lab.folder / "run"
    job = iqf.Job(
        key="k1",
        script=lab.folder / "code" / "script.py",
        datasets={"testds": lab.folder / "data"},
        folder=folder,
        output=folder / "output",
        log=folder / "log.txt",
    )
    channels = {"testds": made.stage().folder(lab.folder / "data")}
    named = {"name": "iqf-k1-0", "region": "us-east-1", "channels": channels, "folder_tag": "here"}
    request = training_job(made, job, code=made.stage().code(job.script, ("script.py",)), **named)
    made._create(request)
    made._create(request)
    assert len(lab.server.jobs()) == 1
    foreign = {**request, "Tags": [{"Key": "iqf:key", "Value": "another"}]}
    with pytest.raises(iqf.ExecutorError, match="the training job iqf-k1-0 cannot be created: ResourceInUse"):
        made._create(foreign)


def test_throttling_is_waited_out(lab: Lab) -> None:
    lab.server.throttle("CreateTrainingJob", 2)
    lab.server.throttle("DescribeTrainingJob", 4)
    assert status(lab.run(hyperparameters={"how": ["a"]})) == {"a": "FINISHED"}
    assert len(lab.server.jobs()) == 1


def test_output_that_cannot_be_fetched_at_once_is_not_given_up(lab: Lab) -> None:
    """It is paid for: S3 out of reach, and a connection that breaks amid the archive, are waited out."""
    lab.server.fail("HeadObject", key="output.tar.gz", status=503, times=4)
    lab.server.cut(key="output.tar.gz", after_bytes=20, times=7, operation="GetObject")
    assert status(lab.run(hyperparameters={"how": ["a"]})) == {"a": "FINISHED"}
    assert len(lab.server.jobs()) == 1


def test_models_of_a_matrix_are_staged_as_a_channel(lab: Lab) -> None:
    lab.script(
        """
        import json, pathlib, sys
        args = dict(zip((name.lstrip("-") for name in sys.argv[1::2]), sys.argv[2::2]))
        known = json.loads((pathlib.Path(args["model"]) / "results.json").read_text())["score"]
        (pathlib.Path(args["outputpath"]) / "results.json").write_text(json.dumps({"score": known + 1}))
        """,
        "infer.py",
    )
    task = {"script": "code/script.py", "infer": "code/infer.py"}
    rows = lab.run(matrix=True, modifiers=["jpeg(quality=50)"], task=task)
    assert [row["status"] for row in rows] == ["FINISHED"] * 4
    scores = [row["score"] for row in rows]
    assert scores[2:] == [scores[0] + 1, scores[1] + 1]


def test_a_job_that_is_gone_is_done_anew_once(lab: Lab, meanwhile: Any) -> None:
    def lose() -> None:
        wait_for(lambda: (lab.job("a") or {}).get("SecondaryStatus") == "Training")
        lab.server._control.jobs.clear()

    meanwhile(lose)
    assert status(lab.run(hyperparameters={"how": ["a"], "sleep": [3]})) == {"a": "FINISHED"}
    names = lab.asked("CreateTrainingJob")
    assert len(set(names)) == len(names) == 2


def test_what_iqf_plan_says_of_the_price(lab: Lab) -> None:
    task = {"script": "code/script.py", "timeout_s": 1800}
    priced = {"sagemaker": lab.options(price_per_hour=0.5, instance_count=2)}
    plan = iqf.Study.from_file(lab.study(priced, hyperparameters={"how": ["a", "b"]}, task=task)).plan()
    assert plan.expected_price() == (2 * 0.5 * 2 * 0.5, 1.0)
    assert "Cost: at most 1.00, for 1 hours of jobs" in lab.iqf("plan", lab.folder / "study.yaml")[1]


def test_a_price_is_rounded_up(lab: Lab) -> None:
    task = {"script": "code/script.py", "timeout_s": 60}
    priced = {"sagemaker": lab.options(price_per_hour=0.13)}
    said = lab.iqf("plan", lab.study(priced, hyperparameters={"how": ["x" * 300]}, task=task))[1]
    assert "Cost: at most 0.0022, for" in said


def test_nothing_is_known_of_a_price_that_nobody_gave(lab: Lab) -> None:
    assert iqf.Study.from_file(lab.study()).plan().expected_price() is None
