"""Joints of a take made fit for training: on the floor, at most 60 fps, without glitches."""

from __future__ import annotations

import itertools
import math
import string

import numpy as np

from poselift.data.archives.joints_archive import MAX_METRES, JointsClip, can_be_stored
from poselift.data.skeletons import H36M17

MAX_FPS = 60.0
# Above what athletes do: a kick reaches about 12 m/s, a sprint 10 m/s.
MAX_JOINT_SPEED = 15.0
MAX_HIP_SPEED = 12.0
# A bone that is so much longer or shorter than usual is a lost marker.
MAX_BONE_CHANGE = 0.25
# An ankle's lowest place above the floor.
ANKLE_HEIGHT_M = 0.05
# Shorter pieces are of no use to a network that sees 27 frames.
MIN_FRAMES = 31
_ANKLES = H36M17.indices("left_ankle", "right_ankle")


def reduce_fps(joints: np.ndarray, fps: float) -> tuple[np.ndarray, float]:
    """Every n-th frame, so that at most MAX_FPS remain; (joints, their fps)."""
    step = max(1, math.ceil(fps / MAX_FPS - 1e-3))
    return joints[::step], fps / step


def clean_takes(
    name: str, h36m: np.ndarray, coco: np.ndarray, fps: float
) -> tuple[list[JointsClip], int]:
    """The usable pieces of a take, and how many frames were cut as glitches.

    A take in one piece keeps its name; several are called `NAMEa`, `NAMEb`, ... Each begins
    at x = y = 0; the floor is the take's.

    Args:
        h36m, coco: (T, 17, 3) metres, z up, at any height and place.
    """
    h36m, _ = reduce_fps(h36m, fps)
    coco, fps = reduce_fps(coco, fps)
    pieces = usable_pieces(h36m, coco, fps)
    if not pieces:
        return [], len(h36m)
    good = np.concatenate([h36m[first:end] for first, end in pieces])
    floor = np.percentile(good[:, _ANKLES, 2].min(1), 1) - ANKLE_HEIGHT_M
    placed = []
    for first, end in pieces:
        origin = np.array([*h36m[first, 0, :2], floor])
        both = _f32(h36m[first:end] - origin), _f32(coco[first:end] - origin)
        if all(map(can_be_stored, both)):
            placed.append(both)
    clips = [
        JointsClip(name + ("" if len(placed) == 1 else _letters(number)), *both, fps)
        for number, both in enumerate(placed)
    ]
    return clips, len(h36m) - sum(len(clip.h36m) for clip in clips)


def usable_pieces(h36m: np.ndarray, coco: np.ndarray, fps: float) -> list[tuple[int, int]]:
    """Half open stretches of at least MIN_FRAMES in which nothing jumps, stretches or leaves."""
    both = np.concatenate([h36m, coco], 1)
    speed = np.linalg.norm(np.diff(both, axis=0), axis=2) * fps
    jumps = (speed.max(1) > MAX_JOINT_SPEED) | (speed[:, 0] > MAX_HIP_SPEED)
    bad = _stretched(h36m)
    # Between frames t - 1 and t is a break when something jumps there or either is bad.
    breaks = jumps | bad[1:] | bad[:-1]
    bounds = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(h36m)]
    level = np.median(h36m[:, 0, 2])
    pieces = []
    for first, end in itertools.pairwise(bounds):
        start = [*both[first, 0, :2], level]
        near = np.abs(both[first:end] - start).max(initial=0) < MAX_METRES
        if end - first >= MIN_FRAMES and near:
            pieces.append((first, end))
    return pieces


def _stretched(h36m: np.ndarray) -> np.ndarray:
    """(T,) bool: some bone's length is far from its usual one."""
    parents, children = np.array(H36M17.edges).T
    lengths = np.linalg.norm(h36m[:, children] - h36m[:, parents], axis=2)
    usual = np.median(lengths, axis=0).clip(1e-6)
    return (np.abs(lengths / usual - 1) > MAX_BONE_CHANGE).any(1)


def _letters(number: int) -> str:
    """0 -> a, 25 -> z, 26 -> ba."""
    digits = ""
    while True:
        number, digit = divmod(number, 26)
        digits = string.ascii_lowercase[digit] + digits
        if not number:
            return digits


def _f32(joints: np.ndarray) -> np.ndarray:
    return joints.astype(np.float32)
