"""What is to be doubted of a person's keypoints, and in which frames.

Findings are told, and people are not changed by them. What lasts for less than a tenth of a
second is not told, but for swapped sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from poselift.data.structures import Keypoints2D, Tracks
from poselift.inference.people.swaps import LIKELY, LIMBS, extent_of, sides_of, swapped_stretches
from poselift.inference.similarity import keypoint_similarities

TEXTS = {
    "swapped_legs": "left and right leg likely swapped, or just after",
    "swapped_arms": "left and right arm likely swapped, or just after",
    "too_small": "too small",
    "cut_by_edge": "cut by the image's edge",
    "mostly_hidden": "mostly hidden",
    "fast": "fast, likely blurred",
    "merged": "merged with somebody",
}
TOLD = 4  # stretches of a finding that are named on the command line


@dataclass(frozen=True)
class QualitySettings:
    """What makes a finding.

    Args:
        shortest_s: of a stretch; a shorter one is the detector's noise.
        seen: a joint is seen with at least this confidence.
        smallest_px: a smaller body is too small: a pixel is then more than 3 % of it, which is
            what the lifter's joints are off by where all is well.
        edge: a joint is at the image's edge within this part of the body's extent.
        at_edge: so many of the 12 joints of the limbs at or beyond the edge: part of the body
            is outside. One or two may just touch it.
        hidden: fewer of these joints seen is mostly hidden; from the side 6 may be.
        fast: a joint that is faster is blurred, parts of the extent a second: 5 m/s of a
            person of 1.75 m, 8 cm in an exposure of half a frame at 30 frames/s.
        merged: two people who are more alike lie on each other, see keypoint_similarities.
    """

    shortest_s: float = 0.1
    seen: float = 0.3
    smallest_px: float = 32.0
    edge: float = 0.01
    at_edge: int = 3
    hidden: int = 5
    fast: float = 3.0
    merged: float = 0.5


@dataclass(frozen=True)
class Finding:
    """What is to be doubted, and where.

    Args:
        kind: a name of TEXTS.
        stretches: (first, last) frames of the clip, in order.
        share: of the frames of the person's life span, 0 to 1.
    """

    kind: str
    stretches: tuple[tuple[int, int], ...]
    share: float

    @property
    def text(self) -> str:
        """Too small in frames 60-64."""
        frames = [f"{a}-{b}" if b > a else str(a) for a, b in self.stretches]
        more = f" and {len(frames) - TOLD} more" if len(frames) > TOLD else ""
        return f"{TEXTS[self.kind]} in frames {', '.join(frames[:TOLD])}{more}"


Findings = Mapping[int, tuple[Finding, ...]]  # of each person, by id


def all_findings(tracks: Tracks) -> Findings:
    """What is to be doubted of everybody; with many people in a long clip it takes a while."""
    return {person.person_id: findings_of(person, tracks) for person in tracks.people}


def findings_of(
    person: Keypoints2D, tracks: Tracks, settings: QualitySettings | None = None
) -> tuple[Finding, ...]:
    """What is to be doubted of one of the people of `tracks`; nothing: an empty tuple."""
    chosen = settings or QualitySettings()
    line = tracks.timeline
    extent = extent_of(person.xy, person.confidence, chosen.seen)
    cut = person.seen & _cut(person, extent, (line.width, line.height), chosen)
    body = _limb_joints(person)
    shown = (person.confidence[:, body] >= chosen.seen) & ~person.interpolated[:, body]
    frames = {
        "too_small": person.seen & (extent < chosen.smallest_px) & ~cut,
        "cut_by_edge": cut,
        "mostly_hidden": person.seen & (shown.sum(1) < chosen.hidden) & ~cut,
        "fast": person.seen & _fast(person.xy[:, body], shown, extent, line.fps, chosen),
        "merged": _merged(person, tracks, chosen),
    }
    shortest = max(2, round(chosen.shortest_s * line.fps))
    found = {
        f"swapped_{limbs}": swapped_stretches(person, limbs, line.fps, LIKELY) for limbs in LIMBS
    }
    found |= {
        kind: [part for part in _runs(where) if part.stop - part.start >= shortest]
        for kind, where in frames.items()
    }
    span = max(1, person.span.stop - person.span.start)
    return tuple(
        Finding(
            kind,
            tuple((part.start, part.stop - 1) for part in parts),
            sum(part.stop - part.start for part in parts) / span,
        )
        for kind, parts in found.items()
        if parts
    )


def _limb_joints(person: Keypoints2D) -> list[int]:
    return [joint for limbs in LIMBS for side in sides_of(person.layout, limbs) for joint in side]


def _cut(
    person: Keypoints2D, extent: np.ndarray, size: tuple[int, int], chosen: QualitySettings
) -> np.ndarray:
    """(T,) bool: joints of the limbs are at the edge or beyond it, whatever their confidence."""
    xy = person.xy[:, _limb_joints(person)]
    near = (chosen.edge * extent)[:, None, None]
    outside = ((xy <= near) | (xy >= np.array(size) - 1 - near)).any(-1)
    enough: np.ndarray = outside.sum(1) >= chosen.at_edge
    return enough


def _fast(
    xy: np.ndarray, shown: np.ndarray, extent: np.ndarray, fps: float, chosen: QualitySettings
) -> np.ndarray:
    """(T,) bool: a joint that was seen moves fast from the frame before to the one after."""
    fast = np.zeros(len(xy), bool)
    if len(fast) < 3:
        return fast
    speed = np.linalg.norm(xy[2:] - xy[:-2], axis=-1) * fps / 2
    sure = shown[2:] & shown[1:-1] & shown[:-2]
    fast[1:-1] = (sure & (speed > chosen.fast * extent[1:-1, None])).any(1)
    return fast


def _merged(person: Keypoints2D, tracks: Tracks, chosen: QualitySettings) -> np.ndarray:
    """(T,) bool: somebody else's pose lies on this one."""
    merged = np.zeros(len(person.xy), bool)
    for other in tracks.people:
        if other.person_id == person.person_id:
            continue
        both = person.seen & other.seen
        merged[both] |= keypoint_similarities(person.xy[both], other.xy[both]) > chosen.merged
    return merged


def _runs(where: np.ndarray) -> list[slice]:
    """The stretches of True, in order."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], where, [False]]).astype(int)))
    return [slice(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
