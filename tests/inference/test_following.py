"""People are followed: through gaps, past each other, however the work is shared out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poselift.data.skeletons import COCO17
from poselift.data.structures import FrameDetections
from poselift.inference.detecting import DetectorPool, detect
from poselift.inference.detectors import make_detector
from poselift.inference.detectors.followed import Pose, as_detections, recall
from poselift.inference.detectors.following import Follower, Follows, FollowSettings
from poselift.inference.detectors.movenet import MoveNetFast, MoveNetSettings
from poselift.inference.video.video_reader import VideoFrame, VideoReader

FIELDS = ("boxes", "scores", "keypoints", "confidence")


def detected(
    walk: Path, workers: int, known: Sequence[FrameDetections] = (), end_s: float = 1.0
) -> list[FrameDetections]:
    """Looked at in two thirds of the clip's size, which no pixel survives unrounded.

    The quick network with the usual settings, which look at two frames together.
    """
    reader = VideoReader(walk, end_s=end_s, fit=(853, 853))
    with DetectorPool(lambda: MoveNetFast(MoveNetSettings()), workers) as pool:
        return [found for _, found in detect(reader, pool, known)]


@pytest.fixture(scope="module")
def whole(walk: Path) -> list[FrameDetections]:
    return detected(walk, 1)


def check_equal(a: Sequence[FrameDetections], b: Sequence[FrameDetections]) -> None:
    assert len(a) == len(b)
    for one, other in zip(a, b, strict=True):
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_same_bytes_whatever_the_workers(walk: Path, whole: list[FrameDetections]) -> None:
    check_equal(detected(walk, 3), whole)
    assert len(whole) == 30
    # Frames were looked at smaller; the answer is in full-size pixels.
    assert whole[0].boxes[:, 3].max() > 600


@pytest.mark.parametrize("stopped_after", [3, 10, 24])
def test_same_bytes_after_a_stop(
    walk: Path, whole: list[FrameDetections], stopped_after: int
) -> None:
    check_equal(detected(walk, 2, known=whole[:stopped_after]), whole)


def test_known_cycles_are_not_looked_at_again(
    walk: Path, whole: list[FrameDetections], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[tuple[int, ...]] = []
    place = MoveNetFast.place

    def counted(self: MoveNetFast, image: np.ndarray, near: Pose) -> Pose | None:
        looked_at.append(image.shape)
        return place(self, image, near)

    monkeypatch.setattr(MoveNetFast, "place", counted)
    detected(walk, 1, known=whole[:24])
    assert 20 <= len(looked_at) < 60  # two people in ten frames, and a few searches


def test_both_are_seen_in_nearly_every_frame(whole: list[FrameDetections]) -> None:
    """The man on the container is small and far from the camera."""
    assert np.mean([len(found) == 2 for found in whole]) > 0.85
    assert max(len(found) for found in whole) == 2


class Figures:
    """A detector that sees figures where a picture's first row says: x, y, and how plainly."""

    layout = COCO17
    body = np.random.default_rng(5).uniform(-1, 1, (17, 2)) * [30, 90]

    def __init__(self, settings: FollowSettings | None = None, reach: float = 40) -> None:
        self.following: FollowSettings | None = settings or FollowSettings(turns=())
        self.settings: dict[str, Any] = {}
        self.reach = reach
        self.looks = 0

    @classmethod
    def pose(cls, x: float, y: float, sure: float = 0.8) -> Pose:
        xy = cls.body + np.array([x, y])
        return Pose(xy.astype(np.float32), np.full(17, sure, np.float32))

    @staticmethod
    def picture(*figures: tuple[float, float, float]) -> np.ndarray:
        image = np.zeros((400, 600, 3), np.float32)
        for i, figure in enumerate(figures):
            image[0, i] = figure
        return image

    def _poses(self, image: np.ndarray) -> list[Pose]:
        shown = [figure for figure in image[0] if figure[2] > 0]
        return [self.pose(*figure) for figure in shown]

    def detect(self, image: np.ndarray) -> FrameDetections:
        return as_detections(self._poses(image), COCO17)

    def find(self, image: np.ndarray, number: int) -> FrameDetections:
        self.looks += 1
        return self.detect(image)

    def place(self, image: np.ndarray, near: Pose) -> Pose | None:
        """The nearest figure within reach; else a guess that is not sure of itself."""

        def away(pose: Pose) -> float:
            return float(np.linalg.norm(pose.xy.mean(0) - near.xy.mean(0)))

        nearest = min(self._poses(image), key=away, default=None)
        if nearest is None or away(nearest) > self.reach:
            return Pose(near.xy, np.full(17, 0.1, np.float32))
        return nearest


def followed(detector: Figures, images: Sequence[np.ndarray]) -> list[FrameDetections]:
    frames: Iterator[VideoFrame] = (VideoFrame(t, t / 30, x) for t, x in enumerate(images))
    with DetectorPool(lambda: detector, 1) as pool:
        assert pool.following
        found = pool.follow(frames, pool.following, 30, (), np.ones(2, np.float32))
        return [people for _, people in found]


def test_a_first_look_now_and_then() -> None:
    detector = Figures()
    found = followed(detector, [Figures.picture((100 + 5 * t, 200, 0.8)) for t in range(40)])
    assert detector.looks == 5  # the first frame, and the last of each ten
    assert [len(people) for people in found] == [1] * 40


def test_who_comes_late_is_followed_back_to_the_beginning() -> None:
    there = Figures.picture((300, 200, 0.8))
    found = followed(Figures(), [Figures.picture()] * 13 + [there] * 12)
    assert [len(people) for people in found] == [0] * 13 + [1] * 12


def test_a_gap_is_a_gap_and_nobody_is_invented() -> None:
    there, gone = Figures.picture((300, 200, 0.8)), Figures.picture()
    found = followed(Figures(), [there] * 12 + [gone] * 5 + [there] * 8 + [gone] * 25)
    assert [len(people) for people in found] == [1] * 12 + [0] * 5 + [1] * 8 + [0] * 25


def test_people_who_cross_do_not_merge() -> None:
    images = [Figures.picture((100 + 8 * t, 200, 0.8), (500 - 8 * t, 210, 0.7)) for t in range(50)]
    found = followed(Figures(), images)
    apart = [t for t in range(50) if abs(400 - 16 * t) > 30]
    assert {len(found[t]) for t in apart} == {2}
    for t in apart:
        middles = sorted(found[t].keypoints.mean(1)[:, 0] - Figures.body[:, 0].mean())
        assert middles == pytest.approx(sorted([100 + 8 * t, 500 - 8 * t]), abs=0.5)


def test_two_crops_on_one_person_end_as_one() -> None:
    image = Figures.picture((300, 200, 0.8))
    twice = [as_detections([Figures.pose(x, 200) for x in (300, 325)], COCO17)]
    people = recall(twice)
    assert len(people) == 2
    detector = Figures()
    follower = Follower(detector.following or FollowSettings(), at_once(detector), COCO17)
    assert [len(f) for f in follower.cycle([image] * 10, people, {})] == [1] * 10


def at_once(detector: Follows) -> Callable[[Callable[[Any], Any]], Future[Any]]:
    def run(look: Callable[[Any], Any]) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(look(detector))
        return done

    return run


def test_frame_by_frame_as_from_a_camera() -> None:
    """A source that cannot wait: each frame is a cycle, and every tenth is looked at whole."""
    detector = Figures()
    crew = at_once(detector)
    follower = Follower(FollowSettings(turns=()), crew, COCO17)
    seen: list[FrameDetections] = []
    for t in range(30):
        image = Figures.picture((100 + 10 * t, 200, 0.8))
        looks = {0: crew(lambda own, image=image: own.find(image, 0))} if t % 10 == 0 else {}
        seen += follower.cycle([image], recall(seen[-9:]), looks)
    assert [len(people) for people in seen] == [1] * 30
    assert detector.looks == 3


def test_cycles_are_short_where_frames_are_few() -> None:
    settings = FollowSettings()
    assert [settings.cycle_at(fps) for fps in (120, 30, 10, 1)] == [10, 10, 4, 1]
    assert replace(settings, every=3).cycle_at(30) == 3


def test_nobody_in_a_test_card(make_video: Any) -> None:
    reader = VideoReader(make_video("card.mp4", size="640x360"))
    with DetectorPool(lambda: make_detector("movenet-fast"), 1) as pool:
        assert not any(len(found) for _, found in detect(reader, pool))
