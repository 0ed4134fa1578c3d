"""Virtual views as a detector reports them, with the answers: for training and judging."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from poselift.data.mocap.detector_noise import NoiseRanges, detect_like
from poselift.data.mocap.virtual_views import Views, ViewSampler
from poselift.data.skeletons import COCO17
from poselift.models.inputs import person_frame, person_from_root
from poselift.models.temporal import Architecture

# The trajectory network's outputs.
ROOT, UP = 0, 1


@dataclass(frozen=True)
class Batch:
    """Views as a detector reports them, and what the networks should answer.

    Args:
        keypoints, confidence: (N, L, 17, 2), (N, L, 17).
        views: the truth behind them.
        first: index of the first frame that is predicted; `count` follow.
    """

    keypoints: Tensor
    confidence: Tensor
    views: Views
    first: int
    count: int

    @property
    def predicted(self) -> slice:
        return slice(self.first, self.first + self.count)

    @property
    def pose(self) -> Tensor:
        return self.views.pose[:, self.predicted]

    def placement(self) -> Tensor:
        """(N, count, 2, 3) target of the trajectory network."""
        frame = person_frame(self.keypoints, self.confidence)
        root = person_from_root(self.views.root, frame, self.views.focal[:, None, None])
        root = root[:, self.predicted].clamp(-3, 3)
        return torch.stack([root, self.views.up[:, None].expand_as(root)], 2)


def draw_batch(
    sampler: ViewSampler, batch: int, frames: int, arch: Architecture, noise: NoiseRanges | None
) -> Batch:
    """Random views of `frames` predicted frames and the context they need.

    `noise=None` gives exact keypoints with confidence 1.
    """
    before, after = arch.padding
    views = sampler.sample(batch, frames + before + after)
    keypoints = views.keypoints
    confidence = torch.ones(keypoints.shape[:3], device=keypoints.device)
    if noise is not None:
        size = person_frame(keypoints, confidence).size
        keypoints, confidence = detect_like(keypoints, views.inside, size, sampler, noise)
    return Batch(keypoints, confidence, views, before, frames)


def turned_upright(batch: Batch) -> Batch:
    """Views turned as the Lifter turns a clip for its position network, and the poses with them.

    See poselift.inference.poses.upright_turn, which does this to one clip.
    """
    shoulders = COCO17.indices("left_shoulder", "right_shoulder")
    hips = COCO17.indices("left_hip", "right_hip")
    seen = (batch.confidence[:, :, shoulders + hips] > 0).all(-1, keepdim=True)
    trunk = batch.keypoints[:, :, shoulders].mean(2) - batch.keypoints[:, :, hips].mean(2)
    mean = (functional.normalize(trunk, dim=-1) * seen).mean(1)
    length = mean.norm(dim=-1, keepdim=True)
    across, down = torch.where(
        length > 1e-3, mean / length.clamp(min=1e-3), mean.new_tensor([0.0, -1.0])
    ).unbind(-1)
    turn = torch.stack([-down, -across, across, -down], -1).unflatten(-1, (1, 2, 2))
    pose = batch.views.pose.clone()
    pose[..., :2] = pose[..., :2] @ turn
    return replace(batch, keypoints=batch.keypoints @ turn, views=replace(batch.views, pose=pose))
