"""Detections of each frame -> people with stable ids.

Frame by frame, detections are assigned to the people known so far (see assigning).
Afterwards pieces of the same person that a longer gap has cut apart are joined, and pieces
too short to be anybody go.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poselift.data.errors import NoPersonFound
from poselift.data.structures import (
    Detections,
    Keypoints2D,
    Tracks,
    count_of,
)
from poselift.inference.people.assigning import Assigner, Piece, extent_of, points_of
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
    people: list[Piece] = []
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
    people: dict[int, Piece] = {}
    for frame, (found, numbers) in enumerate(zip(detections.frames, ids, strict=True)):
        for row, number in enumerate(numbers):
            people.setdefault(int(number), Piece()).add(frame, found.select(np.array([row])))
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
    number: int, person: Piece, detections: Detections, settings: TrackerSettings
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


def _follow(detections: Detections, settings: TrackerSettings) -> list[Piece]:
    patience = max(2, round(settings.patience_s * detections.timeline.fps))
    assigner = Assigner(
        sure_score=settings.sure_score,
        min_score=settings.min_score,
        min_similarity=settings.min_similarity,
        patience=patience,
    )
    ended: list[Piece] = []
    for frame, found in enumerate(detections.frames):
        ended += assigner.step(frame, found)
    return ended + assigner.active


def _rejoin(pieces: list[Piece], settings: TrackerSettings, fps: float) -> list[Piece]:
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


def _continuation(a: Piece, b: Piece) -> float:
    """How likely `b` goes on where `a` stopped, 0 to 1: place and size."""
    before, after = a.predict(b.frames[0]), points_of(b.rows[0])
    size_a, size_b = extent_of(before), extent_of(after)
    same_size = min(size_a, size_b) / max(size_a, size_b)
    distance = float(np.linalg.norm(before.mean(0) - after.mean(0))) / max(size_a, size_b)
    near = np.exp(-((distance / 0.5) ** 2))
    return float(near * same_size**2)
