"""`data_2d_NAME_KEYPOINTS.npz`: the reference's archives of 2D keypoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from poselift.data.errors import FormatError, reason_of
from poselift.data.files.file_kinds import FileKind, holds_members
from poselift.data.files.safe_archive import load_object_npz, write_object_npz
from poselift.data.files.whole_file import whole_file
from poselift.data.skeletons import Skeleton, swapped
from poselift.data.structures import MAX_PIXELS

MAX_JOINTS = 1024
LARGEST = np.finfo(np.float32).max  # as which keypoints are used
KEYPOINT_ARCHIVE = FileKind(
    "an archive of 2D keypoints", (".npz",), holds_members("positions_2d", "metadata")
)


@dataclass(frozen=True)
class KeypointArchive:
    """2D keypoints of a data set, in pixels.

    Args:
        positions: positions[subject][action][camera] is (T, J, 2) float.
        layout_name: the keypoints' skeleton.
        left, right: indices of the joints that trade places in a mirror, in pairs.
        video_sizes: (width, height) in pixels of each video of a custom data set.
    """

    positions: Mapping[str, Mapping[str, tuple[np.ndarray, ...]]]
    layout_name: str
    num_joints: int
    left: tuple[int, ...]
    right: tuple[int, ...]
    video_sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 1 <= self.num_joints <= MAX_JOINTS:
            raise ValueError(f"num_joints is {self.num_joints}")
        sides = self.left + self.right
        twins = len(self.left) == len(self.right) and len(set(sides)) == len(sides)
        if not twins or not all(0 <= joint < self.num_joints for joint in sides):
            raise ValueError(
                f"keypoints_symmetry {self.left}, {self.right} are no pairs "
                f"of {self.num_joints} joints"
            )
        for subject, actions in self.positions.items():
            for action, cameras in actions.items():
                for camera, xy in enumerate(cameras):
                    where = f"subject {subject}, action {action}, camera {camera}"
                    if xy.ndim != 3 or xy.shape[1:] != (self.num_joints, 2) or not len(xy):
                        expected = f"(T, {self.num_joints}, 2)"
                        raise ValueError(f"{where}: shape {xy.shape}, expected {expected}")
                    # The largest value tells of all, and NaN is not less than anything.
                    if xy.dtype.kind != "f" or not np.abs(xy).max() <= LARGEST:
                        raise ValueError(f"{where}: has keypoints that are no numbers")

    @classmethod
    def of(
        cls,
        layout: Skeleton,
        positions: Mapping[str, Mapping[str, tuple[np.ndarray, ...]]],
        video_sizes: Mapping[str, tuple[int, int]] | None = None,
    ) -> KeypointArchive:
        """Keypoints of a known skeleton."""
        sides = layout.left, layout.right
        return cls(positions, layout.name, layout.num_joints, *sides, video_sizes or {})

    @property
    def mirror(self) -> tuple[int, ...]:
        """(J,) permutation that swaps every left joint with its right twin."""
        return swapped(self.num_joints, self.left, self.right)


def load_keypoint_archive(path: Path) -> KeypointArchive:
    """Read `data_2d_*_*.npz`, whoever wrote it; metadata without a layout name is h36m.

    Raises:
        UnsafeFile: it holds more than plain data.
        FormatError: not such an archive.
    """
    members = load_object_npz(path)
    positions = _mapping(path, "positions_2d", members.get("positions_2d"))
    about = _mapping(path, "metadata", members.get("metadata"))
    try:
        left, right = about["keypoints_symmetry"]
        return KeypointArchive(
            positions={
                str(subject): {
                    str(action): tuple(np.asarray(camera) for camera in cameras)
                    for action, cameras in _mapping(path, subject, actions).items()
                }
                for subject, actions in positions.items()
            },
            layout_name=str(about.get("layout_name", "h36m")),
            num_joints=int(about["num_joints"]),
            left=tuple(int(joint) for joint in left),
            right=tuple(int(joint) for joint in right),
            video_sizes={
                str(name): size_in_pixels(size)
                for name, size in _mapping(
                    path, "video_metadata", about.get("video_metadata", {})
                ).items()
            },
        )
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise FormatError(f"{path}: {reason_of(error)}. Prepare the data set again.") from error


def save_keypoint_archive(path: Path, archive: KeypointArchive) -> None:
    """Write an archive that the reference reads. Raises: OutputError."""
    about: dict[str, Any] = {
        "layout_name": archive.layout_name,
        "num_joints": archive.num_joints,
        "keypoints_symmetry": [list(archive.left), list(archive.right)],
    }
    if archive.video_sizes:
        about["video_metadata"] = {
            name: {"w": width, "h": height} for name, (width, height) in archive.video_sizes.items()
        }
    positions = {
        subject: {action: list(cameras) for action, cameras in actions.items()}
        for subject, actions in archive.positions.items()
    }
    with whole_file(path) as part, part.open("wb") as stream:
        write_object_npz(stream, {"positions_2d": positions, "metadata": about})


def size_in_pixels(metadata: Any) -> tuple[int, int]:
    """(width, height) of {"w": .., "h": ..}; Python 2 may have written the keys as bytes.

    Raises: ValueError, KeyError, TypeError, OverflowError: no such sizes, or impossible ones.
    """
    if not isinstance(metadata, Mapping):
        raise TypeError(f"a {type(metadata).__name__} in place of a video's size")
    sizes = {k.decode("latin1") if isinstance(k, bytes) else k: v for k, v in metadata.items()}
    width, height = sizes["w"], sizes["h"]
    if not all(int(size) == size and 0 < size <= MAX_PIXELS for size in (width, height)):
        raise ValueError(f"a video of {width} x {height} pixels")
    return int(width), int(height)


def _mapping(path: Path, name: str, value: Any) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        found = "missing" if value is None else f"a {type(value).__name__}"
        raise FormatError(f"{path}: '{name}' is {found}, not a table. Is this the right archive?")
    return value
