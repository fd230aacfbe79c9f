"""Predictions that are not sound: a clear error that names the first, or a right answer."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import iqf_core as iqf
from iqf_detection import CocoDetection, predictions

GOOD = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("bad") / "scenes"
    (root / "images").mkdir(parents=True)
    iqf.write_image(root / "images" / "a.png", iqf.Image.from_array(np.zeros((9, 9, 1), np.uint8)))
    truth = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 12}],
        "categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "truck"}],
    }
    (root / "annotations.json").write_text(json.dumps(truth))
    return iqf.open_dataset(root)


def score(dataset, path):
    metric = CocoDetection()
    return metric.aggregate(metric.match(path, dataset))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"image_id": 7}, "image_id 7 is no image of the ground truth; it has 1"),
        ({"image_id": True}, "image_id is True; write the image's id"),
        ({"image_id": None}, "image_id is None"),
        ({"category_id": 9}, "category_id 9 is no category of the ground truth"),
        ({"category_id": "cra"}, "Did you mean 'car'"),
        ({"bbox": [1, 2, 3]}, r"bbox is \[1, 2, 3\]; write 4 numbers \[x, y, width, height\]"),
        ({"bbox": [1, 2, -3, 4]}, "has a negative side"),
        ({"bbox": [1, 2, math.nan, 4]}, "no place in an image"),
        ({"bbox": [1, 2, math.inf, 4]}, "no place in an image"),
        ({"bbox": [1, 2, "3", 4]}, "write 4 numbers"),
        ({"bbox": None}, "bbox is None"),
        ({"score": 1.01}, "score is 1.01; write a number from 0 to 1"),
        ({"score": -0.1}, "score is -0.1"),
        ({"score": math.nan}, "score is nan"),
        ({"score": "0.5"}, "score is '0.5'"),
        ({"score": True}, "score is True"),
    ],
)
def test_the_first_unsound_entry_is_named(dataset, tmp_path, wrong, said):
    path = tmp_path / "output.json"
    path.write_text(json.dumps([GOOD, GOOD, {**GOOD, **wrong}, {**GOOD, "score": 5}]))
    with pytest.raises(iqf.OutputError, match=rf"output\.json: entry 2: .*{said}"):
        score(dataset, path)


@pytest.mark.parametrize("key", ["image_id", "category_id", "bbox", "score"])
def test_what_is_missing_is_named(dataset, tmp_path, key):
    path = tmp_path / "output.json"
    path.write_text(json.dumps([{name: value for name, value in GOOD.items() if name != key}]))
    with pytest.raises(iqf.OutputError, match=r"entry 0: .*(names no|is None)"):
        score(dataset, path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not readable as JSON"),
        (b'[{"image_id": 1', "not readable as JSON"),
        (b"\xff\xfe[]", "not readable as JSON"),
        (b'{"predictions": []}', "holds no list"),
        (b"null", "holds no list"),
        (b"[1]", "entry 0: is 1; write an object"),
        (b"[" * 100_000, "not readable as JSON"),
    ],
)
def test_files_that_are_no_list_of_detections(dataset, tmp_path, content, said):
    path = tmp_path / "output.json"
    path.write_bytes(content)
    with pytest.raises(iqf.OutputError, match=said):
        score(dataset, path)


def test_a_file_that_is_not_there(dataset, tmp_path):
    with pytest.raises(iqf.OutputError, match=r"nothing\.json: not readable"):
        score(dataset, tmp_path / "nothing.json")


def test_a_file_of_two_gigabytes_is_not_read(dataset, tmp_path):
    path = tmp_path / "output.json"
    with path.open("wb") as file:
        file.truncate(2 << 30)  # takes no disk
    with pytest.raises(iqf.OutputError, match=r"2\.0 GB; 1 GB is read at most: drop detections of low score"):
        score(dataset, path)


def test_whole_numbers_may_be_floats(dataset, tmp_path):
    path = tmp_path / "output.json"
    path.write_text(json.dumps([{**GOOD, "image_id": 1.0, "category_id": 1.0, "score": 1}]))
    assert score(dataset, path)["ap"] == pytest.approx(1)


numbers = st.one_of(
    st.integers(-3, 12),
    st.floats(allow_nan=True, allow_infinity=True),
    st.booleans(),
    st.none(),
    st.text(max_size=3),
)
entries = st.fixed_dictionaries(
    {},
    optional={
        "image_id": st.one_of(st.just(1), st.just("a.png"), numbers),
        "category_id": st.one_of(st.sampled_from([1, 2, "car"]), numbers),
        "bbox": st.one_of(
            st.lists(st.floats(0, 9), min_size=4, max_size=4), st.lists(numbers, max_size=5), numbers
        ),
        "score": st.one_of(st.floats(0, 1), numbers),
    },
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.one_of(st.lists(st.one_of(st.just(GOOD), entries, numbers), max_size=6), entries, numbers))
def test_whatever_is_written_is_an_error_or_an_answer(dataset, tmp_path, value):
    """An answer only where an independent check finds every entry sound; else the first is named."""
    path = Path(tmp_path / "output.json")
    path.write_text(json.dumps(value))
    unsound = (
        None if not isinstance(value, list) else next((i for i, e in enumerate(value) if not sound(e)), None)
    )
    if isinstance(value, list) and unsound is None:
        assert 0 <= score(dataset, path)["ap"] <= 1
        return
    with pytest.raises(iqf.OutputError) as caught:
        score(dataset, path)
    assert "holds no list" in str(caught.value) or f"entry {unsound}: " in str(caught.value)


def sound(entry):
    if not isinstance(entry, dict):
        return False
    box, worth = entry.get("bbox"), entry.get("score")
    plain = [type(one) in (int, float) for one in (box if isinstance(box, list) else [None])]
    return (
        named(entry.get("image_id"), {1, "a.png", "a"})
        and named(entry.get("category_id"), {1, 2, "car", "truck"})
        and len(plain) == 4
        and all(plain)
        and all(abs(one) <= predictions.FARTHEST for one in box)
        and min(box[2:]) >= 0
        and type(worth) in (int, float)
        and 0 <= worth <= 1
    )


def named(value, known):
    return type(value) in (int, float, str) and value in known
