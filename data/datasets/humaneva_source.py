"""HumanEva-I's true poses as its MATLAB tools export them.

`Train/S1/Walking 1.mat` (or Validate) holds `poses_3d` (T, J, 3) millimetres and
`poses_2d` (T, 3, J, 2) pixels in the cameras C1, C2, C3, J = 15 or 20. Frames in which a
marker was lost are NaN; a take is cut there into chunks, which are numbered in order,
the lost ones too: `Walking 1 chunk0`, `Walking 1 chunk2`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from poselift.data.archives.keypoint_archive import KeypointArchive
from poselift.data.errors import FormatError, PoseliftError
from poselift.data.files.matrix_files import ArrayReader, read_arrays
from poselift.data.files.source_files import SourceFile, folder_files
from poselift.data.skeletons import HUMANEVA15, HUMANEVA20, Skeleton

CAMERAS = 3
LAYOUTS = {layout.num_joints: layout for layout in (HUMANEVA15, HUMANEVA20)}


@dataclass(frozen=True)
class Chunk:
    """A stretch of a take in which all frames are labelled, or none.

    Args:
        first, end: frames of the synchronised take, half open.
    """

    name: str
    first: int
    end: int
    labelled: bool


@dataclass(frozen=True)
class Conversion:
    """What became of a folder of exported takes.

    Args:
        layout: the skeleton of 15 or 20 joints.
        positions: positions["Train/S1"]["Walking 1 chunk0"] is (T, J, 3) float32, metres.
        views: the same chunks in three cameras, pixels.
        chunks: chunks["Train/S1", "Walking 1"]: all of a take, labelled or not.
        missing: takes that a full copy has beyond these, a line each.
        damaged: one error for each file that was left out.
    """

    layout: Skeleton
    positions: Mapping[str, Mapping[str, np.ndarray]]
    views: KeypointArchive
    chunks: Mapping[tuple[str, str], tuple[Chunk, ...]]
    missing: tuple[str, ...]
    damaged: tuple[PoseliftError, ...]


@cache
def labelled_frames() -> Mapping[str, Mapping[str, tuple[int, int]]]:
    """frames["Train/S1"]["Walking 1"]: first and end of the synchronised take, half open."""
    return {
        subject: {action: (first, end) for action, (first, end) in takes.items()}
        for subject, takes in _facts()["frames"].items()
    }


@cache
def first_video_frames() -> Mapping[str, Mapping[str, tuple[int, ...]]]:
    """frames["S1"]["Walking 1"]: for C1, C2, C3 the number, from 1, of the video's frame
    that is the synchronised take's first."""
    return {
        subject: {action: tuple(frames) for action, frames in takes.items()}
        for subject, takes in _facts()["first_video_frame"].items()
    }


def convert(folder: Path, reader: ArrayReader = read_arrays) -> Conversion:
    """All takes of `folder`/Train and `folder`/Validate.

    Raises: FormatError: there are none, none can be read, or they differ in their joints.
    """
    positions: dict[str, dict[str, np.ndarray]] = {}
    views: dict[str, dict[str, tuple[np.ndarray, ...]]] = {}
    chunks: dict[tuple[str, str], tuple[Chunk, ...]] = {}
    damaged: list[PoseliftError] = []
    joints: dict[int, str] = {}
    for subject, action, file in _takes(folder):
        try:
            poses, keypoints = read_take(subject, action, file, reader)
        except FormatError as error:
            damaged.append(error)
            continue
        joints[poses.shape[1]] = file.label
        valid = np.isfinite(poses).all((1, 2)) & np.isfinite(keypoints).all((1, 2, 3))
        start = labelled_frames()[subject][action][0]
        chunks[subject, action] = split_chunks(action, valid, start)
        for chunk in chunks[subject, action]:
            if chunk.labelled:
                part = slice(chunk.first - start, chunk.end - start)
                positions.setdefault(subject, {})[chunk.name] = poses[part]
                views.setdefault(subject, {})[chunk.name] = tuple(
                    np.ascontiguousarray(keypoints[part, camera]) for camera in range(CAMERAS)
                )
    if not (chunks or damaged):
        raise FormatError(
            f"{folder}: holds no takes of HumanEva (Train/S1/Walking 1.mat). See DATASETS.md "
            "for the step in MATLAB that writes them."
        )
    layout = _the_layout(folder, joints, damaged)
    archive = KeypointArchive.of(layout, views)
    return Conversion(layout, positions, archive, chunks, _missing(chunks), tuple(damaged))


def read_take(
    subject: str, action: str, file: SourceFile, reader: ArrayReader = read_arrays
) -> tuple[np.ndarray, np.ndarray]:
    """One take: (T, J, 3) float32 metres and (T, 3, J, 2) float32 pixels; lost frames NaN.

    Raises: FormatError: not such a file, or not the length that the take has.
    """
    if action not in labelled_frames().get(subject, {}):
        known = ", ".join(labelled_frames().get(subject, labelled_frames()))
        raise FormatError(f"{file.label}: {subject} {action} has no true poses. Known: {known}.")
    poses, keypoints = reader("mat", file.label, file.read(), "poses_3d", "poses_2d")
    frames, joints = poses.shape[0], poses.shape[1] if poses.ndim > 1 else 0
    if keypoints.shape == (CAMERAS, frames, joints, 2):
        keypoints = keypoints.swapaxes(0, 1)
    if joints not in LAYOUTS or poses.shape != (frames, joints, 3):
        raise FormatError(f"{file.label}: poses_3d of shape {poses.shape}, not (T, 15 or 20, 3).")
    if keypoints.shape != (frames, CAMERAS, joints, 2):
        expected = (frames, CAMERAS, joints, 2)
        raise FormatError(
            f"{file.label}: poses_2d of shape {keypoints.shape}, expected {expected}."
        )
    first, end = labelled_frames()[subject][action]
    if frames != end - first:
        raise FormatError(
            f"{file.label}: {frames} frames, but {subject} {action} has {end - first} "
            f"({first} to {end}). Export it again, with HumanEva's critical update applied."
        )
    return (poses / 1000).astype(np.float32), keypoints.astype(np.float32)


def split_chunks(action: str, valid: np.ndarray, start: int) -> tuple[Chunk, ...]:
    """Stretches of equal validity.

    Args:
        valid: (T,) bool.
        start: number of the first frame in the synchronised take.
    """
    edges = np.flatnonzero(np.diff(valid)) + 1
    bounds = [0, *edges.tolist(), len(valid)]
    return tuple(
        Chunk(f"{action} chunk{number}", start + first, start + end, bool(valid[first]))
        for number, (first, end) in enumerate(itertools.pairwise(bounds))
    )


def _takes(folder: Path) -> Iterator[tuple[str, str, SourceFile]]:
    for file in folder_files(folder, r"(Train|Validate)/S\d/[^/]+\.mat"):
        partition, subject, name = file.path.parts[-3:]
        action = name.removesuffix(".mat").replace("_", " ")
        yield f"{partition}/{subject}", action, file


def _the_layout(folder: Path, joints: Mapping[int, str], damaged: list[PoseliftError]) -> Skeleton:
    if len(joints) > 1:
        both = " and ".join(f"{count} joints in {label}" for count, label in joints.items())
        raise FormatError(f"{folder}: takes of different skeletons: {both}. Keep them apart.")
    if not joints:
        raise FormatError(f"{folder}: not one take could be read. {damaged[0]}")
    return LAYOUTS[next(iter(joints))]


def _missing(found: Mapping[tuple[str, str], object]) -> tuple[str, ...]:
    return tuple(
        f"{subject} {action}"
        for subject, takes in labelled_frames().items()
        for action in takes
        if (subject, action) not in found
    )


@cache
def _facts() -> Any:
    path = Path(__file__).with_name("humaneva_takes.json")
    return json.loads(path.read_text(encoding="utf-8"))
