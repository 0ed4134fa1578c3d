"""Our stage results on disk: pickle-free archives that appear whole or not at all."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from poselift.data.archives.scene_values import (
    Arrays,
    camera_arrays,
    known_arrays,
    read_camera,
    read_known,
)
from poselift.data.archives.typed_archive import TypedArchive, open_typed
from poselift.data.files.file_kinds import FileKind
from poselift.data.files.safe_archive import open_npz
from poselift.data.files.whole_file import whole_file
from poselift.data.scene import CameraPath
from poselift.data.skeletons import SKELETONS, Skeleton
from poselift.data.structures import (
    MAX_FPS,
    MAX_PIXELS,
    MIN_FPS,
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
CAMERA = "poselift-camera/1"

# Far outside any picture or room, and still numbers to reckon with.
PIXELS, METRES = (-1e6, 1e6), (-1e6, 1e6)
SHARE = (0.0, 1.0)
MAX_S = 1e12
SEEN_BYTES = 1000  # of a frame with people, beside their numbers


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
CAMERA_FILE = _kind("a file of a camera's movement", CAMERA)


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray | str | float | int]) -> None:
    """Write a compressed archive of plain arrays; objects are refused."""
    plain = {name: np.asarray(value) for name, value in arrays.items()}
    for name, value in plain.items():
        if value.dtype.hasobject:
            raise TypeError(f"'{name}' holds objects, which would need pickle")
    with whole_file(path) as part, part.open("wb") as stream:
        np.savez_compressed(stream, **plain)  # type: ignore[arg-type]


def save_detections(path: str | Path, detections: Detections) -> None:
    """All people in one row each, with `frame` saying which frame they belong to."""
    counts = [len(frame) for frame in detections.frames]
    none = FrameDetections.none(detections.layout)
    rows = [none, *detections.frames]
    save_arrays(
        Path(path),
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


def load_detections(path: str | Path) -> Detections:
    """Raises: FormatError."""
    with open_typed(Path(path), DETECTIONS, growth=3) as a:
        timeline, layout = _timeline(a), _layout(a)
        total, joints = len(timeline), layout.num_joints
        frame = a.wholes("frame", None, within=(0, total - 1))
        if (np.diff(frame) < 0).any():
            raise a.wrong("frame", "has frames that are not in order")
        count = len(frame)
        a.spend(len(np.unique(frame)) * SEEN_BYTES, "the people of each frame")
        rows = FrameDetections(
            a.floats("boxes", count, 4, within=PIXELS),
            a.floats("scores", count, within=SHARE),
            a.floats("keypoints", count, joints, 2, within=PIXELS),
            a.floats("confidence", count, joints, within=SHARE),
        )
    nobody = FrameDetections.none(layout)
    bounds = np.searchsorted(frame, np.arange(total + 1))
    frames = tuple(
        rows.select(np.arange(first, last)) if first < last else nobody
        for first, last in itertools.pairwise(bounds)
    )
    return Detections(timeline, frames, layout)


def save_tracks(path: str | Path, tracks: Tracks) -> None:
    """People along the first axis: (P, T, J, 2) and so on."""
    if not tracks.people:
        raise ValueError("no people to save")
    people = tracks.people
    layout = people[0].layout
    save_arrays(
        Path(path),
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


def load_tracks(path: str | Path) -> Tracks:
    """Raises: FormatError."""
    with open_typed(Path(path), KEYPOINTS, growth=2) as a:
        timeline, layout = _timeline(a), _layout(a)
        numbers = _person_ids(a)
        size = len(numbers), len(timeline)
        joints = layout.num_joints
        xy = a.floats("keypoints", *size, joints, 2, within=PIXELS, gaps=True)
        confidence = a.floats("confidence", *size, joints, within=SHARE)
        seen = a.flags("seen", *size)
        filled = a.flags("interpolated", *size, joints)
        scores = a.floats("scores", *size, within=SHARE)
        lived = _lived(a, "keypoints", xy)
        if (seen & ~lived).any():
            raise a.wrong("seen", "is true where there are no keypoints")
    return Tracks(
        timeline,
        tuple(
            Keypoints2D(int(number), xy[i], confidence[i], seen[i], filled[i], scores[i], layout)
            for i, number in enumerate(numbers)
        ),
    )


def save_poses(path: str | Path, poses: Poses3D) -> None:
    """See INFERENCE.md for every name; a lifter without trajectory leaves it out."""
    arrays: Arrays = {
        "format": POSES,
        "layout": poses.layout.name,
        "joint_names": np.array(poses.layout.joints),
        "person_id": poses.person_id,
        "pose": np.asarray(poses.pose, np.float32),
        "world": np.asarray(poses.world, np.float32),
        "valid": poses.valid,
        "interpolated": poses.interpolated,
        "up": np.asarray(poses.up, np.float32),
        "up_degrees": poses.up_degrees,
        "focal_px": poses.focal_px,
        "units": "metres",
    }
    if poses.trajectory is not None:
        arrays["trajectory"] = np.asarray(poses.trajectory, np.float32)
    arrays |= known_arrays(poses.known, poses.person_id)
    if poses.camera is not None:
        arrays |= camera_arrays(poses.camera)
    save_arrays(Path(path), _timeline_arrays(poses.timeline) | arrays)


def load_poses(path: str | Path) -> Poses3D:
    """Raises: FormatError."""
    with open_typed(Path(path), POSES) as a:
        timeline, layout = _timeline(a), _layout(a)
        if a.text("units") != "metres":
            raise a.wrong("units", "is not metres")
        numbers = _person_ids(a)
        size = len(numbers), len(timeline)
        body = layout.num_joints, 3
        shapes: dict[str, tuple[int, ...]] = {"pose": body, "world": body, "trajectory": (3,)}
        if "trajectory" not in a.names:
            del shapes["trajectory"]
        places = {
            name: a.floats(name, *size, *shape, within=METRES, gaps=True)
            for name, shape in shapes.items()
        }
        valid = a.flags("valid", *size)
        for name, points in places.items():
            if (_lived(a, name, points) != valid).any():
                raise a.wrong(name, "has gaps elsewhere than 'valid' says")
        up = a.floats("up", 3, within=(-1.001, 1.001))
        if abs(float(np.linalg.norm(up)) - 1) > 0.01:
            raise a.wrong("up", "is no direction")
        return Poses3D(
            timeline=timeline,
            person_id=numbers,
            pose=places["pose"],
            trajectory=places.get("trajectory"),
            world=places["world"],
            valid=valid,
            interpolated=a.flags("interpolated", *size),
            up=up,
            up_degrees=a.number("up_degrees", (0, 180), gap=True)
            if "up_degrees" in a.names
            else float("nan"),
            focal_px=a.number("focal_px", (1e-3, 1e9), gap=True),
            layout=layout,
            known=read_known(a, numbers),
            camera=read_camera(a, len(timeline)) if "camera" in a.names else None,
        )


def save_camera(path: str | Path, camera: CameraPath) -> None:
    save_arrays(Path(path), camera_arrays(camera) | {"format": CAMERA, "frames": len(camera.zoom)})


def load_camera(path: str | Path) -> CameraPath:
    """Raises: FormatError."""
    with open_typed(Path(path), CAMERA) as a:
        return read_camera(a, a.whole("frames", (1, 1 << 40)))


def _timeline_arrays(timeline: Timeline) -> Arrays:
    return {
        "width": timeline.width,
        "height": timeline.height,
        "fps": timeline.fps,
        "frame_times_s": timeline.times_s,
        "expected_frames": timeline.expected_frames or -1,
    }


def _timeline(a: TypedArchive) -> Timeline:
    """Raises: FormatError."""
    expected = a.whole("expected_frames", (-1, 1 << 40))
    times_s = a.floats("frame_times_s", None, within=(-MAX_S, MAX_S), dtype=np.float64)
    if not len(times_s) or not (np.diff(times_s) > 0).all():
        raise a.wrong("frame_times_s", "has no frames, or times that do not rise")
    width, height = (a.whole(name, (1, MAX_PIXELS)) for name in ("width", "height"))
    fps = a.number("fps", (MIN_FPS, MAX_FPS))
    return Timeline(width, height, fps, times_s, expected if expected > 0 else None)


def _layout(a: TypedArchive) -> Skeleton:
    """Raises: FormatError."""
    name = a.text("layout")
    if name not in SKELETONS:
        raise a.wrong("layout", f"is '{name[:40]}', none of {', '.join(SKELETONS)}")
    layout = SKELETONS[name]
    if a.texts("joint_names", layout.num_joints) != list(layout.joints):
        raise a.wrong("joint_names", f"are not those of '{name}'")
    return layout


def _person_ids(a: TypedArchive) -> np.ndarray:
    """(P,), at least one and each once. Raises: FormatError."""
    numbers = a.wholes("person_id", None, within=(0, 1 << 40))
    if not len(numbers) or len(set(numbers.tolist())) < len(numbers):
        raise a.wrong("person_id", "has nobody, or somebody twice")
    return numbers


def _lived(a: TypedArchive, name: str, points: np.ndarray) -> np.ndarray:
    """(P, T) bool: the frames that have positions, of everybody one stretch without gaps.

    Raises: FormatError: a frame has some of its positions, or a person none or a gap.
    """
    missing = np.isnan(points.reshape(*points.shape[:2], -1))
    gone = missing.any(2)
    if (gone != missing.all(2)).any():
        raise a.wrong(name, "has frames with some positions missing")
    begins = np.diff(~gone, axis=1, prepend=False) & ~gone
    if (begins.sum(1) != 1).any():
        raise a.wrong(name, "has somebody without positions, or with gaps between them")
    return ~gone
