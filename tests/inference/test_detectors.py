"""One contract for every detector, and what is particular to MoveNet.

A detector that ships no network is tested with the one that the environment names, as
scripts/test-mediapipe does: POSELIFT_TEST_WEIGHTS_MEDIAPIPE=pose_landmarker_full.task.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from poselift.data.errors import MissingDependency, MissingWeights, PoseliftError, UnknownName
from poselift.inference.detectors import BACKENDS, Detector, back_end, make_detector
from poselift.inference.detectors.choice import DetectorChoice
from poselift.inference.video.video_reader import VideoReader


@pytest.fixture(scope="module", params=BACKENDS)
def detector(request: pytest.FixtureRequest) -> Detector:
    weights = os.environ.get(f"POSELIFT_TEST_WEIGHTS_{request.param.upper()}")
    try:
        return make_detector(DetectorChoice(request.param, weights=weights))
    except (MissingDependency, MissingWeights) as error:
        pytest.skip(str(error))


def people_seen(detector: Detector) -> int:
    """Of the two in the picture. BlazePose sees it as 224x224 pixels, and one person."""
    return 1 if detector.settings["detector"] == "mediapipe" else 2


@pytest.fixture(scope="module")
def picture(walk: Path) -> np.ndarray:
    """A walker (right) and somebody on a container (left), both facing about the camera."""
    return next(iter(VideoReader(walk, start_s=0.5))).image


def test_contract(detector: Detector, picture: np.ndarray) -> None:
    found = detector.detect(picture)
    joints = detector.layout.num_joints
    people = people_seen(detector)
    assert len(found) == people
    assert found.keypoints.shape == (people, joints, 2)
    assert (np.diff(found.scores) <= 0).all()
    assert ((found.confidence >= 0) & (found.confidence <= 1)).all()
    height, width = picture.shape[:2]
    assert ((found.boxes[:, 2:] - found.boxes[:, :2]) > 20).all()
    for box, pose in zip(found.boxes, found.keypoints, strict=True):
        inside = (pose > box[:2] - 40) & (pose < box[2:] + 40)
        assert inside.mean() > 0.9
        assert ((pose > -50) & (pose < [width + 50, height + 50])).all()
        # y points down: the head is above the hips, the hips above the ankles.
        y = {name: pose[detector.layout.index(name), 1] for name in detector.layout.joints}
        assert y["nose"] < y["left_hip"] < y["left_ankle"]
        assert y["nose"] < y["right_hip"] < y["right_ankle"]
    json.dumps(detector.settings)  # part of cache keys


def test_contract_of_sides(detector: Detector, picture: np.ndarray) -> None:
    """The person on the container faces the camera: the left hand is on the image's right."""
    if people_seen(detector) < 2:
        pytest.skip("does not see the person on the container")
    found = detector.detect(picture)
    standing = found.keypoints[np.argmin(found.boxes[:, 0])]
    left, right = (detector.layout.index(f"{side}_shoulder") for side in ("left", "right"))
    assert standing[left, 0] > standing[right, 0] + 10


def test_contract_same_picture_same_answer(detector: Detector, picture: np.ndarray) -> None:
    first, other, again = (detector.detect(x) for x in (picture, picture[:, :600], picture))
    np.testing.assert_array_equal(first.keypoints, again.keypoints)
    assert len(other) < max(2, len(first))


@pytest.mark.parametrize("shape", [(64, 64), (37, 501), (501, 37), (2, 2)])
def test_contract_any_size_and_nobody(detector: Detector, shape: tuple[int, int]) -> None:
    grey = np.full((*shape, 3), 128, np.uint8)
    assert not (detector.detect(grey).scores > 0.3).any()


def test_unknown_detector() -> None:
    with pytest.raises(UnknownName, match=r"unknown detector 'openpose'\. Known: .*movenet"):
        make_detector("openpose")


@pytest.mark.parametrize("name", BACKENDS)
def test_every_back_end_says_what_it_needs_without_it(name: str) -> None:
    kind = back_end(name)
    assert kind.packages and "pip install" in kind.install
    assert kind.known_weights()


@pytest.mark.parametrize(
    ("choice", "option"),
    [
        (DetectorChoice(model="large"), "model"),
        (DetectorChoice(weights="a.tflite"), "weights"),
        (DetectorChoice(half=True), "half"),
        (DetectorChoice("mediapipe", every=3), "every"),
        (DetectorChoice("detectron2", every=3), "every"),
    ],
)
def test_an_option_that_a_detector_has_not_is_refused(choice: DetectorChoice, option: str) -> None:
    with pytest.raises(PoseliftError, match=f"{choice.name} has no option --detector-{option}"):
        make_detector(choice)


def test_every_nth_from_one() -> None:
    with pytest.raises(ValueError, match="N from 1, not 0"):
        DetectorChoice("rtmpose", every=0)
