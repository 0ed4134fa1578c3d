"""The camera that a clip was seen by, as exports hold it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from poselift.data.exports.settings import Axes
from poselift.data.scene import CameraPath


@dataclass(frozen=True, eq=False)
class Camera:
    """A pin-hole in one place, with the lens that is known or that the lifter assumes.

    Args:
        width, height: pixels of the picture, whose middle is the principal point.
        focal_px: focal length, pixels.
        place: (3,) where it stands: x right, y away, z up, metres.
        axes: (3, 3) rows: its right, the picture's down, and forward, in the same space.
        off_px: how far from where the lifter put them this camera sees the joints: half of
            them nearer than the first, none further than the second.
        times_s: (T,) of the clip's frames.
        path: how it turns and zooms from there; None: it does not.
    """

    width: int
    height: int
    focal_px: float
    place: np.ndarray
    axes: np.ndarray
    off_px: tuple[float, float]
    times_s: np.ndarray
    path: CameraPath | None = None

    @property
    def focals_px(self) -> np.ndarray:
        """(T,) of each frame."""
        return self.focal_px * (np.ones(len(self.times_s)) if self.path is None else self.path.zoom)

    def project(self, world: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """(T, J, 3) x right, y away, z up, metres, of (T,) frames -> (T, J, 2) pixels."""
        return self.pixels((world - self.place) @ self.axes.T, frames)

    def pixels(self, seen: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """(T, J, 3) x right, y down, z forward of the clip's camera -> (T, J, 2) pixels."""
        if self.path is not None:
            seen = seen @ self.path.turns[frames]
        flat = self.focals_px[frames, None, None] * seen[..., :2] / np.maximum(seen[..., 2:], 1e-6)
        return np.asarray(flat + np.array([self.width, self.height]) / 2)

    def posed(self, axes: Axes) -> tuple[np.ndarray, np.ndarray]:
        """Where it stands in a file's axes and units, (3,), and its own axes there as columns.

        As in glTF and USD: x right, y up in the picture, looking along -z; (T, 3, 3) where it
        turns, else (1, 3, 3).
        """
        rows = self.axes[None]
        if self.path is not None:
            rows = np.swapaxes(self.path.turns, -1, -2) @ self.axes
        unscaled = replace(axes, units="m")
        turned = unscaled.points(rows * ((1,), (-1,), (-1,)))
        return axes.points(self.place), np.swapaxes(turned, -1, -2)


def names_of(cameras: Sequence[Camera], people: Sequence[int]) -> dict[str, Camera]:
    """What a file calls them: `camera` if there is one that serves all."""
    if not cameras:
        return {}
    first = cameras[0]
    if all(
        np.allclose(camera.place, first.place, atol=1e-3)
        and np.allclose(camera.axes, first.axes, atol=1e-3)
        for camera in cameras
    ):
        return {"camera": first}
    named = zip(people, cameras, strict=True)
    return {f"person_{person}_camera": camera for person, camera in named}
