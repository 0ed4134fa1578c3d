"""What a keypoint detector does to exact keypoints.

White noise teaches a network to average; real detectors err differently: slowly
wandering offsets, single wild frames, joints guessed behind the body with low confidence,
limbs lost for a while or filled in by the tracker, left and right exchanged for a few
frames, nothing beyond the image's edge. Distances are in units of the person's size in
the image (about 0.5 m on the body).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from poselift.data.mocap.random_draws import RandomDraws
from poselift.data.skeletons import COCO17

LIMBS = tuple(
    COCO17.indices(*names)
    for names in (
        ("left_elbow", "left_wrist"),
        ("right_elbow", "right_wrist"),
        ("left_knee", "left_ankle"),
        ("right_knee", "right_ankle"),
        ("nose", "left_eye", "right_eye", "left_ear", "right_ear"),
        ("left_knee", "right_knee", "left_ankle", "right_ankle"),
        ("left_eye", "right_eye", "left_ear", "right_ear"),
    )
)
SWAPS = (
    COCO17.indices("left_knee", "right_knee", "left_ankle", "right_ankle"),
    COCO17.indices("left_elbow", "right_elbow", "left_wrist", "right_wrist"),
    tuple(range(COCO17.num_joints)),
)
# Spread of each joint's error against the average joint's.
_SPREAD = {"wrist": 1.5, "ankle": 1.4, "elbow": 1.2, "knee": 1.1, "hip": 1.1, "shoulder": 0.8}
JOINT_SPREAD = [_SPREAD.get(joint.split("_")[-1], 0.6) for joint in COCO17.joints]


@dataclass(frozen=True)
class NoiseRanges:
    """How strong each fault is and how often a view has it."""

    exact: float = 0.2  # share of views with exact keypoints
    level: tuple[float, float] = (0.004, 0.1)  # deviation of the offsets, log-uniform
    slow: tuple[float, float] = (0.4, 1.0)  # part of their variance that wanders
    bias: float = 0.03  # deviation of what stays the whole view
    spike: float = 0.015  # share of wild joints
    spike_level: tuple[float, float] = (0.05, 0.3)
    guessed_limb: float = 0.12
    guess_level: tuple[float, float] = (0.05, 0.4)
    lost_limb: float = 0.05
    filled_body: float = 0.12  # stretches that the tracker interpolated
    filled_limb: float = 0.15
    longest_fill: int = 16  # frames
    swapped: float = 0.06
    lost_outside: float = 0.85  # share of views in which the image's edge cuts joints off
    blind_confidence: float = 0.15  # share of views with confidence 1 everywhere
    shy: tuple[float, float] = (0.45, 1.0)  # a joint's confidence where nothing is wrong


def detect_like(
    keypoints: Tensor,
    inside: Tensor,
    size: Tensor,
    draw: RandomDraws,
    ranges: NoiseRanges,
) -> tuple[Tensor, Tensor]:
    """Exact keypoints as a detector would report them.

    Args:
        keypoints: (N, L, 17, 2) screen units.
        inside: (N, L, 17) bool.
        size: (N, L, 1, 1) the person's size, screen units.
        draw: source of random numbers.
    Returns:
        (N, L, 17, 2) keypoints and (N, L, 17) confidence; 0 is a joint that was not found.
    """
    count, frames, joints = keypoints.shape[:3]
    spread = keypoints.new_tensor(JOINT_SPREAD)[:, None]
    level = draw.log_uniform(*ranges.level, count, 1, 1, 1).expand(-1, frames, joints, 1)
    guessed = torch.zeros(count, frames, joints, device=keypoints.device)
    lost = torch.zeros_like(guessed, dtype=torch.bool)
    for limb in LIMBS:
        behind = _episodes(draw, count, frames, ranges.guessed_limb)
        strength = draw.uniform(*ranges.guess_level, count, 1) * behind
        guessed[:, :, limb] = torch.maximum(guessed[:, :, limb], strength[..., None])
        lost[:, :, limb] |= _episodes(draw, count, frames, ranges.lost_limb)[..., None]
    wild = draw.uniform(0, 1, count, frames, joints) < ranges.spike
    guessed = guessed + wild * draw.uniform(*ranges.spike_level, count, frames, joints)
    deviation = (level * spread).square() + guessed[..., None].square()
    deviation = deviation.sqrt()
    slow = _wandering(draw, count, frames, joints)
    fast = draw.normal(count, frames, joints, 2)
    mix = draw.uniform(*ranges.slow, count, 1, 1, 1)
    offset = deviation * (mix.sqrt() * slow + (1 - mix).sqrt() * fast)
    offset = offset + ranges.bias * spread * draw.normal(count, 1, joints, 2)
    confidence = _confidence(deviation[..., 0], draw, ranges)
    noisy = keypoints + offset * size
    for pair in SWAPS:
        swapped = _episodes(draw, count, frames, ranges.swapped, longest=0.25)
        mirror = list(range(joints))
        for joint in pair:
            mirror[joint] = COCO17.mirror[joint]
        noisy = torch.where(swapped[..., None, None], noisy[:, :, mirror], noisy)
    noisy, confidence = _filled_in(noisy, confidence, draw, ranges)
    exact = (draw.uniform(0, 1, count, 1, 1) < ranges.exact).expand(-1, frames, joints)
    noisy = torch.where(exact[..., None], keypoints, noisy)
    confidence, lost = confidence.masked_fill(exact, 1.0), lost & ~exact
    cut = (draw.uniform(0, 1, count, 1, 1) < ranges.lost_outside) & ~inside
    return noisy, confidence.masked_fill(lost | cut, 0.0)


def _filled_in(
    keypoints: Tensor, confidence: Tensor, draw: RandomDraws, ranges: NoiseRanges
) -> tuple[Tensor, Tensor]:
    """As poselift.inference.people.tracking fills gaps: straight lines, half the confidence."""
    count, frames, joints = confidence.shape
    whole = draw.uniform(0, 1, count, 1) < ranges.filled_body
    part = draw.uniform(0, 1, count, 1) < ranges.filled_limb
    limbs = torch.zeros(len(LIMBS), joints, dtype=torch.bool, device=keypoints.device)
    for row, limb in enumerate(LIMBS):
        limbs[row, list(limb)] = True
    chosen = (draw.uniform(0, 1, count) * len(LIMBS)).long()
    filled = whole | (part & limbs[chosen])
    first = (draw.uniform(0, 1, count) * (frames - 1)).long()
    span = (2 + draw.uniform(0, 1, count) * (ranges.longest_fill - 1)).long()
    last = (first + span).clamp(max=frames - 1)
    view = torch.arange(count, device=keypoints.device)
    time = torch.arange(frames, device=keypoints.device)
    part_done = (time - first[:, None]) / (last - first).clamp(min=1)[:, None]
    inner = ((part_done > 0) & (part_done < 1))[..., None] & filled[:, None]
    line = torch.lerp(
        keypoints[view, first, None], keypoints[view, last, None], part_done[..., None, None]
    )
    sure = torch.lerp(
        confidence[view, first, None], confidence[view, last, None], part_done[..., None]
    )
    return (
        torch.where(inner[..., None], line, keypoints),
        torch.where(inner, 0.5 * sure, confidence),
    )


def _confidence(deviation: Tensor, draw: RandomDraws, ranges: NoiseRanges) -> Tensor:
    """High where the error is small; each detector and each joint has its own scale."""
    count, _, joints = deviation.shape
    best = draw.uniform(0.7, 1.0, count, 1, 1) * draw.uniform(*ranges.shy, count, 1, joints)
    fall = draw.uniform(2.0, 6.0, count, 1, 1)
    shake = 1 + 0.12 * draw.normal(*deviation.shape)
    confidence = (best * (-fall * deviation).exp() * shake).clamp(0.06, 1.0)
    blind = draw.uniform(0, 1, count, 1, 1) < ranges.blind_confidence
    return torch.where(blind, torch.ones_like(confidence), confidence)


def _episodes(
    draw: RandomDraws, count: int, frames: int, share: float, longest: float = 1.2
) -> Tensor:
    """(N, L) bool: in a share of the views one stretch, up to `longest` of the view."""
    middle = draw.uniform(0, frames, count, 1)
    half = draw.uniform(0, longest, count, 1) * frames / 2 + 0.5
    time = torch.arange(frames, device=middle.device) + 0.5
    return ((time - middle).abs() <= half) & (draw.uniform(0, 1, count, 1) < share)


def _wandering(draw: RandomDraws, count: int, frames: int, joints: int) -> Tensor:
    """(N, L, J, 2) smooth noise of unit variance, a new value about every six frames."""
    knots = draw.normal(count, joints * 2, frames // 6 + 2)
    line = functional.interpolate(knots, size=frames, mode="linear", align_corners=True)
    return (line * 1.22).transpose(1, 2).unflatten(2, (joints, 2))
