"""Weights on disk: our safetensors with their description, and the reference's files.

A lifter's description travels in the safetensors header, so that a checkpoint says for
itself which keypoints it reads, how it is built and whether it has a trajectory.
Reference checkpoints (`.bin`) say none of that; it is read off their tensors.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from data.errors import FormatError, UnknownName, UnsafeFile
from data.skeletons import SKELETONS, Skeleton, skeleton_named
from models.inputs import InputKind, input_shape
from models.outputs import OutputKind, output_rows
from models.temporal import Architecture, TemporalModel

FORMAT = "poselift-lifter/1"
# What our own training adds to a reference checkpoint: what its tensors do not say.
ABOUT = "poselift"
POSES_BY_JOINTS = {17: "h36m", 15: "humaneva15", 20: "humaneva20"}


@dataclass(frozen=True)
class LifterWeights:
    """A position network, perhaps a trajectory network, and what they expect.

    Args:
        name: for messages and summaries.
        input_kind: see models.inputs.
        layout_in: the keypoints' skeleton; None when the file does not say
            (reference checkpoints), then only the number of joints is known.
        layout_out: the skeleton of the poses.
        position: network whose output models.outputs.pose_of reads.
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
    try:
        with safe_open(path, framework="pt") as archive:
            text = (archive.metadata() or {}).get("poselift")
            tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise FormatError(f"{path}: no such checkpoint. List them: poselift weights list") from None
    except (SafetensorError, OSError) as error:
        raise FormatError(f"{path}: not a safetensors file ({error}).") from error
    try:
        about = json.loads(text or "{}")
        if about.get("format") != FORMAT:
            raise FormatError(f"{path}: no lifter of ours ({about.get('format')} is not {FORMAT}).")
        networks = {
            role: _built(Architecture(**arch), _under(tensors, role), path)
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
    except (AttributeError, KeyError, TypeError, ValueError, UnknownName) as error:
        raise FormatError(f"{path}: its description is incomplete ({error!r}).") from error


def load_reference_checkpoint(
    path: Path, *, causal: bool = False, filter_widths: tuple[int, ...] | None = None
) -> LifterWeights:
    """Read a `.bin` checkpoint of VideoPose3D.

    The architecture is read off the tensors. Two things leave no trace in them: whether
    the model is causal, and that kernels are dense when the widths are not given. Our
    own checkpoints say both, and which keypoints they read.

    Args:
        filter_widths: what the user believes; None takes what the file says.
    Raises:
        UnsafeFile: the pickle names something outside the allow-list.
        FormatError: not such a checkpoint, or the widths disagree with it.
    """
    state = read_checkpoint(path)
    if not isinstance(state.get("model_pos"), Mapping):
        raise FormatError(f"{path}: holds no 'model_pos'; not a checkpoint of VideoPose3D.")
    about = state.get(ABOUT)
    about = about if isinstance(about, Mapping) else {}
    causal = causal or about.get("causal") is True
    if filter_widths is None and isinstance(about.get("filter_widths"), list):
        filter_widths = tuple(int(width) for width in about["filter_widths"])
    position = _from_state(path, state["model_pos"], causal, filter_widths)
    trajectory = None
    if isinstance(state.get("model_traj"), Mapping):
        trajectory = _from_state(path, state["model_traj"], causal, filter_widths)
    joints = position.arch.joints_out
    if joints not in POSES_BY_JOINTS:
        known = ", ".join(f"{name} ({count})" for count, name in POSES_BY_JOINTS.items())
        raise FormatError(f"{path}: gives {joints} joints; known poses are {known}.")
    return LifterWeights(
        name=path.name,
        input_kind="screen",
        layout_in=SKELETONS.get(str(about.get("layout_in"))),
        layout_out=skeleton_named(POSES_BY_JOINTS[joints]),
        position=position,
        trajectory=trajectory,
    )


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A torch checkpoint, read by torch's restricted unpickler.

    Beyond tensors, only the constructors of a NumPy random state are let through:
    the reference stores one in every checkpoint.
    """
    try:
        with torch.serialization.safe_globals(_random_state_constructors()):
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise FormatError(f"{path}: no such checkpoint.") from None
    except (RuntimeError, EOFError, OSError, KeyError, ValueError, TypeError) as error:
        raise FormatError(f"{path}: not a torch checkpoint ({_brief(error)}).") from error
    except pickle.UnpicklingError as error:
        if "nsupported" in str(error):
            raise UnsafeFile(
                f"{path}: refused, it could run code ({_brief(error)}). "
                "Get the file from its author again."
            ) from None
        raise FormatError(f"{path}: not a torch checkpoint ({_brief(error)}).") from error
    if not isinstance(state, dict):
        raise FormatError(f"{path}: holds a {type(state).__name__}, not a checkpoint.")
    return state


def architecture_of(
    state: Mapping[str, Tensor],
    *,
    causal: bool = False,
    filter_widths: tuple[int, ...] | None = None,
) -> Architecture:
    """Read an architecture off a state dict's shapes.

    A block's kernel is its width (dilated) or 2 * pad + 1 (dense); when the widths are
    not given, the kernel is taken as the width.
    Raises: ValueError: names or shapes are not those of the temporal model, or the
        given widths do not fit them.
    """
    try:
        channels, inputs, first = state["expand_conv.weight"].shape
        outputs = state["shrink.weight"].shape[0]
        layers = sum(key.startswith("layers_conv.") for key in state)
        if layers % 2:
            raise ValueError(f"{layers} layers are no whole blocks")
        blocks = layers // 2
        kernels = [first, *(state[f"layers_conv.{2 * b}.weight"].shape[2] for b in range(blocks))]
    except (KeyError, ValueError) as error:
        raise ValueError(f"no temporal model: {error}") from error
    if inputs % 2 or outputs % 3:
        raise ValueError(f"{inputs} inputs and {outputs} outputs are not 2D in, 3D out")

    def build(widths: tuple[int, ...], dense: bool) -> Architecture:
        return Architecture(
            inputs // 2, 2, outputs // 3, widths, channels, causal=causal, dense=dense
        )

    found = tuple(int(kernel) for kernel in kernels)
    if filter_widths is None or filter_widths == found:
        return build(found, dense=False)
    wanted = build(filter_widths, dense=True)
    spans = (filter_widths[0], *(2 * span + 1 for span in wanted.kernel_spans[1:]))
    if spans == found:
        return wanted
    raise ValueError(
        f"its filter widths are {_dashed(found)}, not {_dashed(filter_widths)}; "
        f"leave -arc out or give -arc {','.join(map(str, found))}"
    )


def _from_state(
    path: Path, state: Mapping[str, Tensor], causal: bool, widths: tuple[int, ...] | None
) -> TemporalModel:
    if not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()):
        raise FormatError(f"{path}: holds more than named tensors; not a checkpoint.")
    try:
        arch = architecture_of(state, causal=causal, filter_widths=widths)
    except ValueError as error:
        raise FormatError(f"{path}: {error}.") from error
    return _built(arch, state, path)


def _built(arch: Architecture, state: Mapping[str, Tensor], path: Path) -> TemporalModel:
    """A model that takes over the tensors; no memory is set aside for what they lack."""
    precise = {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
    try:
        with torch.device("meta"):
            model = TemporalModel(arch)
        model.load_state_dict(precise, assign=True)
    except (RuntimeError, TypeError, ValueError) as error:
        raise FormatError(
            f"{path}: tensors do not fit its architecture ({_brief(error)})."
        ) from error
    return model.eval()


def _under(tensors: Mapping[str, Tensor], role: str) -> dict[str, Tensor]:
    prefix = role + "."
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _dashed(widths: tuple[int, ...]) -> str:
    return "-".join(map(str, widths))


def _brief(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [line for line in lines if "nsupported" in line]
    return (named or lines or [type(error).__name__])[0][:160]


def _random_state_constructors() -> list[Any]:
    """(object, pickled name) pairs that a pickled numpy.random.RandomState needs."""
    core, rebuild = np._core.multiarray, np.random._pickle  # type: ignore[attr-defined]
    legacy_random_state = rebuild.__dict__["__randomstate_ctor"]
    bit_generator = rebuild.__dict__["__bit_generator_ctor"]
    pairs: list[Any] = [
        (legacy_random_state, "numpy.random._pickle.__randomstate_ctor"),
        (legacy_random_state, "numpy.random.__RandomState_ctor"),
        (bit_generator, "numpy.random._pickle.__bit_generator_ctor"),
        (np.random.MT19937, "numpy.random._mt19937.MT19937"),
        (np.random.RandomState, "numpy.random.mtrand.RandomState"),
        (np.ndarray, "numpy.ndarray"),
        (np.dtype, "numpy.dtype"),
        (type(np.dtype(np.uint32)), "numpy.dtypes.UInt32DType"),
    ]
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        pairs.append((core._reconstruct, f"{module}._reconstruct"))
        pairs.append((core.scalar, f"{module}.scalar"))
    return pairs
