"""Custom data sets: equal to the reference's, and safe to read from strangers."""

from __future__ import annotations

import itertools
import pickletools
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from poselift.data.archives.custom_2d import (
    VideoDetections,
    best_person,
    convert_folder,
    custom_archive_path,
    from_detections,
    load_video_detections,
    save_video_detections,
)
from poselift.data.archives.keypoint_archive import load_keypoint_archive, save_keypoint_archive
from poselift.data.errors import FormatError, NoPersonFound
from poselift.data.files.safe_archive import load_object_npz, open_npz, write_object_npz
from poselift.data.gaps import fill_gaps
from poselift.data.skeletons import COCO17
from poselift.data.structures import Detections, FrameDetections, Timeline

SCRIPT = ROOT / "data" / "prepare_data_2d_custom.py"


def run_script(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def reference_reading(path: Path) -> tuple[np.ndarray, dict[str, int]]:
    """What the original sees of a detections file: best person per frame, NaN for nobody."""
    file = np.load(path, encoding="latin1", allow_pickle=True)
    rows = []
    for boxes, keypoints in zip(file["boxes"], file["keypoints"], strict=True):
        if len(boxes[1]) == 0 or len(keypoints[1]) == 0:
            rows.append(np.full((17, 4), np.nan, np.float32))
        else:
            rows.append(keypoints[1][np.argmax(boxes[1][:, 4])].T.copy())
    return np.array(rows, np.float32)[:, :, :2], file["metadata"].item()


def crowd(*people_per_frame: int) -> VideoDetections:
    """A made-up video with so many people in each frame."""
    random = np.random.default_rng(5)
    boxes = [random.uniform(1, 99, (n, 5)).astype(np.float32) for n in people_per_frame]
    keypoints = [random.uniform(1, 99, (n, 4, 17)).astype(np.float32) for n in people_per_frame]
    return VideoDetections(640, 360, tuple(boxes), tuple(keypoints))


# --- the reference's numbers ---


def test_data_set_equals_the_references(reference: Path, tmp_path: Path) -> None:
    done = run_script("-i", reference / "detections", "-o", "gold", "--data-dir", tmp_path,
                      cwd=tmp_path)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    ours = load_object_npz(tmp_path / "data_2d_custom_gold.npz")
    theirs = load_object_npz(reference / "expected" / "data_2d_custom_goldvid.npz")
    assert ours.keys() == theirs.keys()
    assert ours["metadata"] == theirs["metadata"]
    assert ours["positions_2d"].keys() == theirs["positions_2d"].keys()
    for video, actions in theirs["positions_2d"].items():
        (found,), (wanted,) = ours["positions_2d"][video]["custom"], actions["custom"]
        assert found.dtype == wanted.dtype
        assert found.tobytes() == wanted.tobytes()


def test_a_short_clip_equals_the_references(assets: Path, tmp_path: Path) -> None:
    shutil.copy(assets / "dance_60.mp4.npz", tmp_path)
    archive = convert_folder(tmp_path).archive
    assert archive is not None
    with open_npz(assets / "dance_60_expected.npz") as expected:
        wanted = expected["xy"]
    (found,) = archive.positions["dance_60.mp4"]["custom"]
    assert found.tobytes() == wanted.tobytes()
    assert archive.video_sizes == {"dance_60.mp4": (1280, 720)}


def test_what_we_write_the_reference_reads(assets: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.npz"
    save_video_detections(copy, load_video_detections(assets / "dance_60.mp4.npz"))
    wanted, wanted_size = reference_reading(assets / "dance_60.mp4.npz")
    found, found_size = reference_reading(copy)
    assert found.tobytes() == wanted.tobytes()
    assert found_size == wanted_size


@pytest.mark.parametrize("people", [(1,), (2, 2), (3, 0, 1), (1, 1, 1)])
def test_round_trip_keeps_every_person(people: tuple[int, ...], tmp_path: Path) -> None:
    video, path = crowd(*people), tmp_path / "crowd.npz"
    save_video_detections(path, video)
    again = load_video_detections(path)
    assert [boxes.tobytes() for boxes in again.boxes] == [b.tobytes() for b in video.boxes]
    assert [k.tobytes() for k in again.keypoints] == [k.tobytes() for k in video.keypoints]
    assert (again.width, again.height) == (640, 360)
    np.testing.assert_array_equal(reference_reading(path)[0], best_person(video))


def test_pickles_name_nothing_private_of_numpy(tmp_path: Path) -> None:
    path = tmp_path / "crowd.npz"
    save_video_detections(path, crowd(2, 0))
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            pickled = archive.read(name).split(b"\n", 1)[1]
            names = {text for _, text, _ in pickletools.genops(pickled) if isinstance(text, str)}
            assert {text for text in names if "numpy" in text} == {"numpy"}


def test_detections_survive_the_reference_format() -> None:
    frame = FrameDetections(
        boxes=np.array([[1, 2, 30, 40]], np.float32),
        scores=np.array([0.8], np.float32),
        keypoints=np.arange(34, dtype=np.float32).reshape(1, 17, 2),
        confidence=np.linspace(0, 1, 17, dtype=np.float32)[None],
    )
    timeline = Timeline(64, 48, 25.0, np.arange(2) / 25)
    ours = Detections(timeline, (frame, FrameDetections.none()))
    video = from_detections(ours)
    (box,), (person,) = video.boxes[0], video.keypoints[0]
    np.testing.assert_array_equal(box, [1, 2, 30, 40, np.float32(0.8)])
    np.testing.assert_array_equal(person[:2].T, frame.keypoints[0])
    np.testing.assert_array_equal(person[3], frame.confidence[0])
    assert len(video.boxes[1]) == len(video.keypoints[1]) == 0
    logit, probability = video.keypoints[0][0, 2, 8], video.keypoints[0][0, 3, 8]
    assert probability == pytest.approx(1 / (1 + np.exp(-logit)))
    assert np.isfinite(video.keypoints[0]).all()


def test_metadata_keys_may_be_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    rows = np.empty((1, 2), object)
    rows[0, 0], rows[0, 1] = [], []
    with path.open("wb") as stream:
        members = {"boxes": rows, "keypoints": rows, "metadata": {b"w": 64, b"h": 48}}
        write_object_npz(stream, members)
    assert load_video_detections(path).width == 64


# --- gaps ---

SEEN = st.lists(st.booleans(), min_size=1, max_size=30).filter(any)


@given(seen=SEEN, seed=st.integers(0, 2**32 - 1))
def test_gaps_are_filled_linearly(seen: list[bool], seed: int) -> None:
    known = np.flatnonzero(seen)
    truth = np.random.default_rng(seed).uniform(-500, 500, (len(seen), 17, 2)).astype(np.float32)
    xy = truth.copy()
    xy[~np.array(seen)] = np.nan
    filled = fill_gaps(xy)
    assert filled.dtype == np.float32
    assert not np.isnan(filled).any()
    np.testing.assert_array_equal(filled[known], truth[known])
    np.testing.assert_array_equal(
        filled[: known[0]], np.broadcast_to(truth[known[0]], filled[: known[0]].shape)
    )
    np.testing.assert_array_equal(
        filled[known[-1] :], np.broadcast_to(truth[known[-1]], filled[known[-1] :].shape)
    )
    for first, last in itertools.pairwise(known):
        steps = np.diff(filled[first : last + 1], axis=0)
        np.testing.assert_allclose(steps, np.broadcast_to(steps[0], steps.shape), atol=1e-3)


# --- a folder in which things go wrong ---


def test_one_bad_video_does_not_stop_the_others(assets: Path, tmp_path: Path) -> None:
    shutil.copy(assets / "dance_60.mp4.npz", tmp_path)
    save_video_detections(tmp_path / "empty.mp4.npz", crowd(0, 0, 0))
    (tmp_path / "text.npz").write_text("hello")
    done = run_script("-i", ".", "-o", "mine", "--data-dir", "out", cwd=tmp_path)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 2
    assert "empty.mp4.npz: nobody is seen in any of its 3 frames" in done.stderr
    assert "Traceback" not in done.stderr
    archive = load_keypoint_archive(tmp_path / "out" / "data_2d_custom_mine.npz")
    assert list(archive.positions) == ["dance_60.mp4"]


def test_nothing_is_written_when_every_video_fails(tmp_path: Path) -> None:
    save_video_detections(tmp_path / "empty.mp4.npz", crowd(0))
    conversion = convert_folder(tmp_path)
    assert conversion.archive is None
    assert isinstance(conversion.failures[0], NoPersonFound)
    done = run_script("-i", tmp_path, "-o", "mine", "--data-dir", tmp_path, cwd=tmp_path)
    assert done.returncode == 1
    assert not list(tmp_path.glob("data_2d*"))


@pytest.mark.parametrize("arguments", [("-i", "nowhere", "-o", "x"), ("-i", ".", "-o", "x")])
def test_a_folder_without_detections_is_an_error(arguments: tuple[str], tmp_path: Path) -> None:
    done = run_script(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1


def test_missing_options_are_a_usage_error(tmp_path: Path) -> None:
    assert run_script("-i", ".", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize("name", ["", "../up", "a/b", "a\\b", "c:d", "a\0b", "a\nb"])
def test_names_cannot_leave_the_folder(name: str) -> None:
    with pytest.raises(FormatError, match="cannot be part of a file's name"):
        custom_archive_path(Path("data"), name)


def test_archive_round_trip(assets: Path, tmp_path: Path) -> None:
    shutil.copy(assets / "dance_60.mp4.npz", tmp_path / "dance.mp4.npz")
    archive = convert_folder(tmp_path).archive
    assert archive is not None
    save_keypoint_archive(tmp_path / "out" / "a.npz", archive)
    again = load_keypoint_archive(tmp_path / "out" / "a.npz")
    assert (again.layout_name, again.num_joints) == ("coco", 17)
    assert (again.mirror, again.video_sizes) == (COCO17.mirror, archive.video_sizes)
    (found,), (wanted,) = (
        again.positions["dance.mp4"]["custom"],
        archive.positions["dance.mp4"]["custom"],
    )
    assert found.tobytes() == wanted.tobytes()


def test_h36m_archives_are_read(reference: Path) -> None:
    archive = load_keypoint_archive(reference / "data" / "data_2d_h36m_gt.npz")
    assert archive.layout_name == "h36m"
    assert len(archive.positions["S11"]["Directions"]) == 4
    assert archive.left == (4, 5, 6, 11, 12, 13)


# --- impossible numbers ---

FAULTS = {
    "no boxes": ({"boxes": None}, "boxes"),
    "no size": ({"metadata": {"w": 640}}, "has no 'h'"),
    "odd size": ({"metadata": {"w": float("inf"), "h": 3}}, "pixels|infinity"),
    "negative size": ({"metadata": {"w": -640, "h": 3}}, "-640 x 3 pixels"),
    "no table": ({"metadata": 7}, "not detections"),
    "box columns": ({"boxes": np.zeros((1, 4), np.float32)}, "frame 0: boxes of shape"),
    "keypoint rows": ({"keypoints": np.zeros((1, 3, 17), np.float32)}, "frame 0: keypoints"),
    "people": ({"keypoints": np.zeros((2, 4, 17), np.float32)}, "frame 0: keypoints"),
    "joints": ({"keypoints": np.zeros((1, 4, 15), np.float32)}, "15 joints"),
    "nan": ({"boxes": np.full((1, 5), np.nan, np.float32)}, "no numbers"),
    "too large": ({"keypoints": np.full((1, 4, 17), 1e300)}, "no numbers"),
    "text": ({"boxes": [["a", "b"]]}, "not numbers"),
    "ragged": ({"boxes": [[1, 2], [3]]}, "not detections"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_impossible_detections_are_named(fault: str, tmp_path: Path) -> None:
    changes, message = FAULTS[fault]
    given = {
        "boxes": np.ones((1, 5), np.float32),
        "keypoints": np.ones((1, 4, 17), np.float32),
        "metadata": {"w": 640, "h": 360},
    } | changes
    members: dict[str, Any] = {"metadata": given["metadata"]}
    for name in ("boxes", "keypoints"):
        if given[name] is not None:
            members[name] = np.empty((1, 2), object)
            members[name][0, 0], members[name][0, 1] = [], given[name]
    with (tmp_path / "odd.mp4.npz").open("wb") as stream:
        write_object_npz(stream, members)
    (failure,) = convert_folder(tmp_path).failures
    assert isinstance(failure, FormatError)
    assert "odd.mp4.npz: " in str(failure)
    with pytest.raises(FormatError, match=message):
        raise failure
