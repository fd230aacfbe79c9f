"""Quantisation: fewer levels, the high bits kept."""

from __future__ import annotations

import zlib
from typing import ClassVar, Literal

import numpy as np
import pydantic

from iqf_core import ImageModifier, Knob, Modified
from iqf_core.errors import UnsupportedImage
from iqf_core.image import Image
from iqf_modifiers_compression.decoding import Pixels, bandwise
from iqf_modifiers_compression.lossless import Tiff, png_bytes

FLAT_BITS = 4  # up to here deflate of the bare indices is smaller than PNG, whose filters then hinder


class Quantise(ImageModifier):
    r"""Uniform quantisation of 0 to ``white`` to 2^bits levels: the *high* bits are kept.

    A sample x becomes the index i = floor(x 2^bits / (white + 1)) (float32: floor(x 2^bits / white), the
    white itself in the last cell), and the index becomes a sample again. For a full scale of whole bits,
    as 255 or 4095, the index is x shifted right, whatever the type holds: 12 bits in uint16 lose their
    lowest bits first.

    Parameters
    ----------
    bits : int, 1 to 32
        Bits kept of each sample. As many as the sample has, or more, is the identity; only float32 can
        use more than 16.
    reconstruction : {"mid", "low", "span"}
        Value that stands for a cell of the quantiser: ``"mid"`` its centre (the least error), ``"low"``
        its lowest value (the dropped bits are zero), ``"span"`` levels spread evenly from 0 to ``white``,
        both reached (contrast kept, more error).

    Notes
    -----
    Needs ``white``; int16 and float32 have none unless it is given. Samples below 0 or above ``white``
    have no index and are refused; nodata is left alone. Nothing is coded, so there are two honest rates:
    ``fixed_bits_per_pixel`` = bits x bands, and ``bytes``, the indices coded without loss band by band: by
    deflate (level 6) up to 4 bits, as PNG (level 6) above, where its filters help; where there are more than
    16 bits, or nothing is dropped from int16 or float32, the result as deflated TIFF with its predictor.

    References
    ----------
    .. [1] R. M. Gray, D. L. Neuhoff (1998), Quantization, IEEE Transactions on Information Theory 44(6),
       doi:10.1109/18.720541

    Examples
    --------
    >>> import numpy as np
    >>> from iqf_core import Image
    >>> ramp = Image.from_array(np.arange(4096, dtype=np.uint16).reshape(64, 64), white=4095)
    >>> sorted({int(level) for level in Quantise(bits=2).modify(ramp).decoded().pixels.flat})
    [512, 1536, 2560, 3584]
    """

    name: ClassVar[str] = "quantise"
    knob: ClassVar[Knob | None] = Knob("bits", mild=16, harsh=1, integer=True)

    bits: int = pydantic.Field(4, ge=1, le=32, description="bits kept of each sample: higher is milder")
    reconstruction: Literal["mid", "low", "span"] = pydantic.Field(
        "mid", description="centre of the cell, its lowest value, or levels from 0 to white"
    )

    def apply(self, image: Image, *, rng: np.random.Generator) -> Modified:
        """Quantise, and measure both rates."""
        if self._keeps(image):
            fixed = min(self.bits, image.bits_per_sample) * image.bands
            pixels = image.pixels.copy()
            measured = {"fixed_bits_per_pixel": float(fixed), "bytes": _coded_bytes(image, image.pixels)}
            return Modified(image.with_pixels(pixels), measured=measured)
        samples = self._samples(image)
        if image.dtype.kind == "f":
            indices, pixels = self._quantised_float(samples, image.require_white())
        else:
            indices, pixels = self._quantised(samples, int(image.require_white()))
        result = image.with_pixels(pixels.astype(image.dtype))
        measured = {
            "fixed_bits_per_pixel": float(self.bits * image.bands),
            "bytes": _coded_bytes(result, indices, self.bits),
        }
        return Modified(result, measured=measured)

    def neutral(self) -> Quantise:
        """Return the setting that keeps the bits of every type."""
        return self.replaced(bits=32)

    def _keeps(self, image: Image) -> bool:
        """Whether there are at least as many levels as values."""
        if self.bits >= 8 * image.dtype.itemsize:
            return True
        return image.dtype.kind != "f" and 2**self.bits > image.require_white()

    def _samples(self, image: Image) -> Pixels:
        """Return the pixels, 0 in place of nodata, or refuse what has no index."""
        white, holes = image.require_white(), image.nodata_mask()
        samples = image.pixels if holes is None else np.where(holes, image.dtype.type(0), image.pixels)
        low, high = samples.min(), samples.max()
        if not (low >= 0 and high <= white):  # so that NaN is refused too
            raise UnsupportedImage(
                f"samples from {low:g} to {high:g} where full scale is 0 to {white:g}: give the `white=` (and"
                " `nodata`) that they have, or shift or scale them into it first"
            )
        return samples

    def _quantised(self, samples: Pixels, white: int) -> tuple[Pixels, Pixels]:
        """Return indices and values, through a table of all values that a sample can have."""
        values, levels = white + 1, 2**self.bits
        index = np.arange(values, dtype=np.int64) * levels // values
        cell = np.arange(levels, dtype=np.int64)
        low = -(-cell * values // levels)  # rounded up
        high = -(-(cell + 1) * values // levels) - 1
        value = {
            "mid": (low + high + 1) // 2,
            "low": low,
            "span": (2 * cell * white + levels - 1) // (2 * (levels - 1)),  # rounded to the nearest
        }[self.reconstruction]
        narrow = index.astype(np.uint8 if self.bits <= 8 else np.uint16)
        return narrow[samples], value.astype(samples.dtype)[index][samples]

    def _quantised_float(self, samples: Pixels, white: float) -> tuple[Pixels, Pixels]:
        levels = 2**self.bits
        index = np.minimum(np.floor(samples.astype(np.float64) * (levels / white)), levels - 1)
        value = {
            "mid": (index + 0.5) * (white / levels),
            "low": index * (white / levels),
            "span": index * (white / (levels - 1)),
        }[self.reconstruction]
        return index, value


def _coded_bytes(result: Image, indices: Pixels, bits: int = 16) -> float:
    """Size of the indices coded without loss; of the result where they fit no codec."""
    if bits > 16 or (indices is result.pixels and indices.dtype.kind != "u"):
        return Tiff().modify(result).measured["bytes"]
    narrow = indices if indices.dtype.kind == "u" else indices.astype(np.uint8 if bits <= 8 else np.uint16)
    if bits <= FLAT_BITS:
        return float(sum(len(zlib.compress(band.tobytes(), 6)) for band in bandwise(narrow)))
    return float(sum(len(png_bytes(band)) for band in bandwise(narrow)))
