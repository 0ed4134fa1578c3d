"""The lens that a clip is lifted by: the one that is known, or the one that is assumed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poselift.data.cameras import normalise_screen

# Focal length in units of the longer image side where nothing is known of the camera:
# between a phone (0.8 to 0.9) and a camcorder (1.1 and more).
ASSUMED_FOCAL = 1.0


@dataclass(frozen=True)
class Lens:
    """Of pictures of this size, in their pixels.

    Args:
        known_px: the focal length, where it is known: keypoints are brought to where the
            assumed lens would show them, which is what networks have learnt to see.
    """

    width: int
    height: int
    known_px: float | None = None

    @property
    def px(self) -> float:
        """The focal length."""
        return self._assumed_px if self.known_px is None else self.known_px

    @property
    def focal(self) -> float:
        """Of what `screen` gives, screen units."""
        return 2 * self._assumed_px / self.width

    def screen(self, xy: np.ndarray) -> np.ndarray:
        """(..., 2) pixels -> where the assumed lens would show them, screen units."""
        screen = normalise_screen(xy, self.width, self.height)
        if self.known_px is None:
            return screen
        return screen * np.float32(self._assumed_px / self.known_px)

    @property
    def _assumed_px(self) -> float:
        return ASSUMED_FOCAL * max(self.width, self.height)
