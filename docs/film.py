"""Record the film of the README: a terminal session, as an animated SVG and as text.

Run as ``.venv/bin/python docs/film.py``. It types real commands into a real terminal, in a folder that is
thrown away, and keeps what the screen showed: docs/images/session.svg and docs/images/session.txt.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from xml.sax.saxutils import escape

import pexpect
import pyte

HERE = Path(__file__).parent
TEXTURES = HERE.parent / "examples" / "textures"
COLUMNS, ROWS = 112, 30
CHARACTER, LINE, MARGIN = 7.8, 17, 12  # pixels, of a font of 13
LONGEST_S, READING_S, TICK_S = 0.6, 4.0, 0.25  # of a frame; at the end of a command; between two frames
COLOURS = {
    "default": "#d0d0d0",
    "green": "#6cc26c",
    "red": "#e06c6c",
    "magenta": "#c586c0",
    "cyan": "#56b6c2",
}
STUDY = """\
name: textures
datasets:
  source: {path: patches, split: {train: 0.6, test: 0.4}, split_seed: 7}
modifiers: [{jpeg: {quality: [90, 50, 18]}}]
task: {script: train.py, code: [train.py]}
hyperparameters: {trees: [40]}
repetitions: 3
seed: 1
seed_argument: seed
criterion: {metric: accuracy, margin: 0.05}
parallel: 2
"""
COMMANDS = (
    "iqf plan study.yaml",
    "iqf run study.yaml",
    "iqf results textures",
    "iqf recommend textures",
)
Frame = tuple[float, list[str]]


def main() -> None:
    """Record, look that nothing private is shown, and write."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(TEXTURES / "train.py", folder)
        (folder / "study.yaml").write_text(STUDY)
        subprocess.run(
            [sys.executable, str(TEXTURES / "make_patches.py"), str(folder / "patches")], check=True
        )
        frames, texts = [], []
        for command in COMMANDS:
            told, text = recorded(command, folder)
            frames += told
            texts.append(f"$ {command}\n{text}\n")
    said = "\n".join(texts)
    for private in (name, str(Path.home()), os.uname().nodename):
        if private in said:
            raise SystemExit(f"the session shows {private}: nothing was written")
    (HERE / "images" / "session.txt").write_text(said, encoding="utf-8")
    (HERE / "images" / "session.svg").write_text(drawn(frames), encoding="utf-8")


def recorded(command: str, folder: Path) -> tuple[list[Frame], str]:
    """Frames of a command, each with the seconds that it stays, and the text left at its end."""
    screen = pyte.HistoryScreen(COLUMNS, ROWS, history=1000)
    screen.set_mode(pyte.modes.LNM)
    stream = pyte.Stream(screen)
    stream.feed(f"$ {command}\n")
    frames = [(1.2, picture(screen))]
    environment = {**os.environ, "TERM": "xterm-256color", "XDG_CACHE_HOME": str(folder / "cache")}
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        environment.pop(name, None)
    words = [str(Path(sys.executable).with_name("iqf")), *command.split()[1:]]
    terminal = pexpect.spawn(
        words[0], words[1:], cwd=folder, env=environment, dimensions=(ROWS, COLUMNS), encoding="utf-8"
    )
    while True:
        began = time.monotonic()
        try:
            stream.feed(terminal.read_nonblocking(65536, timeout=TICK_S))
        except pexpect.TIMEOUT:
            continue
        except pexpect.EOF:
            break
        shown = picture(screen)
        if shown != frames[-1][1]:
            frames.append((LONGEST_S, shown))
        time.sleep(max(0.0, TICK_S - (time.monotonic() - began)))
    terminal.close()
    if terminal.exitstatus:
        raise SystemExit(f"{command}: exit code {terminal.exitstatus}")
    frames.append((READING_S, picture(screen)))
    above = ["".join(row[column].data for column in range(COLUMNS)) for row in screen.history.top]
    lines = [line.rstrip() for line in [*above, *screen.display]]
    return frames, "\n".join(lines[1:]).strip("\n")


def picture(screen: pyte.Screen) -> list[str]:
    """Lines of a screen as SVG, a piece for each stretch of one colour."""
    lines = []
    for row in range(ROWS):
        pieces: list[tuple[int, str, str]] = []
        for column in range(COLUMNS):
            cell = screen.buffer[row][column]
            colour = COLOURS.get(cell.fg, f"#{cell.fg}" if len(cell.fg) == 6 else COLOURS["default"])
            if pieces and pieces[-1][2] == colour:
                pieces[-1] = (pieces[-1][0], pieces[-1][1] + cell.data, colour)
            else:
                pieces.append((column, cell.data, colour))
        lines.append(
            "".join(
                f'<tspan x="{start * CHARACTER:.1f}" fill="{colour}">{escape(text.rstrip())}</tspan>'
                for start, text, colour in pieces
                if text.strip()
            )
        )
    return lines


def drawn(frames: list[Frame]) -> str:
    """The frames, one below the other, moved past a window by steps; each line is stored once."""
    known: dict[str, str] = {}
    for _, lines in frames:
        for line in filter(None, lines):
            known.setdefault(line, f"l{len(known)}")
    width, height = COLUMNS * CHARACTER + 2 * MARGIN, ROWS * LINE + 2 * MARGIN
    whole, passed, steps, groups = sum(seconds for seconds, _ in frames), 0.0, [], []
    for index, (seconds, lines) in enumerate(frames):
        steps.append(f"{100 * passed / whole:.3f}%{{transform:translateY(-{index * height:g}px)}}")
        passed += seconds
        uses = "".join(
            f'<use href="#{known[line]}" y="{index * height + row * LINE:g}"/>'
            for row, line in enumerate(lines)
            if line
        )
        groups.append(f"<g>{uses}</g>")
    steps.append(f"100%{{transform:translateY(-{(len(frames) - 1) * height:g}px)}}")
    stored = "".join(f'<text id="{name}">{line}</text>' for line, name in known.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" role="img">\n'
        "<title>iqf plan, run, results and recommend on a small study</title>\n"
        f"<style>text{{font:13px monospace;white-space:pre}}@keyframes play{{{''.join(steps)}}}"
        f".film{{animation:play {whole:.1f}s steps(1,end) infinite}}</style>\n"
        f'<rect width="100%" height="100%" rx="8" fill="#1e1e1e"/>\n<defs>{stored}</defs>\n'
        f'<svg x="{MARGIN}" y="{MARGIN + LINE - 4}" overflow="visible"><g class="film">\n'
        + "\n".join(groups)
        + "\n</g></svg>\n</svg>\n"
    )


if __name__ == "__main__":
    main()
