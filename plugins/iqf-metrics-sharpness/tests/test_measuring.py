"""Sharpness of pictures of which every pixel, and so every measure, is known."""

from __future__ import annotations

import doctest
import tracemalloc

import cv2
import numpy as np
import pytest
from scipy.ndimage import convolve1d
from scipy.special import ndtr

from iqf_core import IqfError, ParameterError
from iqf_metrics_sharpness import measuring, sharpness
from iqf_metrics_sharpness.result import MEASURED

LEVELS = {"uint8": 1, "uint16": 100}
FACTS = {  # FACTS of Gaussian edges along an axis: RER, FWHM, MTF(0.5), MTF(0.25)
    0.4: (0.682, 1.208, 0.289, 0.739),
    1.0: (0.369, 2.455, 0.0046, 0.262),
    2.0: (0.195, 4.759, 0.0, 0.006),
}
ESTIMATES = ("value", "statistical", "systematic", "mean", "median", "spread")


def rounded(scene, dtype="uint8"):
    return np.clip(np.rint(scene * LEVELS[dtype]), 0, np.iinfo(dtype).max).astype(dtype)


def held(part, truth):
    """The bars of the project: RER 0.7 %, FWHM 1 %, MTF within 0.007."""
    assert part.rer.value == pytest.approx(truth["rer"], rel=0.007)
    assert part.fwhm.value == pytest.approx(truth["fwhm"], rel=0.01)
    for name in ("mtf_nyquist", "mtf_half_nyquist"):
        assert getattr(part, name).value == pytest.approx(truth[name], abs=0.007), name
    assert part.mtf50.value == pytest.approx(truth["mtf50"], rel=0.01)


def numbers(part):
    """All that is said of a direction, as numbers."""
    said = [part.count, part.plateau]
    said += [getattr(getattr(part, name), one) for name in MEASURED for one in ESTIMATES]
    return np.append(said, [] if part.curve is None else part.curve.mtf)


def same(one, other):
    """To the last bit."""
    for name in ("x", "y", "other", "combined"):
        np.testing.assert_array_equal(numbers(getattr(one, name)), numbers(getattr(other, name)))
    for mine, theirs in zip(one.bands, other.bands, strict=True):
        for name in ("row", "column", "angle", "rer", "fwhm", "reaches", "weight", "measured", "noise"):
            np.testing.assert_array_equal(getattr(mine.edges, name), getattr(theirs.edges, name))
    assert one.flags == other.flags


def alike(one, other, rel):
    np.testing.assert_allclose(numbers(one), numbers(other), rtol=rel, atol=rel)


@pytest.fixture(scope="module")
def truth(blur):
    return blur.gaussian(0.8, 5.0)


@pytest.fixture(scope="module")
def half(truth, stripes):
    """The upper half clipped at 255, the lower one not."""
    scene = stripes(truth)
    scene[:80] = stripes(truth, contrast=220)[:80]
    return np.clip(np.rint(scene), 0, 255)


@pytest.fixture(scope="module")
def scene(blur, stripes):
    """Edges of all directions, with noise."""
    quarters = [stripes(blur.gaussian(0.8, d), size=100, snr=50, seed=d) for d in (4, 35, 94, 160)]
    return np.block([quarters[:2], quarters[2:]])


@pytest.fixture(scope="module")
def pair(blur, stripes):
    """A scene, and the same after a kernel along its rows."""
    scene = stripes(blur.gaussian(0.7, 4.0), gap=31.3, size=200)
    kernel = np.array([0.25, 0.5, 0.25])
    return scene, convolve1d(scene, kernel, axis=1, mode="nearest"), kernel


@pytest.fixture(scope="module")
def noisy(blur, stripes):
    return stripes(blur.gaussian(0.9, 7.0), snr=30)


class TestTruth:
    @pytest.mark.parametrize("dtype", ["uint8", "uint16"])
    @pytest.mark.parametrize("sign", [1, -1])
    @pytest.mark.parametrize("sigma", [0.4, 1.0, 2.0])
    @pytest.mark.parametrize(
        ("degrees", "direction"), [(3, "x"), (94, "y"), (-20, "x"), (30, "other"), (135, "other")]
    )
    def test_gaussian_edges(self, blur, stripes, dtype, sign, sigma, degrees, direction):
        truth = blur.gaussian(sigma, degrees)
        low, contrast = (60, 120) if sign > 0 else (180, -120)
        result = sharpness(rounded(stripes(truth, low=low, contrast=contrast), dtype))
        held(getattr(result, direction), truth.truth)
        for name in {"x", "y", "other"} - {direction}:
            part = getattr(result, name)
            assert (part.count, part.reason) == (0, "no edge has this direction")
            assert np.isnan(part.rer.value)
        assert 50 < getattr(result, direction).count == result.combined.count
        assert result.combined.rer == getattr(result, direction).rer
        assert not any(result.flags.values())

    @pytest.mark.parametrize("sigma", FACTS)
    @pytest.mark.parametrize("turned", [False, True])
    def test_facts(self, blur, stripes, sigma, turned):
        scene = rounded(stripes(blur.gaussian(sigma)), "uint16")
        result = sharpness(scene.T if turned else scene)
        part = result.y if turned else result.x
        rer, fwhm, nyquist, half = FACTS[sigma]
        assert part.rer.value == pytest.approx(rer, rel=0.007)
        assert part.fwhm.value == pytest.approx(fwhm, rel=0.01)
        assert part.mtf_nyquist.value == pytest.approx(nyquist, abs=0.007)
        assert part.mtf_half_nyquist.value == pytest.approx(half, abs=0.007)

    def test_the_oblique_entry_of_facts(self, blur, stripes):
        part = sharpness(rounded(stripes(blur.gaussian(0.4, 45.0)), "uint16")).other
        assert part.rer.value == pytest.approx(0.686, rel=0.007)
        assert part.fwhm.value == pytest.approx(1.180, rel=0.01)

    def test_each_band_has_its_own_blur(self, blur, stripes):
        blurs = [blur.gaussian(sigma, 5.0) for sigma in (0.5, 0.8, 1.2, 1.8)]
        pixels = np.stack([rounded(stripes(one)) for one in blurs], axis=2)
        result = sharpness(pixels)
        assert [one.band for one in result.bands] == [0, 1, 2, 3]
        for band, one in zip(result.bands, blurs, strict=True):
            held(band.x, one.truth)
        assert result.x.rer.value == pytest.approx(np.mean([band.x.rer.value for band in result.bands]))
        assert result.x.count == sum(band.x.count for band in result.bands)
        chosen = sharpness(pixels, bands=[3, 1])
        assert [one.band for one in chosen.bands] == [3, 1]
        same(sharpness(pixels[..., 3]), sharpness(pixels, bands=[3]))
        np.testing.assert_array_equal(numbers(chosen.bands[1].x), numbers(result.bands[1].x))

    def test_the_curve_is_the_mtf_and_the_response_the_edge(self, blur, stripes):
        truth = blur.gaussian(0.8, 5.0)
        part = sharpness(rounded(stripes(truth), "uint16")).x
        np.testing.assert_allclose(part.curve.mtf, truth.mtf(part.curve.frequency), atol=0.004)
        np.testing.assert_allclose(part.response.edge, truth.edge(part.response.distance), atol=0.002)
        np.testing.assert_allclose(part.response.line, truth.line(part.response.distance), atol=0.005)
        assert part.plateau == part.response.distance[-1] == 11.5

    def test_combined_is_the_mean_of_the_directions_by_count(self, blur, stripes):
        sharp, soft = blur.gaussian(0.6, 5.0), blur.gaussian(1.2, 95.0)
        scene = np.vstack([stripes(sharp, size=(150, 160)), stripes(soft, size=(80, 160))])
        scene[149:151] = 0  # the seam would be an edge too
        result = sharpness(rounded(scene, "uint16"), nodata=0)
        held(result.x, sharp.truth)
        held(result.y, soft.truth)
        counts = np.array([result.x.count, result.y.count])
        assert result.combined.count == counts.sum()
        both = np.average([sharp.truth["rer"], soft.truth["rer"]], weights=counts)
        assert result.combined.rer.value == pytest.approx(both, rel=0.007)
        halves = np.average([sharp.mtf(0.25), soft.mtf(0.25)], weights=counts)
        assert result.combined.mtf_half_nyquist.value == pytest.approx(halves, abs=0.004)
        assert result.combined.rer.statistical < max(result.x.rer.statistical, result.y.rer.statistical)
        assert result.x.rer.value > result.combined.rer.value > result.y.rer.value
        for part in (result.x, result.y):
            assert part.rer.mean == pytest.approx(part.rer.value, rel=0.01)
        edges = result.bands[0].edges
        assert result.combined.rer.mean == pytest.approx(edges.rer.mean())

    def test_single_edges_scatter_about_the_shared_value(self, blur, stripes):
        part = sharpness(rounded(stripes(blur.gaussian(1.0, 5.0), snr=50), "uint16")).x
        for name in ("rer", "fwhm"):
            one = getattr(part, name)
            assert one.mean == pytest.approx(one.value, rel=0.01)
            assert one.median == pytest.approx(one.value, rel=0.01)
            assert 0.01 * one.value < one.spread < 0.06 * one.value
        assert part.edge_snr.value == pytest.approx(50, rel=0.06)
        assert np.isnan(part.mtf_nyquist.mean)


class TestOtherShapes:
    @pytest.mark.parametrize("degrees", [3.0, 84.0, 35.0])
    def test_sharpened_edges_overshoot(self, blur, stripes, degrees):
        truth = blur.sharpened(0.8, 0.8, 1.5, degrees)
        result = sharpness(rounded(stripes(truth)))
        part = result.combined
        assert part.overshoot.value == pytest.approx(truth.truth["overshoot"], abs=0.008)
        assert part.rer.value == pytest.approx(truth.truth["rer"], rel=0.02)
        assert part.fwhm.value == pytest.approx(truth.truth["fwhm"], rel=0.03)
        assert part.mtf_half_nyquist.value == pytest.approx(truth.truth["mtf_half_nyquist"], abs=0.02)
        assert result.flags["overshoot"] == part.count
        assert part.curve.mtf.max() > 1

    def test_gaussian_edges_do_not(self, blur, stripes):
        result = sharpness(rounded(stripes(blur.gaussian(0.8, 5.0), snr=60)))
        assert result.combined.count > 50
        assert result.flags["overshoot"] == 0
        assert result.combined.overshoot.value < 0.01

    @pytest.mark.parametrize("length", [2.0, 3.0, 4.0])
    def test_motion_along_the_normal(self, stripes, length):
        def edge(distance):  # a box of the motion and that of the pixel: a trapezoid, integrated
            def ramp(d):
                return np.maximum(d, 0) ** 2 / 2

            wide, narrow = (length + 1) / 2, (length - 1) / 2
            rise = ramp(distance + wide) - ramp(distance + narrow)
            return (rise - ramp(distance - narrow) + ramp(distance - wide)) / length

        part = sharpness(rounded(stripes(edge), "uint16")).x
        assert part.fwhm.value == pytest.approx(length, rel=0.03)
        assert part.rer.value == pytest.approx(1 / length, rel=0.02)
        truth = abs(np.sinc(0.25) * np.sinc(0.25 * length))
        assert part.mtf_half_nyquist.value == pytest.approx(truth, abs=0.02)

    @pytest.mark.parametrize("radius", [1.5, 2.5])
    def test_defocus(self, stripes, radius):
        nodes, shares = np.polynomial.legendre.leggauss(200)

        def edge(distance):  # the share of a disc on one side of a line, averaged over the pixel
            d = np.clip(np.asarray(distance)[..., None] + nodes / 2, -radius, radius)
            area = d * np.sqrt(radius**2 - d**2) + radius**2 * np.arcsin(d / radius)
            return (0.5 + area / (np.pi * radius**2)) @ shares / 2

        grid = np.linspace(-4, 4, 8001)
        line = np.gradient(edge(grid), grid)
        part = sharpness(rounded(stripes(edge), "uint16")).x
        assert part.fwhm.value == pytest.approx(np.ptp(grid[line > line.max() / 2]), rel=0.03)
        assert part.rer.value == pytest.approx(edge(np.array(0.5)) - edge(np.array(-0.5)), rel=0.02)


class TestSpoilt:
    @pytest.mark.parametrize(("dtype", "white"), [("uint8", None), ("uint16", 255), ("float32", 255.0)])
    def test_clipped_edges_are_left_out(self, half, truth, dtype, white):
        result = sharpness(half.astype(dtype), white=white)
        held(result.x, truth.truth)
        edges = result.bands[0].edges
        assert result.flags["clipped"] == edges.clipped.sum() > 50
        assert 50 < result.x.count == edges.measured.sum() == len(edges) - result.flags["clipped"]
        assert not (edges.clipped & edges.measured).any()
        assert edges.row[edges.clipped].max() < 84
        assert np.isnan(edges.rer[edges.clipped]).all()

    @pytest.mark.parametrize("bright", [4320, 7200])
    def test_a_full_scale_that_nobody_named_is_seen_by_the_even_bright_side(self, blur, stripes, bright):
        rng = np.random.default_rng(5)
        scene = stripes(blur.gaussian(0.8, 5.0), low=1000, contrast=bright - 1000, size=120)
        noisy = (scene + rng.normal(0, 20, scene.shape)).round()
        result = sharpness(noisy.clip(0, 4095).astype(np.uint16))
        assert result.combined.count == 0
        assert result.flags["clipped"] > 50
        assert sharpness(noisy.astype(np.uint16)).flags["clipped"] == 0
        assert sharpness(scene.round().astype(np.uint16)).flags["clipped"] == 0

    def test_a_full_scale_that_is_named_wrongly_is_believed(self, half, truth):
        result = sharpness(half.astype(np.uint16), white=65535)
        assert result.flags["clipped"] == 0
        assert result.x.rer.value > 1.01 * truth.truth["rer"]

    def test_a_clipped_edge_fells_no_other(self):
        column = np.indices((120, 100))[1]
        noise = np.random.default_rng(0).normal(0, 1.5, column.shape)
        scene = 40 + 60 * ndtr(column - 40.3) + 300 * ndtr((column - 51.2) / 0.7) + noise
        result = sharpness(rounded(scene), white=255)
        assert result.flags["clipped"] > 12
        assert result.x.count > 12
        edges = result.bands[0].edges
        np.testing.assert_allclose(edges.column[edges.measured], 40.3, atol=0.5)

    def test_an_edge_is_either_clipped_or_at_nodata(self, truth, stripes):
        holes = np.zeros((160, 160), bool)
        holes[:80] = True
        result = sharpness(rounded(stripes(truth, contrast=220)), nodata=holes)
        assert min(result.flags["clipped"], result.flags["nodata"]) > 20
        assert result.flags["clipped"] + result.flags["nodata"] == len(result.bands[0].edges)
        assert result.combined.reason.endswith("edges that are clipped or at nodata were left out")

    def test_all_clipped(self, truth, stripes):
        result = sharpness(rounded(stripes(truth, contrast=220)))
        assert result.combined.count == 0
        assert "edges that are clipped were left out" in result.combined.reason
        assert result.x.reason == result.combined.reason

    def test_a_dark_side_of_0_is_data_unless_it_is_said_not_to_be(self, truth, stripes):
        dark = rounded(stripes(truth, low=0, contrast=200))
        result = sharpness(dark)
        held(result.x, truth.truth)
        assert result.flags["dark_at_zero"] == result.x.count > 50
        gone = sharpness(dark, nodata=0)
        assert gone.x.count == 0
        assert gone.flags["nodata"] == result.x.count
        assert "edges that are at nodata were left out" in gone.x.reason
        assert sharpness(dark.astype(np.float32)).flags["dark_at_zero"] == 0
        assert sharpness(dark + np.uint8(1)).flags["dark_at_zero"] == 0
        falling = rounded(stripes(truth, low=200, contrast=-200))
        assert sharpness(falling).flags["dark_at_zero"] == sharpness(falling).x.count > 50

    def test_nan_infinite_and_masked_pixels_are_the_same_nothing(self, truth, stripes):
        scene = stripes(truth).astype(np.float32)
        holes = np.zeros(scene.shape, bool)
        holes[40:60, 40:60] = holes[100, 100] = holes[130:, 150:] = True
        masked = sharpness(scene, nodata=holes)
        held(masked.x, truth.truth)
        assert masked.flags["nodata"] > 2
        assert masked.x.count < sharpness(scene).x.count - 2
        spoilt = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf}
        for value in spoilt.values():
            same(sharpness(np.where(holes, np.float32(value), scene)), masked)
        huge = np.float32(-3.4028235e38)  # what GIS products write
        same(sharpness(np.where(holes, huge, scene), nodata=huge), masked)
        same(sharpness(scene[..., None], nodata=holes[..., None]), masked)
        pixel, _ = masked.bands[0].edges.pixels()
        assert not holes.ravel()[pixel].any()

    def test_masks_and_values_of_each_band(self, truth, stripes):
        scene = rounded(stripes(truth))
        two = np.stack([scene, scene], axis=2)
        holes = np.zeros(two.shape, bool)
        holes[:80, :, 1] = True
        free, lower = sharpness(two, nodata=holes).bands
        assert lower.x.count < 0.6 * free.x.count
        both = sharpness(two, nodata=holes[..., 1]).bands
        assert both[0].x.count == both[1].x.count == lower.x.count
        two[:80, :, 0], two[:80, :, 1] = 7, 9
        by_value = [sharpness(two, nodata=given).flags["nodata"] for given in ([7, 9], [9, 7], 7)]
        assert by_value[0] > by_value[2] > by_value[1] == 0

    def test_blocks_of_jpeg_are_noticed_through_nan_too(self, stripes, blur):
        scene = rounded(stripes(blur.gaussian(0.8, 30.0), snr=15))
        coded = cv2.imdecode(cv2.imencode(".jpg", scene, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], 0)
        plain, blocks = sharpness(scene), sharpness(coded)
        assert plain.flags["jpeg_blocks"] == 0
        assert blocks.flags["jpeg_blocks"] == blocks.combined.count > 10
        holed = coded.astype(np.float32)
        holed[3, 3] = np.nan
        assert sharpness(holed).flags["jpeg_blocks"] > 10
        assert sharpness(holed, min_contrast=200.0).flags["jpeg_blocks"] == 0  # no edges, nothing to flag


class TestNothing:
    @pytest.mark.parametrize("given", [{"nodata": 7}, {"nodata": np.ones((64, 64), bool)}])
    def test_no_data(self, given):
        result = sharpness(np.full((64, 64), 7, np.uint8), **given)
        assert result.combined.reason == result.x.reason == "every pixel is nodata"
        assert np.isnan(result.combined.rer.value)
        assert not any(result.flags.values())
        assert len(result.bands[0].edges) == 0

    def test_nan_everywhere(self):
        assert sharpness(np.full((64, 64), np.nan)).combined.reason == "every pixel is nodata"

    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
    @pytest.mark.parametrize("value", [0, 7, 255])
    def test_one_flat_colour(self, dtype, value):
        result = sharpness(np.full((64, 64), value, dtype))
        assert result.combined.reason == "every pixel has the same value"
        assert np.isnan([getattr(result.combined, name).value for name in MEASURED]).all()
        assert result.combined.curve is result.combined.response is None

    def test_flat_but_for_nodata(self):
        scene = np.full((64, 64), 9, np.uint8)
        scene[:, 32:] = 200
        assert sharpness(scene, nodata=200).combined.reason == "every pixel has the same value"

    def test_a_few_pixels_are_no_flat_colour(self):
        scene = np.full((64, 64), 9, np.uint8)
        scene[30, 30] = 200
        assert "no straight edge" in sharpness(scene).combined.reason

    @pytest.mark.parametrize("shape", [(1, 1), (3, 200), (200, 3), (6, 6), (12, 12), (2, 2, 3)])
    @pytest.mark.parametrize("dtype", ["uint8", "float64"])
    def test_tiny(self, shape, dtype):
        pixels = np.random.default_rng(0).uniform(0, 255, shape).astype(dtype)
        result = sharpness(pixels)
        assert result.combined.count == 0
        assert result.combined.reason
        assert np.isnan(result.combined.rer.value)

    def test_noise(self):
        rng = np.random.default_rng(5)
        result = sharpness(np.clip(np.rint(rng.normal(128, 20, (512, 512))), 0, 255).astype(np.uint8))
        assert "no straight edge between plateaus with edge SNR 10" in result.combined.reason
        assert len(result.bands[0].edges) == 0

    def test_texture(self):
        rng = np.random.default_rng(6)
        frequency = np.hypot(np.fft.fftfreq(512)[:, None], np.fft.rfftfreq(512))
        frequency[0, 0] = np.inf
        texture = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(512, 512))) / frequency, (512, 512))
        scene = np.clip(np.rint(128 + 30 * texture / texture.std()), 0, 255).astype(np.uint8)
        assert sharpness(scene).combined.count == 0

    def test_a_ramp(self):
        assert sharpness(np.tile(np.arange(200, dtype=np.uint8), (200, 1))).combined.count == 0


class TestLaws:
    def test_the_same_bits_twice_and_with_two_workers(self, scene):
        once = sharpness(rounded(scene), tile=64)
        assert min(once.x.count, once.y.count, once.other.count) > 10
        same(once, sharpness(rounded(scene), tile=64))
        same(once, sharpness(rounded(scene), tile=64, workers=2))

    @pytest.mark.parametrize("dtype", ["uint8", "float64"])
    @pytest.mark.parametrize("tile", [33, 128, 300])
    def test_tiles_change_nothing(self, scene, dtype, tile):
        pixels = rounded(scene) if dtype == "uint8" else scene
        same(sharpness(pixels, tile=tile), sharpness(pixels, tile=4096))

    def test_no_pixel_is_used_by_two(self, scene):
        edges = sharpness(rounded(scene)).bands[0].edges
        pixel, owner = edges.pixels()
        assert len(np.unique(pixel)) == len(pixel)
        assert set(owner) == set(np.flatnonzero(edges.measured))
        row, column = np.divmod(pixel, scene.shape[1])
        away = np.hypot(row - edges.row[owner], column - edges.column[owner])
        assert away.max() < 14
        normal = (column - edges.column[owner]) * np.cos(edges.angle[owner])
        normal += (row - edges.row[owner]) * np.sin(edges.angle[owner])
        assert np.abs(normal).max() <= 6.5 + 1e-9

    def test_nor_where_oblique_edges_face_each_other(self):
        row, column = np.indices((200, 200))
        shared = found = 0
        for seed in range(4):
            rng = np.random.default_rng(seed)
            scene = np.full((200, 200), 60.0)
            for _ in range(9):
                y, x, radius = *rng.uniform(20, 180, 2), rng.uniform(12, 40)
                within = np.abs(row - y) + np.abs(column - x) - radius
                scene += np.clip(0.5 - within, 0, 1) * (rng.uniform(100, 220) - scene)
            edges = sharpness(rounded(scene + rng.normal(0, 1, scene.shape))).bands[0].edges
            pixel, _ = edges.pixels()
            shared += len(pixel) - len(np.unique(pixel))
            found += int(edges.measured.sum())
        assert found > 20
        assert shared == 0

    def test_turning_exchanges_x_and_y(self, scene):
        result, turned = sharpness(scene), sharpness(scene.T)
        assert result.x.count != result.y.count
        alike(result.x, turned.y, 1e-4)
        alike(result.y, turned.x, 1e-4)
        alike(result.other, turned.other, 1e-4)
        edges = turned.bands[0].edges
        both = zip(edges.column, edges.row, strict=True)
        mine = zip(result.bands[0].edges.row, result.bands[0].edges.column, strict=True)
        np.testing.assert_allclose(sorted(both), sorted(mine), atol=1e-3)

    @pytest.mark.parametrize("axis", [0, 1])
    def test_flipping_keeps_the_values(self, blur, stripes, axis):
        scene = stripes(blur.sharpened(0.8, 0.4, 1.5, 6.0), snr=100, size=161)  # 23 blocks of 7
        result, flipped = sharpness(scene), sharpness(np.flip(scene, axis))
        assert result.x.count == pytest.approx(flipped.x.count, abs=3)
        for name in ("rer", "fwhm", "mtf_half_nyquist", "overshoot"):
            mine, other = getattr(result.x, name), getattr(flipped.x, name)
            assert mine.value == pytest.approx(other.value, rel=2e-3, abs=2e-3), name

    @pytest.mark.parametrize(("times", "plus"), [(1, 1000), (16, 0), (2.0**-8, 0), (-1, 500)])
    def test_level_and_contrast_do_not_matter(self, scene, times, plus):
        result, other = sharpness(scene), sharpness(scene * times + plus)
        assert len(result.bands[0].edges) == len(other.bands[0].edges)
        for name in ("x", "y", "other"):
            one, two = getattr(result, name), getattr(other, name)
            assert one.rer.value == pytest.approx(two.rer.value, rel=1e-3)
            assert one.fwhm.value == pytest.approx(two.fwhm.value, rel=2e-3)
            assert one.edge_snr.value == pytest.approx(two.edge_snr.value, rel=1e-2)

    def test_more_blur_is_less_sharp(self, blur, stripes):
        values = [
            sharpness(rounded(stripes(blur.gaussian(sigma, 5.0)))).x for sigma in (0.4, 0.7, 1, 1.5, 2.2)
        ]
        for name, falls in (("rer", True), ("fwhm", False), ("mtf50", True), ("mtf_half_nyquist", True)):
            row = [getattr(part, name).value for part in values]
            assert row == sorted(row, reverse=falls), name

    @pytest.mark.parametrize("dtype", ["uint8", "float32"])
    def test_the_picture_is_not_changed_and_any_layout_will_do(self, scene, dtype):
        pixels = np.stack([scene, scene], axis=2).astype(dtype)
        if dtype == "float32":
            pixels[50, 50] = np.nan
        before = pixels.copy()
        pixels.flags.writeable = False
        result = sharpness(pixels, nodata=3)
        np.testing.assert_array_equal(pixels, before)
        same(result, sharpness(np.asfortranarray(pixels), nodata=3))
        same(result, sharpness(pixels.astype(np.dtype(dtype).newbyteorder(">")), nodata=3))
        same(
            sharpness(pixels[..., 0].tolist()), sharpness(pixels[..., 0].astype(type(pixels.flat[0].item())))
        )

    @pytest.mark.parametrize("dtype", ["int16", "int32", "uint32", "int64", "uint64", "float16", "float64"])
    def test_types(self, scene, dtype):
        result = sharpness(rounded(scene).astype(dtype))
        assert result.x.rer.value == pytest.approx(sharpness(rounded(scene)).x.rer.value, rel=0.01)

    def test_memory_is_that_of_chunks_not_of_windows(self, blur, stripes):
        pixels = rounded(stripes(blur.gaussian(0.8, 5.0), size=1024, snr=50))
        sharpness(pixels[:128, :128])
        tracemalloc.start()
        try:
            count = sharpness(pixels).x.count
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert count > 6000
        assert peak < 43e6  # 1.5 times what it was when measured


class TestGivenEdges:
    @pytest.mark.parametrize("dtype", ["float64", "uint16"])
    def test_the_quotient_of_mtfs_is_the_transfer_of_the_kernel(self, pair, dtype):
        before, after = (one if dtype == "float64" else rounded(one, dtype) for one in pair[:2])
        first = sharpness(before, window=17)
        second = sharpness(after, at=first.bands[0].edges)
        assert first.x.count == second.x.count > 50
        seen = (first.x.curve.mtf > 0.2) & (first.x.curve.frequency > 0)
        frequency = first.x.curve.frequency[seen] * np.cos(np.deg2rad(4))
        assert seen.sum() > 15
        ratio = second.x.curve.mtf[seen] / first.x.curve.mtf[seen]
        np.testing.assert_allclose(ratio, 0.5 + 0.5 * np.cos(2 * np.pi * frequency), atol=0.01)

    def test_edges_pixels_and_weights_stay(self, pair):
        table = sharpness(pair[0]).bands[0].edges
        other = sharpness(pair[1], at=table).bands[0].edges
        kept = table[table.measured]
        np.testing.assert_allclose(other.row, kept.row, atol=0.05)
        np.testing.assert_allclose(other.column, kept.column, atol=0.05)
        for name in ("direction", "flat", "reaches", "weight"):
            np.testing.assert_array_equal(getattr(other, name), getattr(kept, name))
        assert other.options == table.options
        assert (other.steps.sigma > kept.steps.sigma).all()

    def test_the_same_picture_again(self, pair):
        once = sharpness(rounded(pair[0], "uint16"))
        again = sharpness(rounded(pair[0], "uint16"), at=once.bands[0].edges)
        for name in ("rer", "fwhm", "mtf_half_nyquist"):
            one, two = getattr(once.x, name).value, getattr(again.x, name).value
            assert one == pytest.approx(two, rel=2e-3), name

    def test_clipped_and_missing_pixels_count_here_too(self, pair):
        table = sharpness(rounded(pair[0])).bands[0].edges
        other = rounded(pair[0])
        other[:50] = np.where(other[:50] > 120, 255, other[:50])
        spoilt = sharpness(other, at=table)
        assert 10 < spoilt.flags["clipped"] < len(table) - 10
        assert spoilt.x.count == len(table) - spoilt.flags["clipped"]
        holes = np.zeros(other.shape, bool)
        holes[:50] = True
        masked = sharpness(other, at=table, nodata=holes)
        assert masked.flags["nodata"] >= spoilt.flags["clipped"]
        assert masked.flags["clipped"] == 0
        none = sharpness(other, at=table, nodata=np.ones(other.shape, bool))
        assert none.x.reason.startswith("none of the given edges can be measured here")

    def test_of_both_kinds_in_their_own_order(self, blur, stripes):
        both = np.hstack([stripes(blur.gaussian(0.8, d), size=(140, 100)) for d in (5.0, 85.0)])
        table = sharpness(both).bands[0].edges
        again = sharpness(both, at=table).bands[0].edges
        assert 5 < table.flat.sum() < len(table) - 5
        assert (again.flat == table.flat).all()
        np.testing.assert_allclose(again.row, table.row, atol=0.02)
        np.testing.assert_allclose(again.column, table.column, atol=0.02)
        np.testing.assert_allclose(again.contrast, table.contrast, rtol=0.01)
        order = np.random.default_rng(0).permutation(len(table))[:20]
        few = sharpness(both, at=table[order]).bands[0].edges
        np.testing.assert_allclose(few.row, table.row[order], atol=0.02)
        np.testing.assert_allclose(few.column, table.column[order], atol=0.02)

    def test_of_another_size(self, pair):
        table = sharpness(pair[0]).bands[0].edges
        with pytest.raises(ParameterError, match=r"at= must be the edges of a band of \(200, 199\) pixels"):
            sharpness(pair[0][:, 1:], at=table)


class TestIntervals:
    def test_they_hold_the_truth_in_most_of_many_pictures(self, blur, stripes):
        truth = blur.gaussian(0.9, 7.0).truth
        held_by = dict.fromkeys(("rer", "fwhm", "mtf_half_nyquist"), 0)
        for seed in range(20):
            scene = stripes(blur.gaussian(0.9, 7.0), snr=25, seed=seed, size=72, phase=0.07 * seed)
            part = sharpness(rounded(scene, "uint16")).x
            assert 8 < part.count < 40
            for name in held_by:
                one = getattr(part, name)
                held_by[name] += one.low <= truth[name] <= one.high
                assert one.statistical > one.systematic > 0
                assert one.high - one.low < 0.4 * one.value
        assert min(held_by.values()) >= 16
        assert sum(held_by.values()) >= 52

    def test_few_edges_are_less_sure(self, blur, stripes):
        scene = rounded(stripes(blur.gaussian(0.9, 7.0), snr=25, size=220), "uint16")
        errors = [sharpness(scene[:size, :size]).x.rer.statistical for size in (72, 220)]
        assert errors[0] > 2 * errors[1]

    def test_the_systematic_part_stays(self, blur, stripes):
        part = sharpness(stripes(blur.gaussian(0.9, 7.0))).x
        assert part.fwhm.systematic == pytest.approx(0.005 * part.fwhm.value)
        assert part.fwhm.statistical < part.fwhm.systematic < part.fwhm.error

    def test_thinned_edges_are_counted_and_stay_in_the_table(self, blur, stripes):
        scene = rounded(stripes(blur.gaussian(0.9, 7.0), snr=50), "uint16")
        every, few = sharpness(scene), sharpness(scene, max_edges=20)
        edges = few.bands[0].edges
        assert every.flags["thinned"] == 0
        assert few.flags["thinned"] == every.x.count - 20
        assert few.x.count == every.x.count == edges.measured.sum()
        pooled = np.isfinite(edges.weight)
        assert pooled.sum() == np.isfinite(edges.reaches).all(axis=1).sum() == 20
        assert np.ptp(edges.row[pooled]) > 100
        assert few.x.rer.statistical > 1.5 * every.x.rer.statistical
        assert few.x.rer.value == pytest.approx(every.x.rer.value, rel=0.02)
        for name in ("rer", "fwhm"):  # of those thinned out, after their fitted width
            one, all_of_them = getattr(edges, name), getattr(every.bands[0].edges, name)
            assert np.corrcoef(one[~pooled], all_of_them[~pooled])[0, 1] > 0.8
            assert np.mean(one[~pooled]) == pytest.approx(np.mean(all_of_them), rel=0.02)


class TestOptionsAreUsed:
    @pytest.mark.parametrize(
        "option",
        [
            {"min_contrast": 130.0}, {"min_r2": 0.999}, {"min_edge_snr": 40.0}, {"max_sigma": 0.8},
            {"edge_length": 31}, {"window": 41},
        ],
    )  # fmt: skip
    def test_stricter_ones_find_fewer(self, noisy, option):
        assert sharpness(noisy, **option).x.count < 0.7 * sharpness(noisy).x.count

    def test_contrast_is_a_share_of_the_span_by_default(self, noisy):
        faint = noisy.copy()
        faint[:, :60] = (faint[:, :60] - 60) * 0.04 + 60  # 4.8 of 120 DN
        assert sharpness(faint).bands[0].edges.column.min() > 50
        assert sharpness(faint, min_contrast=4.0).bands[0].edges.column.min() < 40

    def test_the_span_of_a_picture_that_is_nearly_all_of_one_level(self):
        row, column = np.indices((400, 400))
        scene = np.where((abs(row - 200) < 15) & (abs(column - 200) < 15), 0.01, 0.0)  # half a percent
        assert sharpness(scene + 1).combined.count > 4

    def test_reach(self, noisy):
        assert sharpness(noisy, reach=8.0).x.plateau == 7.5
        assert sharpness(noisy).x.plateau == 11.5

    def test_gsd(self, noisy):
        result = sharpness(noisy, gsd_m=0.5)
        assert result.fwhm_m == pytest.approx(0.5 * result.combined.fwhm.value)


class TestRefused:
    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"windw": 13}, "windw"),
            ({"window": 12}, "window must be odd"),
            ({"window": 99}, "window"),
            ({"edge_length": 4}, "edge_length"),
            ({"min_r2": 1.5}, "min_r2"),
            ({"bands": [1]}, "bands: there is no band 1, there are 0 to 0"),
            ({"bands": [-1]}, "there is no band -1"),
            ({"bands": []}, "bands is empty"),
            ({"gsd_m": 0}, "gsd_m=0: give a number above 0"),
            ({"gsd_m": float("nan")}, "gsd_m=nan: give a number above 0"),
            ({"gsd_m": "x"}, "gsd_m"),
            ({"white": -1}, "white=-1: give a number above 0"),
            ({"white": True}, "white=True"),
            ({"tile": 0}, "tile=0: give a whole number above 31"),
            ({"workers": 0}, "workers=0"),
            ({"at": 3}, "at= must be the edges"),
            ({"bands": 3}, "bands=3: give a sequence"),
            ({"bands": ["0"]}, "no band '0'"),
            ({"nodata": "x"}, "nodata must be one value"),
            (
                {"nodata": [1, 2]},
                r"nodata must be one value, one per band or a mask of bool, got int64 of shape \(2,\)",
            ),
            ({"nodata": np.zeros((3, 3), bool)}, r"nodata is a mask of \(3, 3\), pixels are \(32, 32, 1\)"),
            ({"nodata": np.zeros((32, 32, 2), bool)}, "nodata is a mask"),
            ({"nodata": np.zeros((32, 32))}, "nodata must be"),
        ],
    )
    def test_arguments(self, given, said):
        with pytest.raises(ParameterError, match=said) as caught:
            sharpness(np.zeros((32, 32), np.uint8), **given)
        assert isinstance(caught.value, IqfError)
        assert isinstance(caught.value, ValueError)
        assert str(caught.value).startswith("sharpness: ")

    @pytest.mark.parametrize("dtype", [complex, bool, object, "U3", "M8[s]"])
    def test_types(self, dtype):
        with pytest.raises(ParameterError, match="pixels must be integers or floating point, got"):
            sharpness(np.zeros((32, 32), np.uint8).astype(dtype))

    @pytest.mark.parametrize("shape", [(), (32,), (2, 2, 2, 2), (0, 5), (5, 0), (5, 5, 0)])
    def test_shapes(self, shape):
        with pytest.raises(ParameterError, match=r"must be of shape \(H, W\) or \(H, W, C\), got"):
            sharpness(np.zeros(shape))


def test_the_example_of_the_function():
    found = doctest.DocTestFinder().find(sharpness, "sharpness", globs={"sharpness": measuring.sharpness})
    results = [doctest.DocTestRunner().run(one) for one in found]
    assert sum(one.attempted for one in results) >= 6
    assert sum(one.failed for one in results) == 0


def test_bare_pixels_met_in_one_phase():
    step = np.repeat([[0.0] * 20 + [50] + [100] * 20], 40, axis=0)
    for pixels in (step, step.astype(np.uint8)):
        part = sharpness(pixels).x
        assert 0.8 < part.rer.value < 1.05
        assert 0.9 < part.fwhm.value < 1.1
        assert part.rer.high < 1.2
