"""How far predicted poses are from the truth.

Every metric takes (T, J, 3) arrays in metres and gives one error per frame, metres;
who averages decides how frames weigh.
Source: protocols of VideoPose3D's evaluation.
"""

from __future__ import annotations

import numpy as np


def mpjpe(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Protocol 1: mean distance of the joints, (T,)."""
    return np.linalg.norm(predicted - target, axis=-1).mean(-1)


def p_mpjpe(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Protocol 2: MPJPE after the best rotation, scale and shift of each frame, (T,)."""
    return mpjpe(procrustes_aligned(predicted, target), target)


def n_mpjpe(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Protocol 3: MPJPE after the best scale of each frame, (T,)."""
    scale = (target * predicted).sum((-1, -2)) / (predicted**2).sum((-1, -2))
    return mpjpe(scale[:, None, None] * predicted, target)


def velocity_error(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """MPJPE of first differences, (T - 1,), metres per frame."""
    return mpjpe(np.diff(predicted, axis=0), np.diff(target, axis=0))


def procrustes_aligned(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """`predicted` after the similarity transform that brings it closest to `target`.

    Per frame; reflections are not allowed. A frame whose joints coincide is only moved.
    """
    mean_p, mean_t = predicted.mean(-2, keepdims=True), target.mean(-2, keepdims=True)
    p, t = predicted - mean_p, target - mean_t
    norm_p = np.sqrt((p**2).sum((-1, -2), keepdims=True))
    norm_t = np.sqrt((t**2).sum((-1, -2), keepdims=True))
    safe_p, safe_t = np.maximum(norm_p, 1e-12), np.maximum(norm_t, 1e-12)
    u, s, vt = np.linalg.svd(np.swapaxes(t / safe_t, -1, -2) @ (p / safe_p))
    sign = np.sign(np.linalg.det(u @ vt))
    u[..., -1] *= sign[..., None]
    s[..., -1] *= sign
    rotation = np.swapaxes(u @ vt, -1, -2)
    scale = s.sum(-1)[..., None, None] * norm_t / safe_p
    return scale * (p @ rotation) + mean_t
