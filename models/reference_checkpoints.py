"""Checkpoints of the reference (`.bin`), read without trusting them.

They do not say which keypoints they read or how they are built; it is read off their
tensors. Ours in the same format add a few words that say it.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from poselift.data.errors import FormatError, UnsafeFile
from poselift.data.files.source_files import check_is_file
from poselift.data.skeletons import SKELETONS, skeleton_named
from poselift.models.temporal import Architecture, TemporalModel
from poselift.models.weights import LifterWeights, brief_reason, built_model

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
    check_is_file(path, "a checkpoint")
    try:
        with torch.serialization.safe_globals(_random_state_constructors()):
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, KeyError, ValueError, TypeError) as error:
        raise FormatError(f"{path}: not a torch checkpoint ({brief_reason(error)}).") from error
    except pickle.UnpicklingError as error:
        if "nsupported" in str(error):
            raise UnsafeFile(
                f"{path}: refused, it could run code ({brief_reason(error)}). "
                "Get the file from its author again."
            ) from None
        raise FormatError(f"{path}: not a torch checkpoint ({brief_reason(error)}).") from error
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
    return built_model(arch, state, path)


def _dashed(widths: tuple[int, ...]) -> str:
    return "-".join(map(str, widths))


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
