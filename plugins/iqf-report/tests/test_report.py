"""The report: what it says, that text stays text, that other plugins add to it, and what it costs."""

from __future__ import annotations

import html.parser
import json
import math
import re
import subprocess
import sys

import matplotlib.figure
import pandas as pd
import pytest
from click.testing import CliRunner

import iqf_core as iqf
from iqf_core.criterion import Criterion
from iqf_core.evaluate import GENERATED
from iqf_core.study_file import StudyFile
from iqf_report.page.blocks import Drawing, Section, Table, Text, blocks_of
from iqf_report.page.cells import Digest, cell_of, clean
from iqf_report.page.drawing import inline
from iqf_report.page.html import page
from iqf_report.page.markdown import markdown
from iqf_report.page.material import Material, shortest
from iqf_report.report import command, report
from iqf_report.sections.decision import _interval
from iqf_report.testing import MadeRun, write_study

RULE = {"metric": "score", "margin": 0.03}
FIXED = Criterion.of(RULE).model_dump(mode="json")
HOSTILE = (
    "<script>alert('x')</script> \"quoted\" & $x^2$ \u202eright to left\u202c \x1b[31mred \U0001f680 `|`"
)


class Parsed(html.parser.HTMLParser):
    """Tags of a page, its text, and what it would ask the network for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.asked: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        known = dict(attrs)
        self.ids += [known["id"]] if "id" in known else []
        for name in ("src", "href", "xlink:href", "action", "data"):
            value = known.get(name)
            if value and not value.startswith(("#", "data:")):
                self.asked.append(value)

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def study(written, spread):
    settings = {
        None: spread(0.90, seed=1),
        "jpeg(quality=90)": spread(0.895, seed=3),
        "jpeg(quality=20)": spread(0.80, seed=5),
        "quantise(bits=3)": spread(0.872, std=0.01, seed=8),
    }
    rates = {None: 8.0, "jpeg(quality=90)": 3.0, "jpeg(quality=20)": 1.0, "quantise(bits=3)": 2.0}
    return written.study(settings, rates=rates, criterion=FIXED)


def test_the_answer_stands_first(study):
    made = report(study)
    assert made.headline.startswith("jpeg-quality90 keeps score within 0.03 of the untouched images")
    assert "62 % less than untouched" in made.headline
    assert [section.key for section in made.sections] == ["decision", "runs", "meaning", "provenance"]
    text = page(made.title, made.headline, made.sections)
    parsed = Parsed(text)
    assert parsed.text.index(made.headline) < parsed.text.index("What follows")
    assert not parsed.asked
    assert len(parsed.ids) == len(set(parsed.ids))
    assert parsed.tags.count("h1") == 1
    assert parsed.tags.count("svg") == 1
    assert all(word in parsed.text for word in ("jpeg-quality20", "loses more than the margin", "undecided"))


def test_what_cannot_be_decided_is_said_and_the_rest_is_shown(written, spread):
    results = written.study({None: spread(0.9), "jpeg(quality=50)": spread(0.8)})
    made = report(results)
    assert made.headline == "Nothing is decided: the study has no criterion."
    said, drawings = made.sections[0].blocks
    assert said.text.startswith("`iqf report study --metric score --margin 0.03` decides")
    printed = CliRunner().invoke(command, [str(results.folder)], catch_exceptions=False).output
    assert printed.splitlines()[:2] == [made.headline, said.text]
    assert [drawing.alt.partition(".")[0] for drawing in drawings.items] == ["score by setting"]
    assert "runs" in [section.key for section in made.sections]
    assert "jpeg-quality50" in report(results, metric="score", margin=0.2).headline
    with pytest.raises(iqf.ParameterError, match="no metric 'scare'"):
        report(results, metric="scare", margin=0.2)


def test_failed_runs_are_shown_with_their_reasons(written, spread):
    runs = [MadeRun(None, r, {"score": value}) for r, value in enumerate(spread(0.9))]
    runs += [MadeRun("identity", 0, reason="exit code 3")]
    results = write_study(written.folder / "failing", runs, criterion=RULE)
    made = report(results)
    failures = section_of(made, "failures")
    assert any("1 of 6 runs failed" in block.text for block in failures.blocks)
    assert any(block.title.endswith("exit code 3") for block in failures.blocks)
    assert "notes" not in [section.key for section in made.sections]
    assert made.headline.endswith("1 of 6 runs failed and do not count.")


def test_notes_are_no_failures(written):
    copies = {None: [0.9] * 3, "jpeg(quality=50)": [0.8] * 3}
    made = report(written.study(copies, seeded=False, seed_argument=None, criterion=RULE))
    assert "failures" not in [section.key for section in made.sections]
    notes = section_of(made, "notes")
    assert notes.title == "Notes on the runs"
    assert "ended identically" in notes.blocks[0].text


def test_that_all_runs_failed_is_said(written):
    runs = [MadeRun(spec, r, reason="exit code 3") for spec in (None, "identity") for r in range(3)]
    for name, criterion in (("ruled", FIXED), ("unruled", None)):
        made = report(write_study(written.folder / name, runs, criterion=criterion))
        assert made.headline == "Nothing is decided: all 6 runs that ended have failed."
        assert "under “Runs that failed”" in made.sections[0].blocks[0].text
        assert section_of(made, "failures").title == "Runs that failed"
    (written.folder / "nothing").mkdir()
    nothing = report(write_study(written.folder / "nothing", [], criterion=FIXED))
    assert "no run has ended well yet; `iqf run` first" in nothing.headline


def test_an_exploratory_answer_claims_no_confidence(written, spread):
    settings = {None: spread(0.9, seed=1), "jpeg(quality=90)": spread(0.9, seed=2)}
    made = report(written.study(settings, criterion=FIXED, runs_before=3))
    assert made.headline == (
        "Exploratory, with no guaranteed error rate: jpeg-quality90 keeps score within 0.03 of the untouched "
        "images."
    )
    captions = [block.caption for block in made.sections[0].blocks if isinstance(block, Table)]
    assert captions[0].endswith("which is not guaranteed: the answer is exploratory")
    sure = report(written.study(settings, criterion=FIXED, name="sure"))
    assert sure.headline.endswith("within 0.03 of the untouched images, with 95 % confidence.")


def test_a_relative_bound_stands_in_percent_and_in_the_unit(written, spread):
    relative = Criterion.of({**RULE, "margin": 0.1, "relative": True}).model_dump(mode="json")
    settings = {None: spread(0.5, seed=1), "jpeg(quality=50)": spread(0.49, seed=2)}
    made = report(written.study(settings, rates={None: 8.0, "jpeg(quality=50)": 2.0}, criterion=relative))
    families, levels = (block for block in made.sections[0].blocks if isinstance(block, Table))
    assert re.fullmatch(r"at worst 2\.\d+ % \(0\.01\d+\) below", families.frame["against the reference"][0])
    assert levels.frame["against the reference"][0] == "2 % (0.01) below"
    assert levels.frame["saved"][0] == families.frame["saved"][0] == "75 %"


def test_an_interval_stays_within_the_range_of_the_metric():
    values = pd.Series([0.99, 1.0, 0.98])
    down, up = _interval(values, (0.0, 1.0))
    assert up == pytest.approx(0.01)
    assert down > up
    assert _interval(values, (-math.inf, math.inf)) == (down, down)


def test_the_study_file_is_shown_as_it_was_written(written, spread, tmp_path):
    file = tmp_path / "study.yaml"
    text = "name: s # mine\ndatasets: {test: d}\nmodifiers: [identity]\ntask: {script: s.py}\n"
    file.write_text(text)
    results = written.study({None: spread(0.9)})
    folder = results.folder / "study.json"
    kept = json.loads(folder.read_text())
    folder.write_text(json.dumps({**kept, "study": StudyFile.from_file(file).as_json(), "file": str(file)}))
    shown = section_of(report(results), "provenance").blocks[-1]
    assert (shown.text, shown.title) == (text, "The study file (study.yaml), as it was written")
    file.write_text(text.replace("[identity]", "[jpeg]"))
    shown = section_of(report(results), "provenance").blocks[-1]
    assert "expanded form" in shown.title
    assert "# mine" not in shown.text


def section_of(made, key):
    (found,) = [section for section in made.sections if section.key == key]
    return found


def test_text_from_outside_stays_text(written, spread):
    runs = [
        MadeRun(spec, r, {"score": value, f"m{HOSTILE}": 0.5}, hyperparameters={"note": HOSTILE})
        for spec in (None, "jpeg(quality=50)")
        for r, value in enumerate(spread(0.9))
    ]
    runs.append(MadeRun(None, 9, hyperparameters={"note": "x" * 10_000}, reason=HOSTILE))
    results = write_study(written.folder / "hostile", runs, hyperparameters={"note": [HOSTILE]})
    made = report(results, metric="score", margin=0.03)
    text = page(f"{made.title} {HOSTILE}", made.headline, made.sections)
    parsed = Parsed(text)
    assert parsed.tags.count("script") == 1
    assert "<script>alert('x')</script> \"quoted\" & $x^2$" in parsed.text
    assert "\U0001f680" in parsed.text
    assert not re.search("[\u202a-\u202e\x1b]", text)
    assert "x" * 400 not in text


def test_a_name_is_not_a_formula(written, spread):
    figure = matplotlib.figure.Figure()
    axes = figure.add_subplot()
    axes.plot([1, 10], [0, 1], label="a$b_{c}$ <script>")
    axes.set_xscale("log")
    axes.set_title(r"\frac $x^$")
    axes.legend()
    text = inline(Drawing(figure, "", "odd name"))
    assert "a$b_{c}$ &lt;script&gt;" in text
    assert r"\frac $x^$" in text
    assert 'id="odd-name-' in text
    assert "#000000" not in text


def test_cells():
    assert (cell_of(0.123456).text, cell_of(7.0).text, cell_of(float("nan")).text) == ("0.1235", "7", "–")
    assert (cell_of(None).text, cell_of(True).text) == ("", "yes")
    assert cell_of("a\x9bb").text == "a\ufffdb"
    assert (cell_of(Digest("ab" * 20)).text, cell_of(Digest("ab" * 20)).full) == ("ababababab…", "ab" * 20)
    assert len(clean("x" * 999)) == 300
    assert shortest("a.ap", ("a.ap", "b.ap")) == "a.ap"


def test_what_stands_between_backticks_is_code(tmp_path):
    table = Table(pd.DataFrame({"a": ["say `x|<b>`"], "d": [Digest("ab" * 20)]}))
    sections = [Section("s", "s", (Text("write `<i>: 3_0` or ` alone"), table))]
    text = page("t", "`iqf run` <first>", sections)
    assert "<p>write <code>&lt;i&gt;: 3_0</code> or ` alone</p>" in text
    assert "say <code>x|&lt;b&gt;</code>" in text
    assert '<p class="headline"><code>iqf run</code> &lt;first&gt;</p>' in text
    assert f'title="{"ab" * 20}">ababababab…' in text
    text = markdown("t", "h", sections, tmp_path, "x")
    assert "write `<i>: 3_0` or \\` alone" in text
    assert f"| say `x\\|<b>` | {'ab' * 20} |" in text


def test_another_plugin_adds_a_section(study, monkeypatch):
    figure = matplotlib.figure.Figure(label="A line")
    figure.add_subplot().plot([1, 2])
    blocks = tuple(blocks_of(["words <b>", pd.DataFrame({"a": [1]}), figure], "costs"))
    assert [type(block) for block in blocks] == [Text, Table, Drawing]
    assert (blocks[2].alt, blocks[2].name) == ("A line", "costs-3")
    text = page("t", "h", [Section("costs", "What it costs", blocks)])
    assert "words &lt;b&gt;" in text
    assert 'aria-label="A line"' in text
    with pytest.raises(TypeError, match="not int"):
        list(blocks_of([3], "costs"))


def test_sections_of_plugins_are_found_and_a_broken_one_is_told(study, tmp_path):
    site = tmp_path / "site"
    info = site / "iqf_stranger-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: iqf-stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[iqf]\niqf-stranger = iqf_stranger\n")
    (site / "iqf_stranger.py").write_text(
        "from iqf_core import Component, hookimpl\n"
        "IQF_API = 2\n"
        "@hookimpl\n"
        "def iqf_report_sections():\n"
        "    return [Component('costs', 'iqf_stranger:costs', 'What it costs'),\n"
        "            Component('odd', 'iqf_stranger:odd', 'Odd')]\n"
        "def costs(results):\n"
        "    yield f'{len(results.runs())} runs at 2 EUR'\n"
        "def odd(results):\n"
        "    raise RuntimeError('no <price>')\n"
    )
    code = "import sys; from iqf_core.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "report", str(study.folder), "-o", "r.html"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(site), "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    text = Parsed((tmp_path / "r.html").read_text()).text
    assert "What it costs" in text
    assert "20 runs at 2 EUR" in text
    assert "iqf-stranger:odd failed: RuntimeError: no <price>" in text


def test_images_that_the_script_wrote_are_known_by_their_metric(written, spread):
    runs = [MadeRun(None, r, {"score": value}) for r, value in enumerate(spread(0.9))]
    results = write_study(written.folder / "generated", runs, metrics=["basic"])
    declared = Material(results, None).declared
    assert declared[f"{GENERATED}basic.mean"].output.unit == declared["basic.mean"].output.unit == "DN"


def test_the_command(study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = str(study.folder)
    done = CliRunner().invoke(command, [folder, "--figures", "figures"], catch_exceptions=False)
    assert "Report: iqf-runs/study/report.html" in done.output
    assert (study.folder / "report.html").stat().st_size < 500_000
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == []
    assert sorted(file.name for file in (tmp_path / "figures").iterdir()) == [
        "decision-1.png",
        "decision-1.svg",
    ]
    CliRunner().invoke(command, [folder, "-o", "text.md"], catch_exceptions=False)
    text = (tmp_path / "text.md").read_text()
    assert text.startswith("# study\n\n**jpeg-quality90 keeps score within 0.03")
    (figure,) = re.findall(r"\]\((text-figures/[^)]*)\)", text)
    assert (tmp_path / figure).is_file()
    refused = CliRunner().invoke(command, [folder, "-o", str(tmp_path)])
    assert "is a folder; name a file" in refused.output


def test_two_thousand_runs(written, spread, tmp_path):
    settings = {None: spread(0.9, count=20, seed=1)}
    for quality in range(1, 100):
        settings[f"jpeg(quality={quality})"] = spread(0.9 - 0.002 * (100 - quality), count=20, seed=quality)
    results = written.study(
        settings, rates={spec: 1.0 + n for n, spec in enumerate(settings)}, criterion=RULE
    )
    made = report(results)
    made.write(tmp_path / "big.html", "html")  # how long that takes: benchmarks/report.py
    assert (tmp_path / "big.html").stat().st_size < 10_000_000
    assert Parsed((tmp_path / "big.html").read_text()).tags.count("tr") > 2000


def test_the_headline_says_that_runs_are_to_come(written, spread):
    settings = {None: spread(0.9, seed=1), "jpeg(quality=90)": spread(0.9, seed=2)}
    for name, criterion, before, words in (
        ("sure", FIXED, 0, "jpeg-quality90 keeps score within 0.03"),
        ("late", FIXED, 3, "exploratory, with no guaranteed error rate: jpeg-quality90"),
        ("none", None, 0, "nothing is decided: the study has no criterion."),
    ):
        results = written.study(settings, criterion=criterion, runs_before=before, name=name)
        file = results.folder / "study.json"
        kept = json.loads(file.read_text())
        file.write_text(json.dumps({**kept, "runs": [*kept["runs"], *(f"late{n}" for n in range(7))]}))
        headline = report(results).headline
        assert headline.startswith(f"Not finished (7 of 17 runs to do): so far {words}")


def test_a_figure_says_how_it_is_to_be_read(study, tmp_path):
    made = report(study)
    (drawing,) = made.sections[0].drawings()
    assert "from the repetitions alone" in drawing.caption
    assert "the margin, the lowest value that still does" in drawing.caption
    assert "Red circle: recommended" in drawing.caption
    (axes,) = drawing.figure.axes
    assert "recommended" in [text.get_text() for text in axes.get_legend().get_texts()]
    assert f"<figcaption>{drawing.caption}</figcaption>" in page("t", "h", made.sections)
    assert drawing.caption.split(".")[0] in markdown("t", "h", made.sections, tmp_path, "x")


def test_a_figure_without_repetitions_or_recommendation_names_neither(written):
    results = written.study({None: [0.9], "jpeg(quality=50)": [0.8]}, rates={"jpeg(quality=50)": 2.0})
    (drawing,) = report(results, **RULE).sections[0].drawings()
    assert "Bars" not in drawing.caption
    assert "circle" not in drawing.caption
