"""``iqf modify`` and ``iqf measure``."""

from __future__ import annotations

import csv
import json
import re
from typing import Any

from tests.study.lab import Lab


def strictly(text: str) -> Any:
    """JSON as its standard has it: NaN and Infinity are none."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_a_variant_is_made_once_and_described(lab: Lab) -> None:
    done = lab.iqf("modify", "data", "--modifier", "jpeg(quality=50)")
    folder = lab.folder / "data#jpeg-quality50"
    assert done.out.startswith(f"{folder}\n4 images\nbits_per_pixel: ")
    assert len(list((folder / "images").iterdir())) == 4
    made = folder.stat().st_mtime_ns
    described = strictly(lab.iqf("modify", "data", "-m", "jpeg(quality=50)", "--json").out)
    assert (described["folder"], described["images"]) == (str(folder), 4)
    assert described["modifier"] == {"jpeg": {"quality": 50}}
    assert described["rates"]["bits_per_pixel"] > 1
    assert described["rates"]["fixed_bits_per_pixel"] is None
    assert folder.stat().st_mtime_ns == made


def test_options_of_a_variant(lab: Lab) -> None:
    arguments = ["--variants-root", "made", "--storage", "codestream", "--workers", "1", "--seed", "3"]
    lab.iqf("modify", "data", "-m", "png | jpeg(quality=50)", *arguments)
    (folder,) = (lab.folder / "made").glob("data#*")
    assert {file.suffix for file in (folder / "images").iterdir()} == {".jpg"}


def test_what_cannot_be_modified_is_wrong_input_with_its_reason(lab: Lab) -> None:
    lab.images("deep", sixteen=True)
    done = lab.iqf("modify", "deep", "-m", "jpeg(quality=50)", code=2)
    assert ".png: " in done.err
    assert "bit_depth(bits=8" in done.err  # the remedy
    assert "none: no such folder" in lab.iqf("modify", "none", "-m", "jpeg", code=2).err
    assert "Did you mean 'quality'" in lab.iqf("modify", "data", "-m", "jpeg(qualty=5)", code=2).err
    assert "--seed" in lab.iqf("modify", "data", "-m", "jpeg", "--seed", "-1", code=2).err


def test_measurements_as_table_json_and_a_row_per_image(lab: Lab) -> None:
    done = lab.iqf("measure", "data", "--metric", "basic", "--csv", "rows.csv")
    assert "basic.mean" in done.out
    assert "A row per image: rows.csv" in done.out
    rows = list(csv.DictReader((lab.folder / "rows.csv").read_text().splitlines()))
    assert [row["image"] for row in rows] == ["scene0_0.png", "scene0_1.png", "scene1_2.png", "scene1_3.png"]
    outputs = {
        row["output"]: row for row in strictly(lab.iqf("measure", "data", "-m", "basic", "--json").out)
    }
    mean = sum(float(row["basic.mean"]) for row in rows) / 4
    assert abs(outputs["basic.mean"]["mean"] - mean) < 1e-9
    assert (outputs["basic.mean"]["count"], outputs["basic.mean"]["failed"]) == (4, 0)


def test_a_picture_that_cannot_be_read_is_a_missing_value_with_its_reason(lab: Lab) -> None:
    (lab.folder / "data" / "images" / "scene0_0.png").write_bytes(b"no picture")
    done = lab.iqf("measure", "data", "-m", "basic", "--csv", "rows.csv")
    assert re.search(r"^Not measured: \d+ values of basic, on 1 of 4 images: .*scene0_0.png", done.err)
    rows = list(csv.DictReader((lab.folder / "rows.csv").read_text().splitlines()))
    assert [bool(row["basic.mean"]) for row in rows] == [False, True, True, True]
    assert strictly(lab.iqf("measure", "data", "-m", "basic", "--json").out)


def test_a_single_picture_has_no_std_and_json_says_null(lab: Lab) -> None:
    lab.images("one", 1)
    outputs = strictly(lab.iqf("measure", "one", "-m", "basic", "--json").out)
    assert all(row["std"] is None for row in outputs)


def test_what_no_image_gave_is_left_out_and_said_once(lab: Lab) -> None:
    import cv2
    import numpy as np

    for file in (lab.folder / "data" / "images").iterdir():
        cv2.imwrite(str(file), np.full((16, 16, 3), 7, np.uint8))
    done = lab.iqf("measure", "data", "-m", "snr", "-m", "basic")
    assert "basic.mean" in done.out
    assert "snr.snr" not in done.out
    (line,) = done.err.splitlines()
    assert re.fullmatch(r"Not measured: \d+ values of snr, on 4 of 4 images: 4 whole blocks.*", line)
    done = lab.iqf("measure", "data", "-m", "snr")
    assert done.out == "No image gave a value.\n"
    assert "snr.snr" in {
        row["output"] for row in strictly(lab.iqf("measure", "data", "-m", "snr", "--json").out)
    }
    lab.images("one", 1)
    assert "std " not in lab.iqf("measure", "one", "-m", "basic").out.splitlines()[1]


def test_a_table_that_cannot_be_written_is_wrong_input(lab: Lab) -> None:
    done = lab.iqf("measure", "data", "-m", "basic", "--csv", "none/rows.csv", code=2)
    assert "none/rows.csv" in done.err


def test_pairs_are_compared_through_the_variants_manifest(lab: Lab) -> None:
    lab.plugin("iqf-pair")
    lab.iqf("modify", "data", "-m", "jpeg(quality=50)", "--storage", "codestream")
    (variant,) = lab.folder.glob("data#*")
    (row,) = strictly(lab.iqf("measure", variant, "-m", "distance", "--reference", "data", "--json").out)
    assert row["mean"] > 1
    (row,) = strictly(lab.iqf("measure", "data", "-m", "distance", "--reference", "data", "--json").out)
    assert row["mean"] == 0
    assert "give reference=" in lab.iqf("measure", "data", "-m", "distance", code=2).err
