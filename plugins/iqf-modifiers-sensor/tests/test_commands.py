"""``iqf modify`` with every modifier on what satellites deliver: 16 bits, four bands, a place, nodata."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import iqf_core as iqf
from iqf_core.cli import main
from iqf_core.variant import Variant

SETTINGS = [
    "blur(sigma_px=1.0)",
    "blur(kind='disc', radius_px=2.0)",
    "blur(kind='motion', length_px=5.0, angle_deg=30.0)",
    "blur(kind='file', kernel='psf.csv')",
    "blur(target_rer=0.3, measured_rer=0.5)",
    "noise(sigma_dn=10.0)",
    "noise(snr=30.0)",
    "noise(a=9.0, b=0.1)",
    "noise(column_sigma_dn=5.0, column_gain_sigma=0.01)",
    "noise(target_snr=30.0, measured_snr=90.0, per_image=True)",
    "gsd(scale=1.7)",
    "gsd(gsd_m=0.8)",
    "gsd(scale=2.0, restore=True)",
    "sharpen(amount=1.0)",
    "bit_depth(bits=8)",
    "bit_depth(bits=8, dtype='smallest')",
    "band_shift(dx_px=0.5, band=3)",
    "band_shift(dx_px=(0.5, 0.0, -0.5, 0.25))",
    "blur(sigma_px=0.6) | gsd(scale=2.0) | noise(snr=80.0)",
]


@pytest.fixture
def scenes(dataset, picture, place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "psf.csv").write_text("0,1,0\n1,4,2\n0,1,1\n")
    described = replace(place, descriptions=("blue", "green", "red", "nir"))

    def made(nodata, names=("a.tif", "b.tif")):
        image = replace(picture("uint16", 4, white=4095.0, nodata=nodata), geo=described)
        return dataset(dict.fromkeys(names, image))

    return made


def modified(setting, source, capsys):
    assert main(["modify", str(source), "--modifier", setting, "--white", "4095", "--json"]) in (0, None)
    return Variant.open(json.loads(capsys.readouterr().out)["folder"])


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("nodata", [0, 65535])
def test_modify(setting, nodata, scenes, capsys):
    source = scenes(nodata)
    made = modified(setting, source, capsys)
    before, after = iqf.read_image(source / "images" / "a.tif", white=4095), made.read("a.tif")
    assert (after.bands, after.nodata, after.geo.crs) == (4, nodata, before.geo.crs)
    assert after.geo.descriptions == before.geo.descriptions
    assert after.white == (255 if setting.startswith("bit_depth") else 4095)
    holes = after.nodata_mask()
    assert after.pixels[~holes].max() <= after.white
    if after.height == before.height:
        np.testing.assert_array_equal(holes, before.nodata_mask())
        assert after.geo.transform == before.geo.transform
    else:
        assert holes[3:7, 5:10].any()
        corner = after.geo.transform @ (after.width, after.height)
        assert corner == pytest.approx(before.geo.transform @ (before.width, before.height), abs=1e-6)
    drawn = iqf.modifier(setting).draws
    assert (made.read("b.tif").pixels != after.pixels).any() == drawn  # the same picture under two names


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("gsd(gsd_m=0.3)", ("a.tif", "0.5 m x 0.5 m already", "give a larger gsd_m=")),
        ("band_shift(dx_px=1.0, band=4)", ("a.tif", "band=4", "give one from 0 to 3")),
        ("band_shift(dx_px=(1.0, 0.5))", ("a.tif", "give a distance for each of the image's 4 bands")),
        ("bit_depth(white=70000.0)", ("a.tif", "uint16", "70000", "give a smaller one")),
        ("blur(kind='file', kernel='gone.csv')", ("gone.csv", "paths start at the current folder")),
        ("blur(kind='disk', radius_px=2.0)", ("kind='disk'", "'disc'")),
        ("blur(sigma=1.0)", ("'sigma'", "sigma_px")),
        ("noise(target_snr=30.0, metric='snrr')", ("'snrr'", "give measured_snr=")),
    ],
)
def test_modify_says_what_where_and_what_to_do(setting, said, scenes, capsys):
    source = scenes(0, ["a.tif"])
    assert main(["modify", str(source), "--modifier", setting, "--white", "4095"]) == 2
    told = capsys.readouterr().err
    for part in said:
        assert part in told


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("blur(sigma_px=1.5)", "jpeg(quality=60)"),
        ("noise(sigma_dn=8.0)", "jpeg(quality=60)"),
        ("gsd(scale=1.7)", "jpeg(quality=60)"),
        ("gsd(scale=1.7)", "jpeg2000(ratio=8)"),
    ],
)
def test_chain_with_a_codec_is_one_after_the_other(first, second, picture):
    pytest.importorskip("iqf_modifiers_compression")
    image = picture("uint8", 3, size=(64, 90))
    chain = iqf.modifier(f"{first} | {second}")
    both = chain.modify(image, rng=np.random.default_rng(3))
    rng = np.random.default_rng(3).spawn(2)[0]
    once = iqf.modifier(first).modify(image, rng=rng)
    twice = iqf.modifier(second).modify(once.decoded())
    np.testing.assert_array_equal(both.decoded().pixels, twice.decoded().pixels)
    assert both.measured["bytes"] == twice.measured["bytes"] > 0
    assert both.affine == once.affine
