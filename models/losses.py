"""What training minimises. All distances in metres."""

from __future__ import annotations

from torch import Tensor


def mpjpe(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean Euclidean distance over frames and joints: (..., 3), (..., 3) -> ()."""
    return (predicted - target).norm(dim=-1).mean()


def mean_velocity_error(predicted: Tensor, target: Tensor) -> Tensor:
    """MPJPE of the frame-to-frame differences: (N, T, J, 3) twice -> ()."""
    return mpjpe(predicted.diff(dim=1), target.diff(dim=1))
