"""Detections of each frame -> people with stable ids.

Frame by frame, detections are assigned to the people known so far by how well their
pose and box fit a constant-velocity prediction (the Hungarian method, SciPy's); sure
detections choose first, unsure ones may only continue somebody (the idea of
ByteTrack, Zhang et al. 2022). Afterwards pieces of the same person that a longer gap
has cut apart are joined, and pieces too short to be anybody go.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from poselift.data.errors import NoPersonFound
from poselift.data.structures import (
    Detections,
    FrameDetections,
    Keypoints2D,
    Tracks,
    count_of,
)
from poselift.inference.people.filling import spread_over_clip


@dataclass(frozen=True)
class TrackerSettings:
    """What shapes the tracks.

    Args:
        sure_score: detections above it choose first and may start a person.
        min_score: weaker detections are not looked at.
        min_similarity: a detection less like the prediction is somebody else.
        patience_s: how long a person may be unseen and still be continued.
        rejoin_s: the longest gap that is bridged afterwards.
        shortest_s: a person seen for less is a false alarm (unless the clip is short).
        min_confidence: joints below it are filled in from the frames around them.
        joint_gap_s: the longest stretch of a single joint that is filled in.
    """

    sure_score: float = 0.3
    min_score: float = 0.12
    min_similarity: float = 0.15
    patience_s: float = 0.7
    rejoin_s: float = 2.0
    shortest_s: float = 0.25
    min_confidence: float = 0.1
    joint_gap_s: float = 0.35


@dataclass
class _Piece:
    """An unbroken observation of one person: (frame, row of the frame's detections)."""

    frames: list[int] = field(default_factory=list)
    rows: list[FrameDetections] = field(default_factory=list)
    velocity: np.ndarray | None = None  # (J + 2, 2) pixels per frame

    def later(self, frames: int) -> _Piece:
        """The same, so many frames later."""
        return replace(self, frames=[frame + frames for frame in self.frames])

    def add(self, frame: int, row: FrameDetections) -> None:
        if self.frames:
            step = (_points(row) - _points(self.rows[-1])) / (frame - self.frames[-1])
            self.velocity = step if self.velocity is None else 0.6 * self.velocity + 0.4 * step
        self.frames.append(frame)
        self.rows.append(row)

    def predict(self, frame: int) -> np.ndarray:
        """(J + 2, 2) keypoints and box corners; movement dies down in the unseen."""
        last = _points(self.rows[-1])
        if self.velocity is None:
            return last
        ahead = frame - self.frames[-1]
        drift = np.median(self.velocity, axis=0)
        fading = (1 - 0.85**ahead) / (1 - 0.85)
        return last + (self.velocity if ahead == 1 else drift * fading)


def track(
    detections: Detections, settings: TrackerSettings | None = None, cuts: Sequence[int] = ()
) -> Tracks:
    """People of a clip, ids from 1 in order of appearance (then from left to right).

    Args:
        cuts: frames with which another scene begins, in order: nobody is followed across.
    Raises: NoPersonFound: nobody is seen long enough to be somebody.
    """
    settings = settings or TrackerSettings()
    fps, total = detections.timeline.fps, len(detections.timeline)
    people: list[_Piece] = []
    for first, stop in itertools.pairwise((0, *cuts, total)):
        scene = _rejoin(_follow(detections.at(slice(first, stop)), settings), settings, fps)
        people += [piece.later(first) for piece in scene]
    shortest = min(max(2, round(settings.shortest_s * fps)), max(1, total // 2))
    people = [person for person in people if len(person.frames) >= shortest]
    people.sort(key=lambda person: (person.frames[0], person.rows[0].boxes[0, 0]))
    if not people:
        raise _nobody(detections, settings, shortest)
    return Tracks(
        detections.timeline,
        tuple(
            _keypoints(number, person, detections, settings)
            for number, person in enumerate(people, start=1)
        ),
    )


def tracks_by_id(
    detections: Detections, ids: Sequence[np.ndarray], settings: TrackerSettings | None = None
) -> Tracks:
    """People whose ids are known already; gaps are filled and marked as by `track`.

    Args:
        ids: for each frame (N,) ints, the id of each of its detections, none twice.
    """
    people: dict[int, _Piece] = {}
    for frame, (found, numbers) in enumerate(zip(detections.frames, ids, strict=True)):
        for row, number in enumerate(numbers):
            people.setdefault(int(number), _Piece()).add(frame, found.select(np.array([row])))
    own = settings or TrackerSettings()
    kept = tuple(_keypoints(n, people[n], detections, own) for n in sorted(people))
    return Tracks(detections.timeline, kept)


def choose_people(tracks: Tracks, wanted: str) -> Tracks:
    """Keep `all` people, the `best` one, or the best N (ids stay as they are).

    The best person is large, clearly seen and there for long: the sum over the frames
    seen of the person's height times the mean confidence.
    Raises: ValueError: `wanted` is none of these.
    """
    if wanted == "all":
        return tracks
    count = 1 if wanted == "best" else int(wanted)
    if count < 1:
        raise ValueError(f"people must be best, all or a number from 1, not {wanted!r}")
    ranked = sorted(tracks.people, key=_presence, reverse=True)[:count]
    return Tracks(tracks.timeline, tuple(sorted(ranked, key=lambda p: p.person_id)))


def _nobody(detections: Detections, settings: TrackerSettings, shortest: int) -> NoPersonFound:
    """Why there is nobody: not sure enough, or seen for too short."""
    total = len(detections.timeline)
    best = [float(frame.scores.max()) for frame in detections.frames if len(frame)]
    sure = sum(score >= settings.sure_score for score in best)
    if not sure:
        return NoPersonFound(
            f"no person in any of its {count_of(total, 'frame')} (best score "
            f"{max(best, default=0.0):.2f}, needed {settings.sure_score:.2f}). Check "
            "that people are visible and upright."
        )
    return NoPersonFound(
        f"people are seen in {sure} of its {count_of(total, 'frame')}, but nobody in {shortest} of "
        f"them ({shortest / detections.timeline.fps:.2g} s) close enough together to be told from "
        "a false alarm. Find people in more of the frames, or give a stretch in which they are "
        "seen for longer."
    )


def _keypoints(
    number: int, person: _Piece, detections: Detections, settings: TrackerSettings
) -> Keypoints2D:
    return spread_over_clip(
        number,
        dict(zip(person.frames, person.rows, strict=True)),
        frames=len(detections.timeline),
        layout=detections.layout,
        min_confidence=settings.min_confidence,
        longest_gap=settings.joint_gap_s * detections.timeline.fps,
    )


def _presence(person: Keypoints2D) -> float:
    seen = person.seen
    extent = np.ptp(person.xy[seen], axis=1).max(-1)
    return float((extent * person.confidence[seen].mean(-1)).sum())


def _follow(detections: Detections, settings: TrackerSettings) -> list[_Piece]:
    patience = max(2, round(settings.patience_s * detections.timeline.fps))
    active: list[_Piece] = []
    ended: list[_Piece] = []
    for frame, found in enumerate(detections.frames):
        ended += [piece for piece in active if frame - piece.frames[-1] > patience]
        active = [piece for piece in active if frame - piece.frames[-1] <= patience]
        free = list(active)
        left_over: list[FrameDetections] = []
        sure = found.scores >= settings.sure_score
        unsure = (found.scores >= settings.min_score) & ~sure
        for rows, may_begin in ((np.flatnonzero(sure), True), (np.flatnonzero(unsure), False)):
            people = [found.select(np.array([row])) for row in rows]
            pairs = _assign(
                [[_similarity(p.predict(frame), _points(row)) for row in people] for p in free],
                settings.min_similarity,
            )
            for i, j in pairs:
                free[i].add(frame, people[j])
            free = [p for i, p in enumerate(free) if i not in dict(pairs)]
            if may_begin:
                taken = {j for _, j in pairs}
                left_over = [row for j, row in enumerate(people) if j not in taken]
        for row in left_over:
            piece = _Piece()
            piece.add(frame, row)
            active.append(piece)
    return ended + active


def _rejoin(pieces: list[_Piece], settings: TrackerSettings, fps: float) -> list[_Piece]:
    """Join pieces that follow each other closely enough to be one person, likeliest first.

    A join concerns one piece's end and another's beginning only, so all are weighed once.
    """
    pieces = sorted(pieces, key=lambda piece: piece.frames[0])
    begins = np.array([piece.frames[0] for piece in pieces])
    longest = settings.rejoin_s * fps
    joins: list[tuple[float, int, int]] = []
    for i, piece in enumerate(pieces):
        end = piece.frames[-1]
        first, last = np.searchsorted(begins, [end + 1, end + longest], side="left")
        for j in range(int(first), int(last)):
            likely = _continuation(piece, pieces[j])
            if likely >= settings.min_similarity:
                joins.append((likely, i, j))
    follower: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in sorted(joins, reverse=True):
        if i not in follower and j not in taken:
            follower[i] = j
            taken.add(j)
    joined = []
    for i in sorted(set(range(len(pieces))) - taken):
        person, following = pieces[i], follower.get(i)
        while following is not None:
            for frame, row in zip(pieces[following].frames, pieces[following].rows, strict=True):
                person.add(frame, row)
            following = follower.get(following)
        joined.append(person)
    return joined


def _continuation(a: _Piece, b: _Piece) -> float:
    """How likely `b` goes on where `a` stopped, 0 to 1: place and size."""
    before, after = a.predict(b.frames[0]), _points(b.rows[0])
    size_a, size_b = _extent(before), _extent(after)
    same_size = min(size_a, size_b) / max(size_a, size_b)
    distance = float(np.linalg.norm(before.mean(0) - after.mean(0))) / max(size_a, size_b)
    near = np.exp(-((distance / 0.5) ** 2))
    return float(near * same_size**2)


def _assign(similarity: list[list[float]], least: float) -> list[tuple[int, int]]:
    """Pairs (row, column) that maximise the sum of similarities above `least`."""
    if not similarity or not similarity[0]:
        return []
    table = np.array(similarity)
    rows, columns = linear_sum_assignment(np.where(table < least, 0.0, table), maximize=True)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if table[i, j] >= least]


def _points(row: FrameDetections) -> np.ndarray:
    """(J + 2, 2) keypoints and the box's corners."""
    return np.concatenate([row.keypoints[0], row.boxes[0].reshape(2, 2)])


def _extent(points: np.ndarray) -> float:
    return float(max(np.ptp(points, axis=0).max(), 1e-6))


def _similarity(predicted: np.ndarray, found: np.ndarray) -> float:
    """Pose and box agreement, 0 to 1. (J + 2, 2) twice."""
    extent = max(_extent(predicted), _extent(found))
    distance = np.linalg.norm(predicted[:-2] - found[:-2], axis=-1) / (0.15 * extent)
    pose = float(np.exp(-(distance**2) / 2).mean())
    return 0.6 * pose + 0.4 * _box_overlap(predicted[-2:], found[-2:])


def _box_overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes given by their corners, (2, 2) each."""
    sides = np.minimum(a[1], b[1]) - np.maximum(a[0], b[0])
    shared = float(np.prod(np.maximum(sides, 0)))
    both = float(np.prod(a[1] - a[0]) + np.prod(b[1] - b[0])) - shared
    return shared / both if both > 0 else 0.0
