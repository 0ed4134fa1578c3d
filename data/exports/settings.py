"""What an export is asked to be like, and the axes and units that a file then has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from poselift.data.errors import UnknownName

if TYPE_CHECKING:
    import numpy as np

Units = Literal["mm", "cm", "m"]
Up = Literal["y", "z"]
Space = Literal["world", "camera"]
Names = Literal["mixamo", "h36m", "unreal", "vrm"]

CUTOFF_HZ = 6.0  # as Sports2D and Pose2Sim have it

UNITS: tuple[Units, ...] = ("cm", "m")
UPS: tuple[Up, ...] = ("y", "z")
SPACES: tuple[Space, ...] = ("world", "camera")
NAMES: tuple[Names, ...] = ("mixamo", "h36m", "unreal", "vrm")
MIN_FPS, MAX_FPS = 0.1, 1000.0

PER_METRE: dict[Units, float] = {"mm": 1000.0, "cm": 100.0, "m": 1.0}
WORDS: dict[Units, str] = {"mm": "millimetres", "cm": "centimetres", "m": "metres"}


@dataclass(frozen=True)
class ExportSettings:
    """How poses are exported; each format keeps to it or says that it cannot.

    Args:
        units: of lengths; None: the format's own.
        up: the axis that points up; None: the format's own.
        space: `world`, with its floor, or `camera`: as the camera sees it, which is the origin;
            up is then what is up in the picture.
        fps: frames a second, evenly from the clip's first; None: the clip's own frames.
        in_place: everybody stays above the origin; heights are kept.
        people: ids of those who are exported; none: everybody.
        names: of a rig's joints, and who their parents are (see naming).
        smooth_hz: what moves faster is taken out of the joints' paths, before rigs are made
            of them, by a Butterworth filter of second order, run forwards and backwards.
        blender: the program that makes FBX; None: $BLENDER, or `blender` on the path.
        raw: movement is measured on the joints as they are; else behind a low-pass, of
            `smooth_hz` or of CUTOFF_HZ.
    """

    units: Units | None = None
    up: Up | None = None
    space: Space = "world"
    fps: float | None = None
    in_place: bool = False
    people: tuple[int, ...] = ()
    names: Names = "mixamo"
    smooth_hz: float | None = None
    blender: str | None = None
    raw: bool = False

    def __post_init__(self) -> None:
        """Raises: UnknownName, ValueError."""
        if self.units not in (None, *UNITS):
            raise UnknownName("unit", str(self.units), UNITS)
        if self.up not in (None, *UPS):
            raise UnknownName("axis that points up", str(self.up), UPS)
        if self.space not in SPACES:
            raise UnknownName("space", str(self.space), SPACES)
        if self.names not in NAMES:
            raise UnknownName("names of joints", str(self.names), NAMES)
        if self.fps is not None and not MIN_FPS <= self.fps <= MAX_FPS:
            raise ValueError(f"fps is a number from {MIN_FPS} to {MAX_FPS:g}, not {self.fps:g}")
        if self.smooth_hz is not None and not 0 < self.smooth_hz < MAX_FPS:
            raise ValueError(f"smooth is a frequency in Hz, not {self.smooth_hz:g}")
        if self.in_place and self.space == "camera":
            raise ValueError("in place is above a floor, which the camera's space has none of")
        if self.raw and self.smooth_hz is not None:
            raise ValueError("raw is without the smoothing that is asked for")

    @property
    def cutoff_hz(self) -> float | None:
        """Of the low-pass that movement is measured behind; None: there is none."""
        return None if self.raw else self.smooth_hz or CUTOFF_HZ


@dataclass(frozen=True)
class Axes:
    """Of a file: what its numbers mean."""

    units: Units = "m"
    up: Up = "y"
    space: Space = "world"

    @property
    def scale(self) -> float:
        """Units in a metre."""
        return PER_METRE[self.units]

    @property
    def text(self) -> str:
        """In words, for the files that can hold some."""
        floor = "" if self.space == "camera" else f", the floor at {self.up} = 0"
        way = "x right, y up, z towards the camera"
        if self.up == "z":
            way = "x right, y away from the camera, z up"
        return way + (", the camera at the origin" if self.space == "camera" else floor)

    def points(self, world: np.ndarray) -> np.ndarray:
        """(..., 3) metres with x right, y away, z up, as the file has them."""
        import numpy as np

        places = np.asarray(world, float)
        if self.up == "y":
            places = np.stack([places[..., 0], places[..., 2], -places[..., 1]], -1)
        return places * self.scale
