"""Training on processors with and without bfloat16 arithmetic."""

from __future__ import annotations

import pytest
import torch

from poselift.models.optimizers import FloatMuon, MuonAdamW, nearest_orthogonal
from poselift.models.precision import computes_bf16, training_precision
from poselift.models.temporal import Architecture, TemporalModel

CPU = torch.device("cpu")


@pytest.fixture
def level(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: request.param)
    return str(request.param)


@pytest.mark.parametrize(
    ("level", "computes"),
    [("AVX2", False), ("DEFAULT", False), ("AVX512", True)],
    indirect=["level"],
)
def test_bf16_is_used_only_where_it_is_computed(level: str, computes: bool) -> None:
    assert computes_bf16(CPU) is computes
    with training_precision(CPU, bf16=True):
        assert torch.is_autocast_enabled("cpu") is computes
    with training_precision(CPU, bf16=False):
        assert not torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize("shape", [(24, 60), (60, 24), (32, 48)])
def test_the_nearest_orthogonal_matrix(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    found = nearest_orthogonal(matrix)
    values = torch.linalg.svdvals(found)
    assert values.min() > 0.3 and values.max() < 1.6
    rotated = left.T @ found @ right.T
    assert (rotated - rotated.diag().diag()).abs().max() < 1e-4


def test_float_muon_steps_like_torchs_muon() -> None:
    start = torch.randn(48, 96, generator=torch.Generator().manual_seed(4))
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    settings = {"lr": 0.02, "weight_decay": 0.05, "adjust_lr_fn": "match_rms_adamw"}
    optimizers = FloatMuon([ours], **settings), torch.optim.Muon([theirs], **settings)
    draws = torch.Generator().manual_seed(5)
    for _ in range(5):
        gradient = torch.randn(48, 96, generator=draws)
        ours.grad, theirs.grad = gradient, gradient.clone()
        for optimizer in optimizers:
            optimizer.step()
    moved = (theirs - start).norm()
    assert moved > 0.5
    assert (ours - theirs).norm() < 0.02 * moved  # bfloat16 has eight bits


@pytest.mark.parametrize("level", ["AVX2", "AVX512"], indirect=True)
def test_a_checkpoint_goes_on_on_the_other_processor(
    level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = TemporalModel(Architecture(17, 2, 17, (3,), 16))

    def optimizer() -> MuonAdamW:
        return MuonAdamW([model], learning_rate=0.01, adamw_rate=0.001, weight_decay=0.05)

    def stepped(by: MuonAdamW) -> None:
        model(torch.ones(2, 3, 17, 2)).square().sum().backward()
        by.step(1.0)

    first = optimizer()
    stepped(first)
    other = {"AVX2": "AVX512", "AVX512": "AVX2"}[level]
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: other)
    second = optimizer()
    second.load_state_dict(first.state_dict())
    before = model.expand_conv.weight.detach().clone()
    stepped(second)
    assert torch.isfinite(model.expand_conv.weight).all()
    assert (model.expand_conv.weight - before).norm() > 0
