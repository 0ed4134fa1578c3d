"""Where the lifter of a run comes from: trained now, or read from a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from poselift.data.datasets.motion_datasets import MotionDataset
from poselift.data.errors import FormatError
from poselift.data.progress import Progress
from poselift.models.lifters import open_lifter
from poselift.models.reference_checkpoints import ABOUT, load_reference_checkpoint, read_checkpoint
from poselift.models.registry import lifter_names
from poselift.models.weights import LifterWeights
from poselift.pipeline.reference.keypoint_checkpoints import find_checkpoint
from poselift.pipeline.reference.settings import Evaluation, StoredLifter, Training
from poselift.pipeline.reference.train_run import train


def obtain(
    source: Training | StoredLifter,
    evaluation: Evaluation,
    dataset: MotionDataset,
    device: str,
    progress: Progress,
) -> LifterWeights | None:
    """Train or read; None in the processes of a group that do not lead. Raises: PoseliftError."""
    if isinstance(source, Training):
        return train(source, evaluation, dataset, device, progress)
    return open_stored(source, progress)


def open_stored(stored: StoredLifter, progress: Progress) -> LifterWeights:
    """The name of a shipped lifter needs no file; our own format (.safetensors) is taken as it is.

    Raises: FormatError: it is missing, damaged, or not of the architecture that was given.
    """
    if stored.name in lifter_names():
        return open_lifter(stored.name)[0]
    path = find_checkpoint(stored.folder, stored.name)
    progress.say(f"Loading checkpoint {path}")
    if path.suffix == ".safetensors":
        return open_lifter(str(path))[0]
    given = stored.filter_widths
    if stored.dense and given is None:
        given = dense_widths(path)
    weights = load_reference_checkpoint(path, causal=stored.causal, filter_widths=given)
    found = weights.position.arch.channels
    if stored.channels not in (None, found):
        raise FormatError(
            f"{path}: has {found} channels, not {stored.channels}; "
            f"leave -ch out or give -ch {found}."
        )
    progress.say(f"INFO: Receptive field: {weights.receptive_field} frames")
    return weights


def dense_widths(path: Path) -> tuple[int, ...] | None:
    """Filter widths of a checkpoint whose kernels are full ones; None if it says itself.

    A dense kernel has (width - 1) * dilation + 1 taps.
    Raises: FormatError.
    """
    state = read_checkpoint(path)
    tensors = state.get("model_pos")
    if ABOUT in state or not isinstance(tensors, Mapping):
        return None
    names = ["expand_conv.weight"]
    names += [f"layers_conv.{i}.weight" for i in range(0, len(tensors), 2)]
    found: list[int] = []
    for name in names:
        if getattr(tensors.get(name), "ndim", 0) == 3:
            found.append((tensors[name].shape[2] - 1) // math.prod(found) + 1)
    return tuple(found)
