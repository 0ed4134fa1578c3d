"""A clip is turned upright before it is lifted, and its pose is turned back."""

from __future__ import annotations

import numpy as np
import pytest
from mocap_bodies import walking

from poselift.data.mocap.detector_noise import NoiseRanges
from poselift.data.mocap.virtual_views import ViewRanges, ViewSampler
from poselift.data.skeletons import COCO17, H36M17
from poselift.inference.poses.lifting import Lifter
from poselift.inference.poses.upright_turn import upright_turn
from poselift.models.lifters import open_lifter
from poselift.models.registry import DEFAULT_LIFTER
from poselift.models.temporal import Architecture
from poselift.pipeline.mocap.mocap_batches import draw_batch, turned_upright
from poselift.pipeline.mocap.standing_bodies import straight_body

CERTAIN = np.ones((30, 17))


def turned_by(degrees: float) -> np.ndarray:
    """(2, 2) for row vectors; y down."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cosine, sine], [-sine, cosine]])


@pytest.fixture
def standing() -> np.ndarray:
    """(30, 17, 2) somebody upright, seen from the front, in the image's middle."""
    body = straight_body(20.0, COCO17)
    image = np.stack([-body[:, 1], 1.0 - body[:, 2]], -1) / 2
    return np.tile(image, (30, 1, 1))


@pytest.mark.parametrize("degrees", [0.0, 20.0, -70.0, 180.0])
def test_a_turned_clip_is_turned_upright(degrees: float, standing: np.ndarray) -> None:
    turned = standing @ turned_by(degrees)
    back = turned @ upright_turn(turned, CERTAIN, COCO17)
    np.testing.assert_allclose(back, standing, atol=1e-9)


def test_frames_without_a_trunk_do_not_count(standing: np.ndarray) -> None:
    confidence = CERTAIN.copy()
    confidence[10:, COCO17.index("left_hip")] = 0
    odd = standing.copy()
    odd[10:] = standing[10:] @ turned_by(90.0)
    np.testing.assert_allclose(upright_turn(odd, confidence, COCO17), np.eye(2), atol=1e-9)
    np.testing.assert_array_equal(upright_turn(odd, 0 * confidence, COCO17), np.eye(2))
    np.testing.assert_array_equal(upright_turn(0 * odd, CERTAIN, COCO17), np.eye(2))


def test_the_pose_of_a_turned_picture_is_the_turned_pose(standing: np.ndarray) -> None:
    lifter = Lifter(open_lifter(DEFAULT_LIFTER)[0])
    turn = turned_by(35.0)
    level = lifter.lift(standing, layout=COCO17)
    rolled = lifter.lift(standing @ turn, layout=COCO17)
    expected = level.pose.copy()
    expected[..., :2] = expected[..., :2] @ turn
    # The place in the image, which the network is told too, differs a little.
    assert np.linalg.norm(rolled.pose - expected, axis=-1).max() < 0.02
    assert rolled.up is not None and level.up is not None
    head = H36M17.index("head")
    assert (rolled.pose[:, head] * rolled.up).sum(-1).min() > 0.4


def test_a_lifter_that_sees_only_the_past_does_not_turn(standing: np.ndarray) -> None:
    lifter = Lifter(open_lifter(f"{DEFAULT_LIFTER}-causal")[0])
    later = standing.copy()
    later[20:] = standing[20:] @ turned_by(60.0)
    before = [lifter.lift(xy, layout=COCO17).pose[:20] for xy in (standing, later)]
    np.testing.assert_allclose(*before, atol=1e-6)


def test_training_turns_as_lifting_does() -> None:
    sampler = ViewSampler([walking("walk")], seed=4, ranges=ViewRanges(roll_any_share=1.0))
    batch = draw_batch(sampler, 6, 8, Architecture(18, 3, 18), NoiseRanges())
    turned = turned_upright(batch)
    for view in range(6):
        xy, confidence = batch.keypoints[view].numpy(), batch.confidence[view].numpy()
        turn = upright_turn(xy, confidence, COCO17)
        np.testing.assert_allclose(turned.keypoints[view], xy @ turn, atol=1e-4)
        pose = batch.pose[view].numpy()
        np.testing.assert_allclose(turned.pose[view, ..., :2], pose[..., :2] @ turn, atol=1e-4)
        np.testing.assert_array_equal(turned.pose[view, ..., 2], pose[..., 2])
