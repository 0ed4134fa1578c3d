"""DeepLabCut: CSV, or pandas' table in HDF5, with headers scorer, (individuals,) bodyparts, coords.

Columns are x, y and, of predictions, likelihood; the first cells of a row say the frame,
as a number or as an image's path. An empty cell is a joint that was not found.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from poselift.data.errors import FormatError
from poselift.data.files.guarded_reader import GuardedReader
from poselift.data.foreign.clip import ForeignClip, ForeignPerson, frame_number
from poselift.data.foreign.reading import MAX_FILE_BYTES, content_of, load_rows, numbers_in

INDIVIDUALS = "individuals"
HEADERS = ("scorer", INDIVIDUALS, "bodyparts", "coords")
HDF5 = (".h5", ".hdf5")
AXES = {"x": 0, "y": 1, "likelihood": 2}

Columns = dict[int, tuple[int, int, int]]  # column -> individual, joint, axis
# The header rows, the rows' names where values begin in a column, and a column's numbers.
Table = tuple[dict[str, list[str]], Callable[[int], list[str]], Callable[[int], list[float]]]


def read_deeplabcut(path: Path) -> ForeignClip:
    """Raises: FormatError, LayoutMismatch; MissingDependency: HDF5 without h5py."""
    header, names, cells = _hdf5(path) if path.suffix.lower() in HDF5 else _csv(path)
    if not {"bodyparts", "coords"} <= set(header):
        raise FormatError(
            f"{path}: not a DeepLabCut table (no bodyparts and coords). Give the .csv or .h5 "
            "that analyze_videos saves."
        )
    try:
        people, joints, columns = _columns(header)
        frames_named = names(min(columns))
        values = np.array([cells(column) for column in columns]).T
        frames = _frames(frames_named, values, columns, len(people), len(joints))
    except ValueError as error:
        raise FormatError(f"{path}: {error}. Save DeepLabCut's predictions again.") from None
    told = dict(enumerate(people, start=1)) if "individuals" in header else None
    return ForeignClip(path, "deeplabcut", frames, True, joints=tuple(joints), id_names=told)


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


def _csv(path: Path) -> Table:
    rows = load_rows(path)
    header = {row[0]: row for row in rows[: len(HEADERS)] if row[0] in HEADERS}
    body = rows[len(header) :]
    width = len(header.get("coords", ()))

    def cells(column: int) -> list[float]:
        return numbers_in(row[column] for row in body)

    def names(first: int) -> list[str]:
        for row in body:
            if len(row) != width:
                raise ValueError(f"frame {row[0]} has {len(row)} columns, expected {width}")
        return [next((cell for cell in row[first - 1 :: -1] if cell), "") for row in body]

    return header, names, cells


def _hdf5(path: Path) -> Table:
    """Read in a process of its own: a damaged file may crash the library."""
    with GuardedReader() as read:
        values, index, columns = read("frame", str(path), content_of(path, MAX_FILE_BYTES))
    levels = (
        HEADERS if len(columns) == len(HEADERS) else tuple(h for h in HEADERS if h != INDIVIDUALS)
    )
    header = dict(zip(levels, columns.tolist(), strict=False))
    return header, lambda _first: index.tolist(), lambda column: values[:, column].tolist()


def _frames(
    names: list[str], values: np.ndarray, columns: Columns, people: int, joints: int
) -> dict[int, list[ForeignPerson]]:
    """Args: names: of the rows, (T,); values: (T, len(columns))."""
    frames: dict[int, list[ForeignPerson]] = {}
    certain = any(axis == AXES["likelihood"] for _, _, axis in columns.values())
    places = tuple(np.array(list(columns.values())).T)
    for name, row in zip(names, values, strict=True):
        frame = frame_number(_number_or_name(name))
        if frame in frames:
            raise ValueError(f"has frame {frame} twice")
        points = np.full((people, joints, 3), np.nan)
        if not certain:
            points[..., 2] = 1
        points[places] = row
        frames[frame] = [
            ForeignPerson(points[i], None, i + 1)
            for i in range(people)
            if not np.isnan(points[i, :, :2]).all()
        ]
    return frames


def _number_or_name(cell: str) -> int | str:
    return int(cell) if cell.isdecimal() and len(cell) < 18 else cell
