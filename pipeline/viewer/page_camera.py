"""The video's own camera in the world of the poses, so that 3D is seen as the picture is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poselift.data.structures import Poses3D


@dataclass(frozen=True)
class VideoCamera:
    """A pinhole camera whose picture's middle is its axis, in the middle of its movement.

    What each person says of it stands alone. People are put on the floor one by one, so that
    somebody on a wall is brought down, and each stretch between two cuts has a world of its own:
    seen from a person's own camera, that person is as they were filmed.

    Args:
        axes: (P, 3, 3) rows right, down, forward in the world.
        places: (P, 3) metres.
        prominent: rows of people, who are there for long and near first.
        focal_px: of a picture of the clip's size.
    """

    axes: np.ndarray
    places: np.ndarray
    prominent: list[int]
    focal_px: float


def camera_of(poses: Poses3D) -> VideoCamera | None:
    """Where the camera stood; None where the lifter gives no trajectory or no focal length."""
    if poses.trajectory is None or not np.isfinite(poses.focal_px):
        return None
    axes, places, weights = [], [], []
    for i, valid in enumerate(poses.valid):
        world, pose = poses.world[i, valid].astype(float), poses.pose[i, valid].astype(float)
        turn = _rotation(pose, world - world[:, :1])
        seen = pose[:, 0] + poses.trajectory[i, valid]
        axes.append(turn.T)
        places.append(np.median(world[:, 0] - seen @ turn.T, axis=0))
        weights.append(valid.sum() / max(float(np.median(seen[:, 2])), 0.1))
    order = np.argsort(weights)[::-1].tolist()
    return VideoCamera(np.stack(axes), np.stack(places), order, poses.focal_px)


def _rotation(points: np.ndarray, turned: np.ndarray) -> np.ndarray:
    """(3, 3) that takes (..., 3) points nearest to where they are when turned (Kabsch)."""
    left, _, right = np.linalg.svd(turned.reshape(-1, 3).T @ points.reshape(-1, 3))
    left[:, 2] *= np.sign(np.linalg.det(left @ right))
    return np.asarray(left @ right)
