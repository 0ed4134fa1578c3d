"""What a person's detections leave open is filled in and marked: frames and single joints."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from poselift.data.gaps import fill_gaps
from poselift.data.skeletons import Skeleton
from poselift.data.structures import FrameDetections, Keypoints2D


def spread_over_clip(
    number: int,
    seen_in: Mapping[int, FrameDetections],
    *,
    frames: int,
    layout: Skeleton,
    min_confidence: float,
    longest_gap: float,
) -> Keypoints2D:
    """One person's detections -> keypoints of every frame of the clip.

    Within the person's life span, frames without the person and joints that the detector
    only guessed for a short while are interpolated. Beyond it positions are NaN.

    Args:
        number: the person's id.
        seen_in: frame -> the person's detection there, frames in order.
        frames: of the clip.
        min_confidence: a joint below it was guessed.
        longest_gap: the longest stretch of a guessed joint that is filled in, frames.
    """
    rows = list(seen_in)
    xy = np.full((frames, layout.num_joints, 2), np.nan, np.float32)
    confidence = np.zeros((frames, layout.num_joints), np.float32)
    scores = np.zeros(frames, np.float32)
    xy[rows] = [row.keypoints[0] for row in seen_in.values()]
    confidence[rows] = [row.confidence[0] for row in seen_in.values()]
    scores[rows] = [row.scores[0] for row in seen_in.values()]
    seen = scores > 0
    span = slice(rows[0], rows[-1] + 1)
    missing = _missing_joints(confidence[span], seen[span], min_confidence, longest_gap)
    filled = np.zeros((frames, layout.num_joints), bool)
    filled[span] = missing
    xy[span], confidence[span] = _filled(xy[span], confidence[span], missing)
    return Keypoints2D(number, xy, confidence, seen, filled, scores, layout)


def _missing_joints(
    confidence: np.ndarray, seen: np.ndarray, min_confidence: float, longest_gap: float
) -> np.ndarray:
    """(T, J) bool: joints to fill in.

    All joints of frames without the person, and joints that the detector only guessed,
    when it was sure of them shortly before and after.
    """
    missing = np.repeat(~seen[:, None], confidence.shape[1], axis=1)
    guessed = (confidence < min_confidence) & seen[:, None]
    for joint in range(confidence.shape[1]):
        known = np.flatnonzero(~guessed[:, joint] & seen)
        for frame in np.flatnonzero(guessed[:, joint]):
            after = np.searchsorted(known, frame)
            inside = 0 < after < len(known)
            if inside and known[after] - known[after - 1] - 1 <= longest_gap:
                missing[frame, joint] = True
    return missing


def _filled(
    xy: np.ndarray, confidence: np.ndarray, missing: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Linear in position; confidence halves, because nobody looked there."""
    xy, confidence = xy.copy(), confidence.copy()
    for joint in range(xy.shape[1]):
        gaps = missing[:, joint]
        if not gaps.any():
            continue
        known = np.where(gaps[:, None], np.nan, xy[:, joint])
        xy[:, joint] = fill_gaps(known)
        certain = np.where(gaps, np.nan, confidence[:, joint])[:, None]
        confidence[gaps, joint] = 0.5 * fill_gaps(certain)[gaps, 0]
    return xy, confidence
