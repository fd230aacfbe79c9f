from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import iqf_core.cli
from iqf_core.cli import COMMANDS, main
from iqf_core.parameters import Parametrised, create, parse_call, parse_spec
from iqf_core.plugins import Policy, configure, configured_policy, registry

HEAVY = {
    "numpy", "pandas", "cv2", "mlflow", "rasterio", "pydantic", "pydantic_core", "torch", "sklearn",
    "skimage", "scipy", "matplotlib", "joblib", "yaml", "rich", "glymur", "PIL", "boto3", "sagemaker",
    "dask", "asyncio",
}  # fmt: skip
LISTINGS = [
    ["plugins"],
    ["plugins", "--json"],
    ["plugins", "show", "iqf-core"],
    ["modifiers"],
    ["metrics", "--json"],
    ["executors"],
    ["formats"],
    ["formats", "--help"],
    ["--help"],
    ["--version"],
]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """One folder of plugins that this process sees; `add` puts one there."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("IQF_DISABLE_PLUGINS", raising=False)
    configure(Policy())
    yield tmp_path
    configure(Policy())
    for name, module in list(sys.modules.items()):
        if str(tmp_path) in str(getattr(module, "__file__", "")):
            del sys.modules[name]


def add(site: Path, distribution: str, source: str) -> None:
    module = distribution.replace("-", "_")
    (site / f"{module}.py").write_text(source)
    info = site / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[iqf]\n{distribution} = {module}\n")


def offering(hook: str, *components: str) -> str:
    head = f"from iqf_core import Component, hookimpl\nIQF_API = 1\n@hookimpl\ndef {hook}():\n"
    return f"{head}    return [{', '.join(f'Component({component})' for component in components)}]\n"


@pytest.fixture
def core_command(site: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Replace the table of core commands by one command, ``try``, with this body."""

    def replace(body: str) -> None:
        lines = [
            "import click",
            "@click.command('try')",
            "@click.pass_context",
            "def command(ctx):",
            f"    {body}",
        ]
        (site / "core_command_under_test.py").write_text("\n".join(lines))
        monkeypatch.setattr(iqf_core.cli, "COMMANDS", {"try": ("core_command_under_test:command", "Try it")})

    return replace


def test_listing_imports_nothing_heavy(tmp_path: Path) -> None:
    seen = tmp_path / "modules.json"
    code = f"""
        import json, pathlib, sys
        from iqf_core.cli import main
        codes = [main(arguments) for arguments in {LISTINGS!r}]
        pathlib.Path({str(seen)!r}).write_text(json.dumps([codes, sorted(sys.modules)]))
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], check=True, capture_output=True, timeout=120
    )
    codes, modules = json.loads(seen.read_text())
    assert codes == [0] * len(LISTINGS)
    assert {"click", "pluggy", "iqf_core.builtins", "iqf_modifiers_compression.plugin"} <= set(modules)
    assert not HEAVY & {name.partition(".")[0] for name in modules}
    assert "iqf_core.modifiers" not in modules


def test_help_lists_every_command_without_its_module(capsys: pytest.CaptureFixture[str], site: Path) -> None:
    add(site, "iqf-extra", offering("iqf_commands", '"inspect", "iqf_no_such:inspect", "Look at it"'))
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, (_, summary) in COMMANDS.items():
        assert any(line.split() == [name, *summary.split()] for line in lines), name
    assert any(line.split() == ["inspect", "Look", "at", "it"] for line in lines)


def test_version_names_the_core_and_every_plugin(capsys: pytest.CaptureFixture[str], site: Path) -> None:
    add(site, "iqf-fine", "IQF_API = 1")
    add(site, "iqf-worn", "IQF_API = 0")
    assert main(["--version"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("iqf-core 0.")
    assert {"iqf-fine 1.0", "iqf-worn 1.0 (incompatible)"} <= set(lines)


def test_plugins_list_and_json_say_the_same(capsys: pytest.CaptureFixture[str], site: Path) -> None:
    add(site, "iqf-fine", offering("iqf_metrics", '"contrast", "a:b", "Contrast"', '"bad", "b", ""'))
    add(site, "iqf-bad", "import no_such_module")
    assert main(["plugins"]) == 0
    table = {line.split()[0]: line.split(maxsplit=4)[1:] for line in capsys.readouterr().out.splitlines()}
    assert table["PLUGIN"] == ["VERSION", "API", "STATUS", "OFFERS"]
    assert table["iqf-fine"] == [
        "1.0",
        "1",
        "active",
        "metrics: contrast; 1 dropped (iqf plugins show iqf-fine)",
    ]
    assert table["iqf-bad"][:3] == ["1.0", "-", "broken"]
    assert "No module named 'no_such_module'" in table["iqf-bad"][3]
    for arguments in (["plugins", "--json"], ["plugins", "list", "--json"], ["plugins", "--json", "list"]):
        assert main(arguments) == 0
        records = {record["distribution"]: record for record in json.loads(capsys.readouterr().out)}
        assert {name: record["status"] for name, record in records.items()} == {
            name: row[2] for name, row in table.items() if name != "PLUGIN"
        }
        assert records["iqf-fine"]["components"]["metrics"][0]["name"] == "contrast"


def test_show_tells_all_there_is(capsys: pytest.CaptureFixture[str], site: Path) -> None:
    add(site, "iqf-fine", offering("iqf_metrics", '"c", "a:b", "Contrast", "glymur>=1"', '"bad", "b", ""'))
    add(site, "iqf-bad", "import no_such_module")
    assert main(["plugins", "show", "IQF_fine"]) == 0
    text = capsys.readouterr().out
    for part in (
        "iqf-fine = iqf_fine",
        "interface    1",
        "Contrast (needs glymur>=1)",
        "dropped:",
        "target 'b'",
    ):
        assert part in text
    assert main(["plugins", "show", "iqf-bad"]) == 0
    assert "Traceback (most recent call last)" in capsys.readouterr().out
    for arguments in (["--json", "show", "iqf-bad"], ["show", "iqf-bad", "--json"]):
        assert main(["plugins", *arguments]) == 0
        assert [record["distribution"] for record in json.loads(capsys.readouterr().out)] == ["iqf-bad"]
    assert main(["plugins", "show", "iqf-bda"]) == 2
    assert "Did you mean 'iqf-bad'" in capsys.readouterr().err


def test_no_plugins_holds_for_one_command_only(capsys: pytest.CaptureFixture[str], site: Path) -> None:
    add(site, "iqf-fine", "IQF_API = 1")
    assert main(["--no-plugins", "plugins"]) == 0
    assert "disabled by --no-plugins" in capsys.readouterr().out
    assert configured_policy() == Policy()
    assert main(["plugins"]) == 0
    assert "disabled" not in capsys.readouterr().out


COMPONENT = '''
import dataclasses, pydantic
from typing import ClassVar

@dataclasses.dataclass(frozen=True)
class Knob:
    field: str
    mild: float
    harsh: float

@dataclasses.dataclass(frozen=True)
class Output:
    name: str
    unit: str
    better: str
    low: float
    high: float
    description: str

class Blur(pydantic.BaseModel):
    """Gaussian blur."""
    knob: ClassVar = Knob("sigma_px", 0.3, 3)
    outputs: ClassVar = (Output("rer", "px", "higher", 0, float("inf"), "Edge response"),)
    sigma_px: float = pydantic.Field(gt=0, description="Standard deviation")
    rows: int
    border: str = "mirror"
'''


def test_a_component_is_described(capsys: pytest.CaptureFixture[str], site: Path) -> None:
    (site / "iqf_blur_parts.py").write_text(COMPONENT)
    add(site, "iqf-blur", offering("iqf_modifiers", '"blur-test", "iqf_blur_parts:Blur", "Blur"'))
    assert main(["modifiers", "blur-test"]) == 0
    text = capsys.readouterr().out
    rows = [line.split() for line in text.splitlines()]
    assert ["sigma_px", "float", "required", ">", "0", "Standard", "deviation"] in rows
    assert ["border", "str", "'mirror'", "-"] in rows
    assert ["rer", "px", "higher", "0", "-", "Edge", "response"] in rows
    assert "Knob: sigma_px, from 0.3 (least harm) to 3 (most)" in text
    assert '- blur-test: {sigma_px: 0.95, rows: "<rows>"}' in text
    assert "\"blur-test(sigma_px=0.95, rows='<rows>')\"" in text
    assert main(["modifiers", "iqf-blur:blur-test", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["plugin"], facts["knob"]["harsh"]) == ("iqf-blur", 3)
    assert (facts["outputs"][0]["low"], facts["outputs"][0]["high"]) == (0, None)
    assert [parameter["name"] for parameter in facts["parameters"]] == ["sigma_px", "rows", "border"]


@pytest.mark.parametrize("kind", ["modifiers", "metrics", "executors"])
def test_how_to_write_a_component_is_true(capsys: pytest.CaptureFixture[str], kind: str) -> None:
    for entry in registry().components(kind):
        assert main([kind, entry.full_name]) == 0
        study, _, line = capsys.readouterr().out.partition("In a study:")[2].partition("On the command line:")
        written = yaml.safe_load(study)["executor" if kind == "executors" else kind]
        (spec,) = written if isinstance(written, list) else [written]
        (word,) = shlex.split(line)
        made = [create(kind, *parts, base=Parametrised) for parts in (parse_spec(spec), parse_call(word))]
        assert made[0] == made[1], entry


def test_components_are_listed_with_full_names_where_needed(
    capsys: pytest.CaptureFixture[str], site: Path
) -> None:
    for name in ("iqf-a", "iqf-b"):
        add(
            site,
            name,
            offering("iqf_dataset_formats", '"yolo", "x:Yolo", "Boxes"'),
        )
    assert main(["formats"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names[0] == "NAME"
    assert {"coco", "iqf-a:yolo", "iqf-b:yolo"} <= set(names)
    assert main(["formats", "yolo"]) == 2
    assert "'iqf-a:yolo' or 'iqf-b:yolo'" in capsys.readouterr().err


def test_texts_of_plugins_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str], site: Path) -> None:
    hostile = '"evil", "iqf_evil:Evil", "\\x1b[2Jgone\\r\\nfake line"'
    add(site, "iqf-evil", offering("iqf_modifiers", hostile) + 'class Evil:\n    "Doc\\x07\\x9b2J"\n')
    add(site, "iqf-evil-two", 'raise ValueError("\\x1b]0;title\\x07")')
    for arguments in (["modifiers"], ["modifiers", "evil"], ["plugins"], ["plugins", "show", "iqf-evil-two"]):
        assert main(arguments) == 0
        captured = capsys.readouterr()
        assert "\x1b" not in captured.out + captured.err
        assert not {"\x07", "\x9b"} & set(captured.out + captured.err)
        assert "\r" not in captured.out


def test_a_plugin_adds_a_command(capsys: pytest.CaptureFixture[str], site: Path) -> None:
    (site / "iqf_extra_cli.py").write_text(
        "import click\n@click.command()\ndef inspect():\n    print('inspected')\n    return 1\n"
    )
    commands = '"inspect", "iqf_extra_cli:inspect", ""', '"wrong", "json:loads", "No command"'
    add(site, "iqf-extra", offering("iqf_commands", *commands))
    assert main(["inspect"]) == 1
    assert main(["iqf-extra:inspect"]) == 1
    assert capsys.readouterr().out == "inspected\n" * 2
    assert main(["wrong"]) == 2
    assert "it is no Command" in capsys.readouterr().err


def test_a_plugin_cannot_replace_a_core_command(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, site: Path
) -> None:
    add(site, "iqf-thief", offering("iqf_commands", '"plugins", "no_such:command", "Mine"'))
    assert main(["--help"]) == 0
    assert "iqf-thief:plugins  Mine" in capsys.readouterr().out
    assert [m for m in caplog.messages if "iqf-thief" in m] == [
        "iqf: plugin iqf-thief offers a command 'plugins', which is the core's: call it iqf-thief:plugins"
    ]
    assert main(["plugins"]) == 0
    assert "iqf-core" in capsys.readouterr().out
    caplog.clear()
    assert main(["no-such-command"]) == 2
    assert sum("iqf-thief" in message for message in caplog.messages) == 1


def test_a_command_of_two_plugins_is_called_by_its_full_name(
    capsys: pytest.CaptureFixture[str], site: Path
) -> None:
    for name in ("iqf-a", "iqf-b"):
        add(site, name, offering("iqf_commands", '"inspect", "no_such:command", "Look"'))
    assert main(["--help"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines if line[1:] == ["Look"]] == ["iqf-a:inspect", "iqf-b:inspect"]
    assert main(["inspect"]) == 2
    assert "'iqf-a:inspect' or 'iqf-b:inspect'" in capsys.readouterr().err


def test_an_unknown_command_gets_close_matches(capsys: pytest.CaptureFixture[str], site: Path) -> None:
    add(site, "iqf-bad", "import no_such_module")
    assert main(["modifer"]) == 2
    error = capsys.readouterr().err
    assert "Did you mean 'modifiers'" in error
    assert "iqf-bad (broken" in error


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ("return", 0, ""),
        ("return 1", 1, ""),
        ("ctx.exit(1)", 1, ""),
        ("raise click.UsageError('not so')", 2, "Error: not so"),
        ("raise click.FileError('a.yaml', 'gone')", 2, "a.yaml"),
        ("from iqf_core import StudyError; raise StudyError('line 3: \\x1b no')", 2, "Error: line 3:   no"),
        ("raise KeyboardInterrupt", 130, "Interrupted."),
        ("raise ZeroDivisionError('oh')", 70, "ZeroDivisionError: oh (iqf --debug shows where)"),
    ],
)
def test_exit_codes(
    core_command: Any, capsys: pytest.CaptureFixture[str], body: str, code: int, text: str
) -> None:
    core_command(body)
    assert main(["try"]) == code
    error = capsys.readouterr().err
    assert text in error
    assert bool(error) is bool(text)
    assert "Traceback" not in error


@pytest.mark.parametrize(
    "body", ["raise ZeroDivisionError('oh')", "raise __import__('iqf_core').StudyError('oh')"]
)
def test_debug_shows_where_it_happened(
    core_command: Any, capsys: pytest.CaptureFixture[str], body: str
) -> None:
    core_command(body)
    assert main(["--debug", "try"]) in (2, 70)
    error = capsys.readouterr().err
    assert "Traceback" in error
    assert "core_command_under_test.py" in error


def test_a_core_command_that_cannot_be_imported_hurts_nothing_else(
    core_command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    core_command("1 +")
    assert main(["--help"]) == 0
    assert "Try it" in capsys.readouterr().out
    assert main(["try"]) == 2
    assert "core_command_under_test:command cannot be loaded: SyntaxError" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["plugins"], ["plugins", "list"], ["plugins", "show"], ["modifiers"], ["formats"]]
)
def test_help_has_examples(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main([*arguments, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("  Examples:")
    assert lines[start + 1].startswith(f"    iqf {arguments[0]}")


def test_the_installed_command_gives_its_exit_code() -> None:
    command = Path(sys.executable).with_name("iqf")
    done = subprocess.run(
        [command, "modifiers", "no-such"],
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: no active plugin offers the modifier 'no-such'.")
