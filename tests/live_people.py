"""People for live tests: a detector that sees what a script says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from foreign_files import Frames

from poselift.data.skeletons import COCO17
from poselift.data.structures import FrameDetections
from poselift.inference.live.frames import LiveFrame
from poselift.inference.live.live_poses import LivePoses

SIZE = (640, 360)


class Scripted:
    """A detector whose frames are known, one after the other, whatever the picture; from the
    start again after the last."""

    layout = COCO17

    def __init__(self, frames: Sequence[FrameDetections]) -> None:
        self.settings: dict[str, Any] = {}
        self._frames, self._at = frames, 0

    def detect(self, image: np.ndarray) -> FrameDetections:
        found = self._frames[self._at % len(self._frames)]
        self._at += 1
        return found


def detections_of(frames: Frames) -> list[FrameDetections]:
    found = []
    for people in frames:
        if not people:
            found.append(FrameDetections.none())
            continue
        points = np.stack(list(people.values())).astype(np.float32)
        xy, confidence = points[..., :2], points[..., 2]
        boxes = np.concatenate([xy.min(1), xy.max(1)], 1)
        found.append(FrameDetections(boxes, confidence.mean(1), xy, confidence))
    return found


def picture(size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.zeros((size[1], size[0], 3), np.uint8)


def pushed(
    frames: Sequence[FrameDetections], times_s: Sequence[float] | None = None, **options: Any
) -> Iterator[LiveFrame]:
    """What comes of scripted frames, 30 a second."""
    with LivePoses(lambda: Scripted(frames), workers=1, **options) as poses:
        for t in range(len(frames)):
            yield poses.push(picture(), t / 30 if times_s is None else times_s[t])
