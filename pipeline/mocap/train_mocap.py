"""Train a lifter from motion capture alone: random cameras, detector-like noise.

Position and trajectory networks see the same views and are trained side by side.
Everything random comes from seeded generators whose states are in the checkpoint, so
that a run that was killed and resumed gives the weights of one that was not.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from poselift.data.archives.joints_archive import JointsClip
from poselift.data.errors import FormatError, OutputError, reason_of
from poselift.data.files.file_kinds import FileKind, is_log_of
from poselift.data.files.whole_file import check_writable, whole_file
from poselift.data.mocap.limb_calibration import straight_limbs
from poselift.data.mocap.virtual_views import ViewSampler
from poselift.data.progress import Progress
from poselift.data.skeletons import COCO17, H36M17
from poselift.models.inputs import network_input
from poselift.models.lifters import open_lifter
from poselift.models.losses import bone_direction_error, mean_velocity_error, mpjpe
from poselift.models.optimizers import MuonAdamW
from poselift.models.outputs import pose_of
from poselift.models.precision import NO_BF16, computes_bf16, training_precision
from poselift.models.reference_checkpoints import read_checkpoint
from poselift.models.temporal import TemporalModel
from poselift.models.weights import LIFTER_FILE, LifterWeights, save_lifter
from poselift.pipeline.mocap.evaluate_mocap import validate
from poselift.pipeline.mocap.mocap_batches import ROOT, UP, draw_batch, turned_upright
from poselift.pipeline.mocap.mocap_recipe import MocapTraining

LOG_FILE = FileKind("the log of a training", (), is_log_of("step"))


class MocapTrainer:
    """Trains in place; `run` goes to the end of the recipe from wherever it stands."""

    def __init__(self, recipe: MocapTraining, clips: list[JointsClip], device: str = "cpu") -> None:
        self.recipe = recipe
        self.device = torch.device(device)
        torch.manual_seed(recipe.seed)
        self.position = TemporalModel(recipe.position_network())
        self.trajectory = TemporalModel(recipe.trajectory_network())
        if recipe.start_from:
            _take_over(recipe.start_from, self.position, self.trajectory)
        self.position.to(self.device)
        self.trajectory.to(self.device)
        self.averages = [
            AveragedModel(
                model, multi_avg_fn=get_ema_multi_avg_fn(recipe.averaging), use_buffers=True
            )
            for model in (self.position, self.trajectory)
        ]
        self.optimizer = MuonAdamW(
            [self.position, self.trajectory],
            learning_rate=recipe.learning_rate,
            adamw_rate=recipe.adamw_rate,
            weight_decay=recipe.weight_decay,
        )
        self.sampler = ViewSampler(
            straight_limbs(clips) if recipe.straight_limbs else clips,
            seed=recipe.seed,
            ranges=recipe.views,
            motion=recipe.motion,
            device=device,
        )
        self.step = 0

    def run(
        self,
        folder: Path,
        log: Callable[[dict[str, Any]], None],
        validate: Callable[[LifterWeights], dict[str, float]],
    ) -> LifterWeights:
        """Train to the end, saving `folder/last.pt` at every validation. Raises: OutputError."""
        begun, first, total = time.monotonic(), self.step, 0.0
        while self.step < self.recipe.steps:
            total += self._train_step()
            self.step += 1
            if self.step % self.recipe.validate_every and self.step < self.recipe.steps:
                continue
            elapsed = time.monotonic() - begun
            frames = (self.step - first) * self.recipe.batch * self.recipe.frames
            self._save(folder / "last.pt")
            log(
                {"step": self.step, "frames_per_s": round(frames / elapsed)}
                | {"loss": total / max(1, (self.step - 1) % self.recipe.validate_every + 1)}
                | validate(self.weights())
            )
            total = 0.0
        return self.weights()

    def weights(self, name: str = "in training") -> LifterWeights:
        """The running average of the last steps' weights."""
        position, trajectory = (average.module.eval() for average in self.averages)
        assert isinstance(position, TemporalModel) and isinstance(trajectory, TemporalModel)
        return LifterWeights(
            name,
            "person",
            COCO17,
            H36M17,
            position,
            trajectory,
            output_kind="anchored",
        )

    def _train_step(self) -> float:
        self.position.train()
        self.trajectory.train()
        recipe = self.recipe
        arch = self.position.arch
        batch = draw_batch(self.sampler, recipe.batch, recipe.frames, arch, recipe.noise)
        posed = batch if recipe.causal else turned_upright(batch)
        upright, plain = (
            network_input("person", views.keypoints, views.confidence) for views in (posed, batch)
        )
        with training_precision(self.device, bf16=recipe.bf16):
            output, placement = self.position(upright), self.trajectory(plain)
        pose = pose_of("anchored", output.float(), upright, batch.first)
        placement, target = placement.float(), batch.placement()
        loss = mpjpe(pose, posed.pose)
        loss = loss + recipe.velocity_weight * mean_velocity_error(pose, posed.pose)
        if recipe.bone_weight:
            loss = loss + recipe.bone_weight * bone_direction_error(
                pose, posed.pose, H36M17.parents
            )
        loss = loss + mpjpe(placement[:, :, ROOT], target[:, :, ROOT])
        loss = loss + 0.3 * mpjpe(placement[:, :, UP], target[:, :, UP])
        loss.backward()
        self.optimizer.step(_schedule(self.step, recipe))
        for average, model in zip(self.averages, (self.position, self.trajectory), strict=True):
            average.update_parameters(model)
        return float(loss.detach())

    def _save(self, path: Path) -> None:
        state = {
            "recipe": self.recipe.to_dict(),
            "step": self.step,
            "position": self.position.state_dict(),
            "trajectory": self.trajectory.state_dict(),
            "averages": [average.state_dict() for average in self.averages],
            "optimizer": self.optimizer.state_dict(),
            "views": self.sampler.generator.get_state(),
            "torch": torch.get_rng_state(),
        }
        _written(path, lambda part: torch.save(state, part))

    def resume(self, path: Path) -> None:
        """Continue a run.

        Raises: UnsafeFile; FormatError: another recipe, or no such checkpoint.
        """
        state = read_checkpoint(path)
        if state.get("recipe") != self.recipe.to_dict():
            raise FormatError(f"{path}: was trained by another recipe; start again elsewhere.")
        try:
            self.position.load_state_dict(state["position"])
            self.trajectory.load_state_dict(state["trajectory"])
            for average, saved in zip(self.averages, state["averages"], strict=True):
                average.load_state_dict(saved)
            self.optimizer.load_state_dict(state["optimizer"])
            self.sampler.generator.set_state(state["views"].cpu())
            torch.set_rng_state(state["torch"].cpu())
            self.step = int(state["step"])
        except (AttributeError, LookupError, TypeError, ValueError, RuntimeError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise FormatError(
                f"{path}: cannot be resumed ({reason}). Start again elsewhere, or remove it."
            ) from error


def _take_over(lifter: str, *models: TemporalModel) -> None:
    """Start from another lifter of ours: each tensor of the same name and shape.

    A longer receptive field begins as the shorter one: its new blocks add nothing yet.
    Raises: FormatError: nothing fits. UnknownName: no such lifter.
    """
    weights, _ = open_lifter(lifter)
    for model, source in zip(models, (weights.position, weights.trajectory), strict=True):
        known = source.state_dict() if source and weights.output_kind == "anchored" else {}
        own = model.state_dict()
        fitting = {k: v for k, v in known.items() if k in own and v.shape == own[k].shape}
        if "shrink.weight" not in fitting:
            raise FormatError(f"{lifter}: no network like this one to start from.")
        model.load_state_dict(fitting, strict=False)
        blocks = range(1, len(model.layers_bn), 2)
        for last in (model.layers_bn[i] for i in blocks if f"layers_bn.{i}.weight" not in fitting):
            torch.nn.init.zeros_(last.weight)  # type: ignore[arg-type]


def _schedule(step: int, recipe: MocapTraining) -> float:
    """Linear warm-up, then a half cosine to a hundredth."""
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    part = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * part))


def lifter_path(folder: Path, name: str, inputs: Iterable[Path] = ()) -> Path:
    """Where a training leaves its lifter; proved to be writable, as is its log.

    Raises: OutputError: it is not, or the name is not that of a file.
    """
    plain = name.isprintable() and not any(mark in name for mark in "/\\:")
    if not plain or not name.strip(". "):
        raise OutputError(f"{name!r} cannot name a lifter: give a word without separators.")
    path = folder / f"{name}.safetensors"
    check_writable(path, LIFTER_FILE, inputs)
    check_writable(folder / "log.jsonl", LOG_FILE, inputs)
    return path


def _written(path: Path, write: Callable[[Path], None]) -> None:
    """Have a library write a file, whole or not at all. Raises: OutputError."""
    try:
        with whole_file(path) as part:
            write(part)
    except (RuntimeError, SafetensorError) as error:  # how torch and safetensors tell a full disk
        raise OutputError(
            f"{path}: cannot be written ({reason_of(error)}). Free space and give the same "
            "command again."
        ) from error


def train_mocap(
    recipe: MocapTraining,
    training: list[JointsClip],
    validation: list[JointsClip],
    folder: Path,
    *,
    device: str = "cpu",
    name: str = "mocap",
    progress: Progress,
) -> Path:
    """Train (or go on training) in `folder`; returns the path of the lifter written there.

    `folder` holds `last.pt` (to go on from), `log.jsonl` (a line per validation) and at
    the end `NAME.safetensors`. `progress` is told what the log is told.

    Raises: OutputError; FormatError: `last.pt` cannot be gone on from.
    """
    path = lifter_path(folder, name)
    trainer = MocapTrainer(recipe, training, device)
    if recipe.bf16 and not computes_bf16(trainer.device):
        progress.say(NO_BF16)
    if (folder / "last.pt").exists():
        trainer.resume(folder / "last.pt")

    def log(line: dict[str, Any]) -> None:
        try:
            with (folder / "log.jsonl").open("a") as stream:
                stream.write(json.dumps(line) + "\n")
        except OSError as error:
            raise OutputError(
                f"{folder / 'log.jsonl'}: cannot be written ({reason_of(error)})."
            ) from error
        progress.say(json.dumps(line))

    held_out = straight_limbs(validation) if recipe.straight_limbs else validation
    trainer.run(
        folder,
        log,
        lambda weights: validate(weights, held_out, recipe.noise, device, recipe.views),
    )
    _written(path, lambda part: save_lifter(part, trainer.weights(name), half=True))
    return path
