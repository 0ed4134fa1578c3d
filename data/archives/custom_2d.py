"""Detections of strangers' videos in the reference's format, and the data set made of them.

`VIDEO.mp4.npz` holds everybody seen in a video: `boxes[t] = [[], (P, 5)]` (x1, y1, x2,
y2, score), `keypoints[t] = [[], (P, 4, J)]` (rows x, y, logit, probability), with empty
lists where nobody is seen, and `metadata` = {w, h}. `data_2d_custom_NAME.npz` keeps one
person per video: see build_custom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poselift.data.archives.keypoint_archive import (
    LARGEST,
    KeypointArchive,
    size_in_pixels,
)
from poselift.data.errors import FormatError, NoPersonFound, PoseliftError, reason_of
from poselift.data.files.file_kinds import FileKind, holds_members
from poselift.data.files.places import checked_name
from poselift.data.files.safe_archive import load_object_npz, write_object_npz
from poselift.data.files.whole_file import whole_file
from poselift.data.gaps import fill_gaps
from poselift.data.skeletons import COCO17
from poselift.data.structures import Detections

VIDEO_DETECTIONS = FileKind(
    "detections of a video", (".npz",), holds_members("boxes", "keypoints", "metadata")
)


@dataclass(frozen=True)
class VideoDetections:
    """Everybody seen in a video, as the reference stores it.

    Args:
        width, height: of the video, pixels.
        boxes: per frame (P, 5) float: x1 y1 x2 y2 in pixels, score.
        keypoints: per frame (P, 4, J) float: rows x, y in pixels, logit, probability.
    """

    width: int
    height: int
    boxes: tuple[np.ndarray, ...]
    keypoints: tuple[np.ndarray, ...]

    def __post_init__(self) -> None:
        if len(self.boxes) != len(self.keypoints):
            raise ValueError(
                f"{len(self.boxes)} frames of boxes, {len(self.keypoints)} of keypoints"
            )
        joints = {rows.shape[2] for rows in self.keypoints if rows.ndim == 3 and len(rows)}
        if len(joints) > 1:
            raise ValueError(f"frames differ in their number of joints: {sorted(joints)}")
        for frame, (boxes, keypoints) in enumerate(zip(self.boxes, self.keypoints, strict=True)):
            people = len(boxes)
            if boxes.shape != (people, 5):
                raise ValueError(f"frame {frame}: boxes of shape {boxes.shape}, expected (P, 5)")
            if keypoints.ndim != 3 or keypoints.shape[:2] != (people, 4):
                expected = f"({people}, 4, J)"
                raise ValueError(
                    f"frame {frame}: keypoints of shape {keypoints.shape}, expected {expected}"
                )
            # NaN is not less than anything.
            if not all((np.abs(rows) <= LARGEST).all() for rows in (boxes, keypoints)):
                raise ValueError(f"frame {frame}: has boxes or keypoints that are no numbers")

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True)
class Conversion:
    """What became of a folder of detections.

    Args:
        archive: the data set; None when no video could be converted.
        interpolated: for each video converted, how many of its frames show nobody.
        failures: one for each video left out.
    """

    archive: KeypointArchive | None
    interpolated: Mapping[str, int]
    failures: tuple[PoseliftError, ...]


def load_video_detections(path: Path) -> VideoDetections:
    """Read `VIDEO.npz` as the reference's scripts write it, by Detectron2 or Detectron1.

    Raises:
        UnsafeFile: it holds more than plain data.
        FormatError: not such an archive, or its numbers cannot be.
    """
    members = load_object_npz(path)
    try:
        boxes, keypoints = members["boxes"], members["keypoints"]
        width, height = size_in_pixels(members["metadata"])
        if len(boxes) != len(keypoints):
            raise ValueError(f"{len(boxes)} frames of boxes, {len(keypoints)} of keypoints")
        people = [_people(*pair) for pair in zip(boxes, keypoints, strict=True)]
        if not people:
            raise ValueError("has no frames")
        return VideoDetections(width, height, *zip(*people, strict=True))
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
        raise FormatError(
            f"{path}: not detections of a video ({reason_of(error)}). Detect the video again."
        ) from error


def save_video_detections(path: Path, video: VideoDetections) -> None:
    """Write what load_video_detections and the reference's scripts read.

    Raises: OutputError.
    """
    boxes = np.empty((len(video), 2), object)
    keypoints = np.empty((len(video), 2), object)
    for table, frames in ((boxes, video.boxes), (keypoints, video.keypoints)):
        for frame, rows in enumerate(frames):
            table[frame, 0] = []
            table[frame, 1] = rows if len(rows) else []
    members = {
        "boxes": boxes,
        "segments": np.full(len(video), None, object),
        "keypoints": keypoints,
        "metadata": {"w": int(video.width), "h": int(video.height)},
    }
    with whole_file(path) as part, part.open("wb") as stream:
        write_object_npz(stream, members)


def from_detections(detections: Detections) -> VideoDetections:
    """Our detections in the reference's rows; a logit is log(p / (1 - p))."""
    timeline = detections.timeline
    boxes, keypoints = [], []
    for frame in detections.frames:
        boxes.append(np.column_stack([frame.boxes, frame.scores]).astype(np.float32))
        probability = frame.confidence.astype(np.float64)
        held = probability.clip(1e-6, 1 - 1e-6)
        rows = (*np.moveaxis(frame.keypoints, -1, 0), np.log(held / (1 - held)), probability)
        keypoints.append(np.stack(rows, axis=1).astype(np.float32))
    return VideoDetections(timeline.width, timeline.height, tuple(boxes), tuple(keypoints))


def best_person(video: VideoDetections) -> np.ndarray:
    """The person with the highest box score, frame by frame.

    Returns: (T, 17, 2) float32 pixels; a frame without anybody is all NaN.
    Raises: FormatError: these are not COCO keypoints.
    """
    xy = np.full((len(video), COCO17.num_joints, 2), np.nan, np.float32)
    for frame, (boxes, keypoints) in enumerate(zip(video.boxes, video.keypoints, strict=True)):
        if len(boxes):
            _check_joints(keypoints)
            xy[frame] = keypoints[boxes[:, 4].argmax(), :2].T
    return xy


def rows_of_people(classes: Sequence[Any] | None) -> np.ndarray:
    """The rows of the second class; Detectron1 has lists of arrays, and None for nobody.

    Raises: ValueError: they hold no numbers. IndexError, TypeError: there are no classes.
    """
    rows = np.asarray([] if classes is None or classes[1] is None else classes[1])
    if rows.dtype.kind not in "fiu":
        raise ValueError(f"holds rows of {rows.dtype}, not numbers")
    return rows if rows.dtype.kind == "f" else rows.astype(np.float32)


def build_custom(
    people: Mapping[str, np.ndarray], sizes: Mapping[str, tuple[int, int]]
) -> KeypointArchive:
    """A custom data set: each video is a subject with the action `custom` and one camera.

    Args:
        people: for each video (T, 17, 2) float32 pixels without gaps.
        sizes: for each video (width, height), pixels.
    """
    positions = {name: {"custom": (xy,)} for name, xy in people.items()}
    return KeypointArchive.of(COCO17, positions, {name: sizes[name] for name in people})


def convert_folder(folder: Path) -> Conversion:
    """The best person of every `VIDEO.npz` in a folder, missing frames interpolated.

    A video that fails is left out and the others are converted.
    Raises: FormatError: the folder does not exist or holds no archive.
    """
    if not folder.is_dir():
        raise FormatError(f"{folder}: no such folder of detections.")
    paths = sorted(path for path in folder.glob("*.npz") if not path.name.startswith("."))
    if not paths:
        raise FormatError(f"{folder}: holds no detections (*.npz). Run infer_video.py first.")
    people, sizes, interpolated = {}, {}, {}
    failures: list[PoseliftError] = []
    for path in paths:
        name = path.name.removesuffix(".npz")
        try:
            video = load_video_detections(path)
            xy = _best_person_of(path, video)
        except PoseliftError as error:
            failures.append(error)
            continue
        people[name] = fill_gaps(xy)
        sizes[name] = (video.width, video.height)
        interpolated[name] = int(np.isnan(xy[:, 0, 0]).sum())
    archive = build_custom(people, sizes) if people else None
    return Conversion(archive, interpolated, tuple(failures))


def custom_archive_path(data_dir: Path, name: str) -> Path:
    """Where the data set NAME lies. Raises: FormatError: NAME is no part of a file name."""
    return data_dir / f"data_2d_custom_{checked_name(name)}.npz"


def _best_person_of(path: Path, video: VideoDetections) -> np.ndarray:
    """best_person with errors that name the file, and one when nobody is ever seen."""
    try:
        xy = best_person(video)
    except FormatError as error:
        raise FormatError(f"{path}: {error} Only COCO keypoints make a custom set.") from None
    if np.isnan(xy).all():
        raise NoPersonFound(
            f"{path}: nobody is seen in any of its {len(video)} frames. Check "
            "that people are visible and upright, and detect the video again."
        )
    return xy


def _people(boxes: Any, keypoints: Any) -> tuple[np.ndarray, np.ndarray]:
    """One frame's rows of class 1, the person: (P, 5), (P, 4, J)."""
    rows = rows_of_people(boxes)
    joints = rows_of_people(keypoints) if len(rows) else rows
    if not len(rows) or not len(joints):
        return np.zeros((0, 5), np.float32), np.zeros((0, 4, COCO17.num_joints), np.float32)
    return rows, joints


def _check_joints(keypoints: np.ndarray) -> None:
    if keypoints.shape[2] != COCO17.num_joints:
        raise FormatError(
            f"keypoints have {keypoints.shape[2]} joints, but '{COCO17.name}' has "
            f"{COCO17.num_joints}."
        )
