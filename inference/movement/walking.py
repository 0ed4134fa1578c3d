"""Where somebody walks, and when each foot touches and leaves the ground.

Zeni's method: a foot touches down when its ankle is farthest ahead of the hip, along the way that
is walked, and leaves when it is farthest behind. (Zeni, Richards, Higginson: Two simple methods for
determining gait events during treadmill and overground walking using kinematic data. Gait &
Posture 27, 2008.) The way is that of the root's smoothed path, so that it may curve.

Such extremes are steps of walking where the feet take turns, at SHORTEST_STEP_S to LONGEST_STEP_S,
the root moves on, no faster than walking can be, and the foot that stands moves much less, below
the one that swings. So nobody walks on a treadmill, a bicycle or skates. On 54 walks of motion
capture the extremes come 31 ms (deviation 8) before the ankle has come to rest, and 28 ms (7)
after it has set off (at 0.7 of the root's speed).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from poselift.data.skeletons import H36M17

WAY_SMOOTHING_S = 0.4
SHORTEST_STEP_S, LONGEST_STEP_S = 0.25, 1.5
LEAST_SWAY = 0.15  # of a leg's length, that an ankle swings ahead of the hip and back
SLOWEST_M_S = 0.2
# v^2 / (g * leg): people choose to run from 0.5, and cannot walk above 1 (Alexander 1989).
FASTEST_FROUDE = 0.7
STANDING_SHARE = 0.5  # of the root's speed, that a foot which stands may seem to have
LEAST_CONTACTS = 3  # one stride
GRAVITY_M_S2 = 9.81
SIDES = ("left", "right")


@dataclass(frozen=True)
class Touch:
    """A foot's time on the ground.

    Args:
        time_s: the foot touches down.
        off_s: it leaves the ground; None: the walk ends, or is left, before.
        ankles: (2, 3) metres, left and right, at time_s.
        way: (2,) unit, horizontal, at time_s. root: (2,) metres, horizontal, at time_s.
    """

    side: str
    time_s: float
    off_s: float | None
    ankles: np.ndarray
    way: np.ndarray
    root: np.ndarray


def walks(points: np.ndarray, times_s: np.ndarray) -> list[tuple[Touch, ...]]:
    """Stretches of walking, each the touches of alternating feet in order.

    Args:
        points: (T, 17, 3) joints of H36M17, smoothed, metres, z up. times_s: (T,) evenly spaced.
    """
    if len(points) < 5:
        return []
    step_s = float(times_s[1] - times_s[0])
    root = points[:, H36M17.index("hip"), :2]
    ankles = points[:, H36M17.indices(*(f"{side}_ankle" for side in SIDES))]
    moved = gaussian_filter1d(
        np.gradient(root, step_s, axis=0), WAY_SMOOTHING_S / step_s, axis=0, mode="nearest"
    )
    way = moved / np.maximum(np.linalg.norm(moved, axis=-1, keepdims=True), 1e-9)
    ahead = ((ankles[..., :2] - root[:, None]) * way[:, None]).sum(-1)
    leg = leg_length_m(points)
    least = max(1, round(SHORTEST_STEP_S / step_s))
    touches: list[Touch] = []
    for i, side in enumerate(SIDES):
        on, off = (
            find_peaks(sign * ahead[:, i], prominence=LEAST_SWAY * leg, distance=least)[0]
            for sign in (1, -1)
        )
        for t, end in _paired(on, off):
            exact = _vertex(ahead[:, i], t)
            place = times_s[0] + exact * step_s
            left_s = None if end is None else float(times_s[0] + _vertex(ahead[:, i], end) * step_s)
            touches.append(Touch(side, float(place), left_s, ankles[t], way[t], root[t]))
    touches.sort(key=lambda touch: touch.time_s)
    fastest = float(np.sqrt(FASTEST_FROUDE * GRAVITY_M_S2 * leg))
    found: list[list[Touch]] = []
    for touch in touches:
        if found and _is_step(found[-1][-1], touch, ankles, times_s, fastest):
            found[-1].append(touch)
        else:
            found.append([touch])
    return [tuple(walk) for walk in found if len(walk) >= LEAST_CONTACTS]


def leg_length_m(points: np.ndarray) -> float:
    """The median of thigh and shank together, of (T, 17, 3) joints; the mean of both sides."""
    lengths = []
    for side in SIDES:
        hip, knee, ankle = (
            points[:, H36M17.index(f"{side}_{j}")] for j in ("hip", "knee", "ankle")
        )
        long = np.linalg.norm(hip - knee, axis=-1) + np.linalg.norm(knee - ankle, axis=-1)
        lengths.append(np.median(long))
    return float(np.mean(lengths))


def _paired(on: Sequence[int], off: Sequence[int]) -> list[tuple[int, int | None]]:
    """Each touch with the lift that follows it before the next touch, if one does."""
    pairs = []
    for t, following in itertools.zip_longest(on, on[1:]):
        later = [end for end in off if end > t and (following is None or end < following)]
        pairs.append((int(t), int(later[0]) if len(later) else None))
    return pairs


def _vertex(values: np.ndarray, t: int) -> float:
    """Where between its neighbours an extreme of (T,) lies, by a parabola."""
    if not 0 < t < len(values) - 1:
        return float(t)
    before, at, after = values[t - 1 : t + 2]
    bend = before - 2 * at + after
    return float(t + np.clip((before - after) / (2 * bend), -0.5, 0.5)) if bend else float(t)


def _is_step(
    one: Touch, other: Touch, ankles: np.ndarray, times_s: np.ndarray, fastest: float
) -> bool:
    """Whether walking leads from one touch to the next.

    Args:
        ankles: (T, 2, 3) left and right. fastest: walking can be, m/s.
    """
    took = other.time_s - one.time_s
    if one.side == other.side or not SHORTEST_STEP_S <= took <= LONGEST_STEP_S:
        return False
    on_way = float(np.linalg.norm(other.root - one.root)) / took
    if not SLOWEST_M_S <= on_way <= fastest:
        return False
    middle = np.flatnonzero(np.abs(times_s - (one.time_s + other.time_s) / 2) < took / 4)
    if len(middle) < 2:
        return False
    stands = SIDES.index(one.side)
    slid = ankles[middle[-1], stands, :2] - ankles[middle[0], stands, :2]
    speed = float(np.linalg.norm(slid)) / (times_s[middle[-1]] - times_s[middle[0]])
    height = np.median(ankles[middle, :, 2], axis=0)
    return bool(speed < STANDING_SHARE * on_way and height[stands] < height[1 - stands])
