"""What is to be doubted of a person is found, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from standing_people import clip

from poselift.data.structures import Keypoints2D, Tracks
from poselift.inference.people.quality import findings_of
from poselift.inference.people.swaps import LIMBS, swapped_stretches

STILL = clip(np.zeros((1, 60, 2)))[0]
PERSON = STILL.people[0]


def found(person: Keypoints2D, *others: Keypoints2D) -> dict[str, tuple[tuple[int, int], ...]]:
    tracks = Tracks(STILL.timeline, (person, *others))
    return {finding.kind: finding.stretches for finding in findings_of(person, tracks)}


def moved(frames: slice, change: np.ndarray) -> Keypoints2D:
    xy = PERSON.xy.copy()
    xy[frames] += change
    return replace(PERSON, xy=xy)


def test_of_a_good_person_nothing_is_told() -> None:
    assert found(PERSON) == {}


def test_too_small() -> None:
    middle = PERSON.xy.mean(1, keepdims=True)
    assert found(replace(PERSON, xy=middle + (PERSON.xy - middle) * 0.1)) == {
        "too_small": ((0, 59),)
    }


def test_cut_by_the_edge() -> None:
    assert found(moved(slice(10, 30), np.array([0, 150])))["cut_by_edge"] == ((10, 29),)


def test_mostly_hidden() -> None:
    confidence = PERSON.confidence.copy()
    confidence[20:40, 7:] = 0.1
    assert found(replace(PERSON, confidence=confidence)) == {"mostly_hidden": ((20, 39),)}


def test_fast() -> None:
    xy = PERSON.xy.copy()
    xy[20:26, 9, 0] -= 30 * np.arange(6)
    xy[26:, 9, 0] -= 150
    ((first, last),) = found(replace(PERSON, xy=xy))["fast"]
    assert 19 <= first <= 21 and 24 <= last <= 26


def test_merged() -> None:
    other = replace(moved(slice(0, 30), np.array([200, 0])), person_id=2)
    assert found(PERSON, other)["merged"] == ((30, 59),)
    assert found(other, PERSON)["merged"] == ((30, 59),)


@pytest.mark.parametrize("limbs", LIMBS)
def test_swapped_sides_are_found(limbs: str) -> None:
    """Stretches of a person who jitters, swapped anywhere: more than nine of ten are found."""
    rng = np.random.default_rng(3)
    left = [PERSON.layout.index(f"left_{name}") for name in LIMBS[limbs]]
    right = [PERSON.layout.index(f"right_{name}") for name in LIMBS[limbs]]
    hits = 0
    for _ in range(40):
        xy = PERSON.xy + rng.normal(0, 0.5, PERSON.xy.shape)
        assert swapped_stretches(replace(PERSON, xy=xy), limbs, 30) == []
        length = int(rng.integers(1, 14))
        first = int(rng.integers(3, 57 - length))
        frames = slice(first, first + length)
        xy[frames, left + right] = xy[frames, right + left]
        hits += swapped_stretches(replace(PERSON, xy=xy), limbs, 30) == [frames]
    assert hits > 36
