"""MediaPipe's 33 landmarks as people store them in tables.

One row for each frame, with columns x0, y0, z0, v0, ..., or landmark_0_x, ..., or
NOSE_x, NOSE_y, ...; or one row for each landmark, with columns frame, landmark, x, y, z,
visibility. Landmarks may count from 0 or from 1; a column person tells people apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from poselift.data.errors import FormatError
from poselift.data.foreign.clip import ForeignClip, ForeignPerson, frame_number, person_number
from poselift.data.foreign.layouts import shipped
from poselift.data.foreign.mediapipe_json import FRAME_KEYS, LAYOUT
from poselift.data.foreign.reading import load_rows, number_in

AXES = {"x": 0, "y": 1, "v": 2, "vis": 2, "visibility": 2}
LANDMARK_COLUMNS = ("landmark_id", "landmark_index", "landmark", "landmark_name", "name")
PERSON_COLUMNS = ("person", "person_id", "pose_id")
COUNT = 33

_AXIS_FIRST = re.compile(r"(x|y|v|vis|visibility)_?(\d{1,2})")
_AXIS_LAST = re.compile(r"(?:landmark|lm|point|pose|kp)?_?(\w+)_(x|y|v|vis|visibility)")

People = dict[tuple[int, int | None], np.ndarray]


def read_mediapipe_csv(path: Path) -> ForeignClip:
    """Raises: FormatError, LayoutMismatch."""
    rows = load_rows(path)
    header = [cell.strip().lower() for cell in rows[0]]
    try:
        columns = _wide_columns(header)
        if columns is not None:
            people = _wide(rows[1:], header, columns)
        else:
            people = _long(rows[1:], header)
    except ValueError as error:
        raise FormatError(
            f"{path}: not landmarks of MediaPipe ({error}). See INFERENCE.md for what is read."
        ) from None
    frames: dict[int, list[ForeignPerson]] = {}
    for (frame, person_id), points in people.items():
        seen = frames.setdefault(frame, [])
        if not np.isnan(points[:, :2]).all():
            seen.append(ForeignPerson(points, None, person_id))
    return ForeignClip(path, "mediapipe", frames, layout=LAYOUT, normalised=True)


def is_mediapipe_table(cells: list[str]) -> bool:
    header = [cell.strip().lower() for cell in cells]
    long = {"x", "y"} <= set(header) and any(name in header for name in LANDMARK_COLUMNS)
    return long or _wide_columns(header) is not None


def _wide_columns(header: list[str]) -> dict[int, tuple[int, int]] | None:
    """column -> landmark, axis; None when there are not all landmarks."""
    names = shipped()[LAYOUT].joints
    places: dict[int, tuple[int | str, int]] = {}
    for column, name in enumerate(header):
        if found := _AXIS_FIRST.fullmatch(name):
            places[column] = int(found[2]), AXES[found[1]]
        elif found := _AXIS_LAST.fullmatch(name):
            which = int(found[1]) if found[1].isdecimal() and len(found[1]) < 3 else found[1]
            places[column] = which, AXES[found[2]]
    first = min((which for which, _ in places.values() if isinstance(which, int)), default=0)
    order = {first + j: j for j in range(COUNT)} | {name: j for j, name in enumerate(names)}
    columns = {c: (order[w], axis) for c, (w, axis) in places.items() if w in order}
    wanted = {(landmark, axis) for landmark in range(COUNT) for axis in (0, 1)}
    whole = wanted <= set(columns.values()) and len(set(columns.values())) == len(columns)
    return columns if whole else None


def _wide(rows: list[list[str]], header: list[str], columns: dict[int, tuple[int, int]]) -> People:
    people: People = {}
    certain = any(axis == 2 for _, axis in columns.values())
    for key, row in _keyed(rows, header):
        if key in people:
            raise ValueError(f"has frame {key[0]} twice")
        points = np.full((COUNT, 3), np.nan)
        if not certain:
            points[:, 2] = 1
        for column, place in columns.items():
            points[place] = number_in(row[column])
        people[key] = points
    return people


def _long(rows: list[list[str]], header: list[str]) -> People:
    names = {name: j for j, name in enumerate(shipped()[LAYOUT].joints)}
    which = next((header.index(name) for name in LANDMARK_COLUMNS if name in header), None)
    if which is None or not {"x", "y"} <= set(header):
        raise ValueError("has neither 33 columns x and y nor columns landmark, x and y")
    if not any(key in header for key in FRAME_KEYS):
        raise ValueError("has a row for each landmark and no column frame")
    counted = [int(row[which]) for row in rows if len(row) > which and row[which].isdecimal()]
    first = min(counted, default=0)
    axes = {AXES[name]: column for column, name in enumerate(header) if name in AXES}
    people: People = {}
    filled: set[tuple[int, int | None, int]] = set()
    for key, row in _keyed(rows, header):
        cell = row[which].strip().lower()
        landmark = int(cell) - first if cell.isdecimal() and len(cell) < 4 else names.get(cell, -1)
        if not 0 <= landmark < COUNT or (*key, landmark) in filled:
            raise ValueError(f"frame {key[0]} has the landmark {cell[:40]!r} twice, or it is none")
        filled.add((*key, landmark))
        points = people.setdefault(key, np.full((COUNT, 3), np.nan))
        points[landmark, 2] = 1
        for axis, column in axes.items():
            points[landmark, axis] = number_in(row[column])
    return people


def _keyed(
    rows: list[list[str]], header: list[str]
) -> Iterator[tuple[tuple[int, int | None], list[str]]]:
    """Rows with their frame, by column or by position, and person. Raises: ValueError."""
    frame_at = next((header.index(key) for key in FRAME_KEYS if key in header), None)
    person_at = next((header.index(key) for key in PERSON_COLUMNS if key in header), None)
    for position, row in enumerate(rows):
        if len(row) != len(header):
            raise ValueError(f"row {position + 2} has {len(row)} cells, expected {len(header)}")
        frame = position if frame_at is None else frame_number(_number(row[frame_at]))
        person = None if person_at is None else person_number(_number(row[person_at]))
        yield (frame, person), row


def _number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell
