"""One video's keypoints as Detectron or CPN wrote them: the best person of each frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from poselift.data.archives.custom_2d import rows_of_people
from poselift.data.errors import FormatError, reason_of
from poselift.data.files.safe_archive import load_object_npz

# Fine-tuned Detectron writes x, y, logit, probability and then the refined x, y.
_PLAIN, _REFINED = slice(0, 2), slice(4, 6)


def most_certain_person(boxes: Sequence[Any], keypoints: Sequence[Any]) -> np.ndarray:
    """The person with the highest box score, frame by frame.

    Args:
        boxes: per frame [[], (P, 5)]: x1 y1 x2 y2 in pixels, score.
        keypoints: per frame [[], (P, R, J)]: R >= 6 rows of which 4 and 5 are the refined
            position in pixels, or R = 4 rows that begin with x and y.
    Returns:
        (T, J, 2) float32 pixels; a frame without anybody is all NaN.
    Raises: ValueError, TypeError, IndexError: other shapes.
    """
    if len(boxes) != len(keypoints):
        raise ValueError(f"{len(boxes)} frames of boxes, {len(keypoints)} of keypoints")
    people: list[np.ndarray | None] = []
    for of_classes, joints in zip(boxes, keypoints, strict=True):
        rows = rows_of_people(of_classes)
        if not len(rows):
            people.append(None)
            continue
        best = rows_of_people(joints)[rows[:, 4].argmax()]
        if best.ndim != 2 or best.shape[0] < 4:
            raise ValueError(f"keypoints of shape {best.shape}, expected (6, J) or (4, J)")
        people.append(best[_REFINED if best.shape[0] >= 6 else _PLAIN].T.astype(np.float32))
    seen = next((person for person in people if person is not None), None)
    if seen is None:
        raise ValueError(f"nobody is seen in any of its {len(people)} frames")
    nobody = np.full(seen.shape, np.nan, np.float32)
    return np.stack([nobody if person is None else person for person in people])


def read_detector(path: Path) -> np.ndarray:
    """(T, J, 2) float32 pixels of one video by Detectron or CPN, told apart by content.

    Detectron: the person with the highest box score; of the six or more rows of its
    keypoints, 4 and 5 are the refined position (files of four rows have only x, y). A
    frame without anybody repeats the one before. CPN: one person, x, y, score.

    Raises:
        UnsafeFile: it holds more than plain data.
        FormatError: neither of the two.
    """
    members = load_object_npz(path)
    try:
        keypoints = members["keypoints"]
        if "boxes" in members:
            return _held(most_certain_person(members["boxes"], keypoints))
        if keypoints.dtype.kind != "f" or keypoints.ndim != 3 or keypoints.shape[2] < 2:
            raise ValueError(f"keypoints of {keypoints.dtype} {keypoints.shape}, not (T, J, 3)")
        return keypoints[:, :, :2].astype(np.float32)
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
        raise FormatError(f"{path}: neither Detectron's nor CPN's ({reason_of(error)}).") from error


def _held(xy: np.ndarray) -> np.ndarray:
    """Frames without anybody, all NaN, repeat the frame before; leading ones the first."""
    seen = np.flatnonzero(~np.isnan(xy[:, 0, 0]))
    if not len(seen):
        raise ValueError(f"nobody is seen in any of its {len(xy)} frames")
    before = np.searchsorted(seen, np.arange(len(xy)), side="right") - 1
    return xy[seen[before.clip(min=0)]]
