"""The law that parameters survive being written to a study file, for modifiers and metrics alike."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import yaml

from iqf_core import plugins
from iqf_core.errors import ParameterError, PluginError
from iqf_core.metrics import Metric, metric
from iqf_core.modifiers import Chain, Modifier
from iqf_core.parameters import Parametrised, parse_spec
from iqf_core.specs import grid, modifier
from iqf_core.targets import RateTarget
from iqf_core.testing.law import BrokenLaw
from iqf_core.yaml_file import read_yaml


def require_survival(component: Modifier | Metric) -> None:
    """Raise BrokenLaw unless the spec, through YAML, makes an equal component."""
    again = _again(component, through_yaml(component.spec()))
    if type(again) is not type(component) or again != component or hash(again) != hash(component):
        raise BrokenLaw(f"{component} came back as {again}")
    if (again.label, again.spec()) != (component.label, component.spec()):
        raise BrokenLaw(f"{component} came back under another label or spec: {again.label}, {again.spec()}")


def through_yaml(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec after a study file."""
    try:
        text = yaml.safe_dump(spec, allow_unicode=True)
    except yaml.YAMLError as error:
        raise BrokenLaw(f"its spec holds what no YAML holds: {error}") from error
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.yaml"
        path.write_text(text, encoding="utf-8")
        return read_yaml(path)


def _again(component: Modifier | Metric, spec: dict[str, Any]) -> Parametrised:
    kind = "modifiers" if isinstance(component, Modifier) else "metrics"
    try:
        if isinstance(component, Chain | RateTarget) or _offered(kind, component):
            return modifier(spec) if kind == "modifiers" else metric(spec)
        return _of_its_class(component, spec)
    except ParameterError as error:
        raise BrokenLaw(f"its spec {spec} does not make it again: {error}") from error


def _offered(kind: str, component: Parametrised) -> bool:
    """Whether a plugin offers it: a class may be tried before it is installed."""
    try:
        return plugins.registry().load(kind, component.name) is type(component)
    except PluginError:
        return False


def _of_its_class(component: Parametrised, spec: dict[str, Any]) -> Parametrised:
    """What `iqf_core.modifier` would make, if a plugin offered the class."""
    name, written = parse_spec(spec)
    points = grid(written) if isinstance(component, Modifier) else [written]
    if name != component.name or len(points) != 1:
        raise BrokenLaw(f"its spec {spec} does not say {component.name} and one value for each parameter")
    return type(component)(**points[0])
