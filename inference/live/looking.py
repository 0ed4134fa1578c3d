"""Who is in the newest picture: followed from the one before, and looked for now and then."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future

import numpy as np

from poselift.data.structures import FrameDetections
from poselift.inference.detecting import DetectorPool
from poselift.inference.detectors import BatchDetector, Detector
from poselift.inference.detectors.followed import recall
from poselift.inference.detectors.following import Follower, FollowSettings

# After such a pause in the pictures nobody is where they were.
PAUSE_S = 1.0


class Looker:
    """Frames in, one by one, everybody in them out.

    Args:
        pool: detectors at work; each person is placed by the next one that is free.
        wait: for every look at a whole picture. Else it goes on beside the frames that follow,
            which it does not hold up, and who is new is found some frames later.
    """

    def __init__(self, pool: DetectorPool, *, wait: bool) -> None:
        self._pool, self._wait = pool, wait
        self._following = pool.following
        self._history: deque[FrameDetections] = deque(
            maxlen=self._following.memory if self._following else 1
        )
        self._look: Future[FrameDetections] | None = None
        self._looks = self._frames = 0
        self._seconds = np.inf

    def forget(self) -> None:
        """The next picture has nothing to do with those before."""
        self._history.clear()
        self._look, self._seconds = None, np.inf

    def step(self, image: np.ndarray, seconds: float) -> FrameDetections:
        """Everybody in it, best score first, in its pixels.

        Args:
            image: (H, W, 3) uint8 RGB. seconds: since the one before.
        """
        if seconds > PAUSE_S:
            self.forget()
        if self._following is None:
            return self._pool.submit(lambda detector: _detected(detector, image)).result()
        found = self._followed(image, seconds, self._following)
        self._history.append(found)
        return found

    def _followed(
        self, image: np.ndarray, seconds: float, following: FollowSettings
    ) -> FrameDetections:
        self._frames += 1
        self._seconds += seconds
        people = recall(self._history)
        due = self._frames >= following.every or self._seconds >= following.longest_s
        if self._look is None and (due or not people):
            number = self._looks
            self._look = self._pool.submit(lambda detector: detector.find(image, number))
            self._looks, self._frames, self._seconds = number + 1, 0, 0.0
        looks = {}
        if self._look is not None and (self._wait or self._look.done()):
            looks[0], self._look = self._look, None
        follower = Follower(following, self._pool.submit, self._pool.first.layout)
        return follower.cycle([image], people, looks)[0]


def _detected(detector: Detector, image: np.ndarray) -> FrameDetections:
    if isinstance(detector, BatchDetector):
        return detector.detect_batch([image])[0]
    return detector.detect(image)
