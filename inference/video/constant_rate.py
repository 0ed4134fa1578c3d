"""From the times of a source's frames to a stream of constant rate."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from poselift.inference.video.frame_times import LONGEST_STEP_S

_STANDARD_RATES = (
    *(Fraction(rate) for rate in (15, 24, 25, 30, 48, 50, 60, 120, 240)),
    *(Fraction(rate * 1000, 1001) for rate in (24, 30, 60, 120)),
)


@dataclass(frozen=True)
class Pace:
    """How a source's frames fill a stream of constant rate.

    Args:
        fps: frames per second of the output.
        copies: (T,) output frames that each source frame gets; 0 for one left out.
    """

    fps: Fraction
    copies: np.ndarray

    @property
    def duration_s(self) -> float:
        return float(self.copies.sum() / self.fps)


def pace_of(times_s: np.ndarray, max_fps: float = np.inf) -> Pace:
    """The constant rate that keeps every frame within half an output frame of its time.

    A source of constant rate (container rounding allowed) keeps its rate, one frame for
    one. Otherwise the rate follows the shorter intervals and frames repeat. A rate above
    `max_fps` is divided by a whole number, so that the motion stays even. A gap is shown
    for 10 s at most (LONGEST_STEP_S), so that no file can ask for an endless overlay.

    Args:
        times_s: (T,) increasing presentation times, T >= 1.
    """
    if len(times_s) == 0:
        raise ValueError("no frame times")
    steps = np.minimum(np.diff(np.asarray(times_s, np.float64)), LONGEST_STEP_S)
    elapsed = np.concatenate([[0.0], np.cumsum(steps)])
    fps = _rate(elapsed)
    if fps > max_fps:
        fps /= int(np.ceil(float(fps) / max_fps - 1e-6))
    mean_s = elapsed[-1] / max(len(elapsed) - 1, 1)
    starts = np.round(np.append(elapsed, elapsed[-1] + mean_s) * float(fps) + 1e-6).astype(int)
    starts[-1] = max(starts[-1], 1)
    return Pace(fps, np.diff(starts))


def _rate(elapsed: np.ndarray) -> Fraction:
    if len(elapsed) == 1 or elapsed[-1] <= 0:
        return Fraction(25)
    mean = (len(elapsed) - 1) / elapsed[-1]
    measured = Fraction(mean).limit_denominator(10_000)
    for fps in (*_nearby(mean), measured):
        if np.abs(elapsed * float(fps) - np.arange(len(elapsed))).max() < 0.45:
            return fps
    shorter = float(np.percentile(np.diff(elapsed), 10))
    fastest = min(1 / max(shorter, 1 / 60), 60.0)
    return next(iter(_nearby(fastest)), Fraction(fastest).limit_denominator(1000))


def _nearby(fps: float) -> list[Fraction]:
    """Standard rates within 1%, nearest first."""
    near = [rate for rate in _STANDARD_RATES if abs(float(rate) / fps - 1) < 0.01]
    return sorted(near, key=lambda rate: abs(float(rate) - fps))
