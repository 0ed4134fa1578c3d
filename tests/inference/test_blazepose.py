"""MediaPipe's landmarks in other layouts; its real code where scripts/test-mediapipe runs."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from poselift.data.errors import FormatError, MissingDependency, MissingWeights, UnknownName
from poselift.data.foreign.layouts import layout_named
from poselift.data.skeletons import COCO17, H36M17
from poselift.inference.detectors import make_detector
from poselift.inference.detectors.blazepose import BlazePose, BlazePoseSettings, read_result
from poselift.inference.detectors.choice import DetectorChoice
from poselift.inference.detectors.landmarks33 import BLAZEPOSE33, to_coco, to_h36m
from poselift.inference.video.video_reader import VideoReader

BUNDLE = os.environ.get("POSELIFT_TEST_WEIGHTS_MEDIAPIPE")
# A body that stands, metres, y down: enough of BlazePose's landmarks to check by hand.
HIGH = {
    "nose": -0.65, "ear": -0.65, "shoulder": -0.45, "elbow": -0.2, "wrist": 0.05,
    "hip": 0.0, "knee": 0.45, "ankle": 0.9, "heel": 0.95, "foot_index": 0.95,
}  # fmt: skip


def body() -> np.ndarray:
    """(33, 3): left is at x = 0.2, right at -0.2, as of somebody who faces the camera."""
    rows = []
    for joint in BLAZEPOSE33.joints:
        side, part = joint.partition("_")[::2] if "_" in joint else ("", joint)
        x = {"left": 0.2, "right": -0.2}.get(side, 0.0)
        rows.append((x, HIGH.get(part, -0.65), 0.1))
    return np.array(rows, np.float32)


def test_layout() -> None:
    assert BLAZEPOSE33.num_joints == 33
    # As MediaPipe numbers them.
    assert BLAZEPOSE33.indices("nose", "left_shoulder", "right_hip", "right_foot_index") == (
        0, 11, 24, 32,
    )  # fmt: skip
    assert len(BLAZEPOSE33.left) == len(BLAZEPOSE33.right) == 16


def test_coco_joints_are_landmarks() -> None:
    numbered = np.arange(33, dtype=np.float32)[:, None]
    assert to_coco(numbered)[:, 0].tolist() == [
        0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28,
    ]  # fmt: skip


def test_same_order_as_poselift_import_reads() -> None:
    table = layout_named("mediapipe_33")
    assert [set(joint.split("_")) for joint in table.joints] == [
        set(joint.split("_")) for joint in BLAZEPOSE33.joints
    ]  # the mouth's sides stand behind there
    assert all(table.coco[joint] == (joint,) for joint in COCO17.joints)


def test_h36m_joints_by_the_stated_rule() -> None:
    joints = dict(zip(H36M17.joints, to_h36m(body()), strict=True))
    assert joints["hip"] == pytest.approx([0, 0, 0.1])
    assert joints["thorax"] == pytest.approx([0, -0.45, 0.1])
    assert joints["spine"] == pytest.approx([0, -0.225, 0.1])
    assert joints["head"] == pytest.approx([0, -0.65, 0.1])
    assert joints["neck"][1] == pytest.approx(-0.45 - 0.2 / 3)
    assert joints["left_ankle"] == pytest.approx([0.2, 0.9, 0.1])


def answer(*people: tuple[np.ndarray, float]) -> SimpleNamespace:
    """As MediaPipe answers: landmarks in [0, 1], and its own 3D."""

    def points(xy: np.ndarray, sure: float) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(x=x, y=y, z=0.0, visibility=sure, presence=0.99) for x, y in xy
        ]  # fmt: skip

    world = [SimpleNamespace(x=x, y=y, z=z) for x, y, z in body()]
    return SimpleNamespace(
        pose_landmarks=[points(*person) for person in people],
        pose_world_landmarks=[world for _ in people],
    )


def test_reads_landmarks_as_detections() -> None:
    shape, near = body()[:, :2] / 4 + [0.3, 0.5], body()[:, :2] / 4 + [0.7, 0.5]
    found = read_result(
        answer((shape, 0.6), (near, 0.9), (near + 0.001, 0.7)), (480, 640, 3), BlazePoseSettings()
    )
    people = found.people
    assert len(people) == 2  # the third is the second once more
    assert people.scores == pytest.approx([0.9, 0.6])
    np.testing.assert_allclose(people.keypoints[0], to_coco(near * [640, 480]), rtol=1e-5)
    assert found.world.shape == (2, 33, 3) and found.landmarks.shape == (2, 33, 2)
    low, high = people.boxes[:, :2], people.boxes[:, 2:]
    assert (people.keypoints >= low[:, None]).all() and (people.keypoints <= high[:, None]).all()


def test_reads_nobody() -> None:
    found = read_result(answer(), (480, 640, 3), BlazePoseSettings())
    assert len(found.people) == 0 and found.world.shape == (0, 33, 3)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(MissingDependency, match=re.escape(BlazePose.install)):
        make_detector("mediapipe")
    with pytest.raises(UnknownName, match="full, heavy, lite"):
        make_detector(DetectorChoice("mediapipe", "tiny"))


needs_bundle = pytest.mark.skipif(
    BUNDLE is None, reason="scripts/test-mediapipe runs this with the real package and networks"
)


@needs_bundle
def test_world_landmarks_of_a_real_person(walk: Path) -> None:
    image = next(iter(VideoReader(walk, start_s=0.5))).image
    detector = make_detector(DetectorChoice("mediapipe", weights=BUNDLE))
    assert isinstance(detector, BlazePose)
    found = detector.look(image)
    assert len(found.world) == len(found.people) == 1
    joints = dict(zip(H36M17.joints, to_h36m(found.world[0]), strict=True))
    assert np.abs(joints["hip"]).max() < 0.02  # where they are measured from
    assert joints["head"][1] < joints["thorax"][1] < joints["hip"][1] < joints["left_ankle"][1]
    for side in ("left", "right"):
        thigh = np.linalg.norm(joints[f"{side}_hip"] - joints[f"{side}_knee"])
        assert 0.2 < thigh < 0.55
    xy = dict(zip(COCO17.joints, found.people.keypoints[0], strict=True))
    assert xy["nose"][1] < xy["left_hip"][1] < xy["left_ankle"][1]


@needs_bundle
def test_bundles_that_are_not_there_or_are_none(tmp_path: Path) -> None:
    path = tmp_path / "pose.task"
    with pytest.raises(MissingWeights, match=r"pose\.task: no such file"):
        make_detector(DetectorChoice("mediapipe", weights=str(path)))
    path.write_text("not a bundle")
    with pytest.raises(FormatError, match=r"pose\.task: is no pose bundle"):
        make_detector(DetectorChoice("mediapipe", weights=str(path)))
    with pytest.raises(MissingWeights, match=r"poselift weights fetch pose_landmarker_heavy"):
        make_detector(DetectorChoice("mediapipe", "heavy"))
