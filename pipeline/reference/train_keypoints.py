"""Train a lifter on a data set's 2D keypoints: supervised, or with unlabelled videos too.

Source: the training of VideoPose3D, number for number: order of samples, losses,
optimiser and schedules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from poselift.data.cameras import project
from poselift.data.datasets.motion_datasets import MotionDataset, View
from poselift.data.datasets.window_batches import (
    EndlessOrder,
    EpochOrder,
    WindowBatch,
    WindowShape,
    WindowSource,
)
from poselift.data.errors import FormatError
from poselift.data.progress import Progress
from poselift.models.global_batch_norm import share_batch_norm
from poselift.models.losses import bone_length_sums, depth_weighted_sum, distance_sum
from poselift.models.precision import training_precision
from poselift.models.temporal import Architecture, TemporalModel
from poselift.models.weights import LifterWeights
from poselift.pipeline.reference.epoch_losses import EpochLosses
from poselift.pipeline.reference.keypoint_recipe import KeypointTraining
from poselift.pipeline.reference.process_group import ProcessGroup

# The order in which the reference's optimiser counts parameters; its state goes by it.
_REFERENCE_ORDER = ("expand_bn", "shrink", "expand_conv", "layers_conv", "layers_bn")


class KeypointTrainer:
    """Networks, optimiser and streams of samples; `train_epoch` goes one epoch on.

    Args:
        labelled: views with targets. unlabelled: None trains supervised.
    Raises: FormatError: nothing to train on, or unlabelled views of unknown cameras.
    """

    def __init__(
        self,
        recipe: KeypointTraining,
        dataset: MotionDataset,
        labelled: Sequence[View],
        unlabelled: Sequence[View] | None = None,
        *,
        device: str = "cpu",
        group: ProcessGroup | None = None,
    ) -> None:
        self.recipe, self.dataset = recipe, dataset
        self.group = group or ProcessGroup()
        self.device = torch.device(device)
        self.epoch, self.learning_rate = 0, recipe.learning_rate
        torch.manual_seed(recipe.seed)
        self.position = self._network(dataset.layout.num_joints)
        self.trajectory = None if unlabelled is None else self._network(1)
        self.optimizer = torch.optim.Adam(self._parameters(), lr=self.learning_rate, amsgrad=True)
        if self.group.size > 1:
            torch.manual_seed(recipe.seed + self.group.rank)  # for dropout
        before, after = self.position.arch.padding
        self._shape = WindowShape(recipe.stride, before, after, recipe.mirrored)
        samples = recipe.batch_size // recipe.stride
        self.labelled = self._source(labelled, labelled=True)
        self.order = EpochOrder(len(self.labelled), samples)
        self.unlabelled: WindowSource | None = None
        self.endless: EndlessOrder | None = None
        if unlabelled is not None:
            self.unlabelled = self._source(unlabelled, labelled=False)
            self.endless = EndlessOrder(len(self.unlabelled), samples)
            if not self.unlabelled.has_cameras:
                raise FormatError(
                    f"{dataset.source}: unlabelled subjects need cameras whose lenses are known, "
                    f"which {dataset.name} does not have. Leave -sun out."
                )
        self._set_momentum()
        self._forward = [_callable(net, recipe.compiled) for net in self._networks()]

    def train_epoch(self, progress: Progress | None = None) -> dict[str, float]:
        """One epoch, then the schedules. `progress` hears of frames predicted.

        Returns: mean losses by name: `3d`, `trajectory` (metres), `2d` (screen units).
        """
        losses = EpochLosses(self.device)
        for network in self._networks():
            network.train()
        for samples in self.order.epoch():
            # The endless stream goes on during warm-up, too, as the reference's does.
            others = None if self.endless is None else self.endless.take()
            if self.epoch < self.recipe.warmup:
                others = None
            self._step(samples, others, losses)
            if progress is not None:
                progress.advance(len(samples) * self.recipe.stride)
        self.epoch += 1
        self.learning_rate *= self.recipe.lr_decay
        for options in self.optimizer.param_groups:
            options["lr"] *= self.recipe.lr_decay
        self._set_momentum()
        return losses.means(self.group)

    def weights(self, name: str = "in training") -> LifterWeights:
        """The dilated twins with the present weights, ready to lift whole sequences."""
        nets = [self._dilated(network) for network in self._networks()]
        dataset = self.dataset
        return LifterWeights(
            name,
            "screen",
            dataset.layout_in if dataset.layout_in.bones else None,
            dataset.layout,
            nets[0],
            nets[1] if len(nets) > 1 else None,
        )

    def resume_schedules(self) -> None:
        """After a checkpoint was read: the momentum belongs to the epoch."""
        self._set_momentum()

    def _step(self, samples: np.ndarray, others: np.ndarray | None, losses: EpochLosses) -> None:
        batch = self.labelled.batch(self.group.share(samples))
        assert batch.target is not None
        semi = None
        seen = batch.keypoints
        if others is not None and self.unlabelled is not None:
            semi = self.unlabelled.batch(self.group.share(others))
            seen = torch.cat([seen, semi.keypoints])
        with training_precision(self.device, bf16=self.recipe.bf16):
            outputs = [forward(seen) for forward in self._forward]
        pose, *rest = (output.float() for output in outputs)
        loss = self._labelled_loss(pose, rest, batch.target, len(samples), losses)
        if semi is not None and others is not None:
            count = len(samples), len(others)
            loss = loss + self._unlabelled_loss(pose, rest[0], semi, count, losses)
        self.optimizer.zero_grad()
        loss.backward()
        self.group.sum_gradients(self._parameters())
        self.optimizer.step()

    def _labelled_loss(
        self, pose: Tensor, rest: list[Tensor], target: Tensor, samples: int, losses: EpochLosses
    ) -> Tensor:
        """This process's part of the loss; the parts of all processes add up to the loss."""
        labelled, frames = len(target), samples * self.recipe.stride
        root, body = target[:, :, :1], target.clone()
        body[:, :, 0] = 0
        loss = distance_sum(pose[:labelled], body) / (frames * target.shape[2])
        losses.add("3d", loss, frames)
        if rest:
            placed = depth_weighted_sum(rest[0][:labelled], root) / frames
            losses.add("trajectory", placed, frames)
            loss = loss + placed
        return loss

    def _unlabelled_loss(
        self,
        pose: Tensor,
        root: Tensor,
        semi: WindowBatch,
        count: tuple[int, int],
        losses: EpochLosses,
    ) -> Tensor:
        """Projection and bone-length terms; `count` labelled and unlabelled samples in all."""
        recipe, labelled = self.recipe, len(pose) - len(semi.keypoints)
        assert semi.intrinsics is not None
        placed = pose[labelled:] + root[labelled:]
        flat = project(placed, semi.intrinsics[:, None, None], distort=recipe.distort)
        frames = count[1] * recipe.stride
        total = distance_sum(flat, middle_frames(semi.keypoints, recipe.stride))
        projected = total / (frames * pose.shape[2])
        losses.add("2d", projected, frames)
        loss = projected if recipe.projection else torch.zeros_like(projected)
        if recipe.bone_length:
            parents = self.dataset.layout.parents
            means = [
                self.group.total(bone_length_sums(part, parents)) / samples
                for part, samples in zip((pose[:labelled], pose[labelled:]), count, strict=True)
            ]
            loss = loss + (means[0] - means[1]).abs().mean() / self.group.size
        return loss

    def _network(self, joints_out: int) -> TemporalModel:
        recipe = self.recipe
        strided = recipe.strided and recipe.stride == 1 and not recipe.dense
        arch = Architecture(
            self.dataset.layout_in.num_joints,
            2,
            joints_out,
            recipe.filter_widths,
            recipe.channels,
            recipe.dropout,
            recipe.causal,
            recipe.dense,
        )
        network = TemporalModel(arch, "strided" if strided else "dilated").to(self.device)
        if self.group.size > 1:
            share_batch_norm(network)
        return network

    def _networks(self) -> Iterator[TemporalModel]:
        yield self.position
        if self.trajectory is not None:
            yield self.trajectory

    def _parameters(self) -> list[nn.Parameter]:
        return [p for network in self._networks() for p in reference_parameters(network)]

    def _source(self, views: Sequence[View], *, labelled: bool) -> WindowSource:
        if not any(len(view) for view in views):
            raise FormatError(
                f"{self.dataset.source}: no frames to train on. Choose others with -str, -sun, -a."
            )
        layouts = self.dataset.layout_in, self.dataset.layout
        return WindowSource(views, self._shape, *layouts, labelled=labelled, device=self.device)

    def _set_momentum(self) -> None:
        for network in self._networks():
            network.set_bn_momentum(self.recipe.momentum(self.epoch))

    def _dilated(self, network: TemporalModel) -> TemporalModel:
        twin = TemporalModel(network.arch).to(self.device)
        twin.load_state_dict(network.state_dict())
        return twin.eval()


def middle_frames(keypoints: Tensor, stride: int) -> Tensor:
    """(N, L, J, 2) -> (N, stride, J, 2): the middle of the window, where the reference looks."""
    first = (keypoints.shape[1] - stride) // 2
    return keypoints[:, first : first + stride]


def reference_parameters(network: TemporalModel) -> list[nn.Parameter]:
    """A network's parameters as the reference counts them."""
    named = list(network.named_parameters())
    named.sort(key=lambda item: _REFERENCE_ORDER.index(item[0].split(".")[0]))
    return [parameter for _, parameter in named]


def _callable(network: TemporalModel, compiled: bool) -> Callable[[Tensor], Tensor]:
    return torch.compile(network) if compiled else network  # type: ignore[return-value]
