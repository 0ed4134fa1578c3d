"""Bones that a rig brings along, for files whose own are not the person's.

Many of CMU's takes go about on the bones of a figure for games. Their rotations are the
person's all the same: with bones fitted to takes that are there in both forms they give
the person's joints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from poselift.data.mocap.kinematics import Motion


@dataclass(frozen=True)
class Bone:
    """One point from another.

    Args:
        start: another bone's name, or a point of the file.
        turned_by: the point of the file whose rotation turns the bone.
        offset: from `start` in the rest pose, in femurs, in the file's axes.
    """

    start: str
    turned_by: str
    offset: tuple[float, float, float]


def read_bones(table: Mapping[str, Any]) -> dict[str, Bone]:
    """Raises: KeyError, TypeError, ValueError: no such table."""
    bones: dict[str, Bone] = {}
    for name, about in table.items():
        x, y, z = map(float, about["offset"])
        bones[name] = Bone(str(about["start"]), str(about["turned_by"]), (x, y, z))
    for name, bone in bones.items():
        seen = {name}
        while bone.start in bones:
            if bone.start in seen:
                raise ValueError(f"bone {name} begins at its own end")
            seen.add(bone.start)
            bone = bones[bone.start]
    return bones


def points_of(bones: Mapping[str, Bone]) -> frozenset[str]:
    """The points that a file must have for them."""
    starts = {bone.start for bone in bones.values()} - set(bones)
    return frozenset(starts | {bone.turned_by for bone in bones.values()})


def with_bones(motion: Motion, bones: Mapping[str, Bone], femur: float) -> Motion:
    """The motion with the bones' ends as further points.

    Args:
        femur: its length in the unit in which the file says where the root is.
    """
    places: dict[str, np.ndarray] = {}

    def place(name: str) -> np.ndarray:
        if name not in bones:
            return motion.point(name)
        if name not in places:
            bone = bones[name]
            turned = motion.rotation(bone.turned_by) @ np.array(bone.offset)
            places[name] = place(bone.start) + femur * turned
        return places[name]

    ends = np.stack([place(name) for name in bones], 1)
    still = np.stack([motion.rotation(bone.turned_by) for bone in bones.values()], 1)
    return Motion(
        (*bones, *motion.names),
        np.concatenate([ends, motion.positions], 1),
        np.concatenate([still, motion.rotations], 1),
        motion.fps,
    )
