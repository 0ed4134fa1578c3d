"""The losses that an epoch reports, over all processes."""

from __future__ import annotations

import torch
from torch import Tensor

from poselift.pipeline.reference.process_group import ProcessGroup

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
