"""Rigs of people who lie, kick, turn fast, or stand for hours; feet stay where they stood."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from standing_people import PAIR, STILL, clip
from test_rigging import error_mm, posed, random_motion, seventeen, turns_deg

import poselift
from poselift.data.exports.motion import Motion
from poselift.data.exports.rotations import about, matrices_of
from poselift.data.exports.settings import ExportSettings
from poselift.data.skeletons import H36M17
from poselift.data.structures import Poses3D
from poselift.inference.poses.rigging import rig
from poselift.pipeline.exports.formats import FORMATS
from poselift.pipeline.exports.scene import scene_of

FRAMES = 90


def still_motion() -> Motion:
    """Somebody who stands in a T-pose."""
    motion = random_motion(0, FRAMES)
    rotations = np.zeros_like(motion.rotations)
    rotations[..., 3] = 1
    return replace(motion, rotations=rotations, root=np.zeros((FRAMES, 3)))


def turned(motion: Motion, joint: str, axis: tuple[int, int, int], degrees: np.ndarray) -> Motion:
    """One joint turned about its axis by (T,) degrees."""
    half, rotations = np.radians(degrees)[:, None] / 2, motion.rotations.copy()
    rotations[:, motion.rig.index(joint)] = np.hstack([np.sin(half) * axis, np.cos(half)])
    return replace(motion, rotations=rotations)


@pytest.mark.parametrize("side", ["Left", "Right"])
@pytest.mark.parametrize("outwards", [0, 25])
def test_a_leg_that_is_thrown_straight_up_does_not_flip(side: str, outwards: float) -> None:
    """From the ground to straight up, beside the head, and down again; a millimetre of noise."""
    thrown = 90 - 90 * np.cos(np.arange(FRAMES) / FRAMES * 2 * np.pi)
    kick = turned(still_motion(), f"{side}UpLeg", (-1, 0, 0), thrown)
    yaw = about(np.array([0, 1.0, 0]), np.radians(outwards) * np.ones(FRAMES))
    poses = posed(kick, FRAMES)
    knee = H36M17.index(f"{side.lower()}_knee")
    hip = poses.world[0, :, knee - 1, None]
    leg = poses.world[0, :, knee : knee + 2] - hip  # turned aside about the upright axis
    sign = 1 if side == "Left" else -1
    yaw = about(np.array([0, 0, 1.0]), np.radians(sign * outwards) * np.ones(FRAMES))
    poses.world[0, :, knee : knee + 2] = hip + leg @ np.swapaxes(yaw, -1, -2)
    poses.world[:] += np.random.default_rng(0).normal(0, 0.001, poses.world.shape)
    (found,) = rig(poses)
    own = np.abs(np.diff(thrown)).max()
    assert turns_deg(found).max() < own + 4
    up = found.positions()[FRAMES // 2]
    assert up[found.rig.index(f"{side}Foot"), 1] > up[found.rig.index("Hips"), 1] + 0.7


def test_who_lies_is_rigged_as_who_stands() -> None:
    """On the back, on the face and on a side: only the root turns with the world."""
    standing = posed(random_motion(1), FRAMES)
    (upright,) = rig(standing)
    for axis, degrees in (((1.0, 0, 0), 90), ((1.0, 0, 0), -90), ((0, 1.0, 0), 90)):
        lay = about(np.array(axis), np.radians(np.array(float(degrees))))
        world = standing.world @ lay.T
        (lying,) = rig(replace(standing, world=world, pose=world - world[:, :, :1]))
        assert error_mm(replace(standing, world=world), lying) < 1
        same = np.abs((lying.rotations * upright.rotations).sum(-1))[:, 1:]
        assert np.degrees(2 * np.arccos(np.clip(same, 0, 1))).max() < 0.01
        np.testing.assert_allclose(lying.rig.offsets, upright.rig.offsets, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_fast_turns_are_no_more_frequent_than_the_movers_own(seed: int) -> None:
    """Of more than 30 degrees a frame; limbs that bend at their hinges and swing widely."""
    rng = np.random.default_rng(seed)
    motion, t = still_motion(), np.arange(FRAMES) / 30
    for joint, axis in (
        ("LeftUpLeg", (-1, 0, 0)), ("RightUpLeg", (-1, 0, 0)), ("LeftArm", (0, 0, -1)),
        ("RightArm", (0, 0, 1)), ("Hips", (0, 1, 0)), ("Spine1", (1, 0, 0)),
    ):  # fmt: skip
        rate, phase = rng.uniform(2, 4), rng.uniform(0, 6)
        motion = turned(motion, joint, axis, 45 + 50 * np.sin(2 * np.pi * rate * t + phase))
    for joint, axis in (
        ("LeftLeg", (1, 0, 0)), ("RightLeg", (1, 0, 0)), ("LeftForeArm", (0, -1, 0)),
        ("RightForeArm", (0, 1, 0)),
    ):  # fmt: skip
        rate, phase = rng.uniform(2, 4), rng.uniform(0, 6)
        motion = turned(motion, joint, axis, 65 + 60 * np.sin(2 * np.pi * rate * t + phase))
    own, (found,) = turns_deg(motion) > 30, rig(posed(motion, FRAMES))
    made = turns_deg(found) > 30
    assert own.sum() > 5  # the mover is fast, indeed
    assert made.sum() <= own.sum()
    assert error_mm(posed(motion, FRAMES), found) < 1


def test_ten_thousand_frames() -> None:
    poses = posed(random_motion(2, 10_000), 10_000)
    scene = scene_of(poses, ExportSettings())
    assert error_mm(poses, rig(poses)[0]) < 1
    for name in ("bvh", "glb", "usd"):
        (content,) = FORMATS[name].made(scene).values()
        assert len(content()) > 1_000_000


def sliding_mm(joints: np.ndarray, standing: np.ndarray) -> float:
    """How far ankles move along the floor from frame to frame while they stand, on average."""
    steps = np.linalg.norm(np.diff(joints[..., [0, 2]], axis=0), axis=-1)
    return float(1000 * steps[standing].mean())


def check_no_sliding_added(poses: Poses3D) -> None:
    """Feet slide no more in the rig than in the poses that it is of: by 0.2 mm a frame at most."""
    ankles = list(H36M17.indices("left_ankle", "right_ankle"))
    for i, motion in enumerate(rig(poses)):
        world = poses.world[i, poses.valid[i]]
        before = np.stack([world[..., 0], world[..., 2], -world[..., 1]], -1)[:, ankles]
        speed = np.linalg.norm(np.diff(before, axis=0), axis=-1) * poses.timeline.fps
        standing = (speed < 0.3) & (before[1:, :, 1] < 0.12)
        if standing.sum() > 5:
            after = seventeen(motion)[:, ankles]
            assert sliding_mm(after, standing) < sliding_mm(before, standing) + 0.2


def test_feet_that_stand_stay_where_they_are() -> None:
    """Somebody sways above feet that do not move at all."""
    motion = random_motion(3)
    poses = posed(motion, FRAMES)
    sway = poses.world[0, :, :1] - poses.world[0, :1, :1]
    poses.world[0] -= sway
    for side in ("left", "right"):
        hip, knee, ankle = H36M17.indices(*(f"{side}_{j}" for j in ("hip", "knee", "ankle")))
        start, thigh = poses.world[0, :, hip], 0.45
        foot = poses.world[0, :1, hip] - (0, 0, 0.7)
        along = foot - start
        length = np.linalg.norm(along, axis=-1, keepdims=True)
        forwards = np.cross(np.cross(along, (0, -1.0, 0)), along)
        forwards /= np.linalg.norm(forwards, axis=-1, keepdims=True)
        bent = np.sqrt(thigh**2 - (length / 2) ** 2)
        poses.world[0, :, knee] = start + along / 2 + forwards * bent
        poses.world[0, :, ankle] = foot
    poses.world[..., 2] -= poses.world[..., 2].min() - 0.05
    check_no_sliding_added(poses)
    after = seventeen(rig(poses)[0])[:, H36M17.indices("left_ankle", "right_ankle")]
    assert np.linalg.norm(after - after[:1], axis=-1).max() < 0.001


def test_gaps_and_odd_ids() -> None:
    """From Python: a hole in a life is filled and marked; two people of one id are refused."""
    _, poses = clip(PAIR)
    poses.valid[1, 4:6] = False
    poses.world[1, 4:6] = poses.pose[1, 4:6] = np.nan
    scene = scene_of(poses, ExportSettings())
    assert scene.poses.valid.all()
    assert scene.motions[1].interpolated.nonzero()[0].tolist() == [4, 5]
    np.testing.assert_allclose(scene.poses.world[1, 5], poses.world[1, 6], atol=1e-6)
    for name in FORMATS.keys() - {"fbx"}:
        assert all(content() for content in FORMATS[name].made(scene).values())
    for ids in ([1, 1], [-1, 2]):
        with pytest.raises(poselift.FormatError, match="each once"):
            scene_of(replace(poses, person_id=np.array(ids)), ExportSettings())
    poses.valid[0] = False
    with pytest.raises(poselift.FormatError, match="person 1 is in no frame"):
        scene_of(poses, ExportSettings())
    poses.valid[0] = True
    poses.world[0, 3, 2] = np.inf
    with pytest.raises(poselift.FormatError, match="not finite"):
        scene_of(poses, ExportSettings())


def test_a_body_without_size_and_a_life_of_one_frame() -> None:
    """Numbers stay numbers in every format, whatever the joints are."""
    _, poses = clip(STILL[:, :1])
    for world in (poses.world, np.zeros_like(poses.world), poses.world * 1e6):
        scene = scene_of(replace(poses, world=world), ExportSettings(smooth_hz=3))
        assert np.isfinite(matrices_of(scene.motions[0].rotations)).all()
        for name in FORMATS.keys() - {"fbx"}:
            for content in FORMATS[name].made(scene).values():
                assert b"nan" not in content().lower().replace(b"nance", b"")
