"""How networks are trained: Muon for the convolutions, AdamW for all else.

Muon turns each convolution's step into the nearest orthogonal matrix, so that all
directions of a layer learn at one pace. On our motion capture it reaches in under half
the steps what AdamW reaches.
Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024;
torch.optim.Muon.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from poselift.models.precision import computes_bf16
from poselift.models.temporal import TemporalModel


class FloatMuon(torch.optim.Muon):
    """torch.optim.Muon, which orthogonalizes in bfloat16, in float32.

    For devices that have no bfloat16 arithmetic. Of Muon's settings it has Nesterov momentum
    and `match_rms_adamw`, whatever is asked for; its state is Muon's.
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            rate, inertia = group["lr"], group["momentum"]
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(matrix.grad)
                momentum = state["momentum_buffer"].lerp_(matrix.grad, 1 - inertia)
                update = nearest_orthogonal(
                    matrix.grad.lerp(momentum, inertia),
                    group["ns_coefficients"],
                    group["ns_steps"],
                    group["eps"],
                )
                matrix.mul_(1 - rate * group["weight_decay"])
                matrix.add_(update, alpha=-rate * 0.2 * math.sqrt(max(matrix.shape)))


def nearest_orthogonal(
    matrix: Tensor,
    coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
    steps: int = 5,
    epsilon: float = 1e-7,
) -> Tensor:
    """(A, B) -> about U V^T of its singular value decomposition, by Newton-Schulz steps.

    Singular values come out between 0.5 and 1.5, as in torch.optim.Muon.
    """
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    wide = matrix.T if tall else matrix
    wide = wide / wide.norm().clamp(min=epsilon)
    for _ in range(steps):
        gram = wide @ wide.T
        wide = torch.addmm(wide, torch.addmm(gram, gram, gram, beta=b, alpha=c), wide, beta=a)
    return wide.T if tall else wide


class MuonAdamW:
    """Both as one. Learning rates are given per step, as parts of the peak.

    Args:
        learning_rate: Muon's peak, in units of AdamW's step size.
        adamw_rate: AdamW's peak, for norms, biases and the last layers.
    """

    def __init__(
        self,
        models: Sequence[TemporalModel],
        *,
        learning_rate: float,
        adamw_rate: float,
        weight_decay: float,
    ) -> None:
        self._kernels = [
            conv.weight
            for model in models
            for conv in model.modules()
            if isinstance(conv, nn.Conv1d) and conv is not model.shrink
        ]
        # Muon takes matrices: the same memory, seen as (out, in * width).
        self._matrices = [nn.Parameter(kernel.data.flatten(1)) for kernel in self._kernels]
        kernels = {id(kernel) for kernel in self._kernels}
        others = [p for model in models for p in model.parameters() if id(p) not in kernels]
        self._peaks = (learning_rate, adamw_rate)
        muon = torch.optim.Muon if computes_bf16(self._matrices[0].device) else FloatMuon
        self._muon = muon(
            self._matrices,
            lr=learning_rate,
            weight_decay=weight_decay,
            adjust_lr_fn="match_rms_adamw",
        )
        self._adamw = torch.optim.AdamW(others, lr=adamw_rate, weight_decay=0.01)

    def step(self, part: float) -> None:
        """One step at `part` of the peak rates; gradients are then cleared."""
        for matrix, kernel in zip(self._matrices, self._kernels, strict=True):
            matrix.grad = None if kernel.grad is None else kernel.grad.flatten(1)
        for optimizer, peak in zip((self._muon, self._adamw), self._peaks, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = peak * part
            optimizer.step()
            optimizer.zero_grad()
        for kernel in self._kernels:
            kernel.grad = None

    def state_dict(self) -> dict[str, Any]:
        return {"muon": self._muon.state_dict(), "adamw": self._adamw.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._muon.load_state_dict(state["muon"])
        self._adamw.load_state_dict(state["adamw"])
