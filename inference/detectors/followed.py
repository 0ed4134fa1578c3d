"""Somebody who is followed: the pose, where it goes, and who it was in the frames before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from poselift.data.skeletons import Skeleton
from poselift.data.structures import FrameDetections
from poselift.inference.similarity import best_first

BOX_MARGIN = 1.1  # a box's side against the extent of the joints
FADING = 0.8  # of the velocity of who is not seen
NEAR = 0.5  # of a body's extent: two poses this near in frames beside each other are one person's


@dataclass(frozen=True, eq=False)
class Pose:
    """One person in one frame: (J, 2) pixels, (J,) confidence."""

    xy: np.ndarray
    confidence: np.ndarray

    @property
    def score(self) -> float:
        return float(self.confidence.mean())

    @property
    def extent(self) -> float:
        return max(float(np.ptp(self.xy, axis=0).max()), 1.0)

    def moved(self, by: np.ndarray) -> Pose:
        return Pose((self.xy + by).astype(np.float32), self.confidence)

    def turned(self, angle: float, grown: float = 1.15) -> Pose:
        middle = self.xy.mean(0)
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.array([[cos, sin], [-sin, cos]]) * grown
        return Pose(((self.xy - middle) @ turn + middle).astype(np.float32), self.confidence)


@dataclass(eq=False)
class Followed:
    """A person on the way: the last pose, its velocity in pixels per frame, frames since."""

    pose: Pose
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))
    unseen: int = 0

    def expected(self, ahead: int) -> Pose:
        """After so many more frames."""
        return self.pose.moved(self.velocity * ahead)

    def saw(self, pose: Pose) -> None:
        step = np.median(pose.xy - self.pose.xy, axis=0)
        self.velocity = np.zeros(2) if self.unseen else 0.5 * (self.velocity + step)
        self.pose, self.unseen = pose, 0

    def missed(self) -> None:
        self.pose = self.pose.moved(self.velocity)
        self.velocity = FADING * self.velocity
        self.unseen += 1


def recall(history: Sequence[FrameDetections]) -> list[Followed]:
    """Who is to be followed on, from the frames before: seen in the last, or lost of late."""
    people: list[Followed] = []
    newest: list[int] = []  # the age of each person's last pose
    oldest: list[tuple[int, Pose]] = []
    for age, frame in enumerate(reversed(history)):
        free = [i for i, (before, _) in enumerate(oldest) if before < age]
        for row in range(len(frame)):
            pose = Pose(frame.keypoints[row], frame.confidence[row])
            away = {i: _away(oldest[i][1], pose) for i in free}
            i = min(away, key=away.__getitem__, default=-1)
            if i < 0 or away[i] > NEAR:
                people.append(Followed(pose, unseen=age))
                newest.append(age)
                oldest.append((age, pose))
                continue
            if oldest[i][0] == newest[i] and age == newest[i] + 1:
                people[i].velocity = np.median(oldest[i][1].xy - pose.xy, axis=0)
            oldest[i] = (age, pose)
            free.remove(i)
    for person in people:
        unseen, person.unseen = person.unseen, 0
        for _ in range(unseen):
            person.missed()
    return people


def _away(a: Pose, b: Pose) -> float:
    """Mean distance of the joints against the larger extent."""
    distance = np.linalg.norm(a.xy - b.xy, axis=-1).mean()
    return float(distance) / max(a.extent, b.extent)


def as_detections(poses: Sequence[Pose], layout: Skeleton) -> FrameDetections:
    """A person's score is the mean confidence of the joints."""
    if not poses:
        return FrameDetections.none(layout)
    xy = np.stack([pose.xy for pose in poses]).astype(np.float32)
    confidence = np.stack([pose.confidence for pose in poses]).astype(np.float32)
    low, high = xy.min(1), xy.max(1)
    middle, half = (low + high) / 2, (high - low) / 2 * BOX_MARGIN
    boxes = np.hstack([middle - half, middle + half])
    return best_first(FrameDetections(boxes, confidence.mean(1), xy, confidence))
