"""The One-Euro filter: what rests is held still, what moves is let through.

A low-pass filter of first order whose cut-off rises with speed (Casiez, Roussel and Vogel,
"1 EUR filter", CHI 2012). It sees only the past, so that what it calms also lags: see
SMOOTHINGS for how much of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

# Of the speed itself, hertz.
SPEED_CUTOFF_HZ = 1.0

Smooth = Literal["none", "light", "medium", "strong"]


@dataclass(frozen=True)
class OneEuroSettings:
    """What shapes the filter.

    Args:
        rest_hz: cut-off for what rests.
        slope: how much the cut-off rises, hertz for each unit per second.
    """

    rest_hz: float
    slope: float


class OneEuro:
    """Filters (..., D) points one after the other; each point by its own speed."""

    def __init__(self, settings: OneEuroSettings) -> None:
        self._chosen = settings
        self._value: np.ndarray | None = None
        self._speed: np.ndarray | None = None

    def step(self, value: np.ndarray, seconds: float) -> np.ndarray:
        """The filtered points.

        Args:
            value: (..., D). seconds: since the call before; the first is given back as it is.
        """
        if self._value is None or self._speed is None:
            self._value, self._speed = value, np.zeros_like(value)
            return value
        speed = (value - self._value) / seconds
        self._speed = self._speed + _share(SPEED_CUTOFF_HZ, seconds) * (speed - self._speed)
        size = np.linalg.norm(self._speed, axis=-1, keepdims=True)
        share = _share(self._chosen.rest_hz + self._chosen.slope * size, seconds)
        self._value = np.asarray(self._value + share * (value - self._value), value.dtype)
        return self._value


def _share(cutoff_hz: float | np.ndarray, seconds: float) -> np.ndarray:
    """How far towards the new value a low-pass filter of first order goes in a step."""
    turn = 2 * np.pi * np.asarray(cutoff_hz) * seconds
    return np.asarray(turn / (turn + 1))
