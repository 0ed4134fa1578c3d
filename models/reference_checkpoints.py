"""Checkpoints of the reference (`.bin`), read without trusting them.

They do not say which keypoints they read or how they are built; it is read off their
tensors. Ours in the same format add a few words that say it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from poselift.data.errors import FormatError, UnsafeFile, reason_of
from poselift.data.files.safe_archive import DAMAGED
from poselift.data.skeletons import SKELETONS, skeleton_named
from poselift.models.plain_checkpoint import load_checkpoint
from poselift.models.temporal import Architecture, TemporalModel
from poselift.models.weights import LifterWeights, built_model

# What our own training adds to a reference checkpoint: what its tensors do not say.
ABOUT = "poselift"
POSES_BY_JOINTS = {17: "h36m", 15: "humaneva15", 20: "humaneva20"}


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
    if filter_widths is None and about.get("filter_widths") is not None:
        filter_widths = _widths(path, about["filter_widths"])
    position = _from_state(path, state["model_pos"], causal, filter_widths)
    trajectory = None
    if isinstance(state.get("model_traj"), Mapping):
        trajectory = _from_state(path, state["model_traj"], causal, filter_widths)
    joints = position.arch.joints_out
    if joints not in POSES_BY_JOINTS:
        known = ", ".join(f"{name} ({count})" for count, name in POSES_BY_JOINTS.items())
        raise FormatError(f"{path}: gives {joints} joints; known poses are {known}.")
    try:
        return LifterWeights(
            name=path.name,
            input_kind="screen",
            layout_in=SKELETONS.get(str(about.get("layout_in"))),
            layout_out=skeleton_named(POSES_BY_JOINTS[joints]),
            position=position,
            trajectory=trajectory,
        )
    except ValueError as error:
        raise FormatError(f"{path}: {error}. Get the file again.") from error


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A torch checkpoint, read as data; the reference also stores a NumPy random state.

    Raises: UnsafeFile, FormatError.
    """
    try:
        state = load_checkpoint(path)
    except UnsafeFile as error:
        raise UnsafeFile(
            f"{path}: refused, it could run code ({error}). Get the file from its author again."
        ) from None
    except DAMAGED as error:
        raise FormatError(
            f"{path}: not a torch checkpoint ({reason_of(error)}). Get the file again."
        ) from error
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
        outputs, _channels, _one = state["shrink.weight"].shape
        layers = sum(key.startswith("layers_conv.") for key in state)
        if layers % 2:
            raise ValueError(f"{layers} layers are no whole blocks")
        kernels = [first]
        for block in range(layers // 2):
            _out, _in, kernel = state[f"layers_conv.{2 * block}.weight"].shape
            kernels.append(kernel)
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
    return built_model(arch, state, path)


def _widths(path: Path, value: Any) -> tuple[int, ...]:
    """Raises: FormatError: no list of whole numbers."""
    if not isinstance(value, list | tuple) or not all(type(width) is int for width in value):
        raise FormatError(f"{path}: its filter_widths are {value!r:.80}. Get the file again.")
    return tuple(value)


def _dashed(widths: tuple[int, ...]) -> str:
    return "-".join(map(str, widths))
