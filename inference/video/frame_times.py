"""When the frames of a file are shown, where its own clock cannot be trusted."""

from __future__ import annotations

import math

import numpy as np

# ffmpeg takes a longer step for a discontinuity too, so that sound and picture agree.
LONGEST_STEP_S = 10.0
# A decoder that knows little of its stream may put frames this far out of order.
_DISORDER_FRAMES = 3.0
_REPEATED_S = 1e-3
_LATEST_START_S = 1e7  # beyond it, too little is left of a float for steps
_RATE_TOLERANCE = 0.05
_FEW_FAULTS = 0.1  # of the frames


def fps_of(times_s: np.ndarray, claimed_fps: float) -> float:
    """Frames per second: as claimed if they bear it out, else as they are on average.

    Args:
        times_s: (T,) rising.
    """
    if len(times_s) < 2 or times_s[-1] <= times_s[0]:
        return claimed_fps
    mean_fps = float((len(times_s) - 1) / (times_s[-1] - times_s[0]))
    return claimed_fps if abs(mean_fps / claimed_fps - 1) <= _RATE_TOLERANCE else mean_fps


def unbroken_fps(times_s: np.ndarray, claimed_fps: float) -> float:
    """Frames per second where no frame is missing; (T,) times as in fps_of."""
    if len(times_s) < 2:
        return claimed_fps
    return max(fps_of(times_s, claimed_fps), float(1 / np.median(np.diff(times_s))))


class FrameClock:
    """Rising times for the frames of a video, in the order that they are decoded.

    A frame without a time, or with the time of one before it, follows the last one. Where
    the file's clock restarts or leaps, the next frame follows at the usual distance, and
    all later ones keep theirs.

    Args:
        origin_s: what the file's clock says at the video's start.
        fps: frames per second, until there are frames to measure.
        ordered: presentation times come in their order. AVI stores none; those that are
            made up for it come in decoding order.
    Attributes:
        jumped_s: the time of the last frame before the clock first jumped; None: it did not.
    """

    def __init__(self, origin_s: float, fps: float, *, ordered: bool = True) -> None:
        self._origin_s = origin_s
        self._last_s: float | None = None
        self._usual_s = min(max(1 / fps, _REPEATED_S), LONGEST_STEP_S) if fps > 0 else 0.04
        self._measured_s, self._measured_steps = 0.0, 0
        self._stamps = _Stamps(ordered=ordered)
        self.jumped_s: float | None = None

    def time_of(self, pts: int | None, dts: int | None, tick_s: float) -> float:
        """Seconds from the video's start, of the next frame.

        Args:
            pts, dts: of the frame, in ticks, as the decoder gives them.
        """
        stamp = self._stamps.best(pts, dts)
        if self._last_s is None:
            time_s = self._first(stamp, tick_s)
        elif stamp is None:
            time_s = self._last_s + self._step_s
        else:
            time_s = self._after(self._last_s, stamp * tick_s - self._origin_s)
        self._last_s = time_s
        return time_s

    @property
    def _step_s(self) -> float:
        if not self._measured_steps:
            return self._usual_s
        return self._measured_s / self._measured_steps

    def _first(self, stamp: int | None, tick_s: float) -> float:
        time_s = 0.0 if stamp is None else stamp * tick_s - self._origin_s
        if not -LONGEST_STEP_S <= time_s <= _LATEST_START_S:
            self._origin_s, time_s = self._origin_s + time_s, 0.0
        return time_s

    def _after(self, last_s: float, time_s: float) -> float:
        step_s = time_s - last_s
        if not -_DISORDER_FRAMES * self._step_s <= step_s <= LONGEST_STEP_S:
            if self.jumped_s is None:
                self.jumped_s = last_s
            self._origin_s += step_s - self._step_s
            return last_s + self._step_s
        if step_s <= 0:
            return last_s + _REPEATED_S
        self._measured_s += step_s
        self._measured_steps += 1
        return time_s


class _Stamps:
    """Presentation times, or decoding times where many of those are out of order.

    Decoding times are moved so that the first frame keeps its presentation time.
    Source: guess_correct_pts of FFmpeg's libavcodec/decode.c, which a single fault sways.
    """

    def __init__(self, *, ordered: bool) -> None:
        self._frames = 0
        self._delay: int | None = None
        self._last = {"pts": -math.inf, "dts": -math.inf}
        self._faults = {"pts": 0.0 if ordered else math.inf, "dts": 0.0}

    def best(self, pts: int | None, dts: int | None) -> int | None:
        for kind, stamp in (("pts", pts), ("dts", dts)):
            if stamp is not None:
                self._faults[kind] += stamp <= self._last[kind]
                self._last[kind] = stamp
        if self._delay is None:
            self._delay = 0 if pts is None or dts is None else dts - pts
        self._frames += 1
        sound = self._faults["pts"] <= self._faults["dts"] + _FEW_FAULTS * self._frames
        if sound and pts is not None:
            return pts
        return None if dts is None else dts - self._delay
