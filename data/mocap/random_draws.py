"""Random numbers from one seeded stream, on the device that trains."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class RandomDraws:
    """Two with one seed draw the same numbers."""

    def __init__(self, seed: int, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        self.generator = torch.Generator(self.device).manual_seed(seed)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        draw = torch.rand(shape, generator=self.generator, device=self.device)
        return low + (high - low) * draw

    def log_uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return self.uniform(math.log(low), math.log(high), *shape).exp()

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, device=self.device)
