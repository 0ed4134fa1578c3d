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

CUTOFF_HZ = 6.0  # as Sports2D and Pose2Sim have it

UNITS: tuple[Units, ...] = ("cm", "m")
UPS: tuple[Up, ...] = ("y", "z")
SPACES: tuple[Space, ...] = ("world", "camera")

PER_METRE: dict[Units, float] = {"mm": 1000.0, "cm": 100.0, "m": 1.0}
WORDS: dict[Units, str] = {"mm": "millimetres", "cm": "centimetres", "m": "metres"}


@dataclass(frozen=True)
class ExportSettings:
    """How poses are exported; each format keeps to it or says that it cannot.

    Args:
        units: of lengths; None: the format's own.
        up: the axis that points up; None: the format's own.
        people: ids of those who are exported; none: everybody.
        raw: movement is measured on the joints as they are, without a low-pass.
    """

    units: Units | None = None
    up: Up | None = None
    people: tuple[int, ...] = ()
    raw: bool = False

    def __post_init__(self) -> None:
        """Raises: UnknownName, ValueError."""
        if self.units not in (None, *UNITS):
            raise UnknownName("unit", str(self.units), UNITS)
        if self.up not in (None, *UPS):
            raise UnknownName("axis that points up", str(self.up), UPS)

    @property
    def cutoff_hz(self) -> float | None:
        """Of the low-pass that movement is measured behind; None: there is none."""
        return None if self.raw else CUTOFF_HZ


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
