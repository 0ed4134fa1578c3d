"""Poselift's own table of keypoints, for programs whose format is not read: CSV, a row a joint.

Columns `frame`, `joint`, and `x` and `y` in pixels or `x_share` and `y_share` of the
picture's width and height; perhaps `person`, `confidence` and `time_s`; in any order, and
others beside them. Cells are parted by commas, or by semicolons; numbers have a decimal
point or a decimal comma. A joint that was not found has empty cells, or no row.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from poselift.data.errors import FormatError
from poselift.data.foreign.clip import ForeignClip, ForeignPerson, frame_number, person_number
from poselift.data.foreign.layouts import MAX_JOINTS
from poselift.data.foreign.reading import load_rows, numbers_in

PIXELS, SHARES = ("x", "y"), ("x_share", "y_share")
COLUMNS = ("frame", "person", "joint", *PIXELS, *SHARES, "confidence", "time_s")
SPARSEST = 8  # places for a joint to each one given: more would fill the memory


def read_joint_table(path: Path) -> ForeignClip:
    """Raises: FormatError, LayoutMismatch."""
    rows = load_rows(path)
    try:
        cells = _columns(rows)
        frames = [frame_number(number) for number in numbers_in(cells["frame"])]
        people = [person_number(n) for n in numbers_in(cells.get("person", ["1"] * len(frames)))]
        times_s = _times(frames, numbers_in(cells["time_s"])) if "time_s" in cells else None
        found, joints = _people(frames, people, cells)
    except ValueError as error:
        raise FormatError(
            f"{path}: not a table of keypoints ({error}). See INFERENCE.md for its columns."
        ) from None
    return ForeignClip(
        path,
        "table",
        found,
        joints=joints,
        normalised=SHARES[0] in cells,
        fps=_rate(times_s) if times_s else None,
        times_s=times_s,
    )


def is_joint_table(header: list[str]) -> bool:
    return {"frame", "joint"} <= {name.strip().lower() for name in header}


def _columns(rows: list[list[str]]) -> dict[str, list[str]]:
    """The cells of each of COLUMNS that is there. Raises: ValueError."""
    header = [name.strip().lower() for name in rows[0]]
    known = [name for name in header if name in COLUMNS]
    if len(set(known)) < len(known):
        raise ValueError("has two columns of one name")
    given = [axes for axes in (PIXELS, SHARES) if set(axes) & set(known)]
    if len(given) != 1 or not {"frame", "joint", *given[0]} <= set(known):
        raise ValueError("needs columns frame, joint, and either x and y or x_share and y_share")
    for position, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise ValueError(f"row {position} has {len(row)} cells, expected {len(header)}")
    columns = zip(*rows[1:], strict=True) if len(rows) > 1 else ([] for _ in header)
    return {
        name: list(column) for name, column in zip(header, columns, strict=True) if name in COLUMNS
    }


def _people(
    frames: list[int], ids: list[int | None], cells: dict[str, list[str]]
) -> tuple[dict[int, list[ForeignPerson]], tuple[str, ...]]:
    """People by frame, and the names of their joints. Raises: ValueError."""
    axes = SHARES if SHARES[0] in cells else PIXELS
    values = [numbers_in(cells[axis]) for axis in axes]
    values.append(numbers_in(cells["confidence"]) if "confidence" in cells else [1.0] * len(frames))
    names = [name.strip() for name in cells["joint"]]
    order = {name: j for j, name in enumerate(dict.fromkeys(names))}
    seen = {key: i for i, key in enumerate(dict.fromkeys(zip(frames, ids, strict=True)))}
    if "" in order:
        raise ValueError("has a joint without name")
    if len(order) > MAX_JOINTS or len(seen) * len(order) > SPARSEST * len(names):
        raise ValueError(f"has {len(order)} different joints in {len(names)} rows")
    points = np.full((len(seen), len(order), 3), np.nan)
    at = [(seen[f, p], order[name]) for f, p, name in zip(frames, ids, names, strict=True)]
    filled: set[tuple[int, int]] = set()
    for frame, name, place in zip(frames, names, at, strict=True):
        if place in filled:
            raise ValueError(f"frame {frame} has the joint {name[:40]!r} twice")
        filled.add(place)
    if at:
        points[tuple(np.transpose(at))] = np.transpose(values)
    found: dict[int, list[ForeignPerson]] = {frame: [] for frame in frames}
    for (frame, person_id), person in zip(seen, points, strict=True):
        if not np.isnan(person[:, :2]).all():
            found[frame].append(ForeignPerson(person, None, person_id))
    return found, tuple(order)


def _times(frames: list[int], values: list[float]) -> dict[int, float]:
    """Seconds by frame. Raises: ValueError: they do not rise with the frames."""
    times = dict(sorted(zip(frames, values, strict=True)))
    told = np.array(list(times.values()))
    if any(times[f] != value for f, value in zip(frames, values, strict=True)):
        raise ValueError("has frames with several times, or with none")
    if not np.isfinite(told).all() or (np.diff(told) <= 0).any():
        raise ValueError("has times that do not rise from frame to frame")
    return times


def _rate(times_s: dict[int, float]) -> float | None:
    """Mean frames a second; None of a single frame."""
    first, last = min(times_s), max(times_s)
    return (last - first) / (times_s[last] - times_s[first]) if first < last else None
