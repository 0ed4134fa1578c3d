"""The fixed test of straight bodies, and evaluation cut by roll, tilt and limb."""

from __future__ import annotations

import numpy as np
import pytest
from mocap_bodies import walking

from poselift.data.mocap.limb_calibration import LIMBS, flexion
from poselift.data.skeletons import COCO17, H36M17
from poselift.models.lifters import open_lifter
from poselift.models.registry import DEFAULT_LIFTER
from poselift.pipeline.mocap.evaluate_mocap import CONDITIONS, judge, pose_errors
from poselift.pipeline.mocap.standing_bodies import ARMS_DEG, judge_standing, straight_body


@pytest.mark.parametrize("arms", ARMS_DEG)
def test_the_body_is_straight_and_whole(arms: float) -> None:
    body = straight_body(arms, H36M17)
    for limb in LIMBS:
        assert flexion(body[None], limb).max() < 2
    height = {joint: body[j, 2] for j, joint in enumerate(H36M17.joints)}
    assert height["head"] > height["neck"] > height["thorax"] > height["hip"] > height["left_knee"]
    keypoints = straight_body(arms, COCO17)
    for joint in ("left_wrist", "right_ankle"):
        np.testing.assert_array_equal(
            body[H36M17.index(joint)], keypoints[COCO17.index(joint)], joint
        )
    assert body[H36M17.index("left_wrist"), 1] > 0  # left is +


def test_who_stands_straight_is_drawn_straight() -> None:
    views = judge_standing(open_lifter(DEFAULT_LIFTER)[0])
    assert len(views) == 2 * 3 * 8
    # A camera on the left and one on the right see mirror images.
    by_side = {(v.side, v.height_m): v for v in views[:24]}
    for height in (0.5, 1.5, 3.0):
        left, right = by_side[90, height], by_side[270, height]
        assert left.knees == pytest.approx(right.knees, abs=0.1)
        assert left.gravity == pytest.approx(right.gravity, abs=0.1)
    assert np.mean([view.gravity for view in views]) < 5
    assert np.mean([view.knees for view in views]) < 7
    assert np.mean([view.elbows for view in views]) < 12
    assert max(view.knees for view in views) < 15


def test_errors_of_limbs_are_theirs() -> None:
    pose = walking("walk").h36m[:30]
    off = pose.copy()
    off[:, H36M17.index("left_wrist")] += [0.3, 0, 0]
    errors = pose_errors(off, pose)
    assert errors["arms_mm"].mean() > 2 * errors["legs_mm"].mean()
    parts = {"arms_mm": 4, "legs_mm": 4, "trunk_mm": 9}
    total = sum(joints * errors[name] for name, joints in parts.items()) / 17
    np.testing.assert_allclose(total, errors["p_mpjpe_mm"], rtol=1e-4)
    assert errors["elbows_degrees"].mean() > 10 and errors["knees_degrees"].max() < 1e-3


def test_views_say_how_they_are_turned() -> None:
    weights, _ = open_lifter(DEFAULT_LIFTER)
    seen = {
        name: judge(weights, [walking("walk")], CONDITIONS[name], views=48, frames=6, flip=False)
        for name in ("exact", "rolled", "tilted")
    }
    roll = {name: np.median([view.roll for view in views]) for name, views in seen.items()}
    tilt = {name: np.median([view.tilt for view in views]) for name, views in seen.items()}
    assert roll["exact"] < 8 < 12 < roll["rolled"]
    assert tilt["exact"] < 8 < 15 < tilt["tilted"]
    assert max(view.tilt for view in seen["tilted"]) > 60
