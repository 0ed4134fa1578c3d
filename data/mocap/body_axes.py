"""Which way is up in a motion capture file, and which way a head looks.

Files differ in their axes, and joints in theirs: a head that is not turned may have its
first axis along the neck or to the front. Neither is said anywhere, but a body shows it:
hips and shoulders have a left, a trunk has an up, and people mostly stand.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from poselift.data.errors import FormatError

AXES = {
    sign + axis: (1 if sign == "+" else -1) * np.eye(3)[number]
    for number, axis in enumerate("xyz")
    for sign in "+-"
}
# Joints of H36M's body (no neck, no head) -> (T, 3) places in the file's axes.
Body = Mapping[str, np.ndarray]
USED = frozenset(("+y", "+z"))  # by nearly all files
SIDES = ("left", "right")
# Legs of rest poses are astride: CMU's thighs by 20 degrees.
STRAIGHT = np.cos(np.radians(35))
# The arms of a rest pose are straight, and farther from the sides than this.
RAISED = np.cos(np.radians(30))
# The mean direction from feet to thorax of people who walk, sit and bend is longer.
STANDING = 0.85
# A rest pose this near to the file's axes is along them.
ALONG = np.cos(np.radians(15))
# No head is turned farther through a whole take.
FARTHEST_HEAD_DEG = 100.0
# In femurs: how high the lowest joint is in a take whose floor is at 0. Joints are within
# the body; who stands at the origin has some behind it.
ABOVE_FLOOR = (0.03, 0.4)


def rest_axes(rest: Body) -> np.ndarray | None:
    """(3, 3) whose columns are forward, left and up of a rest pose; along the file's axes
    where it nearly is. None where it is no pose of a body: joints have axes of their own.
    """
    if not _stands(rest)[0]:
        return None
    (axes,) = _facing(rest, rest["thorax"] - _feet(rest))
    near = np.abs(axes).max(0) > ALONG
    return np.round(axes) if near.all() else axes


def up_axis(label: str, usual: str, rest: np.ndarray | None, body: Body) -> str:
    """The file's up, such as "+y": where rest pose and motion agree, or one of them is usual.

    A floor at 0 decides where they do not, and is not disregarded where it contradicts.

    Args:
        usual: what files with such joints mostly have.
        rest: rest_axes.
    Raises: FormatError: it is not clear.
    """
    resting = None if rest is None else _nearest(rest[:, 2], ALONG)
    moving = _nearest(_unit(body["thorax"] - _feet(body)).mean(0), STANDING)
    if moving is not None and moving == resting:
        return moving
    likely = {axis for axis in (usual, resting, moving) if axis is not None}
    grounded = {axis for axis in likely | USED if _on_floor(axis, body)}
    # Where joints have axes of their own the rest pose lies anywhere.
    if moving == usual or (moving is None and resting == usual):
        if usual in grounded or not grounded:
            return usual
    elif len(grounded & likely) == 1:
        return min(grounded & likely)
    shown = [f"its rest pose stands along {resting}"] if resting else []
    shown += [f"people stand along {moving}" if moving else "nobody stands for long"]
    raise FormatError(
        f"{label}: which way is up is not clear: {', '.join(shown)}, and {usual} is usual. Say it "
        "with --up (x, y or z; --up=-z)."
    )


def turned_upright(up: str, usual: str, forward: str) -> np.ndarray:
    """(3, 3): the smallest turn from the axis that is up to the one that usually is.

    Args:
        forward: what the turn is about where they are opposite.
    """
    is_up, shall, axis = AXES[up], AXES[usual], AXES[forward]
    if up[1] != usual[1]:
        still = np.cross(is_up, shall)
        return np.outer(shall, is_up) - np.outer(is_up, shall) + np.outer(still, still)
    return np.eye(3) if up == usual else 2 * np.outer(axis, axis) - np.eye(3)


def head_axes(label: str, rest: np.ndarray | None, head: np.ndarray, body: Body) -> np.ndarray:
    """(3, 3) whose columns are forward, left and up of a head that its joint has not turned.

    By the rest pose; where there is none, by the first frame in which the body stands like
    one; else heads are taken to look ahead of the trunk on average.

    Args:
        rest: rest_axes.
        head: (T, 3, 3) rotations of the head's joint.
    Raises: FormatError: the trunk has no length or no width.
    """
    facing = _facing(body, body["thorax"] - body["hip"])
    whole = np.linalg.det(facing) > 0.5
    if not whole.any():
        raise FormatError(f"{label}: its trunk has no length or no width. Check its rig (--rig).")
    ahead = head[whole].transpose(0, 2, 1) @ facing[whole]
    mean = Rotation.from_matrix(ahead).mean()
    if rest is not None:
        apart = Rotation.from_matrix(rest).inv() * mean
        if np.degrees(apart.magnitude()) <= FARTHEST_HEAD_DEG:
            return rest
    like_rest = np.flatnonzero((_stands(body) & _arms_out(body))[whole])
    return ahead[like_rest[0]] if len(like_rest) else np.asarray(mean.as_matrix())


def _facing(body: Body, up: np.ndarray) -> np.ndarray:
    """(T, 3, 3) whose columns are the trunk's forward, left and `up`."""
    up = _unit(up)
    left = _across(body, "hip") + _across(body, "shoulder")
    left = _unit(left - _along(left, up)[:, None] * up)
    return np.stack([np.cross(left, up), left, up], -1)


def _stands(body: Body) -> np.ndarray:
    """(T,) bool: on straight legs below the trunk, shoulders above the hips."""
    up = _unit(body["thorax"] - body["hip"])
    stands = _along(_across(body, "hip"), _across(body, "shoulder")) > STRAIGHT
    for side in SIDES:
        hip, knee, ankle = (body[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle"))
        stands &= _along(_unit(hip - knee), up) > STRAIGHT
        stands &= _along(_unit(knee - ankle), up) > STRAIGHT
        stands &= _along(body[f"{side}_shoulder"] - body["hip"], up) > 0
    return stands


def _arms_out(body: Body) -> np.ndarray:
    """(T,) bool: both straight and away from the sides."""
    down = _unit(body["hip"] - body["thorax"])
    out = np.ones(len(down), bool)
    for side in SIDES:
        joints = (body[f"{side}_{joint}"] for joint in ("shoulder", "elbow", "wrist"))
        shoulder, elbow, wrist = joints
        upper, lower = _unit(elbow - shoulder), _unit(wrist - elbow)
        out &= (_along(upper, lower) > STRAIGHT) & (_along(upper, down) < RAISED)
    return out


def _on_floor(up: str, body: Body) -> bool:
    """The lowest joint gets down to just above 0."""
    heights = np.stack([places @ AXES[up] for places in body.values()]).min(0)
    femur = np.linalg.norm(body["left_knee"] - body["left_hip"], axis=1).mean()
    low, high = ABOVE_FLOOR
    return bool(low < np.percentile(heights, 1) / max(femur, 1e-9) < high)


def _nearest(direction: np.ndarray, least: float) -> str | None:
    """The axis that a vector has most of, if it has that much of it."""
    best = max(AXES, key=lambda axis: float(AXES[axis] @ direction))
    return best if AXES[best] @ direction > least else None


def _feet(body: Body) -> np.ndarray:
    return (body["left_ankle"] + body["right_ankle"]) / 2


def _across(body: Body, joint: str) -> np.ndarray:
    return _unit(body[f"left_{joint}"] - body[f"right_{joint}"])


def _along(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(T,) dot products of (T, 3) vectors."""
    return np.asarray((a * b).sum(-1))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
