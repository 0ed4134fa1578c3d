"""COCO results and AlphaPose: one JSON list with an entry for each person.

{"image_id": .., "category_id": 1, "keypoints": [x, y, confidence, ...], "score": ..};
AlphaPose names images ("12.jpg" is frame 12 of a video), adds `box`, and `idx`, the
person, when it tracked; its `score` is no share of 1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from poselift.data.errors import FormatError
from poselift.data.foreign.clip import ForeignClip, ForeignPerson, frame_number, person_number
from poselift.data.foreign.reading import entries, fields, load_json, optional_number, triples

PERSON = 1


def read_coco(path: Path) -> ForeignClip:
    """COCO results. Raises: FormatError, LayoutMismatch."""
    return ForeignClip(path, "coco", _frames(path, tracked_id="track_id"))


def read_alphapose(path: Path) -> ForeignClip:
    """AlphaPose's `alphapose-results.json`. Raises: FormatError, LayoutMismatch."""
    return ForeignClip(path, "alphapose", _frames(path, tracked_id="idx"))


def is_results(content: Any) -> bool:
    entry = content[0] if isinstance(content, list) and content else None
    return isinstance(entry, dict) and {"image_id", "keypoints"} <= set(entry)


def is_alphapose(content: Any) -> bool:
    return is_results(content) and (
        isinstance(content[0]["image_id"], str) or bool({"idx", "box"} & set(content[0]))
    )


def _frames(path: Path, tracked_id: str) -> dict[int, list[ForeignPerson]]:
    content = entries(load_json(path), "people")
    frames: dict[int, list[ForeignPerson]] = {}
    names: dict[int, object] = {}
    for number, entry in enumerate(content):
        try:
            about = fields(entry, "a person")
            if about.get("category_id", PERSON) != PERSON:
                continue
            frame = frame_number(about["image_id"])
            if names.setdefault(frame, about["image_id"]) != about["image_id"]:
                raise ValueError(f"is of another image with the frame number {frame}")
            person_id = person_number(about.get(tracked_id))
            # AlphaPose writes 0 for everybody when it did not track.
            person_id = None if tracked_id == "idx" and person_id == 0 else person_id
            points = triples(about["keypoints"])
            person = ForeignPerson(points, optional_number(about.get("score")), person_id)
        except KeyError as error:
            raise FormatError(
                f"{path}: entry {number} has no {error}. Write the results again."
            ) from None
        except ValueError as error:
            raise FormatError(
                f"{path}: entry {number} {error}. Give the results of one video."
            ) from None
        frames.setdefault(frame, []).append(person)
    if content and not frames:
        raise FormatError(
            f"{path}: none of its {len(content)} entries is a person (category 1). Give results "
            "of people."
        )
    return frames
