"""The video's own camera in the world of the poses, so that 3D is seen as the picture is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poselift.data.structures import Poses3D
from poselift.inference.poses.world import world_with


@dataclass(frozen=True)
class VideoCamera:
    """A pinhole camera whose picture's middle is its axis.

    Args:
        axes: (3, 3) rows right, down, forward in the world.
        places: (P, 3) metres: where it stood by what each person says. People are put on the
            floor one by one, so that somebody on a wall is brought down: seen from that
            person's place the picture is as it was filmed.
        main: the row of the person who is there for long and near.
        focal_px: of a picture of the clip's size.
    """

    axes: np.ndarray
    places: np.ndarray
    main: int
    focal_px: float


def camera_of(poses: Poses3D) -> VideoCamera | None:
    """Where the camera stood; None where the lifter gives no trajectory or no focal length."""
    if poses.trajectory is None or not np.isfinite(poses.focal_px):
        return None
    world = world_with(poses.up)
    places, weights = [], []
    for i, valid in enumerate(poses.valid):
        seen = poses.pose[i, valid, 0] + poses.trajectory[i, valid]
        moved = poses.world[i, valid, 0] - world.rotate(seen)
        places.append(np.median(moved.astype(float), axis=0))
        weights.append(valid.sum() / max(float(np.median(seen[:, 2])), 0.1))
    return VideoCamera(world.axes.T, np.stack(places), int(np.argmax(weights)), poses.focal_px)
