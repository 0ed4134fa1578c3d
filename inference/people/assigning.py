"""Frame by frame: which detection goes on which person.

A detection is assigned to the person known so far whose pose and box a constant velocity
predicts best (the Hungarian method, SciPy's); sure detections choose first, unsure ones may
only continue somebody (the idea of ByteTrack, Zhang et al. 2022).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from poselift.data.structures import FrameDetections


@dataclass
class Piece:
    """An unbroken observation of one person: (frame, row of the frame's detections)."""

    frames: list[int] = field(default_factory=list)
    rows: list[FrameDetections] = field(default_factory=list)
    velocity: np.ndarray | None = None  # (J + 2, 2) pixels per frame

    def later(self, frames: int) -> Piece:
        """The same, so many frames later."""
        return replace(self, frames=[frame + frames for frame in self.frames])

    def add(self, frame: int, row: FrameDetections) -> None:
        if self.frames:
            step = (points_of(row) - points_of(self.rows[-1])) / (frame - self.frames[-1])
            self.velocity = step if self.velocity is None else 0.6 * self.velocity + 0.4 * step
        self.frames.append(frame)
        self.rows.append(row)

    def predict(self, frame: int) -> np.ndarray:
        """(J + 2, 2) keypoints and box corners; movement dies down in the unseen."""
        last = points_of(self.rows[-1])
        if self.velocity is None:
            return last
        ahead = frame - self.frames[-1]
        drift = np.median(self.velocity, axis=0)
        fading = (1 - 0.85**ahead) / (1 - 0.85)
        return last + (self.velocity if ahead == 1 else drift * fading)


class Assigner:
    """The people who are followed, and who of the next frame's detections they are.

    Args: see TrackerSettings; patience: frames that somebody may be unseen.
    Attributes:
        active: who was seen within the patience, in order of appearance.
    """

    def __init__(
        self, *, sure_score: float, min_score: float, min_similarity: float, patience: int
    ) -> None:
        self.active: list[Piece] = []
        self._sure, self._min_score = sure_score, min_score
        self._min_similarity, self._patience = min_similarity, patience

    def step(self, frame: int, found: FrameDetections) -> list[Piece]:
        """Add a frame, later than the ones before; who has been unseen for too long now."""
        ended = [piece for piece in self.active if frame - piece.frames[-1] > self._patience]
        self.active = [piece for piece in self.active if frame - piece.frames[-1] <= self._patience]
        free = list(self.active)
        left_over: list[FrameDetections] = []
        sure = found.scores >= self._sure
        unsure = (found.scores >= self._min_score) & ~sure
        for rows, may_begin in ((np.flatnonzero(sure), True), (np.flatnonzero(unsure), False)):
            people = [found.select(np.array([row])) for row in rows]
            pairs = _assign(
                [[_similarity(p.predict(frame), points_of(row)) for row in people] for p in free],
                self._min_similarity,
            )
            for i, j in pairs:
                free[i].add(frame, people[j])
            free = [p for i, p in enumerate(free) if i not in dict(pairs)]
            if may_begin:
                taken = {j for _, j in pairs}
                left_over = [row for j, row in enumerate(people) if j not in taken]
        for row in left_over:
            piece = Piece()
            piece.add(frame, row)
            self.active.append(piece)
        return ended


def _assign(similarity: list[list[float]], least: float) -> list[tuple[int, int]]:
    """Pairs (row, column) that maximise the sum of similarities above `least`."""
    if not similarity or not similarity[0]:
        return []
    table = np.array(similarity)
    rows, columns = linear_sum_assignment(np.where(table < least, 0.0, table), maximize=True)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if table[i, j] >= least]


def points_of(row: FrameDetections) -> np.ndarray:
    """(J + 2, 2) keypoints and the box's corners."""
    return np.concatenate([row.keypoints[0], row.boxes[0].reshape(2, 2)])


def extent_of(points: np.ndarray) -> float:
    return float(max(np.ptp(points, axis=0).max(), 1e-6))


def _similarity(predicted: np.ndarray, found: np.ndarray) -> float:
    """Pose and box agreement, 0 to 1. (J + 2, 2) twice."""
    extent = max(extent_of(predicted), extent_of(found))
    distance = np.linalg.norm(predicted[:-2] - found[:-2], axis=-1) / (0.15 * extent)
    pose = float(np.exp(-(distance**2) / 2).mean())
    return 0.6 * pose + 0.4 * _box_overlap(predicted[-2:], found[-2:])


def _box_overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes given by their corners, (2, 2) each."""
    sides = np.minimum(a[1], b[1]) - np.maximum(a[0], b[0])
    shared = float(np.prod(np.maximum(sides, 0)))
    both = float(np.prod(a[1] - a[0]) + np.prod(b[1] - b[0])) - shared
    return shared / both if both > 0 else 0.0
