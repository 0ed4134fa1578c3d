"""COCO's annotation files: {"images": [..], "annotations": [..], "categories": [..]}.

An image is {"id", "file_name", "width", "height"}, an annotation {"image_id", "category_id",
"keypoints": [x, y, mark, ...]} and perhaps "track_id" and "score". Marks are 0 (not there),
1 (hidden), 2 (seen), or confidence. A category names its joints.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from poselift.data.errors import FormatError
from poselift.data.foreign.clip import ForeignClip, ForeignPerson, frame_number, person_number
from poselift.data.foreign.reading import certainty, entries, fields, optional_number, triples
from poselift.data.structures import MAX_PIXELS

PERSON = "person"


def is_annotations(content: Any) -> bool:
    return isinstance(content, dict) and {"images", "annotations"} <= set(content)


def read_annotations(path: Path, content: dict[str, Any]) -> ForeignClip:
    """Raises: FormatError, LayoutMismatch."""
    try:
        images = [fields(about, "an image") for about in entries(content["images"], "images")]
        frames = _frames_by_image(images)
        size = _size(images)
        category, joints = _category(content.get("categories"))
        people = _people(content["annotations"], frames, category)
    except KeyError as error:
        raise FormatError(
            f"{path}: an image, category or annotation has no {error}. Write the annotations again."
        ) from None
    except ValueError as error:
        raise FormatError(f"{path}: {error}. Give the annotations of one video.") from None
    found: dict[int, list[ForeignPerson]] = {frame: [] for frame in frames.values()}
    for frame, person in people:
        found[frame].append(person)
    return ForeignClip(path, "coco", found, True, joints=joints, size=size)


def _frames_by_image(images: list[dict[str, Any]]) -> dict[object, int]:
    """Frame numbers, which are in the files' names, by the images' ids. Raises: ValueError."""
    frames: dict[object, int] = {}
    for about in images:
        number, name = about["id"], about.get("file_name", about["id"])
        if isinstance(number, list | dict) or number in frames:
            raise ValueError(f"two images have the id {str(number)[:40]}, or one has none")
        frames[number] = frame_number(name)
    if len(set(frames.values())) < len(frames):
        raise ValueError("several images have one frame number in their names")
    return frames


def _size(images: list[dict[str, Any]]) -> tuple[int, int] | None:
    """(width, height) of all; None where they do not say. Raises: ValueError: they differ."""
    sizes = {(_side(about, "width"), _side(about, "height")) for about in images}
    if len(sizes) > 1:
        raise ValueError("its images are of several sizes")
    width, height = sizes.pop() if sizes else (None, None)
    return (width, height) if width and height else None


def _side(image: dict[str, Any], name: str) -> int | None:
    pixels = image.get(name)
    if pixels is not None and (type(pixels) is not int or not 0 < pixels <= MAX_PIXELS):
        raise ValueError(f"an image has a {name} of {str(pixels)[:40]}")
    return pixels


def _category(categories: Any) -> tuple[object, tuple[str, ...] | None]:
    """Id of people and the names of their joints; 1 where there are no categories.

    Raises: KeyError; ValueError: none is of people.
    """
    if not categories:
        return 1, None
    known = [fields(about, "a category") for about in entries(categories, "categories")]
    people = [about for about in known if about.get("name") == PERSON] or known
    if len(people) > 1:
        raise ValueError(f"none of its {len(known)} categories is called 'person'")
    names = people[0].get("keypoints")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return people[0]["id"], None
    return people[0]["id"], tuple(names) or None


def _people(
    annotations: Any, frames: dict[object, int], category: object
) -> list[tuple[int, ForeignPerson]]:
    """Frame and person of each annotation with keypoints. Raises: KeyError, ValueError."""
    people: list[tuple[int, ForeignPerson]] = []
    for number, entry in enumerate(entries(annotations, "annotations")):
        about = fields(entry, "an annotation")
        if about.get("category_id", category) != category or not about.get("keypoints"):
            continue
        image = about["image_id"]
        if isinstance(image, list | dict) or image not in frames:
            raise ValueError(f"annotation {number} is of an image {str(image)[:40]} not listed")
        try:
            score, track = optional_number(about.get("score")), person_number(about.get("track_id"))
            people.append((frames[image], ForeignPerson(triples(about["keypoints"]), score, track)))
        except ValueError as error:
            raise ValueError(f"annotation {number} {error}") from None
    if not people:
        raise ValueError(f"none of its {len(annotations)} annotations has keypoints of people")
    marks = np.concatenate([person.points[:, 2] for _, person in people])
    starts = np.cumsum([len(person.points) for _, person in people])[:-1]
    shares = np.split(certainty(marks), starts)
    return [
        (frame, replace(person, points=np.column_stack([person.points[:, :2], share])))
        for (frame, person), share in zip(people, shares, strict=True)
    ]
