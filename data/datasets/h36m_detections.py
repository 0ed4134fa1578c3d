"""2D detections of Human3.6M's videos, one file per take and camera, as one archive.

Detectron's and the Cascaded Pyramid Network's files are `S1/Directions 1.54138969.mp4.npz`;
Stacked Hourglass's are `S1/.../Directions_1.54138969.h5`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from poselift.data.archives.keypoint_archive import KeypointArchive
from poselift.data.datasets.detector_files import read_detector
from poselift.data.datasets.h36m_source import (
    CORRUPTED,
    MAX_FRAMES,
    canonical_action,
    missing_takes,
)
from poselift.data.datasets.known_cameras import h36m_cameras
from poselift.data.errors import FormatError, PoseliftError
from poselift.data.files.matrix_files import ArrayReader, read_arrays
from poselift.data.files.source_files import SourceFile, folder_files, source_files
from poselift.data.skeletons import COCO17, H36M17, MPII16, Skeleton

CAMERA_IDS = tuple(camera.id for camera in h36m_cameras()["S1"])
# What an archive's name says about its keypoints, as the reference reads it.
LAYOUTS = (MPII16, COCO17, H36M17)


@dataclass(frozen=True)
class ViewFile:
    """The detections of one take in one camera.

    Args:
        label: what a message calls the file.
        read: (T, J, 2) pixels. Raises: FormatError.
    """

    subject: str
    action: str
    camera_id: str
    label: str
    read: Callable[[], np.ndarray]


@dataclass(frozen=True)
class AssembledDetections:
    """What became of a folder of detections.

    Args:
        archive: the takes that all four cameras see; None when there is none.
        missing: cameras and takes that should be there, a line each.
        damaged: one error for each file that cannot be read.
    """

    archive: KeypointArchive | None
    missing: tuple[str, ...]
    damaged: tuple[PoseliftError, ...]


def promised_layout(name: str) -> Skeleton:
    """The layout that an archive's name promises: `cpn_ft_h36m_dbb` -> h36m.

    Raises: FormatError: it promises none.
    """
    for layout in LAYOUTS:
        if layout.name in name:
            return layout
    known = ", ".join(layout.name for layout in LAYOUTS)
    raise FormatError(
        f"{name}: does not say which keypoints these are. Put one of {known} into the "
        "name, for example -o detectron_ft_h36m."
    )


def detector_files(folder: Path) -> Iterator[ViewFile]:
    """`S1/Directions 1.54138969.mp4.npz` by Detectron or CPN. Raises: FormatError."""
    files = folder_files(folder, r"S\d+/[^/]+\.\d+\.mp4\.npz")
    return _views(files, lambda file: read_detector(Path(file.label)))


def hourglass_files(source: Path, reader: ArrayReader = read_arrays) -> Iterator[ViewFile]:
    """`S1/StackedHourglass/Directions_1.54138969.h5` in a folder, .zip or .tar.gz."""
    return _views(
        source_files(source, r"S\d+/StackedHourglass[^/]*/[^/]+\.h5"), partial(_hourglass, reader)
    )


def assemble(files: Iterable[ViewFile], layout: Skeleton, *, whole: bool) -> AssembledDetections:
    """Sort the files by subject, take and camera.

    Args:
        whole: every take of the seven subjects is expected, not only every camera of
            the takes that are there.
    """
    views: dict[tuple[str, str], dict[str, np.ndarray]] = {}
    damaged: list[PoseliftError] = []
    for file in files:
        if (file.subject, file.action) == CORRUPTED:
            continue
        take = views.setdefault((file.subject, file.action), {})
        try:
            if file.camera_id not in CAMERA_IDS or file.camera_id in take:
                known = ", ".join(CAMERA_IDS)
                raise FormatError(f"{file.label}: one file each for cameras {known}, please.")
            take[file.camera_id] = _checked(file, layout)
        except FormatError as error:
            damaged.append(error)
    positions: dict[str, dict[str, tuple[np.ndarray, ...]]] = {}
    for (subject, action), take in sorted(views.items(), key=_in_order):
        if len(take) == len(CAMERA_IDS):
            cameras = tuple(take[name] for name in CAMERA_IDS)
            positions.setdefault(subject, {})[action] = cameras
    archive = KeypointArchive.of(layout, positions)
    missing = _missing_cameras(views) + (_missing_takes(views) if whole else ())
    return AssembledDetections(archive if positions else None, missing, tuple(damaged))


def _views(
    files: Iterable[SourceFile], read: Callable[[SourceFile], np.ndarray]
) -> Iterator[ViewFile]:
    for file in files:
        subject = next(part for part in reversed(file.path.parts) if re.fullmatch(r"S\d+", part))
        named = re.fullmatch(r"(.+)\.(\d+)(\.mp4\.npz|\.h5)", file.path.name)
        if named:  # A video of all cameras side by side, `..._ALL...`, is no view.
            action = canonical_action(named[1])
            yield ViewFile(subject, action, named[2], file.label, partial(read, file))


def _hourglass(reader: ArrayReader, file: SourceFile) -> np.ndarray:
    (poses,) = reader("hdf5", file.label, file.read(), "poses")
    if poses.size % (MPII16.num_joints * 2):
        raise FormatError(f"{file.label}: poses of shape {poses.shape}, not (T, 16, 2).")
    return poses.reshape(-1, MPII16.num_joints, 2).astype(np.float32)


def _checked(file: ViewFile, layout: Skeleton) -> np.ndarray:
    xy = file.read()
    if xy.shape[1] != layout.num_joints or not 0 < len(xy) <= MAX_FRAMES:
        raise FormatError(
            f"{file.label}: {len(xy)} frames of {xy.shape[1]} keypoints, but '{layout.name}' "
            f"has {layout.num_joints}."
        )
    if not np.isfinite(xy).all():
        raise FormatError(f"{file.label}: has keypoints that are no numbers.")
    return xy


def _in_order(entry: tuple[tuple[str, str], object]) -> tuple[int, str]:
    subject, action = entry[0]
    return int(subject[1:]), action


def _missing_cameras(views: Mapping[tuple[str, str], Mapping[str, np.ndarray]]) -> tuple[str, ...]:
    return tuple(
        f"{subject} {action}: camera {', '.join(c for c in CAMERA_IDS if c not in take)}"
        for (subject, action), take in sorted(views.items(), key=_in_order)
        if len(take) < len(CAMERA_IDS)
    )


def _missing_takes(views: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    found: dict[str, list[str]] = {}
    for subject, action in views:
        found.setdefault(subject, []).append(action)
    return missing_takes(found)
