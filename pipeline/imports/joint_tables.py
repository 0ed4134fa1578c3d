"""CSV, JSON and TRC of joints, as `poselift export` writes them, perhaps edited since."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from poselift.data.errors import FormatError
from poselift.data.exports.settings import WORDS, Units, Up
from poselift.data.files.memory_budget import budget_of
from poselift.data.foreign.reading import (
    entries,
    fields,
    load_json,
    load_rows,
    number_in,
    numbers_in,
)
from poselift.data.skeletons import H36M17
from poselift.data.structures import MAX_FPS, MIN_FPS
from poselift.pipeline.imports.motions import (
    LONGEST_S,
    MAX_FRAMES,
    MAX_PEOPLE,
    EditedMotion,
    person_in_name,
    up_of,
    z_up,
)

FORMAT = "poselift-export/1"
COLUMNS = ("person", "frame", "time_s", "joint")
JOINTS = H36M17.num_joints
TRC_ROWS_BEFORE_DATA = 5
MAX_ID = 1 << 40
# An array of numbers that JSON holds takes as much memory again.
POSITION_BYTES = 3 * 8 * 4


def read_csv(path: Path, units: Units | None, up: Up | None) -> list[EditedMotion]:
    """Everybody in a joints.csv.

    Args:
        units: of the positions; None: what the header says.
        up: the axis that points up; None: the one that people stand along.
    Raises: FormatError.
    """
    rows = load_rows(path)
    try:
        cells, told = _columns(rows)
        person, frame = (_wholes(cells[name], name) for name in ("person", "frame"))
        places = np.array([numbers_in(cells[axis]) for axis in "xyz"]).T
        times_s = np.array(numbers_in(cells["time_s"]))
        marks = cells.get("interpolated", ["0"] * len(person))
        unseen = np.array(_wholes(marks, "interpolated"), bool)
        joint = np.array([_joint(name) for name in cells["joint"]])
        if len(set(person.tolist())) > MAX_PEOPLE:
            raise ValueError(f"has more than {MAX_PEOPLE} people")
        # One row a joint, the joints of a frame side by side.
        order = np.lexsort((joint, frame, person))
        person, frame, joint = person[order], frame[order], joint[order]
        if len(joint) % JOINTS or (joint.reshape(-1, JOINTS) != np.arange(JOINTS)).any():
            raise ValueError(f"has people without exactly one row for each of {JOINTS} joints")
        person, frame = person.reshape(-1, JOINTS), frame.reshape(-1, JOINTS)
        if (person != person[:, :1]).any() or (frame != frame[:, :1]).any():
            raise ValueError(f"has people without exactly one row for each of {JOINTS} joints")
        points = places[order].reshape(-1, JOINTS, 3)
        times_s, unseen = (values[order].reshape(-1, JOINTS)[:, 0] for values in (times_s, unseen))
    except ValueError as error:
        raise _not(path, "a joints.csv of poselift export", error) from None
    world = z_up(points, units or told, up or up_of(points))
    people = person[:, 0]
    return [
        EditedMotion(path, who, frame[rows_, 0], times_s[rows_], world[rows_], unseen[rows_])
        for who in sorted(set(people.tolist()))
        for rows_ in (people == who,)
    ]


def read_json(path: Path, units: Units | None, up: Up | None) -> list[EditedMotion]:
    """Everybody in a poses.json. Args: see read_csv. Raises: FormatError."""
    content = load_json(path)
    try:
        told = fields(content, "an object")
        if told.get("format") != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        own_units, own_up = _axes(told)
        units, up = units or own_units, up or own_up
        times_s = _array(told.get("frame_times_s"), 1)
        joints = [str(name) for name in entries(told.get("joints"), "joints")]
        order = [_place(joints, name) for name in H36M17.joints]
        people = entries(told.get("people"), "people")
        if not 0 < len(people) <= MAX_PEOPLE:
            raise ValueError(f"has {len(people)} people")
        fps = float(_array([told.get("fps")], 1)[0])
        if not MIN_FPS <= fps <= MAX_FPS:
            raise ValueError("does not say how many frames a second there are")
        if not (np.abs(times_s) < LONGEST_S).all() or (np.diff(times_s) <= 0).any():
            raise ValueError("has times that are none, or do not rise")
        found = [_person(path, fields(p, "a person"), times_s, order, units, up) for p in people]
    except ValueError as error:
        raise _not(path, "a poses.json of poselift export", error) from None
    return [
        EditedMotion(path, who, frames, times_s[frames], world, unseen, fps, times_s)
        for who, frames, world, unseen in found
    ]


def read_trc(path: Path, units: Units | None, up: Up | None) -> list[EditedMotion]:
    """The person of a TRC file. Args: see read_csv; up is y by default. Raises: FormatError."""
    rows = load_rows(path, "\t")
    try:
        if len(rows) <= TRC_ROWS_BEFORE_DATA or not rows[0][0].startswith("PathFileType"):
            raise ValueError("has no header and rows")
        about = dict(zip(rows[1], rows[2], strict=False))
        fps = float(about.get("DataRate", "nan"))
        if not MIN_FPS <= fps <= MAX_FPS:
            raise ValueError("its header has no DataRate")
        scale = units or _unit_called(about.get("Units", ""))
        names = [cell.strip() for cell in rows[3][2::3]]
        order = [_place(names, joint) for joint in H36M17.joints]
        columns = [2 + 3 * j + axis for j in order for axis in range(3)]
        data = rows[TRC_ROWS_BEFORE_DATA:]
        frames = _wholes([row[0] for row in data], "Frame#") - 1
        times_s = np.array([number_in(row[1]) for row in data])
        points = np.array([[number_in(row[column]) for column in columns] for row in data])
        if np.isnan(points).any():
            raise ValueError(f"frame {int(frames[np.isnan(points).any(1)][0]) + 1} has empty cells")
        points = points.reshape(len(data), JOINTS, 3)
        if (np.diff(frames) <= 0).any() or frames[0] < 0:
            raise ValueError("its frames do not rise from 1")
    except (ValueError, IndexError) as error:
        raise _not(path, "a TRC file of poselift export", error) from None
    world = z_up(points, scale, up or "y")
    return [EditedMotion(path, person_in_name(path), frames, times_s, world, None, fps)]


def _columns(rows: list[list[str]]) -> tuple[dict[str, list[str]], Units]:
    """The cells of each column that counts, and the unit of x, y and z. Raises: ValueError."""
    header = [name.strip() for name in rows[0]]
    told = [unit for unit in WORDS if f"x_{unit}" in header]
    if len(told) != 1:
        raise ValueError("has no columns x_m, y_m and z_m")
    unit = told[0]
    wanted = {name: name for name in COLUMNS} | {axis: f"{axis}_{unit}" for axis in "xyz"}
    if "interpolated" in header:
        wanted["interpolated"] = "interpolated"
    missing = [name for name in wanted.values() if name not in header]
    if missing:
        raise ValueError(f"has no column {missing[0]}")
    if any(len(row) < len(header) for row in rows) or len(rows) < 2:
        raise ValueError("has no rows, or some that break off")
    return {
        name: [row[header.index(column)] for row in rows[1:]] for name, column in wanted.items()
    }, unit


def _unit_called(name: str) -> Units:
    """Raises: ValueError: none of ours."""
    for unit in WORDS:
        if unit == name.strip().lower():
            return unit
    raise ValueError(f"its Units are {name[:20]!r}, none of {', '.join(WORDS)}")


def _wholes(cells: Sequence[str], what: str) -> np.ndarray:
    """(N,) int64, 0 or more. Raises: ValueError."""
    values = np.array(numbers_in(cells))
    limit = MAX_ID if what == "person" else MAX_FRAMES
    if not ((values >= 0) & (values <= limit) & (values == np.floor(values))).all():
        raise ValueError(f"has a {what} that is no whole number from 0 to {limit}")
    return values.astype(np.int64)


def _joint(name: str) -> int:
    """Raises: ValueError."""
    if name.strip() not in H36M17.joints:
        raise ValueError(f"has a joint {name[:40]!r}, none of {', '.join(H36M17.joints)}")
    return H36M17.joints.index(name.strip())


def _place(names: Sequence[str], joint: str) -> int:
    """Where a joint stands among those of a file. Raises: ValueError: not once."""
    if names.count(joint) != 1:
        raise ValueError(f"does not have the joint {joint} once")
    return names.index(joint)


def _axes(told: dict[str, Any]) -> tuple[Units, Up]:
    """Raises: ValueError: other units or axes than exports have."""
    units = next((unit for unit, word in WORDS.items() if word == told.get("units")), None)
    axes = told.get("axes")
    if units is None or not isinstance(axes, str):
        raise ValueError("does not say its units and axes")
    if "camera at the origin" in axes:
        raise ValueError("is as the camera sees it; export it with --space world")
    return units, "y" if "y up" in axes else "z"


def _array(value: Any, dimensions: int) -> np.ndarray:
    """Numbers in nested lists. Raises: ValueError: something else, or ragged."""
    try:
        found = np.array(value, np.float64)
    except (TypeError, OverflowError, ValueError):  # ragged, or no numbers
        found = np.zeros((0,) * (dimensions + 1))
    if found.ndim != dimensions:
        raise ValueError("has something else where numbers belong")
    return found


def _person(
    path: Path,
    told: dict[str, Any],
    times_s: np.ndarray,
    order: list[int],
    units: Units,
    up: Up,
) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """Id, frames, places and which frames are interpolated. Raises: ValueError."""
    points = _array(told.get("positions"), 3)
    budget_of(path).spend(points.size * POSITION_BYTES, "positions")
    if points.shape[1:] != (len(order), 3) or not len(points):
        raise ValueError(f"has positions of shape {points.shape}")
    who, first = (_whole(told.get(name), name) for name in ("id", "first_frame"))
    frames = first + np.arange(len(points))
    if frames[-1] >= len(times_s):
        raise ValueError(f"has {len(times_s)} times, but a frame {frames[-1]} of person {who}")
    unseen = _array(told.get("interpolated_frames", []), 1)
    return who, frames, z_up(points[:, order], units, up), np.isin(frames, unseen)


def _whole(value: Any, what: str) -> int:
    """Raises: ValueError."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_ID:
        raise ValueError(f"has a person whose {what} is no whole number")
    return value


def _not(path: Path, what: str, error: Exception) -> FormatError:
    said = str(error)[:300]
    return FormatError(f"{path}: not {what} ({said}). Export it again.")
