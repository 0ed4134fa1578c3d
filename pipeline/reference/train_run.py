"""A training from start to end: epochs, their lines, checkpoints, log and curves."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poselift.data.datasets.motion_datasets import MotionDataset, View, select_views
from poselift.data.errors import FormatError
from poselift.data.progress import Progress
from poselift.inference.poses.lifting import Lifter
from poselift.models.weights import LifterWeights
from poselift.pipeline.progress import progress_for
from poselift.pipeline.reference.keypoint_checkpoints import (
    find_checkpoint,
    resume,
    save_checkpoint,
)
from poselift.pipeline.reference.keypoint_recipe import KeypointTraining
from poselift.pipeline.reference.process_group import joined
from poselift.pipeline.reference.reference_flags import DEFAULT_CHANNELS, DEFAULT_WIDTHS
from poselift.pipeline.reference.train_keypoints import KeypointTrainer
from poselift.pipeline.reference.training_log import TrainingLog, epoch_line
from poselift.pipeline.reference.validate_keypoints import validation_losses


@dataclass(frozen=True)
class TrainingViews:
    """What is trained on and tested with; `unlabelled` is None for a supervised training."""

    labelled: Sequence[View]
    tested: Sequence[View]
    unlabelled: Sequence[View] | None


def train(asked: argparse.Namespace, dataset: MotionDataset, device: str) -> LifterWeights | None:
    """Train as run.py's flags say; None in the processes that do not lead.

    Raises: PoseliftError.
    """
    views = _views(asked, dataset)
    with joined(device) as (group, own_device):
        trainer = KeypointTrainer(
            recipe_of(asked),
            dataset,
            views.labelled,
            views.unlabelled,
            device=own_device,
            group=group,
        )
        log = TrainingLog(asked.checkpoint)
        if asked.resume:
            resume(find_checkpoint(asked.checkpoint, asked.resume), trainer)
        if group.leads:
            log.begin(after_epoch=trainer.epoch)
            _announce(trainer, views)
        while trainer.epoch < trainer.recipe.epochs:
            _one_epoch(asked, trainer, views, log)
        return trainer.weights() if group.leads else None


def recipe_of(asked: argparse.Namespace) -> KeypointTraining:
    """Raises: FormatError: values that no training can have."""
    if not 0 <= asked.dropout < 1:
        raise FormatError(f"--dropout {asked.dropout}: is a probability, from 0 to below 1.")
    return KeypointTraining(
        filter_widths=asked.architecture or DEFAULT_WIDTHS,
        channels=asked.channels or DEFAULT_CHANNELS,
        dropout=asked.dropout,
        causal=asked.causal,
        dense=asked.dense,
        epochs=asked.epochs,
        batch_size=asked.batch_size,
        stride=asked.stride,
        learning_rate=asked.learning_rate,
        lr_decay=asked.lr_decay,
        mirrored=asked.data_augmentation,
        warmup=asked.warmup,
        strided=not asked.disable_optimizations,
        bone_length=asked.bone_length_term,
        projection=not asked.no_proj,
        distort=not asked.linear_projection,
        seed=asked.seed,
        bf16=asked.bf16,
        compiled=asked.compile,
    )


def _views(asked: argparse.Namespace, dataset: MotionDataset) -> TrainingViews:
    """Raises: FormatError, UnknownName."""
    actions, step = asked.actions, asked.downsample
    labelled = select_views(
        dataset, asked.subjects_train, actions, downsample=step, subset=asked.subset
    )
    for view in labelled:
        if view.target is None:
            raise FormatError(
                f"{dataset.source}: the poses of {view.subject} {view.action} are not known; "
                "give that subject with -sun, not -str."
            )
    tested = select_views(dataset, asked.subjects_test, actions, downsample=step)
    unlabelled = None
    if asked.subjects_unlabeled:
        unlabelled = select_views(dataset, asked.subjects_unlabeled, actions, downsample=step)
    return TrainingViews(labelled, [v for v in tested if v.target is not None], unlabelled)


def _announce(trainer: KeypointTrainer, views: TrainingViews) -> None:
    parameters = sum(p.numel() for p in trainer.position.parameters())
    print(f"INFO: Receptive field: {trainer.position.arch.receptive_field} frames")
    print(f"INFO: Trainable parameter count: {parameters}")
    print(f"INFO: Testing on {sum(map(len, views.tested))} frames")
    print(f"INFO: Training on {sum(map(len, views.labelled))} frames")
    if views.unlabelled is not None:
        print(f"INFO: Semi-supervision on {sum(map(len, views.unlabelled))} frames")


def _one_epoch(
    asked: argparse.Namespace,
    trainer: KeypointTrainer,
    views: TrainingViews,
    log: TrainingLog,
) -> None:
    begun, group = time.monotonic(), trainer.group
    entry: dict[str, Any] = {"epoch": trainer.epoch + 1, "lr": trainer.learning_rate}
    progress = progress_for(quiet=not group.leads)
    entry["train"] = _train_once(trainer, progress)
    trained = time.monotonic() - begun
    if group.leads and not asked.no_eval:
        lifter = Lifter(trainer.weights(), str(trainer.device))
        parts = {"eval": views.labelled, "valid": views.tested, "unlabelled": views.unlabelled}
        for part, own in parts.items():
            if own is not None:
                entry[part] = validation_losses(lifter, own, trainer.dataset.layout_in)
    entry["minutes"] = (time.monotonic() - begun) / 60
    frames = trainer.order.samples * trainer.recipe.stride
    entry["frames_per_s"] = round(frames / trained)
    if group.leads:
        print(epoch_line(entry), flush=True)
        log.add(entry)
        if asked.export_training_curves:
            log.draw_curves()
    last = trainer.epoch == trainer.recipe.epochs
    if trainer.epoch % asked.checkpoint_frequency == 0 or last:
        path = Path(asked.checkpoint) / f"epoch_{trainer.epoch}.bin"
        save_checkpoint(path, trainer)
        if group.leads:
            print(f"Saving checkpoint to {path}", flush=True)


def _train_once(trainer: KeypointTrainer, progress: Progress) -> dict[str, float]:
    frames = trainer.order.samples * trainer.recipe.stride
    progress.begin(f"epoch {trainer.epoch + 1}", "train", frames)
    losses = trainer.train_epoch(progress.advance)
    progress.end()
    return losses
