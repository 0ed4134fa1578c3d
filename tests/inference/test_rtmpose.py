"""RTMPose: rtmlib's real code on tiny networks that see coloured rectangles as people."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from poselift.data.errors import (
    FormatError,
    LayoutMismatch,
    MissingDependency,
    MissingWeights,
    PoseliftError,
    UnknownName,
)
from poselift.data.skeletons import COCO17
from poselift.data.structures import FrameDetections
from poselift.inference.detecting import DetectorPool, detect
from poselift.inference.detectors import make_detector
from poselift.inference.detectors.choice import DetectorChoice
from poselift.inference.detectors.onnx_networks import SIZES, Networks
from poselift.inference.detectors.rtmpose import RTMPose, RTMPoseSettings, places
from poselift.inference.video.video_reader import VideoFrame, VideoReader

pytest.importorskip("onnx")
pytest.importorskip("rtmlib")

from tiny_networks import MAGENTA, RED, joint_placer, people_finder, plain_finder

Detected = tuple[tuple[float, FrameDetections], ...]

# Left, top, right, bottom of two people.
FIRST, SECOND = (100, 60, 160, 260), (300, 100, 380, 400)


def picture(*people: tuple[tuple[int, ...], tuple[int, int, int]]) -> np.ndarray:
    """640x480 grey, RGB, with rectangles."""
    image = np.full((480, 640, 3), 90, np.uint8)
    for (left, top, right, bottom), colour in people:
        image[top:bottom, left:right] = colour
    return image


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Networks:
    folder = tmp_path_factory.mktemp("networks")
    return Networks(people_finder(folder / "yolox.onnx"), joint_placer(folder / "rtmpose.onnx"))


@pytest.fixture(scope="module")
def detector(networks: Networks) -> RTMPose:
    return RTMPose(networks)


def check_person(keypoints: np.ndarray, person: tuple[int, ...]) -> None:
    """The joints lie over the rectangle, to the pixels that scaling loses."""
    left, top, right, bottom = person
    named = dict(zip(COCO17.joints, keypoints, strict=True))
    assert named["nose"] == pytest.approx([(left + right) / 2, top], abs=6)
    assert named["left_ankle"] == pytest.approx([right, bottom], abs=6)
    assert named["right_ankle"] == pytest.approx([left, bottom], abs=6)
    assert named["left_hip"][1] == pytest.approx(top + 0.55 * (bottom - top), abs=6)


def test_finds_people_and_their_joints(detector: RTMPose) -> None:
    found = detector.detect(picture((FIRST, RED), (SECOND, MAGENTA)))
    assert len(found) == 2
    assert found.keypoints.shape == (2, 17, 2) and found.confidence.shape == (2, 17)
    assert found.scores == pytest.approx([0.9, 0.9], abs=0.02)
    for person in (FIRST, SECOND):
        nearest = np.abs(found.boxes - person).sum(1).argmin()
        np.testing.assert_allclose(found.boxes[nearest], person, atol=5)
        check_person(found.keypoints[nearest], person)
    assert json.dumps(detector.settings)


def test_nobody(detector: RTMPose) -> None:
    assert len(detector.detect(picture())) == 0


@pytest.mark.parametrize("shape", [(64, 64), (37, 501), (501, 37), (2, 2)])
def test_any_size(detector: RTMPose, shape: tuple[int, int]) -> None:
    assert len(detector.detect(np.full((*shape, 3), 128, np.uint8))) == 0


def test_same_picture_same_answer(detector: RTMPose) -> None:
    image = picture((FIRST, RED))
    first, _, again = (detector.detect(x) for x in (image, picture((SECOND, RED)), image))
    np.testing.assert_array_equal(first.keypoints, again.keypoints)


def test_rtmdet_is_given_normalised_pixels(networks: Networks, tmp_path: Path) -> None:
    people = people_finder(tmp_path / "rtmdet_nano.onnx", level=1.5)
    detector = RTMPose(Networks(people, networks.keypoints))
    found = detector.detect(picture((FIRST, RED), (SECOND, MAGENTA)))
    assert len(found) == 2
    assert detector.settings["people"][0] == "RTMDet"


def test_network_of_any_size_is_given_640(networks: Networks, tmp_path: Path) -> None:
    people = people_finder(tmp_path / "yolox.onnx", fixed=False)
    found = RTMPose(Networks(people, networks.keypoints)).detect(picture((FIRST, RED)))
    np.testing.assert_allclose(found.boxes[0], FIRST, atol=2)


def test_yolox_without_suppression_inside(networks: Networks, tmp_path: Path) -> None:
    people = plain_finder(tmp_path / "yolox.onnx", side=64)
    found = RTMPose(Networks(people, networks.keypoints)).detect(picture((FIRST, RED)))
    # Cell (0, 0) of stride 32 in a picture shrunk tenfold; the box is cut off at the border.
    np.testing.assert_allclose(found.boxes[0], [0, 40, 400, 440], atol=1)


@pytest.mark.parametrize("joints", [26, 133])
def test_first_17_of_larger_layouts(networks: Networks, tmp_path: Path, joints: int) -> None:
    larger = joint_placer(tmp_path / "pose.onnx", joints)
    found = RTMPose(Networks(networks.people, larger)).detect(picture((FIRST, RED)))
    check_person(found.keypoints[0], FIRST)


def test_other_layouts_are_refused(networks: Networks, tmp_path: Path) -> None:
    hands = joint_placer(tmp_path / "pose.onnx", 21)
    with pytest.raises(LayoutMismatch, match="places 21 joints"):
        RTMPose(Networks(networks.people, hands))


def moving(frames: int, *, gone_after: int = 99) -> list[np.ndarray]:
    left, top, right, bottom = FIRST
    return [
        picture(*([((left + 6 * t, top, right + 6 * t, bottom), RED)] if t < gone_after else []))
        for t in range(frames)
    ]


def followed(detector: RTMPose, images: list[np.ndarray]) -> list[FrameDetections]:
    frames = (VideoFrame(t, t / 30, image) for t, image in enumerate(images))
    with DetectorPool(lambda: detector, 1) as pool:
        assert pool.following
        found = pool.follow(frames, pool.following, 30, (), np.ones(2, np.float32))
        return [people for _, people in found]


def test_people_are_followed_between_searches(
    networks: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = RTMPose(networks, RTMPoseSettings(every=5))
    searches = 0
    search = detector._find

    def counted(image: np.ndarray) -> np.ndarray:
        nonlocal searches
        searches += 1
        return np.asarray(search(image))

    monkeypatch.setattr(detector, "_find", counted)
    results = followed(detector, moving(10))
    # In the first frame, and in the last of each five.
    assert searches == 3 and [len(found) for found in results] == [1] * 10
    left, top, right, bottom = FIRST
    for t, found in enumerate(results):
        check_person(found.keypoints[0], (left + 6 * t, top, right + 6 * t, bottom))


def test_who_is_gone_is_not_followed(networks: Networks) -> None:
    detector = RTMPose(networks, RTMPoseSettings(every=5))
    results = followed(detector, moving(5, gone_after=3))
    assert [len(found) for found in results] == [1, 1, 1, 0, 0]


def test_who_comes_between_searches_is_followed_back(networks: Networks) -> None:
    detector = RTMPose(networks, RTMPoseSettings(every=5))
    results = followed(detector, [picture()] * 2 + moving(3))
    assert [len(found) for found in results] == [0, 0, 1, 1, 1]


def test_following_is_the_same_whatever_the_workers_and_after_a_stop(
    networks: Networks, walk: Path
) -> None:
    def make() -> RTMPose:
        return RTMPose(networks, RTMPoseSettings(every=4))

    def detected(workers: int, end_s: float = 0.4, known: Detected = ()) -> Detected:
        with DetectorPool(make, workers) as pool:
            seen = [frame for _, frame in known]
            return tuple(detect(VideoReader(walk, end_s=end_s), pool, seen))

    one, three = detected(1), detected(3)
    resumed = detected(1, known=detected(1, end_s=0.2))
    assert len(one) == 12
    for other in (three, resumed):
        for (at, a), (same, b) in zip(one, other, strict=True):
            np.testing.assert_array_equal(a.keypoints, b.keypoints)
            assert at == same


def test_places() -> None:
    joints = np.array([[[10, 20], [30, 60]]], np.float32)
    np.testing.assert_allclose(places(joints, 1.5), [[5, 10, 35, 70]])
    assert places(np.zeros((0, 17, 2)), 1.5).shape == (0, 4)


def test_networks_by_folder_size_and_cache(
    networks: Networks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    by_folder = make_detector(DetectorChoice("rtmpose", weights=str(networks.people.parent)))
    assert len(by_folder.detect(picture((FIRST, RED)))) == 1
    with pytest.raises(MissingWeights, match=r"poselift weights fetch yolox_m.*rtmpose-m"):
        make_detector("rtmpose")
    cache = tmp_path / "home" / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    for file, network in zip(SIZES["balanced"], (networks.people, networks.keypoints), strict=True):
        (cache / file).write_bytes(network.read_bytes())
    by_size = make_detector("rtmpose")
    assert by_size.settings == by_folder.settings
    with pytest.raises(MissingWeights, match="size lightweight"):
        make_detector(DetectorChoice("rtmpose", "lightweight"))
    with pytest.raises(MissingWeights, match="size performance of rtmpose needs it"):
        make_detector(DetectorChoice("rtmpose", "performance", str(cache)))
    with pytest.raises(UnknownName, match="balanced, lightweight, performance"):
        make_detector(DetectorChoice("rtmpose", "huge"))


def test_folders_that_do_not_say_which(networks: Networks, tmp_path: Path) -> None:
    def refused(folder: Path, why: str) -> None:
        with pytest.raises(MissingWeights, match=why):
            make_detector(DetectorChoice("rtmpose", weights=str(folder)))

    refused(tmp_path / "none", r"holds 0 \.onnx networks that place keypoints")
    refused(tmp_path, "0 that find people")
    for name in ("a", "b"):
        (tmp_path / f"{name}.onnx").write_bytes(networks.keypoints.read_bytes())
    refused(tmp_path, "holds 2")
    (tmp_path / "b.onnx").write_text("not a network")
    with pytest.raises(FormatError, match=r"b\.onnx: is no network"):
        make_detector(DetectorChoice("rtmpose", weights=str(tmp_path)))


def test_devices_and_options_that_it_has_not(networks: Networks) -> None:
    folder = str(networks.people.parent)
    if "cuda" not in RTMPose.devices():
        with pytest.raises(PoseliftError, match="pip install onnxruntime-gpu"):
            make_detector(DetectorChoice("rtmpose", weights=folder, device="cuda"))
    with pytest.raises(PoseliftError, match="no option --detector-half"):
        make_detector(DetectorChoice("rtmpose", weights=folder, half=True))


def test_nothing_is_printed(networks: Networks, capfd: pytest.CaptureFixture[str]) -> None:
    RTMPose(networks)
    assert capfd.readouterr().out == ""


def test_without_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rtmlib", None)
    with pytest.raises(MissingDependency, match=re.escape(RTMPose.install)):
        make_detector("rtmpose")
