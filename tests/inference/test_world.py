"""Gravity, floor and steadiness: what makes a pose stand in a world."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from poselift.data.cameras import unit_vectors
from poselift.data.skeletons import H36M17
from poselift.inference.poses.bones import bone_lengths, constant_bones
from poselift.inference.poses.lifting import LiftedPose
from poselift.inference.poses.world import (
    ANKLE_HEIGHT_M,
    geometric_median,
    place_on_floor,
    steady_pose,
    steady_trajectory,
    world_of,
)

UPRIGHT = {
    "hip": (0, 0, 0.9), "right_hip": (-0.1, 0, 0.9), "right_knee": (-0.1, 0, 0.5),
    "right_ankle": (-0.1, 0, 0.08), "left_hip": (0.1, 0, 0.9), "left_knee": (0.1, 0, 0.5),
    "left_ankle": (0.1, 0, 0.08), "spine": (0, 0, 1.1), "thorax": (0, 0, 1.4),
    "neck": (0, 0, 1.5), "head": (0, 0, 1.7), "left_shoulder": (0.2, 0, 1.4),
    "left_elbow": (0.3, 0, 1.1), "left_wrist": (0.3, 0, 0.9), "right_shoulder": (-0.2, 0, 1.4),
    "right_elbow": (-0.3, 0, 1.1), "right_wrist": (-0.3, 0, 0.9),
}  # fmt: skip
BODY = np.array([UPRIGHT[joint] for joint in H36M17.joints])
# World (z up, y away) to a level camera (y down, z forward).
LEVEL = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])


def tilted_camera(pitch: float, roll: float) -> np.ndarray:
    """World-to-camera rotation; positive pitch looks down. Degrees."""
    return Rotation.from_euler("xz", [pitch, roll], degrees=True).as_matrix() @ LEVEL


@pytest.mark.parametrize(("pitch", "roll"), [(0, 0), (25, 0), (-15, 8), (40, -12)])
def test_gravity_from_upright_people(pitch: float, roll: float) -> None:
    camera = tilted_camera(pitch, roll)
    rng = np.random.default_rng(1)
    poses = np.stack([(BODY - BODY[0]) @ camera.T] * 50) + rng.normal(0, 0.02, (50, 17, 3))
    world = world_of([LiftedPose(poses, None, None)], H36M17)
    truth = camera @ [0, 0, 1]
    assert np.degrees(np.arccos(world.up @ truth)) < 1.5
    np.testing.assert_allclose(world.axes @ world.axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(world.axes) == pytest.approx(1)
    # In the world the head is above the hip, whatever the camera did.
    stood = world.rotate(poses)[:, H36M17.index("head")]
    assert (stood[:, 2] > 0.7).all() and (np.abs(stood[:, :2]) < 0.15).all()


def test_the_networks_votes_come_first_and_outliers_do_not_pull() -> None:
    camera = tilted_camera(20, 0)
    up = np.repeat((camera @ [0, 0, 1])[None], 30, 0)
    up[:8] = [1, 0, 0]  # frames in which somebody lies
    lying = np.stack([(BODY - BODY[0]) @ np.eye(3)] * 30)
    world = world_of([LiftedPose(lying, None, up)], H36M17)
    assert np.degrees(np.arccos(world.up @ camera @ [0, 0, 1])) < 1


def test_a_camera_that_looks_straight_down() -> None:
    poses = np.stack([(BODY - BODY[0]) @ tilted_camera(90, 0).T] * 5)
    world = world_of([LiftedPose(poses, None, None)], H36M17)
    assert np.isfinite(world.axes).all()
    np.testing.assert_allclose(world.rotate(poses)[0, 10, 2], 0.8, atol=0.01)


def test_feet_stand_on_the_floor_and_jumps_stay_jumps() -> None:
    fps, frames = 30.0, 150
    camera = tilted_camera(15, 0)
    height = np.zeros(frames)
    height[70:82] = 0.4 * np.sin(np.linspace(0, np.pi, 12))
    root = np.stack([np.linspace(-1, 1, frames), np.full(frames, 4.0), 0.9 + height], -1)
    pose = np.stack([(BODY - BODY[0]) @ camera.T] * frames)
    world = world_of([LiftedPose(pose, None, None)], H36M17)
    placed = place_on_floor(pose, root @ camera.T, world, fps)
    ankles = placed[:, H36M17.indices("left_ankle", "right_ankle"), 2]
    np.testing.assert_allclose(ankles[:60], ANKLE_HEIGHT_M, atol=0.02)
    assert ankles[76].min() > 0.3
    np.testing.assert_allclose(np.ptp(placed[:, 0, 0]), 2, atol=0.05)


def test_without_trajectory_people_stand_at_the_origin() -> None:
    pose = np.stack([(BODY - BODY[0]) @ LEVEL.T] * 20)
    world = world_of([LiftedPose(pose, None, None)], H36M17)
    placed = place_on_floor(pose, None, world, 30)
    np.testing.assert_allclose(placed[:, 0, :2], 0, atol=1e-9)
    np.testing.assert_allclose(placed[:, 3, 2], ANKLE_HEIGHT_M, atol=1e-6)


def test_steadying_takes_jitter_and_leaves_movement() -> None:
    time = np.arange(90) / 30
    swing = np.sin(2 * np.pi * 1.5 * time)[:, None, None] * np.ones((90, 17, 3)) * 0.3
    noise = np.random.default_rng(0).normal(0, 0.02, swing.shape)
    steady = steady_pose(swing + noise, 30)
    assert np.abs(steady - swing)[5:-5].mean() < 0.75 * np.abs(noise).mean()
    jitter = np.abs(np.diff(steady, n=2, axis=0)).mean()
    assert jitter < 0.5 * np.abs(np.diff(swing + noise, n=2, axis=0)).mean()
    np.testing.assert_allclose(steady_pose(swing, 30)[5:-5], swing[5:-5], atol=0.02)
    assert steady_pose(swing[:3], 30).shape == (3, 17, 3)


def test_steadied_roots_stay_on_their_path_through_the_image() -> None:
    rng = np.random.default_rng(2)
    time = np.linspace(-1, 1, 60)
    ray = np.stack([time, 0.3 * time**2, np.ones(60)], -1)
    root = ray * rng.uniform(4, 5, (60, 1))
    steady = steady_trajectory(root, 30)
    image, wanted = steady[:, :2] / steady[:, 2:], ray[:, :2]
    np.testing.assert_allclose(image[3:-3], wanted[3:-3], atol=1e-9)
    assert np.diff(steady[:, 2]).std() < 0.2 * np.diff(root[:, 2]).std()


def test_geometric_median_of_a_line() -> None:
    points = np.array([[0.0, 0, 0], [0, 0, 0.1], [0, 0, 9]])
    assert geometric_median(points)[2] == pytest.approx(0.1, abs=0.02)


def test_bones_keep_their_length_and_direction() -> None:
    rng = np.random.default_rng(5)
    pose = rng.normal(size=(40, 17, 3)).astype(np.float32)
    steady = constant_bones(pose, H36M17)
    lengths = bone_lengths(steady, H36M17)
    np.testing.assert_allclose(lengths, np.broadcast_to(lengths[:1], lengths.shape), atol=1e-5)
    np.testing.assert_allclose(lengths[:, list(H36M17.mirror)], lengths, atol=1e-5)
    np.testing.assert_allclose(constant_bones(steady, H36M17), steady, atol=1e-5)
    parents = list(H36M17.parents)
    before, after = (unit_vectors((p - p[:, parents])[:, 1:]) for p in (pose, steady))
    np.testing.assert_allclose(before, after, atol=1e-4)
    np.testing.assert_array_equal(steady[:, 0], pose[:, 0])
