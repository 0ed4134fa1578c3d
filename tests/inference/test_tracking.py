"""People keep their ids; gaps are filled and marked; nothing is invented."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poselift.data.errors import NoPersonFound
from poselift.data.skeletons import COCO17
from poselift.data.structures import Detections, FrameDetections, Keypoints2D, Timeline, Tracks
from poselift.inference.detecting import DetectorPool, detect_whole
from poselift.inference.detectors import make_detector
from poselift.inference.people.tracking import choose_people, track
from poselift.inference.video.video_reader import VideoReader

BODY = np.random.default_rng(5).uniform(-1, 1, (17, 2)) * [30, 90]


def frame_of(*people: tuple[float, float, float]) -> FrameDetections:
    """Detections of people at (x, y) with a score."""
    if not people:
        return FrameDetections.none()
    poses = np.stack([BODY + np.array([x, y]) for x, y, _ in people]).astype(np.float32)
    boxes = np.concatenate([poses.min(1), poses.max(1)], 1)
    scores = np.array([score for *_, score in people], np.float32)
    return FrameDetections(boxes, scores, poses, np.repeat(scores[:, None], 17, 1))


def clip_of(frames: list[FrameDetections], fps: float = 30) -> Detections:
    timeline = Timeline(1280, 720, fps, np.arange(len(frames)) / fps)
    return Detections(timeline, tuple(frames))


def centre(person: Keypoints2D) -> np.ndarray:
    result: np.ndarray = person.xy[:, :, 0].mean(1) - BODY[:, 0].mean()
    return result


def test_crossing_people_keep_their_ids() -> None:
    """Two people walk through each other; detections come in any order."""
    rng = np.random.default_rng(0)
    frames = []
    for t in range(60):
        people = [(200 + 10 * t, 300, 0.7), (800 - 10 * t, 330, 0.6)]
        rng.shuffle(people)
        frames.append(frame_of(*people))
    tracks = track(clip_of(frames))
    assert [p.person_id for p in tracks.people] == [1, 2]
    np.testing.assert_allclose(centre(tracks.people[0]), 200 + 10 * np.arange(60), atol=1)
    np.testing.assert_allclose(centre(tracks.people[1]), 800 - 10 * np.arange(60), atol=1)


def test_gap_is_filled_linearly_and_marked() -> None:
    frames = [frame_of((100 + 5 * t, 300, 0.8)) for t in range(40)]
    frames[15:20] = [frame_of()] * 5
    (person,) = track(clip_of(frames)).people
    np.testing.assert_allclose(centre(person), 100 + 5 * np.arange(40), atol=0.01)
    np.testing.assert_array_equal(np.flatnonzero(~person.seen), np.arange(15, 20))
    np.testing.assert_array_equal(person.interpolated.all(1), ~person.seen)
    assert person.confidence[17].max() < person.confidence[14].min()


def test_nothing_is_invented_outside_the_life_span() -> None:
    frames = [frame_of()] * 10 + [frame_of((300, 300, 0.8))] * 20 + [frame_of()] * 10
    (person,) = track(clip_of(frames)).people
    assert person.span == slice(10, 30)
    assert np.isnan(person.xy[:10]).all() and np.isnan(person.xy[30:]).all()
    assert not person.interpolated.any()
    assert not person.confidence[:10].any()


def test_long_absence_is_rejoined_where_it_left() -> None:
    frames = [frame_of((300, 300, 0.8))] * 20 + [frame_of()] * 40 + [frame_of((310, 300, 0.8))] * 20
    (person,) = track(clip_of(frames)).people
    assert person.seen.sum() == 40
    far = frames[:60] + [frame_of((1100, 300, 0.8))] * 20
    assert len(track(clip_of(far)).people) == 2


def test_unsure_detections_continue_but_never_begin() -> None:
    frames = [frame_of((300, 300, 0.8 if t < 10 else 0.2), (900, 300, 0.2)) for t in range(30)]
    (person,) = track(clip_of(frames)).people
    assert person.seen.all()


def test_short_false_alarms_are_dropped() -> None:
    frames = [
        frame_of((300, 300, 0.8), *([(900, 300, 0.9)] if t in (5, 6) else [])) for t in range(30)
    ]
    assert len(track(clip_of(frames)).people) == 1


def test_single_guessed_joints_are_filled_and_marked() -> None:
    frames = [frame_of((300, 300, 0.8)) for _ in range(20)]
    wrist = COCO17.index("left_wrist")
    frames[8].keypoints[0, wrist] += 200
    frames[8].confidence[0, wrist] = 0.01
    (person,) = track(clip_of(frames)).people
    assert np.argwhere(person.interpolated).tolist() == [[8, wrist]]
    np.testing.assert_allclose(person.xy[8, wrist], person.xy[7, wrist], atol=1e-3)


def test_nobody() -> None:
    with pytest.raises(
        NoPersonFound, match=r"no person in any of its 12 frames \(best score 0\.20"
    ):
        track(clip_of([frame_of((300, 300, 0.2))] * 12))
    with pytest.raises(NoPersonFound):
        track(clip_of([frame_of()] * 12))


def test_seen_too_briefly_is_not_nobody() -> None:
    """Sure detections that are too few, or too far apart, are told as such."""
    somebody = frame_of((300, 300, 0.85))
    few = [somebody] * 4 + [frame_of()] * 6
    with pytest.raises(NoPersonFound, match=r"people are seen in 4 of its 10 frames.* in 5 of"):
        track(clip_of(few))
    sparse = [somebody if t % 70 == 0 else frame_of() for t in range(300)]
    with pytest.raises(NoPersonFound, match=r"seen in 5 of its 300 .* 8 of them \(0\.27 s\) close"):
        track(clip_of(sparse))
    assert len(track(clip_of([somebody] * 5 + [frame_of()] * 5)).people) == 1


def test_the_best_person_is_there_for_long_not_the_highest_score() -> None:
    frames = [
        frame_of((300, 300, 0.6), *([(900, 300, 0.95)] if 20 < t < 40 else [])) for t in range(90)
    ]
    tracks = track(clip_of(frames))
    assert [p.person_id for p in choose_people(tracks, "best").people] == [1]
    assert [p.person_id for p in choose_people(tracks, "2").people] == [1, 2]
    assert choose_people(tracks, "all") is tracks


@settings(max_examples=30, deadline=None)
@given(st.lists(st.booleans(), min_size=12, max_size=40))
def test_seen_frames_are_untouched(pattern: list[bool]) -> None:
    pattern[0] = pattern[-1] = True
    pattern[1] = pattern[2] = pattern[3] = pattern[4] = pattern[5] = True
    frames = [
        frame_of((300 + t, 300, 0.8)) if seen else frame_of() for t, seen in enumerate(pattern)
    ]
    (person, *others) = track(clip_of(frames)).people
    assert not others
    np.testing.assert_array_equal(person.seen[person.span], np.array(pattern)[person.span])
    for t in np.flatnonzero(person.seen):
        np.testing.assert_array_equal(person.xy[t], frames[t].keypoints[0])
    assert not np.isnan(person.xy[person.span]).any()


@pytest.mark.slow
def test_two_moving_people_keep_their_ids(assets: Path) -> None:
    """The real clip: two people handle each other, a third stands behind."""
    reader = VideoReader(assets / "two_people.mp4")
    with DetectorPool(lambda: make_detector("movenet")) as pool:
        tracks: Tracks = track(detect_whole(reader, pool))
    whole = [p for p in tracks.people if p.span == slice(0, 100) and p.seen.mean() > 0.9]
    moving = [p for p in whole if np.nanmax(np.ptp(p.xy, axis=0)) > 60]
    assert len(moving) == 2
    hips = COCO17.indices("left_hip", "right_hip")
    upper, lower = sorted(moving, key=lambda p: p.xy[:, hips, 1].mean())
    # One stands above the other in the image all the time, and neither jumps.
    assert (upper.xy[:, hips, 1].mean(1) < lower.xy[:, hips, 1].mean(1)).all()
    for person in moving:
        steps = np.linalg.norm(np.diff(person.xy[:, hips].mean(1), axis=0), axis=1)
        assert steps.max() < 25
