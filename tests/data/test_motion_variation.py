"""Straight limbs, varied motion and turned views: what must stay as it is, and what turns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from mocap_bodies import walking
from torch import Tensor

from poselift.data.archives.joints_archive import JointsClip
from poselift.data.mocap.limb_calibration import LIMBS, flexion, straight_limbs
from poselift.data.mocap.motion_variation import (
    MotionRanges,
    define_otherwise,
    exchange_arms,
    trunk_frame,
    vary_motion,
)
from poselift.data.mocap.random_draws import RandomDraws
from poselift.data.mocap.virtual_views import ViewRanges, Views, ViewSampler, rotation_matrices
from poselift.data.skeletons import COCO17, H36M17

EVERYTHING = MotionRanges(
    varied=1.0, exchanged_arms=0.5, straight_legs=0.3, straight_arms=0.3, time_warp=0.2
)
SHARED = [(H36M17.index(j), 17 + COCO17.index(j)) for j in COCO17.joints if j in H36M17.joints]
LEVEL = ViewRanges(pitch_usual=(0.0, 0.0), wide_share=0.0, roll_deviation=0.0)


def bones(points: Tensor) -> Tensor:
    return (points[:, :, 1:17] - points[:, :, list(H36M17.parents[1:])]).norm(dim=-1)


@pytest.fixture
def points() -> Tensor:
    """Eight walkers who swing their limbs at several speeds: (8, 60, 34, 3)."""
    clips = [walking(str(n), frames=60, speed=0.5 + 0.2 * n) for n in range(8)]
    both = [np.concatenate([clip.h36m, clip.coco], 1) for clip in clips]
    return torch.from_numpy(np.stack(both))


def test_varied_motion_keeps_every_bone_and_both_layouts(points: Tensor) -> None:
    varied = vary_motion(points, RandomDraws(3), EVERYTHING)
    torch.testing.assert_close(bones(varied), bones(points), atol=1e-5, rtol=1e-4)
    assert (varied - points).norm(dim=-1).amax() > 0.1
    for h36m, coco in SHARED:
        torch.testing.assert_close(varied[:, :, h36m], varied[:, :, coco], atol=1e-5, rtol=1e-4)


def test_varied_motion_is_as_smooth_as_what_it_varies(points: Tensor) -> None:
    varied = vary_motion(points, RandomDraws(3), EVERYTHING)
    assert varied.diff(dim=1).norm(dim=-1).amax() < 3 * points.diff(dim=1).norm(dim=-1).amax()


def test_nothing_is_varied_by_default(points: Tensor) -> None:
    assert torch.equal(vary_motion(points, RandomDraws(3), MotionRanges()), points)


def test_straight_legs_stand_under_the_trunk(points: Tensor) -> None:
    bent = points.clone()
    for foot in ("left_ankle", "right_ankle"):  # heels drawn up behind
        for joint in (H36M17.index(foot), 17 + COCO17.index(foot)):
            bent[:, :, joint] += torch.tensor([-0.3, 0.0, 0.2])
    straight = vary_motion(bent, RandomDraws(3), MotionRanges(straight_legs=1.0))
    knees = [flexion(straight[n].numpy()[:, :17], LIMBS[0]) for n in range(8)]
    before = [flexion(bent[n].numpy()[:, :17], LIMBS[0]) for n in range(8)]
    assert np.mean(before) > 40 and np.mean(knees) < 0.4 * np.mean(before)


def test_arms_are_the_neighbours_in_the_own_trunks_frame(points: Tensor) -> None:
    turned = points.clone()
    turned[0] = turned[0] @ rotation_matrices(torch.tensor([[0.0, 0.0, 2.0]]))[0].T
    exchanged = exchange_arms(turned)

    def upper_arm(of: Tensor) -> Tensor:
        shoulder, elbow = H36M17.indices("left_shoulder", "left_elbow")
        arm = torch.nn.functional.normalize(of[:, :, elbow] - of[:, :, shoulder], dim=-1)
        return torch.einsum("nlji,nlj->nli", trunk_frame(of), arm)

    theirs = upper_arm(turned).roll(1, 0)
    torch.testing.assert_close(upper_arm(exchanged), theirs, atol=1e-4, rtol=0)
    torch.testing.assert_close(bones(exchanged), bones(turned))


def test_definitions_are_constant_in_the_limbs_frame_and_only_of_keypoints(points: Tensor) -> None:
    moved = define_otherwise(points, RandomDraws(5), 0.02)
    assert torch.equal(moved[:, :, :17], points[:, :, :17])
    offset = (moved - points)[:, :, 17 + COCO17.index("left_knee")].norm(dim=-1)
    assert 0.001 < offset.mean() < 0.1
    assert offset.std(1).max() < 0.01
    hips = [17 + COCO17.index(f"{side}_hip") for side in ("left", "right")]
    widths = [(p[:, :, hips[0]] - p[:, :, hips[1]]).norm(dim=-1) for p in (points, moved)]
    assert (widths[1] - widths[0]).abs().max() > 0.005  # both outwards, or both inwards


def knee_bent_by(name: str, least: float) -> JointsClip:
    """A walker whose knees are never straighter than this; his thighs are 45 cm."""
    clip = walking(name)
    angle = np.radians(least + 40 * np.sin(np.linspace(0, 9, len(clip.h36m))) ** 2)
    h36m, coco = clip.h36m.copy(), clip.coco.copy()
    for side in ("left", "right"):
        hip, knee, ankle = H36M17.indices(f"{side}_hip", f"{side}_knee", f"{side}_ankle")
        h36m[:, knee] = h36m[:, hip] + [0, 0, -0.45]
        h36m[:, ankle] = h36m[:, knee] - 0.45 * np.stack(
            [np.sin(angle), 0 * angle, np.cos(angle)], -1
        )
        for part in ("knee", "ankle"):
            coco[:, COCO17.index(f"{side}_{part}")] = h36m[:, H36M17.index(f"{side}_{part}")]
    return replace(clip, h36m=h36m, coco=coco)


def test_the_straightest_knee_becomes_straight() -> None:
    clip = knee_bent_by("bent", 14.0)
    (straight,) = straight_limbs([clip])
    before, after = flexion(clip.h36m, LIMBS[0]), flexion(straight.h36m, LIMBS[0])
    assert before.min() > 13.9 and after.min() < 4
    # Angles above are moved alike.
    np.testing.assert_allclose((before - after)[before > 20], 11.0, atol=1.0)
    for joints, moved in ((clip.h36m, straight.h36m), (clip.coco, straight.coco)):
        assert joints.dtype == moved.dtype and not np.allclose(joints, moved)
    lengths = [
        np.linalg.norm(c.h36m[:, 1:] - c.h36m[:, list(H36M17.parents[1:])], axis=-1)
        for c in (clip, straight)
    ]
    np.testing.assert_allclose(*lengths, atol=1e-5)
    knee = H36M17.index("left_knee"), COCO17.index("left_knee")
    np.testing.assert_allclose(straight.h36m[:, knee[0]], straight.coco[:, knee[1]], atol=1e-5)


def test_a_body_that_gets_straight_stays_and_one_that_never_does_too() -> None:
    for least in (1.0, 60.0):
        clip = knee_bent_by("as it is", least)
        (same,) = straight_limbs([clip])
        knee = H36M17.index("left_knee")
        np.testing.assert_array_equal(same.h36m[:, knee], clip.h36m[:, knee])


def test_a_straight_take_of_the_same_body_straightens_the_others() -> None:
    bent, more = knee_bent_by("standing", 12.0), knee_bent_by("crouching", 50.0)
    _, calibrated = straight_limbs([bent, more])
    assert (flexion(more.h36m, LIMBS[0]) - flexion(calibrated.h36m, LIMBS[0])).mean() > 5


def sampled(ranges: ViewRanges, count: int = 64) -> Views:
    return ViewSampler([walking("walk")], seed=5, ranges=ranges).sample(count, 5)


def test_a_rolled_views_gravity_turns_with_it() -> None:
    level = sampled(LEVEL)
    rolled = sampled(replace(LEVEL, roll_any_share=1.0))
    torch.testing.assert_close(level.up[:, 1], -torch.ones(64), atol=1e-4, rtol=0)
    angle = torch.atan2(rolled.up[:, 0], -rolled.up[:, 1])
    assert (angle.abs() > 1.5).float().mean() > 0.3
    # Everybody still stands along the up that is said.
    spine = rolled.pose[:, :, H36M17.index("head")] - rolled.pose[:, :, H36M17.index("left_ankle")]
    cosine = torch.cosine_similarity(spine, rolled.up[:, None], dim=-1)
    assert cosine.min() > 0.9
    turn = rotation_matrices(torch.stack([0 * angle, 0 * angle, angle], -1))
    back = torch.einsum("nji,nj->ni", turn, rolled.up)
    torch.testing.assert_close(back, level.up, atol=1e-4, rtol=0)


def test_a_tilted_body_leaves_gravity_where_it_was() -> None:
    tilted = sampled(replace(LEVEL, tilt_any_share=1.0))
    torch.testing.assert_close(tilted.up, sampled(LEVEL).up)
    spine = tilted.pose[:, 2, H36M17.index("thorax")]
    cosine = torch.cosine_similarity(spine, tilted.up, dim=-1)
    assert (cosine < -0.5).any() and (cosine.abs() < 0.3).any() and (cosine > 0.5).any()


def test_shares_are_shares() -> None:
    some = sampled(replace(LEVEL, roll_wide_share=0.4, roll_wide=25.0), count=2000)
    angle = torch.atan2(some.up[:, 0], -some.up[:, 1]).rad2deg()
    assert 0.37 < (angle.abs() > 0.1).float().mean() < 0.43
    assert 23 < angle[angle.abs() > 0.1].std() < 27


def test_a_weight_draws_a_clip_more_often() -> None:
    still = walking("still", speed=0.0)
    half = np.float32([1, 1, 0.5])
    low = replace(still, h36m=still.h36m * half, coco=still.coco * half, weight=3.0)
    ranges = replace(LEVEL, body_scale=(1.0, 1.0), limb_scale=0.0, width_scale=0.0)
    views = ViewSampler([still, low], seed=2, ranges=ranges).sample(1000, 3)
    height = views.pose[:, 0, H36M17.index("head")].norm(dim=-1)
    assert 0.7 < (height < 0.5).float().mean() < 0.8
