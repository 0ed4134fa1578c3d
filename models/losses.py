"""What training minimises. All distances in metres."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional


def mpjpe(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean Euclidean distance over frames and joints: (..., 3), (..., 3) -> ()."""
    return (predicted - target).norm(dim=-1).mean()


def mean_velocity_error(predicted: Tensor, target: Tensor) -> Tensor:
    """MPJPE of the frame-to-frame differences: (N, T, J, 3) twice -> ()."""
    return mpjpe(predicted.diff(dim=1), target.diff(dim=1))


def bone_direction_error(predicted: Tensor, target: Tensor, parents: Sequence[int]) -> Tensor:
    """Mean distance of the bones' unit vectors: (N, T, J, 3) twice -> ().

    Unlike a joint's place a direction cannot be drawn towards the mean depth by being short.
    """
    parents = list(parents[1:])
    directions = [
        functional.normalize(poses[:, :, 1:] - poses[:, :, parents], dim=-1, eps=1e-4)
        for poses in (predicted, target)
    ]
    return mpjpe(*directions)


def distance_sum(predicted: Tensor, target: Tensor) -> Tensor:
    """Sum of Euclidean distances, (..., D) twice -> (); divided by their number, MPJPE."""
    return (predicted - target).norm(dim=-1).sum()


def depth_weighted_sum(predicted: Tensor, target: Tensor) -> Tensor:
    """Sum of distances over the target's depth: who is far away may be off by more."""
    return ((predicted - target).norm(dim=-1) / target[..., 2]).sum()


def bone_length_sums(poses: Tensor, parents: Sequence[int]) -> Tensor:
    """(N, T, J, 3) -> (J - 1,): each bone's mean length over T, summed over N."""
    bones = poses[:, :, 1:] - poses[:, :, list(parents[1:])]
    return bones.norm(dim=-1).mean(1).sum(0)
