"""What a training on 2D keypoints is asked to do."""

from __future__ import annotations

import math
from dataclasses import dataclass

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

    def __post_init__(self) -> None:
        """Raises: ValueError: values that no training can have, by their flags."""
        if not 0 <= self.dropout < 1:
            raise ValueError(f"--dropout {self.dropout}: is a probability, from 0 to below 1")
        if self.batch_size < self.stride:
            raise ValueError("--batch-size counts predicted frames: it is at least --stride")

    def momentum(self, epoch: int) -> float:
        """BatchNorm's momentum after this many epochs."""
        return FIRST_MOMENTUM * math.exp(
            -epoch / self.epochs * math.log(FIRST_MOMENTUM / LAST_MOMENTUM)
        )
