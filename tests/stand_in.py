"""A small data set made to measure: people who sway about where the real ones stood."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from poselift.data.archives.keypoint_archive import KeypointArchive, save_keypoint_archive
from poselift.data.cameras import image_coordinates, project, world_to_camera
from poselift.data.datasets.known_cameras import h36m_cameras, humaneva_cameras, humaneva_subject
from poselift.data.files.safe_archive import write_object_npz
from poselift.data.skeletons import H36M17, H36M32, HUMANEVA15, Skeleton

Takes = dict[str, dict[str, int]]
H36M_TAKES: Takes = {
    "S1": {"Walking": 40, "Walking 1": 31, "Eating 1": 25},
    "S5": {"Walking": 33, "Eating": 20},
    "S9": {"Walking 1": 30, "Walking 2": 21, "Eating": 24},
}
HUMANEVA_TAKES: Takes = {
    "Train/S1": {"Walking 1 chunk0": 30, "Jog 1 chunk0": 24, "Gestures 1 chunk0": 20},
    "Validate/S1": {"Walking 1 chunk0": 22, "Walking 1 chunk1": 20, "Jog 1 chunk0": 21},
    "Unlabeled/Train/S4": {"Walking 1 chunk0": 20},
}


def write_h36m(folder: Path, takes: Takes = H36M_TAKES) -> None:
    """`data_3d_h36m.npz` with 32 joints and its projections, `data_2d_h36m_gt.npz`."""
    random = np.random.default_rng(1)
    kept = list(H36M32.indices(*H36M17.joints))
    world, seen = {}, {}
    for subject, lengths in takes.items():
        world[subject] = {a: _swaying(random, n, H36M32) for a, n in lengths.items()}
        seen[subject] = {
            action: tuple(
                image_coordinates(
                    project(
                        world_to_camera(joints[:, kept], camera.orientation, camera.translation),
                        camera.intrinsics,
                    ),
                    camera.width,
                    camera.height,
                )
                for camera in h36m_cameras()[subject]
            )
            for action, joints in world[subject].items()
        }
    _write(folder, "h36m", "gt", world, seen, H36M17)


def write_humaneva(folder: Path, takes: Takes = HUMANEVA_TAKES) -> None:
    """`data_3d_humaneva15.npz` and `data_2d_humaneva15_gt.npz`, seen by plain lenses."""
    random = np.random.default_rng(2)
    world, seen = {}, {}
    for subject, lengths in takes.items():
        known = {a: _swaying(random, n, HUMANEVA15) for a, n in lengths.items()}
        placed = humaneva_cameras()[humaneva_subject(subject)]
        if placed:
            world[subject] = known
        seen[subject] = {
            action: tuple(_pinhole(joints, camera) for camera in placed or [None] * 3)
            for action, joints in known.items()
        }
    _write(folder, "humaneva15", "gt", world, seen, HUMANEVA15)


def _pinhole(joints: np.ndarray, camera) -> np.ndarray:
    if camera is None:
        return (joints[..., :2] * 100 + 300).astype(np.float32)
    own = world_to_camera(joints, camera.orientation, camera.translation)
    return (own[..., :2] / own[..., 2:] * 600 + (320, 240)).astype(np.float32)


def _swaying(random: np.random.Generator, frames: int, layout: Skeleton) -> np.ndarray:
    """(T, J, 3) float32 world metres: joints about a root that wanders near the origin."""
    body = random.normal((0, 0, 0.9), 0.35, (layout.num_joints, 3))
    time = np.arange(frames)[:, None, None] / 12
    phase = random.uniform(0, 6.28, (layout.num_joints, 3))
    path = 0.4 * np.sin(time * 0.5 + random.uniform(0, 6.28, 3)) * (1, 1, 0)
    return (body + path + 0.1 * np.sin(time + phase)).astype(np.float32)


def _write(folder: Path, name: str, keypoints: str, world, seen, layout: Skeleton) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"data_3d_{name}.npz").open("wb") as stream:
        write_object_npz(stream, {"positions_3d": world})
    archive = KeypointArchive.of(layout, seen)
    save_keypoint_archive(folder / f"data_2d_{name}_{keypoints}.npz", archive)
