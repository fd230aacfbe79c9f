"""What the README says works as it stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

import iqf_core as iqf
from iqf_core.specs import expand
from iqf_modifiers_sensor import plugin

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
EXAMPLES = {
    "blur": {"sigma_px": 1.0},
    "noise": {"sigma_dn": 1.0},
    "gsd": {"scale": 2.0},
    "bit_depth": {"bits": 8},
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def expanded(block: str) -> list[iqf.Modifier]:
    return [modifier for entry in yaml.safe_load(block)["modifiers"] for modifier in expand(entry)]


@pytest.mark.parametrize("block", blocks("python"))
def test_python(block, capsys):
    exec(block, {})  # noqa: S102 - it is ours
    shape, gsd, mean = re.match(r"(\(.*\)) (\S+) (\S+)", capsys.readouterr().out).groups()
    assert (shape, float(gsd)) == ("(59, 100, 4)", pytest.approx(0.85))
    assert float(mean) == pytest.approx(1, abs=1e-3)


def test_study():
    made = expanded(blocks("yaml")[0])
    assert len(made) == 3 + 3 + 1 + 3 + 3 + 1 + 3 + 1 + 2 + 1 + 3 + 1 + 1


def test_study_with_targets():
    made = expanded(blocks("yaml")[1])
    assert len(made) == 3 + 1 + 3 + 1
    for modifier in made:
        assert modifier.aim is not None
        assert iqf.modifier(modifier.spec()) == modifier
        assert iqf.modifier(str(modifier)) == modifier


def test_shell():
    (block,) = blocks("sh")
    spec = shlex.split(block)[-1]
    assert str(iqf.modifier(spec)) == spec


def test_every_parameter_is_in_the_tables():
    for component in plugin.iqf_modifiers():
        example = iqf.modifier(component.name, **EXAMPLES.get(component.name, {}))
        for field in type(example).model_fields:
            assert f"`{field}`" in TEXT, f"{component.name}: {field}"
