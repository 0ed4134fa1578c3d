"""Losses of the trained weights on whole sequences, without test-time augmentation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from poselift.data.cameras import project
from poselift.data.datasets.motion_datasets import View
from poselift.data.skeletons import Skeleton
from poselift.inference.poses.lifting import LiftedPose, Lifter


def validation_losses(lifter: Lifter, views: Sequence[View], layout: Skeleton) -> dict[str, float]:
    """Mean losses, every frame weighing the same, as far as they can be known.

    Returns: `3d`, `trajectory` in metres (of views of known pose), and `2d` in screen
        units: the projected prediction against the keypoints, through the real lens.
    """
    sums: dict[str, float] = {}
    frames: dict[str, int] = {}
    for view in views:
        if not len(view):  # can happen when little of a short take is kept
            continue
        lifted = lifter.lift(view.keypoints, layout=layout, flip=False)
        for name, loss in _losses(lifter, view, lifted).items():
            sums[name] = sums.get(name, 0.0) + loss * len(view)
            frames[name] = frames.get(name, 0) + len(view)
    return {name: total / frames[name] for name, total in sums.items()}


def _losses(lifter: Lifter, view: View, lifted: LiftedPose) -> dict[str, float]:
    losses = {}
    if view.target is not None:
        losses["3d"] = _distance(lifted.pose, view.root_relative)
    if lifted.trajectory is None:
        return losses
    if view.target is not None:
        losses["trajectory"] = _distance(lifted.trajectory, view.target[:, 0])
    if view.camera.intrinsics is not None:
        flat = project(lifted.pose + lifted.trajectory[:, None], view.camera.intrinsics)
        losses["2d"] = _distance(flat, _middle(lifter, view.keypoints))
    return losses


def _middle(lifter: Lifter, keypoints: np.ndarray) -> np.ndarray:
    """What the reference compares with: the middle of each frame's window.

    That is the frame itself, except for causal models, whose window ends there.
    """
    before, after = lifter.weights.position.arch.padding
    return keypoints[np.maximum(np.arange(len(keypoints)) - (before - after) // 2, 0)]


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b, axis=-1).mean())
