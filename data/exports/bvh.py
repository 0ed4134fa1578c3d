"""BVH: a skeleton and its rotations as text, the rest pose a T-pose; its own are cm, y up.

The root has no offset, because readers disagree on whether it is added to its positions; the
frame time has all its digits, because programs make the rate of it. The format has no place for
times and notes: which frames were interpolated is in poses.json.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from poselift.data.exports.motion import Motion
from poselift.data.exports.rotations import euler_zxy, matrices_of
from poselift.data.exports.settings import Axes

OWN = Axes("cm", "y")
CHANNELS = "Zrotation Xrotation Yrotation"


def bvh(motion: Motion, fps: float, axes: Axes = OWN) -> bytes:
    """One person's motion.

    Args:
        fps: of the frames, which BVH takes as evenly spaced.
    """
    motion = motion.seen_in(axes)
    lines, order = ["HIERARCHY"], list[int]()
    _joint(motion, 0, "", lines, order)
    angles = euler_zxy(matrices_of(motion.rotations))[:, order].reshape(len(motion.times_s), -1)
    lines += ["MOTION", f"Frames: {len(angles)}", f"Frame Time: {1 / fps!r}"]
    rows = np.concatenate([motion.root, angles], -1)
    lines += [_numbers(row) for row in rows.tolist()]
    return ("\n".join(lines) + "\n").encode("ascii")


def _joint(motion: Motion, joint: int, indent: str, lines: list[str], order: list[int]) -> None:
    """The block of a joint and of those below it; `order` takes down how they follow."""
    rig, inner = motion.rig, indent + "\t"
    order.append(joint)
    root = rig.parents[joint] < 0
    channels = f"6 Xposition Yposition Zposition {CHANNELS}" if root else f"3 {CHANNELS}"
    lines += [f"{indent}{'ROOT' if root else 'JOINT'} {rig.joints[joint]}", indent + "{"]
    lines += [f"{inner}OFFSET {_numbers(rig.offsets[joint])}"]
    lines += [f"{inner}CHANNELS {channels}"]
    for child in rig.children(joint):
        _joint(motion, child, inner, lines, order)
    if rig.joints[joint] in rig.ends:
        end = rig.ends[rig.joints[joint]]
        lines += [f"{inner}End Site", inner + "{", f"{inner}\tOFFSET {_numbers(end)}", inner + "}"]
    lines.append(indent + "}")


def _numbers(values: Iterable[float]) -> str:
    return " ".join(f"{value:.6f}" for value in values)
