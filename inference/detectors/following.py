"""Follow people from frame to frame, in place of finding them again in each.

A first look now and then finds who is new; a network for one person then looks at a crop
placed from the last pose and its velocity. Both are values of the detector (see Follows).
Frames come in cycles. A cycle's people are followed through its frames; its last frame is
looked at as a whole, and who is found there and was not followed is followed backwards: a
late find, or the end of a gap. A cycle depends on its own frames and on the people of the
frames before it (`recall`), and on nothing else: a stop, or the number of workers, changes
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from poselift.data.skeletons import Skeleton
from poselift.data.structures import FrameDetections
from poselift.inference.detectors.followed import Followed, Pose, as_detections
from poselift.inference.similarity import keypoint_similarity

Value = TypeVar("Value")

SIZES = (0.4, 2.5)  # a body larger or smaller than before by more is somebody else's


@dataclass(frozen=True)
class FollowSettings:
    """What shapes following.

    Args:
        every: frames of a cycle: one first look for each.
        longest_s: a cycle's duration, at most; at a low rate it has fewer frames.
        ahead: frames that are looked at together, all placed from the same pose.
        start: a person begins with at least this score, of the first look and of the second.
        keep: a person seen with less confidence is not seen.
        lost: after so many frames unseen a person is seen again with a score of `start` only.
        new: who is found more alike to somebody followed is not new.
        same_person: two followed people more alike are one (see keypoint_similarity).
        patience: frames that somebody who is lost is looked for.
        patience_back: the same, going backwards.
        turns: radians by which the crop is turned to look for who is lost.
    """

    every: int = 10
    longest_s: float = 0.4
    ahead: int = 2
    start: float = 0.3
    keep: float = 0.22
    lost: int = 4
    new: float = 0.25
    same_person: float = 0.6
    patience: int = 8
    patience_back: int = 2
    turns: tuple[float, ...] = (0.8, -0.8, 1.6, -1.6)

    def cycle_at(self, fps: float) -> int:
        """Frames of a cycle."""
        return max(1, min(self.every, round(self.longest_s * fps)))

    @property
    def memory(self) -> int:
        """So many frames before a cycle shape it."""
        return self.patience + 1


@runtime_checkable
class Follows(Protocol):
    """A detector whose people are followed; see Detector, too.

    Attributes:
        following: how; None: every frame is detected by itself.
    """

    layout: Skeleton
    settings: dict[str, Any]
    following: FollowSettings | None

    def find(self, image: np.ndarray, number: int) -> FrameDetections:
        """The first look number 0, 1, ... at a clip: who is there, roughly."""
        ...

    def place(self, image: np.ndarray, near: Pose) -> Pose | None:
        """The pose of the person who is about there; None: that is outside the picture."""
        ...


# Runs a look on one of the detectors at work.
Crew = Callable[[Callable[[Any], Value]], "Future[Value]"]
# First looks at frames of a cycle.
Looks = Mapping[int, "Future[FrameDetections]"]


class Follower:
    """Follows people through cycles of frames, with a crew of detectors."""

    def __init__(self, settings: FollowSettings, crew: Crew[Any], layout: Skeleton) -> None:
        self._chosen, self._crew, self._layout = settings, crew, layout

    def cycle(
        self,
        images: Sequence[np.ndarray],
        people: list[Followed],
        looks: Looks,
    ) -> list[FrameDetections]:
        """Everybody in each of a cycle's frames.

        Args:
            people: as `recall` gives them.
            looks: at the last frame, and at the first one of a clip; none: nobody is new.
        """
        seen: list[list[Pose]] = [[] for _ in images]
        begin = 0
        last = len(images) - 1
        if 0 in looks and not people:
            people = self._newcomers(images[0], looks[0].result(), seen[0])
            begin = 1
        self._advance(images, range(begin, len(images)), people, seen, self._chosen.patience)
        if last in looks and last >= begin:
            new = self._newcomers(images[last], looks[last].result(), seen[last])
            back = range(last - 1, -1, -1)
            self._advance(images, back, new, seen, self._chosen.patience_back, joining=True)
        return [as_detections(poses, self._layout) for poses in seen]

    def _advance(
        self,
        images: Sequence[np.ndarray],
        order: range,
        people: list[Followed],
        seen: list[list[Pose]],
        patience: int,
        joining: bool = False,
    ) -> None:
        """Follow people through frames in this order and add them to those `seen`.

        Args:
            joining: who comes upon somebody seen there already is that person, and ends.
        """
        for _, steps in groupby(enumerate(order), key=lambda step: step[0] // self._chosen.ahead):
            frames = [frame for _, frame in steps]
            looks = [
                [self._place(images[frame], person.expected(1 + i)) for person in people]
                for i, frame in enumerate(frames)
            ]
            for frame, futures in zip(frames, looks, strict=True):
                image, now = images[frame], []
                for person, future in zip(people, futures, strict=True):
                    if person.unseen > patience:
                        continue
                    pose = self._seen(image, person, future.result())
                    if pose is None:
                        person.missed()
                    else:
                        now.append((person, pose))
                now.sort(key=lambda pair: -pair[1].score)
                for person, pose in now:
                    if any(self._same(pose, other) for other in seen[frame]):
                        person.unseen += patience + 1 if joining else 0
                        person.missed()
                    else:
                        person.saw(pose)
                        seen[frame].append(pose)
            people = [person for person in people if person.unseen <= patience]

    def _place(self, image: np.ndarray, near: Pose) -> Future[Pose | None]:
        return self._crew(lambda detector: detector.place(image, near))

    def _same(self, a: Pose, b: Pose) -> bool:
        return keypoint_similarity(a.xy, b.xy) > self._chosen.same_person

    def _seen(self, image: np.ndarray, person: Followed, pose: Pose | None) -> Pose | None:
        """The person's pose in this frame, if need be after a search; None: not seen."""
        expected = person.expected(1)
        least = self._chosen.keep if person.unseen < self._chosen.lost else self._chosen.start
        if self._is_of(pose, expected, least):
            return pose
        inside = (expected.xy >= 0).all(1) & (expected.xy < image.shape[1::-1]).all(1)
        if inside.mean() < 0.3:
            return None
        searches = [expected] if self._chosen.ahead > 1 else []
        searches += [expected.turned(angle) for angle in self._chosen.turns]
        found = [future.result() for future in [self._place(image, near) for near in searches]]
        good = [pose for pose in found if pose and self._is_of(pose, expected, least)]
        return max(good, key=lambda pose: pose.score, default=None)

    def _is_of(self, pose: Pose | None, expected: Pose, least: float) -> bool:
        if pose is None or pose.score < least:
            return False
        return SIZES[0] < pose.extent / expected.extent < SIZES[1]

    def _newcomers(
        self, image: np.ndarray, found: FrameDetections, seen: list[Pose]
    ) -> list[Followed]:
        """Who is found and not followed yet; they are added to those `seen`."""
        chosen = self._chosen
        rough = [
            Pose(found.keypoints[i], found.confidence[i])
            for i in np.flatnonzero(found.scores >= chosen.start)
        ]
        rough = [
            pose
            for pose in rough
            if all(keypoint_similarity(pose.xy, other.xy) <= chosen.new for other in seen)
        ]
        new = []
        for future in [self._place(image, pose) for pose in rough]:
            pose = future.result()
            if pose is None or pose.score < chosen.start:
                continue
            if not any(self._same(pose, other) for other in seen):
                seen.append(pose)
                new.append(Followed(pose))
        return new


def detect_alone(detector: Follows, image: np.ndarray) -> FrameDetections:
    """Everybody in a picture that has none before it."""

    def at_once(look: Callable[[Follows], Value]) -> Future[Value]:
        done: Future[Value] = Future()
        done.set_result(look(detector))
        return done

    follower = Follower(detector.following or FollowSettings(), at_once, detector.layout)
    look = at_once(lambda own: own.find(image, 0))
    return follower.cycle([image], [], {0: look})[0]
