"""Ultralytics' poses: labels, a .txt for each frame, and results as JSON.

A label's row is class, box (4 shares of the picture), x and y (shares) and perhaps a mark or
confidence for each keypoint, then perhaps the box's confidence, then perhaps the track.
A result is {"name": "person", "class": 0, "confidence": .., "track_id": .., "keypoints":
{"x": [..], "y": [..], "visible": [..]}}; JSON holds those of a frame, or a list of frames.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np

from poselift.data.errors import FormatError
from poselift.data.foreign.clip import ForeignClip, ForeignPerson, person_number
from poselift.data.foreign.reading import (
    MAX_FRAME_BYTES,
    certainty,
    content_of,
    entries,
    fields,
    frame_files,
    load_json,
    numbers,
    optional_number,
)

PERSON = 0
LABELS = ".txt"
# Lists of classes, which label tools put beside the labels.
NOT_LABELS = ("classes.txt", "labels.txt", "obj.names.txt")
BOX = 5  # class, x, y, width, height
USUAL_JOINTS = 17
LARGEST_SHARE = 3.0


def read_ultralytics(path: Path) -> ForeignClip:
    """Labels or JSON, of a folder or of one file. Raises: FormatError, LayoutMismatch."""
    if not path.is_dir():
        return _labels(path, {0: path}) if path.suffix.lower() == LABELS else _json(path)
    if labels_of(path):
        return _labels(path, dict(frame_files(path, LABELS, NOT_LABELS)))
    files = dict(frame_files(path, ".json"))
    frames = {n: load_json(file, MAX_FRAME_BYTES) for n, file in files.items()}
    return _clip(path, {n: _results(path, n, frame) for n, frame in frames.items()}, True)


def labels_of(folder: Path) -> bool:
    """Whether a folder holds labels."""
    return any(p.suffix.lower() == LABELS and p.name not in NOT_LABELS for p in folder.iterdir())


def is_ultralytics(content: Any) -> bool:
    """The results of a frame with somebody, or a list of frames of which one has."""
    if not isinstance(content, list):
        return False
    first = next((entry for entry in content if entry not in ([], {})), None)
    while isinstance(first, list) and first:
        first = first[0]
    keypoints = first.get("keypoints") if isinstance(first, dict) else None
    return isinstance(keypoints, dict) and {"x", "y"} <= set(keypoints)


def _json(path: Path) -> ForeignClip:
    content = load_json(path)
    nested = isinstance(content, list) and all(isinstance(frame, list) for frame in content)
    frames = content if nested and content else [content]
    return _clip(path, {t: _results(path, t, frame) for t, frame in enumerate(frames)}, True)


def _clip(path: Path, frames: dict[int, list[ForeignPerson]], every_frame: bool) -> ForeignClip:
    """In shares of the picture where no number is larger than a share may be."""
    points = [person.points[:, :2] for people in frames.values() for person in people]
    highest = max((float(np.nanmax(np.abs(p), initial=0)) for p in points), default=0.0)
    return ForeignClip(path, "ultralytics", frames, every_frame, normalised=highest < LARGEST_SHARE)


def _results(path: Path, frame: int, content: Any) -> list[ForeignPerson]:
    try:
        found = [fields(about, "a person") for about in entries(content, "people")]
        return [_person(about) for about in found if about.get("class", PERSON) == PERSON]
    except KeyError as error:
        raise FormatError(
            f"{path}: a person of frame {frame} has no {error}. Write the results of a pose model."
        ) from None
    except ValueError as error:
        raise FormatError(
            f"{path}: frame {frame} {error}. Write the results again with to_json()."
        ) from None


def _person(about: dict[str, Any]) -> ForeignPerson:
    keypoints = fields(about["keypoints"], "keypoints")
    x, y = numbers(keypoints["x"]), numbers(keypoints["y"])
    visible = keypoints.get("visible")
    certain = np.ones(len(x)) if visible is None else numbers(visible)
    if not len(x) == len(y) == len(certain) or not len(x):
        raise ValueError(f"has {len(x)} x, {len(y)} y and {len(certain)} marks of keypoints")
    return ForeignPerson(
        np.column_stack([x, y, certain]),
        optional_number(about.get("confidence")),
        person_number(about.get("track_id")),
    )


def _labels(path: Path, files: dict[int, Path]) -> ForeignClip:
    rows = [(frame, row) for frame, file in files.items() for row in _rows(file)]
    people = [(frame, row) for frame, row in rows if row[0] == PERSON]
    if rows and not people:
        raise FormatError(
            f"{path}: none of its {len(rows)} rows is of a person (class 0). Give labels of people."
        )
    frames: dict[int, list[ForeignPerson]] = {frame: [] for frame in files}
    if people:
        points, scores, ids = _people(path, [row for _, row in people])
        for (frame, _), person, score, number in zip(people, points, scores, ids, strict=True):
            try:
                frames[frame].append(ForeignPerson(person, score, person_number(number)))
            except ValueError as error:
                raise FormatError(f"{files[frame]}: {error}. Write the labels again.") from None
    # A video's labels are called walk_1.txt, walk_2.txt, ..., and frames without people have none.
    video = all(re.search(r"_[1-9]\d*$", file.stem, re.ASCII) for file in files.values())
    return ForeignClip(path, "ultralytics", frames, normalised=True, from_one=video)


def _rows(file: Path) -> list[np.ndarray]:
    """Raises: FormatError: no rows of numbers, or of different lengths."""
    if not file.stat().st_size:
        return []
    try:
        lines = content_of(file, MAX_FRAME_BYTES).decode("ascii").splitlines()
        rows = [np.array(line.split(), float) for line in lines if line.strip()]
    except ValueError as error:
        raise FormatError(
            f"{file}: not a label of Ultralytics ({error}). Give the folder of a pose model's "
            "labels."
        ) from None
    if any(len(row) < BOX + 3 for row in rows):
        raise FormatError(
            f"{file}: has rows of boxes without keypoints. Give the labels of a pose model."
        )
    return rows


def _people(
    path: Path, rows: list[np.ndarray]
) -> tuple[np.ndarray, list[float | None], list[float | None]]:
    """(N, J, 3) points, scores and ids of rows. Raises: FormatError: of no one length."""
    shortest, longest = min(map(len, rows)), max(map(len, rows))
    joints, axes = _shape(shortest - BOX)
    end = BOX + joints * axes
    if longest > end + 2:
        raise FormatError(
            f"{path}: has rows of {shortest} and of {longest} numbers. Give what one pose model "
            "wrote."
        )
    table = np.full((len(rows), end + 2), np.nan)
    for number, row in enumerate(rows):
        table[number, : len(row)] = row
    points = table[:, BOX:end].reshape(len(rows), joints, axes)
    certain = certainty(points[..., 2:]) if axes == 3 else np.ones((len(rows), joints, 1))
    whole = np.concatenate([points[..., :2], certain], -1)
    behind = [[None if np.isnan(v) else v for v in column] for column in table[:, end:].T.tolist()]
    # Who is not tracked has no number; of all rows' one number, scores are no whole numbers.
    first_is_id = shortest == end or all(v is not None and v.is_integer() for v in behind[0])
    if longest <= end + 1 and first_is_id:
        return whole, behind[1], behind[0]
    return whole, behind[0], behind[1]


def _shape(count: int) -> tuple[int, int]:
    """Keypoints, and numbers of each, of the shortest row, which has `count` after its box."""
    for axes, behind in itertools.product((3, 2), range(3)):
        if count == USUAL_JOINTS * axes + behind:
            return USUAL_JOINTS, axes
    return max(count // 3, 1), 3
