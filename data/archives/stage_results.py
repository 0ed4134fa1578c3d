"""Our stage results on disk: pickle-free archives that appear whole or not at all."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from poselift.data.errors import FormatError
from poselift.data.files.file_kinds import FileKind
from poselift.data.files.safe_archive import open_npz
from poselift.data.files.whole_file import whole_file
from poselift.data.skeletons import skeleton_named
from poselift.data.structures import (
    Detections,
    FrameDetections,
    Keypoints2D,
    Poses3D,
    Timeline,
    Tracks,
)

DETECTIONS = "poselift-detections/1"
KEYPOINTS = "poselift-keypoints2d/1"
POSES = "poselift-poses3d/1"


def _kind(name: str, wanted: str) -> FileKind:
    """An archive of this format, of any version."""
    start = wanted.split("/")[0] + "/"

    def is_one(path: Path) -> bool:
        with open_npz(path) as archive:
            return str(archive["format"]).startswith(start)

    return FileKind(name, (".npz",), is_one)


DETECTIONS_FILE = _kind("a file of detections", DETECTIONS)
KEYPOINTS_FILE = _kind("a file of tracked keypoints", KEYPOINTS)
POSES_FILE = _kind("a file of 3D poses", POSES)


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray | str | float | int]) -> None:
    """Write a compressed archive of plain arrays; objects are refused."""
    plain = {name: np.asarray(value) for name, value in arrays.items()}
    for name, value in plain.items():
        if value.dtype.hasobject:
            raise TypeError(f"'{name}' holds objects, which would need pickle")
    with whole_file(path) as part, part.open("wb") as stream:
        np.savez_compressed(stream, **plain)  # type: ignore[arg-type]


def save_detections(path: Path, detections: Detections) -> None:
    """All people in one row each, with `frame` saying which frame they belong to."""
    counts = [len(frame) for frame in detections.frames]
    none = FrameDetections.none(detections.layout)
    rows = [none, *detections.frames]
    save_arrays(
        path,
        _timeline_arrays(detections.timeline)
        | {
            "format": DETECTIONS,
            "layout": detections.layout.name,
            "joint_names": np.array(detections.layout.joints),
            "frame": np.repeat(np.arange(len(counts)), counts),
            "boxes": np.concatenate([row.boxes for row in rows]),
            "scores": np.concatenate([row.scores for row in rows]),
            "keypoints": np.concatenate([row.keypoints for row in rows]),
            "confidence": np.concatenate([row.confidence for row in rows]),
        },
    )


def load_detections(path: Path) -> Detections:
    """Raises: FormatError."""
    with _opened(path, DETECTIONS) as a:
        timeline, layout = _timeline(a), skeleton_named(str(a["layout"]))
        frame = a["frame"]
        rows = FrameDetections(a["boxes"], a["scores"], a["keypoints"], a["confidence"])
        bounds = np.searchsorted(frame, np.arange(len(timeline) + 1))
        frames = tuple(
            rows.select(np.arange(first, last)) for first, last in itertools.pairwise(bounds)
        )
        return Detections(timeline, frames, layout)


def save_tracks(path: Path, tracks: Tracks) -> None:
    """People along the first axis: (P, T, J, 2) and so on."""
    if not tracks.people:
        raise ValueError("no people to save")
    people = tracks.people
    layout = people[0].layout
    save_arrays(
        path,
        _timeline_arrays(tracks.timeline)
        | {
            "format": KEYPOINTS,
            "layout": layout.name,
            "joint_names": np.array(layout.joints),
            "person_id": np.array([p.person_id for p in people]),
            "keypoints": np.stack([p.xy for p in people], dtype=np.float32),
            "confidence": np.stack([p.confidence for p in people], dtype=np.float32),
            "seen": np.stack([p.seen for p in people]),
            "interpolated": np.stack([p.interpolated for p in people]),
            "scores": np.stack([p.scores for p in people], dtype=np.float32),
        },
    )


def load_tracks(path: Path) -> Tracks:
    """Raises: FormatError."""
    with _opened(path, KEYPOINTS) as a:
        timeline, layout = _timeline(a), skeleton_named(str(a["layout"]))
        xy, confidence, seen = a["keypoints"], a["confidence"], a["seen"]
        filled, scores = a["interpolated"], a["scores"]
        people = (
            Keypoints2D(int(number), xy[i], confidence[i], seen[i], filled[i], scores[i], layout)
            for i, number in enumerate(a["person_id"])
        )
        return Tracks(timeline, tuple(people))


def save_poses(path: Path, poses: Poses3D) -> None:
    """See INFERENCE.md for every name; a lifter without trajectory leaves it out."""
    arrays: dict[str, np.ndarray | str | float | int] = {
        "format": POSES,
        "layout": poses.layout.name,
        "joint_names": np.array(poses.layout.joints),
        "person_id": poses.person_id,
        "pose": np.asarray(poses.pose, np.float32),
        "world": np.asarray(poses.world, np.float32),
        "valid": poses.valid,
        "interpolated": poses.interpolated,
        "up": np.asarray(poses.up, np.float32),
        "focal_px": poses.focal_px,
        "units": "metres",
    }
    if poses.trajectory is not None:
        arrays["trajectory"] = np.asarray(poses.trajectory, np.float32)
    save_arrays(path, _timeline_arrays(poses.timeline) | arrays)


def load_poses(path: Path) -> Poses3D:
    """Raises: FormatError."""
    with _opened(path, POSES) as a:
        return Poses3D(
            timeline=_timeline(a),
            person_id=a["person_id"],
            pose=a["pose"],
            trajectory=a["trajectory"] if "trajectory" in a.files else None,
            world=a["world"],
            valid=a["valid"],
            interpolated=a["interpolated"],
            up=a["up"],
            focal_px=float(a["focal_px"]),
            layout=skeleton_named(str(a["layout"])),
        )


def _timeline_arrays(timeline: Timeline) -> dict[str, np.ndarray | str | float | int]:
    return {
        "width": timeline.width,
        "height": timeline.height,
        "fps": timeline.fps,
        "frame_times_s": timeline.times_s,
        "expected_frames": timeline.expected_frames or -1,
    }


def _timeline(archive: np.lib.npyio.NpzFile) -> Timeline:
    expected = int(archive["expected_frames"])
    return Timeline(
        int(archive["width"]),
        int(archive["height"]),
        float(archive["fps"]),
        archive["frame_times_s"],
        expected if expected >= 0 else None,
    )


@contextmanager
def _opened(path: Path, wanted: str) -> Iterator[np.lib.npyio.NpzFile]:
    with open_npz(path) as archive:
        found = str(archive["format"]) if "format" in archive.files else "no format"
        if found != wanted:
            raise FormatError(f"{path}: is {found}, expected {wanted}. Make it again.")
        try:
            yield archive
        except (KeyError, IndexError, TypeError) as error:
            raise FormatError(f"{path}: {error.args[0]}. Make it again.") from error
