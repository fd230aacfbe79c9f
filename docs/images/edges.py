"""Draw edges.png: what `sharpness` finds in the photograph "camera" that scikit-image carries."""

from pathlib import Path

import PIL.Image
import skimage.data

from iqf_core.image import Image
from iqf_metrics_sharpness import overlay, sharpness

target = Path(__file__).with_name("edges.png")
picture = skimage.data.camera()
overlay(Image.from_array(picture), sharpness(picture), target)
with PIL.Image.open(target) as drawn:
    small = drawn.convert("RGB").quantize(96)
small.save(target, optimize=True)
