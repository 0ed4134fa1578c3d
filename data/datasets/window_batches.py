"""Training windows, cut out of sequences on the device that trains.

All sequences lie end to end in one tensor, each with its edges repeated, and once more
as their mirror images. A window is then a run of rows: a batch is one gather by the
rows at which its windows start, and no loop runs over samples.

The order of samples is the reference's: NumPy's legacy generator, seed for seed.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from poselift.data.datasets.motion_datasets import View
from poselift.data.skeletons import Skeleton
from poselift.data.windows import pad_edges

LABELLED_SEED, UNLABELLED_SEED = 1234, 4321


@dataclass(frozen=True)
class WindowShape:
    """What a sample is.

    Args:
        stride: frames that it predicts.
        before, after: frames that the network sees around them.
        mirrored: every sample exists as its mirror image, too.
    """

    stride: int
    before: int
    after: int
    mirrored: bool


@dataclass(frozen=True)
class WindowBatch:
    """N samples.

    Args:
        keypoints: (N, before + stride + after, J_in, 2) screen units.
        target: (N, stride, J, 3) metres, joint 0 where the person is; None if unlabelled.
        intrinsics: (N, 9), those of a mirrored camera for mirrored samples; or None.
    """

    keypoints: Tensor
    target: Tensor | None
    intrinsics: Tensor | None


class WindowSource:
    """The samples of some views, in the reference's order: see sample_starts.

    Args:
        views: all with a target, or all taken without.
        layout_in, layout: of keypoints and poses, for the mirror.
        labelled: give targets.
    """

    def __init__(
        self,
        views: Sequence[View],
        shape: WindowShape,
        layout_in: Skeleton,
        layout: Skeleton,
        *,
        labelled: bool = True,
        device: str | torch.device = "cpu",
    ) -> None:
        if not any(len(view) for view in views):
            raise ValueError("no frames to train on")
        self.shape = shape
        self.device = torch.device(device)
        sequence, start, mirrored = sample_starts([len(v) for v in views], shape)
        # A chunk may begin or end up to a stride outside of its sequence.
        before, after = shape.before + shape.stride, shape.after + shape.stride
        keypoints = [v.keypoints for v in views]
        self._keypoints = self._stored(keypoints, before, after, layout_in)
        self._first_seen = self._rows(keypoints, before, after, sequence, mirrored)
        self._first_seen += self._moved(start + shape.stride)
        self._targets = None
        if labelled:
            targets = [v.target for v in views if v.target is not None]
            if len(targets) < len(views):
                raise ValueError(f"{len(views) - len(targets)} views have no target")
            self._targets = self._stored(targets, shape.stride, shape.stride, layout)
            rows = self._rows(targets, shape.stride, shape.stride, sequence, mirrored)
            self._first_target = rows + self._moved(start + shape.stride)
        self._intrinsics = self._cameras(views)
        self._camera = self._moved(sequence + mirrored * len(views))

    def __len__(self) -> int:
        return len(self._camera)

    @property
    def has_cameras(self) -> bool:
        return self._intrinsics is not None

    def batch(self, samples: np.ndarray) -> WindowBatch:
        """The samples of these numbers."""
        chosen = self._moved(samples)
        shape = self.shape
        length = shape.before + shape.stride + shape.after
        target = None
        if self._targets is not None:
            target = _runs(self._targets, self._first_target[chosen], shape.stride)
        cameras = self._intrinsics
        return WindowBatch(
            _runs(self._keypoints, self._first_seen[chosen], length),
            target,
            None if cameras is None else cameras[self._camera[chosen]],
        )

    def _stored(
        self, sequences: Sequence[np.ndarray], before: int, after: int, layout: Skeleton
    ) -> Tensor:
        """(R, J, D) all sequences end to end, padded; then all of them mirrored."""
        padded = [pad_edges(own, before, after) for own in sequences if len(own)]
        rows = torch.from_numpy(np.concatenate(padded)).to(self.device)
        if not self.shape.mirrored:
            return rows
        back = torch.ones(rows.shape[-1], device=self.device)
        back[0] = -1
        return torch.cat([rows, rows[:, list(layout.mirror)] * back])

    def _rows(
        self,
        sequences: Sequence[np.ndarray],
        before: int,
        after: int,
        sequence: np.ndarray,
        mirrored: np.ndarray,
    ) -> Tensor:
        """(N,) the row of each sample's sequence, its padding included."""
        lengths = [len(own) + before + after if len(own) else 0 for own in sequences]
        ends = np.cumsum(lengths)
        return self._moved((ends - lengths)[sequence] + mirrored * ends[-1])

    def _cameras(self, views: Sequence[View]) -> Tensor | None:
        known = [v.camera.intrinsics for v in views if v.camera.intrinsics is not None]
        if len(known) < len(views):
            return None
        intrinsics = torch.from_numpy(np.stack(known)).to(self.device)
        mirrored = intrinsics.clone()
        # The centre and the tangential distortion change sides.
        mirrored[:, [2, 7]] *= -1
        return torch.cat([intrinsics, mirrored])

    def _moved(self, numbers: np.ndarray) -> Tensor:
        return torch.from_numpy(np.asarray(numbers, np.int64)).to(self.device)


def sample_starts(
    lengths: Sequence[int], shape: WindowShape
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(sequence, first predicted frame, mirrored) of every sample, three (N,) arrays.

    A sequence of T frames is cut into ceil(T / stride) chunks whose surplus is shared by
    both ends; its mirrored chunks follow it.
    """
    sequence, start, mirrored = [], [], []
    for i, frames in enumerate(lengths):
        chunks = -(-frames // shape.stride)
        offset = (chunks * shape.stride - frames) // 2
        for flag in (False, True) if shape.mirrored else (False,):
            sequence.append(np.full(chunks, i))
            start.append(np.arange(chunks) * shape.stride - offset)
            mirrored.append(np.full(chunks, flag))
    none = np.zeros(0, np.int64)
    return (
        np.concatenate([none, *sequence]),
        np.concatenate([none, *start]),
        np.concatenate([none, *mirrored]).astype(bool),
    )


def _runs(rows: Tensor, first: Tensor, length: int) -> Tensor:
    """(N, length, J, D): the rows from each of (N,) `first` on, of (R, J, D)."""
    values = rows.shape[1] * rows.shape[2]
    runs = rows.as_strided((len(rows) - length + 1, length * values), (values, 1))
    return runs.index_select(0, first).view(len(first), length, *rows.shape[1:])


class EpochOrder:
    """A fresh permutation of the samples each epoch, from one generator."""

    def __init__(self, samples: int, batch: int, seed: int = LABELLED_SEED) -> None:
        self.samples, self.batch = samples, batch
        self.random = np.random.RandomState(seed)

    def epoch(self) -> Iterator[np.ndarray]:
        """Sample numbers, batch by batch; the last batch is what is left."""
        order = self.random.permutation(self.samples)
        for first in range(0, self.samples, self.batch):
            yield order[first : first + self.batch]


class EndlessOrder:
    """Batches without end: where one permutation ends, the next is drawn.

    `random` is what the reference stores; `drawn_from` and `position` say where in the
    present permutation the stream stands, for resuming exactly.
    """

    def __init__(self, samples: int, batch: int, seed: int = UNLABELLED_SEED) -> None:
        self.samples, self.batch = samples, batch
        self.random = np.random.RandomState(seed)
        self.drawn_from: np.random.RandomState | None = None
        self.position = 0
        self._order = np.zeros(0, np.int64)

    def take(self) -> np.ndarray:
        """The next batch of sample numbers."""
        if self.position * self.batch >= len(self._order):
            self.drawn_from = copy.deepcopy(self.random)
            self._order = self.random.permutation(self.samples)
            self.position = 0
        first = self.position * self.batch
        self.position += 1
        return self._order[first : first + self.batch]

    def restore(self, drawn_from: np.random.RandomState, position: int) -> None:
        """Stand where another stream stood."""
        self.drawn_from = copy.deepcopy(drawn_from)
        self.random = copy.deepcopy(drawn_from)
        self._order = self.random.permutation(self.samples)
        self.position = position
