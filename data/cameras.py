"""Cameras: screen normalisation, rotations and projection, in NumPy and in torch.

Camera space is x right, y down, z forward. Every function takes arrays of either
library and gives back the same kind, because training projects on the device what
inference normalises on the host. Where rounding allows several orders of arithmetic, the
reference's is kept: semi-supervised training, which divides by predicted depths, carries
a difference in the last bit into the fourth digit of its losses within ten steps.

Source: camera model of VideoPose3D (Human3.6M's, with radial and tangential distortion).
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch

Array = TypeVar("Array", np.ndarray, torch.Tensor)


def normalise_screen(xy: Array, width: float, height: float) -> Array:
    """Pixels -> screen units: the width maps to [-1, 1], the aspect ratio is kept.

    Args:
        xy: (..., 2) pixels.
    """
    if isinstance(xy, torch.Tensor):
        return xy / width * 2 - _like(xy, [1.0, height / width])
    screen: Array = (xy / width * 2 - np.array([1.0, height / width])).astype(_precision(xy))
    return screen


def image_coordinates(xy: Array, width: float, height: float) -> Array:
    """Screen units -> pixels: the inverse of normalise_screen."""
    return (xy + _like(xy, [1.0, height / width])) * (width / 2)


def quaternion_rotate(quaternion: Array, vectors: Array) -> Array:
    """Rotate (..., 3) vectors by unit quaternions (..., 4) in (w, x, y, z) order."""
    w, axis = quaternion[..., :1], quaternion[..., 1:]
    once = _cross(axis, vectors)
    return vectors + 2 * (w * once + _cross(axis, once))


def quaternion_inverse(quaternion: Array) -> Array:
    return quaternion * _like(quaternion, [1.0, -1.0, -1.0, -1.0])


def world_to_camera(points: Array, orientation: Array, translation: Array) -> Array:
    """World points (..., 3) seen from a camera standing at `translation`."""
    return quaternion_rotate(quaternion_inverse(orientation), points - translation)


def camera_to_world(points: Array, orientation: Array, translation: Array) -> Array:
    return quaternion_rotate(orientation, points) + translation


def project(points: Array, intrinsics: Array, *, distort: bool = True) -> Array:
    """Camera space -> screen units.

    Args:
        points: (..., 3) metres, in front of the camera.
        intrinsics: (..., 9) focal (2), centre (2), radial (3), tangential (2).
        distort: False leaves the lens distortion out (the linear variant).
    Returns:
        (..., 2); the ray's slope is held within [-1, 1] as in the reference.
    """
    focal, centre = intrinsics[..., :2], intrinsics[..., 2:4]
    ray = (points[..., :2] / points[..., 2:]).clip(-1, 1)
    if not distort:
        return focal * ray + centre
    k, p = intrinsics[..., 4:7], intrinsics[..., 7:9]
    r2 = (ray**2).sum(-1)[..., None]
    radial = 1 + (k * _joined(r2, r2**2, r2**3)).sum(-1)[..., None]
    tangential = (p * ray).sum(-1)[..., None]
    return focal * (ray * (radial + tangential) + p * r2) + centre


def unit_vectors(vectors: np.ndarray) -> np.ndarray:
    """(..., 3) directions of length 1; zero stays zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def _cross(a: Array, b: Array) -> Array:
    if isinstance(a, torch.Tensor):
        return torch.linalg.cross(*torch.broadcast_tensors(a, b))
    # torch's, here too: it rounds once where NumPy rounds twice.
    left, right = (torch.from_numpy(np.array(side, _precision(b))) for side in (a, b))
    return torch.linalg.cross(*torch.broadcast_tensors(left, right)).numpy()


def _joined(*columns: Array) -> Array:
    """(..., 1) each -> (..., N)."""
    if isinstance(columns[0], torch.Tensor):
        return torch.cat(columns, -1)
    return np.concatenate(columns, -1)


def _like(array: Array, values: list[float]) -> Array:
    """A vector of the same library, precision and device."""
    if isinstance(array, torch.Tensor):
        return array.new_tensor(values)
    return np.asarray(values, dtype=_precision(array))


def _precision(array: np.ndarray) -> np.dtype:
    """An array's floating-point type; whole numbers become double."""
    return array.dtype if np.issubdtype(array.dtype, np.floating) else np.dtype(np.float64)
