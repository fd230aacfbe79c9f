from __future__ import annotations

import json
import math
import os
import shutil
import sys
from pathlib import Path

import pytest

from iqf_core import task
from iqf_core.errors import OutputError, StudyError
from iqf_core.script import code_files, fingerprint_of
from iqf_core.task import kind_of_predictions, log_tail, read_outputs


def script_fingerprint(script, **options):
    return fingerprint_of(script, code_files(script, **options))


def write(folder: Path, **files: str | bytes) -> Path:
    """Folder with ``results.json`` and others, from the part of their names before ``.json``."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / f"{name}.json").write_bytes(data)
    return folder


@pytest.mark.parametrize(
    ("written", "series"),
    [
        ("0.0", ((0, 0.0),)),
        ("0", ((0, 0.0),)),
        ("-3", ((0, -3.0),)),
        ("1e-7", ((0, 1e-7),)),
        ("Infinity", ((0, math.inf),)),
        ("-Infinity", ((0, -math.inf),)),
        ("[3, 2.5, 0]", ((0, 3.0), (1, 2.5), (2, 0.0))),
        ("[[10, 0.5], [20, 0.25]]", ((10, 0.5), (20, 0.25))),
        ("[[1.0, 0.5]]", ((1, 0.5),)),
    ],
)
def test_numbers_and_lists_of_numbers_are_metrics(tmp_path, written, series):
    outputs = read_outputs(write(tmp_path, results=f'{{"m": {written}}}'))
    assert outputs.metrics == {"m": series}
    assert all(type(step) is int and type(value) is float for step, value in outputs.metrics["m"])
    assert (outputs.parameters, outputs.ignored, outputs.artifacts) == ({}, (), ())


def test_nan_is_a_value(tmp_path):
    metrics = read_outputs(write(tmp_path, results='{"m": NaN, "l": [1, NaN]}')).metrics
    assert math.isnan(metrics["m"][0][1])
    assert math.isnan(metrics["l"][1][1])


def test_strings_and_booleans_are_parameters(tmp_path):
    outputs = read_outputs(write(tmp_path, results='{"a": "grün", "b": true, "c": false, "d": ""}'))
    assert outputs.parameters == {"a": "grün", "b": "True", "c": "False", "d": ""}
    assert outputs.metrics == {}


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("null", "null"),
        ("{}", "an object"),
        ('{"a": 1}', "an object"),
        ("[]", "an empty list"),
        ('[1, "a"]', "a list"),
        ("[1, true]", "a list"),
        ("[[1, 2, 3]]", "a list"),
        ("[[0.5, 2]]", "a list"),
        ("[[NaN, 2]]", "a list"),
        ("[1, [1, 2]]", "a list"),
        ("1" + "0" * 400, "a number too large"),
    ],
)
def test_anything_else_is_ignored_by_name_and_kept(tmp_path, written, why):
    outputs = read_outputs(write(tmp_path, results=f'{{"odd": {written}, "m": 1}}'))
    assert outputs.metrics == {"m": ((0, 1.0),)}
    (sentence,) = outputs.ignored
    assert sentence.startswith(f"odd: {why}")
    assert outputs.artifacts == (Path("results.json"),)


def test_a_byte_order_mark_is_no_obstacle(tmp_path):
    assert read_outputs(write(tmp_path, results=b'\xef\xbb\xbf{"m": 1}')).metrics == {"m": ((0, 1.0),)}


@pytest.mark.parametrize("name", ["results", "output"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"not valid JSON.* line 1, column 1"),
        (b'{"a": 1,\n "b": nan}', r"not valid JSON.* line 2, column 7"),
        (b'{"a": 1', r"not valid JSON.* line 1, column 8"),
        (b'{"a": "x\xff"}', r"not UTF-8: byte 0xff in line 1, column 9"),
        (b'{"a": 1,\n "b": "\xe9"}', r"not UTF-8: byte 0xe9 in line 2, column 8"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a": ' + b"1" * 5000 + b"}", "not readable: Exceeds the limit"),
        (b"3", "holds a number, but it should hold"),
        (b"null", "holds null"),
        (b'"text"', "holds a string"),
    ],
)
def test_a_broken_file_is_an_error_that_names_the_place(tmp_path, name, content, message):
    folder = write(tmp_path / "out", **{name: content})
    with pytest.raises(OutputError, match=message) as error:
        read_outputs(folder)
    assert str(folder / f"{name}.json") in str(error.value)


def test_results_must_be_an_object(tmp_path):
    with pytest.raises(OutputError, match=r"results\.json: holds a list.*should hold an object"):
        read_outputs(write(tmp_path, results="[1]"))


def test_a_huge_file_is_not_read(tmp_path):
    write(tmp_path, results="{}")
    os.truncate(tmp_path / "results.json", 65_000_000)
    with pytest.raises(OutputError, match=r"results\.json: larger than 64 MB; write bulk"):
        read_outputs(tmp_path)


def test_predictions_and_artifacts(tmp_path):
    folder = write(tmp_path / "out", results='{"m": 1}', output='["a.png"]', other="not JSON")
    (folder / "images" / "deep").mkdir(parents=True)
    (folder / "images" / "deep" / "results.json").write_text("not JSON either")
    (folder / ".hidden").touch()
    (folder / "gone").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    outputs = read_outputs(folder)
    assert outputs.predictions == folder / "output.json"
    assert outputs.artifacts == (Path(".hidden"), Path("images/deep/results.json"), Path("other.json"))


@pytest.mark.parametrize("made", [False, True])
def test_an_output_folder_without_files_is_an_error_when_output_is_required(tmp_path, made):
    folder = tmp_path / "out"
    if made:
        (folder / "empty").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"the script wrote nothing into --outputpath"):
        read_outputs(folder)
    assert read_outputs(folder, require_output=False) == task.TaskOutputs({}, {}, (), None, ())


def test_artifacts_alone_are_output(tmp_path):
    (tmp_path / "model.pt").touch()
    assert read_outputs(tmp_path).artifacts == (Path("model.pt"),)


@pytest.mark.parametrize(
    ("predictions", "kind"),
    [
        (["a.png", "b/c.png"], "images"),
        ([{"image_id": 1, "bbox": [0, 0, 1, 1], "score": 0.5}], "coco"),
        ([], "coco"),
        ([{"image_filename": "a.png", "label": "x"}, {"image_filename": "b.png", "label": 3}], "labels"),
        ({"a.png": "forest", "b.png": 2}, "labels"),
        ([{"image_filename": "a.png"}], "other"),
        ([{"image_filename": "a.png", "label": None}], "other"),
        (["a.png", 1], "other"),
        ([{"image_id": 1}, "a.png"], "other"),
        ({"a.png": [0.1, 0.9]}, "other"),
        ({"a.png": True}, "other"),
        ({}, "other"),
        (3, "other"),
        (None, "other"),
    ],
)
def test_kind_of_predictions(predictions, kind):
    assert kind_of_predictions(predictions) == kind


@pytest.mark.parametrize(
    ("log", "tail"),
    [
        (b"", ""),
        (b"one\ntwo\nthree\n\n", "two\nthree"),
        (b"a\r\nb\r\n", "a\nb"),
        (b"start\n10%\r50%\r100%\r\n", "start\n100%"),
        (b"\x1b[31mred\x1b[0m\n\x1b]0;title\x07done\x07", "red\ndone"),
        (b"\x9b31m \xff gr\xc3\xbcn \xe2\x80\xae", "\ufffd31m \ufffd grün "),
        ("no\u00a0break \U0001f6f0\ta".encode(), "no break \U0001f6f0\ta"),
    ],
)
def test_log_tail(tmp_path, log, tail):
    path = tmp_path / "log.txt"
    path.write_bytes(log)
    assert log_tail(path, 2) == tail


def test_log_tail_of_a_missing_log_is_empty(tmp_path):
    assert log_tail(tmp_path / "log.txt") == ""


def test_log_tail_of_one_huge_line_is_its_end(tmp_path):
    path = tmp_path / "log.txt"
    path.touch()
    os.truncate(path, 1_000_000_000)  # a sparse file: a gigabyte of zero bytes
    with path.open("ab") as file:
        file.write(b"x" * 10_000 + b"end")
    assert log_tail(path) == "…" + "x" * 496 + "end"


@pytest.fixture
def script(tmp_path):
    folder = tmp_path / "code"
    (folder / "model").mkdir(parents=True)
    (folder / "train.py").write_text("import model.net")
    (folder / "model" / "net.py").write_text("layers = 3")
    (folder / "model" / "net.yaml").write_text("width: 8")
    (folder / "study.yaml").write_text("study")
    return folder / "train.py"


def rename(path: Path) -> None:
    path.rename(path.with_name("renamed" + path.suffix))


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "train.py").write_text("import model.net2"),
        lambda folder: (folder / "model" / "net.py").write_text("layers = 4"),
        lambda folder: (folder / "study.yaml").write_text(""),
        lambda folder: rename(folder / "model" / "net.yaml"),
        lambda folder: rename(folder / "model"),
        lambda folder: (folder / "model" / "net.py").unlink(),
        lambda folder: (folder / "empty.py").touch(),
        lambda folder: (folder / "linked").symlink_to(folder.parent / "elsewhere"),
    ],
)
def test_the_fingerprint_changes_with_any_name_or_content(script, tmp_path, change):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "lib.py").touch()
    before = script_fingerprint(script)
    assert len(before) == 32
    change(script.parent)
    assert script_fingerprint(script) != before


@pytest.mark.parametrize(
    "path",
    [
        "__pycache__/train.cpython-311.pyc",
        "model/__pycache__/net.py",
        "old.pyc",
        ".git/HEAD",
        "model/.DS_Store",
        "iqf-runs/s/runs/k/log.txt",
        "mlruns/0/meta.yaml",
        "model/mlartifacts/a",
        "mlflow.db",
        "mlflow.db-wal",
        "data#jpeg_quality_50/images/a.png",
        "data/images/a.png",
        "mine/study.yaml",
        "README.md",
        "model/report.html",
    ],
)
def test_the_fingerprint_ignores_what_is_no_code(script, path):
    excluded = [script.parent / "data", script.parent / "mine" / "study.yaml"]
    before = script_fingerprint(script, exclude=excluded)
    file = script.parent / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("new")
    assert script_fingerprint(script, exclude=excluded) == before


def test_the_fingerprint_does_not_depend_on_where_the_folder_lies(script, tmp_path):
    copy = shutil.copytree(script.parent, tmp_path / "copy")
    assert script_fingerprint(copy / "train.py") == script_fingerprint(script)


def test_two_scripts_of_one_folder_differ(script):
    shutil.copy(script, script.parent / "infer.py")
    assert script_fingerprint(script) != script_fingerprint(script.parent / "infer.py")


def test_excluded_paths_may_be_relative_or_linked(script, monkeypatch):
    before = script_fingerprint(script)
    (script.parent / "data").mkdir()
    (script.parent / "data" / "a.png").touch()
    (script.parent / "link").symlink_to("data")
    monkeypatch.chdir(script.parent)
    assert script_fingerprint(Path("train.py"), exclude=[Path("link")]) == before


def test_a_link_to_a_folder_above_adds_nothing(script):
    before = script_fingerprint(script)
    (script.parent / "model" / "up").symlink_to("..")
    assert script_fingerprint(script) == before


def test_globs_name_the_code(script):
    def fingerprint():
        return script_fingerprint(script, code=["*.py", "model/**/*.py"])

    before = fingerprint()
    (script.parent / "study.yaml").write_text("other")
    (script.parent / "model" / "net.yaml").write_text("other")
    assert fingerprint() == before
    (script.parent / "model" / "net.py").write_text("layers = 4")
    assert fingerprint() != before


def test_the_script_counts_whatever_the_globs_and_exclusions(script):
    def fingerprint():
        return script_fingerprint(script, code=["model/*"], exclude=[script.parent])

    before = fingerprint()
    script.write_text("other")
    assert fingerprint() != before


def test_globs_do_not_reach_runs(script):
    before = script_fingerprint(script, code=["**/*.py"])
    run = script.parent / "iqf-runs" / "s" / "runs" / "k" / "output"
    run.mkdir(parents=True)
    (run / "generated.py").touch()
    assert script_fingerprint(script, code=["**/*.py"]) == before


def test_a_glob_that_matches_nothing_is_an_error(script):
    with pytest.raises(StudyError, match=r"'\*\.pyy' matches no file"):
        script_fingerprint(script, code=["*.py", "*.pyy"])


def test_a_missing_script_is_an_error(tmp_path):
    with pytest.raises(StudyError, match="there is no such script"):
        script_fingerprint(tmp_path / "train.py")


def test_too_many_files_are_an_error_with_a_remedy(script):
    for number in range(5_001):
        (script.parent / f"{number}.png").touch()
    with pytest.raises(StudyError, match=r"at least 5,001 files .*`code: \[\"\*\.py\"\]`"):
        script_fingerprint(script)
    assert script_fingerprint(script, code=["*.py"])


def test_too_much_data_is_an_error_with_a_remedy(script):
    (script.parent / "weights.bin").touch()
    os.truncate(script.parent / "weights.bin", 2_100_000_000)  # sparse
    with pytest.raises(StudyError, match=r"2\.1 GB lie with the script .*`code: "):
        script_fingerprint(script)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file that not even root can read")
def test_an_unreadable_file_is_an_error_that_names_it(script):
    (script.parent / "odd.py").symlink_to("/proc/self/mem")
    with pytest.raises(StudyError, match=r"odd\.py: counts as code, but cannot be read"):
        script_fingerprint(script)


def test_results_written_by_json_dump_come_back(tmp_path):
    written = {"loss": [0.5, 0.25], "accuracy": 0.75, "model": "resnet"}
    outputs = read_outputs(write(tmp_path, results=json.dumps(written)))
    assert [value for _, value in outputs.metrics["loss"]] == written["loss"]
    assert outputs.metrics["accuracy"] == ((0, 0.75),)
    assert outputs.parameters == {"model": "resnet"}
