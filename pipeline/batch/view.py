"""How far many clips are: one bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from tqdm import tqdm

from poselift.data.errors import one_line
from poselift.pipeline.progress import PLAIN_INTERVAL_S

_SHOWN = 4  # clips at work that are named; of more, their number


class View:
    """What many clips report to. Keys are of those who work, names of what they work on."""

    def begin(self, total: int) -> None:
        """So many clips are to be done."""

    def at(self, key: int, clip: str, stage: str, done: int, total: int | None) -> None:
        """Somebody is so far with a clip."""

    def rest(self, key: int) -> None:
        """Somebody has no clip now."""

    def ended(self, *, good: bool) -> None:
        """A clip is over."""

    def say(self, line: str) -> None:
        """What the user should know."""

    def close(self) -> None:
        """All is over."""


class Shown(View):
    """On a stream: a bar where it is a terminal, else lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: tqdm[None] | None = None
        self._at: dict[int, str] = {}
        self._ended = self._failed = self._total = 0
        self._spoken = time.monotonic()

    def begin(self, total: int) -> None:
        self._total = total
        if self._stream.isatty():
            self._bar = tqdm(total=total, unit=" clips", file=self._stream, leave=False)

    def at(self, key: int, clip: str, stage: str, done: int, total: int | None) -> None:
        far = f"{done}/{total}" if total else str(done)
        self._at[key] = f"{one_line(clip)} {stage} {far}"
        self._show()

    def rest(self, key: int) -> None:
        self._at.pop(key, None)

    def ended(self, *, good: bool) -> None:
        self._ended += 1
        self._failed += not good
        if self._bar is not None:
            self._bar.update()
        self._show()

    def say(self, line: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        print(one_line(line), file=self._stream, flush=True)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _show(self) -> None:
        at = list(self._at.values())
        named = "; ".join(at[:_SHOWN]) + (f"; {len(at) - _SHOWN} more" if at[_SHOWN:] else "")
        if self._bar is not None:
            self._bar.set_postfix_str(named)
            return
        now = time.monotonic()
        if now - self._spoken < PLAIN_INTERVAL_S:
            return
        self._spoken = now
        failed = f", {self._failed} failed" if self._failed else ""
        self.say(f"{self._ended} of {self._total} clips{failed}" + (f": {named}" if named else ""))


def view_for(*, quiet: bool = False) -> View:
    """Reports go to standard error, so that results can be piped."""
    return View() if quiet else Shown(sys.stderr)
