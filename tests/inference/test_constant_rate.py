"""Frames of any times become a film of a constant rate."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from poselift.inference.video.constant_rate import pace_of


@pytest.mark.parametrize(
    "fps", [Fraction(25), Fraction(30000, 1001), Fraction(60), Fraction(43, 3)]
)
def test_constant_rate_keeps_every_frame_once(fps):
    times = np.round(np.arange(500) / float(fps), 3) + 4.2  # milliseconds, as Matroska stores
    pace = pace_of(times)
    assert (pace.copies == 1).all()
    assert abs(float(pace.fps / fps) - 1) < 1e-3


def test_variable_rate_stays_within_half_a_frame():
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.choice([1 / 30, 1 / 30, 1 / 15, 0.5, 1 / 60], 400))
    pace = pace_of(times)
    shown_at = np.cumsum(pace.copies) - pace.copies
    error = shown_at / float(pace.fps) - (times - times[0])
    assert np.abs(error).max() <= 0.5 / float(pace.fps) + 1e-6


def test_a_limit_divides_the_rate():
    pace = pace_of(np.arange(100) / 25, max_fps=15)
    assert pace.fps == Fraction(25, 2) and pace.copies.sum() == 50


@pytest.mark.parametrize("times", [[0.0], [3.0, 3.04]])
def test_very_short_clips_have_every_frame(times):
    assert pace_of(np.array(times)).copies.tolist() == [1] * len(times)
