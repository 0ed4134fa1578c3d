"""A clip of many, what is to be done with it, and what became of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from poselift.data.errors import PoseliftError, one_line, told
from poselift.pipeline.batch.addresses import is_address, joined, read_bytes
from poselift.pipeline.folders.folder_record import SUMMARY

State = Literal["done", "failed", "pending"]


@dataclass(frozen=True)
class Clip:
    """One of many.

    Args:
        name: its path relative to the input that it was found in, with `/`.
        source: its path or address.
        out, folder: where results lie, and the name of this clip's folder there.
    """

    name: str
    source: str
    out: str
    folder: str

    @property
    def place(self) -> str:
        """Path or address of the folder of its results."""
        return joined(self.out, self.folder)


@dataclass(frozen=True)
class Outcome:
    """What became of a clip; its results lie in `place`, and are not in memory.

    Args:
        clip: path relative to the input, with `/`.
        source: path or address.
        place: path or address of the folder of its results.
        folder: the name of that folder.
        seconds, frames, people: None where it is not done.
        error: why it failed, in one line.
        reused: it had been done before, and nothing was run.
    """

    clip: str
    source: str
    place: str
    folder: str
    state: State
    seconds: float | None = None
    frames: int | None = None
    people: int | None = None
    error: str | None = None
    reused: bool = False

    def summary(self) -> dict[str, Any]:
        """The content of its summary.json. Raises: PoseliftError: it cannot be read."""
        content = read_bytes(joined(self.place, SUMMARY))
        summary: dict[str, Any] = json.loads(content)
        return summary

    def overlay(self) -> str | None:
        """Path of the rendered video, where one lies on this machine's file system."""
        folder = None if is_address(self.place) else Path(self.place)
        names = ("overlay.mp4", "overlay.gif") if folder else ()
        return next((str(folder / n) for n in names if folder and (folder / n).is_file()), None)


def pending(clip: Clip) -> Outcome:
    return Outcome(clip.name, clip.source, clip.place, clip.folder, "pending")


def failed(clip: Clip, error: str) -> Outcome:
    return Outcome(clip.name, clip.source, clip.place, clip.folder, "failed", error=error)


def done(
    clip: Clip, folder: str, seconds: float, frames: int, people: int, *, reused: bool = False
) -> Outcome:
    place = joined(clip.out, folder)
    numbers = (seconds, frames, people)
    return Outcome(clip.name, clip.source, place, folder, "done", *numbers, reused=reused)


def line_of(source: str, error: BaseException) -> str:
    """Why a clip failed, in one line that names it."""
    what = "" if isinstance(error, PoseliftError) else f"{one_line(source)}: "
    return what + told(error)
