"""The objects that are to be found: cars, trucks and aircraft of many sizes and colours."""

from __future__ import annotations

import numpy as np

from scenery.canvas import Canvas, Colour, Points, Pose, Thing

GLASS = (0.055, 0.06, 0.06, 0.07)
TYRE = (0.04, 0.04, 0.042, 0.05)
BODIES: list[Colour] = [
    (0.50, 0.52, 0.53, 0.53),  # white
    (0.50, 0.52, 0.53, 0.53),
    (0.30, 0.31, 0.32, 0.33),  # silver
    (0.17, 0.175, 0.18, 0.20),  # grey
    (0.15, 0.155, 0.16, 0.17),
    (0.045, 0.045, 0.05, 0.06),  # black
    (0.06, 0.06, 0.065, 0.08),
    (0.06, 0.06, 0.26, 0.33),  # red
    (0.22, 0.12, 0.07, 0.18),  # blue
    (0.10, 0.16, 0.10, 0.25),  # green
]
HULLS: list[Colour] = [
    (0.50, 0.51, 0.51, 0.50),  # white
    (0.43, 0.44, 0.44, 0.44),
    (0.27, 0.28, 0.29, 0.31),  # as grey as concrete
    (0.22, 0.23, 0.24, 0.27),
    (0.13, 0.14, 0.14, 0.17),  # slate
    (0.08, 0.11, 0.10, 0.16),  # olive
]
LOADS: list[Colour] = [
    (0.48, 0.50, 0.51, 0.52),
    (0.36, 0.37, 0.38, 0.39),
    (0.18, 0.19, 0.20, 0.22),
    (0.20, 0.13, 0.08, 0.16),
    (0.07, 0.09, 0.24, 0.30),
    (0.10, 0.15, 0.12, 0.20),
]


def add_car(canvas: Canvas, pose: Pose, rng: np.random.Generator) -> bool:
    """Paint a car or a van where there is room; return whether there was."""
    van = rng.random() < 0.15
    length = rng.uniform(5.0, 5.8) if van else rng.uniform(3.8, 4.9)
    width = rng.uniform(1.9, 2.1) if van else rng.uniform(1.7, 1.95)
    if not _claimed(canvas, "car", pose.box(length, width), pose.box(length + 0.3, width + 0.3)):
        return False
    body = _tinted(BODIES, rng)
    canvas.cast(pose.box(length, width), 2.0 if van else 1.45)
    _paint_rounded(canvas, pose, length, width, body)
    _paint_window(canvas, pose, length, width, 0.12, 0.24)
    if not van:
        _paint_window(canvas, pose, length, width, -0.36, -0.28)
        roof = pose.moved(-0.07 * length, 0).box(0.36 * length, 0.72 * width)
        canvas.paint(roof, np.array(body) * 1.12)
    return True


def add_truck(canvas: Canvas, pose: Pose, rng: np.random.Generator) -> bool:
    """Paint a truck: a cab, a gap and a load; return whether there was room."""
    length, width = rng.choice([7.0, 8.5, 10.5, 13.0]) * rng.uniform(0.95, 1.05), rng.uniform(2.2, 2.5)
    if not _claimed(canvas, "truck", pose.box(length, width), pose.box(length + 0.4, width + 0.3)):
        return False
    cab, gap = rng.uniform(2.0, 2.5), rng.uniform(0.4, 0.9)
    load = length - cab - gap
    front, back = pose.moved((length - cab) / 2, 0), pose.moved((load - length) / 2, 0)
    canvas.cast(pose.box(length, width * 0.8), 1.0)
    canvas.cast(front.box(cab, width), 2.9)
    canvas.cast(back.box(load, width), 3.6)
    canvas.paint(pose.box(length, width * 0.6), TYRE)
    _paint_rounded(canvas, front, cab, width * 0.96, _tinted(BODIES, rng))
    _paint_window(canvas, front, cab, width, 0.22, 0.42)
    colour = _tinted(LOADS, rng)
    canvas.paint(back.box(load, width), colour, 0.06)
    if rng.random() < 0.4:  # a tarpaulin over hoops
        canvas.stripe(back.box(load, width), pose.heading, rng.uniform(1.8, 2.6), 0.12)
    return True


def add_aircraft(canvas: Canvas, pose: Pose, rng: np.random.Generator, *, length: float) -> bool:
    """Paint an aircraft: fuselage, wings, tail, engines; return whether there was room."""
    span = length * (rng.uniform(1.0, 1.3) if length < 14 else rng.uniform(0.92, 1.12))
    if not _claimed(canvas, "aircraft", pose.box(length, span), pose.box(length + 2, span + 2)):
        return False
    parts = _airframe(length, span, sweep=rng.uniform(0.02, 0.20), chord=rng.uniform(0.13, 0.19))
    height = 0.09 * length
    colour = _tinted(HULLS, rng)
    shades = {"fuselage": 1.05, "wing": 0.9, "tail": 0.92, "engine": 0.7}
    for kind, outline in parts:
        if kind == "fuselage":
            canvas.cast(pose.at(outline), 1.3 * height)
        else:
            canvas.cast(pose.at(outline), height, above=0.8 * height)
    for kind, outline in parts[1:]:
        canvas.paint(pose.at(outline), colour * shades[kind], 0.03)
    canvas.paint(pose.at(parts[0][1]), colour * shades["fuselage"], 0.03)
    nose = np.array([(0.455, -0.015), (0.455, 0.015), (0.435, 0.02), (0.435, -0.02)]) * length
    canvas.paint(pose.at(nose), GLASS)
    if rng.random() < 0.5:  # a coloured fin, seen from above as a line
        fin = np.array([(-0.36, -0.008), (-0.36, 0.008), (-0.49, 0.008), (-0.49, -0.008)]) * length
        canvas.paint(pose.at(fin), _tinted(LOADS, rng))
    return True


def _airframe(length: float, span: float, *, sweep: float, chord: float) -> list[tuple[str, Points]]:
    """Outlines (forward, right) of an aircraft's parts, the fuselage first."""
    half = 0.05 * length
    profile = [(0.5, 0.0), (0.47, 0.5), (0.40, 0.9), (0.30, 1.0), (-0.25, 1.0), (-0.40, 0.6), (-0.5, 0.15)]
    right = [(along * length, across * half) for along, across in profile]
    left = [(along, -across) for along, across in right[::-1]]
    root, back, tip = 0.10 * length, sweep * length, chord * length
    parts = [("fuselage", np.array(right + left))]
    for side in (-1.0, 1.0):
        end = side * span / 2
        wing = [(root, 0), (root - back, end), (root - back - 0.45 * tip, end), (root - 1.15 * tip, 0)]
        rear = -0.36 * length
        tail = [(rear, 0), (rear - 0.5 * back, 0.38 * end), (rear - 0.5 * back - 0.05 * length, 0.38 * end)]
        parts += [("wing", np.array(wing)), ("tail", np.array([*tail, (rear - 0.11 * length, 0)]))]
        if length > 16:
            at, ahead = 0.34 * end, root - 0.68 * back
            engine = [
                (ahead + 0.05 * length, at - 0.02 * length),
                (ahead + 0.05 * length, at + 0.02 * length),
            ]
            engine += [
                (ahead - 0.03 * length, at + 0.016 * length),
                (ahead - 0.03 * length, at - 0.016 * length),
            ]
            parts.append(("engine", np.array(engine)))
    return parts


def _claimed(canvas: Canvas, label: str, corners: Points, room: Points) -> bool:
    """Note an object where it fits; return whether it does."""
    if not canvas.is_whole(corners) or not canvas.is_free(room):
        return False
    canvas.take(corners)
    canvas.things.append(Thing(label, corners))
    return True


def _tinted(colours: list[Colour], rng: np.random.Generator) -> np.ndarray:
    return np.array(colours[rng.integers(len(colours))]) * rng.lognormal(0, 0.12)


def _paint_rounded(canvas: Canvas, pose: Pose, length: float, width: float, colour: Colour) -> None:
    ahead, aside, cut = length / 2, width / 2, 0.18 * width
    right = [(ahead, aside - cut), (ahead - cut, aside), (cut - ahead, aside), (-ahead, aside - cut)]
    canvas.paint(pose.at(right + [(along, -across) for along, across in right[::-1]]), colour, 0.03)


def _paint_window(canvas: Canvas, pose: Pose, length: float, width: float, back: float, front: float) -> None:
    """A dark band across, from `back` to `front` as shares of the length."""
    aside = 0.42 * width
    outline = [
        (front * length, -aside),
        (front * length, aside),
        (back * length, aside),
        (back * length, -aside),
    ]
    canvas.paint(pose.at(outline), GLASS)
