"""A scene: a grid of roads, and between them blocks of several kinds with what stands there."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from scenery.canvas import Canvas, Colour, Pose
from scenery.clutter import (
    YELLOW,
    add_arrow,
    add_container,
    add_crate,
    add_cross,
    add_hall,
    add_house,
    add_line,
    add_tree,
)
from scenery.vehicles import add_aircraft, add_car, add_truck

GRASS: Colour = (0.050, 0.080, 0.065, 0.36)
CROPS: list[Colour] = [
    (0.045, 0.085, 0.055, 0.44),
    (0.060, 0.095, 0.080, 0.34),
    (0.090, 0.130, 0.175, 0.26),
    (0.075, 0.105, 0.140, 0.21),
    (0.110, 0.160, 0.200, 0.32),
]
ASPHALT: Colour = (0.105, 0.110, 0.115, 0.130)
CONCRETE: Colour = (0.22, 0.24, 0.26, 0.29)
GRAVEL: Colour = (0.15, 0.17, 0.19, 0.22)
ROAD_M = 8.0
DECK = ["parking", "yard", "apron", "houses", "field", "apron", "parking", "wood", "apron", "yard", "houses"]


@dataclass(frozen=True)
class Block:
    """A rectangle between roads."""

    pose: Pose
    length: float
    width: float

    def rows(self, pitch: float, *, border: float = 6.0) -> Iterator[Pose]:
        """Poses along the middle of rows of a pitch, from one side to the other."""
        count = int((self.width - 2 * border) // pitch)
        for index in range(count):
            yield self.pose.moved(0, (index - (count - 1) / 2) * pitch)

    def anywhere(self, rng: np.random.Generator, *, border: float = 4.0) -> Pose:
        """A random place, looking along the block or across it."""
        ahead = rng.uniform(-1, 1) * (self.length / 2 - border)
        aside = rng.uniform(-1, 1) * (self.width / 2 - border)
        return self.pose.moved(ahead, aside, rng.choice([0, np.pi / 2]) + rng.normal(0, 0.03))


def draw_scene(size: int, tile: int, gsd_m: float, rng: np.random.Generator) -> Canvas:
    """Draw a scene.

    Parameters
    ----------
    size, tile : int
        Sides in pixels of the scene, and of the images that it will be cut into.
    gsd_m : float
        Metres a pixel.
    rng : numpy.random.Generator
        Decides everything.

    Returns
    -------
    Canvas
        Painted, with its objects.
    """
    azimuth, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.1)  # reach: 1 / tan(elevation)
    canvas = Canvas(size, tile, gsd_m, (reach * np.cos(azimuth), reach * np.sin(azimuth)))
    side = canvas.side_m
    canvas.paint(Pose(side / 2, side / 2).box(side, side), GRASS, 0.16)
    town = Pose(side / 2, side / 2, rng.uniform(0, np.pi / 2))
    columns, rows = _street_lines(side, rng), _street_lines(side, rng)
    blocks = list(_blocks(town, columns, rows))
    blocks.sort(key=lambda block: np.hypot(block.pose.x - side / 2, block.pose.y - side / 2))
    start = rng.integers(len(DECK))
    for index, block in enumerate(blocks):
        KINDS[DECK[(start + index) % len(DECK)]](canvas, block, rng)
    _draw_streets(canvas, town, columns, rows, rng)
    return canvas


def _street_lines(side: float, rng: np.random.Generator) -> list[float]:
    """Where streets cross an axis of the town, which is larger than the scene by its diagonal."""
    lines = [-0.75 * side + rng.uniform(-60, 0)]
    while lines[-1] < 0.75 * side:
        lines.append(lines[-1] + rng.uniform(95, 130))
    return lines


def _blocks(town: Pose, columns: list[float], rows: list[float]) -> Iterator[Block]:
    for left, right in itertools.pairwise(columns):
        for top, bottom in itertools.pairwise(rows):
            pose = town.moved((left + right) / 2, (top + bottom) / 2)
            yield Block(pose, right - left - ROAD_M - 3, bottom - top - ROAD_M - 3)


def _draw_streets(
    canvas: Canvas, town: Pose, columns: list[float], rows: list[float], rng: np.random.Generator
) -> None:
    length = 2 * canvas.side_m
    streets = [town.moved(at, 0, np.pi / 2) for at in columns] + [town.moved(0, at) for at in rows]
    for street in streets:
        canvas.paint(street.box(length, ROAD_M), np.array(ASPHALT) * rng.lognormal(0, 0.1), 0.06)
    for street in streets:
        for at in np.arange(-length / 2, length / 2, 9.0):
            canvas.paint(street.moved(at, 0).box(3.0, 0.15), (0.4, 0.42, 0.43, 0.44))
    for street in streets:
        for at in np.arange(-length / 2, length / 2, 1.0):
            if rng.random() < 0.022:
                lane = rng.choice([-1, 1])
                turn = 0 if lane > 0 else np.pi
                add = add_truck if rng.random() < 0.18 else add_car
                add(
                    canvas, street.moved(at, lane * 2.0 + rng.normal(0, 0.2), turn + rng.normal(0, 0.02)), rng
                )


def draw_field(canvas: Canvas, block: Block, rng: np.random.Generator) -> None:
    """Two or three crops in rows, bales or a shed."""
    shares = np.cumsum([0, *rng.dirichlet([4] * rng.integers(2, 4))])
    for low, high in itertools.pairwise(shares):
        middle = block.pose.moved(((low + high) / 2 - 0.5) * block.length, 0)
        outline = middle.box((high - low) * block.length, block.width)
        canvas.paint(outline, np.array(CROPS[rng.integers(len(CROPS))]) * rng.lognormal(0, 0.1), 0.12)
        turn = rng.choice([0, np.pi / 2])
        canvas.stripe(outline, block.pose.heading + turn, rng.uniform(1.5, 4.0), rng.uniform(0.02, 0.12))
    for _ in range(rng.integers(2, 10)):
        add_crate(canvas, block.anywhere(rng), rng)
    if rng.random() < 0.4:
        add_cross(canvas, block.anywhere(rng, border=20), rng, length=rng.uniform(12, 24))


def draw_houses(canvas: Canvas, block: Block, rng: np.random.Generator) -> None:
    """Houses in two rows, drives with cars, sheds and trees."""
    for side in (-1, 1):
        for at in np.arange(-block.length / 2 + 12, block.length / 2 - 8, 19.0):
            lot = block.pose.moved(at + rng.normal(0, 1), side * (block.width / 2 - 16))
            length, width = rng.uniform(10, 15), rng.uniform(8, 10)
            add_house(canvas, lot.moved(0, 0, rng.choice([0, np.pi / 2])), rng, length=length, width=width)
            drive = lot.moved(8.5, side * 7, np.pi / 2)
            canvas.paint(drive.box(13, 3.2), np.array(rng.choice([ASPHALT, CONCRETE])), 0.06)
            if rng.random() < 0.65:
                add_car(canvas, drive.moved(rng.uniform(-3, 3), rng.normal(0, 0.2), rng.normal(0, 0.05)), rng)
            shed = lot.moved(rng.uniform(-4, 4), -side * rng.uniform(14, 20), rng.choice([0, np.pi / 2]))
            if rng.random() < 0.7:
                add_house(canvas, shed, rng, length=rng.uniform(3, 6), width=rng.uniform(2, 3.2))
    for _ in range(25):
        place = block.anywhere(rng)
        add_tree(canvas, place.x, place.y, rng, radius=rng.uniform(1.2, 4))


def draw_wood(canvas: Canvas, block: Block, rng: np.random.Generator) -> None:
    """Many trees, a hut or two."""
    for _ in range(3):
        add_house(canvas, block.anywhere(rng), rng, length=rng.uniform(4, 12), width=rng.uniform(3, 6))
    for _ in range(230):
        place = block.anywhere(rng)
        add_tree(canvas, place.x, place.y, rng, radius=rng.uniform(1.5, 5))


def draw_parking(canvas: Canvas, block: Block, rng: np.random.Generator) -> None:
    """Rows of bays, more or less full; a shop, trees, skips and arrows between them."""
    ground = np.array(rng.choice([ASPHALT, ASPHALT, GRAVEL])) * rng.lognormal(0, 0.1)
    canvas.paint(block.pose.box(block.length, block.width), ground, 0.06)
    add_hall(canvas, block.pose.moved(-block.length / 2 + 16, 0), rng, length=24, width=rng.uniform(30, 60))
    full, bay = rng.uniform(0.4, 0.85), rng.uniform(2.25, 2.5)
    for row in block.rows(rng.uniform(14, 17)):
        for at in np.arange(-block.length / 2 + 6, block.length / 2 - 6, bay):
            _draw_bay(canvas, row.moved(at, 0, np.pi / 2), bay, full, rng)
        add_arrow(canvas, row.moved(rng.uniform(-20, 40), 7.4))
    for _ in range(6):
        place = block.anywhere(rng)
        add_tree(canvas, place.x, place.y, rng, radius=rng.uniform(1, 2.2))


def _draw_bay(canvas: Canvas, bay: Pose, width: float, full: float, rng: np.random.Generator) -> None:
    if not canvas.is_free(bay.box(5, width)):
        return
    for side in (-1, 1):
        add_line(
            canvas, bay.at([(-2.5, side * width / 2)])[0], bay.at([(2.5, side * width / 2)])[0], width=0.12
        )
    wobble = bay.moved(rng.normal(0, 0.3), rng.normal(0, 0.06), rng.choice([0, np.pi]) + rng.normal(0, 0.04))
    chance = rng.random()
    if chance < full:
        add_car(canvas, wobble, rng)
    elif chance < full + 0.12:
        add_crate(canvas, wobble, rng)


def draw_yard(canvas: Canvas, block: Block, rng: np.random.Generator) -> None:
    """A hall, rows of trucks among containers, crates, some cars."""
    ground = np.array(rng.choice([CONCRETE, GRAVEL, ASPHALT])) * rng.lognormal(0, 0.1)
    canvas.paint(block.pose.box(block.length, block.width), ground, 0.08)
    add_hall(canvas, block.pose.moved(-block.length / 2 + 18, 0), rng, length=28, width=rng.uniform(40, 70))
    for row in block.rows(rng.uniform(21, 26)):
        turn = np.pi / 2 * rng.choice([1, -1])
        for at in np.arange(-block.length / 2 + 8, block.length / 2 - 8, rng.uniform(2.9, 3.4)):
            place = row.moved(at, rng.normal(0, 0.6), turn + rng.normal(0, 0.03))
            chance = rng.random()
            if chance < 0.28:
                add_truck(canvas, place, rng)
            elif chance < 0.62:
                add_container(canvas, place, rng)
    for _ in range(20):
        add_crate(canvas, block.anywhere(rng), rng)
    for _ in range(8):
        add_car(canvas, block.anywhere(rng), rng)


def draw_apron(canvas: Canvas, block: Block, rng: np.random.Generator) -> None:
    """Concrete slabs or grass with aircraft on their stands, vehicles that serve them, painted lines."""
    outline, large = block.pose.box(block.length, block.width), rng.random() < 0.5
    if large or rng.random() < 0.6:
        canvas.paint(outline, np.array(CONCRETE) * rng.lognormal(0, 0.15), 0.07)
        canvas.stripe(outline, block.pose.heading, 7.5, 0.015)
        canvas.stripe(outline, block.pose.heading + np.pi / 2, 7.5, 0.015)
    stand = rng.uniform(32, 40) if large else rng.uniform(14, 19)
    facing = rng.choice([0, np.pi / 2, np.pi, -np.pi / 2])
    for row in block.rows(stand, border=2):
        for at in np.arange(-block.length / 2 + stand / 2, block.length / 2 - stand / 2 + 1, stand):
            place = row.moved(at, 0, facing)
            half = 0.45 * stand
            add_line(canvas, place.at([(-half, 0)])[0], place.at([(half, 0)])[0], width=0.3, colour=YELLOW)
            add_line(canvas, place.at([(half, -3)])[0], place.at([(half, 3)])[0], width=0.3, colour=YELLOW)
            _draw_stand(canvas, place, stand, large, rng)
    for _ in range(10):
        add = (add_truck, add_car, add_crate, add_car)[rng.integers(4)]
        add(canvas, block.anywhere(rng), rng)


def _draw_stand(canvas: Canvas, place: Pose, stand: float, large: bool, rng: np.random.Generator) -> None:
    chance = rng.random()
    length = stand * rng.uniform(0.6, 0.9) if large else rng.uniform(8.2, min(13.0, 0.7 * stand))
    if chance < 0.5:
        turn = rng.normal(0, 0.25) if chance < 0.33 else rng.uniform(0, 2 * np.pi)
        add_aircraft(canvas, place.moved(0, 0, turn), rng, length=length)
    elif chance < 0.76:
        add_cross(canvas, place.moved(0, 0, rng.normal(0, 0.2)), rng, length=length)
    elif chance < 0.9:
        add_house(canvas, place, rng, length=0.55 * stand, width=0.5 * stand)


KINDS: dict[str, Callable[[Canvas, Block, np.random.Generator], None]] = {
    "field": draw_field,
    "houses": draw_houses,
    "wood": draw_wood,
    "parking": draw_parking,
    "yard": draw_yard,
    "apron": draw_apron,
}
