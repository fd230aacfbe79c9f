"""Finding the setting at which something measured has the value asked for."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

from iqf_core import VariantError

log = logging.getLogger("iqf")

TOLERANCE = 0.005  # relative: nearer is not looked for
MET = 0.03  # relative: what is farther is said
TRIALS = 20
STEP = 1.6  # from one trial to the next, while all are too mild
LOG_FAR = 300.0  # of how much worse than asked for: beyond it, its square is no number


@dataclass
class _Bracket:
    """Between the harshest setting that is too mild, and the mildest that is too harsh."""

    low: tuple[float, float]  # setting, and its `_surplus`
    high: tuple[float, float] | None = None
    best: tuple[float, float, float] = (math.nan, math.nan, math.inf)  # setting, value, distance
    moved: str = ""  # which end the last trial was

    def add(self, setting: float, value: float, excess: float) -> None:
        """Take a trial in; what cannot be measured is taken as too harsh."""
        if abs(excess) < self.best[2]:
            self.best = (setting, value, abs(excess))
        if excess > 0:
            if self.moved == "low" and self.high is not None:  # Illinois: the end that stays counts half
                self.high = (self.high[0], self.high[1] / 2)
            self.low, self.moved = (setting, _surplus(excess)), "low"
        else:
            if self.moved == "high":
                self.low = (self.low[0], self.low[1] / 2)
            self.high, self.moved = (setting, _surplus(excess)), "high"

    def next(self, top: float) -> float:
        """Setting to try: where a straight line through both ends, in squares, says that it is."""
        if self.high is None:
            return min(top, self.low[0] * STEP)
        (low, below), (high, above) = self.low, self.high
        share = below / (below - above) if math.isfinite(above) else 0.5
        return math.sqrt(low**2 + share * (high**2 - low**2))


def _surplus(excess: float) -> float:
    """Harm (1 / SNR, a width) over that which is asked for, both squared, less 1: negative when too mild.

    Squares are how noises and Gaussian blurs add, so it grows in line with the square of the setting.
    """
    return math.inf if excess < -LOG_FAR else math.expm1(-2 * excess)


def search(
    value_at: Callable[[float], float],
    excess: Callable[[float], float],
    before: float,
    *,
    guess: float,
    top: float,
    said: str,
) -> tuple[float, float]:
    """Setting whose value is the one asked for.

    Parameters
    ----------
    value_at : callable
        Setting, above 0 -> measured value; NaN where it cannot be measured.
    excess : callable
        Value -> how much better than asked for, as a logarithm.
    before : float
        Value at the setting 0.
    guess, top : float
        Where to begin, above 0, and the harshest setting.
    said : str
        What is searched for, in messages; without it nothing is logged.

    Returns
    -------
    setting, value : float
        Setting 0 where ``before`` is as asked for, or worse.

    Raises
    ------
    VariantError
        When no setting reaches it.
    """
    if excess(before) <= TOLERANCE:
        return 0.0, before
    bracket = _Bracket((0.0, _surplus(excess(before))))
    setting = min(guess, top)
    for _ in range(TRIALS):
        value = value_at(setting)
        bracket.add(setting, value, excess(value))
        if bracket.best[2] <= TOLERANCE or (bracket.high is None and setting >= top):
            break
        setting = bracket.next(top)
    best, value, distance = bracket.best
    if distance > MET:
        _doubt(bracket, top, said)
    return best, value


def _doubt(bracket: _Bracket, top: float, said: str) -> None:
    """Raise where it is out of reach; say it where it lies between two settings and neither has it."""
    setting, value, _ = bracket.best
    if math.isnan(value):
        raise VariantError(f"{said}: at no setting can it be measured; ask for less")
    if bracket.high is None or math.isnan(bracket.high[1]):
        beyond = "the harshest there is" if bracket.high is None else "beyond it nothing can be measured"
        raise VariantError(f"{said}: the nearest is {value:.4g}, at {setting:.4g} ({beyond}); ask for less")
    if said:
        log.warning("%s: the nearest that was found is %.4g, at %.4g", said, value, setting)
