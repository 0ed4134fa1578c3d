"""Values of a clip: shown by their shapes, equal only to themselves, sliced by frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from poselift.data.skeletons import COCO17
from poselift.data.structures import (
    Detections,
    FrameDetections,
    Keypoints2D,
    Poses3D,
    Timeline,
    Tracks,
    count_of,
)

FRAMES = 9


def timeline() -> Timeline:
    return Timeline(640, 480, 30.0, np.arange(FRAMES) / 30, expected_frames=40)


def detections() -> Detections:
    one = FrameDetections(
        np.zeros((1, 4)), np.ones(1), np.zeros((1, COCO17.num_joints, 2)), np.ones((1, 17))
    )
    none = FrameDetections.none()
    return Detections(timeline(), tuple(one if t % 2 else none for t in range(FRAMES)))


def tracks() -> Tracks:
    ramp = np.arange(FRAMES, dtype=np.float32)
    person = Keypoints2D(
        person_id=3,
        xy=np.broadcast_to(ramp[:, None, None], (FRAMES, 17, 2)).copy(),
        confidence=np.ones((FRAMES, 17)),
        seen=ramp % 2 == 0,
        interpolated=np.zeros((FRAMES, 17), bool),
        scores=np.ones(FRAMES),
    )
    return Tracks(timeline(), (person,))


def poses() -> Poses3D:
    joints = np.broadcast_to(np.arange(FRAMES)[None, :, None, None], (2, FRAMES, 17, 3))
    return Poses3D(
        timeline(), np.array([1, 2]), joints, joints[:, :, 0], joints + 1.0,
        np.ones((2, FRAMES), bool), np.zeros((2, FRAMES), bool), np.array([0, -1, 0]), 640.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (timeline(), "Timeline(9 frames, 30.00 fps, 640 x 480 pixels)"),
        (FrameDetections.none(), "FrameDetections(0 people, 17 joints)"),
        (detections(), "Detections(9 frames, 30.00 fps, somebody in 4, 'coco')"),
        (tracks(), "Tracks(1 person, 9 frames, 30.00 fps)"),
        (tracks().people[0], "Keypoints2D(person 3, frames 0 to 8 of 9, 5 seen, 17 joints)"),
        (poses(), "Poses3D(2 people, 9 frames, 30.00 fps, 17 joints, with trajectory)"),
    ],
    ids=lambda value: value.split("(")[0] if isinstance(value, str) else "",
)
def test_values_show_themselves(value: object, shown: str) -> None:
    assert repr(value) == shown
    assert value == value
    assert value != replace(value)  # type: ignore[type-var]


@pytest.mark.parametrize("frames", [slice(2, 7), slice(None, None, -2), np.array([4, 4, 1])])
def test_at_some_frames(frames: slice | np.ndarray) -> None:
    wanted = np.arange(FRAMES)[frames]
    some = poses().at(frames)
    np.testing.assert_array_equal(some.world[1, :, 5, 2], wanted + 1)
    np.testing.assert_array_equal(some.timeline.times_s, timeline().times_s[wanted])
    assert some.timeline.lost_frames == 0 < timeline().lost_frames
    (person,) = tracks().at(frames).people
    np.testing.assert_array_equal(person.xy[:, 0, 0], wanted)
    np.testing.assert_array_equal(person.seen, wanted % 2 == 0)
    seen = [len(frame) for frame in detections().at(frames).frames]
    assert seen == (wanted % 2).tolist()
    assert replace(poses(), trajectory=None).at(frames).trajectory is None


def test_counts_in_words() -> None:
    words = [count_of(n, noun) for n in (0, 1, 2) for noun in ("person", "frame")]
    assert words == ["0 people", "0 frames", "1 person", "1 frame", "2 people", "2 frames"]
