"""What a file says of people's joints in 3D, before it becomes poses."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from poselift.data.errors import FormatError
from poselift.data.exports.settings import PER_METRE, Units, Up
from poselift.data.skeletons import H36M17
from poselift.data.structures import count_of

MAX_PEOPLE = 256
MAX_FRAMES = 1_000_000  # as of keypoints: nobody films longer in one go
FARTHEST_M = 1e5  # from the camera
LONGEST_S = 1e9


@dataclass(frozen=True, eq=False)
class EditedMotion:
    """One person as a file has them.

    Args:
        source: the file, for messages.
        person_id: as the file or its name says; None: it does not.
        frames: (T,) of the clip, rising; None where the file does not say.
        times_s: (T,) seconds, rising; of the clip if `frames` is there, else from 0.
        world: (T, 17, 3) joints of H36M17, metres, x right, y away, z up.
        interpolated: (T,) bool; None where the file does not say.
        fps: where the file says.
        clip_times_s: (N,) seconds of all frames of the clip, where the file says.
    """

    source: Path
    person_id: int | None
    frames: np.ndarray | None
    times_s: np.ndarray
    world: np.ndarray
    interpolated: np.ndarray | None = None
    fps: float | None = None
    clip_times_s: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Raises: FormatError: these are no places or no times of frames."""
        count = len(self.times_s)
        if self.world.shape != (count, H36M17.num_joints, 3):
            raise ValueError(f"positions of shape {self.world.shape} for {count} times")
        if not 0 < count <= MAX_FRAMES:
            raise FormatError(f"{self.source}: has {count_of(count, 'frame')}.")
        bad = ~(np.abs(self.world) < FARTHEST_M).all((1, 2))
        if bad.any():
            raise FormatError(
                f"{self.source}: the {int(bad.argmax()) + 1}. frame of a person has positions that "
                "are no places near a camera. Check its units, or export it again."
            )
        if not (np.abs(self.times_s) < LONGEST_S).all() or (np.diff(self.times_s) <= 0).any():
            raise FormatError(
                f"{self.source}: has times that are no numbers or do not rise. Export it again."
            )

    def of(self, person: int) -> EditedMotion:
        return replace(self, person_id=person)


def z_up(points: np.ndarray, units: Units, up: Up) -> np.ndarray:
    """(..., 3) of a file -> metres, x right, y away from the camera, z up."""
    places = np.asarray(points, np.float64) / PER_METRE[units]
    if up == "y":
        places = np.stack([places[..., 0], -places[..., 2], places[..., 1]], -1)
    return places


def up_of(points: np.ndarray) -> Up:
    """The axis that (T, 17, 3) people stand along: from ankles to head, in most frames."""
    ankles = points[:, H36M17.indices("left_ankle", "right_ankle")].mean(1)
    tall = np.median(points[:, H36M17.index("head")] - ankles, axis=0)
    return "y" if abs(tall[1]) > abs(tall[2]) else "z"


def person_in_name(path: Path) -> int | None:
    """The person of a file that is called `person_3.bvh`, whatever stands around it."""
    found = re.search(r"person_?(\d{1,9})(?!\d)", path.stem, re.ASCII | re.IGNORECASE)
    return int(found[1]) if found else None
