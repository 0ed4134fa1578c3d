"""How alike two poses lie in the image, and one detection for each person."""

from __future__ import annotations

import numpy as np

from poselift.data.structures import FrameDetections


def keypoint_similarity(a: np.ndarray, b: np.ndarray) -> float:
    """How alike two (J, 2) poses lie in the image, 0 to 1: see keypoint_similarities."""
    return float(keypoint_similarities(a, b))


def keypoint_similarities(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How alike poses (..., J, 2) lie in the image, 0 to 1.

    A Gaussian of each joint's distance against the larger person's extent, averaged:
    COCO's object keypoint similarity with one tolerance for all joints.

    Returns: (...).
    """
    extent = np.maximum(np.ptp(a, axis=-2).max(-1), np.ptp(b, axis=-2).max(-1))
    tolerance = 0.1 * np.maximum(extent, 1e-6)
    distance = np.linalg.norm(a - b, axis=-1) / tolerance[..., None]
    return np.asarray(np.exp(-(distance**2) / 2).mean(-1))


def distinct_rows(keypoints: np.ndarray, same: float) -> np.ndarray:
    """The rows of (N, J, 2) poses that are not somebody who came in a row before."""
    kept: list[int] = []
    for i, pose in enumerate(keypoints):
        if all(keypoint_similarity(pose, keypoints[j]) < same for j in kept):
            kept.append(i)
    return np.array(kept, int)


def one_each(people: FrameDetections, same: float) -> FrameDetections:
    """Drop weaker detections of somebody who is there already (best score first)."""
    return people.select(distinct_rows(people.keypoints, same))


def best_first(people: FrameDetections) -> FrameDetections:
    """By falling score; equals keep their order."""
    return people.select(np.argsort(-people.scores, kind="stable"))
