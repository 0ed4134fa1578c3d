"""The camera that a clip was seen by, as exports hold it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poselift.data.exports.settings import Axes


@dataclass(frozen=True, eq=False)
class Camera:
    """A pin-hole that stands still; its lens is the one that the lifter assumes.

    Args:
        width, height: pixels of the picture, whose middle is the principal point.
        focal_px: focal length, pixels.
        place: (3,) where it stands: x right, y away, z up, metres.
        axes: (3, 3) rows: its right, the picture's down, and forward, in the same space.
        off_px: how far from where the lifter put them this camera sees the joints: half of
            them nearer than the first, none further than the second.
    """

    width: int
    height: int
    focal_px: float
    place: np.ndarray
    axes: np.ndarray
    off_px: tuple[float, float]

    def project(self, world: np.ndarray) -> np.ndarray:
        """(..., 3) x right, y away, z up, metres -> (..., 2) pixels."""
        return pixels((world - self.place) @ self.axes.T, self)

    def posed(self, axes: Axes) -> tuple[np.ndarray, np.ndarray]:
        """Where it stands in a file's axes and units, (3,), and its own axes there as columns.

        As in glTF and USD: x right, y up in the picture, looking along -z.
        """
        unscaled = Axes("m", axes.up, axes.space)
        return axes.points(self.place), unscaled.points(self.axes * ((1,), (-1,), (-1,))).T


def names_of(cameras: Sequence[Camera], people: Sequence[int]) -> dict[str, Camera]:
    """What a file calls them: `camera` if there is one that serves all."""
    if not cameras:
        return {}
    if all(np.allclose(camera.place, cameras[0].place, atol=1e-6) for camera in cameras):
        return {"camera": cameras[0]}
    named = zip(people, cameras, strict=True)
    return {f"person_{person}_camera": camera for person, camera in named}


def pixels(seen: np.ndarray, camera: Camera) -> np.ndarray:
    """(..., 3) x right, y down, z forward -> (..., 2) pixels."""
    flat = camera.focal_px * seen[..., :2] / np.maximum(seen[..., 2:], 1e-6)
    middle = np.array([camera.width, camera.height]) / 2
    return np.asarray(flat + middle)
