"""A frame as JSON: what goes to standard output, into datagrams and to the page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from poselift.inference.live.frames import LiveFrame, LivePerson

FORMAT = "poselift-live-1"


def table_of(frame: LiveFrame) -> dict[str, Any]:
    """A frame's people as plain JSON values, metres to the millimetre, pixels to a tenth."""
    return head_of(frame) | {"people": [person_table(person) for person in frame.people]}


def head_of(frame: LiveFrame) -> dict[str, Any]:
    """What is true of all people in it."""
    return {
        "format": FORMAT,
        "frame": frame.index,
        "time_s": round(frame.time_s, 4),
        "age_ms": round(1000 * frame.age_s, 1),
        "dropped": frame.dropped,
        "width": frame.width,
        "height": frame.height,
        "up": _rounded(frame.up, 4),
        "settled": frame.settled,
    }


def person_table(person: LivePerson) -> dict[str, Any]:
    return {
        "id": person.person_id,
        "seen": person.seen,
        "score": round(person.score, 3),
        "xy": _rounded(person.xy, 1),
        "confidence": _rounded(person.confidence, 2),
        "pose": _rounded(person.pose, 3),
        "trajectory": None if person.trajectory is None else _rounded(person.trajectory, 3),
        "world": _rounded(person.world, 3),
    }


def line_of(value: Any) -> str:
    """One line of JSON. Raises: ValueError: NaN or infinity."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def datagrams_of(frame: LiveFrame, largest: int) -> Iterator[bytes]:
    """The frame in as many datagrams as it takes: each whole JSON, `part` from 0 of `parts`.

    Args:
        largest: bytes; people are put together while they fit. One person fits in 1,400.
    """
    head = head_of(frame)
    room = largest - len(line_of(head | {"part": 10, "parts": 10, "people": []}))
    groups: list[list[str]] = [[]]
    for person in map(line_of, map(person_table, frame.people)):
        if groups[-1] and sum(map(len, groups[-1])) + len(groups[-1]) + len(person) > room:
            groups.append([])
        groups[-1].append(person)
    for part, group in enumerate(groups):
        start = line_of(head | {"part": part, "parts": len(groups)})
        yield f'{start[:-1]},"people":[{",".join(group)}]}}'.encode()


def _rounded(values: np.ndarray, digits: int) -> Any:
    return np.round(values.astype(float), digits).tolist()
