"""What is not to be found: buildings, trees, and things that look like vehicles or aircraft from above."""

from __future__ import annotations

import numpy as np

from scenery.canvas import Canvas, Colour, Points, Pose

ROOFS: list[Colour] = [
    (0.08, 0.10, 0.20, 0.27),  # tiles
    (0.07, 0.09, 0.16, 0.22),
    (0.16, 0.165, 0.17, 0.19),  # slate
    (0.09, 0.09, 0.095, 0.11),  # bitumen
    (0.33, 0.34, 0.35, 0.37),  # metal
]
BOXES: list[Colour] = [
    (0.20, 0.12, 0.07, 0.14),
    (0.06, 0.08, 0.24, 0.30),
    (0.09, 0.15, 0.11, 0.20),
    (0.05, 0.15, 0.26, 0.32),
    (0.45, 0.47, 0.48, 0.49),
    (0.19, 0.20, 0.20, 0.22),
]
LEAVES: Colour = (0.028, 0.050, 0.032, 0.36)
PAINT: Colour = (0.42, 0.44, 0.45, 0.46)
YELLOW: Colour = (0.10, 0.30, 0.36, 0.40)


def add_tree(canvas: Canvas, x: float, y: float, rng: np.random.Generator, *, radius: float) -> None:
    """Paint a crown of irregular outline, where nothing stands."""
    outline = _blob(x, y, radius, rng)
    if not canvas.is_free(outline):
        return
    canvas.take(outline)
    canvas.cast(outline, 1.6 * radius, above=0.4 * radius)
    tint = np.array(LEAVES) * rng.lognormal(0, 0.18)
    canvas.paint(outline, tint * 0.8, 0.30)
    lit = _blob(*((x, y) - canvas.sun * 0.12 * radius), 0.6 * radius, rng)
    canvas.paint(lit, tint * 1.25, 0.30)


def add_house(canvas: Canvas, pose: Pose, rng: np.random.Generator, *, length: float, width: float) -> None:
    """Paint a gabled house or shed, one side of its roof lit, where there is room."""
    outline = pose.box(length, width)
    if not canvas.is_free(pose.box(length + 1, width + 1)):
        return
    canvas.take(outline)
    canvas.cast(outline, 3 + 0.25 * width)
    canvas.lift(outline)
    tint = _one_of(ROOFS, rng)
    aside = np.array([-np.sin(pose.heading), np.cos(pose.heading)])
    slope = 0.18 * np.sign(aside @ canvas.sun)  # the side that looks away from the sun is darker
    canvas.paint(pose.moved(0, width / 4).box(length, width / 2), tint * (1 - slope), 0.07)
    canvas.paint(pose.moved(0, -width / 4).box(length, width / 2), tint * (1 + slope), 0.07)


def add_hall(canvas: Canvas, pose: Pose, rng: np.random.Generator, *, length: float, width: float) -> None:
    """Paint a flat hall with boxes on its roof, as large as cars, where there is room."""
    outline = pose.box(length, width)
    if not canvas.is_free(pose.box(length + 2, width + 2)):
        return
    canvas.take(outline)
    canvas.cast(outline, 8)
    canvas.lift(outline)
    tint = _one_of(ROOFS[2:], rng)
    canvas.paint(outline, tint, 0.05)
    canvas.stripe(outline, pose.heading, rng.uniform(4, 8), 0.04)
    for _ in range(int(length * width / 160)):
        ahead, aside = rng.uniform(-0.44, 0.44, 2) * (length, width)
        unit = pose.moved(ahead, aside, rng.choice([0, np.pi / 2]))
        size = rng.choice([2.0, 3.0, 4.5]), rng.choice([1.2, 1.8, 2.2])
        canvas.cast(unit.box(*size), 1.5)
        canvas.paint(unit.box(*size), np.clip(tint * rng.choice([0.6, 1.5, 2.0]), 0, 0.55))


def add_container(canvas: Canvas, pose: Pose, rng: np.random.Generator) -> None:
    """Paint a container or a trailer's body: a truck without a cab, where there is room."""
    length = rng.choice([6.06, 7.5, 9.0, 12.19])
    outline = pose.box(length, 2.44)
    if not canvas.is_free(pose.box(length + 0.2, 2.5)):
        return
    canvas.take(outline)
    canvas.cast(outline, rng.choice([2.6, 2.6, 5.2]))
    canvas.paint(outline, _one_of(BOXES, rng), 0.05)
    canvas.stripe(outline, pose.heading, rng.uniform(1.2, 2.5), 0.06)


def add_crate(canvas: Canvas, pose: Pose, rng: np.random.Generator) -> None:
    """Paint a skip, a stack, a covered trailer: a car without its windows, where there is room."""
    length, width = rng.uniform(3.2, 5.4), rng.uniform(1.6, 2.2)
    outline = pose.box(length, width)
    if not canvas.is_free(pose.box(length + 0.3, width + 0.3)):
        return
    canvas.take(outline)
    canvas.cast(outline, rng.uniform(0.8, 2.0))
    canvas.paint(outline, _one_of([*BOXES, *ROOFS], rng), 0.08)
    if rng.random() < 0.5:  # what lies on it, lighter or darker
        load = pose.moved(rng.uniform(-0.1, 0.1) * length, 0).box(rng.uniform(0.3, 0.7) * length, 0.7 * width)
        canvas.paint(load, _one_of([*BOXES, *ROOFS], rng), 0.08)


def add_cross(canvas: Canvas, pose: Pose, rng: np.random.Generator, *, length: float) -> None:
    """Paint a cross or a T of buildings, trailers or paint, where there is room: like an aircraft."""
    if not canvas.is_free(pose.box(length, length)):
        return
    canvas.take(pose.box(length, length))
    tint, height = _one_of([PAINT, *ROOFS[2:], *BOXES[4:]], rng), rng.choice([0.0, 1.5, 3.0])
    ahead, root = rng.uniform(0, 0.3) * length, rng.uniform(0.10, 0.2) * length
    tip, sweep = root * rng.uniform(0.4, 1), rng.uniform(0, 0.2) * length
    parts = [pose.box(length, rng.uniform(0.08, 0.13) * length)]
    for end in (-0.5 * length, 0.5 * length):
        wing = [(ahead, 0), (ahead - sweep, end), (ahead - sweep - tip, end), (ahead - root, 0)]
        parts.append(pose.at(wing))
    if rng.random() < 0.6:
        back = pose.moved(-rng.uniform(0.3, 0.45) * length, 0, np.pi / 2)
        parts.append(back.box(rng.uniform(0.25, 0.45) * length, 0.6 * root))
    for part in parts:
        canvas.cast(part, height)
    for part in parts:
        canvas.lift(part)
        canvas.paint(part, tint)


def add_line(
    canvas: Canvas, start: Points, end: Points, *, width: float = 0.15, colour: Colour = PAINT
) -> None:
    """Paint a marking on the ground."""
    way = np.subtract(end, start)
    middle = np.add(start, end) / 2
    pose = Pose(float(middle[0]), float(middle[1]), float(np.arctan2(way[1], way[0])))
    canvas.paint(pose.box(float(np.hypot(*way)), width), colour)


def add_arrow(canvas: Canvas, pose: Pose) -> None:
    """Paint a direction arrow, 4 m long."""
    canvas.paint(pose.box(3.0, 0.3), PAINT)
    canvas.paint(pose.moved(1.6, 0).at([(1.2, 0), (-0.2, 0.7), (-0.2, -0.7)]), PAINT)


def _blob(x: float, y: float, radius: float, rng: np.random.Generator) -> Points:
    angle = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    length = radius * rng.uniform(0.8, 1.15, angle.size)
    return np.stack([x + length * np.cos(angle), y + length * np.sin(angle)], axis=1)


def _one_of(colours: list[Colour], rng: np.random.Generator) -> np.ndarray:
    return np.array(colours[rng.integers(len(colours))]) * rng.lognormal(0, 0.12)
