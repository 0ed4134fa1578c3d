"""DeepLabCut: CSV with header rows scorer, (individuals,) bodyparts, coords.

Columns are x, y and, of predictions, likelihood; the first cells of a row say the frame,
as a number or as an image's path. An empty cell is a joint that was not found.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from poselift.data.errors import FormatError
from poselift.data.foreign.clip import ForeignClip, ForeignPerson, frame_number
from poselift.data.foreign.reading import load_rows, number_in

HEADERS = ("scorer", "individuals", "bodyparts", "coords")
AXES = {"x": 0, "y": 1, "likelihood": 2}

Columns = dict[int, tuple[int, int, int]]  # column -> individual, joint, axis


def read_deeplabcut(path: Path) -> ForeignClip:
    """Raises: FormatError, LayoutMismatch."""
    rows = load_rows(path)
    header = {row[0]: row for row in rows[: len(HEADERS)] if row[0] in HEADERS}
    if not {"bodyparts", "coords"} <= set(header):
        raise FormatError(
            f"{path}: not a DeepLabCut table (no rows bodyparts and coords). Give the .csv that "
            "analyze_videos saves."
        )
    try:
        people, joints, columns = _columns(header)
        frames = _frames(rows[len(header) :], columns, len(people), len(joints))
    except ValueError as error:
        raise FormatError(f"{path}: {error}. Save DeepLabCut's predictions again.") from None
    names = dict(enumerate(people, start=1)) if "individuals" in header else None
    return ForeignClip(path, "deeplabcut", frames, True, joints=tuple(joints), id_names=names)


def is_deeplabcut(first_cell: str) -> bool:
    return first_cell == "scorer"


def _columns(header: dict[str, list[str]]) -> tuple[list[str], list[str], Columns]:
    """Individuals, body parts, and what each column holds. Raises: ValueError."""
    parts, coords = header["bodyparts"], header["coords"]
    individuals = header.get("individuals", ["person"] * len(coords))
    if not len(parts) == len(coords) == len(individuals):
        raise ValueError("its header rows differ in length")
    people: dict[str, int] = {}
    joints: dict[str, int] = {}
    columns: Columns = {}
    for column, axis in enumerate(coords):
        if axis in AXES:
            person = people.setdefault(individuals[column], len(people))
            joint = joints.setdefault(parts[column], len(joints))
            columns[column] = person, joint, AXES[axis]
    if len(set(columns.values())) < len(columns):
        raise ValueError("has a column of one body part twice")
    if not {0, 1} <= {axis for _, _, axis in columns.values()}:
        raise ValueError("has no columns x and y")
    if len(people) * len(joints) > 2 * len(columns):  # each place takes 24 bytes a row
        raise ValueError(f"has {len(people)} individuals that share hardly any body parts")
    return list(people), list(joints), columns


def _frames(
    rows: list[list[str]], columns: Columns, people: int, joints: int
) -> dict[int, list[ForeignPerson]]:
    frames: dict[int, list[ForeignPerson]] = {}
    first = min(columns)
    width = max(columns) + 1
    certain = any(axis == AXES["likelihood"] for _, _, axis in columns.values())
    places = np.array(list(columns.values())).T
    for row in rows:
        frame = frame_number(_number_or_name(next((c for c in row[first - 1 :: -1] if c), "")))
        if frame in frames:
            raise ValueError(f"has frame {frame} twice")
        if len(row) != width:
            raise ValueError(f"frame {frame} has {len(row)} columns, expected {width}")
        points = np.full((people, joints, 3), np.nan)
        if not certain:
            points[..., 2] = 1
        points[tuple(places)] = [number_in(row[column]) for column in columns]
        frames[frame] = [
            ForeignPerson(points[i], None, i + 1)
            for i in range(people)
            if not np.isnan(points[i, :, :2]).all()
        ]
    return frames


def _number_or_name(cell: str) -> int | str:
    return int(cell) if cell.isdecimal() and len(cell) < 18 else cell
