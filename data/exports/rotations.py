"""Rotations as unit quaternions (x, y, z, w) and matrices, in NumPy alone."""

from __future__ import annotations

import numpy as np


def unit(vectors: np.ndarray) -> np.ndarray:
    """(..., N) vectors or quaternions of length 1; zero stays zero."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))


def swing(a: np.ndarray, b: np.ndarray, aside: np.ndarray) -> np.ndarray:
    """The smallest rotation that takes unit directions to others, as matrices.

    Args:
        a, b: (..., 3). aside: (..., 3) across `a`; what is turned about where `b` is opposite.
    Returns: (..., 3, 3).
    """
    a, b, aside = np.broadcast_arrays(a, b, aside)
    share = 1 + (a * b).sum(-1, keepdims=True)
    axis = np.where(share > 1e-9, np.cross(a, b), unit(np.cross(np.cross(a, aside), a)))
    return matrices_of(unit(np.concatenate([axis, np.maximum(share, 0)], -1)))


def about(axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Rotations by (...) radians about unit axes (..., 3), as matrices (..., 3, 3)."""
    half = angle[..., None] / 2
    return matrices_of(np.concatenate([axis * np.sin(half), np.cos(half)], -1))


def matrices_of(quaternions: np.ndarray) -> np.ndarray:
    """(..., 4) -> (..., 3, 3)."""
    x, y, z, w = np.moveaxis(quaternions, -1, 0)
    rows = (
        *(1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        *(2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        *(2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    )
    return np.stack(rows, -1).reshape(*quaternions.shape[:-1], 3, 3)


def quaternions_of(matrices: np.ndarray) -> np.ndarray:
    """(T, ..., 3, 3) -> (T, ..., 4), whose signs do not jump from one T to the next."""
    m = np.moveaxis(matrices, (-2, -1), (0, 1))
    xx, yy, zz = m[0, 0], m[1, 1], m[2, 2]
    xy, xz, yz = m[0, 1] + m[1, 0], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1]
    xw, yw, zw = m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]
    rows = np.stack(
        [
            np.stack([1 + xx - yy - zz, xy, xz, xw], -1),
            np.stack([xy, 1 - xx + yy - zz, yz, yw], -1),
            np.stack([xz, yz, 1 - xx - yy + zz, zw], -1),
            np.stack([xw, yw, zw, 1 + xx + yy + zz], -1),
        ],
        -2,
    )
    # Each row is the quaternion times four of its entries: the largest is the surest.
    largest = np.diagonal(rows, axis1=-2, axis2=-1).argmax(-1)
    found = np.take_along_axis(rows, largest[..., None, None], -2)[..., 0, :]
    return steady_signs(unit(found))


def steady_signs(quaternions: np.ndarray) -> np.ndarray:
    """(T, ..., 4): of q and -q, the same rotation, the one nearer to that before."""
    near = (quaternions[1:] * quaternions[:-1]).sum(-1, keepdims=True)
    signs = np.cumprod(np.where(near < 0, -1.0, 1.0), axis=0)
    return np.concatenate([quaternions[:1], quaternions[1:] * signs])


def slerp(a: np.ndarray, b: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Between rotations (..., 4), at shares (..., 1) of the shorter way."""
    cosine = (a * b).sum(-1, keepdims=True)
    b, angle = np.where(cosine < 0, -b, b), np.arccos(np.clip(np.abs(cosine), 0, 1))
    sine = np.sin(angle)
    near = sine < 1e-6
    safe = np.where(near, 1.0, sine)
    first = np.where(near, 1 - share, np.sin((1 - share) * angle) / safe)
    last = np.where(near, share, np.sin(share * angle) / safe)
    return unit(first * a + last * b)


def euler_zxy(matrices: np.ndarray) -> np.ndarray:
    """(T, J, 3, 3) = Rz Rx Ry -> (T, J, 3) degrees about z, x, y, without jumps over T.

    Of the two solutions the one nearer to the frame before is taken, and unwrapped.
    """
    m = matrices
    middle = np.arcsin(np.clip(m[..., 2, 1], -1, 1))
    first = np.arctan2(-m[..., 0, 1], m[..., 1, 1])
    last = np.arctan2(-m[..., 2, 0], m[..., 2, 2])
    one = np.stack([first, middle, last], -1)
    other = np.stack([first + np.pi, np.pi - middle, last + np.pi], -1)
    angles = one.copy()
    for t in range(1, len(angles)):
        steps = np.stack([one[t], other[t]]) - angles[t - 1]
        steps -= 2 * np.pi * np.round(steps / (2 * np.pi))
        sizes = np.abs(steps).sum(-1)
        angles[t] = angles[t - 1] + np.where((sizes[0] <= sizes[1])[:, None], *steps)
    return np.degrees(angles)
