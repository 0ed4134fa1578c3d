"""Steps, strides and their symmetry, of those who walk."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from poselift.data.exports.settings import CUTOFF_HZ
from poselift.data.structures import Poses3D, count_of
from poselift.inference.low_pass import at_times, even_times, stretches
from poselift.inference.movement.angles import smoothed_world
from poselift.inference.movement.walking import LONGEST_STEP_S, SIDES, Touch, walks


@dataclass(frozen=True)
class Contact:
    """A foot that touches the ground, the step that ends there and the stride that begins.

    Args:
        walk: stretches of walking are counted from 1.
        side: left or right.
        time_s: when it touches down, between frames. frame: of the clip, the nearest.
        interpolated: the person was not seen in that frame.
        off_s: when it leaves the ground.
        step_s, step_length_m, step_width_m: since the other foot's contact; from ankle to ankle
            at this contact, along the way and across it.
        stride_s, stride_length_m: to the same foot's next contact; how far its ankle gets.
        stance_s, swing_s: on the ground, and from there to the next contact.
    What is not known, at both ends of a walk, is None.
    """

    walk: int
    side: str
    time_s: float
    frame: int
    interpolated: bool
    off_s: float | None = None
    step_s: float | None = None
    step_length_m: float | None = None
    step_width_m: float | None = None
    stride_s: float | None = None
    stride_length_m: float | None = None
    stance_s: float | None = None
    swing_s: float | None = None


@dataclass(frozen=True, repr=False)
class Gait:
    """How a person walks; without contacts, nobody who walks.

    Args:
        contacts: in order, of all walks.
        speed_m_s: of the root along its way from each contact to the next; NaN without any.
        cadence_steps_min: NaN without any.
    """

    person_id: int
    contacts: tuple[Contact, ...]
    speed_m_s: float
    cadence_steps_min: float

    def __repr__(self) -> str:
        if not self.contacts:
            return f"Gait(person {self.person_id}, does not walk)"
        steps = count_of(len(self.known("step_s")), "step")
        return (
            f"Gait(person {self.person_id}, {steps}, {self.speed_m_s:.2f} m/s, "
            f"{self.cadence_steps_min:.0f} steps/min)"
        )

    @property
    def walks(self) -> int:
        """How many stretches of walking there are."""
        return max((contact.walk for contact in self.contacts), default=0)

    def known(self, measure: str, side: str | None = None) -> np.ndarray:
        """(N,) values of a field of Contact where it is known; of one side or of both."""
        values = (
            getattr(contact, measure) for contact in self.contacts if side in (None, contact.side)
        )
        return np.array([value for value in values if value is not None], float)

    def mean(self, measure: str, side: str | None = None) -> float:
        """Of `known`; NaN where nothing is."""
        values = self.known(measure, side)
        return float(values.mean()) if len(values) else float("nan")

    def symmetry_percent(self, measure: str) -> float:
        """Left minus right as a share of their mean: 0 is alike, NaN where a side is not known.

        Source: Robinson, Herzog, Nigg 1987.
        """
        left, right = (self.mean(measure, side) for side in SIDES)
        both = left + right
        return 200 * (left - right) / both if both else float("nan")

    def stance_percent(self, side: str) -> float:
        """Of a stride, that the foot is on the ground, in the mean; NaN where it is not known."""
        shares = [
            100 * contact.stance_s / contact.stride_s
            for contact in self.contacts
            if contact.side == side and contact.stance_s is not None and contact.stride_s
        ]
        return float(np.mean(shares)) if shares else float("nan")


def gait(poses: Poses3D, cutoff_hz: float | None = CUTOFF_HZ) -> list[Gait]:
    """How everybody walks, in the order of `poses.person_id`.

    Args:
        cutoff_hz: see poselift.angles.
    Raises: LayoutMismatch, ValueError: see poselift.angles.

    >>> poselift.gait(poselift.load_poses("out/walk/poses3d.npz"))  # doctest: +SKIP
    [Gait(person 1, does not walk), Gait(person 2, 5 steps, 1.38 m/s, 98 steps/min)]
    """
    world = smoothed_world(poses, cutoff_hz)
    return [_of_person(poses, world[i], i) for i in range(len(poses.person_id))]


def _of_person(poses: Poses3D, world: np.ndarray, person: int) -> Gait:
    frames = np.flatnonzero(poses.valid[person])
    points, times_s = world[frames], poses.timeline.times_s[frames]
    found: list[tuple[Touch, ...]] = []
    for part in stretches(times_s):
        if part.stop - part.start > 1:
            grid = even_times(times_s[part])
            found += walks(at_times(points[part], times_s[part], grid), grid)
    contacts: list[Contact] = []
    for number, walk in enumerate(found, start=1):
        for i, touch in enumerate(walk):
            frame = int(frames[np.abs(times_s - touch.time_s).argmin()])
            unseen = bool(poses.interpolated[person, frame])
            contacts.append(_contact(walk, i, number, frame, unseen))
    steps = [(a, b) for walk in found for a, b in itertools.pairwise(walk)]
    took = sum(b.time_s - a.time_s for a, b in steps)
    way = sum(float(np.linalg.norm(b.root - a.root)) for a, b in steps)
    return Gait(
        int(poses.person_id[person]),
        tuple(contacts),
        way / took if steps else float("nan"),
        60 * len(steps) / took if steps else float("nan"),
    )


def _contact(walk: tuple[Touch, ...], i: int, number: int, frame: int, unseen: bool) -> Contact:
    touch, own = walk[i], SIDES.index(walk[i].side)
    measures: dict[str, float] = {}
    if i:
        apart = (touch.ankles[own] - touch.ankles[1 - own])[:2]
        measures |= {
            "step_s": touch.time_s - walk[i - 1].time_s,
            "step_length_m": float(apart @ touch.way),
            "step_width_m": abs(float(apart[0] * touch.way[1] - apart[1] * touch.way[0])),
        }
    # Who stops stands until they go on; a foot that is followed by no other is not told.
    off_s = touch.off_s if i + 1 < len(walk) else None
    if off_s is not None and off_s - touch.time_s > LONGEST_STEP_S:
        off_s = None
    if off_s is not None:
        measures |= {"off_s": off_s, "stance_s": off_s - touch.time_s}
    if i + 2 < len(walk):
        following = walk[i + 2]
        moved = (following.ankles[own] - touch.ankles[own])[:2]
        measures |= {
            "stride_s": following.time_s - touch.time_s,
            "stride_length_m": float(np.linalg.norm(moved)),
        }
        if off_s is not None:
            measures["swing_s"] = following.time_s - off_s
    return Contact(number, touch.side, touch.time_s, frame, unseen, **measures)
