"""Let a producer run ahead in a thread of its own: decoding goes on while drawing does."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class _End:
    """The producer stopped, perhaps by an error."""

    error: BaseException | None


@dataclass(frozen=True)
class _Next(Generic[Item]):
    value: Item


def prefetched(items: Iterable[Item], ahead: int = 4) -> Generator[Item, None, None]:
    """The same items in the same order, at most `ahead` of them made in advance.

    An error of the producer is raised here, after the items before it. Closing the
    generator (or leaving its loop) stops the producer.
    """
    ready: queue.Queue[_Next[Item] | _End] = queue.Queue(ahead)
    stop = threading.Event()

    def produce() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                if not _put(ready, _Next(item), stop):
                    return
        except BaseException as raised:  # handed over, not swallowed
            error = raised
        _put(ready, _End(error), stop)

    thread = threading.Thread(target=produce, name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            entry = ready.get()
            if isinstance(entry, _End):
                if entry.error is not None:
                    raise entry.error
                return
            yield entry.value
    finally:
        stop.set()
        thread.join()


def _put(
    ready: queue.Queue[_Next[Item] | _End], entry: _Next[Item] | _End, stop: threading.Event
) -> bool:
    """False when nobody waits for it any more."""
    while not stop.is_set():
        try:
            ready.put(entry, timeout=0.1)
        except queue.Full:
            continue
        return True
    return False
