"""Our own archives are believed member by member: type, shape, range, and what fits together."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzzed import tiny_lifter, walking

from poselift.data.archives.joints_archive import JointsClip, load_joints, save_joints
from poselift.data.archives.stage_results import (
    load_detections,
    load_poses,
    load_tracks,
    save_detections,
    save_poses,
    save_tracks,
)
from poselift.data.errors import FormatError
from poselift.data.structures import Timeline
from poselift.inference.people.tracking import track
from poselift.inference.poses.lifting import Lifter
from poselift.inference.poses.tracks_to_poses import poses_of

Change = Callable[[np.ndarray], Any]
LOADERS = {
    "detections": load_detections, "keypoints2d": load_tracks, "poses3d": load_poses,
    "joints": load_joints,
}  # fmt: skip


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One archive of each kind: two people, 40 frames."""
    folder = tmp_path_factory.mktemp("stored")
    tracks = track(walking())
    save_detections(folder / "detections.npz", walking())
    save_tracks(folder / "keypoints2d.npz", tracks)
    save_poses(folder / "poses3d.npz", poses_of(tracks, Lifter(tiny_lifter())))
    joints = np.random.default_rng(1).normal(0, 0.5, (2, 31, 17, 3)).astype(np.float32)
    save_joints(folder / "joints.npz", [JointsClip("c", *joints, 30.0)])
    return folder


def altered(source: Path, target: Path, **changes: Change | None) -> Path:
    with np.load(source) as archive:
        members = {name: archive[name] for name in archive.files}
    for name, change in changes.items():
        if change is None:
            del members[name]
        else:
            members[name] = np.asarray(change(members.get(name)))
    np.savez(target, **members)
    return target


def one(value: float, at: int = 5) -> Change:
    """A single value changed."""

    def change(array: np.ndarray) -> np.ndarray:
        flat = array.copy().ravel()
        flat[at % flat.size] = value
        return flat.reshape(array.shape)

    return change


def as_type(dtype: str) -> Change:
    return lambda array: array.astype(dtype)


def to(value: Any) -> Change:
    return lambda _array: value


TIMELINE: list[tuple[str, Change | None, str]] = [
    ("width", to(0), "'width' has values from 0 to 0, expected 1 to 65536"),
    ("width", to(2**62), "'width' has values"),
    ("width", to(True), "'width' is bool, expected whole numbers"),
    ("height", to(360.0), "'height' is float64, expected whole numbers"),
    ("height", to([360]), r"'height' has shape \(1,\), expected \(\)"),
    ("fps", to(np.nan), "'fps' has values from nan"),
    ("fps", to(np.inf), "'fps' has values from inf"),
    ("fps", to(0.0), "'fps' has values from 0"),
    ("fps", to("25"), "'fps' is <U2, expected a number"),
    ("fps", to(np.datetime64(3, "s")), r"'fps' is damaged \(is an array of datetime64\[s\]"),
    ("frame_times_s", one(np.nan), "'frame_times_s' has values from nan"),
    ("frame_times_s", lambda t: t[::-1], "times that do not rise"),
    ("frame_times_s", lambda t: t * 0, "times that do not rise"),
    ("frame_times_s", lambda t: t[:0], "'frame_times_s' has no frames, or"),
    ("frame_times_s", lambda t: t[:, None], "'frame_times_s' has shape"),
    ("expected_frames", to(-7), "'expected_frames' has values"),
    ("expected_frames", to(2**60), "'expected_frames' has values"),
    ("layout", to("cat"), "'layout' is 'cat', none of coco"),
    ("layout", to("humaneva15"), "'joint_names' has shape|'joint_names' are not those"),
    ("joint_names", lambda names: names[::-1], "'joint_names' are not those"),
    ("joint_names", to(np.zeros(17)), "'joint_names' is float64, expected text"),
    ("format", to("poselift-else/9"), "is poselift-else/9, expected poselift-"),
    ("format", None, "is no format, expected poselift-"),
]  # fmt: skip
DETECTIONS: list[tuple[str, Change | None, str]] = [
    ("frame", lambda f: f[::-1], "'frame' has frames that are not in order"),
    ("frame", one(-1), "'frame' has values from -1"),
    ("frame", one(40, -1), "'frame' has values from 0 to 40, expected 0 to 39"),
    ("frame", as_type("f8"), "'frame' is float64"),
    ("boxes", one(np.inf), "'boxes' has values from"),
    ("boxes", lambda b: b[:, :3], r"'boxes' has shape \(80, 3\), expected \(80, 4\)"),
    ("scores", one(1.5), "'scores' has values from 0.9 to 1.5, expected 0 to 1"),
    ("scores", as_type("U8"), "'scores' is <U8, expected floating point numbers"),
    ("scores", as_type("f2"), "'scores' is float16, expected float32 or float64"),
    ("keypoints", one(np.nan), "'keypoints' has values from nan"),
    ("keypoints", one(1e9), "'keypoints' has values from"),
    ("keypoints", as_type("c8"), r"'keypoints' is damaged \(is an array of complex64"),
    ("keypoints", lambda k: k[:-1], "'keypoints' has shape"),
    ("confidence", one(-0.1), "'confidence' has values from -0.1"),
    ("confidence", None, "has no 'confidence'"),
]  # fmt: skip
TRACKS: list[tuple[str, Change | None, str]] = [
    ("person_id", to(np.zeros(0, int)), "'person_id' has nobody, or somebody twice"),
    ("person_id", to([3, 3]), "'person_id' has nobody, or somebody twice"),
    ("person_id", as_type("f8"), "'person_id' is float64"),
    ("keypoints", one(np.nan), "'keypoints' has frames with some positions missing"),
    ("keypoints", lambda k: k * np.nan, "'keypoints' has somebody without positions"),
    ("keypoints", lambda k: k[:1], r"'keypoints' has shape \(1, 40, 17, 2\), expected \(2, 40"),
    ("keypoints", one(-np.inf), "'keypoints' has values from -inf"),
    ("keypoints", to(np.zeros((2, 40, 17, 2), "f4,i4")), "'keypoints' is damaged"),
    ("confidence", one(np.nan), "'confidence' has values from nan"),
    ("seen", as_type("u1"), "'seen' is uint8, expected true and false"),
    ("interpolated", lambda i: i[:, :, 0], "'interpolated' has shape"),
    ("scores", one(np.nan), "'scores' has values from nan"),
]  # fmt: skip
POSES: list[tuple[str, Change | None, str]] = [
    ("pose", one(np.nan), "'pose' has frames with some positions missing"),
    ("world", one(np.inf), "'world' has values from"),
    ("world", as_type("U5"), "'world' is <U5"),
    ("trajectory", lambda t: t[:, :-1], "'trajectory' has shape"),
    ("valid", one(False), "has gaps elsewhere than 'valid' says"),
    ("valid", as_type("f4"), "'valid' is float32, expected true and false"),
    ("interpolated", as_type("f8"), "'interpolated' is float64"),
    ("up", to(np.zeros(3)), "'up' is no direction"),
    ("up", one(np.nan), "'up' has values from nan"),
    ("focal_px", to(-1.0), "'focal_px' has values from -1"),
    ("focal_px", to(np.inf), "'focal_px' has values from inf"),
    ("units", to("feet"), "'units' is not metres"),
    ("units", to("m" * 101), "'units' is text of more than 100 letters"),
]  # fmt: skip
JOINTS: list[tuple[str, Change | None, str]] = [
    ("c/h36m", as_type("f4"), "'c/h36m' is float32, expected whole numbers"),
    ("c/h36m", lambda j: j.astype(int) + 40_000, "'c/h36m' has values"),
    ("c/coco", lambda j: j[:-1], r"'c/coco' has shape \(30, 17, 3\), expected \(31"),
    ("c/fps", to(np.inf), "'c/fps' has values from inf"),
    ("c/fps", to(b"30"), r"'c/fps' is \|S2, expected a number"),
    ("c/fps", None, "holds no clips, or more than"),
    ("c/more", to(1), "holds no clips, or more than"),
    ("loose", to(1), "holds no clips, or more than"),
]  # fmt: skip
FAULTS = [
    *(("detections", *fault) for fault in TIMELINE + DETECTIONS),
    *(("keypoints2d", *fault) for fault in TIMELINE + TRACKS),
    *(("poses3d", *fault) for fault in TIMELINE + POSES),
    *(("joints", *fault) for fault in JOINTS),
]


@pytest.mark.parametrize(("kind", "member", "change", "said"), FAULTS)
def test_a_member_that_cannot_be_is_named(
    kind: str, member: str, change: Change | None, said: str, stored: Path, tmp_path: Path
) -> None:
    path = altered(stored / f"{kind}.npz", tmp_path / f"{kind}.npz", **{member: change})
    with pytest.raises(FormatError, match=rf"{kind}\.npz: .*({said})") as told:
        LOADERS[kind](path)
    assert str(told.value).endswith(("again.", "again of a shorter stretch."))


@pytest.mark.parametrize("kind", LOADERS)
def test_a_member_without_npy_is_refused(kind: str, stored: Path, tmp_path: Path) -> None:
    path = tmp_path / f"{kind}.npz"
    path.write_bytes((stored / f"{kind}.npz").read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("pose", "x")
    with pytest.raises(FormatError, match="'pose' in it is no array"):
        LOADERS[kind](path)


def test_what_is_loaded_has_the_documented_types(stored: Path, tmp_path: Path) -> None:
    """Double precision and whole numbers of other sizes are read, and become the usual ones."""
    wide = {name: as_type("f8") for name in ("boxes", "scores", "keypoints", "confidence")}
    wide |= {"frame": as_type("u2"), "width": as_type("u2"), "frame_times_s": as_type(">f8")}
    path = altered(stored / "detections.npz", tmp_path / "d.npz", **wide)
    found, usual = load_detections(path), load_detections(stored / "detections.npz")
    frame, same = found.frames[7], usual.frames[7]
    for name in ("boxes", "keypoints", "scores", "confidence"):
        array, other = getattr(frame, name), getattr(same, name)
        assert array.dtype == np.float32 and (array == other).all()
    assert found.timeline.times_s.dtype == np.float64
    assert type(found.timeline.width) is int and type(found.timeline.fps) is float
    tracks = load_tracks(stored / "keypoints2d.npz")
    assert {p.seen.dtype for p in tracks.people} == {np.dtype(bool)}
    poses = load_poses(stored / "poses3d.npz")
    assert poses.person_id.dtype == np.int64 and poses.valid.dtype == bool
    assert poses.world.dtype == poses.pose.dtype == poses.up.dtype == np.float32


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ((0, 360, 25.0, [0.0]), "a video of 0 x 360 pixels"),
        ((640, 360, float("nan"), [0.0]), "pixels and nan frames per second"),
        ((640, 360, 0.0, [0.0]), "pixels and 0 frames per second"),
        ((640, 360, 25.0, [0.0, float("nan")]), "are no times"),
        ((640, 360, 25.0, [float("inf")]), "are no times"),
    ],
)
def test_a_timeline_is_one_that_a_video_can_have(about: tuple[Any, ...], said: str) -> None:
    width, height, fps, times = about
    with pytest.raises(ValueError, match=said):
        Timeline(width, height, fps, np.array(times))


def test_paths_may_be_text(stored: Path, tmp_path: Path) -> None:
    save_detections(str(tmp_path / "people.npz"), load_detections(str(stored / "detections.npz")))
    save_tracks(str(tmp_path / "tracks.npz"), load_tracks(str(stored / "keypoints2d.npz")))
    assert {path.name for path in tmp_path.iterdir()} == {"people.npz", "tracks.npz"}
    poses = load_poses(str(stored / "poses3d.npz"))
    save_poses(str(tmp_path / "again.npz"), poses)
    assert np.array_equal(load_poses(tmp_path / "again.npz").pose, poses.pose, equal_nan=True)
