"""Lossless baselines: what an image costs before anything is lost, on the axis of the lossy codecs."""

from __future__ import annotations

import functools
import re
import time
from typing import ClassVar, Literal

import numpy as np
import pydantic

from iqf_core import ImageModifier, Modified
from iqf_core.errors import UnsupportedImage
from iqf_core.image import Image
from iqf_core.image.headers import png_chunk
from iqf_modifiers_compression.decoding import Pixels, bandwise, decode_file, decoder_of

_AFTER_IHDR = 33  # signature (8), then length, type, 13 bytes and checksum of the first chunk


class Png(ImageModifier):
    """Lossless PNG: every pixel as it was, and its rate (ISO/IEC 15948).

    Parameters
    ----------
    level : int, 0 to 9
        Of deflate: 0 stores, 9 is smallest and slowest.

    Notes
    -----
    Codes uint8 and uint16. One codestream for one band, for three, and for four of which the last is
    known to be alpha; any other number of bands becomes one grey codestream for each. The depth of
    ``white`` is declared (``sBIT``) where it is that of a whole number of bits.

    References
    ----------
    .. [1] ISO/IEC 15948:2004, Portable Network Graphics (PNG): Functional specification.

    Examples
    --------
    >>> import numpy as np
    >>> from iqf_core import Image
    >>> ramp = Image.from_array(np.tile(np.arange(64, dtype=np.uint8), (64, 1)))
    >>> bool((Png().modify(ramp).decoded().pixels == ramp.pixels).all())
    True
    """

    name: ClassVar[str] = "png"

    level: int = pydantic.Field(6, ge=0, le=9, description="of deflate: higher is smaller and slower")

    def apply(self, image: Image, *, rng: np.random.Generator) -> Modified:
        """Encode at once, decode when asked."""
        if image.dtype.kind != "u":
            raise UnsupportedImage(f"PNG codes uint8 and uint16, these samples are {image.dtype}: use tiff")
        started = time.perf_counter()
        roles = image.geo.colorinterp if image.geo else ()
        whole = image.bands in (1, 3) or (image.bands == 4 and roles[-1:] == ("alpha",))
        parts = [image.pixels] if whole else bandwise(image.pixels)
        codestreams = [_with_depth(png_bytes(part, level=self.level), image, part) for part in parts]
        return Modified(
            decoder_of(image, codestreams, functools.partial(decode_file, suffix=".png")),
            codestreams=codestreams,
            suffix=".png" if whole else "",
            measured={"encode_s": time.perf_counter() - started},
        )

    def neutral(self) -> Png:
        """Return itself: nothing is lost."""
        return self

    def versions(self) -> dict[str, str]:
        """Return the versions of OpenCV and of the libpng in it."""
        import cv2

        found = re.search(r"^\s*PNG:.*\(ver ([\d.]+)", cv2.getBuildInformation(), re.MULTILINE)
        return {"opencv": cv2.__version__, **({} if found is None else {"libpng": found[1]})}


class Tiff(ImageModifier):
    """Lossless TIFF: every pixel as it was, and its rate (TIFF 6.0).

    Parameters
    ----------
    compression : {"deflate", "lzw", "zstd"}
        The entropy coder. ``"zstd"`` is GDAL's extension: smaller and faster, not read by all.
    predictor : bool
        Code differences of neighbours (integers: predictor 2; float32: the floating-point predictor 3).
    level : int or None, 1 to 22
        Effort: deflate 1 to 9, zstd 1 to 22; None is 6 and 9. LZW has none.

    Notes
    -----
    Holds uint8, uint16, int16 and float32, and any number of bands, pixel-interleaved in one codestream.

    References
    ----------
    .. [1] Adobe Developers Association (1992), TIFF Revision 6.0, and Technical Note 3 (2005),
       floating-point predictor.

    Examples
    --------
    >>> import numpy as np
    >>> from iqf_core import Image
    >>> ramp = Image.from_array(np.linspace(0, 1, 4096, dtype=np.float32).reshape(64, 64))
    >>> bool((Tiff().modify(ramp).decoded().pixels == ramp.pixels).all())
    True
    """

    name: ClassVar[str] = "tiff"

    compression: Literal["deflate", "lzw", "zstd"] = pydantic.Field("deflate", description="entropy coder")
    predictor: bool = pydantic.Field(True, description="code differences of neighbours")
    level: int | None = pydantic.Field(
        None, ge=1, le=22, description="effort: deflate to 9, zstd to 22; none for lzw"
    )

    @pydantic.model_validator(mode="after")
    def _known_level(self) -> Tiff:
        most = {"deflate": 9, "lzw": 0, "zstd": 22}[self.compression]
        if self.level is not None and self.level > most:
            raise ValueError(
                f"level={self.level}: " + (f"deflate has 1 to {most}" if most else "lzw has none")
            )
        return self

    def apply(self, image: Image, *, rng: np.random.Generator) -> Modified:
        """Encode at once, decode when asked."""
        from iqf_modifiers_compression.gdal import encode

        started = time.perf_counter()
        codestream = encode(image, "GTiff", self._options(image), suffix=".tif", tags=_white_tag(image))
        return Modified(
            decoder_of(image, [codestream], functools.partial(decode_file, suffix=".tif")),
            codestreams=[codestream],
            suffix=".tif",
            measured={"encode_s": time.perf_counter() - started},
        )

    def neutral(self) -> Tiff:
        """Return itself: nothing is lost."""
        return self

    def versions(self) -> dict[str, str]:
        """Return the version of GDAL."""
        import rasterio

        return {"gdal": rasterio.__gdal_version__}

    def _options(self, image: Image) -> dict[str, str]:
        colour = image.bands in (3, 4) and image.dtype.kind == "u"
        options = {
            "BIGTIFF": "IF_SAFER",
            "COMPRESS": self.compression.upper(),
            "INTERLEAVE": "PIXEL",
            "PHOTOMETRIC": "RGB" if colour else "MINISBLACK",
        }
        if self.compression != "lzw":
            key, usual = {"deflate": ("ZLEVEL", 6), "zstd": ("ZSTD_LEVEL", 9)}[self.compression]
            options[key] = str(self.level or usual)
        if self.predictor:
            options["PREDICTOR"] = "3" if image.dtype.kind == "f" else "2"
        return options


def png_bytes(pixels: Pixels, *, level: int = 6) -> bytes:
    """Encode (height, width, 1, 3 or 4) samples of uint8 or uint16 as PNG."""
    import cv2

    swaps: dict[int, int] = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    swap = swaps.get(pixels.shape[2])
    swapped = pixels if swap is None else cv2.cvtColor(np.ascontiguousarray(pixels), swap)
    done, encoded = cv2.imencode(".png", swapped, [cv2.IMWRITE_PNG_COMPRESSION, level])
    if not done:
        raise UnsupportedImage(f"OpenCV cannot write {pixels.shape} {pixels.dtype} as PNG: use tiff")
    return bytes(encoded)


def _with_depth(png: bytes, image: Image, pixels: Pixels) -> bytes:
    """Declare the depth of ``white``, so that what reads the PNG alone knows full scale."""
    bits = image.bits_per_sample
    if image.white != 2**bits - 1 or bits == image.dtype.itemsize * 8 or pixels.max() > image.white:
        return png
    chunk = png_chunk(b"sBIT", bytes((bits,) * pixels.shape[2]))
    return png[:_AFTER_IHDR] + chunk + png[_AFTER_IHDR:]


def _white_tag(image: Image) -> dict[str, str]:
    """Full scale as the core reads it from a TIFF; NBITS would rule out the predictor."""
    usual = float(np.iinfo(image.dtype).max) if image.dtype.kind == "u" else None
    return {} if image.white in (None, usual) else {"WHITE": repr(image.white)}
