"""Checkpoints of others: what they claim of a network is checked before one is made."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fuzzed import tiny_lifter
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from poselift.data.errors import FormatError
from poselift.models.lifters import open_lifter
from poselift.models.reference_checkpoints import load_reference_checkpoint, read_checkpoint
from poselift.models.temporal import Architecture, TemporalModel
from poselift.models.weights import save_lifter

ARCH = Architecture(17, 2, 17, (3, 3), 8)


def saved(path: Path, about: Any = None, zipped: bool = True, **tensors: Any) -> Path:
    """A checkpoint of the reference with some tensors replaced."""
    state: dict[str, Any] = dict(TemporalModel(ARCH).state_dict()) | {
        name.replace("__", "."): tensor for name, tensor in tensors.items()
    }
    torch.save(
        {"model_pos": state, "poselift": about or {}}, path, _use_new_zipfile_serialization=zipped
    )
    return path


TENSORS: list[tuple[str, Callable[[], Any], str]] = [
    ("expand_conv__weight", lambda: torch.zeros(8, 34, 3).to(torch.complex64), "complex64"),
    ("expand_conv__weight", lambda: torch.zeros(8, 34, 3, dtype=torch.int32), "torch.int32"),
    ("expand_conv__weight", lambda: torch.zeros(8, 34), "no temporal model"),
    ("expand_conv__weight", lambda: torch.tensor(1.0), "no temporal model"),
    ("expand_conv__weight", lambda: torch.full((8, 34, 3), torch.nan), "no number"),
    ("expand_conv__weight", lambda: torch.zeros(8, 34, 3).double() + 1e300, "no number"),
    ("expand_conv__weight", lambda: torch.zeros(8, 33, 3), "2D in, 3D out"),
    ("expand_conv__weight", lambda: torch.zeros(8, 34, 4), "must be odd"),
    ("expand_conv__weight", lambda: torch.zeros(0, 34, 3), "channels must be a whole number"),
    ("expand_bn__running_var", lambda: -torch.ones(8), "variances below 0"),
    ("expand_bn__running_var", lambda: torch.ones(7), "do not fit its architecture"),
    ("expand_bn__num_batches_tracked", lambda: torch.tensor(0.5), "num_batches_tracked"),
    ("shrink__weight", lambda: torch.zeros(()), "no temporal model"),
    ("shrink__weight", lambda: "text", "more than named tensors"),
    ("layers_conv__0__weight", lambda: torch.zeros(8), "no temporal model"),
]


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(("name", "make", "said"), TENSORS)
def test_a_tensor_that_cannot_be(
    name: str, make: Callable[[], Any], said: str, zipped: bool, tmp_path: Path
) -> None:
    path = saved(tmp_path / "x.bin", zipped=zipped, **{name: make()})
    with pytest.raises(FormatError, match=rf"x\.bin: .*{said}"):
        load_reference_checkpoint(path)


@pytest.mark.parametrize("widths", [[None], ["3"], [3.0], [True, 3], {"a": 1}, "33", 3])
def test_filter_widths_are_whole_numbers(widths: Any, tmp_path: Path) -> None:
    path = saved(tmp_path / "x.bin", {"filter_widths": widths})
    with pytest.raises(FormatError, match=r"x\.bin: its filter_widths are"):
        load_reference_checkpoint(path)


def test_other_kinds_of_numbers_become_single_precision(tmp_path: Path) -> None:
    """And a tensor that lies across its storage is read as it is meant."""
    across = torch.randn(3, 34, 8).permute(2, 1, 0)
    path = saved(tmp_path / "x.bin", expand_conv__weight=across, shrink__bias=torch.ones(51).half())
    state = load_reference_checkpoint(path).position.state_dict()
    assert torch.equal(state["expand_conv.weight"], across)
    assert {t.dtype for n, t in state.items() if "num_batches" not in n} == {torch.float32}


@pytest.mark.parametrize("zipped", [True, False])
def test_what_torch_saves_is_read_as_torch_reads_it(zipped: bool, tmp_path: Path) -> None:
    random, network = np.random.RandomState(7), TemporalModel(ARCH)
    random.normal()
    optimizer = torch.optim.Adam(network.parameters(), amsgrad=True)
    network(torch.randn(2, 30, 17, 2)).sum().backward()
    optimizer.step()
    state = {
        "lr": np.float64(0.1), "random_state": random, "model_pos": network.state_dict(),
        "optimizer": optimizer.state_dict(), "none": None, "rng": torch.get_rng_state(),
        "odd": [torch.zeros(0, 3), torch.tensor([True, False]), torch.ones(2).bfloat16()],
    }  # fmt: skip
    path = tmp_path / "x.bin"
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    found = read_checkpoint(path)
    trusted = torch.load(path, weights_only=False)  # this test's own file
    assert _same(found, trusted)
    assert found["random_state"].normal() == pickle.loads(pickle.dumps(random)).normal()


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return isinstance(a, np.random.RandomState) or a == b


DESCRIPTIONS: list[tuple[str, Any]] = [
    ("joints_in", 18.0), ("joints_in", True), ("joints_in", -1), ("joints_out", 10**9),
    ("features_in", "3"), ("channels", 10**8), ("channels", None), ("filter_widths", []),
    ("filter_widths", [3, 3, "3"]), ("filter_widths", 3), ("filter_widths", [2, 3]),
    ("filter_widths", [True, 3]), ("dropout", 2), ("dropout", "x"), ("causal", 1),
    ("dense", None), ("unknown", 1),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "value"), DESCRIPTIONS)
def test_a_description_that_cannot_be(entry: str, value: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_lifter(path, tiny_lifter())
    with safe_open(path, framework="pt") as archive:
        about = json.loads(archive.metadata()["poselift"])
        tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118
    about["architectures"]["position"][entry] = value
    save_file(tensors, path, metadata={"poselift": json.dumps(about)})
    with pytest.raises(FormatError, match=r"x\.safetensors: its description is .* Get the file"):
        open_lifter(str(path))


def test_networks_that_do_not_belong_together(tmp_path: Path) -> None:
    twin = TemporalModel(Architecture(17, 2, 1, (3, 5), 8)).state_dict()
    path = tmp_path / "x.bin"
    torch.save({"model_pos": TemporalModel(ARCH).state_dict(), "model_traj": twin}, path)
    with pytest.raises(FormatError, match="trajectory network reads something else"):
        load_reference_checkpoint(path)
