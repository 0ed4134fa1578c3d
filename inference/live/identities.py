"""Who is who, frame by frame: ids that stay, and people predicted while nobody sees them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from poselift.data.structures import FrameDetections
from poselift.inference.people.assigning import Assigner, Piece
from poselift.inference.people.tracking import TrackerSettings

# Time is counted in steps of such a rate, so that pictures that were dropped count, too.
RATE_HZ = 30.0
# Somebody is one who was seen so often; less is a false alarm.
SEEN_OFTEN = 3
# Nobody looked where somebody is predicted: as for what is filled in, in a whole clip.
PREDICTED_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class Sighting:
    """Where somebody is in a frame.

    Args:
        key: the person's, before there is an id.
        person_id: 0 until there is one.
        keypoints: (J, 2) pixels. confidence: (J,). since_s: first seen.
        seen: False: predicted.
    """

    key: int
    person_id: int
    keypoints: np.ndarray
    confidence: np.ndarray
    score: float
    seen: bool
    since_s: float


@dataclass(eq=False)
class _Somebody:
    piece: Piece
    key: int
    since_s: float
    times_seen: int = 0
    person_id: int = 0


class Identities:
    """The people in view; see track, which sees the whole clip."""

    def __init__(self, settings: TrackerSettings) -> None:
        self._settings = settings
        self._keys = self._ids = self._frame = 0
        self._people: list[_Somebody] = []
        self._assigner = self._new_assigner()

    def _new_assigner(self) -> Assigner:
        chosen = self._settings
        return Assigner(
            sure_score=chosen.sure_score,
            min_score=chosen.min_score,
            min_similarity=chosen.min_similarity,
            patience=round(chosen.patience_s * RATE_HZ),
        )

    def forget(self) -> None:
        """Everybody is somebody new from now on; ids go on."""
        self._people, self._assigner = [], self._new_assigner()

    def step(self, found: FrameDetections, time_s: float) -> list[Sighting]:
        """Everybody in view; times rise."""
        self._frame = max(self._frame + 1, round(time_s * RATE_HZ))
        self._assigner.step(self._frame, found)
        known = {id(person.piece): person for person in self._people}
        self._people = [
            known.get(id(piece)) or self._newcomer(piece, time_s) for piece in self._assigner.active
        ]
        return [self._sighting(person) for person in self._people]

    def _newcomer(self, piece: Piece, time_s: float) -> _Somebody:
        self._keys += 1
        return _Somebody(piece, self._keys, time_s)

    def _sighting(self, person: _Somebody) -> Sighting:
        piece = person.piece
        row = piece.rows[-1]
        told = Sighting(
            key=person.key,
            person_id=person.person_id,
            keypoints=row.keypoints[0],
            confidence=row.confidence[0],
            score=float(row.scores[0]),
            seen=True,
            since_s=person.since_s,
        )
        if piece.frames[-1] < self._frame:
            keypoints = piece.predict(self._frame)[:-2].astype(row.keypoints.dtype)
            confidence = PREDICTED_SHARE * row.confidence[0]
            return replace(told, keypoints=keypoints, confidence=confidence, score=0.0, seen=False)
        del piece.frames[:-1], piece.rows[:-1]
        person.times_seen += 1
        if not person.person_id and person.times_seen >= SEEN_OFTEN:
            self._ids += 1
            person.person_id = self._ids
        return replace(told, person_id=person.person_id)
