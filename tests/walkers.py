"""People who walk, whose contacts and angles are known."""

from __future__ import annotations

import numpy as np
from standing_people import STANDING

from poselift.data.skeletons import H36M17
from poselift.data.structures import Poses3D, Timeline
from poselift.inference.movement.walking import SIDES

AT = H36M17.index
REST = np.array([(STANDING[j][0], 0.0, STANDING[j][1]) for j in H36M17.joints])


def poses_of(world: np.ndarray, times_s: np.ndarray) -> Poses3D:
    """One person, (T, 17, 3)."""
    always = np.ones((1, len(world)), bool)
    timeline = Timeline(640, 360, 30.0, times_s)
    return Poses3D(
        timeline, np.array([1]), world[None] - world[None, :, :1], None, world[None], always,
        ~always, np.array([0.0, -1.0, 0.0]), float("nan"),
    )  # fmt: skip


def with_ankles(root: np.ndarray, ankles: np.ndarray) -> np.ndarray:
    """(T, 17, 3) somebody whose hips are at (T, 3) and ankles, left and right, at (T, 2, 3)."""
    world = REST - REST[0] + root[:, None]
    for i, side in enumerate(SIDES):
        world[:, AT(f"{side}_ankle")] = ankles[:, i]
        world[:, AT(f"{side}_knee")] = (world[:, AT(f"{side}_hip")] + ankles[:, i]) / 2
    return world


def walker(
    times_s: np.ndarray, speed: float = 1.3, stride_s: float = 1.2, stance: float = 0.62
) -> np.ndarray:
    """(T, 17, 3) somebody who walks along y; left contacts are at whole strides.

    Feet rest while they stand, and swing at an even speed.
    """
    root = np.stack([0 * times_s, speed * times_s, 0 * times_s + 0.95], -1)
    ankles = np.empty((len(times_s), 2, 3))
    for i, x in enumerate((-0.1, 0.1)):  # facing y, the left is at -x
        phase = times_s / stride_s - 0.5 * i
        number, share = np.floor(phase), phase % 1
        swing = np.clip((share - stance) / (1 - stance), 0, 1)
        placed = speed * stride_s * (number + 0.5 * i + swing + stance / 2)
        ankles[:, i] = np.stack([0 * times_s + x, placed, 0.06 + 0.1 * np.sin(np.pi * swing)], -1)
    return with_ankles(root, ankles)
