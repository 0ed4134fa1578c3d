"""Rotations give the positions back, hinges hold, and straight limbs do not flip."""

from __future__ import annotations

import numpy as np
from rigged_people import posed, random_motion, seventeen
from standing_people import PAIR, STILL, clip

import poselift
from poselift.data.exports.motion import Motion, Rig, upright_axes
from poselift.data.exports.rotations import matrices_of
from poselift.data.skeletons import H36M17
from poselift.data.structures import Poses3D
from poselift.inference.poses.rigging import HAND_M, rig


def turns_deg(motion: Motion) -> np.ndarray:
    """(T - 1, J) how far each joint turns from frame to frame."""
    cosine = np.abs((motion.rotations[1:] * motion.rotations[:-1]).sum(-1))
    return np.degrees(2 * np.arccos(np.clip(cosine, 0, 1)))


def error_mm(poses: Poses3D, motion: Motion, person: int = 0) -> float:
    frames = poses.valid[person]
    there = upright_axes(poses.world[person, frames])
    return float(1000 * np.linalg.norm(seventeen(motion) - there, axis=-1).max())


def test_rotations_give_the_positions_back() -> None:
    for seed in range(10):
        poses = posed(random_motion(seed), 90)
        (found,) = poselift.rig(poses)
        assert found.person_id == 7
        assert error_mm(poses, found) < 1


def test_two_people_and_a_life_that_begins_late() -> None:
    _, poses = clip(PAIR)
    poses.valid[1, :4] = False
    poses.world[1, :4] = np.nan
    poses.interpolated[1, 6] = True
    first, second = rig(poses)
    assert (first.first_frame, second.first_frame) == (0, 4)
    assert len(second.times_s) == 8 and second.interpolated.nonzero()[0].tolist() == [2]
    assert error_mm(poses, first) < 1 and error_mm(poses, second, 1) < 1


def test_the_rest_pose_is_a_t_pose() -> None:
    bones: Rig = rig(clip(STILL)[1])[0].rig
    rest = dict(zip(bones.joints, bones.rest, strict=True))
    assert rest["LeftHand"][0] > rest["LeftForeArm"][0] > rest["LeftArm"][0] > 0
    np.testing.assert_allclose(rest["LeftHand"], rest["RightHand"] * (-1, 1, 1), atol=1e-12)
    assert rest["LeftHand"][1] == rest["LeftArm"][1] and rest["LeftFoot"][1] < -0.8
    assert bones.ends["LeftHand"].tolist() == [HAND_M, 0, 0]


def test_straight_limbs_do_not_flip() -> None:
    """Elbows and knees that are straight but for a millimetre of noise, whichever way."""
    rng = np.random.default_rng(1)
    _, poses = clip(np.tile([0.0, 3.0], (1, 60, 1)))
    at = H36M17.index
    for side in ("left", "right"):
        shoulder, hip = (poses.world[:, :, at(f"{side}_{j}")] for j in ("shoulder", "hip"))
        for i, (above, below) in enumerate((("elbow", "wrist"), ("knee", "ankle"))):
            start, step = (shoulder, hip)[i], np.array([0.1, 0, -0.28])
            poses.world[:, :, at(f"{side}_{above}")] = start + step
            poses.world[:, :, at(f"{side}_{below}")] = start + 2 * step
    poses.world[:] += rng.normal(0, 0.001, poses.world.shape)
    assert turns_deg(rig(poses)[0]).max() < 10


def test_bent_knees_are_hinges() -> None:
    """Squats, deep and slow: the shank turns about the thigh's own x axis."""
    motion = random_motion(0)
    rotations = np.zeros_like(motion.rotations)
    rotations[..., 3] = 1
    bend = np.radians(60 + 30 * np.sin(np.arange(90) / 10))
    for side in ("Left", "Right"):
        knee, hip = (motion.rig.index(side + name) for name in ("Leg", "UpLeg"))
        rotations[:, knee] = np.stack([np.sin(bend / 2), *np.zeros((2, 90)), np.cos(bend / 2)], -1)
        rotations[:, hip] = (0, np.sin(0.2), 0, np.cos(0.2))  # knees turned out, 23 degrees
    squat = Motion(7, motion.rig, 0, motion.times_s, motion.root, rotations, motion.interpolated)
    (found,) = rig(posed(squat, 90))
    axis = found.rotations[:, found.rig.index("LeftLeg"), :3]
    share = np.abs(axis[:, 0]) / np.linalg.norm(axis, axis=-1)
    assert np.degrees(np.arccos(share)).max() < 5
    angle = 2 * np.degrees(np.arcsin(np.linalg.norm(axis, axis=-1)))
    np.testing.assert_allclose(angle, np.degrees(bend), atol=0.5)
    assert np.isfinite(matrices_of(found.rotations)).all()


def test_slerp_between_frames_keeps_the_motion() -> None:
    motion = random_motion(3)
    twice = motion.resampled(np.arange(179) / 60, 0)
    assert np.abs(twice.positions()[::2] - motion.positions()).max() < 1e-9
    between = (motion.positions()[1:] + motion.positions()[:-1]) / 2
    assert np.abs(twice.positions()[1::2] - between).max() < 0.01
