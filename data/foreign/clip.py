"""What a file of another tool says about a clip, before anything is converted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poselift.data.errors import FormatError, LayoutMismatch
from poselift.data.structures import count_of

# Nobody films longer in one go, or sees more people: larger numbers are something else.
MAX_FRAMES = 1_000_000
MAX_PEOPLE = 256
MAX_ID = 1 << 31


@dataclass(frozen=True)
class ForeignPerson:
    """One person in one frame.

    Args:
        points: (J, 3) float64 x, y, confidence in the file's own joints; NaN where the
            file has nothing.
        score: that this is a person; None when the file does not say.
        person_id: the file's own; None when it has none.
    """

    points: np.ndarray
    score: float | None = None
    person_id: int | None = None

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or self.points.shape[1] != 3:
            raise ValueError(f"keypoints of shape {self.points.shape}, expected (J, 3)")


Frames = Mapping[int, Sequence[ForeignPerson]]


@dataclass(frozen=True)
class ForeignClip:
    """A clip's people by frame number.

    Args:
        source: the file or folder, for messages.
        format: a name of poselift.data.foreign.formats.FORMATS.
        frames: the people of each frame by the file's own frame number.
        every_frame: the file lists frames without people too.
        from_one: frames are numbered from 1, whether or not the first is there.
        joints: names of the joints where the file has them.
        layout: name of the layout where the format settles it.
        normalised: x and y are shares of the picture's width and height.
        size: (width, height), pixels, and fps: where the file says so.
        times_s: when each of `frames` is shown, rising; None where the file does not say.
        name: of the video, where a file holds several.
        id_names: what the file calls its people, where ids were made from names.
    """

    source: Path
    format: str
    frames: Frames
    every_frame: bool = False
    from_one: bool = False
    joints: tuple[str, ...] | None = None
    layout: str | None = None
    normalised: bool = False
    size: tuple[int, int] | None = None
    fps: float | None = None
    times_s: Mapping[int, float] | None = None
    name: str | None = None
    id_names: Mapping[int, str] | None = None

    def __post_init__(self) -> None:
        """Raises: FormatError: no people or impossible frames. LayoutMismatch: mixed layouts."""
        if not any(self.frames.values()):
            raise FormatError(
                f"{self.source}: shows nobody in any of its {count_of(len(self.frames), 'frame')}. "
                "Detect the people again, or check that this is the right file."
            )
        if min(self.frames) < 0 or max(self.frames) >= MAX_FRAMES:
            wrong = min(self.frames) if min(self.frames) < 0 else max(self.frames)
            raise FormatError(
                f"{self.source}: has a frame number {wrong}, outside 0 to {MAX_FRAMES - 1}. Number "
                "the frames as in the video."
            )
        first: tuple[int, int] | None = None
        for frame, people in self.frames.items():
            if len(people) > MAX_PEOPLE:
                raise FormatError(
                    f"{self.source}: frame {frame} has {len(people)} people, more than "
                    f"{MAX_PEOPLE}. Keep the ones with the best scores."
                )
            for person in people:
                first = first or (frame, len(person.points))
                if len(person.points) != first[1]:
                    raise LayoutMismatch(
                        f"{self.source}: mixed layouts: {first[1]} keypoints in frame {first[0]}, "
                        f"{len(person.points)} in frame {frame}. Import what one model made."
                    )

    @property
    def num_joints(self) -> int:
        return next(len(p.points) for people in self.frames.values() for p in people)


def frame_number(name: object) -> int:
    """The number of a frame, or the last number in a file's name without its suffix.

    Raises: ValueError: there is none.
    """
    if isinstance(name, float) and name.is_integer():
        name = int(name)
    if isinstance(name, int) and not isinstance(name, bool):
        return name
    if isinstance(name, str):
        stem = re.split(r"[/\\]", name)[-1]
        stem = re.sub(r"\.[A-Za-z]\w{0,4}$", "", stem).removesuffix("_keypoints")
        if found := re.search(r"(?<!\d)(\d{1,18})\D*$", stem, re.ASCII):
            return int(found[1])
    raise ValueError(f"{str(name)[:80]!r} has no frame number")


def person_number(value: object) -> int | None:
    """A person's id as tools write it: a number, a list that begins with one, -1 for none.

    Raises: ValueError: something else.
    """
    while isinstance(value, list) and value:
        value = value[0]
    if value is None or value == [] or value == -1:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and value.isdecimal() and len(value) < 12:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"person id {str(value)[:40]!r} is no whole number")
    if not 0 <= value < MAX_ID:
        raise ValueError(f"person id {value:.6g} is below 0 or too large")
    return value
