"""``iqf report``: the page for the person who must sign."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from iqf_core.cli.completing import study_names
from iqf_core.cli.talk import near, say

if TYPE_CHECKING:
    from iqf_core import Results
    from iqf_report.page.blocks import Section

Format = Literal["html", "md"]


@dataclass(frozen=True)
class Report:
    """A report, before it is laid out.

    Parameters
    ----------
    title : str
        Name of the study.
    headline : str
        The answer in one sentence.
    sections : tuple of Section
        In their order.
    remedy : str, optional
        What to do where nothing says by what the study is decided.
    """

    title: str
    headline: str
    sections: tuple[Section, ...]
    remedy: str = ""

    def write(self, file: Path, form: Format) -> None:
        """Write it; nothing is left half-written.

        Parameters
        ----------
        file : pathlib.Path
            To be written over.
        form : {"html", "md"}
            One page that needs nothing beside it, or a text with a folder ``<name>-figures`` beside it.
        """
        from iqf_report.page.html import page
        from iqf_report.page.markdown import markdown

        if form == "html":
            text = page(self.title, self.headline, self.sections)
        else:
            beside = f"{file.stem}-figures"
            text = markdown(self.title, self.headline, self.sections, file.with_name(beside), beside)
        partial = file.with_name(f".{file.name}.partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(file)

    def write_figures(self, folder: Path, suffixes: Sequence[str] = ("svg", "png")) -> list[Path]:
        """Write every drawing as files.

        Parameters
        ----------
        folder : pathlib.Path
            Is made.
        suffixes : sequence of str, optional
            Kinds of file.
        """
        from iqf_report.page.drawing import save

        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for section in self.sections:
            for number, drawing in enumerate(section.drawings(), start=1):
                for suffix in suffixes:
                    written.append(folder / f"{section.key}-{number}.{suffix}")
                    save(drawing, written[-1])
        return written


def report(results: Results | str | Path, *, command: str = "", **changes: Any) -> Report:
    """Make the report of a study.

    Parameters
    ----------
    results : Results, str or pathlib.Path
        Of a study, as `iqf_core.open_results` opens them.
    command : str, optional
        With which it is made, for the report to say.
    **changes
        Keys of the criterion, as for `iqf_report.recommend.recommend`.

    Returns
    -------
    Report
        Where nothing can be decided it says why, and shows the rest.
    """
    from iqf_core import ParameterError, open_results
    from iqf_core import Results as Opened
    from iqf_report.asking import NoCriterion, example
    from iqf_report.page.material import Material
    from iqf_report.recommend import recommend
    from iqf_report.sections import sections_of
    from iqf_report.sections.decision import headline

    opened = results if isinstance(results, Opened) else open_results(results)
    if not isinstance(opened, Opened):
        raise ParameterError(f"{results}: not a study's folder")
    answer, why, remedy = None, "", ""
    try:
        answer = recommend(opened, **changes)
    except NoCriterion:
        if changes:
            raise
        why = "the study has no criterion"
        remedy = (
            f"`iqf report {shlex.quote(opened.name)} {example(opened)}` decides by what it is "
            "given, and the answer is exploratory; only a `criterion:` that stands in the study file before "
            "the runs keeps its error rate."
        )
    except ParameterError as error:
        if changes:
            raise
        why = str(error)
    material = Material(opened, answer, why, command, remedy)
    return Report(opened.name, headline(material), tuple(sections_of(material)), remedy)


@click.command()
@click.argument("study", shell_complete=study_names)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="[default: report.html in the folder of the results]",
)
@click.option("--format", "form", type=click.Choice(["html", "md"]), help="[default: by the output's name]")
@click.option("--figures", type=click.Path(path_type=Path), help="Write the figures into this folder too.")
@click.option("--metric", help="What decides, where the study has no criterion.")
@click.option("--margin", type=click.FloatRange(0), help="What may be lost.")
@click.option("--relative", is_flag=True, default=None, help="The margin is a share of the reference.")
def command(
    study: str, output: Path | None, form: Format | None, figures: Path | None, **options: Any
) -> None:
    """Write the report of STUDY: one page that opens from a mail.

    The answer first; then metric against rate, the same place at each setting, quality of the images, the
    runs, and how it was made. It is kept with the study's runs in MLflow too.

    \b
    Examples:
      iqf report textures
      iqf report textures -o report.html --figures figures
      iqf report textures -o report.md --metric accuracy --margin 0.03
    """
    from iqf_core.cli.tables import console
    from iqf_report.opening import study_of

    known = form or ("md" if output is not None and output.suffix.lower() in (".md", ".markdown") else "html")
    given = {name: value for name, value in options.items() if value is not None}
    opened: Any = study_of(study)
    file = output or opened.folder / f"report.{known}"
    if file.is_dir():
        raise click.BadParameter(f"{file} is a folder; name a file", param_hint="-o")
    words = " ".join(f"--{name} {value}" for name, value in given.items())
    with console(stderr=True).status(f"Report of {opened.name} …"):
        made = report(opened, command=f"iqf report {Path(study).name} {words}".strip(), **given)
        file.parent.mkdir(parents=True, exist_ok=True)
        made.write(file, known)
        if figures is not None:
            made.write_figures(figures)
    say(made.headline)
    if made.remedy:
        say(made.remedy)
    kept = opened.attach(file)
    say(f"Report: {near(file)}{' (and with the study in MLflow)' if kept else ''}")
