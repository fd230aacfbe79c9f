"""What the README says works as it stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

import iqf_core as iqf
from iqf_core.specs import expand
from iqf_modifiers_compression import plugin

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("block", blocks("python"))
def test_python(block, capsys):
    exec(block, {})  # noqa: S102 - it is ours
    assert capsys.readouterr().out


def test_study():
    (block,) = blocks("yaml")
    made = [modifier for entry in yaml.safe_load(block)["modifiers"] for modifier in expand(entry)]
    assert len(made) == 4 + 3 + 3 + 1 + 1 + 4 + 1 + 1 + 1


def test_shell():
    (block,) = blocks("sh")
    spec = shlex.split(block)[-1]
    assert str(iqf.modifier(spec)) == spec


def test_every_parameter_is_in_the_tables():
    for component in plugin.iqf_modifiers():
        example = iqf.modifier(component.name, **({"ratio": 2} if component.name == "jpeg2000" else {}))
        for field in type(example).model_fields:
            assert f"`{field}`" in TEXT, f"{component.name}: {field}"
