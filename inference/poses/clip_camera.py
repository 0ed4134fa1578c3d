"""The camera of a clip, placed in the world of its people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from poselift.data.exports.camera import Camera, pixels
from poselift.data.structures import Poses3D
from poselift.inference.poses.world import axes_of


def cameras_of(poses: Poses3D) -> tuple[Camera, ...]:
    """For each person the camera that their trajectory is seen from; none where nobody has one.

    In the world each stands on a floor of their own (one on a roof, one below it: both on
    z = 0), so that each has a camera of their own; people who were not moved, as in the
    camera's space, have the same. A floor is followed from frame to frame: a camera stands at
    the median, and how far off that is is told.
    """
    if poses.trajectory is None or not np.isfinite(poses.focal_px):
        return ()
    return tuple(_camera(poses, poses.trajectory[i], i) for i in range(len(poses.person_id)))


def _camera(poses: Poses3D, trajectory: np.ndarray, person: int) -> Camera:
    lived = poses.valid[person]
    axes = axes_of(poses.up.astype(float))  # rows: the world's in camera space
    path = trajectory[lived].astype(float)  # (T, 3)
    world = poses.world[person, lived].astype(float)  # (T, J, 3)
    camera = Camera(
        width=poses.timeline.width,
        height=poses.timeline.height,
        focal_px=float(poses.focal_px),
        place=np.median(world[:, 0] - path @ axes.T, axis=0),
        axes=axes.T,
        off_px=(0.0, 0.0),
    )
    seen = pixels(poses.pose[person, lived] + path[:, None], camera)
    off = np.linalg.norm(camera.project(world) - seen, axis=-1)
    return replace(camera, off_px=(float(np.median(off)), float(off.max())))
