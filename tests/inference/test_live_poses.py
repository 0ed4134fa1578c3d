"""Poses while they happen: as the lifter has them, by the past alone, steady, nobody forgotten."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from foreign_files import ALONE, GAP, Frames
from live_people import SIZE, Scripted, detections_of, picture, pushed

from poselift.data.cameras import normalise_screen
from poselift.data.errors import LayoutMismatch
from poselift.data.scene import KnownScene
from poselift.data.skeletons import COCO17, H36M17
from poselift.data.structures import FrameDetections
from poselift.inference.live.bodies import SMOOTHINGS
from poselift.inference.live.gravity import SETTLED_TURN, SETTLING_S, Gravity
from poselift.inference.live.live_poses import LivePoses
from poselift.inference.live.one_euro import OneEuro, OneEuroSettings
from poselift.inference.poses.lifting import LiftedPose, Lifter
from poselift.inference.video.video_reader import VideoReader
from poselift.models.lifters import open_lifter


@pytest.fixture(scope="module")
def causal() -> Lifter:
    return Lifter(open_lifter("body27v5-causal")[0])


@pytest.fixture(scope="module")
def seen(frames: Frames) -> list[FrameDetections]:
    return detections_of(frames)


@pytest.mark.parametrize("flip", [False, True])
def test_the_newest_frame_is_what_lifting_the_whole_clip_gives(
    flip: bool, causal: Lifter, seen: list[FrameDetections]
) -> None:
    at = [t for t in range(60) if t != GAP]
    xy = normalise_screen(np.stack([seen[t].keypoints[0] for t in at]), *SIZE)
    confidence = np.stack([seen[t].confidence[0] for t in at])
    whole = causal.lift(xy, confidence, layout=COCO17, flip=flip)
    assert whole.trajectory is not None and whole.up is not None
    for t in (0, 1, 13, 26, 27, 58):
        one = causal.lift_newest(xy[: t + 1], confidence[: t + 1], layout=COCO17, flip=flip)
        assert one.trajectory is not None and one.up is not None
        np.testing.assert_allclose(one.pose[0], whole.pose[t], atol=1e-5)
        np.testing.assert_allclose(one.trajectory[0], whole.trajectory[t], rtol=1e-4)
        np.testing.assert_allclose(one.up[0], whole.up[t], atol=1e-5)


def test_live_poses_are_those_of_the_lifter(causal: Lifter, seen: list[FrameDetections]) -> None:
    """Without smoothing, and until somebody is lost, they are the same numbers."""
    lived = list(pushed(seen[:GAP], lifter=causal, smooth="none", flip=True))
    xy = normalise_screen(np.stack([frame.keypoints[0] for frame in seen[:GAP]]), *SIZE)
    confidence = np.stack([frame.confidence[0] for frame in seen[:GAP]])
    whole = causal.lift(xy, confidence, layout=COCO17)
    checked = 0
    for t, frame in enumerate(lived):
        for person in frame.people:
            if np.allclose(person.xy, seen[t].keypoints[0]):
                np.testing.assert_allclose(person.pose[1:], whole.pose[t, 1:], atol=1e-5)
                checked += 1
    assert checked == GAP - 2  # somebody is one who was seen three times


def test_the_past_never_changes(causal: Lifter, seen: list[FrameDetections]) -> None:
    """What is told of a frame does not depend on those after it."""
    short, long = (list(pushed(seen[:n], lifter=causal)) for n in (12, 20))
    for a, b in zip(short, long, strict=False):
        assert [p.person_id for p in a.people] == [p.person_id for p in b.people]
        for one, other in zip(a.people, b.people, strict=True):
            np.testing.assert_array_equal(one.world, other.world)


def test_people_keep_their_ids_and_are_predicted_while_unseen(
    causal: Lifter, seen: list[FrameDetections]
) -> None:
    lived = list(pushed(seen, lifter=causal))
    assert [len(frame.people) for frame in lived[:3]] == [0, 0, 2]
    assert {p.person_id for frame in lived for p in frame.people} == {1, 2}
    assert [p.seen for p in lived[GAP].people] == [False, False]
    assert [p.score for p in lived[GAP].people] == [0, 0]
    # Where they are predicted they are not far from where they are seen next.
    for person, after in zip(lived[GAP].people, lived[GAP + 1].people, strict=True):
        assert np.abs(person.xy - after.xy).mean() < 15
        assert (person.confidence < after.confidence).all()
    assert sorted(p.seen for p in lived[ALONE].people) == [False, True]
    for frame in lived[3:]:
        for person in frame.people:
            assert np.isfinite(person.world).all()
            ankles = person.world[list(H36M17.indices("left_ankle", "right_ankle")), 2]
            assert person.world[H36M17.index("hip"), 2] > ankles.min()


def test_who_is_gone_is_forgotten_and_false_alarms_are_nobody(
    causal: Lifter, seen: list[FrameDetections]
) -> None:
    nobody = FrameDetections.none()
    script = [*seen[:5], *[nobody] * 30, *seen[:5], *[nobody] * 5, seen[7], nobody, nobody]
    lived = list(pushed(script, lifter=causal))
    ids = [sorted(p.person_id for p in frame.people) for frame in lived]
    assert ids[4] == [1, 2] and ids[20] == [1, 2]
    assert ids[28] == [] and ids[34] == []
    assert ids[39] == [3, 4]


def test_pictures_of_another_size_begin_anew(causal: Lifter, seen: list[FrameDetections]) -> None:
    with LivePoses(lambda: Scripted(seen), causal, workers=1) as poses:
        for t in range(4):
            frame = poses.push(picture(), t / 30)
        assert [p.person_id for p in frame.people] == [1, 2]
        frame = poses.push(picture((320, 180)), 0.2)
        assert (frame.width, frame.people) == (320, ())
        for t in range(2):
            frame = poses.push(picture((320, 180)), 0.3 + t / 30, size=(320, 180))
        assert [p.person_id for p in frame.people] == [3, 4]


def test_a_known_height_makes_people_as_tall(causal: Lifter, seen: list[FrameDetections]) -> None:
    def knee_to_hip(height_m: float) -> float:
        frame = list(pushed(seen[:8], lifter=causal, scene=KnownScene(height_m=height_m)))[-1]
        pose = frame.people[0].pose
        hip, knee = H36M17.indices("left_hip", "left_knee")
        return float(np.linalg.norm(pose[hip] - pose[knee]))

    assert knee_to_hip(1.9) / knee_to_hip(1.5) == pytest.approx(1.85 / 1.45, rel=1e-3)


def test_what_cannot_be_is_told(causal: Lifter) -> None:
    with pytest.raises(LayoutMismatch, match="body27v5-causal"):
        LivePoses(lambda: Scripted([]), "body27v5", workers=1)
    with pytest.raises(ValueError, match="medium"):
        LivePoses(lambda: Scripted([]), causal, smooth="much")  # type: ignore[arg-type]
    with LivePoses(lambda: Scripted([FrameDetections.none()]), causal, workers=1) as poses:
        poses.push(picture(), 1.0)
        with pytest.raises(ValueError, match="rise"):
            poses.push(picture(), 1.0)
        with pytest.raises(ValueError, match="uint8"):
            poses.push(np.zeros((4, 4), np.uint8), 2.0)


def leaning(degrees: float) -> LiftedPose:
    """Somebody who votes for an up that is rolled by so much."""
    angle = np.radians(degrees)
    up = np.array([[np.sin(angle), -np.cos(angle), 0]], np.float32)
    pose = np.zeros((1, 17, 3), np.float32)
    pose[:, H36M17.index("thorax")] = up
    return LiftedPose(pose, None, up)


def test_up_settles_within_two_seconds_and_then_hardly_turns() -> None:
    rng = np.random.default_rng(0)
    gravity, ups = Gravity(), []
    for t in range(240):
        truth = 10.0 if t < 120 else -30.0  # somebody knocks on the camera
        gravity.step([leaning(truth + rng.normal(0, 5))], H36M17, 1 / 30)
        ups.append(gravity.world.up)
        assert gravity.settled == (t + 1 >= SETTLING_S * 30)
    tilt = np.degrees(np.arctan2(np.array(ups)[:, 0], -np.array(ups)[:, 1]))
    assert abs(tilt[59] - 10) < 1.5
    assert np.abs(tilt[59:120] - tilt[59]).max() < 1
    turned = np.abs(np.diff(tilt[60:])) * 30
    assert turned.max() <= SETTLED_TURN * 1.01
    axes = gravity.world.axes
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-6)


def test_a_known_camera_is_settled_at_once() -> None:
    gravity = Gravity(roll=0.0, pitch=20.0)
    before = gravity.world.axes
    gravity.step([leaning(40)], H36M17, 1 / 30)
    assert gravity.settled
    np.testing.assert_array_equal(gravity.world.axes, before)


def test_smoothing_calms_what_rests_and_follows_what_moves() -> None:
    """More smoothing: less jitter, more lag; both in numbers."""
    rng = np.random.default_rng(1)
    times = np.arange(300) / 30
    noise = rng.normal(0, 0.01, (300, 1, 3))
    reach = np.zeros((300, 1, 3))
    reach[:, 0, 0] = np.clip(times - 5, 0, 1)  # a hand that moves at 1 m/s for a second
    jitter, lag_ms = [], []
    for name in ("light", "medium", "strong"):
        chosen = SMOOTHINGS[name]  # type: ignore[index]
        assert chosen is not None
        still, moving = OneEuro(chosen), OneEuro(chosen)
        calm = np.stack([still.step(value, 1 / 30) for value in noise])
        followed = np.stack([moving.step(value, 1 / 30) for value in reach])
        jitter.append(calm[60:].std() / noise.std())
        lag_ms.append(1000 * (reach - followed)[165:179, 0, 0].mean())
    assert jitter == sorted(jitter, reverse=True) and jitter[0] < 0.65 and jitter[2] < 0.4
    assert lag_ms == sorted(lag_ms) and lag_ms[0] < 25 and lag_ms[2] < 80


def test_one_euro_is_exponential_smoothing_without_slope() -> None:
    """With a slope of none it is a low-pass of first order: 1 - 1/e after its time constant."""
    euro = OneEuro(OneEuroSettings(rest_hz=1.0, slope=0.0))
    step, at = 0.001, 0.0
    euro.step(np.zeros((1, 1)), step)
    for _ in range(round(1 / (2 * np.pi) / step)):
        at = float(euro.step(np.ones((1, 1)), step)[0, 0])
    assert at == pytest.approx(1 - 1 / np.e, abs=0.01)


def test_the_real_detector_follows_two_people(walk: Path, causal: Lifter) -> None:
    with LivePoses("movenet-fast", causal) as poses:
        lived = [
            poses.push(frame.image, frame.time_s, size=(1280, 720))
            for frame in itertools.islice(VideoReader(walk, fit=(640, 640)), 8)
        ]
    assert [p.person_id for p in lived[-1].people] == [1, 2]
    for person in lived[-1].people:
        assert person.seen and person.confidence.mean() > 0.3
        low, high = person.xy.min(0), person.xy.max(0)
        assert high[1] - low[1] > 100 and (high < (1280, 720)).all()  # of the full picture
        ankles, head = H36M17.indices("left_ankle", "right_ankle"), H36M17.index("head")
        assert person.world[head, 2] - person.world[list(ankles), 2].min() > 0.8
    assert lived[-1].image.shape == (360, 640, 3)
