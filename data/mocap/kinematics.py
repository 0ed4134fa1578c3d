"""Motion of a skeleton as files store it: from angles to places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from poselift.data.errors import FormatError
from poselift.data.files.memory_budget import budget_of

# An hour at 240 frames per second; and no rig of a person has more points.
MAX_FRAMES = 864_000
MAX_POINTS = 1024
# For each point and frame: 8 bytes x (3 + 9) numbers, twice, and the angles.
PLACE_BYTES = 250
# In the file's unit, whatever it is.
FARTHEST = 1e9
MAX_TEXT_BYTES = 256 << 20


@dataclass(frozen=True)
class Motion:
    """Points of a body over time, in the axes and units of their file.

    Args:
        names: (N,) of the points; the first of two equal names counts.
        positions: (T, N, 3).
        rotations: (T, N, 3, 3) from the rest pose, in which all are the identity, to the
            frame's.
        fps: None where the format does not say.
        rest: the same points in the rest pose, one frame; None where it is not known.
    """

    names: tuple[str, ...]
    positions: np.ndarray
    rotations: np.ndarray
    fps: float | None
    rest: Motion | None = None

    def point(self, name: str) -> np.ndarray:
        """(T, 3). Raises: ValueError: no such point."""
        return self.positions[:, self.names.index(name)]

    def rotation(self, name: str) -> np.ndarray:
        """(T, 3, 3). Raises: ValueError: no such point."""
        return self.rotations[:, self.names.index(name)]


def euler_matrices(angles_deg: np.ndarray, order: str) -> np.ndarray:
    """(T, 3) degrees -> (T, 3, 3).

    Args:
        order: axes in the columns' order; capitals turn about the moving axes (BVH:
            R = R0 R1 R2), small letters about the fixed ones (ASF: R = R2 R1 R0).
    """
    return Rotation.from_euler(order, angles_deg, degrees=True).as_matrix()


def check_size(path: Path, frames: int, points: int) -> None:
    """Raises: FormatError: more than anybody records, or than such a file may take."""
    within = frames <= MAX_FRAMES and points <= MAX_POINTS
    if not within or frames * points * PLACE_BYTES > budget_of(path).whole:
        raise FormatError(
            f"{path}: claims {frames} frames of {points} points; not read. Cut it into pieces."
        )


def check_numbers(label: str, motion: Motion) -> Motion:
    """Raises: FormatError: some positions are no numbers, or farther than anything is."""
    for part in (motion, *([motion.rest] if motion.rest else [])):
        bad = ~(np.abs(part.positions) < FARTHEST).all((1, 2))
        if bad.any():
            where = f"frame {int(bad.argmax()) + 1}" if part is motion else "its skeleton"
            raise FormatError(f"{label}: {where} holds values that are no places.")
    return motion


def forward(
    parents: Sequence[int],
    local_rotations: Sequence[np.ndarray],
    local_positions: Sequence[np.ndarray],
    *,
    turned: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Chain local motions from the root outwards.

    Args:
        parents: (N,), each before its children; -1 for the root.
        local_rotations: N of (T, 3, 3) relative to the parent.
        local_positions: N of (T, 3) or (3,) relative to the parent's place.
        turned: a point's offset turns with the point's own rotation (ASF: it is the far
            end of a bone), not only with its parent's (BVH: it is the near end).
    Returns:
        (T, N, 3) positions and (T, N, 3, 3) rotations.
    """
    positions: list[np.ndarray] = []
    rotations: list[np.ndarray] = []
    for parent, rotation, offset in zip(parents, local_rotations, local_positions, strict=True):
        if parent < 0:
            positions.append(np.broadcast_to(offset, (len(rotation), 3)))
            rotations.append(rotation)
            continue
        rotations.append(rotations[parent] @ rotation)
        frame = rotations[-1] if turned else rotations[parent]
        moved = np.einsum("tij,tj->ti", frame, np.broadcast_to(offset, (len(frame), 3)))
        positions.append(positions[parent] + moved)
    return np.stack(positions, 1), np.stack(rotations, 1)


def rest_pose(
    names: Sequence[str], parents: Sequence[int], offsets: Sequence[np.ndarray], *, turned: bool
) -> Motion:
    """The frame in which no joint is turned.

    Args:
        offsets: N of (3,), or of (T, 3), of which the first counts.
    """
    still = [np.eye(3)[None]] * len(names)
    places = [np.atleast_2d(offset)[0] for offset in offsets]
    return Motion(tuple(names), *forward(parents, still, places, turned=turned), None)
