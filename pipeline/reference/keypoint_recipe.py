"""What a training on 2D keypoints is asked to do, and the losses that it reports."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from poselift.data.datasets.motion_datasets import MotionDataset
from poselift.models.temporal import Architecture
from poselift.pipeline.reference.process_group import ProcessGroup

FIRST_MOMENTUM, LAST_MOMENTUM = 0.1, 0.001


@dataclass(frozen=True)
class KeypointTraining:
    """A recipe; the defaults are the reference's.

    Args:
        batch_size: predicted frames a step.
        stride: frames that one sample predicts.
        warmup: epochs before unlabelled samples join.
        strided: use the strided twin where it can be used (stride 1, not dense).
        bone_length, projection: terms of the loss of unlabelled samples.
        distort: project through the lens's distortion.
    """

    filter_widths: tuple[int, ...] = (3, 3, 3)
    channels: int = 1024
    dropout: float = 0.25
    causal: bool = False
    dense: bool = False
    epochs: int = 60
    batch_size: int = 1024
    stride: int = 1
    learning_rate: float = 0.001
    lr_decay: float = 0.95
    mirrored: bool = True
    warmup: int = 1
    strided: bool = True
    bone_length: bool = True
    projection: bool = True
    distort: bool = True
    seed: int = 1234
    bf16: bool = False
    compiled: bool = False

    def architecture(self, dataset: MotionDataset, joints_out: int) -> Architecture:
        return Architecture(
            dataset.layout_in.num_joints,
            2,
            joints_out,
            self.filter_widths,
            self.channels,
            self.dropout,
            self.causal,
            self.dense,
        )

    def momentum(self, epoch: int) -> float:
        """BatchNorm's momentum after this many epochs."""
        return FIRST_MOMENTUM * math.exp(
            -epoch / self.epochs * math.log(FIRST_MOMENTUM / LAST_MOMENTUM)
        )


NAMES = ("3d", "trajectory", "2d")


class EpochLosses:
    """Sums of errors and what they are divided by, kept on the device."""

    def __init__(self, device: torch.device) -> None:
        self._type = torch.float32 if device.type == "mps" else torch.float64
        self._sums = {name: torch.zeros((), dtype=self._type, device=device) for name in NAMES}
        self._counts = dict.fromkeys(NAMES, 0)

    def add(self, name: str, mean: Tensor, count: int) -> None:
        """`mean` is this process's part of a batch's mean over `count` values."""
        self._sums[name] += mean.detach().to(self._type) * count
        self._counts[name] += count

    def means(self, group: ProcessGroup) -> dict[str, float]:
        """Over all processes. `3d` and `trajectory` metres, `2d` screen units."""
        return {
            name: float(group.total(self._sums[name])) / self._counts[name]
            for name in NAMES
            if self._counts[name]
        }
