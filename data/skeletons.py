"""Skeleton layouts as data. Everything else is derived from the joint names.

A joint called `left_X` has the twin `right_X`; that gives the mirror. A bone is a
(parent, child) pair; bones give parents, lengths and drawing. No index lists by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from poselift.data.errors import UnknownName

Side = Literal["left", "right", "centre"]


@dataclass(frozen=True)
class Skeleton:
    """Named joints and the bones between them.

    Args:
        name: the layout's name, as stored in archives and checkpoints.
        joints: (J,) joint names in storage order.
        bones: (parent, child) name pairs; drawn in this order.
    """

    name: str
    joints: tuple[str, ...]
    bones: tuple[tuple[str, str], ...]

    @property
    def num_joints(self) -> int:
        return len(self.joints)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {joint: i for i, joint in enumerate(self.joints)}

    def index(self, joint: str) -> int:
        """Position of a joint. Raises: UnknownName."""
        if joint not in self._index:
            raise UnknownName(f"joint of {self.name}", joint, self.joints)
        return self._index[joint]

    def indices(self, *joints: str) -> tuple[int, ...]:
        return tuple(self.index(joint) for joint in joints)

    @cached_property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Bones as (parent, child) indices."""
        return tuple((self.index(a), self.index(b)) for a, b in self.bones)

    @cached_property
    def parents(self) -> tuple[int, ...]:
        """(J,) index of each joint's parent: the first bone that ends in it; -1 for a root."""
        first: dict[int, int] = {}
        for parent, child in self.edges:
            first.setdefault(child, parent)
        return tuple(first.get(j, -1) for j in range(self.num_joints))

    def side(self, joint: str) -> Side:
        if joint.startswith("left_"):
            return "left"
        return "right" if joint.startswith("right_") else "centre"

    @cached_property
    def left(self) -> tuple[int, ...]:
        """Left joints, in storage order."""
        return tuple(i for i, joint in enumerate(self.joints) if self.side(joint) == "left")

    @cached_property
    def right(self) -> tuple[int, ...]:
        """Right joints, in the order of their left twins."""
        return tuple(self.index("right_" + self.joints[i].removeprefix("left_")) for i in self.left)

    @cached_property
    def mirror(self) -> tuple[int, ...]:
        """(J,) permutation that swaps every left joint with its right twin."""
        return swapped(self.num_joints, self.left, self.right)


COCO17 = Skeleton(
    name="coco",
    joints=(
        "nose", "left_eye", "right_eye", "left_ear", "right_ear",
        "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
        "left_wrist", "right_wrist", "left_hip", "right_hip",
        "left_knee", "right_knee", "left_ankle", "right_ankle",
    ),
    bones=(
        ("nose", "left_eye"), ("nose", "right_eye"),
        ("left_eye", "left_ear"), ("right_eye", "right_ear"),
        ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"),
        ("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"),
        ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
        ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
        ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
        ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
    ),
)  # fmt: skip

H36M17 = Skeleton(
    name="h36m",
    joints=(
        "hip", "right_hip", "right_knee", "right_ankle",
        "left_hip", "left_knee", "left_ankle",
        "spine", "thorax", "neck", "head",
        "left_shoulder", "left_elbow", "left_wrist",
        "right_shoulder", "right_elbow", "right_wrist",
    ),
    bones=(
        ("hip", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
        ("hip", "left_hip"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
        ("hip", "spine"), ("spine", "thorax"), ("thorax", "neck"), ("neck", "head"),
        ("thorax", "left_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
        ("thorax", "right_shoulder"), ("right_shoulder", "right_elbow"),
        ("right_elbow", "right_wrist"),
    ),
)  # fmt: skip

# All joints that Human3.6M's files hold; H36M32.indices(*H36M17.joints) are the 17 that are
# kept. The others lie on top of another joint, or hardly move.
H36M32 = Skeleton(
    name="h36m32",
    joints=(
        "hip", "right_hip", "right_knee", "right_ankle", "right_toe", "right_toe_end",
        "left_hip", "left_knee", "left_ankle", "left_toe", "left_toe_end",
        "spine_base", "spine", "thorax", "neck", "head",
        "left_collar", "left_shoulder", "left_elbow", "left_wrist",
        "left_thumb", "left_thumb_end", "left_hand", "left_hand_end",
        "right_collar", "right_shoulder", "right_elbow", "right_wrist",
        "right_thumb", "right_thumb_end", "right_hand", "right_hand_end",
    ),
    bones=(
        ("hip", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
        ("right_ankle", "right_toe"), ("right_toe", "right_toe_end"),
        ("hip", "left_hip"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
        ("left_ankle", "left_toe"), ("left_toe", "left_toe_end"),
        ("hip", "spine_base"), ("spine_base", "spine"), ("spine", "thorax"),
        ("thorax", "neck"), ("neck", "head"),
        ("spine", "left_collar"), ("left_collar", "left_shoulder"),
        ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
        ("left_wrist", "left_thumb"), ("left_thumb", "left_thumb_end"),
        ("left_wrist", "left_hand"), ("left_hand", "left_hand_end"),
        ("spine", "right_collar"), ("right_collar", "right_shoulder"),
        ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
        ("right_wrist", "right_thumb"), ("right_thumb", "right_thumb_end"),
        ("right_wrist", "right_hand"), ("right_hand", "right_hand_end"),
    ),
)  # fmt: skip

HUMANEVA15 = Skeleton(
    name="humaneva15",
    joints=(
        "hip", "thorax",
        "left_shoulder", "left_elbow", "left_wrist",
        "right_shoulder", "right_elbow", "right_wrist",
        "left_hip", "left_knee", "left_ankle",
        "right_hip", "right_knee", "right_ankle",
        "head",
    ),
    bones=(
        ("hip", "thorax"),
        ("thorax", "left_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
        ("thorax", "right_shoulder"), ("right_shoulder", "right_elbow"),
        ("right_elbow", "right_wrist"),
        ("hip", "left_hip"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
        ("hip", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
        ("thorax", "head"),
    ),
)  # fmt: skip

# HumanEva's own 20 points: each limb segment has both its ends, so that elbows and knees
# come twice.
HUMANEVA20 = Skeleton(
    name="humaneva20",
    joints=(
        "hip", "thorax", "neck",
        "left_shoulder", "left_elbow_above", "left_elbow_below", "left_wrist",
        "right_shoulder", "right_elbow_above", "right_elbow_below", "right_wrist",
        "left_hip", "left_knee_above", "left_knee_below", "left_ankle",
        "right_hip", "right_knee_above", "right_knee_below", "right_ankle",
        "head",
    ),
    bones=(
        ("hip", "thorax"), ("thorax", "neck"),
        ("thorax", "left_shoulder"), ("left_shoulder", "left_elbow_above"),
        ("left_elbow_above", "left_elbow_below"), ("left_elbow_below", "left_wrist"),
        ("thorax", "right_shoulder"), ("right_shoulder", "right_elbow_above"),
        ("right_elbow_above", "right_elbow_below"), ("right_elbow_below", "right_wrist"),
        ("hip", "left_hip"), ("left_hip", "left_knee_above"),
        ("left_knee_above", "left_knee_below"), ("left_knee_below", "left_ankle"),
        ("hip", "right_hip"), ("right_hip", "right_knee_above"),
        ("right_knee_above", "right_knee_below"), ("right_knee_below", "right_ankle"),
        ("neck", "head"),
    ),
)  # fmt: skip

# Stacked Hourglass, trained on MPII.
MPII16 = Skeleton(
    name="mpii",
    joints=(
        "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle",
        "hip", "thorax", "neck", "head",
        "right_wrist", "right_elbow", "right_shoulder",
        "left_shoulder", "left_elbow", "left_wrist",
    ),
    bones=(
        ("hip", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
        ("hip", "left_hip"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
        ("hip", "thorax"), ("thorax", "neck"), ("neck", "head"),
        ("thorax", "left_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
        ("thorax", "right_shoulder"), ("right_shoulder", "right_elbow"),
        ("right_elbow", "right_wrist"),
    ),
)  # fmt: skip

SKELETONS = {
    skeleton.name: skeleton for skeleton in (COCO17, H36M17, H36M32, HUMANEVA15, HUMANEVA20, MPII16)
}


def swapped(count: int, left: Sequence[int], right: Sequence[int]) -> tuple[int, ...]:
    """(count,) the permutation in which the joints of each pair trade places."""
    order = list(range(count))
    for a, b in zip(left, right, strict=True):
        order[a], order[b] = b, a
    return tuple(order)


def skeleton_named(name: str) -> Skeleton:
    """The registered layout of this name. Raises: UnknownName."""
    if name not in SKELETONS:
        raise UnknownName("keypoint layout", name, SKELETONS)
    return SKELETONS[name]
