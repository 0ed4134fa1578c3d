"""Telling the user how far a run is: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from tqdm import tqdm

from poselift.data.progress import Progress, Silent

PLAIN_INTERVAL_S = 10.0


class TerminalBar:
    """One tqdm bar a stage: frames (or another unit), frames/s, time left."""

    def __init__(self, stream: TextIO, unit: str = "frames") -> None:
        self._stream = stream
        self._unit = unit
        self._bar: tqdm[None] | None = None

    def begin(self, clip: str, stage: str, total: int | None) -> None:
        self._bar = tqdm(
            total=total,
            desc=f"{clip}: {stage}",
            unit=f" {self._unit}",
            file=self._stream,
            leave=False,
        )

    def advance(self, frames: int = 1) -> None:
        if self._bar is not None:
            self._bar.update(frames)

    def end(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None

    def say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class PlainLines:
    """A line when a stage takes long, and one when it ends: for logs."""

    def __init__(self, stream: TextIO, unit: str = "frames") -> None:
        self._stream = stream
        self._unit = unit
        self._label = ""
        self._total: int | None = None
        self._done = 0
        self._begun = self._spoken = 0.0

    def begin(self, clip: str, stage: str, total: int | None) -> None:
        self._label, self._total, self._done = f"{clip}: {stage}", total, 0
        self._begun = self._spoken = time.monotonic()

    def advance(self, frames: int = 1) -> None:
        self._done += frames
        now = time.monotonic()
        if now - self._spoken < PLAIN_INTERVAL_S:
            return
        self._spoken = now
        rate = self._done / (now - self._begun)
        line = f"{self._label} {self._done}"
        if self._total:
            line += (
                f"/{self._total} {self._unit}, {max(0, self._total - self._done) / rate:.0f} s left"
            )
        self.say(f"{line}, {rate:.1f} {self._unit}/s")

    def end(self) -> None:
        pass

    def say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class Printing:
    """Says its lines on standard output, where scripts read them; bars are beside it."""

    def __init__(self) -> None:
        bar = progress_for()
        self.begin, self.advance, self.end = bar.begin, bar.advance, bar.end

    def say(self, line: str) -> None:
        print(line, flush=True)


def progress_for(*, quiet: bool = False, unit: str = "frames") -> Progress:
    """Reports go to standard error, so that results can be piped."""
    if quiet:
        return Silent()
    return TerminalBar(sys.stderr, unit) if sys.stderr.isatty() else PlainLines(sys.stderr, unit)
