"""A low-pass over the times that frames really have, without lag.

Butterworth of the second order, run forwards and backwards: fourth order in all, and half the
amplitude left at the cut-off, as Sports2D and Pose2Sim have it. Frames that are not evenly spaced
are resampled to even times and back by monotone cubics (PCHIP). Where time has a hole of more than
LONGEST_GAP frames, what lies before and after it is filtered apart.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.signal import butter, sosfiltfilt

from poselift.data.exports.settings import CUTOFF_HZ

ORDER = 2  # of each of the two runs
LEAST_FRAMES = 10  # fewer are too short a stretch for the filter's ends
LONGEST_GAP = 10.0  # times the usual step
UNEVEN = 0.01  # of the usual step


def stretches(times_s: np.ndarray) -> list[slice]:
    """The frames between holes in time. Raises: ValueError: (T,) seconds that do not rise."""
    steps = np.diff(times_s)
    if not (steps > 0).all():
        raise ValueError("times of frames do not rise")
    if not len(steps):
        return [slice(0, len(times_s))]
    holes = np.flatnonzero(steps > LONGEST_GAP * np.median(steps)) + 1
    bounds = [0, *holes, len(times_s)]
    return [slice(int(a), int(b)) for a, b in itertools.pairwise(bounds)]


def can_smooth(times_s: np.ndarray, cutoff_hz: float = CUTOFF_HZ) -> bool:
    """Whether every stretch of (T,) seconds is long and quick enough to be filtered."""
    return all(
        part.stop - part.start >= LEAST_FRAMES and cutoff_hz < _rate(times_s[part]) / 2
        for part in stretches(times_s)
    )


def low_pass(values: np.ndarray, times_s: np.ndarray, cutoff_hz: float = CUTOFF_HZ) -> np.ndarray:
    """What moves slower than the cut-off.

    A stretch of fewer than LEAST_FRAMES, or whose rate is not above twice the cut-off, stays as
    it is.

    Args:
        values: (T, ...) finite. times_s: (T,) rising.
    Returns: (T, ...) float64.
    Raises: ValueError: times that do not rise.
    """
    smooth = np.array(values, np.float64)
    for part in stretches(times_s):
        if can_smooth(times_s[part], cutoff_hz):
            smooth[part] = _filtered(smooth[part], times_s[part], cutoff_hz)
    return smooth


def even_times(times_s: np.ndarray) -> np.ndarray:
    """(N,) seconds, at the usual step from the first of a stretch's (T,) to its last."""
    step = _step(times_s)
    return times_s[0] + step * np.arange(int((times_s[-1] - times_s[0]) / step + 1e-6) + 1)


def at_times(values: np.ndarray, times_s: np.ndarray, wanted_s: np.ndarray) -> np.ndarray:
    """(T, ...) values between their times, by monotone cubics; outside, the nearest."""
    within = np.clip(wanted_s, times_s[0], times_s[-1])
    with np.errstate(over="ignore"):  # of slopes that are all but none
        return np.asarray(PchipInterpolator(times_s, values, axis=0)(within))


def velocities(places: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """(T, ..., 3) metres -> metres a second; NaN for a frame that stands alone."""
    found = np.full(places.shape, np.nan)
    for part in stretches(times_s):
        if part.stop - part.start > 1:
            found[part] = np.gradient(places[part], times_s[part], axis=0)
    return found


def _filtered(values: np.ndarray, times_s: np.ndarray, cutoff_hz: float) -> np.ndarray:
    step = _step(times_s)
    uneven = bool((np.abs(np.diff(times_s) / step - 1) > UNEVEN).any())
    grid = even_times(times_s) if uneven else times_s
    even = at_times(values, times_s, grid) if uneven else values
    if len(even) < LEAST_FRAMES:
        return values
    filter_ = butter(ORDER, cutoff_hz, "low", fs=1 / step, output="sos")
    pad = min(len(even) - 1, max(LEAST_FRAMES - 1, round(1 / (step * cutoff_hz))))
    smooth = sosfiltfilt(filter_, even, axis=0, padlen=pad)
    return at_times(smooth, grid, times_s) if uneven else np.asarray(smooth)


def _step(times_s: np.ndarray) -> float:
    return float(np.median(np.diff(times_s)))


def _rate(times_s: np.ndarray) -> float:
    return 1 / _step(times_s) if len(times_s) > 1 else 0.0
