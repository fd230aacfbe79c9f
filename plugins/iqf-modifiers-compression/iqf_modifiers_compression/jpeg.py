"""JPEG, through OpenCV."""

from __future__ import annotations

import re
import time
from typing import Any, ClassVar, Literal

import numpy as np
import pydantic

from iqf_core import ImageModifier, Knob, Modified
from iqf_core.errors import UnsupportedImage
from iqf_core.image import Image, decode_jpeg
from iqf_modifiers_compression.decoding import Pixels, bandwise, decoder_of

MAX_SIDE = 65500  # libjpeg's JPEG_MAX_DIMENSION; the standard's own limit is 65535


class Jpeg(ImageModifier):
    """JPEG round trip: baseline or progressive, 8 bits, Huffman coded (ISO/IEC 10918-1).

    Decoded by the reader that IQF reads ``.jpg`` files with (libjpeg-turbo in OpenCV), so the pixels are
    the same whether these or the codestream are stored.

    Parameters
    ----------
    quality : int, 1 to 100
        The IJG scale of the quantisation tables; 50 are those of the standard's Annex K. 100 is not
        lossless.
    subsampling : {"4:2:0", "4:2:2", "4:4:4"}
        Of the two colour differences of a three-band image; grey images have none.
    progressive : bool
        Coarse to fine (spectral selection and successive approximation) instead of baseline: 1 to 5 %
        smaller, the same pixels.
    optimise : bool
        Huffman tables made for each image: some per cent smaller, the same pixels. Progressive
        codestreams always have them.
    bands : {"all", "each"}
        ``"all"``: one codestream, of one grey or three RGB bands (Y'CbCr inside). ``"each"``: one grey
        codestream for each band, for any number of bands.

    Notes
    -----
    Codes 8-bit samples and nothing else: uint16, int16 and float32 are refused. The quantisation tables
    reckon with a full scale of 255: where ``white`` is less (4-bit data in uint8), the same quality loses
    more of what there is, and samples may come back above ``white``.

    References
    ----------
    .. [1] ISO/IEC 10918-1:1994 | ITU-T T.81 (1992), Digital compression and coding of continuous-tone
       still images.
    .. [2] G. K. Wallace (1992), The JPEG still picture compression standard, IEEE Transactions on
       Consumer Electronics 38(1), doi:10.1109/30.125072

    Examples
    --------
    >>> import numpy as np
    >>> from iqf_core import Image
    >>> ramp = Image.from_array(np.tile(np.arange(64, dtype=np.uint8), (64, 1)))
    >>> modified = Jpeg(quality=50).modify(ramp)
    >>> modified.decoded().pixels.shape, len(modified.codestreams)
    ((64, 64, 1), 1)
    """

    name: ClassVar[str] = "jpeg"
    knob: ClassVar[Knob | None] = Knob("quality", mild=100, harsh=1, integer=True)

    quality: int = pydantic.Field(75, ge=1, le=100, description="IJG quality: higher is milder")
    subsampling: Literal["4:4:4", "4:2:2", "4:2:0"] = pydantic.Field(
        "4:2:0", description="of the colour differences"
    )
    progressive: bool = pydantic.Field(False, description="coarse to fine: smaller, the same pixels")
    optimise: bool = pydantic.Field(
        False, description="Huffman tables for each image: smaller, the same pixels"
    )
    bands: Literal["all", "each"] = pydantic.Field("all", description="one codestream, or one for each band")

    def apply(self, image: Image, *, rng: np.random.Generator) -> Modified:
        """Encode at once, decode when asked."""
        self._require(image)
        started = time.perf_counter()
        parts = bandwise(image.pixels) if self.bands == "each" else [image.pixels]
        codestreams = [self._encoded(part) for part in parts]
        return Modified(
            decoder_of(image, codestreams, decode_jpeg),
            codestreams=codestreams,
            suffix=".jpg" if len(codestreams) == 1 else "",
            measured={"encode_s": time.perf_counter() - started},
        )

    def versions(self) -> dict[str, str]:
        """Return the versions of OpenCV and of the libjpeg-turbo in it."""
        import cv2

        found = re.search(r"^\s*JPEG:.*?(\S*jpeg\S*) \(ver ([\d.]+)", cv2.getBuildInformation(), re.MULTILINE)
        library = {} if found is None else {found[1].rsplit("/", 1)[-1].removeprefix("build-"): found[2]}
        return {"opencv": cv2.__version__, **library}

    def _require(self, image: Image) -> None:
        if image.dtype != np.uint8:
            way = "bit_depth(bits=8, dtype='smallest') of iqf-modifiers-sensor"
            remedy = f"convert the images to uint8 first ({way})"
            if image.dtype.kind != "f":
                remedy += ", or use jpeg2000" + ("" if image.dtype == np.uint16 else " (backend='gdal')")
            raise UnsupportedImage(f"JPEG codes 8 bits, these samples are {image.dtype}: {remedy}")
        if self.bands == "all" and image.bands not in (1, 3):
            raise UnsupportedImage(
                f"a JPEG holds 1 or 3 bands, this image has {image.bands}: use jpeg with bands='each'"
                " (one grey codestream for each band), or jpeg2000"
            )
        if max(image.height, image.width) > MAX_SIDE:
            raise UnsupportedImage(
                f"{image.width} x {image.height} pixels: libjpeg codes at most {MAX_SIDE} a side;"
                " cut the image into tiles first, or use jpeg2000"
            )

    def _encoded(self, pixels: Pixels) -> bytes:
        import cv2

        colour = pixels.shape[2] == 3
        bgr = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2BGR) if colour else pixels
        done, encoded = cv2.imencode(".jpg", bgr, self._options())
        if not done:
            raise UnsupportedImage(f"OpenCV cannot write {pixels.shape} {pixels.dtype} as JPEG")
        return bytes(encoded)

    def _options(self) -> list[Any]:
        import cv2

        sampling = getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{self.subsampling.replace(':', '')}")
        return [
            *(cv2.IMWRITE_JPEG_QUALITY, self.quality),
            *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling),
            *(cv2.IMWRITE_JPEG_PROGRESSIVE, int(self.progressive)),
            *(cv2.IMWRITE_JPEG_OPTIMIZE, int(self.optimise)),
        ]
