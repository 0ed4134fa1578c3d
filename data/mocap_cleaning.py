"""Joints of a take made fit for training: on the floor, at most 60 fps, without glitches."""

from __future__ import annotations

import itertools
import math
import string

import numpy as np

from data.joints_archive import MAX_METRES, JointsClip
from data.skeletons import H36M17

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

    A take in one piece keeps its name; several are called `NAMEa`, `NAMEb`, ...

    Args:
        h36m, coco: (T, 17, 3) metres, z up, at any height and place.
    """
    h36m, _ = reduce_fps(h36m, fps)
    coco, fps = reduce_fps(coco, fps)
    pieces = usable_pieces(h36m, coco, fps)
    cut = len(h36m) - sum(end - first for first, end in pieces)
    if not pieces:
        return [], cut
    good = np.concatenate([h36m[first:end] for first, end in pieces])
    floor = np.percentile(good[:, _ANKLES, 2].min(1), 1) - ANKLE_HEIGHT_M
    origin = np.array([*good[0, 0, :2], floor])
    clips = []
    for number, (first, end) in enumerate(pieces):
        part = slice(first, end)
        called = name + ("" if len(pieces) == 1 else _letters(number))
        clips.append(JointsClip(called, _f32(h36m[part] - origin), _f32(coco[part] - origin), fps))
    return clips, cut


def usable_pieces(h36m: np.ndarray, coco: np.ndarray, fps: float) -> list[tuple[int, int]]:
    """Half open stretches of at least MIN_FRAMES in which nothing jumps or stretches."""
    both = np.concatenate([h36m, coco], 1)
    speed = np.linalg.norm(np.diff(both, axis=0), axis=2) * fps
    jumps = (speed.max(1) > MAX_JOINT_SPEED) | (speed[:, 0] > MAX_HIP_SPEED)
    bad = _stretched(h36m)
    # Between frames t - 1 and t is a break when something jumps there or either is bad.
    breaks = jumps | bad[1:] | bad[:-1]
    bounds = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(h36m)]
    pieces = []
    for first, end in itertools.pairwise(bounds):
        near = np.abs(both[first:end] - both[first, 0] * [1, 1, 0]).max(initial=0) < MAX_METRES
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
