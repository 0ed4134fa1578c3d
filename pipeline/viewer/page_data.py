"""A clip's people as the page holds them: a table in JSON, and all numbers in one packed text.

Positions are whole numbers of a small unit, and only those of a person's life span. What is
stored of each is the change from frame to frame (2D), or the change of that change (3D), low
bytes before high ones, deflated: 20 people over four minutes take some 12 MB.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from poselift.data.errors import FormatError
from poselift.data.skeletons import Skeleton
from poselift.data.structures import Keypoints2D, Poses3D, Tracks, count_of
from poselift.inference.people.quality import Finding, Findings, all_findings
from poselift.pipeline.viewer.page_camera import camera_of

PIXEL, METRE = 0.2, 0.001  # the finest units
LARGEST = 32767
CONFIDENCE_STEPS = 15
FILLED = 16  # added to a joint's confidence where it was filled in


def page_data(
    tracks: Tracks, poses: Poses3D, findings: Findings | None = None
) -> tuple[dict[str, Any], str]:
    """(table of plain JSON values, packed numbers in base64); see page_data.js.

    Args:
        findings: what is to be doubted, where that is known already.
    Raises: FormatError: the two are not of the same people and frames.
    """
    _check_together(tracks, poses)
    doubts = all_findings(tracks) if findings is None else findings
    timeline = tracks.timeline
    pixel = _unit(PIXEL, [person.xy for person in tracks.people])
    metre = _unit(METRE, [poses.world])
    rows = {int(number): row for row, number in enumerate(poses.person_id)}
    parts, people = [timeline.times_s.astype("<f8").tobytes()], []
    for person in tracks.people:
        span = person.span
        marks = np.round(person.confidence * CONFIDENCE_STEPS) + FILLED * person.interpolated
        world = poses.world[rows[person.person_id], span]
        parts += [
            _changes(_whole(person.xy[span], pixel), 1),
            _changes(_whole(world, metre), 2),
            np.ascontiguousarray(marks[span].astype(np.uint8).T).tobytes(),
            person.seen[span].astype(np.uint8).tobytes(),
        ]
        people.append(_person(person, doubts[person.person_id]))
    parts.append(b"" if (path := _path(poses)) is None else path.astype("<f4").tobytes())
    table = {
        "width": timeline.width,
        "height": timeline.height,
        "fps": timeline.fps,
        "frames": len(timeline),
        "pixel": pixel,
        "metre": metre,
        "flat": layout_table(tracks.people[0].layout),
        "solid": layout_table(poses.layout),
        "people": people,
        "camera": _camera(poses, [rows[person.person_id] for person in tracks.people]),
    }
    return table, base64.b64encode(zlib.compress(b"".join(parts), 6)).decode("ascii")


def _check_together(tracks: Tracks, poses: Poses3D) -> None:
    """Raises: FormatError."""
    if len(tracks.timeline) != len(poses.timeline):
        raise FormatError(
            f"the poses have {count_of(len(poses.timeline), 'frame')}, the keypoints "
            f"{len(tracks.timeline)}. Lift these keypoints again."
        )
    ids = [person.person_id for person in tracks.people]
    valid = {int(i): row for i, row in zip(poses.person_id, poses.valid, strict=True)}
    if set(ids) != set(valid) or any(
        (person.valid != valid[person.person_id]).any() for person in tracks.people
    ):
        raise FormatError(
            "the poses are of other people than the keypoints. Lift these keypoints again."
        )


def _unit(finest: float, arrays: list[np.ndarray]) -> float:
    """The finest unit in which the largest number still fits 16 bits."""
    largest = max((float(np.nanmax(np.abs(a))) for a in arrays if np.isfinite(a).any()), default=0)
    return max(finest, largest / LARGEST)


def _whole(values: np.ndarray, unit: float) -> np.ndarray:
    return np.round(values / unit).astype("<i2").reshape(len(values), -1)


def _changes(values: np.ndarray, times: int) -> bytes:
    """(T, K) int16 -> each column's changes from frame to frame, wrapping: bytes of 2 K T."""
    columns = np.ascontiguousarray(values.T)
    for _ in range(times):
        columns = np.diff(columns, axis=1, prepend=columns.dtype.type(0))
    halves = columns.view(np.uint8).reshape(-1, 2)
    return np.ascontiguousarray(halves.T).tobytes()


def _person(person: Keypoints2D, findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        "id": person.person_id,
        "first": person.span.start,
        "count": person.span.stop - person.span.start,
        "doubts": [
            {"text": found.text, "frames": [list(part) for part in found.stretches]}
            for found in findings
        ],
    }


def layout_table(layout: Skeleton) -> dict[str, Any]:
    return {"joints": list(layout.joints), "bones": [list(edge) for edge in layout.edges]}


def _path(poses: Poses3D) -> np.ndarray | None:
    """(T, 10) a camera's rotation to where it is in the middle of its movement, and its zoom."""
    camera = poses.camera
    if camera is None or not camera.moves or camera_of(poses) is None:
        return None
    return np.concatenate([camera.turns.reshape(-1, 9), camera.zoom[:, None]], axis=1)


def _camera(poses: Poses3D, order: list[int]) -> dict[str, Any] | None:
    camera = camera_of(poses)
    if camera is None:
        return None
    return {
        "axes": np.round(camera.axes[order], 6).tolist(),
        "places": np.round(camera.places[order], 4).tolist(),
        "prominent": [order.index(row) for row in camera.prominent],
        "moves": _path(poses) is not None,
        "cuts": poses.camera is not None and bool(poses.camera.cuts),
        "focal": camera.focal_px,
    }
