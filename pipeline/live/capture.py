"""Pictures taken in by a thread, and only the newest kept: what is late is not looked at.

The delay cannot grow: a picture that nobody took when the next one comes is dropped, and
counted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from poselift.data.errors import VideoError
from poselift.pipeline.live.sources import Size, Source

# Seconds between attempts to get a lost source again, twice as many each time; and how long.
FIRST_PAUSE_S, LONGEST_PAUSE_S, GIVE_UP_S = 0.5, 8.0, 60.0
# A source's clock that is so far off from ours has jumped.
JUMP_S = 1.0
# One that drifts is followed where it is further off, by so much of the rest with each picture.
DRIFT_S, DRIFT_SHARE = 0.25, 0.01
# Waits end by themselves, too: an end can be told between a look and a wait.
WAIT_S = 0.5
CLOSE_S = 1.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Picture:
    """The newest picture.

    Args:
        time_s: when it was taken, from the first picture, always rising.
        came_s: when it came, by time.monotonic().
        rgb: see Shot.
        dropped: pictures of the source, until now, that nobody took.
    """

    time_s: float
    came_s: float
    rgb: Callable[[], tuple[np.ndarray, Size]]
    dropped: int


class Mailbox:
    """Room for one picture; a newer one takes its place."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._picture: tuple[float, float, Callable[[], tuple[np.ndarray, Size]]] | None = None
        self._dropped = 0
        self._ended = False
        self._error: VideoError | None = None

    def put(self, time_s: float, came_s: float, rgb: Callable[[], tuple[np.ndarray, Size]]) -> None:
        with self._changed:
            self._dropped += self._picture is not None
            self._picture = time_s, came_s, rgb
            self._changed.notify()

    def end(self, error: VideoError | None = None) -> None:
        """No more pictures come."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify()

    def take(self, timeout_s: float = WAIT_S) -> Picture | None:
        """The newest picture, once; None: none came in that time, or ever will (see `ended`).

        Raises: VideoError: why no more come.
        """
        with self._changed:
            if self._picture is None and not self._ended:
                self._changed.wait(timeout_s)
            if self._picture is not None:
                taken, self._picture = self._picture, None
                return Picture(*taken, self._dropped)
            if self._error is not None:
                raise self._error
            return None

    @property
    def ended(self) -> bool:
        with self._changed:
            return self._ended and self._picture is None


class SourceClock:
    """A source's clock by ours: from the first picture, always rising, without its jumps."""

    def __init__(self) -> None:
        self._first_s: float | None = None
        self._last_s = -1.0
        self._offset_s = 0.0

    def time_of(self, clock_s: float | None, came_s: float, *, exact: bool = False) -> float:
        """Seconds from the first picture to one that came now. `exact`: see Shot."""
        if self._first_s is None:
            self._first_s = came_s
            self._offset_s = -(clock_s or 0.0)
        ours = came_s - self._first_s
        if clock_s is None:
            told = ours
        else:
            told = clock_s + self._offset_s if exact else self._by_ours(clock_s, ours)
        self._last_s = max(told, self._last_s + 1e-3)
        return self._last_s

    def _by_ours(self, clock_s: float, ours: float) -> float:
        """Without its drift and its jumps."""
        told = clock_s + self._offset_s
        off = ours - told
        told += DRIFT_SHARE * (off - float(np.clip(off, -DRIFT_S, DRIFT_S)))
        if abs(told - ours) > JUMP_S or told <= self._last_s:
            told = max(ours, self._last_s + 1e-3)
        self._offset_s = told - clock_s
        return told


class Capture:
    """A source's pictures, taken in by a thread; use it in `with`.

    Args:
        say: told when the source is lost, and when it is back.
    """

    def __init__(self, source: Source, say: Say = lambda text: None) -> None:
        self._source, self._say = source, say
        self.mailbox = Mailbox()
        self._stop = threading.Event()
        self._clock = SourceClock()
        self._last_came_s: float | None = None
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    def __enter__(self) -> Capture:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        # One that waits for a stream ends with that wait; nothing is lost by going on.
        self._thread.join(CLOSE_S)

    def __iter__(self) -> Iterator[Picture | None]:
        """The newest picture again and again, until the source ends; None where none came for
        a while. Raises: VideoError.
        """
        while not self.mailbox.ended:
            yield self.mailbox.take()
        self.mailbox.take()  # raises what it ended of

    def _run(self) -> None:
        error: VideoError | None = None
        try:
            pause_s = FIRST_PAUSE_S
            while not self._stop.is_set():
                before = self._last_came_s
                error = self._once()
                if self._stop.is_set() or not self._source.lasting or self._last_came_s is None:
                    return
                if self._last_came_s != before:
                    pause_s = FIRST_PAUSE_S
                    self._say(f"{self._source.name}: lost; trying to get it again")
                elif time.monotonic() - self._last_came_s > GIVE_UP_S:
                    error = VideoError(
                        f"{self._source.name}: lost, and not back for {GIVE_UP_S:.0f} s. Check "
                        "the connection, and start again."
                    )
                    return
                self._stop.wait(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        finally:
            self.mailbox.end(error)

    def _once(self) -> VideoError | None:
        """Take in all pictures until the source ends; why it did."""
        lost = self._last_came_s is not None
        try:
            for shot in self._source.shots(self._stop):
                came_s = time.monotonic()
                if lost:
                    self._say(f"{self._source.name}: back")
                    lost = False
                self._last_came_s = came_s
                time_s = self._clock.time_of(shot.clock_s, came_s, exact=shot.exact)
                self.mailbox.put(time_s, came_s, shot.rgb)
        except VideoError as error:
            return error
        return None
