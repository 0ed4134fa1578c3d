"""Motion that nobody captured: joints turned, limbs exchanged, joints defined otherwise.

All of it is smooth in time and keeps the length of every bone. Points are H36M's joints
and, after them, COCO's keypoints of the same body: (N, L, 34, 3), metres, z up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from poselift.data.mocap.random_draws import RandomDraws
from poselift.data.skeletons import COCO17, H36M17

# A knee or elbow bends no further than this, degrees.
MOST_BENT = 150.0
# Frames between two values of what changes slowly.
KNOT_FRAMES = 12


@dataclass(frozen=True)
class MotionRanges:
    """How far motion is varied. Angles are deviations in degrees, lengths in metres."""

    varied: float = 0.0  # share of views whose joints are turned
    limb_turn: float = 12.0  # hips and shoulders
    trunk_turn: float = 7.0
    head_turn: float = 8.0
    bend: float = 0.3  # deviation of the logarithm by which knees and elbows bend
    exchanged_arms: float = 0.0  # share of views with another clip's arms
    straight_legs: float = 0.0  # share of views with legs brought under the trunk and straight
    straight_arms: float = 0.0  # share of views with elbows stretched
    definition: float = 0.0  # where a detector's joints lie beside the capture's
    time_warp: float = 0.0  # deviation of the logarithm of the speed


def _both(*joints: str) -> list[int]:
    """Their places among the points, in either layout."""
    h36m = [H36M17.index(joint) for joint in joints if joint in H36M17.joints]
    return h36m + [len(H36M17.joints) + COCO17.index(j) for j in joints if j in COCO17.joints]


_FACE = tuple(j for j in COCO17.joints[:5])
_HEAD = _both("neck", "head", *_FACE)
_SIDES = ("left", "right")
_ARM, _LEG = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")
LIMBS = tuple(tuple(f"{side}_{j}" for j in limb) for limb in (_LEG, _ARM) for side in _SIDES)
LEGS, ARMS = LIMBS[:2], LIMBS[2:]
_UPPER = sorted({*_HEAD, *_both("spine", "thorax", *ARMS[0], *ARMS[1])})


def vary_motion(points: Tensor, draw: RandomDraws, ranges: MotionRanges) -> Tensor:
    """Other movements of the same bodies. Bones keep their lengths."""
    points = points.clone()
    count, frames = points.shape[:2]
    if ranges.exchanged_arms:
        chosen = draw.uniform(0, 1, count) < ranges.exchanged_arms
        points = torch.where(chosen[:, None, None, None], exchange_arms(points), points)
    if ranges.varied:
        chosen = (draw.uniform(0, 1, count, 1, 1) < ranges.varied).float()
        for pivot, moved, degrees in (
            ("hip", _UPPER, ranges.trunk_turn),
            ("thorax", _HEAD, ranges.head_turn),
            *((limb[0], _both(*limb[1:]), ranges.limb_turn) for limb in LIMBS),
        ):
            turn = math.radians(degrees) * chosen * slow_noise(draw, count, frames, 3)
            _turn(points, pivot, moved, turn)
        for limb in LIMBS:
            factor = (ranges.bend * slow_noise(draw, count, frames, 1)).exp()
            _bend(points, limb, torch.where(chosen > 0, factor, 1.0)[..., 0])
    for share, limbs in ((ranges.straight_legs, LEGS), (ranges.straight_arms, ARMS)):
        if share:
            chosen = draw.uniform(0, 1, count, 1) < share
            part = torch.where(chosen, draw.uniform(0.5, 1.1, count, 1).clamp(max=1), 0.0)
            for limb in limbs:
                if limbs == LEGS:
                    _under_trunk(points, limb, part)
                _bend(points, limb, (1 - part).expand(-1, frames))
    return points


def define_otherwise(points: Tensor, draw: RandomDraws, deviation: float) -> Tensor:
    """COCO's keypoints moved by what is constant in a view and alike left and right.

    Hips and shoulders move in the trunk's frame, the joints below them along their limb and
    a little in the trunk's frame.
    """
    points = points.clone()
    count = len(points)
    frame = trunk_frame(points)
    first = len(H36M17.joints)
    for legs_or_arms in (LEGS, ARMS):
        across = deviation * draw.normal(count, 3, 3)
        along = 1.5 * deviation * draw.normal(count, 2)
        for limb, sign in zip(legs_or_arms, (1.0, -1.0), strict=True):
            bones = [points[:, :, H36M17.index(joint)] for joint in limb]
            for place, joint in enumerate(limb):
                offset = across[:, place] * across.new_tensor([sign, 1.0, 1.0])
                moved = torch.einsum("nlij,nj->nli", frame, offset if not place else 0.5 * offset)
                if place:
                    bone = functional.normalize(bones[place] - bones[place - 1], dim=-1)
                    moved = moved + along[:, place - 1, None, None] * bone
                points[:, :, first + COCO17.index(joint)] += moved
    return points


def exchange_arms(points: Tensor) -> Tensor:
    """Each body with the arms' motion of the one before it in the batch."""
    points = points.clone()
    others, theirs = points.roll(1, 0), trunk_frame(points).roll(1, 0)
    turn = trunk_frame(points) @ theirs.transpose(-1, -2)
    for limb in ARMS:
        root, hinge, end = H36M17.indices(*limb)
        places = [points[:, :, root]]
        for upper, lower in ((root, hinge), (hinge, end)):
            bone = functional.normalize(others[:, :, lower] - others[:, :, upper], dim=-1)
            length = (points[:, :, lower] - points[:, :, upper]).norm(dim=-1, keepdim=True)
            places.append(places[-1] + length * torch.einsum("nlij,nlj->nli", turn, bone))
        for joint, place in zip(limb[1:], places[1:], strict=True):
            moved = place - points[:, :, H36M17.index(joint)]
            points[:, :, _both(joint)] += moved[:, :, None]
    return points


def trunk_frame(points: Tensor) -> Tensor:
    """(N, L, 3, 3) whose columns are the trunk's left, up and forward."""
    hip, thorax, left, right = (
        points[:, :, H36M17.index(j)] for j in ("hip", "thorax", "left_shoulder", "right_shoulder")
    )
    up = functional.normalize(thorax - hip, dim=-1)
    forward = functional.normalize(torch.linalg.cross(left - right, up), dim=-1)
    return torch.stack([torch.linalg.cross(up, forward), up, forward], -1)


def slow_noise(draw: RandomDraws, count: int, frames: int, channels: int) -> Tensor:
    """(N, L, C) of unit variance: most of it constant, the rest changes every KNOT_FRAMES."""
    knots = draw.normal(count, channels, frames // KNOT_FRAMES + 2)
    line = functional.interpolate(knots, size=frames, mode="linear", align_corners=True)
    steady = draw.normal(count, 1, channels)
    return 0.85 * steady + 0.52 * 1.22 * line.transpose(1, 2)


def _turn(points: Tensor, pivot: str, moved: list[int], turn: Tensor) -> None:
    """Turn some points about a joint by (N, L, 3) rotation vectors, in place."""
    centre = points[:, :, H36M17.index(pivot), None]
    angle = turn.norm(dim=-1, keepdim=True).clamp(min=1e-9)
    axis, angle = (turn / angle)[:, :, None], angle[:, :, None]
    arm = points[:, :, moved] - centre
    axis = axis.expand_as(arm)
    turned = (
        arm * angle.cos()
        + torch.linalg.cross(axis, arm) * angle.sin()
        + axis * (axis * arm).sum(-1, keepdim=True) * (1 - angle.cos())
    )
    points[:, :, moved] = centre + turned


def _bend(points: Tensor, limb: tuple[str, ...], factor: Tensor) -> None:
    """Bend a knee or elbow (N, L) times as far, in place."""
    root, hinge, end = (points[:, :, H36M17.index(joint)] for joint in limb)
    upper, lower = (functional.normalize(bone, dim=-1) for bone in (hinge - root, end - hinge))
    bent = (upper * lower).sum(-1).clamp(-1, 1).arccos()
    wanted = torch.minimum(bent * factor, bent.clamp(min=math.radians(MOST_BENT)))
    axis = functional.normalize(torch.linalg.cross(upper, lower), dim=-1, eps=1e-6)
    _turn(points, limb[1], _both(limb[2]), axis * (wanted - bent)[..., None])


def _under_trunk(points: Tensor, limb: tuple[str, ...], part: Tensor) -> None:
    """Bring a thigh (N, 1) of the way under the trunk, in place."""
    root, knee = (points[:, :, H36M17.index(joint)] for joint in limb[:2])
    thigh = functional.normalize(knee - root, dim=-1)
    down = -trunk_frame(points)[..., 1]
    upright = down[..., 2:] < -0.7
    down = torch.where(upright, down + down.new_tensor([0.0, 0.0, -1.0]), down)
    down = functional.normalize(down, dim=-1)
    axis = functional.normalize(torch.linalg.cross(thigh, down), dim=-1, eps=1e-6)
    angle = (thigh * down).sum(-1).clamp(-1, 1).arccos() * part
    _turn(points, limb[0], _both(*limb[1:]), axis * angle[..., None])
