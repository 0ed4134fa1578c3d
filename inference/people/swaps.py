"""Left and right taken for each other for a while: found by how the limbs move on.

Where the sides of a pair of limbs are swapped for a stretch of frames, both its borders jump:
the joints do not go on as they moved. Swapped back, they do. The measure of a border is the
change of velocity across it, so that it shows, too, where the legs just pass each other and
no joint jumps but each takes up the other's movement. Where a network changes its mind often,
which of the stretches is the truth stays open, so nothing is put right.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter

from poselift.data.skeletons import Skeleton
from poselift.data.structures import Keypoints2D

# Pairs of limbs that a network swaps as a whole.
LIMBS = {"legs": ("hip", "knee", "ankle"), "arms": ("shoulder", "elbow", "wrist")}


@dataclass(frozen=True)
class SwapSettings:
    """What makes a stretch a swapped one.

    Args:
        longest_s: a stretch lasts so long, at most: half a stride. In a longer one nothing
            says which of the two is the truth.
        rest: at either border, swapped back, so much of the change of velocity is left, at
            most. A limb that truly turns about changes as much either way.
        least: the change that goes at either border, summed over the limbs' joints, in parts
            of the body's extent a frame. Jitter at rest is 0.003 a joint.
        confidence: of the limbs' joints round the borders, on average.
    """

    longest_s: float = 0.5
    rest: float = 0.4
    least: float = 0.25
    confidence: float = 0.3


SURE = SwapSettings()
LIKELY = SwapSettings(rest=0.55, least=0.2, confidence=0.2)


def extent_of(xy: np.ndarray, confidence: np.ndarray, sure: float = 0.3) -> np.ndarray:
    """(T,) the longer side of the box round the joints seen, pixels; NaN: fewer than two."""
    shown = np.where((confidence >= sure)[..., None], xy, np.nan)
    enough = np.isfinite(shown[..., 0]).sum(1) >= 2
    extent = np.full(len(xy), np.nan)
    if enough.any():
        extent[enough] = (np.nanmax(shown[enough], 1) - np.nanmin(shown[enough], 1)).max(-1)
    return extent


def swapped_stretches(
    person: Keypoints2D, limbs: str, fps: float, settings: SwapSettings = SURE
) -> list[slice]:
    """Stretches of frames in which left and right of these limbs are swapped, in order.

    Args:
        limbs: legs or arms.
    """
    left, right = sides_of(person.layout, limbs)
    span = person.span
    xy = person.xy[span].astype(float)
    extent = extent_of(person.xy[span], person.confidence[span])
    if np.isnan(extent).all():
        return []
    usual = float(np.nanmedian(extent))
    extent = median_filter(np.where(np.isnan(extent), usual, extent), 2 * round(fps / 2) + 1)
    xy /= np.maximum(extent, 1.0)[:, None, None]
    sure = person.confidence[span][:, left + right].mean(1) >= settings.confidence
    sure &= person.seen[span]
    found: list[tuple[float, int, int]] = []
    for length in range(1, max(1, round(settings.longest_s * fps)) + 1):
        found += _of_length(xy[:, left], xy[:, right], sure, length, settings)
    taken = np.zeros(len(xy), bool)
    chosen = []
    for _, first, end in sorted(found, reverse=True):
        # Borders of two stretches must not be read from the same frames.
        if not taken[max(0, first - 1) : end + 1].any():
            taken[first:end] = True
            chosen.append(slice(span.start + first, span.start + end))
    return sorted(chosen, key=lambda stretch: int(stretch.start))


def _of_length(
    left: np.ndarray, right: np.ndarray, sure: np.ndarray, length: int, settings: SwapSettings
) -> list[tuple[float, int, int]]:
    """(gain, first, end) of the stretches of so many frames that are swapped.

    Args:
        left, right: (T, 3, 2) the limbs' joints, in parts of the extent.
    """
    starts = np.arange(2, len(left) - length - 1)
    if not len(starts):
        return []
    both = np.stack([left, right])
    if length == 1:  # its borders touch: each has half of the changes round the frame
        before, before_mended = after, after_mended = [
            _changes(both, starts, range(-1, 2), swapped) / 2 for swapped in ((), (0,))
        ]
    else:  # which side of a border is swapped is all one
        (before, before_mended), (after, after_mended) = (
            [_changes(both, border, range(-1, 1), swapped) for swapped in ((), (0, 1))]
            for border in (starts, starts + length)
        )
    gain = np.minimum(before - before_mended, after - after_mended)
    good = gain >= settings.least
    good &= before_mended <= settings.rest * before
    good &= after_mended <= settings.rest * after
    for step in (-2, -1, 0, length - 1, length, length + 1):
        good &= sure[starts + step]
    return [(float(gain[i]), int(starts[i]), int(starts[i]) + length) for i in np.flatnonzero(good)]


def _changes(
    both: np.ndarray, at: np.ndarray, around: range, swapped: Collection[int]
) -> np.ndarray:
    """(N,) changes of velocity, summed over the frames `around` those that are looked at.

    Args:
        both: (2, T, 3, 2) the joints of either side.
        at: (N,) frames. around, swapped: counted from them; sides are exchanged in the latter.
    """

    def places(step: int) -> np.ndarray:
        return (both[::-1] if step in swapped else both)[:, at + step]

    bends = [_bend(places(step - 1), places(step), places(step + 1)) for step in around]
    total: np.ndarray = sum(bends[1:], bends[0])
    return total


def _bend(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """(N,) how much three positions are off a steady movement, summed over sides and joints."""
    total: np.ndarray = np.linalg.norm(a - 2 * b + c, axis=-1).sum((0, 2))
    return total


def sides_of(layout: Skeleton, limbs: str) -> tuple[list[int], list[int]]:
    """The joints of the left and of the right of legs or arms, outwards."""
    names = LIMBS[limbs]
    left = [layout.index(f"left_{name}") for name in names]
    return left, [layout.index(f"right_{name}") for name in names]
