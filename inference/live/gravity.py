"""Which way is up, found while people are seen, without ever a jump.

Everybody seen votes in each frame, as in a whole clip (see poses/world). The votes' median is
where the world turns to: quickly until votes of SETTLING_S are there, afterwards so slowly that
nobody sees it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from poselift.data.cameras import unit_vectors
from poselift.data.skeletons import Skeleton
from poselift.inference.poses.lifting import LiftedPose
from poselift.inference.poses.world import World, geometric_median, up_votes, world_with

SETTLING_S = 2.0
# Degrees a second that the world turns at most, before and after.
SETTLING_TURN, SETTLED_TURN = 90.0, 0.5
# Votes that are kept, and how often they are counted.
MOST_VOTES, COUNT_EVERY_S = 900, 0.2
LEVEL = np.array([0.0, -1.0, 0.0])  # up of a camera that is not turned, in its own space


class Gravity:
    """The world as it is known so far.

    Args:
        roll, pitch: of the camera, degrees, where they are known (see KnownScene).
    Attributes:
        world: now.
        settled: somebody voted for SETTLING_S; true at once where both angles are known.
    """

    def __init__(self, roll: float | None = None, pitch: float | None = None) -> None:
        self._roll, self._pitch = roll, pitch
        self._known = roll is not None and pitch is not None
        self._votes: deque[np.ndarray] = deque(maxlen=MOST_VOTES)
        self._voted_s = self._since_count_s = 0.0
        self._up = self._target = world_with(LEVEL, roll, pitch).up
        self.world = world_with(self._up, roll, pitch)

    @property
    def settled(self) -> bool:
        return self._known or self._voted_s >= SETTLING_S

    def step(self, people: Sequence[LiftedPose], layout: Skeleton, seconds: float) -> World:
        """Count the votes of a frame's people who were seen.

        Args:
            people: of one frame each. seconds: since the frame before.
        """
        if self._known:
            return self.world
        first = not self._votes
        for person in people:
            self._votes.extend(up_votes(person, layout).astype(float))
        if people:
            self._voted_s += seconds
        self._since_count_s += seconds
        if self._votes and (first or self._since_count_s >= COUNT_EVERY_S):
            median = geometric_median(np.array(self._votes))
            self._target = world_with(median, self._roll, self._pitch).up
            self._since_count_s = 0.0
        # Nobody has been placed in a world yet: it may be any.
        limit = 180.0 if first else seconds * (SETTLED_TURN if self.settled else SETTLING_TURN)
        self._up = _turned(self._up, self._target, float(np.radians(limit)))
        self.world = world_with(self._up, self._roll, self._pitch)
        return self.world


def _turned(towards: np.ndarray, target: np.ndarray, most: float) -> np.ndarray:
    """A direction turned to another one, by so many radians at most."""
    angle = float(np.arccos(np.clip(towards @ target, -1, 1)))
    if angle <= most:
        return target
    across = unit_vectors(target - towards * (towards @ target))
    return np.asarray(unit_vectors(np.cos(most) * towards + np.sin(most) * across))
