"""Train a lifter from motion capture alone: random cameras, detector-like noise.

Position and trajectory networks see the same views and are trained side by side.
Everything random comes from seeded generators whose states are in the checkpoint, so
that a run that was killed and resumed gives the weights of one that was not.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from data.detector_noise import NoiseRanges
from data.errors import FormatError
from data.joints_archive import JointsClip
from data.skeletons import COCO17, H36M17
from data.virtual_views import ViewSampler
from models.inputs import input_shape, network_input
from models.losses import mean_velocity_error, mpjpe
from models.temporal import Architecture, TemporalModel
from models.weights import LifterWeights, read_checkpoint, save_lifter
from pipeline.evaluate_mocap import evaluate_views
from pipeline.mocap_batches import ROOT, UP, draw_batch


@dataclass(frozen=True)
class MocapTraining:
    """A recipe. One step predicts batch * frames poses."""

    steps: int = 18_000
    batch: int = 32
    frames: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: int = 500
    velocity_weight: float = 0.5
    filter_widths: tuple[int, ...] = (3, 3, 3)
    channels: int = 512
    trajectory_channels: int = 256
    dropout: float = 0.0
    causal: bool = False
    seed: int = 1234
    bf16: bool = False
    validate_every: int = 1000

    def architecture(self, joints_out: int, channels: int) -> Architecture:
        joints_in, features_in = input_shape("person", COCO17.num_joints)
        return Architecture(
            joints_in,
            features_in,
            joints_out,
            self.filter_widths,
            channels,
            self.dropout,
            self.causal,
        )


class MocapTrainer:
    """Trains in place; `run` goes to the end of the recipe from wherever it stands."""

    def __init__(self, recipe: MocapTraining, clips: list[JointsClip], device: str = "cpu") -> None:
        self.recipe = recipe
        self.device = torch.device(device)
        torch.manual_seed(recipe.seed)
        self.position = self._network(H36M17.num_joints, recipe.channels)
        self.trajectory = self._network(2, recipe.trajectory_channels)
        parameters = [*self.position.parameters(), *self.trajectory.parameters()]
        self.optimizer = torch.optim.AdamW(
            parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.sampler = ViewSampler(clips, seed=recipe.seed, device=device)
        self.step = 0

    def _network(self, joints_out: int, channels: int) -> TemporalModel:
        return TemporalModel(self.recipe.architecture(joints_out, channels)).to(self.device)

    def run(
        self,
        folder: Path,
        report: Callable[[dict[str, Any]], None],
        validate: Callable[[LifterWeights], dict[str, float]],
    ) -> LifterWeights:
        """Train to the end, saving `folder/last.pt` at every validation."""
        begun, first, total = time.monotonic(), self.step, 0.0
        while self.step < self.recipe.steps:
            total += self._train_step()
            self.step += 1
            if self.step % self.recipe.validate_every and self.step < self.recipe.steps:
                continue
            elapsed = time.monotonic() - begun
            frames = (self.step - first) * self.recipe.batch * self.recipe.frames
            self._save(folder / "last.pt")
            report(
                {"step": self.step, "frames_per_s": round(frames / elapsed)}
                | {"loss": total / max(1, (self.step - 1) % self.recipe.validate_every + 1)}
                | validate(self.weights())
            )
            total = 0.0
        return self.weights()

    def weights(self, name: str = "in training") -> LifterWeights:
        return LifterWeights(
            name, "person", COCO17, H36M17, self.position.eval(), self.trajectory.eval()
        )

    def _train_step(self) -> float:
        self.position.train()
        self.trajectory.train()
        recipe = self.recipe
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.learning_rate * _schedule(self.step, recipe)
        arch = self.position.arch
        batch = draw_batch(self.sampler, recipe.batch, recipe.frames, arch, NoiseRanges())
        inputs = network_input("person", batch.keypoints, batch.confidence)
        with self._precision():
            pose, placement = self.position(inputs), self.trajectory(inputs)
        pose, placement, target = pose.float(), placement.float(), batch.placement()
        loss = mpjpe(pose, batch.pose)
        loss = loss + recipe.velocity_weight * mean_velocity_error(pose, batch.pose)
        loss = loss + mpjpe(placement[:, :, ROOT], target[:, :, ROOT])
        loss = loss + 0.3 * mpjpe(placement[:, :, UP], target[:, :, UP])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())

    def _precision(self) -> AbstractContextManager[Any]:
        if not self.recipe.bf16:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def _save(self, path: Path) -> None:
        state = {
            "recipe": asdict(self.recipe),
            "step": self.step,
            "position": self.position.state_dict(),
            "trajectory": self.trajectory.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "views": self.sampler.generator.get_state(),
            "torch": torch.get_rng_state(),
        }
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def resume(self, path: Path) -> None:
        """Continue a run. Raises: FormatError: another recipe, or no such checkpoint."""
        state = read_checkpoint(path)
        own = json.loads(json.dumps(asdict(self.recipe)))
        theirs = json.loads(json.dumps(state.get("recipe")))
        if theirs != own:
            raise FormatError(f"{path}: was trained by another recipe; start again elsewhere.")
        self.position.load_state_dict(state["position"])
        self.trajectory.load_state_dict(state["trajectory"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.sampler.generator.set_state(state["views"].cpu())
        torch.set_rng_state(state["torch"].cpu())
        self.step = int(state["step"])


def _schedule(step: int, recipe: MocapTraining) -> float:
    """Linear warm-up, then a half cosine to a hundredth."""
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    part = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * part))


def train_mocap(
    recipe: MocapTraining,
    training: list[JointsClip],
    validation: list[JointsClip],
    folder: Path,
    *,
    device: str = "cpu",
    name: str = "mocap",
    report: Callable[[dict[str, Any]], None] = lambda line: None,
) -> Path:
    """Train (or go on training) in `folder`; returns the path of the lifter written there.

    `folder` holds `last.pt` (to go on from), `log.jsonl` (a line per validation) and at
    the end `NAME.safetensors`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    trainer = MocapTrainer(recipe, training, device)
    if (folder / "last.pt").exists():
        trainer.resume(folder / "last.pt")

    def log(line: dict[str, Any]) -> None:
        with (folder / "log.jsonl").open("a") as stream:
            stream.write(json.dumps(line) + "\n")
        report(line)

    def validate(weights: LifterWeights) -> dict[str, float]:
        return evaluate_views(weights, validation, NoiseRanges(), device=device, views=256)

    trainer.run(folder, log, validate)
    path = folder / f"{name}.safetensors"
    save_lifter(path, trainer.weights(name))
    return path
