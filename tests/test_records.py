from __future__ import annotations

import pytest
from affine import Affine

from iqf_core.records import Move, Record, Thing, box_around, grouped, moved_box

SQUARE = (((2.0, 3.0), (6.0, 3.0), (6.0, 5.0), (2.0, 3.0)),)


@pytest.mark.parametrize(
    ("affine", "expected"),
    [
        (Affine.identity(), (2, 3, 4, 2)),
        (Affine.scale(2), (4, 6, 8, 4)),
        (Affine.scale(0.5, 2), (1, 6, 2, 4)),
        (Affine.translation(-1, 5), (1, 8, 4, 2)),
        (Affine(-1, 0, 10, 0, 1, 0), (4, 3, 4, 2)),
        (Affine(0, 1, 0, -1, 0, 10), (3, 4, 2, 4)),
    ],
)
def test_boxes_follow_the_map(affine, expected):
    assert moved_box((2, 3, 4, 2), affine) == pytest.approx(expected)


def test_a_turned_box_is_the_box_around_it():
    x, y, width, height = moved_box((-1, -1, 2, 2), Affine.rotation(45))
    assert (x, y) == pytest.approx((-(2**0.5), -(2**0.5)))
    assert (width, height) == pytest.approx((8**0.5, 8**0.5))


def test_box_around():
    assert box_around([(3, 1), (-2, 4), (0, 0)]) == (-2, 0, 5, 4)


def test_pixel_polygons_move_and_world_polygons_stay():
    moved = Move("a", 10, 10, Affine.scale(2), georeferenced=True)
    doubled = (((4.0, 6.0), (12.0, 6.0), (12.0, 10.0), (4.0, 6.0)),)
    assert Thing("x", polygons=(SQUARE,), world=False).moved(moved).polygons == (doubled,)
    assert Thing("x", polygons=(SQUARE,), world=True).moved(moved).polygons == (SQUARE,)
    assert Thing("x", polygons=(SQUARE,), world=None).moved(moved).polygons == (SQUARE,)
    nowhere = Move("a", 10, 10, Affine.scale(2), georeferenced=False)
    assert Thing("x", polygons=(SQUARE,), world=None).moved(nowhere).polygons == (doubled,)


def test_nothing_moves_without_a_map():
    thing = Thing("x", box=(1, 2, 3, 4), polygons=(SQUARE,))
    assert thing.moved(Move("b", 5, 5)) is thing


def test_what_one_record_lacks_the_other_gives():
    one = Record("a", width=5, things=(Thing("x"),), label="", extras={"k": 1, "only": 2})
    other = Record(
        "a", width=7, height=9, things=(Thing("y"),), label="l", group="g", mask="m", extras={"k": 3}
    )
    both = one.merged(other)
    assert (both.width, both.height, both.mask, both.label, both.group) == (5, 9, "m", "", "g")
    assert [thing.label for thing in both.things] == ["x", "y"]
    assert both.extras == {"k": 1, "only": 2}


def test_boxes_and_polygons_of_a_record():
    record = Record("a", things=(Thing("x", box=(1, 2, 3, 4)), Thing("y", polygons=(SQUARE, SQUARE))))
    assert record.boxes == [(1, 2, 3, 4)]
    assert record.polygons == [SQUARE, SQUARE]


@pytest.mark.parametrize(
    ("pattern", "group"),
    [
        (None, None),
        (r"tile\d+", "tile12"),
        (r"(tile\d+)_(\d+)", "tile12"),
        (r"tile(?P<n>\d+)", "12"),
        ("nothing", None),
        (r"(nothing)?tile", None),
    ],
)
def test_groups_are_found_in_names(pattern, group):
    assert grouped(Record("a/tile12_7.png"), pattern).group == group


def test_a_group_of_the_ground_truth_comes_first():
    assert grouped(Record("tile12", group="own"), r"tile\d+").group == "own"
    assert grouped(Record("other"), r"tile\d+", name="tile3").group == "tile3"
