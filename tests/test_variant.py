from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from iqf_core.build import BUILDING, JOURNAL
from iqf_core.dataset import open_dataset
from iqf_core.errors import ImageReadError, ParameterError, UnsupportedImage, VariantError
from iqf_core.image import Geo, Image, read_image, write_image
from iqf_core.manifest import FILE, Manifest
from iqf_core.measuring import measure
from iqf_core.modifiers import Chain, Identity, Modified
from iqf_core.samples import generator_for
from iqf_core.storing import Journal
from iqf_core.variant import Variant, find_variant, make_variant
from tests.datasets import HEIGHT, WIDTH, coco_of, geo_of, mask_of, pixels_of, square, tree
from tests.degradations import (
    Bare,
    Coarse,
    Crop,
    Eight,
    Flip,
    Grey,
    Jpg,
    Logged,
    Noise,
    Nothing,
    Pair,
    Returns,
    SameName,
    Scale,
    Shift,
    Tiles,
    Turn,
)

ROOT = Path(__file__).parents[1]
BUILD = """
import sys
from iqf_core.dataset import open_dataset
from iqf_core.variant import make_variant
from tests.degradations import Logged
make_variant(open_dataset(sys.argv[1]), Logged(log=sys.argv[2], wait_s=float(sys.argv[3])), workers=2)
"""


def build(root, log, wait_s=0.02):
    """Start a build in a process of its own."""
    command = [sys.executable, "-c", BUILD, str(root), str(log), str(wait_s)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment)


def content(variant):
    """Files of a variant but its manifest, which holds times."""
    return {name: data for name, data in tree(Path(variant.root)).items() if name != FILE}


def pixels(variant):
    return {name: variant.read(name).pixels for name in variant.images}


def truth(variant):
    (source,) = variant.sources
    return json.loads(source.path.read_bytes())


def assert_exact(source, variant):
    for name, before in ((name, source.read(variant.source_of[name])) for name in variant.images):
        after = variant.read(name)
        np.testing.assert_array_equal(after.pixels, before.pixels)
        assert (after.dtype, after.white, after.nodata) == (before.dtype, before.white, before.nodata)
        assert after.geo == before.geo


CONTAINERS = [
    (dtype, bands, suffix)
    for dtype in ("uint8", "uint16", "int16", "float32")
    for bands in (1, 3, 4, 6)
    for suffix in (".tif", ".png")
    if suffix == ".tif" or (dtype.startswith("u") and bands in (1, 3))
]


class TestIdentity:
    @pytest.mark.parametrize("storage", ["source", "codestream"])
    @pytest.mark.parametrize(("dtype", "bands", "suffix"), CONTAINERS)
    def test_every_pixel_of_every_type(self, maker, dtype, bands, suffix, storage):
        nodata = {"uint8": 0, "uint16": 65535, "int16": -32768, "float32": -9999.5}[dtype]
        options = {"nodata": nodata} if suffix == ".tif" else {}
        root = maker.plain(suffix=suffix, dtype=dtype, bands=bands, geo=True, count=2, **options)
        source = open_dataset(root)
        variant = make_variant(source, "identity", storage=storage)
        assert variant.images == source.images
        assert_exact(source, variant)

    @pytest.mark.parametrize("storage", ["source", "codestream"])
    def test_a_jpeg_is_not_compressed_again(self, maker, storage):
        source = open_dataset(maker.coco())
        variant = make_variant(source, Identity(), storage=storage)
        assert variant.images == tuple(f"scene{i}.png" for i in range(4))
        assert_exact(source, variant)

    def test_names_of_all_kinds(self, maker):
        names = ["a b#c.png", "é ü.tif", "sub folder/x.jpg", "UP.TIF", "dots.v1.2.png", "100%.jpeg"]
        maker.images("d s#1/pic tures", names)
        source = open_dataset(maker.base / "d s#1")
        variant = make_variant(source, "identity")
        assert variant.root == maker.base / "d s#1#identity"
        assert set(variant.images) == {
            "100%.png",
            "UP.TIF",
            "a b#c.png",
            "dots.v1.2.png",
            "sub folder/x.png",
            "é ü.tif",
        }
        assert_exact(source, variant)

    def test_tags_and_statistics_stay(self, maker):
        root = maker.plain(suffix=".tif", count=1, bands=1)
        path = root / "images" / "scene0.tif"
        geo = Geo(
            tags={"": {"MISSION": "é"}}, band_tags=({"": {"STATISTICS_MEAN": "5", "WAVELENGTH": "490"}},)
        )
        write_image(path, Image.from_array(pixels_of(0, bands=1), geo=geo))
        variant = make_variant(root, "identity")
        assert variant.read("scene0.tif").geo.band_tags == geo.band_tags
        changed = make_variant(root, Coarse(step=4)).read("scene0.tif").geo
        assert (changed.tags, changed.band_tags) == (geo.tags, ({"": {"WAVELENGTH": "490"}},))

    def test_ground_truth_is_copied_byte_for_byte(self, maker):
        for root in (
            maker.coco(suffix=".png"),
            maker.geojson(),
            maker.masks(),
            maker.classes_csv(suffix=".png"),
        ):
            (root / "other.json").write_bytes(b'{"a" : 1}')
            variant = make_variant(root, Coarse(step=3))
            before, after = tree(root), content(variant)
            assert before.keys() == after.keys()
            assert {n for n in before if before[n] != after[n]} == {
                n for n in before if n.startswith("images/")
            }

    def test_folders_of_classes(self, maker):
        source = open_dataset(maker.classes_folders(suffix=".jpg"))
        variant = make_variant(source, "identity")
        assert {record.image: record.label for record in variant.records}["wood/wood1.png"] == "wood"
        assert_exact(source, variant)
        one_class = source.subset(["wood/wood1.jpg"])
        assert [record.label for record in make_variant(one_class, "identity").records] == ["wood"]

    def test_images_directly_in_the_folder(self, maker):
        root = maker.images("flat", ["a.png", "b.jpg"])
        (root / "labels.csv").write_text("image,label\na.png,x\nb.jpg,y\n")
        variant = make_variant(root, "identity")
        assert (variant.images, [r.label for r in variant.records]) == (("a.png", "b.png"), ["x", "y"])
        again = Variant.open(variant.root)
        assert (again.images, again.records) == (variant.images, variant.records)

    def test_images_and_annotations_apart(self, maker, tmp_path):
        root = maker.coco(suffix=".png")
        odd = shutil.move(root / "annotations.json", tmp_path / "truth.json")
        (root / "images").rename(root / "my_masks")
        source = open_dataset(images=root / "my_masks", annotations=odd)
        variant = make_variant(source, Scale())
        assert variant.images_dir.name == "my_masks"
        assert variant.records[0].boxes[0] == (4, 6, 10, 8)


class TestRenaming:
    """A lossy source becomes lossless pixels under another suffix: the ground truth follows."""

    def test_coco(self, maker):
        variant = make_variant(maker.coco(), Coarse(step=4))
        value, before = truth(variant), coco_of(".jpg", 4)
        assert [image["file_name"] for image in value["images"]] == list(variant.images)
        assert value["annotations"] == before["annotations"]
        assert [len(record.things) for record in variant.records] == [2] * 4

    def test_geojson(self, maker):
        variant = make_variant(maker.geojson(suffix=".jpg", dtype="uint8", geo=False), Coarse(step=4))
        names = [feature["properties"]["image_filename"] for feature in truth(variant)["features"]]
        assert names == list(variant.images) == [f"scene{i}.png" for i in range(4)]

    def test_csv(self, maker):
        variant = make_variant(maker.classes_csv(), Coarse(step=4))
        assert [(r.image, r.label, r.group) for r in variant.records][1] == ("scene1.png", "odd", "g0")

    def test_masks(self, maker):
        root = maker.masks(suffix=".jpg")
        variant = make_variant(root, Coarse(step=4))
        assert [record.mask for record in variant.records] == [f"scene{i}_mask.png" for i in range(4)]
        assert tree(variant.root / "images_mask") == tree(root / "images_mask")

    def test_images_of_one_stem_do_not_meet(self, maker):
        names = ["a.jpg", "a.png", "a.jpg.png", "a.jpeg", "b.jpg", "A.JPG"]
        maker.images("ds/images", names)
        rows = "".join(f"{name},{index}\n" for index, name in enumerate(names))
        (maker.base / "ds" / "labels.csv").write_text("image,label\n" + rows)
        source = open_dataset(maker.base / "ds")
        variant = make_variant(source, "identity")
        assert len(set(variant.images)) == len(names)
        assert_exact(source, variant)
        labels = {variant.source_of[record.image]: record.label for record in variant.records}
        assert labels == {name: str(index) for index, name in enumerate(names)}

    def test_images_of_one_stem_do_not_meet_as_codestreams(self, maker):
        maker.images("ds/images", ["a.tif", "a.png", "a.jpg", "b.png"])
        variant = make_variant(maker.base / "ds", Jpg(), storage="codestream")
        assert variant.images == ("a.jpg", "a.png.jpg", "a.tif.jpg", "b.jpg")

    def test_groups_stay_those_of_the_sources(self, maker):
        source = open_dataset(maker.coco(), group=r"(scene\d)\.jpg$")
        variant = make_variant(source, "identity")
        assert [record.group for record in variant.records] == [f"scene{i}" for i in range(4)]


class TestStorage:
    def test_a_jpeg_modifier_on_a_jpeg_keeps_its_codestream(self, maker):
        source = open_dataset(maker.coco())
        variant = make_variant(source, Jpg(quality=30))
        assert variant.images == source.images
        for name in variant.images:
            expected = Jpg(quality=30).modify(source.read(name))
            assert variant.path(name).read_bytes() == expected.codestreams[0]
            np.testing.assert_array_equal(variant.read(name).pixels, expected.decoded().pixels)
        assert {row.stored for row in variant.manifest.images} == {"codestream"}

    def test_a_jpeg_under_another_name_stays_under_it(self, maker):
        maker.images("ds/images", ["a.jpg", "b.JPEG"])
        images = maker.base / "ds" / "images"
        (images / "a.jpg").rename(images / "a.png")
        variant = make_variant(maker.base / "ds", Jpg())
        assert variant.images == ("a.png", "b.JPEG")
        assert make_variant(maker.base / "ds", "identity").images == ("a.png", "b.png")
        write_image(images / "a.png", Image.from_array(pixels_of(1)))
        (images / "a.png").rename(images / "c.jpg")
        assert make_variant(maker.base / "ds", Jpg()).images == ("b.JPEG", "c.png")

    @pytest.mark.parametrize("suffix", [".png", ".tif"])
    def test_pixels_are_stored_in_the_source_s_container(self, maker, suffix):
        source = open_dataset(maker.plain(suffix=suffix))
        variant = make_variant(source, Jpg(quality=30))
        assert variant.images == source.images
        for name in variant.images:
            expected = Jpg(quality=30).modify(source.read(name)).decoded().pixels
            np.testing.assert_array_equal(variant.read(name).pixels, expected)

    def test_codestreams_keep_the_georeference(self, maker):
        source = open_dataset(maker.plain(suffix=".tif", geo=True))
        variant = make_variant(source, Jpg(quality=30), storage="codestream")
        assert variant.images == tuple(f"scene{i}.jpg" for i in range(4))
        for index, name in enumerate(variant.images):
            before = source.read(variant.source_of[name])
            assert variant.path(name).read_bytes() == Jpg(quality=30).modify(before).codestreams[0]
            assert variant.read(name).geo.transform == geo_of(index).transform
            with rasterio.open(variant.path(name)) as raster:
                assert raster.crs.to_epsg() == 32616
        again = make_variant(source, Jpg(quality=30), storage="source")
        for one, other in zip(pixels(variant).values(), pixels(again).values(), strict=True):
            np.testing.assert_array_equal(one, other)
        assert variant.root != again.root

    def test_with_nodata_pixels_are_stored(self, maker):
        source = open_dataset(maker.plain(suffix=".tif", nodata=0, geo=True))
        variant = make_variant(source, Jpg(quality=10), storage="codestream")
        assert variant.images == source.images
        assert {row.stored for row in variant.manifest.images} == {"pixels"}
        for name in variant.images:
            before, after = source.read(name), variant.read(name)
            assert after.nodata == 0
            np.testing.assert_array_equal(after.nodata_mask(), before.nodata_mask())
            assert before.nodata_mask().any()

    def test_a_codestream_is_described_by_what_was_encoded(self, maker):
        root = maker.plain(suffix=".tif", bands=4, dtype="uint16", count=2)
        names = ("red", "green", "blue", "undefined")
        for index in range(2):
            geo = replace(geo_of(index), descriptions=names, colorinterp=names)
            pixels = pixels_of(index, bands=4, dtype="uint16") // 2
            write_image(root / "images" / f"scene{index}.tif", Image.from_array(pixels, white=4095, geo=geo))
        variant = make_variant(root, Chain(steps=(Grey(), Eight(), Jpg())), storage="codestream")
        for name in variant.images:
            image = variant.read(name)
            assert (image.pixels.shape, image.dtype, image.white) == ((HEIGHT, WIDTH, 1), np.uint8, 255)
            assert image.geo.crs.to_epsg() == 32616
            sidecar = variant.path(name + ".aux.xml").read_text()
            assert "COLORINTERP" not in sidecar
            assert "WHITE" not in sidecar
            assert "green" not in sidecar
        assert make_variant(variant, "identity").read("scene0.tif").bands == 1

    def test_a_type_that_the_container_cannot_hold_becomes_tiff(self, maker):
        class Float(Shift):
            name = "float"
            keeps_dtype = False

            def apply(self, image, *, rng):
                modified = super().apply(image, rng=rng)
                modified.image = image.with_pixels(image.pixels.astype(np.float32))
                return modified

        variant = make_variant(maker.coco(suffix=".png"), Float())
        assert variant.images == tuple(f"scene{i}.tif" for i in range(4))
        assert [image["file_name"] for image in truth(variant)["images"]] == list(variant.images)

    def test_rates(self, maker):
        source = open_dataset(maker.plain())
        variant = make_variant(source, Jpg())
        coded = sum(len(Jpg().modify(source.read(name)).codestreams[0]) for name in source.images)
        assert variant.rates()["bits_per_pixel"] == 8 * coded / (4 * WIDTH * HEIGHT)
        assert variant.params["bits_per_pixel"] == variant.rates()["bits_per_pixel"]
        assert make_variant(source, "identity").rates()["fixed_bits_per_pixel"] == 24
        tiles = make_variant(source, Tiles(size=16))
        assert tiles.rates()["fixed_bits_per_pixel"] == 24

    def test_params(self, maker):
        source = open_dataset(maker.plain())
        source.params["sensor"] = "x"
        params = make_variant(source, Coarse(step=3)).params
        assert next(iter(params)) == "ds_name"
        assert (params["ds_name"], params["sensor"], params["modifier"]) == (
            "plain#coarse-step3",
            "x",
            "coarse-step3",
        )
        assert params["coarse.step"] == 3
        assert source.params == {"ds_name": "plain", "sensor": "x"}


class TestMoving:
    @pytest.mark.parametrize(
        ("modifier", "map_pixels", "box", "size"),
        [
            (Scale(), lambda p: p.repeat(2, 0).repeat(2, 1), (4, 6, 10, 8), (64, 48)),
            (Flip(), lambda p: p[:, ::-1], (25, 3, 5, 4), (32, 24)),
            (Crop(left=1, top=2, size=16), lambda p: p[2:18, 1:17], (1, 1, 5, 4), (16, 16)),
            (Turn(), np.rot90, (3, 25, 4, 5), (24, 32)),
            (
                Chain(steps=(Scale(), Flip())),
                lambda p: p.repeat(2, 0).repeat(2, 1)[:, ::-1],
                (50, 6, 10, 8),
                (64, 48),
            ),
        ],
        ids=["double", "mirror", "crop", "quarter turn", "chain"],
    )
    def test_boxes_masks_and_pixels(self, maker, modifier, map_pixels, box, size):
        root = maker.coco(suffix=".tif")
        shutil.copytree(maker.masks() / "images_mask", root / "images_mask")
        variant = make_variant(root, modifier)
        for index, record in enumerate(variant.records):
            np.testing.assert_array_equal(variant.read(record.image).pixels, map_pixels(pixels_of(index)))
            assert record.boxes[0] == box
            assert (record.width, record.height) == size
            mask = read_image(variant.root / "images_mask" / record.mask).pixels
            np.testing.assert_array_equal(mask, map_pixels(mask_of(index).pixels))

    @pytest.mark.parametrize(
        "modifier", [Scale(), Flip(), Crop(left=3, top=4), Chain(steps=(Crop(left=3), Scale()))], ids=str
    )
    @pytest.mark.parametrize("statistics", [False, True])
    def test_the_georeference(self, maker, modifier, statistics):
        root = maker.geojson()
        if statistics:
            for index in range(4):
                path = root / "images" / f"scene{index}.tif"
                image = read_image(path)
                geo = Geo(image.geo.crs, image.geo.transform, band_tags=({"": {"STATISTICS_MEAN": "1"}},))
                write_image(
                    path,
                    image.with_pixels(image.pixels, geo=None).__class__(image.pixels, image.white, geo=geo),
                )
        variant = make_variant(root, modifier)
        affine = modifier.modify(Image.from_array(pixels_of(0, bands=1))).affine
        for index, name in enumerate(variant.images):
            transform = variant.read(name).geo.transform
            corner = (10, 9)
            assert transform @ (affine @ corner) == pytest.approx(geo_of(index).transform @ corner, abs=1e-9)
        assert truth(variant)["features"] == [square(i, f"scene{i}.tif", world=True) for i in range(4)]

    def test_what_a_modifier_moved_itself_is_not_moved_twice(self, maker):
        class Own(Scale):
            name = "own"

            def apply(self, image, *, rng):
                modified = super().apply(image, rng=rng)
                moved = image.geo.moved(modified.affine)
                modified.image = image.with_pixels(modified.image.pixels, geo=moved)
                return modified

        for modifier in (Own(), Chain(steps=(Own(), Flip())), Chain(steps=(Flip(), Own()))):
            variant = make_variant(maker.geojson(count=1), modifier)
            affine = modifier.modify(open_dataset(maker.base / "geo").read("scene0.tif")).affine
            assert variant.read("scene0.tif").geo.transform == pytest.approx(geo_of(0).transform @ ~affine)

    def test_pixel_polygons(self, maker):
        variant = make_variant(maker.geojson(world=False), Scale())
        assert variant.records[0].polygons[0][0][:2] == ((8, 12), (16, 12))

    def test_what_is_not_said_is_the_input_s(self, maker):
        source = open_dataset(maker.plain(suffix=".tif", dtype="uint16", geo=True, nodata=0, white=4095))
        assert_exact(source, make_variant(source, Bare()))
        lossy = open_dataset(maker.coco())
        assert make_variant(lossy, Bare()).images == tuple(f"scene{i}.png" for i in range(4))


class TestTiles:
    def test_one_becomes_many(self, maker):
        root = maker.coco(suffix=".tif", geo=True)
        shutil.copytree(maker.masks() / "images_mask", root / "images_mask")
        variant = make_variant(root, Tiles(size=16))
        assert len(variant.images) == 4 * 4
        assert variant.images[:4] == tuple(f"scene0_{t}_{x}.tif" for t in (0, 16) for x in (0, 16))
        assert variant.source_of["scene2_16_0.tif"] == "scene2.tif"
        tile = variant.read("scene2_16_0.tif")
        np.testing.assert_array_equal(tile.pixels, pixels_of(2)[16:, :16])
        assert tile.geo.transform == geo_of(2).transform @ Affine.translation(0, 16)
        records = {record.image: record for record in variant.records}
        assert records["scene2_0_0.tif"].boxes == [(2, 3, 5, 4)]
        assert records["scene2_0_16.tif"].boxes == [(4, 14, 6, 8)]
        assert records["scene2_16_16.tif"].boxes == [(4, -2, 6, 8)]
        assert (records["scene2_16_0.tif"].width, records["scene2_16_0.tif"].height) == (16, 8)
        mask = read_image(variant.root / "images_mask" / records["scene2_16_0.tif"].mask)
        np.testing.assert_array_equal(mask.pixels, mask_of(2).pixels[16:, :16])

    def test_tiles_of_one_image_are_one_group(self, maker):
        variant = make_variant(maker.plain(), Tiles(size=16))
        assert [record.group for record in variant.records] == [
            variant.source_of[name] for name in variant.images
        ]
        parts = variant.split({"train": 0.5, "test": 0.5})
        homes = [{variant.source_of[name] for name in part.images} for part in parts.values()]
        assert not homes[0] & homes[1]

    def test_a_name_given_twice_is_refused(self, maker):
        with pytest.raises(VariantError, match=r"same made two images with the name tile\.png"):
            make_variant(maker.plain(), SameName())
        assert not (maker.base / "plain#same").exists()

    def test_nothing_made_is_refused(self, maker):
        with pytest.raises(VariantError, match="nothing made no image of"):
            make_variant(maker.plain(), Nothing())
        assert not (maker.base / "plain#nothing").exists()

    def test_an_interrupted_one_goes_on(self, maker, monkeypatch):
        source = open_dataset(maker.plain())
        whole = content(make_variant(source, Tiles(), variants_root=maker.base / "whole"))
        cut, calls = Tiles.cut, []

        def failing(self, image, stem, suffix):
            calls.append(stem)
            for index, tile in enumerate(cut(self, image, stem, suffix)):
                if len(calls) == 3 and index == 2:
                    raise KeyboardInterrupt
                yield tile

        monkeypatch.setattr(Tiles, "cut", failing)
        with pytest.raises(KeyboardInterrupt):
            make_variant(source, Tiles())
        assert content(make_variant(source, Tiles())) == whole
        assert calls == ["scene0", "scene1", "scene2", "scene2", "scene3"]


class TestNodata:
    @pytest.mark.parametrize(
        ("dtype", "nodata"),
        [
            *(("uint8", 0), ("uint8", 255), ("uint16", 65535)),
            *(("int16", -32768), ("int16", 0), ("int16", 32767)),
            *(("float32", 0.0), ("float32", -9999.9), ("float32", -3.4028234663852886e38)),
            ("float32", float("nan")),
        ],
    )
    @pytest.mark.parametrize("by", [-2, -1, 1, 2])
    def test_nodata_stays_and_no_more_becomes_it(self, dtype, nodata, by):
        near = [nodata + step for step in (-2, -1, 1, 2)] if np.isfinite(nodata) else [1.0, 2.0, 3.0, 4.0]
        if dtype != "float32":
            limits = np.iinfo(dtype)
            near = [min(max(value, limits.min), limits.max) for value in near]
        values = np.array([*near, nodata, nodata, 7, 9], dtype).reshape(2, 4, 1)
        image = Image.from_array(values, nodata=nodata)
        holes = image.nodata_mask()
        after = Shift(by=by).modify(image).decoded()
        np.testing.assert_array_equal(after.nodata_mask(), holes)
        free = values + np.array(by).astype(dtype)
        hit = np.isnan(free) if np.isnan(nodata) else free == np.dtype(dtype).type(nodata)
        np.testing.assert_array_equal(after.pixels[~holes & ~hit], free[~holes & ~hit])
        moved = after.pixels[~holes & hit].astype(float)
        assert np.abs(moved - nodata).max(initial=0) <= max(1, abs(nodata) * 1e-6)

    def test_a_valid_pixel_that_came_out_nan_keeps_its_own_value(self):
        class Spread(Shift):
            name = "spread"

            def apply(self, image, *, rng):
                modified = super().apply(image, rng=rng)
                modified.image.pixels[0] = np.nan
                return modified

        values = np.arange(8, dtype=np.float32).reshape(2, 4, 1)
        values[1, 1] = np.nan
        after = Spread().modify(Image.from_array(values, nodata=float("nan"))).decoded().pixels
        expected = values + 1
        expected[0] = values[0]
        np.testing.assert_array_equal(after, expected)

    def test_a_type_without_room_for_nodata_is_refused(self):
        image = Image.from_array(np.full((2, 2), -9999, np.int16), nodata=-9999)
        with pytest.raises(VariantError, match="uint8 cannot hold the nodata value -9999"):
            Eight().modify(image)
        assert (
            Eight().modify(Image.from_array(np.ones((2, 2), np.int16), nodata=-9999)).decoded().pixels == 0
        ).all()

    def test_behind_a_lossy_codec_on_disk(self, maker):
        source = open_dataset(maker.plain(suffix=".tif", nodata=0))
        variant = make_variant(source, Jpg(quality=5))
        for name in source.images:
            before, after = source.read(name), variant.read(name)
            np.testing.assert_array_equal(after.pixels == 0, before.pixels == 0)
            lossy = Jpg(quality=5).apply(before, rng=None).decoded().pixels
            assert ((lossy == 0) != (before.pixels == 0)).any()  # the codec alone does not keep it


class TestContract:
    @pytest.mark.parametrize(
        ("what", "said"),
        [
            ("dtype", "turned uint8 into float32 without declaring it"),
            ("bands", "turned 3 bands into 1 without declaring it"),
            ("size", "changed the size without giving the map"),
            ("late size", "changed the size without giving the map"),
            ("written", "read-only"),
            ("array", "returned ndarray, not Modified"),
            ("error", "ZeroDivisionError: nothing left"),
        ],
    )
    def test_what_breaks_it_is_said_with_the_image(self, maker, what, said):
        root = maker.plain(count=1)
        before = tree(root)
        with pytest.raises(VariantError) as error:
            make_variant(root, Returns(what=what))
        assert said in str(error.value)
        assert "scene0.png" in str(error.value)
        assert "returns(what=" in str(error.value)
        assert tree(root) == before

    @pytest.mark.parametrize("what", ["input", "view"])
    def test_no_memory_is_shared(self, what):
        image = Image.from_array(pixels_of(1))
        after = Returns(what=what).modify(image).decoded()
        assert not np.may_share_memory(after.pixels, image.pixels)
        after.pixels[:] = 0
        np.testing.assert_array_equal(image.pixels, pixels_of(1))

    def test_the_input_can_be_written_again_afterwards(self):
        image = Image.from_array(pixels_of(1))
        Coarse().modify(image)
        image.pixels[0] = 0

    @pytest.mark.parametrize(("storage", "seed"), [("pixels", 0), ("source", -1)])
    def test_arguments_are_checked_before_work_begins(self, maker, storage, seed):
        with pytest.raises(ParameterError):
            make_variant(maker.plain(), "identity", storage=storage, seed=seed)


class TestReuse:
    def test_a_finished_variant_is_not_touched(self, maker):
        root = maker.coco()
        first = make_variant(root, Noise(), seed=4)
        stamps = {file: file.stat().st_mtime_ns for file in first.root.rglob("*")}
        again = make_variant(root, Noise(), seed=4)
        assert {file: file.stat().st_mtime_ns for file in first.root.rglob("*")} == stamps
        assert (again.root, again.images, again.params.keys()) == (
            first.root,
            first.images,
            first.params.keys(),
        )
        assert (
            find_variant(open_dataset(root), Noise(), variants_root=None, storage="source", seed=4)
            == first.root
        )
        assert find_variant(open_dataset(root), Noise(), variants_root=None, storage="source", seed=5) is None
        assert Variant.open(first.root).source_of == first.source_of

    def test_a_changed_source_lands_beside(self, maker):
        root = maker.plain()
        first = make_variant(root, Coarse(step=3))
        before = tree(first.root)
        write_image(root / "images" / "scene1.png", Image.from_array(pixels_of(9)))
        second = make_variant(root, Coarse(step=3))
        assert first.root.name == "plain#coarse-step3"
        assert second.root.name.startswith("plain#coarse-step3-")
        assert tree(first.root) == before
        assert second.read("scene1.png").pixels[0, 0, 0] == 9
        assert make_variant(root, Coarse(step=3)).root == second.root

    def test_another_version_lands_beside(self, maker, monkeypatch):
        root = maker.plain()
        first = make_variant(root, Coarse(step=3))
        monkeypatch.setattr(Coarse, "versions", lambda self: {"codec": "2"})
        second = make_variant(root, Coarse(step=3))
        assert second.root != first.root
        assert second.manifest.recipe.versions["codec"] == "2"
        assert "iqf-core" in second.manifest.recipe.versions

    def test_seeds_storages_and_close_values_have_folders_of_their_own(self, maker):
        root = maker.plain(count=1)
        made = [
            make_variant(root, Noise(), seed=1),
            make_variant(root, Noise(), seed=2),
            make_variant(root, Jpg()),
            make_variant(root, Jpg(), storage="codestream"),
            make_variant(root, Coarse(gain=0.12345678)),
            make_variant(root, Coarse(gain=0.12345679)),
            make_variant(root, Pair(word="a/b")),
            make_variant(root, Pair(word="ab")),
            make_variant(root, Pair(word="../" * 200)),
        ]
        assert len({variant.root for variant in made}) == len(made)
        assert {variant.root.parent for variant in made} == {maker.base}

    def test_parts_of_one_dataset(self, maker):
        source = open_dataset(maker.coco())
        parts = [make_variant(source.subset([f"scene{i}.jpg"]), "identity") for i in (1, 2)]
        assert [part.images for part in parts] == [("scene1.png",), ("scene2.png",)]
        assert [len(truth(part)["images"]) for part in parts] == [1, 1]

    def test_a_folder_of_somebody_else_is_left_alone(self, maker):
        root = maker.plain()
        theirs = maker.base / "plain#identity"
        theirs.mkdir()
        (theirs / "notes.txt").write_text("mine")
        assert make_variant(root, "identity").root.name.startswith("plain#identity-")
        assert tree(theirs) == {"notes.txt": b"mine"}

    def test_a_damaged_manifest_is_named(self, maker):
        root = maker.plain()
        variant = make_variant(root, "identity")
        whole = (variant.root / FILE).read_bytes()
        for damage in (whole[:100], b"", b"[]", b'{"schema_version": "x"}'):
            (variant.root / FILE).write_bytes(damage)
            with pytest.raises(VariantError, match="damaged manifest; remove"):
                make_variant(root, "identity")
        newer = json.loads(whole) | {"schema_version": 99, "recipe": "of another shape"}
        (variant.root / FILE).write_text(json.dumps(newer))
        with pytest.raises(VariantError, match="written by a newer iqf-core"):
            Variant.open(variant.root)
        with pytest.raises(VariantError, match="not a finished variant"):
            Variant.open(root)

    def test_nothing_of_ours_meets_a_script(self, maker):
        variant = make_variant(maker.coco(), Noise())
        assert [file.name for file in variant.root.glob("*.json")] == ["annotations.json"]
        assert [entry.name for entry in variant.root.iterdir() if entry.is_dir()] == ["images"]
        visible = sorted(entry.name for entry in variant.root.iterdir() if not entry.name.startswith("."))
        assert visible == ["annotations.json", "images"]
        assert sorted(file.name for file in variant.images_dir.iterdir()) == list(variant.images)
        assert open_dataset(variant.root).images == variant.images
        beside = {entry.name for entry in maker.base.iterdir() if not entry.name.startswith(".")}
        assert beside == {"coco", variant.root.name}

    def test_elsewhere(self, maker, tmp_path, monkeypatch):
        root = maker.plain()
        monkeypatch.chdir(tmp_path)
        variant = make_variant("data/plain", "identity", variants_root="other/place")
        assert variant.root.resolve() == tmp_path / "other" / "place" / "plain#identity"
        (tmp_path / "link").symlink_to(root)
        assert make_variant("link", Coarse(step=2)).root == tmp_path / "link#coarse-step2"
        monkeypatch.chdir(root)
        assert make_variant(".", Coarse(step=2)).root == maker.base / "plain#coarse-step2"

    def test_a_source_that_cannot_be_written_beside(self, maker, monkeypatch):
        root = maker.plain()
        mkdir = Path.mkdir

        def refusing(self, *arguments, **options):
            if maker.base in self.parents:
                raise PermissionError(13, "Permission denied", str(self))
            return mkdir(self, *arguments, **options)

        monkeypatch.setattr(Path, "mkdir", refusing)
        with pytest.raises(VariantError, match=r"cannot be written .*; pass variants_root="):
            make_variant(root, "identity")
        assert len(make_variant(root, "identity", variants_root=maker.base.parent / "free")) == 4

    def test_a_variant_of_a_variant(self, maker):
        first = make_variant(maker.coco(), Scale())
        second = make_variant(first, Coarse(step=4))
        assert second.name == "coco#scale#coarse-step4"
        assert second.records[0].boxes == first.records[0].boxes


class TestDeterminism:
    def test_the_same_bytes_on_any_number_of_workers_in_any_order(self, maker, monkeypatch):
        source = open_dataset(maker.plain(count=7))
        chain = Chain(steps=(Noise(), Coarse(step=2), Noise(levels=5)))

        def made(name, **options):
            return content(make_variant(source, chain, seed=3, variants_root=maker.base / name, **options))

        expected = made("one", workers=1)
        assert made("threads", workers=4) == expected
        assert made("processes", workers=2, backend="loky") == expected
        monkeypatch.setattr(
            "iqf_core.parallel.unordered", lambda f, items, **_: map(f, reversed(list(items)))
        )
        assert made("reversed") == expected
        image = source.read("scene3.png")
        alone = chain.modify(image, rng=generator_for(3, "chain", "scene3.png")).decoded()
        variant = Variant.open(next((maker.base / "one").glob("plain*")))
        np.testing.assert_array_equal(variant.read("scene3.png").pixels, alone.pixels)
        assert content(make_variant(source, chain, seed=4)) != expected

    def test_steps_of_one_kind_draw_anew(self):
        image = Image.from_array(np.full((32, 32), 100, np.uint8))
        once = Noise(levels=20).modify(image).decoded().pixels.astype(int) - 100
        twice = (
            Chain(steps=(Noise(levels=20), Noise(levels=20))).modify(image).decoded().pixels.astype(int) - 100
        )
        assert 1.2 < twice.std() / once.std() < 1.6  # 2 were the draws the same, sqrt(2) when they are not


class TestInterruption:
    def test_a_killed_build_goes_on_where_it_stopped(self, maker, tmp_path):
        root = maker.coco(suffix=".png", count=24)
        whole = tmp_path / "whole"
        log, other_log = tmp_path / "log", tmp_path / "other log"
        assert build(root, log).wait() == 0
        finished = next(maker.base.glob("coco#*"))
        expected = {name: data for name, data in tree(finished).items() if name != FILE}
        assert sorted(map(int, log.read_text().split())) == list(range(24))
        shutil.move(finished, whole)
        log.unlink()
        assert not other_log.exists()

        instants, killed = random.Random(5), 0
        for _ in range(5):
            process = build(root, log)
            deadline = time.monotonic() + 60
            target = self.lines(log) + instants.randint(1, 4)
            while process.poll() is None and self.lines(log) < target and time.monotonic() < deadline:
                time.sleep(0.001)
            if process.poll() is None:
                process.kill()
                killed += process.wait() == -signal.SIGKILL
            noted = self.noted(maker.base)
            assert noted <= self.lines(log)
        assert killed >= 3
        noted = self.noted(maker.base)
        before = self.lines(log)
        assert build(root, log).wait() == 0
        assert self.lines(log) - before == 24 - noted  # nothing that was noted was made again
        assert {n: d for n, d in tree(next(maker.base.glob("coco#*"))).items() if n != FILE} == expected
        assert not list(maker.base.glob("*.partial"))

    @staticmethod
    def lines(log):
        return log.read_text().count("\n") if log.exists() else 0

    @staticmethod
    def noted(base):
        journals = list(base.glob(f"*.partial/{JOURNAL}"))
        return journals[0].read_text().count("\n") if journals else 0

    def interrupted(self, source, after=2):
        """A partial folder in which some images are done."""

        class Stop(Exception):
            pass

        def stopping(*arguments, **options):
            for index, row in enumerate(real(*arguments, **options)):
                if index == after:
                    raise Stop
                yield row

        from iqf_core import parallel

        real, _ = parallel.unordered, source.fingerprint
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(parallel, "unordered", stopping)
            with pytest.raises(Stop):
                make_variant(source, Noise(), workers=1)
        (partial,) = source.root.parent.glob("*.partial")
        return partial

    @pytest.mark.parametrize(
        "damage",
        [
            lambda data: data[:-7],
            lambda data: data + b'{"source": "scene',
            lambda data: data + b"\0\0\0\0\n",
            lambda data: data + b"{}\n[]\nnull\n",
            lambda data: b"",
        ],
        ids=["cut", "begun", "zeros", "nonsense", "empty"],
    )
    def test_a_torn_journal(self, maker, damage):
        source = open_dataset(maker.plain(count=5))
        expected = content(make_variant(source, Noise(), variants_root=maker.base / "whole"))
        journal = self.interrupted(source) / JOURNAL
        journal.write_bytes(damage(journal.read_bytes()))
        variant = make_variant(source, Noise())
        assert content(variant) == expected
        assert [row.image for row in variant.manifest.images] == list(source.images)

    def test_names_with_odd_line_ends_are_read_again(self, maker):
        names = ["a\u2028b.png", "c\x85d.png", "e\x1cf.png", "plain.png"]
        maker.images("odd/images", names)
        source = open_dataset(maker.base / "odd")
        self.interrupted(source)
        variant = make_variant(source, Noise())
        assert set(variant.images) == set(names)

    def test_a_torn_journal_is_mended_before_it_goes_on(self, tmp_path):
        journal = Journal(tmp_path / "journal")
        journal.note("a", [])
        with (tmp_path / "journal").open("a") as file:
            file.write('{"source": "b", "ima')
        assert list(journal.read()) == ["a"]
        journal.note("c", [])
        assert list(Journal(tmp_path / "journal").read()) == ["a", "c"]

    def test_a_sound_journal_is_left_as_it_is(self, tmp_path):
        journal = Journal(tmp_path / "journal")
        assert journal.read() == {}
        journal.note("a", [])
        journal.note("b", [])
        os.utime(tmp_path / "journal", (1, 1))
        assert journal.read() == {"a": [], "b": []}
        assert (tmp_path / "journal").stat().st_mtime == 1

    def test_half_written_files_are_swept_up(self, maker):
        source = open_dataset(maker.plain(count=5))
        partial = self.interrupted(source)
        (partial / "images" / ".scene3.png.12345678.tmp").write_bytes(b"half")
        (partial / "images" / "scene4.png").write_bytes(b"half")
        variant = make_variant(source, Noise())
        assert sorted(file.name for file in variant.images_dir.iterdir()) == list(source.images)
        assert variant.read("scene4.png").bands == 3

    def test_one_killed_before_the_renaming_is_only_renamed(self, maker, monkeypatch):
        root = maker.plain()
        variant = make_variant(root, Noise())
        expected = tree(variant.root)
        for marker in (True, False):
            partial = variant.root.with_name(variant.root.name + ".partial")
            variant.root.rename(partial)
            if marker:
                (partial / BUILDING).write_text(variant.manifest.identity)
                (partial / JOURNAL).write_text("")
            with monkeypatch.context() as patch:
                patch.setattr(Noise, "apply", lambda *_, **__: pytest.fail("made again"))
                assert tree(make_variant(root, Noise()).root) == expected

    def test_what_another_recipe_left_is_thrown_away(self, maker):
        root = maker.plain()
        partial = maker.base / "plain#identity.partial"
        (partial / "images").mkdir(parents=True)
        (partial / BUILDING).write_text("another")
        (partial / "images" / "stale.png").write_bytes(b"x")
        assert make_variant(root, "identity").images == open_dataset(root).images

    def test_two_processes_build_it_once(self, maker, tmp_path):
        root, log = maker.plain(count=6), tmp_path / "log"
        processes = [build(root, log, wait_s=0.3) for _ in range(3)]
        assert [process.wait() for process in processes] == [0, 0, 0]
        assert sorted(map(int, log.read_text().split())) == list(range(6))

    def test_threads_of_one_process_build_it_once(self, maker, tmp_path):
        root, log = maker.plain(), tmp_path / "log"
        modifier = Logged(log=str(log), wait_s=0.05)
        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(lambda _: make_variant(root, modifier), range(4)))
        assert len({variant.root for variant in made}) == 1
        assert self.lines(log) == 4

    @pytest.mark.parametrize("workers", [1, 3])
    def test_a_damaged_image_is_named_and_the_others_are_kept(self, maker, tmp_path, workers):
        root, log = maker.plain(count=6), tmp_path / "log"
        damaged = root / "images" / "scene4.png"
        damaged.write_bytes(damaged.read_bytes()[:300])
        with pytest.raises(ImageReadError, match=r"scene4\.png"):
            make_variant(root, Logged(log=str(log)), workers=workers)
        assert not [
            entry
            for entry in maker.base.iterdir()
            if "#" in entry.name and entry.suffix not in (".partial", ".lock")
        ]
        journal = next(maker.base.glob("*.partial")) / JOURNAL
        made = [json.loads(line)["source"] for line in journal.read_text().splitlines()]
        assert len(made) >= (4 if workers == 1 else 3)
        before = self.lines(log)
        with pytest.raises(ImageReadError, match=r"scene4\.png"):
            make_variant(root, Logged(log=str(log)), workers=1)
        assert self.lines(log) - before == len({f"scene{i}.png" for i in range(4)} - set(made))

    def test_an_image_that_cannot_be_represented_is_named(self, maker):
        class Refusing(Coarse):
            name = "refusing"

            def apply(self, image, *, rng):
                raise UnsupportedImage("16 bits: requantise it")

        with pytest.raises(UnsupportedImage, match=r"images/scene0\.png: 16 bits: requantise it"):
            make_variant(maker.plain(count=1), Refusing())

    def test_a_full_disk(self, maker, tmp_path):
        disk = tmp_path / "disk"
        disk.mkdir()
        if (
            shutil.which("mount") is None
            or subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(disk)],
                capture_output=True,
                check=False,
            ).returncode
        ):
            pytest.skip("a small file system cannot be mounted here")
        try:
            root, log = maker.plain(count=12, suffix=".tif", dtype="float32"), tmp_path / "log"
            modifier = Logged(log=str(log))
            whole = content(make_variant(root, Noise(), variants_root=tmp_path / "whole"))
            with pytest.raises(
                VariantError, match=r"No space left on device.*what was finished is kept"
            ) as error:
                make_variant(root, Noise(), variants_root=disk, workers=2)
            assert str(disk) in str(error.value)
            noted = (next(disk.glob("*.partial")) / JOURNAL).read_text().count("\n")
            assert noted > 0
            with pytest.raises(VariantError, match="No space left"):
                make_variant(root, Noise(), variants_root=disk, workers=2)
            assert (next(disk.glob("*.partial")) / JOURNAL).read_text().count("\n") >= noted
            subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
            assert content(make_variant(root, Noise(), variants_root=disk, workers=2)) == whole
            assert modifier.log
        finally:
            subprocess.run(["umount", "-l", str(disk)], check=True)


class TestSharedPictures:
    def test_coco(self, shared, tmp_path):
        source = open_dataset(shared / "coco10")
        variant = make_variant(source, Scale(times=2), variants_root=tmp_path)
        before, after = source.records[3], variant.records[3]
        assert after.image == before.image.replace(".jpg", ".png")
        assert after.boxes == [pytest.approx([2 * value for value in box]) for box in before.boxes]
        assert (after.width, after.height) == (2 * before.width, 2 * before.height)

    def test_geojson(self, shared, tmp_path):
        source = open_dataset(shared / "geo10")
        assert_exact(source, make_variant(source, "identity", variants_root=tmp_path))
        variant = make_variant(source, Crop(left=10, top=20, size=64), variants_root=tmp_path)
        name = source.images[0]
        before, after = source.read(name), variant.read(name)
        assert after.geo.crs == before.geo.crs
        assert after.geo.transform @ (0, 0) == before.geo.transform @ (10, 20)
        assert (
            truth(variant)["features"]
            == json.loads((shared / "geo10" / "annots.geojson").read_bytes())["features"]
        )

    def test_aerial(self, shared, tmp_path):
        source = open_dataset(shared / "aerial1")
        variant = make_variant(source, "identity", variants_root=tmp_path, storage="codestream")
        assert_exact(source, variant)
        assert variant.images == source.images


def test_manifests_hold_what_made_the_variant(maker):
    source = open_dataset(maker.plain(suffix=".tif", dtype="uint16"), white=4095)
    variant = make_variant(source, Chain(steps=(Noise(), Coarse(step=3))), seed=7)
    manifest = Manifest.load(variant.root)
    recipe = manifest.recipe
    assert recipe.modifier == {"chain": {"steps": [{"noise": {}}, {"coarse": {"step": 3}}]}}
    assert (recipe.seed, recipe.white, recipe.storage, manifest.family) == (7, 4095, "source", "noise+coarse")
    assert (manifest.label, manifest.knob) == ("noise+coarse-step3", 3)
    assert recipe.identity == manifest.identity
    assert {"iqf-core", "rasterio", "opencv-python-headless"} <= recipe.versions.keys()
    assert any("Noise" in name for name in recipe.versions)
    row = manifest.images[0]
    assert (row.image, row.width, row.height, row.measured["encode_s"]) == ("scene0.tif", WIDTH, HEIGHT, 0.25)
    assert row.measured["source_bits"] == 12 * WIDTH * HEIGHT * 3
    assert make_variant(source, Coarse(), seed=7).manifest.recipe.seed is None


class Halved(Coarse):
    """Half of the levels, and half of full scale."""

    name = "halved"

    def apply(self, image, *, rng):
        return Modified(replace(image.with_pixels(image.pixels // 2), white=image.white // 2))


@pytest.mark.parametrize("chain", [False, True])
def test_a_full_scale_that_a_modifier_changed_is_that_of_the_variant(maker, chain):
    """Also where the dataset was opened with one: 4095 is what the images had before."""
    source = open_dataset(maker.plain(suffix=".tif", dtype="uint16", white=4095), white=4095)
    variant = make_variant(source, Chain(steps=(Halved(), Identity())) if chain else Halved())
    assert {variant.read(name).white for name in variant.images} == {2047}
    again = Variant.open(variant.root)
    assert {again.read(name).white for name in again.images} == {2047}
    twice = make_variant(again, Halved())
    assert {twice.read(name).white for name in twice.images} == {1023}
    assert {make_variant(source, Coarse()).read(name).white for name in source.images} == {4095}
    shares = [measure(one, "basic").rows["basic.saturated_fraction"] for one in (source, again)]
    assert list(shares[0]) == pytest.approx(list(shares[1]), abs=0.01)
    assert min(shares[0]) > 0.3


class Speckle(Noise):
    """Draws, and does not say so."""

    name = "speckle"
    stochastic = False


def test_a_modifier_that_draws_without_declaring_it_is_refused(maker):
    with pytest.raises(VariantError, match="stochastic: ClassVar"):
        make_variant(maker.plain(suffix=".png", count=1), Speckle())


class TestWhatAUserWouldTrustWrongly:
    @pytest.mark.parametrize("damage", ["missing", "instead of"])
    def test_a_variant_that_was_damaged_is_not_reused(self, maker, damage):
        root = maker.plain()
        made = make_variant(root, Coarse(step=3))
        victim = made.path(made.images[1])
        victim.unlink() if damage == "missing" else victim.write_bytes(b"garbage")
        with pytest.raises(VariantError, match=rf"{victim.name} .*{damage}.*remove the folder"):
            make_variant(root, Coarse(step=3))
        shutil.rmtree(made.root)
        assert len(make_variant(root, Coarse(step=3))) == len(made)

    @pytest.mark.parametrize(("white", "said"), [(None, True), (4095.0, False)])
    def test_a_full_scale_that_is_not_said_is_doubted_once(self, maker, caplog, white, said):
        root = maker.base / "deep"
        pixels = np.random.default_rng(0).integers(0, 4000, (16, 16, 1)).astype(np.uint16)
        write_image(maker_folder(root) / "a.tif", Image.from_array(pixels))
        dataset = open_dataset(root, white=white)
        make_variant(dataset, Identity())
        make_variant(dataset, Coarse(step=3))
        doubts = [r.getMessage() for r in caplog.records if "full scale" in r.getMessage()]
        assert len(doubts) == said
        assert all("perhaps 4095" in doubt for doubt in doubts)


def maker_folder(root):
    (root / "images").mkdir(parents=True)
    return root / "images"
