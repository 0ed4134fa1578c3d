"""Human3.6M's 3D positions as they are published: CDF, CDF turned to .mat, or an h5 archive.

Each file is one take of one subject: T frames of 32 joints, millimetres, in the world's
frame. A full copy has 7 subjects with 15 actions of two takes each; one of S11's is
damaged at its source and left out, as everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from poselift.data.errors import FormatError, PoseliftError
from poselift.data.files.matrix_files import ArrayReader, read_arrays
from poselift.data.files.source_files import SourceFile, folder_files, source_files
from poselift.data.skeletons import H36M32

SUBJECTS = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
ACTIONS = (
    "Directions", "Discussion", "Eating", "Greeting", "Phoning", "Photo", "Posing",
    "Purchases", "Sitting", "SittingDown", "Smoking", "Waiting", "WalkDog", "WalkTogether",
    "Walking",
)  # fmt: skip
TAKES_PER_ACTION = 2
# One take has no usable video; the reference leaves it out too.
CORRUPTED = ("S11", "Directions")
_RENAMED = {"TakingPhoto": "Photo", "WalkingDog": "WalkDog"}
# Human3.6M's longest take has 6,343 frames.
MAX_FRAMES = 100_000


@dataclass(frozen=True)
class Take:
    """A file that holds one take.

    Args:
        label: what a message calls the file.
        read: (T, 96) or (T, 32, 3) numbers, millimetres. Raises: FormatError.
    """

    subject: str
    action: str
    label: str
    read: Callable[[], np.ndarray]


@dataclass(frozen=True)
class Conversion:
    """What became of a copy of the data set.

    Args:
        positions: positions[subject][action] is (T, 32, 3) float32, metres.
        missing: what a full copy has and this one has not, a line each.
        damaged: one error for each file that cannot be read.
    """

    positions: Mapping[str, Mapping[str, np.ndarray]]
    missing: tuple[str, ...]
    damaged: tuple[PoseliftError, ...]


def canonical_action(name: str) -> str:
    """`WalkingDog_1` -> `WalkDog 1`: the archives' and the reference's spelling."""
    words = name.replace("_", " ").split()
    return " ".join(_RENAMED.get(word, word) for word in words)


def cdf_takes(folder: Path, reader: ArrayReader = read_arrays) -> Iterator[Take]:
    """`S1/MyPoseFeatures/D3_Positions/Directions 1.cdf`, as downloaded. Raises: FormatError."""
    return _takes(
        folder_files(folder, r"S\d+/MyPoseFeatures/D3_Positions/[^/]+\.cdf"),
        lambda file: reader("cdf", file.label, file.read(), "Pose")[0],
    )


def mat_takes(folder: Path, reader: ArrayReader = read_arrays) -> Iterator[Take]:
    """`S1/MyPoseFeatures/D3_Positions/Directions 1.cdf.mat`, the cell `data`."""
    return _takes(
        folder_files(folder, r"S\d+/MyPoseFeatures/D3_Positions/[^/]+\.cdf\.mat"),
        lambda file: reader("mat", file.label, file.read(), "data")[0],
    )


def archive_takes(source: Path, reader: ArrayReader = read_arrays) -> Iterator[Take]:
    """`h36m/S1/MyPoses/3D_positions/Directions 1.h5` in a .zip, a .tar or a folder.

    The key `3D_positions` holds (96, T).
    """
    return _takes(
        source_files(source, r"S\d+/MyPoses/3D_positions/[^/]+\.h5"),
        lambda file: reader("hdf5", file.label, file.read(), "3D_positions")[0].T,
    )


def convert(takes: Iterable[Take]) -> Conversion:
    """Read every take of the seven subjects; what cannot be read is listed, not raised.

    Raises: FormatError: the source itself cannot be listed.
    """
    positions: dict[str, dict[str, np.ndarray]] = {}
    damaged: list[PoseliftError] = []
    for take in takes:
        if take.subject not in SUBJECTS or (take.subject, take.action) == CORRUPTED:
            continue
        actions = positions.setdefault(take.subject, {})
        try:
            if take.action in actions:
                raise FormatError(
                    f"{take.label}: a second file for {take.subject} {take.action}. Remove one."
                )
            actions[take.action] = metres(take.label, take.read())
        except FormatError as error:
            damaged.append(error)
    in_order = {
        subject: dict(sorted(positions[subject].items()))
        for subject in SUBJECTS
        if positions.get(subject)
    }
    return Conversion(in_order, missing_takes(in_order), tuple(damaged))


def metres(label: str, pose_mm: np.ndarray) -> np.ndarray:
    """(T, 32, 3) float32 metres of (1, T, 96), (T, 96) or (T, 32, 3) millimetres.

    Raises: FormatError: other sizes, or no numbers.
    """
    width = H36M32.num_joints * 3
    frames = pose_mm.size // width
    shapes = ((1, frames, width), (frames, width), (frames, H36M32.num_joints, 3))
    if not frames or pose_mm.shape not in shapes:
        raise FormatError(
            f"{label}: poses of shape {pose_mm.shape}, expected (T, {width}): "
            f"{H36M32.num_joints} joints of x, y, z."
        )
    if frames > MAX_FRAMES:
        raise FormatError(f"{label}: {frames} frames; no take of Human3.6M is that long.")
    if not np.isfinite(pose_mm).all():
        bad = int((~np.isfinite(pose_mm.reshape(frames, -1)).all(1)).sum())
        raise FormatError(f"{label}: positions in {bad} of {frames} frames are no numbers.")
    return (pose_mm.reshape(frames, H36M32.num_joints, 3) / 1000).astype(np.float32)


def missing_takes(found: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """What a full copy has beyond `found`, subject -> actions; one line for each gap."""
    lines = []
    for subject in SUBJECTS:
        takes = list(found.get(subject, ()))
        expected = {
            action: TAKES_PER_ACTION - ((subject, action) == CORRUPTED) for action in ACTIONS
        }
        if not takes:
            lines.append(f"{subject}: everything ({sum(expected.values())} takes)")
            continue
        for action, count in expected.items():
            present = sum(take.split()[0] == action for take in takes)
            if present < count:
                lines.append(f"{subject} {action}: {count - present} of {count} takes")
    return tuple(lines)


def _takes(files: Iterable[SourceFile], read: Callable[[SourceFile], np.ndarray]) -> Iterator[Take]:
    for file in files:
        subject = next(part for part in reversed(file.path.parts) if re.fullmatch(r"S\d+", part))
        action = canonical_action(re.sub(r"(\.cdf)?\.\w+$", "", file.path.name))
        yield Take(subject, action, file.label, partial(read, file))
