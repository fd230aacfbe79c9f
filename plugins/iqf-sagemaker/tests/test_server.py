"""The server that stands for SageMaker: each outcome with a real script, through boto3."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest.importorskip("moto", reason="pip install 'iqf-sagemaker[testing]'")

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    IncompleteReadError,
    ResponseStreamingError,
)

from iqf_core.errors import ExecutorError
from iqf_sagemaker.testing import SageMakerServer
from iqf_sagemaker.testing.container import Container
from iqf_sagemaker.testing.fixtures import sagemaker_server  # noqa: F401
from iqf_sagemaker.testing.operations import service_model
from iqf_sagemaker.testing.validation import compiled

BUCKET = "iqf-test"
GROUP = "/aws/sagemaker/TrainingJobs"
ENDLESS = "import time\nprint('here', flush=True)\nwhile True: time.sleep(0.05)\n"
OPERATIONS = [
    "CreateTrainingJob",
    "DescribeTrainingJob",
    "StopTrainingJob",
    "ListTrainingJobs",
    "ListTags",
    "AddTags",
]
ONCE = {"total_max_attempts": 1}


class Desk:
    """What a user of the server does: put a script, ask for a job, wait, look."""

    def __init__(self, server: SageMakerServer) -> None:
        self.server = server
        self.sagemaker = server.client("sagemaker", retries=ONCE)
        self.s3 = server.client("s3", retries=ONCE)
        self.logs = server.client("logs")

    def request(self, name: str = "job", **changes: Any) -> dict[str, Any]:
        """Request of a job that runs the script of its name; None takes a member away."""
        parameters = {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": f"s3://{BUCKET}/{name}.tar.gz",
        }
        request: dict[str, Any] = {
            "TrainingJobName": name,
            "RoleArn": self.server.role_arn(),
            "AlgorithmSpecification": {"TrainingImage": "here/image:1", "TrainingInputMode": "File"},
            "HyperParameters": {key: json.dumps(value) for key, value in parameters.items()},
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out/"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        }
        request["HyperParameters"] |= changes.pop("parameters", {})
        request |= changes
        return {key: value for key, value in request.items() if value is not None}

    def put(self, name: str, script: str, **files: str) -> None:
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:gz") as archive:
            for path, text in {"train.py": script, **files}.items():
                entry = tarfile.TarInfo(path)
                entry.size = len(text.encode())
                archive.addfile(entry, io.BytesIO(text.encode()))
        self.s3.put_object(Bucket=BUCKET, Key=f"{name}.tar.gz", Body=content.getvalue())

    def create(self, script: str, name: str = "job", **changes: Any) -> None:
        self.put(name, script)
        self.sagemaker.create_training_job(**self.request(name, **changes))

    def spot(self, script: str, wait_s: int = 60, name: str = "job") -> None:
        self.create(
            script,
            name,
            EnableManagedSpotTraining=True,
            Environment={"CHECKPOINTS": "/opt/ml/checkpoints"},
            CheckpointConfig={"S3Uri": f"s3://{BUCKET}/checkpoints/{name}"},
            StoppingCondition={"MaxRuntimeInSeconds": min(wait_s, 60), "MaxWaitTimeInSeconds": wait_s},
        )

    def describe(self, name: str = "job") -> dict[str, Any]:
        described: dict[str, Any] = self.sagemaker.describe_training_job(TrainingJobName=name)
        return described

    def run(self, script: str, name: str = "job", **changes: Any) -> dict[str, Any]:
        self.create(script, name, **changes)
        return self.end(name)

    def end(self, name: str = "job") -> dict[str, Any]:
        until(lambda: self.describe(name)["TrainingJobStatus"] not in ("InProgress", "Stopping"))
        return self.describe(name)

    def printed(self, name: str = "job") -> list[list[str]]:
        """Lines of each stream of a job, in the order of their names."""
        found = self.logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/algo-1-")
        events = [
            self.logs.get_log_events(logGroupName=GROUP, logStreamName=s["logStreamName"], startFromHead=True)
            for s in found["logStreams"]
        ]
        return [[event["message"] for event in stream["events"]] for stream in events]

    def has_printed(self, line: str, name: str = "job", stream: int = -1) -> bool:
        try:
            return line in self.printed(name)[stream]
        except (IndexError, ClientError):
            return False

    def archive(self, which: str = "output", name: str = "job") -> dict[str, str]:
        body = self.s3.get_object(Bucket=BUCKET, Key=f"out/{name}/output/{which}.tar.gz")["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            files = {entry.name: archive.extractfile(entry) for entry in archive if entry.isfile()}
            return {path: file.read().decode() for path, file in files.items() if file}

    def steps(self, name: str = "job") -> list[str]:
        return [step["Status"] for step in self.describe(name)["SecondaryStatusTransitions"]]

    def error(self, call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
        with pytest.raises(ClientError) as caught:
            call(**arguments)
        return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]

    def refused(self, **changes: Any) -> str:
        """Message of the ValidationException of a request."""
        code, message = self.error(self.sagemaker.create_training_job, **self.request(**changes))
        assert code == "ValidationException"
        return message


def until(test: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not test():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.05)


def runs(text: str) -> bool:
    """Whether a process runs that has this in its command line."""
    for process in psutil.process_iter(["cmdline", "status"]):
        if text in " ".join(process.info["cmdline"] or []) and process.info["status"] != psutil.STATUS_ZOMBIE:
            return True
    return False


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with SageMakerServer(tmp_path / "server", grace_s=0.5) as server:
        yield Desk(server)


def channel(name: str = "train", uri: str = f"s3://{BUCKET}/data") -> dict[str, Any]:
    return {"ChannelName": name, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}


# Jobs that end by themselves.

WHOLE = """
import json, os, sys
from pathlib import Path
import beside
files = {str(p.relative_to(os.environ["SM_CHANNEL_TRAIN"])): p.read_text()
         for p in Path(os.environ["SM_CHANNEL_TRAIN"]).rglob("*") if p.is_file()}
Path(os.environ["SM_OUTPUT_DATA_DIR"], "seen.json").write_text(json.dumps(
    {"argv": sys.argv[1:], "env": dict(os.environ), "files": files, "cwd": os.getcwd()}))
Path(os.environ["SM_MODEL_DIR"], "deep").mkdir()
Path(os.environ["SM_MODEL_DIR"], "deep", "model.txt").write_text("m")
print("zwölf Uhr")
print()
print("to stderr", file=sys.stderr)
"""


def test_a_job_runs_and_leaves_output_model_and_log(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-real-one")
    desk.s3.put_object(Bucket=BUCKET, Key="data/a/b.txt", Body=b"1")
    desk.s3.put_object(Bucket=BUCKET, Key="data/c.txt", Body=b"2")
    desk.put("job", WHOLE, **{"beside.py": ""})
    parameters = {
        "lr": "0.10",
        "flag": "true",
        "text": '"0.10"',
        "plain": "a b",
        "data": '"/opt/ml/input/data/train"',
    }
    request = desk.request(parameters=parameters, InputDataConfig=[channel()], Environment={"MINE": "x"})
    arn = desk.sagemaker.create_training_job(**request)["TrainingJobArn"]
    described = desk.end()
    assert described["TrainingJobStatus"] == described["SecondaryStatus"] == "Completed"
    assert desk.steps() == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert described["TrainingJobArn"] == arn
    assert described["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/out/job/output/model.tar.gz"
    assert desk.archive("model") == {"deep/model.txt": "m"}
    seen = json.loads(desk.archive()["seen.json"])
    root = desk.server.folder / "jobs" / "job" / "opt" / "ml"
    assert seen["files"] == {"a/b.txt": "1", "c.txt": "2"}
    assert seen["cwd"] == str(root / "code")
    expected = ["--data", f"{root}/input/data/train", "--flag", "True", "--lr", "0.1"]
    assert seen["argv"] == [*expected, "--plain", "a b", "--text", "0.10"]
    environment = seen["env"]
    assert "AWS_SECRET_ACCESS_KEY" not in environment
    assert environment["MINE"] == "x"
    assert json.loads(environment["SM_HPS"])["text"] == environment["SM_HP_TEXT"] == "0.10"
    assert environment["SM_NUM_GPUS"] == "0"
    assert environment["TRAINING_JOB_NAME"] == "job"
    assert json.loads(environment["SM_CHANNELS"]) == ["train"]
    assert json.loads((root / "input/config/hyperparameters.json").read_text())["lr"] == "0.10"
    assert json.loads((root / "input/config/resourceconfig.json").read_text())["hosts"] == ["algo-1"]
    assert sorted(desk.printed()[0]) == ["to stderr", "zwölf Uhr"]


def test_an_exit_code_is_a_failure_with_the_end_of_the_errors(desk: Desk) -> None:
    script = (
        "import os, sys\nopen(os.environ['SM_OUTPUT_DATA_DIR'] + '/half.txt', 'w').write('h')\n"
        "sys.stderr.write('x' * 5000 + '\\nmy mistake\\n')\nsys.exit(3)"
    )
    described = desk.run(script)
    assert described["TrainingJobStatus"] == described["SecondaryStatus"] == "Failed"
    reason = described["FailureReason"]
    assert reason.startswith('AlgorithmError: ExecuteUserScriptError:\nExitCode 3\nErrorMessage "')
    assert "my mistake" in reason
    assert len(reason) <= 1024
    assert "ModelArtifacts" not in described
    assert desk.archive() == {"half.txt": "h"}


def test_a_script_may_tell_why_it_failed(desk: Desk) -> None:
    script = (
        "import os, sys\nopen(os.environ['SM_OUTPUT_DIR'] + '/failure', 'w').write('no gold ' * 500)\n1 / 0"
    )
    reason = desk.run(script)["FailureReason"]
    assert reason.startswith("AlgorithmError: no gold no gold")
    assert len(reason) == 1024


def test_a_script_that_is_not_there_or_no_archive(desk: Desk) -> None:
    desk.sagemaker.create_training_job(**desk.request("none"))
    assert "An error occurred (404) when calling the HeadObject" in desk.end("none")["FailureReason"]
    desk.s3.put_object(Bucket=BUCKET, Key="torn.tar.gz", Body=b"\x1f\x8b torn")
    desk.sagemaker.create_training_job(**desk.request("torn"))
    assert desk.end("torn")["FailureReason"].startswith("AlgorithmError: framework error")


def test_data_that_is_not_there_is_refused_and_fails_when_it_went_meanwhile(desk: Desk) -> None:
    assert "No S3 objects found under S3 URL" in desk.refused(InputDataConfig=[channel()])
    desk.s3.put_object(Bucket=BUCKET, Key="data/a.txt", Body=b"1")
    desk.server.capacity_wait_s = 0.5
    desk.create("", InputDataConfig=[channel()])
    desk.s3.delete_object(Bucket=BUCKET, Key="data/a.txt")
    described = desk.end()
    assert described["TrainingJobStatus"] == "Failed"
    assert described["FailureReason"].startswith("ClientError: Data download failed")
    assert desk.steps() == ["Starting", "Downloading", "Failed"]


def test_requirements_are_installed_beside_the_job_where_that_is_asked_for(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (package / "backend.py").write_text(BACKEND)
    with SageMakerServer(tmp_path / "server", install_requirements=True) as server:
        desk = Desk(server)
        requirements = f"--no-index\n{package}\n"
        desk.put("job", "import required; print(required.WORD)", **{"requirements.txt": requirements})
        desk.sagemaker.create_training_job(**desk.request(Environment={"PIP_CONFIG_FILE": os.devnull}))
        assert desk.end().get("FailureReason", "") == ""
        assert desk.has_printed("it was installed")
        desk.put("bad", "", **{"requirements.txt": "--no-index\nnot-to-be-had-anywhere\n"})
        desk.sagemaker.create_training_job(**desk.request("bad"))
        assert desk.end("bad")["FailureReason"].startswith(
            "AlgorithmError: InstallRequirementsError:\nExitCode 1"
        )


BACKEND = """
import zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "required-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{directory}/{name}", "w") as wheel:
        wheel.writestr("required.py", "WORD = 'it was installed'")
        info = "required-1.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: required\\nVersion: 1\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return name
"""


# Jobs that are ended.

FAMILY = """
import os, signal, subprocess, sys, time
from pathlib import Path
asked = Path(os.environ["SM_OUTPUT_DATA_DIR"]) / "asked.txt"
signal.signal(signal.SIGTERM, lambda *_: asked.write_text(""))
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
subprocess.Popen([sys.executable, "-c", code, "{mark}"], start_new_session=True, env={{}})
print("here", flush=True)
while True: time.sleep(0.05)
"""


def test_stopping_asks_then_kills_with_all_descendants_and_keeps_the_output(
    desk: Desk, tmp_path: Path
) -> None:
    mark = f"family-of-{tmp_path}"
    desk.create(FAMILY.format(mark=mark))
    until(lambda: desk.has_printed("here"))
    assert runs(mark)
    desk.sagemaker.stop_training_job(TrainingJobName="job")
    assert desk.describe()["TrainingJobStatus"] == "Stopping"
    described = desk.end()
    assert described["TrainingJobStatus"] == described["SecondaryStatus"] == "Stopped"
    assert desk.steps() == ["Starting", "Downloading", "Training", "Stopping", "Uploading", "Stopped"]
    assert desk.archive() == {"asked.txt": ""}
    assert not runs(mark)
    code, message = desk.error(desk.sagemaker.stop_training_job, TrainingJobName="job")
    assert (code, message.split()[-1]) == ("ValidationException", "Stopped.")


def test_a_job_that_runs_too_long_is_stopped(desk: Desk) -> None:
    described = desk.run(ENDLESS, StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert (described["TrainingJobStatus"], described["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert described["TrainingTimeInSeconds"] == described["BillableTimeInSeconds"] == 2


COUNTING = """
import os, time
from pathlib import Path
state = Path(os.environ["CHECKPOINTS"], "state.txt")
number = int(state.read_text()) + 1 if state.exists() else 0
print("start", number, flush=True)
state.write_text(str(number))
while number < 1: time.sleep(0.05)
print("end")
"""


def test_an_interrupted_spot_job_goes_on_from_its_checkpoint(desk: Desk) -> None:
    desk.spot(COUNTING)
    key = "checkpoints/job/state.txt"
    until(lambda: "Contents" in desk.s3.list_objects_v2(Bucket=BUCKET, Prefix=key))
    desk.server.interrupt("job")
    described = desk.end()
    once = ["Starting", "Downloading", "Training"]
    assert desk.steps() == [*once, "Interrupted", *once, "Uploading", "Completed"]
    assert desk.printed() == [["start 0"], ["start 1", "end"]]
    assert desk.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"1"
    assert 1 <= described["BillableTimeInSeconds"] <= described["TrainingTimeInSeconds"] <= 10


def test_only_running_spot_jobs_are_interrupted(desk: Desk) -> None:
    desk.run("")
    with pytest.raises(ValueError, match="no spot job"):
        desk.server.interrupt("job")
    desk.spot("", name="over")
    desk.end("over")
    with pytest.raises(ValueError, match="it is Completed"):
        desk.server.interrupt("over")


def test_a_spot_job_waits_no_longer_than_it_may(desk: Desk) -> None:
    desk.server.capacity_wait_s = 60
    desk.spot("", wait_s=1)
    described = desk.end()
    assert (described["TrainingJobStatus"], described["SecondaryStatus"]) == (
        "Stopped",
        "MaxWaitTimeExceeded",
    )
    assert desk.steps() == ["Starting", "Stopping", "MaxWaitTimeExceeded"]
    assert "TrainingStartTime" not in described


def test_a_job_may_find_no_instance(desk: Desk) -> None:
    desk.server.doom()
    assert desk.run("")["FailureReason"].startswith("CapacityError: ")
    assert desk.run("", "again")["TrainingJobStatus"] == "Completed"


def test_closing_kills_what_runs(tmp_path: Path) -> None:
    mark = f"closed-with-{tmp_path}"
    with SageMakerServer(tmp_path / "server", grace_s=0.2) as server:
        desk = Desk(server)
        desk.create(FAMILY.format(mark=mark))
        until(lambda: desk.has_printed("here"))
    assert not runs(mark)
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(server.url, timeout=1)


# What is refused.


def test_requests_are_held_against_the_model(desk: Desk) -> None:
    assert "at 'trainingJobName' failed to satisfy constraint: Member must satisfy regular expression" in (
        desk.refused(TrainingJobName="under_score")
    )
    assert "Member must have length less than or equal to 63" in desk.refused(TrainingJobName="a" * 64)
    assert "Map value must satisfy constraint" in desk.refused(parameters={"long": "x" * 2501})
    assert "at 'hyperParameters'" in desk.refused(parameters={f"p{n}": "1" for n in range(101)})
    assert "Map keys must satisfy" in desk.refused(Environment={"not-a-name": "1"})
    tiny = {"InstanceType": "ml.tiny", "InstanceCount": 1, "VolumeSizeInGB": 1}
    assert "Member must satisfy enum value set: [ml." in desk.refused(ResourceConfig=tiny)
    two = desk.refused(TrainingJobName="under_score", RoleArn="arn:aws:iam::12:role/short")
    assert two.startswith("2 validation errors detected: ")
    assert "tags" in desk.refused(Tags=[{"Key": "no#hash", "Value": "x"}])
    anything = desk.server.client("sagemaker", parameter_validation=False)
    code, message = desk.error(anything.create_training_job, **desk.request(OutputDataConfig=None))
    assert (code, "'outputDataConfig'" in message) == ("ValidationException", True)
    headers = {"X-Amz-Target": "SageMaker.CreateTrainingJob", "Authorization": "AWS4-HMAC-SHA256 none"}
    body = json.dumps(desk.request(Nonsense=1, RoleArn=7)).encode()
    with pytest.raises(urllib.error.HTTPError, match="400") as caught:
        urllib.request.urlopen(urllib.request.Request(desk.server.url, body, headers))
    message = json.loads(caught.value.read())["message"]
    assert "Nonsense" in message
    assert "Invalid type for parameter RoleArn" in message


def test_every_pattern_of_the_model_can_be_tried() -> None:
    model = service_model("sagemaker")
    patterns: set[str] = set()
    waiting = [model.operation_model(name).input_shape for name in OPERATIONS]
    seen = set()
    while waiting:
        shape = waiting.pop()
        if shape.name not in seen:
            seen.add(shape.name)
            patterns.update(filter(None, [shape.metadata.get("pattern")]))
            waiting += getattr(shape, "members", {}).values()
            waiting += [getattr(shape, part) for part in ("member", "key", "value") if hasattr(shape, part)]
    for pattern in patterns:
        compiled(pattern)
    for name in ("TrainingJobName", "RoleArn", "TagKey", "TrainingEnvironmentKey"):
        assert model.shape_for(name).metadata["pattern"] in patterns
    assert compiled(model.shape_for("TagKey").metadata["pattern"]).fullmatch("Größe 1:a/b=c+d-e@f.g")


RULES: list[tuple[dict[str, Any], str]] = [
    ({"EnableManagedSpotTraining": True}, "MaxWaitTimeInSeconds is required"),
    (
        {
            "EnableManagedSpotTraining": True,
            "StoppingCondition": {"MaxRuntimeInSeconds": 9, "MaxWaitTimeInSeconds": 8},
        },
        "greater than or equal to MaxRuntimeInSeconds",
    ),
    ({"StoppingCondition": {"MaxRuntimeInSeconds": 9, "MaxWaitTimeInSeconds": 9}}, "can only be given"),
    ({"RoleArn": "arn:aws:iam::123456789012:role/nobody"}, "Could not assume role"),
    ({"RoleArn": "arn:aws:iam::999999999999:role/iqf-training"}, "Could not assume role"),
    (
        {"RoleArn": "arn:aws:iam::123456789012:role/stranger"},
        "allows principal 'sagemaker.amazonaws.com'",
    ),
    ({"OutputDataConfig": {"S3OutputPath": "s3://not-there/x"}}, "does not exist"),
    (
        {"AlgorithmSpecification": {"TrainingInputMode": "File"}},
        "either an algorithm name or a training image",
    ),
    ({"InputDataConfig": [channel(), channel()]}, "must be unique"),
    ({"StoppingCondition": None}, "Value null at 'stoppingCondition'"),
    ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}, "Duplicate tag keys"),
]


def test_rules_that_the_model_does_not_hold(desk: Desk) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    desk.server.client("iam").create_role(RoleName="stranger", AssumeRolePolicyDocument=document)
    for changes, words in RULES:
        assert words in desk.refused(**changes)
    assert desk.server.jobs() == []


def test_names_are_unique_and_the_unknown_is_not_found(desk: Desk) -> None:
    desk.run("")
    code, message = desk.error(desk.sagemaker.create_training_job, **desk.request())
    assert code == "ResourceInUse"
    assert "already exists (arn:aws:sagemaker:us-east-1:123456789012:training-job/job)" in message
    for call in (desk.sagemaker.describe_training_job, desk.sagemaker.stop_training_job):
        assert desk.error(call, TrainingJobName="x") == (
            "ValidationException",
            "Requested resource not found.",
        )
    unknown = "arn:aws:sagemaker:us-east-1:123456789012:training-job/x"
    assert desk.error(desk.sagemaker.list_tags, ResourceArn=unknown)[0] == "ValidationException"
    code, _ = desk.error(desk.sagemaker.create_model, ModelName="m", ExecutionRoleArn=desk.server.role_arn())
    assert code == "UnknownOperationException"


def test_quotas_limit_what_runs_and_are_listed(tmp_path: Path) -> None:
    name = "ml.m5.large for training job usage"
    quotas = {name: 2, "ml.m5.large for spot training job usage": 1}
    with SageMakerServer(tmp_path / "server", quotas=quotas, grace_s=0.2, capacity_wait_s=60) as server:
        desk = Desk(server)
        desk.create("", "one")
        desk.create("", "two")
        code, message = desk.error(desk.sagemaker.create_training_job, **desk.request("three"))
        assert code == "ResourceLimitExceeded"
        assert message.startswith(
            f"The account-level service limit '{name}' is 2 Instances, with current utilization of "
            "2 Instances and a request delta of 1 Instances."
        )
        desk.spot("", name="spot")
        other = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10}
        desk.create("", "other", ResourceConfig=other)
        desk.sagemaker.stop_training_job(TrainingJobName="one")
        desk.end("one")
        desk.create("", "three")
        pages = (
            server.client("service-quotas")
            .get_paginator("list_service_quotas")
            .paginate(ServiceCode="sagemaker")
        )
        listed = {quota["QuotaName"]: quota["Value"] for page in pages for quota in page["Quotas"]}
        assert listed.items() >= quotas.items()
        assert listed["ml.p3.2xlarge for spot training job usage"] == 20


def test_jobs_are_listed_by_pages_and_carry_tags(desk: Desk) -> None:
    desk.server.capacity_wait_s = 60
    for number in range(5):
        desk.create("", f"a-{number}", Tags=[{"Key": "n", "Value": str(number)}])
    desk.create("", "b")
    desk.sagemaker.stop_training_job(TrainingJobName="a-3")
    desk.end("a-3")
    pages = list(desk.sagemaker.get_paginator("list_training_jobs").paginate(NameContains="a-", MaxResults=2))
    assert [len(page["TrainingJobSummaries"]) for page in pages] == [2, 2, 1]
    names = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
    assert names == [f"a-{number}" for number in range(5)]
    stopped = desk.sagemaker.list_training_jobs(StatusEquals="Stopped")["TrainingJobSummaries"]
    assert [job["TrainingJobName"] for job in stopped] == ["a-3"]
    latest = desk.sagemaker.list_training_jobs(SortBy="CreationTime", SortOrder="Descending", MaxResults=1)
    assert latest["TrainingJobSummaries"][0]["TrainingJobName"] == "b"
    arn = desk.describe("a-1")["TrainingJobArn"]
    desk.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "m", "Value": "1"}, {"Key": "n", "Value": "2"}])
    tags = {tag["Key"]: tag["Value"] for tag in desk.sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    assert tags == {"n": "2", "m": "1"}
    assert [job["TrainingJobName"] for job in desk.server.jobs()] == [*names, "b"]


# Faults, and what is written down.


def test_requests_are_throttled_as_often_as_asked(desk: Desk) -> None:
    desk.server.throttle("ListTrainingJobs", times=2)
    for _ in range(2):
        assert desk.error(desk.sagemaker.list_training_jobs) == ("ThrottlingException", "Rate exceeded")
    desk.sagemaker.list_training_jobs()
    desk.server.throttle("ListTrainingJobs", times=1)
    patient = desk.server.client("sagemaker", retries={"total_max_attempts": 2, "mode": "standard"})
    assert patient.list_training_jobs()["ResponseMetadata"]["RetryAttempts"] == 1


def test_s3_fails_as_asked(desk: Desk) -> None:
    desk.server.fail("PutObject", key="mine", status=503)
    desk.s3.put_object(Bucket=BUCKET, Key="other", Body=b"1")
    put = {"Bucket": BUCKET, "Key": "mine/x", "Body": b"x" * 200_000}
    assert desk.error(desk.s3.put_object, **put) == ("SlowDown", "Please reduce your request rate.")
    desk.s3.put_object(**put)
    desk.server.fail("HeadBucket", status=403)
    assert desk.error(desk.s3.head_bucket, Bucket=BUCKET)[0] == "403"
    desk.server.fail(status=403, key="other")
    assert desk.error(desk.s3.get_object, Bucket=BUCKET, Key="other")[0] == "AccessDenied"
    assert desk.s3.get_object(Bucket=BUCKET, Key="other")["Body"].read() == b"1"


def test_a_connection_is_cut_in_the_middle(desk: Desk) -> None:
    put = {"Bucket": BUCKET, "Key": "big", "Body": b"x" * 3_000_000}
    desk.server.cut(key="big", after_bytes=100_000)
    with pytest.raises(ConnectionClosedError):
        desk.s3.put_object(**put)
    assert "Contents" not in desk.s3.list_objects_v2(Bucket=BUCKET, Prefix="big")
    record = desk.server.requests[0]
    assert (record.operation, record.bytes, record.status) == ("PutObject", 100_000, 0)
    desk.server.cut(key="big")
    patient = desk.server.client("s3", retries={"total_max_attempts": 2, "mode": "standard"})
    patient.put_object(**put)
    desk.server.cut(key="big", after_bytes=1000, operation="GetObject")
    with pytest.raises((IncompleteReadError, ResponseStreamingError)):
        desk.s3.get_object(Bucket=BUCKET, Key="big")["Body"].read()
    assert len(desk.s3.get_object(Bucket=BUCKET, Key="big")["Body"].read()) == 3_000_000


def test_requests_are_written_down_without_secrets(desk: Desk) -> None:
    desk.run("")
    desk.s3.put_object(Bucket=BUCKET, Key="ä b/c", Body=b"12345")
    made = desk.s3.create_multipart_upload(Bucket=BUCKET, Key="parts")
    part = {"Bucket": BUCKET, "Key": "parts", "UploadId": made["UploadId"]}
    tag = desk.s3.upload_part(**part, PartNumber=1, Body=b"123")["ETag"]
    desk.s3.complete_multipart_upload(**part, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]})
    desk.s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/parts")
    desk.s3.head_object(Bucket=BUCKET, Key="copy")
    desk.s3.list_objects_v2(Bucket=BUCKET)
    desk.s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "copy"}]})
    presigned = desk.s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "parts"})
    with urllib.request.urlopen(presigned) as answer:
        assert answer.read() == b"123"
    desk.server.client("iam").get_role(RoleName="iqf-training")
    desk.server.client("sts").get_caller_identity()
    desk.printed()
    log = desk.server.requests
    assert [record.operation for record in log if record.service == "s3"] == [
        *("PutObject", "PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"),
        *("CopyObject", "HeadObject", "ListObjectsV2", "DeleteObjects", "GetObject"),
    ]
    second = [record for record in log if record.operation == "PutObject"][1]
    assert (second.target, second.bytes, second.status) == (f"{BUCKET}/ä b/c", 5, 200)
    others = {(record.service, record.operation, record.target) for record in log if record.service != "s3"}
    assert others >= {
        ("sagemaker", "CreateTrainingJob", "job"),
        ("iam", "GetRole", "iqf-training"),
        ("sts", "GetCallerIdentity", ""),
    }
    assert ("logs", "PutLogEvents") not in {other[:2] for other in others}
    text = (desk.server.folder / "requests.jsonl").read_text()
    assert [json.loads(line)["operation"] for line in text.splitlines()] == [
        record.operation for record in log
    ]
    for secret in ("Signature", "Credential", "testing", "AWS4"):
        assert secret not in text


# The server itself.


def test_one_server_in_a_process_and_each_is_empty(tmp_path: Path) -> None:
    with SageMakerServer(tmp_path / "one", buckets=["first"], region="eu-west-1") as server:
        assert server.url.startswith("http://127.0.0.1:")
        with pytest.raises(ExecutorError, match="already"):
            SageMakerServer(tmp_path / "two").start()
        port = int(server.url.rpartition(":")[2])
    with SageMakerServer(tmp_path / "two", port=port) as server:
        buckets = server.client("s3").list_buckets()["Buckets"]
        assert [bucket["Name"] for bucket in buckets] == [BUCKET]


def test_a_user_s_configuration_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "of-my-employer")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with SageMakerServer(tmp_path) as server:
        server.client("s3").head_bucket(Bucket=BUCKET)
        code = "import boto3; print(boto3.client('sagemaker').list_training_jobs()['TrainingJobSummaries'])"
        told = subprocess.run(
            [sys.executable, "-c", code], env=server.environment(), capture_output=True, text=True
        )
        assert (told.stdout, told.stderr) == ("[]\n", "")


def test_the_fixture_gives_a_server(sagemaker_server: SageMakerServer) -> None:  # noqa: F811
    assert sagemaker_server.client("s3").list_buckets()["Buckets"][0]["Name"] == BUCKET
    assert sagemaker_server.role_arn().endswith(":role/iqf-training")


def test_the_command_and_the_death_of_it(tmp_path: Path) -> None:
    mark = f"orphan-of-{tmp_path}"
    command = [sys.executable, "-m", "iqf_sagemaker.testing", "--folder", str(tmp_path), "--bucket", "mine"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [next(process.stdout) for _ in range(14)]
        exported = dict(line[7:].strip().split("=", 1) for line in said if line.startswith("export "))
        code = SCRIPT.format(mark=mark, role=said[1].split()[1])
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("AWS_")
        } | exported
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
        until(lambda: runs(mark))
        process.send_signal(signal.SIGKILL)
    until(lambda: not runs(mark), 5)


SCRIPT = """
import boto3, io, tarfile
body = io.BytesIO()
with tarfile.open(fileobj=body, mode="w:gz") as archive:
    child = "[sys.executable, '-c', 'import time; time.sleep(600)', '{mark}']"
    script = f"import subprocess, sys; subprocess.run({{child}})".encode()
    entry = tarfile.TarInfo("train.py")
    entry.size = len(script)
    archive.addfile(entry, io.BytesIO(script))
boto3.client("s3").put_object(Bucket="mine", Key="c.tar.gz", Body=body.getvalue())
boto3.client("sagemaker").create_training_job(
    TrainingJobName="job", RoleArn="{role}",
    AlgorithmSpecification=dict(TrainingImage="i", TrainingInputMode="File"),
    HyperParameters=dict(sagemaker_program='"train.py"', sagemaker_submit_directory='"s3://mine/c.tar.gz"'),
    OutputDataConfig=dict(S3OutputPath="s3://mine/out"), StoppingCondition=dict(MaxRuntimeInSeconds=60),
    ResourceConfig=dict(InstanceType="ml.m5.large", InstanceCount=1, VolumeSizeInGB=1))
"""


def test_a_container_decodes_as_the_training_toolkit(tmp_path: Path) -> None:
    given = {"b": "[1, 2]", "a": "null", "c": '{"x": 1}', "dd": "007", "sagemaker_region": '"r"'}
    container = Container(tmp_path, {"HyperParameters": given})
    assert container.arguments() == ["-a", "", "-b", "[1, 2]", "-c", "x=1", "--dd", "007"]
