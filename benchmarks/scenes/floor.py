"""How well sharpness can be known at all: the Cramer-Rao bound of edge windows that share one Gaussian."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scenes.psfs import Gaussian


@dataclass(frozen=True)
class Floor:
    """Least standard deviation of any unbiased estimate, as a share of the true value."""

    rer: float
    fwhm: float


def pooled_floor(edges: float, psf: Gaussian, theta: float, snr: float, rows: int, width: int) -> Floor:
    """Bound for ``edges`` windows of rows x width pixels that share the Gaussian's sigma.

    Level, contrast, position and angle of every edge are nuisances: its information on sigma is what is
    left after they are projected out (Schur's complement), and the windows' information adds up.

    Parameters
    ----------
    edges : float
        Number of windows.
    psf : Gaussian
        True point spread.
    theta : float
        Direction of the normal in radians: the window lies along the nearer axis.
    snr : float
        Edge SNR, contrast over the standard deviation of white noise.
    rows, width : int
        Pixels of a window along the edge and across it.
    """
    along, across = np.meshgrid(np.arange(rows) - (rows - 1) / 2, np.arange(width) - (width - 1) / 2)
    steep = abs(np.sin(theta)) > abs(np.cos(theta))
    x, y = (along, across) if steep else (across, along)

    def window(sigma: float, low: float, contrast: float, position: float, turn: float) -> np.ndarray:
        angle = theta + turn
        d = x * np.cos(angle) + y * np.sin(angle) - position
        return (low + contrast * Gaussian(sigma).edge_response(d, angle)).ravel()

    at = np.array([psf.sigma, 0.0, 1.0, 0.13, 0.0])
    slopes = []
    for number in range(len(at)):
        step = np.zeros(len(at))
        step[number] = 0.01
        slopes.append((window(*(at + step)) - window(*(at - step))) / 0.02)
    nuisance = np.stack(slopes[1:], axis=1)
    beyond = slopes[0] - nuisance @ np.linalg.lstsq(nuisance, slopes[0], rcond=None)[0]
    sigma_error = 1 / (snr * np.sqrt(edges * np.sum(beyond**2)))
    above, below, truth = (Gaussian(psf.sigma + step).truth(theta) for step in (0.01, -0.01, 0.0))
    return Floor(
        rer=sigma_error * abs(above.rer - below.rer) / 0.02 / truth.rer,
        fwhm=sigma_error * abs(above.fwhm - below.fwhm) / 0.02 / truth.fwhm,
    )
