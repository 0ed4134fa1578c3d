"""A training from start to end: epochs, their lines, checkpoints, log and curves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from poselift.data.datasets.motion_datasets import MotionDataset, View, select_views
from poselift.data.errors import FormatError
from poselift.data.files.whole_file import check_writable
from poselift.data.progress import Progress, Silent, reported
from poselift.inference.poses.lifting import Lifter
from poselift.models.precision import NO_BF16, computes_bf16
from poselift.models.weights import LifterWeights
from poselift.pipeline.reference.keypoint_checkpoints import (
    CHECKPOINT_FILE,
    find_checkpoint,
    resume,
    save_checkpoint,
)
from poselift.pipeline.reference.process_group import joined
from poselift.pipeline.reference.settings import Evaluation, Training
from poselift.pipeline.reference.train_keypoints import KeypointTrainer
from poselift.pipeline.reference.training_log import TrainingLog, epoch_line
from poselift.pipeline.reference.validate_keypoints import validation_losses


@dataclass(frozen=True)
class TrainingViews:
    """What is trained on and tested with; `unlabelled` is None for a supervised training."""

    labelled: Sequence[View]
    tested: Sequence[View]
    unlabelled: Sequence[View] | None


def train(
    training: Training,
    evaluation: Evaluation,
    dataset: MotionDataset,
    device: str,
    progress: Progress,
) -> LifterWeights | None:
    """Train, validating on what the evaluation takes; the reference's lines are said.

    Returns: None in the processes of a group that do not lead.
    Raises: PoseliftError.
    """
    views = _views(training, evaluation, dataset)
    with joined(device) as (group, own_device):
        trainer = KeypointTrainer(
            training.recipe,
            dataset,
            views.labelled,
            views.unlabelled,
            device=own_device,
            group=group,
        )
        log = TrainingLog(training.folder)
        if training.resume:
            resume(find_checkpoint(training.folder, training.resume), trainer)
        if group.leads:
            log.check_writable(curves=training.curves)
            _check_checkpoints(training, trainer.epoch)
            log.begin(after_epoch=trainer.epoch)
            _announce(trainer, views, progress)
        while trainer.epoch < trainer.recipe.epochs:
            _one_epoch(training, trainer, views, log, progress if group.leads else Silent())
        return trainer.weights() if group.leads else None


def _check_checkpoints(training: Training, after_epoch: int) -> None:
    """Raises: OutputError: one that will be saved would replace something else."""
    resumed = [find_checkpoint(training.folder, training.resume)] if training.resume else []
    for epoch in range(after_epoch + 1, training.recipe.epochs + 1):
        if training.saves(epoch):
            check_writable(training.checkpoint(epoch), CHECKPOINT_FILE, resumed)


def _views(training: Training, evaluation: Evaluation, dataset: MotionDataset) -> TrainingViews:
    """Raises: FormatError, UnknownName."""
    actions, step = evaluation.actions, evaluation.downsample
    labelled = select_views(
        dataset, training.labelled, actions, downsample=step, subset=training.subset
    )
    for view in labelled:
        if view.target is None:
            raise FormatError(
                f"{dataset.source}: the poses of {view.subject} {view.action} are not known; "
                "give that subject with -sun, not -str."
            )
    tested = select_views(dataset, evaluation.subjects, actions, downsample=step)
    unlabelled = None
    if training.unlabelled:
        unlabelled = select_views(dataset, training.unlabelled, actions, downsample=step)
    return TrainingViews(labelled, [v for v in tested if v.target is not None], unlabelled)


def _announce(trainer: KeypointTrainer, views: TrainingViews, progress: Progress) -> None:
    parameters = sum(p.numel() for p in trainer.position.parameters())
    if trainer.recipe.bf16 and not computes_bf16(trainer.device):
        progress.say(NO_BF16)
    progress.say(f"INFO: Receptive field: {trainer.position.arch.receptive_field} frames")
    progress.say(f"INFO: Trainable parameter count: {parameters}")
    progress.say(f"INFO: Testing on {sum(map(len, views.tested))} frames")
    progress.say(f"INFO: Training on {sum(map(len, views.labelled))} frames")
    if views.unlabelled is not None:
        progress.say(f"INFO: Semi-supervision on {sum(map(len, views.unlabelled))} frames")


def _one_epoch(
    training: Training,
    trainer: KeypointTrainer,
    views: TrainingViews,
    log: TrainingLog,
    progress: Progress,
) -> None:
    begun, group = time.monotonic(), trainer.group
    entry: dict[str, Any] = {"epoch": trainer.epoch + 1, "lr": trainer.learning_rate}
    frames = trainer.order.samples * trainer.recipe.stride
    with reported(progress, f"epoch {trainer.epoch + 1}", "train", frames):
        entry["train"] = trainer.train_epoch(progress)
    trained = time.monotonic() - begun
    if group.leads and training.validated:
        lifter = Lifter(trainer.weights(), str(trainer.device))
        parts = {"eval": views.labelled, "valid": views.tested, "unlabelled": views.unlabelled}
        for part, own in parts.items():
            if own is not None:
                entry[part] = validation_losses(lifter, own, trainer.dataset.layout_in)
    entry["minutes"] = (time.monotonic() - begun) / 60
    entry["frames_per_s"] = round(frames / trained)
    if group.leads:
        progress.say(epoch_line(entry))
        log.add(entry)
        if training.curves:
            log.draw_curves()
    if training.saves(trainer.epoch):
        path = training.checkpoint(trainer.epoch)
        save_checkpoint(path, trainer)
        progress.say(f"Saving checkpoint to {path}")
