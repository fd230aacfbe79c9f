from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import iqf_core

PROMISED = [
    "open_dataset",
    "Dataset",
    "Record",
    "read_image",
    "write_image",
    "Image",
    "modifier",
    "Modifier",
    "ImageModifier",
    "Chain",
    "Modified",
    "Knob",
    "make_variant",
    "Variant",
    "metric",
    "ImageMetric",
    "PairMetric",
    "PredictionMetric",
    "Trace",
    "measure",
    "Study",
    "open_results",
    "Results",
    "TaskExecutor",
    "Job",
    "Outcome",
    "hookimpl",
    "Component",
]
HEAVY = ["numpy", "pandas", "cv2", "mlflow", "rasterio", "joblib", "sklearn", "torch", "matplotlib"]


@pytest.mark.parametrize("name", iqf_core.__all__)
def test_every_name_is_there(name):
    assert getattr(iqf_core, name) is getattr(importlib.import_module("iqf_core"), name)
    assert getattr(iqf_core, name).__module__.startswith("iqf_core") or name == "hookimpl"


def test_what_is_promised_is_public():
    assert set(PROMISED) <= set(iqf_core.__all__)


def test_every_error_is_public():
    from iqf_core import errors

    names = {n for n, v in vars(errors).items() if isinstance(v, type) and issubclass(v, errors.IqfError)}
    assert names <= set(iqf_core.__all__)


def test_the_list_is_sorted_and_without_twins():
    assert list(iqf_core.__all__) == sorted(set(iqf_core.__all__))
    assert set(dir(iqf_core)) >= set(iqf_core.__all__)


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(iqf_core.__file__).read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {}
    for statement in guarded.body:
        assert isinstance(statement, ast.ImportFrom)
        for alias in statement.names:
            assert alias.asname == alias.name
            seen[alias.name] = statement.module
    assert sorted(seen) == list(iqf_core.__all__)
    assert seen == {name: f"iqf_core.{module}" for name, module in iqf_core._MODULE_OF.items()}


def test_no_name_hides_a_module():
    modules = {module.name for module in pkgutil.iter_modules(iqf_core.__path__)}
    assert not modules & set(iqf_core.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = iqf_core.nothing
    assert not hasattr(iqf_core, "nothing")


def test_the_version_is_that_of_the_distribution():
    from importlib.metadata import version

    assert iqf_core.__version__ == version("iqf-core")


@pytest.mark.parametrize(
    "code", ["import iqf_core", "from iqf_core import Component, hookimpl", "from iqf_core import IqfError"]
)
def test_importing_costs_nothing(code):
    check = f"{code}\nimport sys\nprint(*sorted(set(sys.modules) & set({HEAVY!r})))"
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []
