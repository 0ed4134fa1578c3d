"""What a user knows of a clip's camera and people beyond its pictures.

Angles are degrees. A camera's pitch is how far it looks down (negative: up), its roll how far it
is turned clockwise about its own view, as who stands behind it sees it; a level camera has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

Floor = Literal["shared", "own"]
FLOORS: tuple[Floor, ...] = ("shared", "own")
Watched = Literal["auto", "still"]
WATCHED: tuple[Watched, ...] = ("auto", "still")
FocalFrom = Literal["given", "file"]
FOCAL_FROM: tuple[FocalFrom, ...] = ("given", "file")
CameraKind = Literal["still", "turns", "travels", "unknown"]
CAMERA_KINDS: tuple[CameraKind, ...] = ("still", "turns", "travels", "unknown")

HEIGHTS_M = (0.3, 3.0)
FIELDS_OF_VIEW = (1.0, 170.0)
FOCAL_PX = (1.0, 1e6)
ROLLS, PITCHES = (-180.0, 180.0), (-90.0, 90.0)


@dataclass(frozen=True)
class KnownScene:
    """What is known; None where it is to be found, or assumed.

    Args:
        height_m: how tall people are who are not in `heights_m`; standing, with shoes.
        heights_m: (person id, height) each.
        fov: field of view across the picture's width, degrees.
        focal_px: focal length in pixels of the full picture; instead of `fov`.
        roll, pitch: of the camera.
        floor: `shared`: everybody stands on one floor, which is kept under their feet; `own`:
            people are as high as the camera sees them, on a container or on stairs.
        camera: `auto`: how it moves is found; `still`: it stands still and never cuts.
        focal_from: who says `focal_px`: `given` by the user, or by the `file` of the video.
    """

    height_m: float | None = None
    heights_m: tuple[tuple[int, float], ...] = ()
    fov: float | None = None
    focal_px: float | None = None
    roll: float | None = None
    pitch: float | None = None
    floor: Floor = "shared"
    camera: Watched = "auto"
    focal_from: FocalFrom = "given"

    def __post_init__(self) -> None:
        """Raises: ValueError: naming what cannot be."""
        for height in (self.height_m, *(height for _, height in self.heights_m)):
            _within("height", height, HEIGHTS_M, "metres")
        _within("field of view", self.fov, FIELDS_OF_VIEW, "degrees")
        _within("focal length", self.focal_px, FOCAL_PX, "pixels")
        _within("roll", self.roll, ROLLS, "degrees")
        _within("pitch", self.pitch, PITCHES, "degrees")
        if len(dict(self.heights_m)) < len(self.heights_m):
            raise ValueError("a person's height is given twice")
        if self.fov is not None and self.focal_px is not None:
            raise ValueError("a field of view and a focal length say the same; give one of them")
        if self.floor not in FLOORS:
            raise ValueError(f"the floor is {' or '.join(FLOORS)}, not '{self.floor}'")
        if self.camera not in WATCHED:
            raise ValueError(f"the camera is {' or '.join(WATCHED)}, not '{self.camera}'")

    def height_of(self, person_id: int) -> float | None:
        return dict(self.heights_m).get(person_id, self.height_m)

    def focal_for(self, width: int) -> float | None:
        """The focal length in pixels of pictures that are so wide."""
        if self.fov is None:
            return self.focal_px
        return float(width / 2 / np.tan(np.radians(self.fov) / 2))

    def by_file(self, focal_px: float | None) -> KnownScene:
        """The same, with the lens that a file names where the user says nothing of it."""
        if focal_px is None or self.fov is not None or self.focal_px is not None:
            return self
        return replace(self, focal_px=focal_px, focal_from="file")

    def of(self, people: Sequence[int], width: int) -> KnownScene:
        """The same for one clip: a height for each of its people, and a focal length."""
        heights = [(person, self.height_of(person)) for person in people]
        return replace(
            self,
            height_m=None,
            heights_m=tuple((person, height) for person, height in heights if height),
            fov=None,
            focal_px=self.focal_for(width),
        )


def _within(what: str, value: float | None, limits: tuple[float, float], unit: str) -> None:
    """Raises: ValueError. Of NaN, nothing is true."""
    low, high = limits
    if value is not None and not low <= value <= high:
        raise ValueError(f"a {what} is {low:g} to {high:g} {unit}, not {value:g}")


NOTHING_KNOWN = KnownScene()


@dataclass(frozen=True, eq=False, repr=False)
class CameraPath:
    """How a camera turned and zoomed, frame by frame.

    Args:
        kind: `still`, `turns` (and zooms), `travels` (turns, and moves in a way that is not
            measured) or `unknown` (the background shows too little; taken as still).
        turns: (T, 3, 3) rotations that take camera space of a frame to the clip's, that of a
            frame in the middle of the movement.
        zoom: (T,) a frame's focal length over the clip's.
        quality: (T,) share of the background that agrees, 0 to 1; 0 where nothing could be said.
        cuts: frames with which another scene begins; each has a clip's camera of its own.
    """

    kind: CameraKind
    turns: np.ndarray
    zoom: np.ndarray
    quality: np.ndarray
    cuts: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        frames = len(self.zoom)
        if self.turns.shape != (frames, 3, 3) or self.quality.shape != (frames,):
            raise ValueError(
                f"turns {self.turns.shape}, quality {self.quality.shape}: {frames} zooms"
            )

    def __repr__(self) -> str:
        return f"CameraPath({self.kind}, {len(self.zoom)} frames, {len(self.cuts)} cuts)"

    @classmethod
    def still(cls, frames: int, kind: CameraKind = "still") -> CameraPath:
        turns = np.tile(np.eye(3), (frames, 1, 1))
        return cls(kind, turns, np.ones(frames), np.full(frames, float(kind == "still")))

    @property
    def moves(self) -> bool:
        return self.kind in ("turns", "travels")

    def at(self, frames: slice | np.ndarray) -> CameraPath:
        chosen = np.arange(len(self.zoom))[frames].tolist()
        cuts = tuple(i for i, frame in enumerate(chosen) if i and frame in self.cuts)
        return CameraPath(
            self.kind, self.turns[frames], self.zoom[frames], self.quality[frames], cuts
        )
