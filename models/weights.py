"""Lifters on disk: safetensors with their description.

The description travels in the header, so that a checkpoint says for itself which keypoints
it reads, how it is built and whether it has a trajectory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from poselift.data.errors import FormatError, UnknownName, reason_of
from poselift.data.files.file_kinds import FileKind
from poselift.data.files.safe_archive import DAMAGED
from poselift.data.files.source_files import check_is_file
from poselift.data.skeletons import Skeleton, skeleton_named
from poselift.models.inputs import InputKind, input_shape
from poselift.models.outputs import OutputKind, output_rows
from poselift.models.temporal import Architecture, TemporalModel

FORMAT = "poselift-lifter/1"


def _is_lifter(path: Path) -> bool:
    try:
        with safe_open(path, framework="pt") as archive:
            return "poselift" in (archive.metadata() or {})
    except SafetensorError:
        return False


LIFTER_FILE = FileKind("a lifter", (".safetensors",), _is_lifter)


@dataclass(frozen=True)
class LifterWeights:
    """A position network, perhaps a trajectory network, and what they expect.

    Args:
        name: for messages and summaries.
        input_kind: see poselift.models.inputs.
        layout_in: the keypoints' skeleton; None when the file does not say
            (reference checkpoints), then only the number of joints is known.
        layout_out: the skeleton of the poses.
        position: network whose output poselift.models.outputs.pose_of reads.
        trajectory: `screen`: 1 output, the root. `person`: 2, root and up direction.
    """

    name: str
    input_kind: InputKind
    layout_in: Skeleton | None
    layout_out: Skeleton
    position: TemporalModel
    trajectory: TemporalModel | None
    output_kind: OutputKind = "metres"

    def __post_init__(self) -> None:
        if self.input_kind not in get_args(InputKind):
            raise ValueError(f"no kind of input is called {self.input_kind!r}")
        if self.output_kind not in get_args(OutputKind):
            raise ValueError(f"no kind of output is called {self.output_kind!r}")
        if self.output_kind == "anchored" and self.input_kind != "person":
            raise ValueError("an anchored output needs the input of a person")
        arch, joints = self.position.arch, self.layout_in and self.layout_in.num_joints
        wanted = input_shape(self.input_kind, joints) if joints else None
        if wanted not in (None, (arch.joints_in, arch.features_in)):
            raise ValueError(f"it reads {arch.joints_in} joints, not those of its keypoints")
        if arch.joints_out != output_rows(self.output_kind, self.layout_out.num_joints):
            raise ValueError(f"it gives {arch.joints_out} joints, not those of its skeleton")
        if self.trajectory is not None:
            twin = self.trajectory.arch
            same = (twin.joints_in, twin.features_in, twin.padding)
            if same != (arch.joints_in, arch.features_in, arch.padding):
                raise ValueError("its trajectory network reads something else")
            if twin.joints_out != (1 if self.input_kind == "screen" else 2):
                raise ValueError(f"its trajectory network gives {twin.joints_out} points")

    @property
    def receptive_field(self) -> int:
        return self.position.arch.receptive_field


def save_lifter(path: Path, weights: LifterWeights, *, half: bool = False) -> None:
    """Write a lifter as safetensors, its description in the header.

    Args:
        half: store kernels as float16: half the size, and finer still than the bfloat16 of
            training; poses move by less than a tenth of a millimetre.
    """
    networks = {"position": weights.position, "trajectory": weights.trajectory}
    tensors: dict[str, Tensor] = {}
    architectures: dict[str, Any] = {}
    for role, network in networks.items():
        if network is None:
            continue
        architectures[role] = network.arch.to_dict()
        for name, tensor in network.state_dict().items():
            tensor = tensor.detach().cpu().contiguous()
            tensors[f"{role}.{name}"] = tensor.half() if half and tensor.ndim == 3 else tensor
    description = {
        "format": FORMAT,
        "name": weights.name,
        "input": weights.input_kind,
        "output": weights.output_kind,
        "layout_in": weights.layout_in.name if weights.layout_in else None,
        "layout_out": weights.layout_out.name,
        "architectures": architectures,
    }
    save_file(tensors, path, metadata={"poselift": json.dumps(description)})


def load_lifter(path: Path) -> LifterWeights:
    """Read a lifter written by save_lifter. Raises: FormatError."""
    if not os.path.lexists(path):
        raise FormatError(f"{path}: no such file. List the checkpoints: poselift weights list")
    check_is_file(path, "a checkpoint")
    try:
        with safe_open(path, framework="pt") as archive:
            text = (archive.metadata() or {}).get("poselift")
            tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118
    except (SafetensorError, *DAMAGED) as error:
        raise FormatError(
            f"{path}: not a safetensors file ({reason_of(error)}). Get the file again."
        ) from error
    try:
        about = json.loads(text or "{}")
        if about.get("format") != FORMAT:
            raise FormatError(f"{path}: no lifter of ours ({about.get('format')} is not {FORMAT}).")
        networks = {
            role: built_model(Architecture(**arch), _under(tensors, role), path)
            for role, arch in about["architectures"].items()
        }
        return LifterWeights(
            name=str(about["name"]),
            input_kind=about["input"],
            layout_in=skeleton_named(about["layout_in"]) if about["layout_in"] else None,
            layout_out=skeleton_named(about["layout_out"]),
            position=networks["position"],
            trajectory=networks.get("trajectory"),
            output_kind=about.get("output", "metres"),
        )
    except (
        AttributeError, KeyError, RecursionError, TypeError, ValueError, UnknownName,
    ) as error:  # fmt: skip
        raise FormatError(
            f"{path}: its description is incomplete or wrong ({reason_of(error)}). "
            "Get the file again."
        ) from error


def built_model(arch: Architecture, state: Mapping[str, Tensor], path: Path) -> TemporalModel:
    """A model that takes over the tensors; no memory is set aside for what they lack.

    Raises: FormatError: they are not the architecture's, or no numbers.
    """
    try:
        precise = {name: _number(name, tensor) for name, tensor in state.items()}
        with torch.device("meta"):
            model = TemporalModel(arch)
        model.load_state_dict(precise, assign=True)
    except (RuntimeError, TypeError, ValueError) as error:
        raise FormatError(
            f"{path}: tensors do not fit its architecture ({brief_reason(error)}). "
            "Get the file again."
        ) from error
    return model.eval()


def _number(name: str, tensor: Tensor) -> Tensor:
    """A network's tensor as it is used. Raises: ValueError: it cannot be one of it."""
    if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
        raise ValueError(f"{name} is not a plain tensor")
    counter = name.endswith("num_batches_tracked")
    if tensor.is_floating_point() == counter or tensor.is_complex() or tensor.ndim > 3:
        raise ValueError(f"{name} holds {tensor.ndim}-dimensional {tensor.dtype}")
    if counter:
        return tensor.long()
    precise = tensor.float().contiguous()
    if not bool(torch.isfinite(precise).all()):
        raise ValueError(f"{name} holds what is no number")
    if name.endswith("running_var") and bool((precise < 0).any()):
        raise ValueError(f"{name} holds variances below 0")
    return precise


def _under(tensors: Mapping[str, Tensor], role: str) -> dict[str, Tensor]:
    prefix = role + "."
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def brief_reason(error: BaseException) -> str:
    """The line of torch's message that says why."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("Error(s) in loading")]
    named = [line for line in lines if "nsupported" in line]
    return (named or lines or [type(error).__name__])[0][:160]
