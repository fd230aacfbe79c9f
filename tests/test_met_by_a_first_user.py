"""What a first user met: wrong numbers that nobody noticed, and what said too little."""

from __future__ import annotations

import json

import numpy as np
import pytest

import iqf_core as iqf
from iqf_core.cli import main
from iqf_core.errors import DatasetError, ParameterError, UnsupportedImage, VariantError
from tests.degradations import Coarse


def test_a_full_scale_beyond_the_type_is_refused(maker):
    with pytest.raises(UnsupportedImage, match=r"white=4095 is more than uint8 can hold \(255\)"):
        iqf.Image.from_array(np.zeros((4, 4), np.uint8), white=4095)
    source = iqf.open_dataset(maker.plain(), white=4095)
    with pytest.raises(UnsupportedImage, match=r"scene\d\.png.*more than uint8"):
        iqf.make_variant(source, Coarse())


def test_numpys_numbers_are_numbers():
    assert iqf.modifier("blur", sigma_px=np.float64(1)) == iqf.modifier("blur(sigma_px=1.0)")
    assert iqf.modifier("jpeg", quality=np.int64(50)) == iqf.modifier("jpeg(quality=50)")
    assert iqf.metric("psnr", resample=np.bool_(True)) == iqf.metric("psnr(resample=True)")


def test_an_array_is_not_an_image():
    with pytest.raises(ParameterError, match=r"modifies an Image, not ndarray: iqf_core\.Image\.from_array"):
        iqf.modifier("identity").modify(np.zeros((4, 4, 1), np.uint8))


def test_variants_do_not_join_the_dataset(maker):
    root = maker.plain()
    made = iqf.make_variant(root / "images", Coarse())
    assert made.root.parent == root
    assert len(iqf.open_dataset(root)) == 4
    with pytest.raises(VariantError, match="lies among the images of the dataset"):
        iqf.make_variant(root, Coarse(), variants_root=root / "images" / "deep")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("scene0.jpg,odd,g0,\n", r"line 6: 'scene0.jpg' is 'odd' here, and was 'even' before"),
        ("scene9.jpg, ,g0,\n", r"line 6: 'scene9.jpg' has no label"),
    ],
)
def test_labels_that_contradict_or_lack_are_refused(maker, more, said):
    root = maker.classes_csv()
    with (root / "labels.csv").open("a") as file:
        file.write(more)
    with pytest.raises(DatasetError, match=said):
        _ = iqf.open_dataset(root).records


def test_spaces_around_labels_are_not_part_of_them(maker):
    root = maker.classes_csv()
    text = (root / "labels.csv").read_text()
    (root / "labels.csv").write_text(text.replace(",odd,", ", odd ,"))
    assert {record.label for record in iqf.open_dataset(root).records} == {"odd", "even"}


def test_what_is_infinite_is_so_in_json_too(maker, capsys):
    root = maker.plain()
    assert main(["measure", str(root), "--reference", str(root), "-m", "psnr", "--json"]) == 0
    (row,) = [row for row in json.loads(capsys.readouterr().out) if row["output"] == "psnr.psnr"]
    assert (row["mean"], row["count"], row["failed"]) == ("inf", 4, 0)
