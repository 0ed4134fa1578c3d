"""COCO results and AlphaPose: JSON with an entry for each person.

{"image_id": .., "category_id": 1, "keypoints": [x, y, confidence, ...], "score": ..};
AlphaPose names images ("12.jpg" is frame 12 of a video), adds `box`, and `idx`, the
person, when it tracked; its `score` is no share of 1. What PoseFlow tracked has the
entries by image: {"12.jpg": [{"keypoints": .., "scores": .., "idx": ..}]}.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from poselift.data.errors import FormatError
from poselift.data.foreign.clip import ForeignClip, ForeignPerson, frame_number, person_number
from poselift.data.foreign.coco_annotations import is_annotations, read_annotations
from poselift.data.foreign.reading import entries, fields, load_json, optional_number, triples

PERSON = 1
NOT_TRACKED: tuple[object, ...] = (None, 0, [], [0])


def read_coco(path: Path) -> ForeignClip:
    """Results or annotations. Raises: FormatError, LayoutMismatch."""
    content = load_json(path)
    if is_annotations(content):
        return read_annotations(path, content)
    return ForeignClip(path, "coco", _frames(path, entries(content, "people"), "track_id"))


def read_alphapose(path: Path) -> ForeignClip:
    """`alphapose-results.json`, by person or by image. Raises: FormatError, LayoutMismatch."""
    content = load_json(path)
    if isinstance(content, dict):
        content = [
            fields(person, "a person") | {"image_id": image}
            for image, people in content.items()
            for person in entries(people, "people")
        ]
    people = entries(content, "people")
    # It writes 0 for everybody when it did not track.
    tracked = any(isinstance(p, dict) and p.get("idx") not in NOT_TRACKED for p in people)
    return ForeignClip(path, "alphapose", _frames(path, people, "idx" if tracked else None))


def is_results(content: Any) -> bool:
    entry = content[0] if isinstance(content, list) and content else None
    return isinstance(entry, dict) and {"image_id", "keypoints"} <= set(entry)


def is_alphapose(content: Any) -> bool:
    """A list of people, or people by image."""
    if isinstance(content, dict):
        people = next((people for people in content.values() if people), None)
        entry = people[0] if isinstance(people, list) else None
        return isinstance(entry, dict) and isinstance(entry.get("keypoints"), list)
    return is_results(content) and (
        isinstance(content[0]["image_id"], str) or bool({"idx", "box"} & set(content[0]))
    )


def _frames(
    path: Path, content: list[Any], tracked_id: str | None
) -> dict[int, list[ForeignPerson]]:
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
            person_id = person_number(about.get(tracked_id)) if tracked_id else None
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
