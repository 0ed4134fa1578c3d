"""A session: frames to all outputs, and at its end what it came to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass

import numpy as np

from poselift.data.structures import count_of
from poselift.inference.live.frames import LiveFrame
from poselift.pipeline.live.outputs import Output

# Ages of so many of the last frames are kept.
MOST_AGES = 100_000


@dataclass(frozen=True)
class LiveSummary:
    """What a session came to.

    Args:
        frames: that were looked at. dropped: that were not.
        seconds: from the first to the last, by the source's clock.
        age_median_ms, age_p95_ms: how old a frame was when its people were known.
        people: ids that were given.
    """

    frames: int
    dropped: int
    seconds: float
    age_median_ms: float
    age_p95_ms: float
    people: int

    def __str__(self) -> str:
        if not self.frames:
            return "no picture came"
        rate = f", {(self.frames - 1) / self.seconds:.1f} a second" if self.seconds > 0 else ""
        return (
            f"{count_of(self.frames, 'frame')}{rate}, {self.dropped} dropped, "
            f"{count_of(self.people, 'person')}; {self.age_median_ms:.0f} ms old "
            f"({self.age_p95_ms:.0f} ms at 95 %)"
        )


def watch_into(
    frames: Iterator[LiveFrame | None],
    outputs: Sequence[Output],
    ended: Callable[[], bool] = lambda: False,
) -> LiveSummary:
    """Give every frame to every output until there are no more, or it is to end.

    Outputs are closed whatever happens; an error of one does not keep others open. Ctrl-C is an
    end like another.
    Raises: VideoError, OutputError.
    """
    counted = _Counted()
    with ExitStack() as stack:
        for output in outputs:
            stack.callback(output.close)
        if hasattr(frames, "close"):
            stack.enter_context(closing(frames))  # type: ignore[type-var]
        with suppress(KeyboardInterrupt):
            for frame in frames:
                if frame is not None:
                    counted.add(frame)
                    for output in outputs:
                        output.send(frame)
                if ended():
                    break
    return counted.summary()


class _Counted:
    def __init__(self) -> None:
        self._ages: deque[float] = deque(maxlen=MOST_AGES)
        self._frames = self._people = 0
        self._first: LiveFrame | None = None
        self._last: LiveFrame | None = None

    def add(self, frame: LiveFrame) -> None:
        self._frames += 1
        self._first = self._first or frame
        self._last = frame
        self._ages.append(1000 * frame.age_s)
        self._people = max([self._people, *(person.person_id for person in frame.people)])

    def summary(self) -> LiveSummary:
        if self._first is None or self._last is None:
            return LiveSummary(0, 0, 0.0, 0.0, 0.0, 0)
        ages = np.array(self._ages)
        return LiveSummary(
            frames=self._frames,
            dropped=self._last.dropped,
            seconds=self._last.time_s - self._first.time_s,
            age_median_ms=float(np.median(ages)),
            age_p95_ms=float(np.percentile(ages, 95)),
            people=self._people,
        )
