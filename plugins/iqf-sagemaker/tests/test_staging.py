"""What is sent, once; and how it lies in S3."""

from __future__ import annotations

import io
import json
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from iqf_core import ExecutorError
from iqf_sagemaker import SageMakerExecutor, staging
from iqf_sagemaker.staging import Stage

from .conftest import Lab


@pytest.fixture
def stage(lab: Lab) -> Stage:
    return SageMakerExecutor(**lab.options(server_side_encryption="AES256")).stage()


def objects(lab: Lab) -> dict[str, bytes]:
    s3 = lab.server.client("s3")
    found = s3.list_objects_v2(Bucket="iqf-test").get("Contents", [])
    return {one["Key"]: s3.get_object(Bucket="iqf-test", Key=one["Key"])["Body"].read() for one in found}


def test_a_folder_lies_in_s3_as_on_disk_without_hidden_files(lab: Lab, stage: Stage) -> None:
    (lab.folder / "data" / ".iqf-part").write_text("hidden")
    (lab.folder / "data" / "deep").mkdir()
    (lab.folder / "data" / "deep" / "odd name é+&.txt").write_text("odd")
    (lab.folder / "data" / "link.txt").symlink_to("deep/odd name é+&.txt")
    uri = stage.folder(lab.folder / "data")
    base = uri.removeprefix("s3://iqf-test/")
    found = {key.removeprefix(base): data for key, data in objects(lab).items() if key.startswith(base)}
    names = [f"images/scene{number}.png" for number in range(3)]
    assert sorted(found) == sorted([*names, "deep/odd name é+&.txt", "link.txt"])
    assert found["link.txt"] == found["deep/odd name é+&.txt"] == b"odd"
    head = lab.server.client("s3").head_object(Bucket="iqf-test", Key=f"{base}{names[0]}")
    assert head["ServerSideEncryption"] == "AES256"


def test_another_process_sends_nothing_again_and_looks_with_one_listing(lab: Lab, stage: Stage) -> None:
    first = stage.folder(lab.folder / "data")
    before = len(lab.server.requests)
    staging.forget()
    assert stage.folder(lab.folder / "data") == first
    asked = Counter(one.operation for one in lab.server.requests[before:])
    assert asked == {"ListObjectsV2": 1, "GetObject": 1}


def test_a_copy_elsewhere_is_the_same_content(lab: Lab, stage: Stage) -> None:
    first = stage.folder(lab.folder / "data")
    (lab.folder / "data").rename(lab.folder / "moved")
    staging.forget()
    assert stage.folder(lab.folder / "moved") == first
    assert max(Counter(lab.asked("PutObject")).values()) == 1


def test_what_is_missing_or_damaged_is_sent_again_and_nothing_else(lab: Lab, stage: Stage) -> None:
    base = stage.folder(lab.folder / "data").removeprefix("s3://iqf-test/")
    s3 = lab.server.client("s3")
    s3.delete_object(Bucket="iqf-test", Key=f"{base}images/scene0.png")
    size = len(objects(lab)[f"{base}images/scene1.png"])
    s3.put_object(Bucket="iqf-test", Key=f"{base}images/scene1.png", Body=b"x" * size)
    before = len(lab.asked("PutObject"))
    staging.forget()
    stage.folder(lab.folder / "data")
    sent = [key.rpartition("/")[2] for key in lab.asked("PutObject")[before:]]
    assert sorted(sent[:2]) == ["scene0.png", "scene1.png"]
    assert sent[2:] == [f"{base.strip('/').rpartition('/')[2]}.json"]


def test_a_large_file_goes_in_parts_and_arrives_whole(lab: Lab, stage: Stage) -> None:
    content = bytes(range(256)) * (40 << 12)  # 40 MB: three parts
    file = lab.folder / "large" / "scene.tif"
    file.parent.mkdir()
    file.write_bytes(content)
    uri = stage.folder(file)
    assert len(lab.asked("UploadPart")) == 3
    key = f"{uri.removeprefix('s3://iqf-test/')}scene.tif"
    assert lab.server.client("s3").get_object(Bucket="iqf-test", Key=key)["Body"].read() == content


def test_the_archive_of_the_code_is_the_same_for_the_same_files(lab: Lab, stage: Stage) -> None:
    lab.script("import helper", "other.py")
    lab.script("numpy", "requirements.txt")
    script = lab.folder / "code" / "script.py"
    uri = stage.code(script, ("script.py",))
    script.touch()
    assert stage.code(script, ("script.py",)) == uri
    assert len(lab.asked("PutObject", "sourcedir")) == 1
    packed = objects(lab)[uri.removeprefix("s3://iqf-test/")]
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert tar.getnames() == ["requirements.txt", "script.py"]
    every = stage.code(script, ())
    with tarfile.open(fileobj=io.BytesIO(objects(lab)[every.removeprefix("s3://iqf-test/")])) as tar:
        assert tar.getnames() == ["other.py", "requirements.txt", "script.py"]


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir])
def test_what_is_not_there_is_said(lab: Lab, stage: Stage, make) -> None:
    make(lab.folder / "empty")
    with pytest.raises(ExecutorError, match=r"empty: (is not there|holds no file)"):
        stage.folder(lab.folder / "empty")


def test_a_damaged_list_is_no_list(lab: Lab, stage: Stage) -> None:
    base = stage.folder(lab.folder / "data").removeprefix("s3://iqf-test/").strip("/")
    lab.server.client("s3").put_object(Bucket="iqf-test", Key=f"{base}.json", Body=b"{cut")
    staging.forget()
    stage.folder(lab.folder / "data")
    assert set(json.loads(objects(lab)[f"{base}.json"])) == {
        f"images/scene{number}.png" for number in range(3)
    }
    assert max(Counter(key for key in lab.asked("PutObject") if key.endswith(".png")).values()) == 1
