"""BatchNorm over the batch of all processes, so that two train as one would.

torch's SyncBatchNorm needs GPUs; this runs wherever torch.distributed does.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


class GlobalBatchNorm1d(nn.BatchNorm1d):
    """As nn.BatchNorm1d, with the statistics of every process's samples."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, T), N may be 0 in some process; statistics are float32."""
        if not self.training:
            return super().forward(x)
        values = x.float()
        count = values.new_tensor([values.shape[0] * values.shape[2]])
        sums = all_reduce(torch.cat([values.sum((0, 2)), count]))
        mean, everyone = sums[:-1] / sums[-1], sums[-1]
        variance = all_reduce((values - mean[:, None]).square().sum((0, 2))) / everyone
        self._remember(mean.detach(), variance.detach(), everyone.detach())
        scale = self.weight * (variance + self.eps).rsqrt()
        return (values * scale[:, None] + (self.bias - mean * scale)[:, None]).to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        momentum = float(self.momentum or 0.0)
        unbiased = variance * count / (count - 1).clamp(min=1)
        assert self.running_mean is not None and self.running_var is not None
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(unbiased, momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)


def share_batch_norm(model: nn.Module) -> None:
    """Let every BatchNorm of a model see all processes; parameters and names stay."""
    if dist.get_world_size() == 1:
        return
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.__class__ = GlobalBatchNorm1d
