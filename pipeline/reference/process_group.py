"""The processes that train one model together; usually there is one.

torchrun starts them and says so in the environment. A batch is shared out, gradients
are summed, and what is divided by is counted over all, so that the result is that of
one process with the whole batch.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce

# The first process evaluates while the others wait.
PATIENCE = timedelta(hours=12)


@dataclass(frozen=True)
class ProcessGroup:
    """This process's place: `rank` of `size`."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Prints, evaluates and writes files."""
        return self.rank == 0

    def share(self, samples: np.ndarray) -> np.ndarray:
        """This process's part of a batch; perhaps nothing of a small one."""
        return samples[self.rank :: self.size]

    def total(self, value: Tensor) -> Tensor:
        """The sum over all processes; gradients flow back to each."""
        return value if self.size == 1 else all_reduce(value)

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its sum over all processes, in one exchange."""
        if self.size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        for gradient, part in zip(
            gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True
        ):
            gradient.copy_(part.view_as(gradient))

    def gather(self, value: Any) -> list[Any]:
        """Every process's value, in the order of ranks."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values


@contextmanager
def joined(device: str) -> Iterator[tuple[ProcessGroup, str]]:
    """The group that torchrun started this process in, and the device to train on.

    With GPUs each process takes its own and they talk through nccl, else through gloo.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ProcessGroup(), device
        return
    if device == "cuda":
        device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        torch.cuda.set_device(device)
    backend = "nccl" if device.startswith("cuda") else "gloo"
    dist.init_process_group(backend, timeout=PATIENCE)
    try:
        yield ProcessGroup(dist.get_rank(), size), device
    finally:
        dist.destroy_process_group()
