"""`epoch_N.bin`: checkpoints that the reference reads, and that resume exactly.

The reference stores no BatchNorm momentum and not where the endless stream of unlabelled
samples stands; ours add what is missing under a key of their own.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from poselift.data.datasets.published_files import check_present
from poselift.data.errors import FormatError, reason_of
from poselift.data.files.file_kinds import FileKind
from poselift.data.files.places import weights_file
from poselift.data.files.whole_file import whole_file
from poselift.models.reference_checkpoints import ABOUT, read_checkpoint
from poselift.pipeline.reference.train_keypoints import KeypointTrainer

RESUME = "poselift_resume"
CHECKPOINT_FILE = FileKind("a checkpoint", (), lambda path: "model_pos" in read_checkpoint(path))
STANDARD = Path("checkpoint")  # where the reference keeps its checkpoints


def find_checkpoint(folder: Path, name: str) -> Path:
    """`folder/name` as given; what is not in `checkpoint/` here may be shipped or fetched.

    Raises: FormatError.
    """
    path = folder / name
    if not path.is_file() and path.is_relative_to(STANDARD):
        path = weights_file(path.relative_to(STANDARD)) or path
    check_present(path)
    return path


def save_checkpoint(path: Path, trainer: KeypointTrainer) -> None:
    """Write all that a training needs to go on; whole or not at all. Called by all processes.

    Raises: OutputError.
    """
    random = trainer.group.gather(_random_state(trainer.device))
    if not trainer.group.leads:
        return
    recipe, endless, layout = trainer.recipe, trainer.endless, trainer.dataset.layout_in
    state: dict[str, Any] = {
        "epoch": trainer.epoch,
        "lr": trainer.learning_rate,
        "random_state": trainer.order.random,
        "optimizer": trainer.optimizer.state_dict(),
        "model_pos": _tensors(trainer.position),
        "model_traj": None if trainer.trajectory is None else _tensors(trainer.trajectory),
        "random_state_semi": None if endless is None else endless.random,
        ABOUT: {
            "dataset": trainer.dataset.name,
            "layout_in": layout.name if layout.bones else None,
            "filter_widths": list(recipe.filter_widths),
            "causal": recipe.causal,
            "dense": recipe.dense,
        },
        RESUME: {
            "recipe": asdict(recipe) | {"filter_widths": list(recipe.filter_widths)},
            "bn_momentum": recipe.momentum(trainer.epoch),
            "semi_drawn_from": None if endless is None else endless.drawn_from,
            "semi_position": 0 if endless is None else endless.position,
            "torch_random": random,
        },
    }
    with whole_file(path) as part:
        torch.save(state, part)


def resume(path: Path, trainer: KeypointTrainer) -> None:
    """Stand where the training that wrote the file stood; the reference's files serve, too.

    Those say less: the stream of unlabelled samples then starts a fresh permutation.
    Raises: UnsafeFile; FormatError: damaged, or of another architecture or kind of training.
    """
    state = read_checkpoint(path)
    if (trainer.trajectory is None) != (state.get("model_traj") is None):
        kinds = "supervised", "semi-supervised"
        theirs, ours = kinds[state.get("model_traj") is not None], kinds[bool(trainer.trajectory)]
        raise FormatError(f"{path}: its training was {theirs}, this one is {ours}: see -sun.")
    try:
        trainer.position.load_state_dict(state["model_pos"])
        if trainer.trajectory is not None:
            trainer.trajectory.load_state_dict(state["model_traj"])
        trainer.optimizer.load_state_dict(state["optimizer"])
        trainer.epoch, trainer.learning_rate = int(state["epoch"]), float(state["lr"])
        trainer.order.random = _generator(state["random_state"])
        if trainer.endless is not None:
            trainer.endless.random = _generator(state["random_state_semi"])
        own = state.get(RESUME)
        if isinstance(own, Mapping):
            _restore_streams(trainer, own)
    except (
        AttributeError, LookupError, OverflowError, RuntimeError, TypeError, ValueError,
    ) as error:  # fmt: skip
        raise FormatError(
            f"{path}: cannot be resumed ({reason_of(error)}). Give the -arc, -ch and -k "
            "that it was trained with, or start anew."
        ) from error
    trainer.resume_schedules()


def _restore_streams(trainer: KeypointTrainer, own: Mapping[str, Any]) -> None:
    if trainer.endless is not None and own["semi_drawn_from"] is not None:
        trainer.endless.restore(_generator(own["semi_drawn_from"]), int(own["semi_position"]))
    random = own["torch_random"]
    if len(random) == trainer.group.size:
        mine = random[trainer.group.rank]
        torch.set_rng_state(mine["cpu"])
        if trainer.device.type == "cuda" and mine["cuda"] is not None:
            torch.cuda.set_rng_state(mine["cuda"], trainer.device)


def _random_state(device: torch.device) -> dict[str, Any]:
    cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    return {"cpu": torch.get_rng_state(), "cuda": cuda}


def _tensors(network: nn.Module) -> OrderedDict[str, torch.Tensor]:
    return OrderedDict((k, v.detach().cpu()) for k, v in network.state_dict().items())


def _generator(value: Any) -> np.random.RandomState:
    if not isinstance(value, np.random.RandomState):
        raise TypeError(f"a random state is a {type(value).__name__}")
    return copy.deepcopy(value)
