"""A producer in a thread: same items, same errors, and an end."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from poselift.pipeline.clip.stages import prefetched


def test_same_items_in_order() -> None:
    assert list(prefetched(range(100), ahead=3)) == list(range(100))
    assert list(prefetched([])) == []


def test_errors_come_after_the_items_before_them() -> None:
    def broken() -> Iterator[int]:
        yield 1
        yield 2
        raise KeyError("three")

    got = []
    with pytest.raises(KeyError, match="three"):
        for item in prefetched(broken()):
            got.append(item)
    assert got == [1, 2]


def test_runs_no_further_ahead_than_asked_and_stops_when_closed() -> None:
    made: list[int] = []

    def endless() -> Iterator[int]:
        n = 0
        while True:
            made.append(n)
            yield n
            n += 1

    items = prefetched(endless(), ahead=3)
    assert [next(items) for _ in range(5)] == [0, 1, 2, 3, 4]
    items.close()
    assert len(made) <= 5 + 3 + 2
    assert not [t for t in threading.enumerate() if t.name.startswith("prefetch")]
