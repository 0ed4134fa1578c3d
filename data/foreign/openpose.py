"""OpenPose: a folder with a JSON file for each frame (`--write_json`).

A frame is {"people": [{"person_id": [-1], "pose_keypoints_2d": [x, y, confidence, ...]}]};
a joint that was not found is 0, 0, 0. AlphaPose's `--format open` and `cmu`, Sports2D,
Pose2Sim and others write the same, AlphaPose all frames in one file by image name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from poselift.data.errors import FormatError
from poselift.data.foreign.clip import ForeignClip, ForeignPerson, frame_number, person_number
from poselift.data.foreign.reading import (
    MAX_FRAME_BYTES,
    entries,
    fields,
    frame_files,
    load_json,
    triples,
)

KEYPOINTS = ("pose_keypoints_2d", "pose_keypoints", "joints")


def read_openpose(path: Path) -> ForeignClip:
    """Raises: FormatError, LayoutMismatch."""
    if path.is_dir():
        frames = {
            n: _people(p, load_json(p, MAX_FRAME_BYTES)) for n, p in frame_files(path, ".json")
        }
        return ForeignClip(path, "openpose", frames, every_frame=True)
    content = load_json(path)
    if _is_frame(content):
        return ForeignClip(path, "openpose", {0: _people(path, content)}, every_frame=True)
    frames = {number: _people(path, frame) for number, frame in _named_frames(path, content)}
    return ForeignClip(path, "openpose", frames)


def is_openpose(content: Any) -> bool:
    """A frame, or AlphaPose's frames by image name."""
    if isinstance(content, dict) and content and not _is_frame(content):
        content = next(iter(content.values()))
    return _is_frame(content)


def _is_frame(content: Any) -> bool:
    return isinstance(content, dict) and ("people" in content or "bodies" in content)


def _named_frames(path: Path, content: Any) -> list[tuple[int, Any]]:
    """(frame number, frame) of AlphaPose's frames by image name. Raises: FormatError."""
    try:
        by_name = fields(content, "frames by name")
        frames = [(frame_number(name), frame) for name, frame in by_name.items()]
        if len({number for number, _ in frames}) < len(frames):
            raise ValueError("has several images with one frame number")
    except ValueError as error:
        raise FormatError(
            f"{path}: {error}. Give the folder of OpenPose's files, or the frames of one video."
        ) from None
    return frames


def _people(path: Path, frame: Any) -> list[ForeignPerson]:
    """Raises: FormatError, naming the file."""
    try:
        frame = fields(frame, "a frame")
        people = frame["people"] if "people" in frame else frame["bodies"]
        found = [_person(fields(person, "a person")) for person in entries(people, "people")]
    except KeyError as error:
        raise FormatError(
            f"{path}: not a frame of OpenPose (has no {error}). Write it again with --write_json."
        ) from None
    except ValueError as error:
        raise FormatError(
            f"{path}: {error}. Write the frame again with OpenPose's --write_json."
        ) from None
    return [person for person in found if person is not None]


def _person(about: dict[str, Any]) -> ForeignPerson | None:
    """None for somebody of whom only face or hands were looked for."""
    name = next((name for name in KEYPOINTS if name in about), None)
    if name is None:
        raise ValueError(f"has a person without {KEYPOINTS[0]}")
    if about[name] == []:
        return None
    return ForeignPerson(triples(about[name]), None, person_number(about.get("person_id")))
