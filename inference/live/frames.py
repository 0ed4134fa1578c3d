"""What is known of the people at one moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poselift.data.skeletons import COCO17, H36M17, Skeleton
from poselift.data.structures import count_of


@dataclass(frozen=True, eq=False, repr=False)
class LivePerson:
    """One person in one frame. Metres but for `xy`.

    Args:
        person_id: from 1, in order of appearance; kept while the person is followed.
        xy: (J, 2) pixels of the upright full picture.
        confidence: (J,) in [0, 1].
        score: of the detection, [0, 1]; 0 where not seen.
        seen: found in this frame; else all is predicted from the frames before.
        pose: (J, 3) relative to the root joint, camera space (x right, y down, z forward).
        trajectory: (3,) the root, camera space; None when the lifter has none.
        world: (J, 3) x right, y away from the camera, z up, feet on the floor z = 0, the
            camera above the origin.
        since_s: the time of the frame in which the person was first seen.
    """

    person_id: int
    xy: np.ndarray
    confidence: np.ndarray
    score: float
    seen: bool
    pose: np.ndarray
    trajectory: np.ndarray | None
    world: np.ndarray
    since_s: float

    def __repr__(self) -> str:
        how = "seen" if self.seen else "predicted"
        x, y = self.world[0, :2]
        return f"LivePerson({self.person_id}, {how}, at {x:.2f}, {y:.2f} m)"


@dataclass(frozen=True, eq=False, repr=False)
class LiveFrame:
    """Everybody in one frame.

    Args:
        index: from 0, of the frames that were looked at.
        time_s: when the picture was taken, by the source's clock, from its first frame.
        age_s: how old the picture was when this was known.
        image: (H, W, 3) uint8 RGB, upright, as it was looked at; may be smaller than the full
            picture, whose size is (width, height).
        people: who is there, by id.
        up: (3,) the world's up direction in camera space.
        settled: up hardly moves any more; False until somebody was seen for two seconds.
        dropped: frames of the source, until now, that were not looked at, as there were newer
            ones.
    """

    index: int
    time_s: float
    age_s: float
    image: np.ndarray
    width: int
    height: int
    people: tuple[LivePerson, ...]
    up: np.ndarray
    settled: bool
    dropped: int = 0
    layout_2d: Skeleton = COCO17
    layout: Skeleton = H36M17

    def __repr__(self) -> str:
        people = count_of(len(self.people), "person")
        return (
            f"LiveFrame({self.index}, {self.time_s:.3f} s, {people}, "
            f"{1000 * self.age_s:.0f} ms old, {self.dropped} dropped)"
        )
