"""2D detections in HumanEva's videos, cut to the frames of the true poses.

The videos and the motion capture start at different times; humaneva_takes.json says
which frame of each video is a take's first. What has no true pose keeps its detections
for semi-supervised training, under `Unlabeled/`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poselift.data.archives.keypoint_archive import KeypointArchive
from poselift.data.datasets.detector_files import read_detector
from poselift.data.datasets.humaneva_source import (
    CAMERAS,
    Chunk,
    first_video_frames,
    labelled_frames,
)
from poselift.data.errors import FormatError, PoseliftError
from poselift.data.files.source_files import SourceFile, folder_files
from poselift.data.skeletons import Skeleton

_VIDEO = re.compile(r"(?P<action>.+?)[_ ]\(C(?P<camera>[123])\)\.\w+\.npz")


@dataclass(frozen=True)
class CutDetections:
    """What became of a folder of detections.

    Args:
        archive: None when no take is whole.
        damaged: one error for each file or take that was left out.
    """

    archive: KeypointArchive | None
    damaged: tuple[PoseliftError, ...]


def cut_detections(
    folder: Path, layout: Skeleton, chunks: Mapping[tuple[str, str], Sequence[Chunk]]
) -> CutDetections:
    """`S1/Walking_1_(C1).avi.npz` and so on, as chunks of the true poses.

    Args:
        layout: of the detector's keypoints.
        chunks: chunks["Train/S1", "Walking 1"] of humaneva_source.convert.
    Raises: FormatError: the folder does not exist or holds none.
    """
    videos, damaged = _read_all(folder, layout)
    if not (videos or damaged):
        raise FormatError(f"{folder}: holds no detections of HumanEva (S1/Walking_1_(C1).avi.npz).")
    positions: dict[str, dict[str, tuple[np.ndarray, ...]]] = {}
    for (subject, action), cameras in sorted(videos.items()):
        if len(cameras) < CAMERAS:
            there = ", ".join(f"C{camera + 1}" for camera in sorted(cameras))
            damaged.append(FormatError(f"{folder}: {subject} {action}: only {there} of 3 cameras."))
            continue
        views = [cameras[camera] for camera in range(CAMERAS)]
        try:
            for name, chunk, part in _parts(subject, action, views, chunks):
                positions.setdefault(name, {})[chunk] = part
        except FormatError as error:
            damaged.append(FormatError(f"{folder}: {error}"))
    archive = KeypointArchive.of(layout, positions)
    return CutDetections(archive if positions else None, tuple(damaged))


def synchronised(subject: str, action: str, views: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The cameras' (T, J, 2) from the take's first frame on, all of one length."""
    firsts = first_video_frames().get(subject, {}).get(action, (1,) * CAMERAS)
    started = [xy[first - 1 :] for xy, first in zip(views, firsts, strict=True)]
    length = min(len(xy) for xy in started)
    return [xy[:length] for xy in started]


def _parts(
    subject: str,
    action: str,
    views: Sequence[np.ndarray],
    chunks: Mapping[tuple[str, str], Sequence[Chunk]],
) -> list[tuple[str, str, tuple[np.ndarray, ...]]]:
    """(subject, action, cameras) entries that one take's videos become. Raises: FormatError."""
    synced = synchronised(subject, action, views)
    partitions = [
        name for name in labelled_frames() if name.endswith(f"/{subject}")
        and action in labelled_frames()[name]
    ]  # fmt: skip
    if not partitions:
        return [(f"Unlabeled/{subject}", action, tuple(synced))]
    parts = []
    for partition in partitions:
        first, end = labelled_frames()[partition][action]
        if end > len(synced[0]):
            raise FormatError(
                f"{subject} {action}: detections in {len(synced[0])} synchronised frames, but "
                f"{partition} ends at frame {end}. Detect the whole videos."
            )
        whole = (Chunk(action, first, end, labelled=False),)
        for chunk in chunks.get((partition, action), whole):
            name = partition if chunk.labelled else f"Unlabeled/{partition}"
            cut = tuple(xy[chunk.first : chunk.end] for xy in synced)
            parts.append((name, chunk.name, cut))
    return parts


def _read_all(
    folder: Path, layout: Skeleton
) -> tuple[dict[tuple[str, str], dict[int, np.ndarray]], list[PoseliftError]]:
    videos: dict[tuple[str, str], dict[int, np.ndarray]] = {}
    damaged: list[PoseliftError] = []
    for file in folder_files(folder, r"S\d/(.*/)?[^/]+\(C[123]\)\.\w+\.npz"):
        named = _VIDEO.fullmatch(file.path.name)
        if named is None:
            continue
        subject = next(part for part in file.path.parts if re.fullmatch(r"S\d", part))
        action = named["action"].replace("_", " ")
        try:
            xy = _checked(file, layout)
        except FormatError as error:
            damaged.append(error)
            continue
        videos.setdefault((subject, action), {})[int(named["camera"]) - 1] = xy
    return videos, damaged


def _checked(file: SourceFile, layout: Skeleton) -> np.ndarray:
    xy = read_detector(Path(file.label))
    if xy.shape[1] != layout.num_joints or not len(xy):
        raise FormatError(
            f"{file.label}: {xy.shape[1]} keypoints, but '{layout.name}' has {layout.num_joints}."
        )
    if not np.isfinite(xy).all():
        raise FormatError(f"{file.label}: has keypoints that are no numbers.")
    return xy
