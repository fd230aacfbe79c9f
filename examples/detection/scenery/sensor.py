"""From reflectance to what a sensor delivers: point spread, photon noise, 12 bits; and a picture of it."""

from __future__ import annotations

import cv2
import numpy as np

WHITE = 4095  # full scale of 12 bits
FULL_REFLECTANCE = 0.75  # what reaches it
HAZE = np.array([0.045, 0.030, 0.020, 0.010], np.float32)  # path radiance, as reflectance
BLUR_PX = 0.6  # sigma of the optics' point spread; the pixels' own area is in the painting
READ_NOISE_DN = 5.0
PHOTON_NOISE_DN = 0.12  # variance a DN


def exposed(reflectance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Samples uint16 (height, width, bands) from 0 to `WHITE` of a reflectance."""
    seen = cv2.GaussianBlur(reflectance + HAZE, (0, 0), BLUR_PX)
    signal = seen * (WHITE / FULL_REFLECTANCE)
    noise = rng.standard_normal(signal.shape, dtype=np.float32)
    noisy = signal + noise * np.sqrt(READ_NOISE_DN**2 + PHOTON_NOISE_DN * signal)
    return np.clip(np.rint(noisy), 0, WHITE).astype(np.uint16)


def displayed(samples: np.ndarray) -> np.ndarray:
    """RGB uint8 (height, width, 3) of B, G, R, NIR samples: two thirds of full scale, gamma 1.8."""
    visible = samples[..., 2::-1] / (0.67 * WHITE)
    return np.rint(255 * np.clip(visible, 0, 1) ** (1 / 1.8)).astype(np.uint8)
