"""MediaPipe's 33 landmarks as people store them in JSON.

MediaPipe itself writes no files. Read are frames in a list, or by number, or in a folder
of one file each; a frame is its landmarks, or an object that has them under one of
LANDMARKS and its number under one of FRAME_KEYS; landmarks are of one person, or a list
for each; a landmark is {"x", "y", "visibility"} or [x, y, (z, (visibility))].
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from poselift.data.errors import FormatError
from poselift.data.foreign.clip import ForeignClip, ForeignPerson, frame_number
from poselift.data.foreign.layouts import shipped
from poselift.data.foreign.reading import (
    MAX_FRAME_BYTES,
    entries,
    fields,
    frame_files,
    load_json,
    numbers,
)

LAYOUT = "mediapipe_33"
FRAME_KEYS = ("frame", "frame_id", "frame_number", "frame_index", "frame_idx")
LANDMARKS = ("pose_landmarks", "landmarks", "poseLandmarks", "keypoints", "landmark")
FRAMES = ("frames", "results", "poses", "data", *LANDMARKS)


def read_mediapipe_json(path: Path) -> ForeignClip:
    """A file or a folder. Raises: FormatError, LayoutMismatch."""
    try:
        if path.is_dir():
            files = frame_files(path, ".json")
            frames = {n: _frame(load_json(p, MAX_FRAME_BYTES)) for n, p in files}
            return _clip(path, frames, every_frame=True)
        content = load_json(path)
        frames = {}
        for position, (number, entry) in enumerate(_entries(content)):
            frame = position if number is None else frame_number(number)
            if frame in frames:
                raise ValueError(f"has frame {frame} twice")
            frames[frame] = _frame(entry)
    except KeyError as error:
        raise FormatError(
            f"{path}: a landmark has no {error}. See INFERENCE.md for what is read."
        ) from None
    except ValueError as error:
        raise FormatError(
            f"{path}: not landmarks of MediaPipe ({error}). See INFERENCE.md for what is read."
        ) from None
    return _clip(path, frames, every_frame=False)


def is_mediapipe(content: Any, depth: int = 6) -> bool:
    """Whether somewhere in a JSON value are 33 landmarks; a guess for `--format auto`."""
    if isinstance(content, dict) and not _is_person(content):
        known = [content[key] for key in (*LANDMARKS, *FRAMES) if key in content]
        numbered = [value for name, value in content.items() if name.isdecimal()]
        return depth > 0 and any(is_mediapipe(value, depth - 1) for value in known or numbered)
    if _is_person(content):
        named = isinstance(content, dict) or isinstance(content[0], dict)
        return named or len(content) == len(shipped()[LAYOUT].joints)
    return (
        depth > 0
        and isinstance(content, list)
        and any(is_mediapipe(entry, depth - 1) for entry in content)
    )


def _clip(path: Path, frames: dict[int, list[ForeignPerson]], every_frame: bool) -> ForeignClip:
    return ForeignClip(path, "mediapipe", frames, every_frame, layout=LAYOUT, normalised=True)


def _entries(content: Any) -> list[tuple[Any, Any]]:
    """(frame number or None, frame) of a whole file."""
    if isinstance(content, dict):
        if content and all(name.isdecimal() for name in content):
            return list(content.items())
        key = next((k for k in FRAMES if k in content), None)
        if key is None:
            raise ValueError(f"has none of {', '.join(FRAMES)}")
        content = content[key]
    if _is_person(content):
        return [(0, content)]
    return [(_number(entry), entry) for entry in entries(content, "frames")]


def _number(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return None
    return next((entry[key] for key in FRAME_KEYS if key in entry), None)


def _frame(entry: Any) -> list[ForeignPerson]:
    if isinstance(entry, dict):
        key = next((key for key in LANDMARKS if key in entry), None)
        if key is None and not _is_person(entry):
            raise ValueError(f"has a frame without {LANDMARKS[0]}")
        entry = entry if key is None else entry[key]
    if not entry:
        return []
    if _is_person(entry):
        return [_person(entry)]
    return [_person(person) for person in entries(entry, "people") if person]


def _is_person(value: Any) -> bool:
    """Whether these are landmarks, not people or frames of landmarks."""
    first = next(iter(value.values()), None) if isinstance(value, dict) else None
    if isinstance(value, list) and value:
        first = value[0]
    if isinstance(first, dict):
        return {"x", "y"} <= set(first)
    return isinstance(first, list) and bool(first) and not isinstance(first[0], list | dict)


def _person(landmarks: Any) -> ForeignPerson:
    """Landmarks in MediaPipe's order, or by name."""
    if isinstance(landmarks, dict):
        by_name = {str(name).lower(): point for name, point in landmarks.items()}
        landmarks = [by_name[name] for name in shipped()[LAYOUT].joints]
    points = [_point(point) for point in entries(landmarks, "landmarks")]
    return ForeignPerson(np.stack(points))


def _point(point: Any) -> np.ndarray:
    if isinstance(point, list):
        if not 2 <= len(point) <= 5:
            raise ValueError(f"has a landmark of {len(point)} numbers")
        return numbers([point[0], point[1], point[3] if len(point) > 3 else 1])
    about = fields(point, "a landmark")
    return numbers([about["x"], about["y"], about.get("visibility", 1)])
