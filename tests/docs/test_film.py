"""The film of the README: whole, of the commands that it says, and with nothing of the machine in it."""

from __future__ import annotations

import getpass
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SVG = "{http://www.w3.org/2000/svg}"


def test_the_film_is_sound_and_every_line_that_it_uses_is_there() -> None:
    root = ElementTree.parse(IMAGES / "session.svg").getroot()
    stored = {element.get("id"): "".join(element.itertext()) for element in root.iter(f"{SVG}text")}
    used = {element.get("href", "").removeprefix("#") for element in root.iter(f"{SVG}use")}
    assert used == set(stored)
    frames = [element for element in root.iter(f"{SVG}g") if element.get("class") is None]
    steps = re.findall(r"[\d.]+%\{transform", (IMAGES / "session.svg").read_text())
    assert len(steps) == len(frames) + 1
    assert any("at work: " in line for line in stored.values())


def test_film_and_text_show_the_same_commands_and_nothing_of_the_machine() -> None:
    film, text = ((IMAGES / name).read_text() for name in ("session.svg", "session.txt"))
    commands = re.findall(r"^\$ (iqf \w+ .+)$", text, re.MULTILINE)
    assert [command.split()[1] for command in commands] == ["plan", "run", "results", "recommend"]
    assert all(f"$ {command}" in film for command in commands)
    for said in (film.replace("http://www.w3.org/2000/svg", ""), text):
        assert not re.search(r"(?<![\w.])/(tmp|home|root|work|opt|usr)\b", said)
        assert not re.search(rf"\b{re.escape(getpass.getuser())}\b", said)
