"""What long work reports to, and the one that says nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Stages begin, advance and end; what the user should know is said in between."""

    def begin(self, clip: str, stage: str, total: int | None) -> None:
        """`total` is None when the length is unknown."""
        ...

    def advance(self, frames: int = 1) -> None: ...
    def end(self) -> None: ...
    def say(self, line: str) -> None: ...


class Silent:
    """Reports nothing."""

    def begin(self, clip: str, stage: str, total: int | None) -> None:
        pass

    def advance(self, frames: int = 1) -> None:
        pass

    def end(self) -> None:
        pass

    def say(self, line: str) -> None:
        pass


@contextmanager
def reported(progress: Progress, clip: str, stage: str, total: int | None) -> Iterator[None]:
    """Begin and, come what may, end the report of a stage."""
    progress.begin(clip, stage, total)
    try:
        yield
    finally:
        progress.end()
