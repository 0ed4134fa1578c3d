"""Standing feet stay where they are."""

from __future__ import annotations

import numpy as np
from test_world import BODY, LEVEL

from poselift.data.skeletons import H36M17
from poselift.inference.poses.contacts import plant_feet
from poselift.inference.poses.lifting import LiftedPose
from poselift.inference.poses.world import World, place_on_floor, world_of

FPS = 30.0
ANKLES = list(H36M17.indices("left_ankle", "right_ankle"))


def standing(frames: int = 90) -> tuple[np.ndarray, np.ndarray, World]:
    """(pose, root, world) of somebody who stands 4 m away, hip 0.9 m high."""
    pose = np.repeat(((BODY - BODY[0]) @ LEVEL.T)[None], frames, axis=0)
    root = np.repeat([[0.5, 0.1, 4.0]], frames, axis=0)
    up = np.tile(LEVEL[:, 2], (frames, 1)).astype(float)
    return pose, root, world_of([LiftedPose(pose, root, up)], H36M17)


def sliding(pose: np.ndarray, root: np.ndarray, world: World) -> float:
    """Mean horizontal speed of the ankles, m/s."""
    feet = place_on_floor(pose, root, world, FPS)[:, ANKLES, :2]
    return float(np.linalg.norm(np.diff(feet, axis=0), axis=-1).mean() * FPS)


def test_depth_that_wavers_no_longer_makes_feet_skate() -> None:
    pose, root, world = standing()
    wavering = root * (1 + 0.02 * np.sin(np.arange(90) / 6))[:, None]
    planted = plant_feet(pose, wavering, world, H36M17, FPS)
    assert sliding(pose, planted, world) < 0.3 * sliding(pose, wavering, world)
    rays = planted / planted[:, 2:]
    np.testing.assert_allclose(rays, wavering / wavering[:, 2:], atol=1e-6)
    assert np.abs(planted[:, 2] / wavering[:, 2] - 1).max() < 0.05


def test_feet_that_rest_and_paths_through_the_air_are_left_alone() -> None:
    pose, root, world = standing()
    np.testing.assert_allclose(plant_feet(pose, root, world, H36M17, FPS), root, atol=1e-6)
    away = root * np.linspace(1, 2, 90)[:, None]  # 1.3 m/s with stiff legs: no foot is slow
    away[:, 2] *= np.linspace(1, 2, 90)
    moved = plant_feet(pose, away, world, H36M17, FPS)
    np.testing.assert_allclose(moved, away, rtol=0.03)
    assert plant_feet(pose[:2], root[:2], world, H36M17, FPS).shape == (2, 3)
