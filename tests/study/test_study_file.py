"""Study files: what is understood, what is refused and how; a study made in Python is the same."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from iqf_core import Study, StudyError
from iqf_core.yaml_file import read_yaml
from tests.study.lab import Lab

MINIMAL = {"name": "s", "datasets": {"test": "data"}, "task": {"script": "code/script.py"}}


def write(folder: Path, text: str) -> Path:
    file = folder / "study.yaml"
    file.write_text(textwrap.dedent(text))
    return file


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"repetition": 3}, "unknown key 'repetition'. Did you mean 'repetitions'"),
        ({"datasets": {"tset": "data"}}, "unknown key 'datasets.tset'. Did you mean 'test'"),
        ({"datasets": {"test": {"pth": "x"}}}, "unknown key 'datasets.test.pth'. Did you mean 'path'?"),
        (
            {"datasets": {"source": {"path": "x", "split": {"train": 1}, "split_sed": 1}}},
            "unknown key 'datasets.source.split_sed'. Did you mean 'split_seed'",
        ),
        ({"task": {"script": "s.py", "timeout": 3}}, "unknown key 'task.timeout'. Did you mean 'timeout_s'?"),
        ({"plugins": {"requires": []}}, "unknown key 'plugins.requires'. Did you mean 'require'?"),
        ({"datasets": {}}, "give train, val and test as needed, or one source with a split, not both"),
        ({"datasets": {"source": {"path": "x"}}}, "the key 'datasets.source.split' is missing"),
        ({"task": {}}, "the key 'task.script' is missing"),
        ({"reference": False}, "nothing to run"),
        ({"repetitions": 0}, "repetitions: Input should be greater than or equal to 1"),
        ({"repetitions": True}, "repetitions: Input should be a valid integer"),
        ({"repetitions": 2.5}, "repetitions: Input should be a valid integer"),
        ({"task": {"script": "s.py", "timeout_s": 0}}, "task.timeout_s: Input should be greater than 0"),
        ({"apply_to": ["tests"]}, "apply_to.0: Input should be 'train', 'val' or 'test'"),
        ({"name": "../elsewhere"}, "name: String should match pattern"),
        ({"hyperparameters": {"outputpath": "x"}}, "'outputpath' is passed by IQF itself"),
        ({"seed_argument": "--mlfrunid"}, "'mlfrunid' is passed by IQF itself"),
        (
            {"hyperparameters": {"s": 1}, "seed_argument": "s"},
            "seed_argument: 's' is among the hyperparameters",
        ),
        ({"hyperparameters": {"--lr": 1}}, "write '--lr' without dashes"),
        ({"hyperparameters": {"lr": []}}, "lr is an empty list: there is nothing to try"),
        ({"hyperparameters": {"lr": object()}}, "is neither a number, a text, true or false"),
    ],
)
def test_what_is_wrong_is_refused_and_named(block: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=re.escape(message)):
        Study(**{**MINIMAL, **block})


def test_every_key_of_the_documentation_is_one_and_every_one_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "study-file.md").read_text()
    table = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    assert {key for cell in table for key in re.findall(r"`(\w+)`", cell)} == set(Study.model_fields)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4:2:0", "4:2:0"),
        ("on", "on"),
        ("no", "no"),
        ("1e-3", 0.001),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("0o17", 15),
        ("017", 17),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("2020-01-02", "2020-01-02"),
        ("True", True),
        ("~", None),
        (".inf", float("inf")),
        ("1.2.3", "1.2.3"),
        ('"12"', "12"),
        ("=", "="),
    ],
)
def test_values_are_what_a_reader_takes_them_for(tmp_path: Path, text: str, value: Any) -> None:
    read = read_yaml(write(tmp_path, f"key: {text}"))["key"]
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "the key 'a' stands twice"),
        ("a: 1\nb: 2\na: 3", "line 3"),
        ("task: {script: x, script: y}", "the key 'script' stands twice"),
        ("a: [1, 2\nb: 3", "line 2"),
        ("- a\n- b", "holds list, not a mapping"),
        ("", "is empty"),
        ("a:\n\t- b", "not valid YAML"),
        ("1: 2", "keys must be text"),
        ("[1, 2]: 3", "keys must be text"),
        ("a: !!python/object/apply:os.system ['true']", "not valid YAML"),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(StudyError, match=re.escape(message)) as caught:
        Study.from_file(file)
    assert str(caught.value).startswith(str(file))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a: \x00"])
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "study.yaml").write_bytes(content)
    with pytest.raises(StudyError, match="not valid YAML"):
        Study.from_file(tmp_path / "study.yaml")


def test_a_file_that_is_not_there_or_is_a_folder_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no such file"):
        Study.from_file(tmp_path / "study.yaml")
    with pytest.raises(StudyError, match="is a folder"):
        Study.from_file(tmp_path)


def keys(study: Study) -> list[str]:
    return [run.key for run in study.plan().runs]


def test_a_study_made_in_python_is_that_of_the_file(here: Lab) -> None:
    import numpy as np

    from iqf_core import modifier

    file = write(
        here.folder,
        """
        name: s
        datasets: {train: data, test: {path: data, white: 255}}
        task: {script: code/script.py, environment: {THREADS: 1}}
        modifiers:
          - jpeg: {quality: [90, 50], subsampling: 4:2:0}
          - [png, "jpeg(quality=50)"]
          - "quantise(bits=4) | jpeg(quality=50)"
        hyperparameters: {lr: [1e-3, 1e-2], layers: [[8, 8], [16]], amsgrad: true}
        repetitions: 2
        seed: 3
        seed_argument: --seed
        """,
    )
    made = Study(
        name="s",
        datasets={"train": Path("data"), "test": {"path": "data", "white": 255}},
        task={"script": "code/script.py", "environment": {"THREADS": "1"}},
        modifiers=[
            modifier("jpeg", quality=90),
            modifier("jpeg(quality=50, subsampling='4:2:0')"),
            [modifier("png"), modifier("jpeg", quality=50)],
            modifier([{"quantise": {"bits": 4}}, {"jpeg": {"quality": 50}}]),
        ],
        hyperparameters={"amsgrad": True, "layers": ([8, 8], (16,)), "lr": np.array([1e-3, 1e-2])},
        repetitions=2,
        seed=3,
        seed_argument="seed",
    )
    from_file = Study.from_file(file)
    assert len(keys(from_file)) == 5 * 4 * 2
    assert sorted(keys(made)) == sorted(keys(from_file))
    assert keys(Study(**from_file.as_json())) == keys(from_file)


def test_grids_and_chains_are_laid_out_setting_by_setting(here: Lab) -> None:
    modifiers = [{"jpeg": {"quality": [90, 50]}}, ["png", {"jpeg": {"quality": [40, 20]}}]]
    study = Study(**{**MINIMAL, "modifiers": modifiers, "hyperparameters": {"lr": [1, 2]}, "repetitions": 2})
    runs = study.plan().runs
    assert [run.title for run in runs[:5]] == [
        "reference lr=1 #1",
        "reference lr=1 #2",
        "reference lr=2 #1",
        "reference lr=2 #2",
        "jpeg-quality90 lr=1 #1",
    ]
    assert list(dict.fromkeys(run.setting.label for run in runs)) == [
        "reference",
        "jpeg-quality90",
        "jpeg-quality50",
        "png+jpeg-quality40",
        "png+jpeg-quality20",
    ]
    assert {run.setting.family for run in runs[12:]} == {"png+jpeg"}


def test_the_parts_that_are_modified_are_those_of_apply_to(here: Lab) -> None:
    here.images("other", seed=5)
    datasets = {"train": "data", "val": "other", "test": "other"}
    study = Study(
        **{**MINIMAL, "datasets": datasets, "modifiers": ["jpeg(quality=50)"], "apply_to": ["test"]}
    )
    table = study.run(progress=False).dataframe()
    reference, modified = here.started()
    assert [name for name, value in modified.items() if "#" in value] == ["--testds"]
    assert (reference["--trainds"], reference["--valds"]) == (modified["--trainds"], modified["--valds"])
    assert table["trainds"].nunique() == table["valds"].nunique() == 1
    assert table["testds"].nunique() == 2
    with pytest.raises(StudyError, match="apply_to: none of"):
        Study(**{**MINIMAL, "apply_to": ["train"]}).plan()


def test_a_split_keeps_groups_together_and_is_laid_down_once(here: Lab) -> None:
    here.images("many", 12)
    source = {"path": "many", "split": {"train": 0.5, "test": 0.5}, "group": r"scene\d+", "split_seed": 1}
    study = Study(**{**MINIMAL, "datasets": {"source": source}, "modifiers": ["jpeg(quality=50)"]})
    plan = study.plan()
    groups = {part: {r.group for r in dataset.records} for part, dataset in plan.datasets.items()}
    assert len(groups["train"]) == len(groups["test"]) == 3
    assert not groups["train"] & groups["test"]
    assert [run.key for run in study.plan().runs] == [run.key for run in plan.runs]
    study.run(progress=False)
    assert {Path(start["--testds"]).name for start in here.started()} == {"test", "test#jpeg-quality50"}
    other = {**source, "split_seed": 2}
    with pytest.raises(ValueError, match="holds another split"):
        Study(**{**MINIMAL, "datasets": {"source": other}}).plan()


def test_paths_are_relative_to_the_file_and_a_tilde_is_home(
    here: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(here.folder))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    content = {"datasets": {"test": "~/data"}, "modifiers": ["jpeg(quality=50)"]}
    study = Study.from_file(here.study(**content, variants_root="made", runs_root="kept"))
    assert study.run(progress=False).dataframe()["status"].tolist() == ["FINISHED"] * 2
    assert {path.name for path in here.folder.iterdir()} >= {"made", "kept"}
    assert [path.name for path in (here.folder / "made").glob("data*")] == ["data#jpeg-quality50"]
    assert list(elsewhere.iterdir()) == []


def test_missing_things_are_named(here: Lab) -> None:
    with pytest.raises(StudyError, match=r"task\.script: no such file .*none\.py"):
        Study(**{**MINIMAL, "task": {"script": "none.py"}}).plan()
    with pytest.raises(ValueError, match="none: no such folder"):
        Study(**{**MINIMAL, "datasets": {"test": "none"}}).plan()
    with pytest.raises(StudyError, match=r"modifiers\[1\]: .*qualty.*quality"):
        Study(**{**MINIMAL, "modifiers": ["png", {"jpeg": {"qualty": 3}}]}).plan()
    with pytest.raises(LookupError, match=r"jpge.*Did you mean 'jpeg'"):
        Study(**{**MINIMAL, "modifiers": ["jpge"]}).plan()


def test_two_settings_of_one_name_and_runs_that_stand_twice_are_refused(here: Lab) -> None:
    here.plugin("iqf-twin", """
        from typing import ClassVar
        from iqf_core import Component, ImageModifier, Modified, hookimpl
        IQF_API = 1
        class Twin(ImageModifier):
            name: ClassVar[str] = "jpeg"
            quality: int = 1
            def apply(self, image, *, rng):
                return Modified(image)
        @hookimpl
        def iqf_modifiers():
            return [Component("twin", "iqf_twin:Twin", "Of a test")]
    """)  # fmt: skip
    with pytest.raises(StudyError, match="modifiers: the run jpeg-quality50 #1 stands twice"):
        Study(**{**MINIMAL, "modifiers": ["jpeg(quality=50)", {"jpeg": {"quality": [50]}}]}).plan()
    with pytest.raises(StudyError, match="hyperparameters: the run reference lr=1 #1 stands twice"):
        Study(**{**MINIMAL, "hyperparameters": {"lr": [1, 1]}}).plan()
    with pytest.raises(StudyError, match="would both be called jpeg-quality50"):
        Study(**{**MINIMAL, "modifiers": ["jpeg(quality=50)", "twin(quality=50)"]}).plan()


def test_plugins_that_are_required_or_disabled(lab: Lab) -> None:
    name = "iqf-modifiers-compression"
    lab.iqf("plan", lab.study(plugins={"require": [f"{name}>=0.1"]}))
    done = lab.iqf("plan", lab.study(plugins={"require": [f"{name}>=99"]}), code=2)
    assert name in done.err
    assert "99" in done.err
    done = lab.iqf("plan", lab.study(plugins={"require": ["iqf-none"]}), code=2)
    assert "iqf-none" in done.err
    done = lab.iqf("plan", lab.study(modifiers=["jpeg"], plugins={"disable": [name]}), code=2)
    assert "jpeg" in done.err
    assert "disabled" in done.err


def test_scripts_are_given_what_iquaflow_gave_them(here: Lab) -> None:
    here.script("""
        import json, os, pathlib, sys
        output = pathlib.Path(sys.argv[sys.argv.index("--outputpath") + 1])
        (output / "given.json").write_text(json.dumps([sys.argv[1:], os.environ["THREADS"]]))
    """)
    study = Study.from_file(
        here.study(
            datasets={"train": "data", "val": "data", "test": "data"},
            task={"script": "code/script.py", "environment": {"THREADS": 4}},
            hyperparameters={"lr": 0.1, "name": "a b;$(c)"},
            seed_argument="--seed",
            mlflow_monitoring=True,
        )
    )
    (run,) = study.run(progress=False).runs()
    import json

    arguments, threads = json.loads((run.output / "given.json").read_text())
    assert threads == "4"
    named = dict(zip(arguments[::2], arguments[1::2], strict=True))
    data = str(here.folder / "data")
    order = [
        "trainds",
        "outputpath",
        "lr",
        "name",
        "seed",
        "mlfuri",
        "mlfexpid",
        "mlfrunid",
        "valds",
        "testds",
    ]
    assert list(named) == [f"--{name}" for name in order]
    assert (named["--trainds"], named["--valds"], named["--testds"]) == (data, data, data)
    assert (named["--lr"], named["--name"], named["--outputpath"]) == ("0.1", "a b;$(c)", str(run.output))
    assert named["--mlfuri"] == f"sqlite:///{here.runs / 'mlflow.db'}"
    (tracked,) = here.mlflow().values()
    assert tracked.status == "FINISHED"
    assert tracked.params["name"] == "a b;$(c)"


def test_each_repetition_has_a_seed_of_its_own_the_same_for_every_setting(here: Lab) -> None:
    content = {"modifiers": ["jpeg(quality=50)"], "repetitions": 3, "seed_argument": "seed", "seed": 5}
    table = Study.from_file(here.study(**content)).run(progress=False).dataframe()
    seeds = table.groupby("variant")["seed"].agg(list)
    assert seeds["reference"] == seeds["jpeg-quality50"]
    assert len(set(seeds["reference"])) == 3
    assert [int(start["--seed"]) for start in here.started()] == list(table["seed"])
