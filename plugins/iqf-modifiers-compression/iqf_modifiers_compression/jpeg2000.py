"""JPEG 2000, through glymur (OpenJPEG) or GDAL."""

from __future__ import annotations

import functools
import math
import time
from typing import ClassVar, Literal

import numpy as np
import pydantic

from iqf_core import ImageModifier, Knob, Modified
from iqf_core.errors import UnsupportedImage
from iqf_core.image import Image
from iqf_modifiers_compression import openjpeg
from iqf_modifiers_compression.decoding import Pixels, decode_file, decoder_of

PSNR_TOLERANCE = 0.3  # dB, at which the search for an asked PSNR ends
PSNR_SHORTFALL = 1.0  # dB, beyond which an asked PSNR is out of reach
PSNR_ROUNDS = 5
LEAST_TILE = 32  # GDAL refuses smaller ones, and cuts larger ones to the image


class Jpeg2000(ImageModifier):
    """JPEG 2000 Part 1 round trip, one quality layer, in a ``.jp2`` file (ISO/IEC 15444-1).

    Give exactly one of ``ratio``, ``psnr`` and ``lossless``. Decoded by the reader that IQF reads ``.jp2``
    files with (GDAL), so the pixels are the same whether these or the codestream are stored.

    Parameters
    ----------
    ratio : float or None, 1 to 10000
        Raw bits, at the depth of ``white``, over coded bits; where the image needs fewer bits than that
        with every bit plane kept, it takes fewer.
    psnr : float or None, in dB
        Peak signal-to-noise ratio against ``white``, over all bands. OpenJPEG's own estimate is up to
        3 dB off, so the setting is corrected by what was measured until it is within 0.3 dB: up to five
        times slower than ``ratio``.
    lossless : bool
        Every pixel as it was.
    levels : int, 0 to 32
        Wavelet decompositions; fewer where the image or its tiles are too small for as many: the shorter
        side is halved each time (GDAL stops one short of that).
    tile_size : int or None, in pixels
        Side of the square tiles, coded each by itself; None is one tile.
    reversible : bool or None
        The 5/3 integer wavelet (and reversible colour transform) instead of the 9/7; None is reversible
        for ``lossless`` alone.
    backend : {"glymur", "gdal"}
        ``"glymur"``: the OpenJPEG of the system, else that of Pillow's wheel; uint8 and uint16. ``"gdal"``:
        the OpenJPEG of rasterio's GDAL; int16 as well, but no ``psnr``.

    Notes
    -----
    Samples are coded at the depth of ``white`` where none exceeds it (uint16 at 9 bits at least, or it
    would come back as uint8): twelve bits in uint16 are coded as twelve, and come back as twelve. The
    colour transform is used with three bands alone. float32 is refused.

    OpenJPEG's finest step for the 9/7 wavelet is about one level, so that its PSNR ends near 50 dB at 8
    bits and 30 dB at 4; use ``reversible=True`` beyond, and for few bits. Its steps are coarse on simple
    images: the PSNR is then the next one above, where none is within 1 dB.

    References
    ----------
    .. [1] ISO/IEC 15444-1:2019 | ITU-T T.800, JPEG 2000 image coding system: Core coding system.
    .. [2] D. S. Taubman, M. W. Marcellin (2002), JPEG2000: Image Compression Fundamentals, Standards and
       Practice, doi:10.1007/978-1-4615-0799-4

    Examples
    --------
    >>> import numpy as np
    >>> from iqf_core import Image
    >>> ramp = Image.from_array(np.arange(4096, dtype=np.uint16).reshape(64, 64), white=4095)
    >>> bool((Jpeg2000(lossless=True).modify(ramp).decoded().pixels == ramp.pixels).all())
    True
    """

    name: ClassVar[str] = "jpeg2000"
    knob: ClassVar[Knob | None] = Knob("ratio", mild=1, harsh=1000)

    ratio: float | None = pydantic.Field(None, ge=1, le=10_000, description="raw bits over coded bits")
    psnr: float | None = pydantic.Field(None, gt=0, le=150, description="dB, against white")
    lossless: bool = pydantic.Field(False, description="every pixel as it was")
    levels: int = pydantic.Field(5, ge=0, le=32, description="wavelet decompositions, at most")
    tile_size: int | None = pydantic.Field(
        None, ge=LEAST_TILE, le=65536, description="pixels a side; one tile unless given"
    )
    reversible: bool | None = pydantic.Field(None, description="5/3 wavelet; for lossless alone unless given")
    backend: Literal["glymur", "gdal"] = pydantic.Field("glymur", description="who encodes")

    @pydantic.model_validator(mode="after")
    def _one_aim(self) -> Jpeg2000:
        if (self.ratio is not None) + (self.psnr is not None) + self.lossless != 1:
            raise ValueError("give exactly one of ratio=, psnr= and lossless=True")
        if self.lossless and self.reversible is False:
            raise ValueError("lossless needs the reversible wavelet: leave reversible out")
        if self.psnr is not None and self.backend == "gdal":
            raise ValueError("GDAL's encoder takes no psnr: use backend='glymur', or give a ratio")
        return self

    @property
    def knob_value(self) -> float | None:
        """Value of ``ratio``; None where something else is asked for."""
        return self.ratio

    def apply(self, image: Image, *, rng: np.random.Generator) -> Modified:
        """Encode at once, decode when asked (for ``psnr``, which has to be measured, at once)."""
        self._require(image)
        started = time.perf_counter()
        codestream = self._encoded(image) if self.psnr is None else self._encoded_at_psnr(image)
        measured = {"encode_s": time.perf_counter() - started}
        decode = decoder_of(image, [codestream], functools.partial(decode_file, suffix=".jp2"))

        def decoded() -> Image:
            after = decode()
            measured["psnr_db"] = _psnr(image, after.pixels)
            return after

        return Modified(decoded, codestreams=[codestream], suffix=".jp2", measured=measured)

    def neutral(self) -> Jpeg2000:
        """Return the lossless setting."""
        return self.replaced(lossless=True, ratio=None, psnr=None, reversible=None)

    def versions(self) -> dict[str, str]:
        """Return the versions of the encoder and of the decoder."""
        import rasterio

        decoder = {"gdal": rasterio.__gdal_version__}
        if self.backend == "gdal":
            return decoder
        glymur = openjpeg.load()
        return {**decoder, "glymur": glymur.__version__, "openjpeg": glymur.version.openjpeg_version}

    def _require(self, image: Image) -> None:
        if image.dtype.kind == "f":
            raise UnsupportedImage(
                "JPEG 2000 Part 1 codes integers, these samples are float32: scale them to uint16 first,"
                " or use tiff, which is lossless"
            )
        if image.dtype.kind == "i" and self.backend == "glymur":
            raise UnsupportedImage(
                f"glymur codes uint8 and uint16, these samples are {image.dtype}: use jpeg2000 with"
                " backend='gdal'"
            )

    def _encoded(self, image: Image, *, psnr: float | None = None) -> bytes:
        """Encode; ``ratio`` is of raw bits at the depth of white, and so is what is given to the encoder."""
        precision = _precision(image)
        ratio = None if self.ratio is None else self.ratio * precision / image.bits_per_sample
        if psnr is not None:
            psnr = max(psnr + 20 * math.log10((2**precision - 1) / _peak(image)), 1)
        if self.backend == "gdal":
            return self._encoded_by_gdal(image, precision, ratio)
        return openjpeg.encode(
            image.pixels,
            precision=precision,
            levels=self._levels(image),
            tile_size=self.tile_size,
            reversible=self._reversible(),
            alpha=image.geo is not None and image.geo.colorinterp[-1:] == ("alpha",),
            ratio=ratio,
            psnr=psnr,
        )

    def _encoded_by_gdal(self, image: Image, precision: int, ratio: float | None) -> bytes:
        from iqf_modifiers_compression.gdal import encode

        tile_size = self.tile_size or max(image.height, image.width, LEAST_TILE)
        options = {
            "QUALITY": repr(100 / (ratio or 1)),
            "REVERSIBLE": "YES" if self._reversible() else "NO",
            "RESOLUTIONS": str(self._levels(image) + 1),
            "BLOCKXSIZE": str(tile_size),
            "BLOCKYSIZE": str(tile_size),
            "YCC": "YES" if image.bands == 3 else "NO",
        }
        if image.dtype.kind == "u":
            options["NBITS"] = str(precision)
        return encode(image, "JP2OpenJPEG", options, suffix=".jp2", tags={})

    def _encoded_at_psnr(self, image: Image) -> bytes:
        """Encode with the setting corrected by what was measured, until it is near enough."""
        asked = ask = self.psnr or 0.0
        tried: list[tuple[float, bytes]] = []

        def attempt(setting: float | None) -> float:
            codestream = self._encoded(image, psnr=setting)
            tried.append((_psnr(image, decode_file(codestream, suffix=".jp2")), codestream))
            return tried[-1][0] - asked

        previous = None
        for _ in range(PSNR_ROUNDS):
            error = attempt(ask)
            if abs(error) <= PSNR_TOLERANCE or math.isinf(error):
                break
            ask -= error if error != previous else 2 * error  # the encoder goes in steps, here large ones
            previous = error
        if min(abs(found - asked) for found, _ in tried) > PSNR_SHORTFALL and attempt(None) < -PSNR_SHORTFALL:
            raise UnsupportedImage(
                f"a PSNR of {asked:g} dB is out of reach, {tried[-1][0]:.1f} dB is the most: use"
                " reversible=True, or lossless=True"
            )
        return min(tried, key=lambda one: (one[0] < asked - PSNR_SHORTFALL, abs(one[0] - asked)))[1]

    def _levels(self, image: Image) -> int:
        most = openjpeg.most_levels(image.height, image.width, self.tile_size)
        return min(self.levels, max(most - 1, 0) if self.backend == "gdal" else most)  # GDAL accepts one less

    def _reversible(self) -> bool:
        return self.lossless if self.reversible is None else self.reversible


def _precision(image: Image) -> int:
    """Bits at which samples are coded: of white, unless a sample exceeds them or the type would change."""
    bits = image.bits_per_sample
    if image.dtype.kind != "u" or image.pixels.max() >= 2**bits:
        return 8 * image.dtype.itemsize
    return max(bits, 9 if image.dtype == np.uint16 else 2)  # OpenJPEG has no room for noise of one bit


def _peak(image: Image) -> float:
    return image.white or float(2**image.bits_per_sample - 1)


def _psnr(image: Image, after: Pixels) -> float:
    """PSNR in dB against white, over all samples; infinite where nothing changed."""
    difference = np.subtract(image.pixels, after, dtype=np.float32)
    error = float(np.mean(np.square(difference, out=difference), dtype=np.float64))
    return math.inf if error == 0 else 10 * math.log10(_peak(image) ** 2 / error)
