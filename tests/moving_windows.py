"""Moving cameras of known paths: windows that turn and zoom over the pictures of a still one.

A camera that turns about its middle sees the same rays as the still one, so that its pictures are
the still pictures seen through a homography, without any error of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

# Turns about x (looks up), y (to the left) and z, degrees, and zoom, at 0 to 1 of the clip.
Movement = Callable[[float], tuple[tuple[float, float, float], float]]


def _shake(share: float) -> tuple[tuple[float, float, float], float]:
    """A hand: three slow sines about each axis, and quick small ones."""
    slow, quick = (0.9, 2.1, 1), (0.35, 7.3, 2)
    waves = [
        sum(size * np.sin(2 * np.pi * (f * share + k * begin)) for size, f, k in (slow, quick))
        for begin in (0.1, 0.4, 0.75)
    ]
    return (float(waves[0]), float(waves[1]), float(waves[2]) / 2), 1.0


MOVEMENTS: dict[str, Movement] = {
    "still": lambda share: ((0.0, 0.0, 0.0), 1.0),
    "pan": lambda share: ((0.0, 7.0 - 14.0 * share, 0.0), 1.0),
    "tilt": lambda share: ((3.0 - 6.0 * share, 0.0, 0.0), 1.0),
    "roll": lambda share: ((0.0, 0.0, -12.0 + 24.0 * share), 1.0),
    "zoom": lambda share: ((0.0, 0.0, 0.0), 0.85 + 0.4 * share),
    "shake": _shake,
}


@dataclass(frozen=True)
class Window:
    """A window of `size` (width, height) pixels over pictures of `whole`.

    Args:
        field: share of the still picture's width that it shows at zoom 1.
    """

    whole: tuple[int, int]
    size: tuple[int, int]
    field: float = 0.7

    @property
    def still_px(self) -> float:
        """Focal length that the still camera is taken to have."""
        return float(max(self.whole))

    @property
    def focal_px(self) -> float:
        """Focal length of the window at zoom 1."""
        return self.still_px * self.size[0] / (self.field * self.whole[0])

    def path(self, movement: Movement, frames: int) -> tuple[np.ndarray, np.ndarray]:
        """(T, 3, 3) turns from the still camera to each frame's, and (T,) zoom."""
        at = [movement(i / max(1, frames - 1)) for i in range(frames)]
        turns = Rotation.from_euler("xyz", [angles for angles, _ in at], degrees=True)
        return turns.as_matrix(), np.array([zoom for _, zoom in at])

    def pictures(
        self, still: Iterable[np.ndarray], turns: np.ndarray, zoom: np.ndarray
    ) -> Iterator[np.ndarray]:
        whole = _lens(self.still_px, self.whole)
        for picture, turn, scale in zip(still, turns, zoom, strict=False):
            seen = _lens(self.focal_px * scale, self.size) @ turn @ np.linalg.inv(whole)
            yield cv2.warpPerspective(picture, seen, self.size, flags=cv2.INTER_LINEAR)


def turn_errors(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(T,) degrees that turns to the clip's camera are off, wherever that camera is.

    Args:
        found: (T, 3, 3) from each frame's camera to the clip's.
        true: (T, 3, 3) from another clip's camera to each frame's.
    """
    together = Rotation.from_matrix(found @ true)  # the same rotation, if all is right
    return np.asarray(np.degrees((together.mean().inv() * together).magnitude()))


def _lens(focal_px: float, size: tuple[int, int]) -> np.ndarray:
    return np.array([[focal_px, 0, size[0] / 2], [0, focal_px, size[1] / 2], [0, 0, 1]])
