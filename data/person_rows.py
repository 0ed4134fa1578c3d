"""The best person out of Detectron's rows, whichever of its versions wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

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
        rows = _of_class_person(of_classes)
        if not len(rows):
            people.append(None)
            continue
        best = _of_class_person(joints)[rows[:, 4].argmax()]
        if best.ndim != 2 or best.shape[0] < 4:
            raise ValueError(f"keypoints of shape {best.shape}, expected (6, J) or (4, J)")
        people.append(best[_REFINED if best.shape[0] >= 6 else _PLAIN].T.astype(np.float32))
    seen = next((person for person in people if person is not None), None)
    if seen is None:
        raise ValueError(f"nobody is seen in any of its {len(people)} frames")
    nobody = np.full(seen.shape, np.nan, np.float32)
    return np.stack([nobody if person is None else person for person in people])


def _of_class_person(classes: Sequence[Any] | None) -> np.ndarray:
    rows = np.asarray([] if classes is None or classes[1] is None else classes[1])
    if rows.dtype.kind not in "fiu":
        raise ValueError(f"holds rows of {rows.dtype}, not numbers")
    return rows
