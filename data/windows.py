"""Mirrors and edges: what is done to a sequence before and after a network sees it."""

from __future__ import annotations

import numpy as np

from poselift.data.skeletons import Skeleton


def mirror_keypoints(xy: np.ndarray, layout: Skeleton) -> np.ndarray:
    """The same people seen in a mirror: (..., J, D) centred coordinates, x first.

    x is negated and every left joint trades places with its right twin. Twice is identity.
    """
    mirrored = xy[..., layout.mirror, :].copy()
    mirrored[..., 0] *= -1
    return mirrored


def pad_edges(sequence: np.ndarray, before: int, after: int) -> np.ndarray:
    """Repeat the first and the last frame of (T, ...): (before + T + after, ...)."""
    widths = [(before, after)] + [(0, 0)] * (sequence.ndim - 1)
    return np.pad(sequence, widths, mode="edge")
