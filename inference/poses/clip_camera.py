"""The camera of a clip, placed in the world of its people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from poselift.data.exports.camera import Camera
from poselift.data.structures import Poses3D


def cameras_of(poses: Poses3D) -> tuple[Camera, ...]:
    """For each person the camera that their trajectory is seen from; none where nobody has one.

    In the world each stands on a floor of their own (one on a roof, one below it: both on
    z = 0), so that each has a camera of their own; people who are as high as they are seen, or
    in the camera's space, have the same. A floor is followed from frame to frame: a camera
    stands at the median, and how far off that is is told.
    """
    if poses.trajectory is None or not np.isfinite(poses.focal_px):
        return ()
    return tuple(_camera(poses, poses.trajectory[i], i) for i in range(len(poses.person_id)))


def _camera(poses: Poses3D, trajectory: np.ndarray, person: int) -> Camera:
    frames = np.flatnonzero(poses.valid[person])
    pose = poses.pose[person, frames].astype(float)  # (T, J, 3)
    path = trajectory[frames].astype(float)  # (T, 3)
    world = poses.world[person, frames].astype(float)  # (T, J, 3)
    axes = _turn(pose, world - world[:, :1])
    moves = poses.camera is not None and poses.camera.moves
    camera = Camera(
        width=poses.timeline.width,
        height=poses.timeline.height,
        focal_px=float(poses.focal_px),
        place=np.median(world[:, 0] - path @ axes.T, axis=0),
        axes=axes.T,
        off_px=(0.0, 0.0),
        times_s=poses.timeline.times_s,
        path=poses.camera if moves else None,
    )
    seen = camera.pixels(pose + path[:, None], frames)
    off = np.linalg.norm(camera.project(world, frames) - seen, axis=-1)
    return replace(camera, off_px=(float(np.median(off)), float(off.max())))


def _turn(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(3, 3) the rotation that takes points to others best, (..., 3) each, about the origin.

    Every scene of a clip has a world of its own; `up` of Poses3D is that of the longest.
    Source: W. Kabsch, 1976.
    """
    u, _, v = np.linalg.svd(a.reshape(-1, 3).T @ b.reshape(-1, 3))
    mirrored = np.sign(np.linalg.det(u @ v))
    return np.asarray((u * (1, 1, mirrored) @ v).T)
