"""Where the overlay's panels go: the video, and the people in 3D beside or below it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poselift.inference.video.video_writer import Kind

MAX_SIZE: dict[Kind, tuple[int, int]] = {"mp4": (1280, 600), "gif": (800, 400)}
BESIDE_UPRIGHT: dict[Kind, int] = {"mp4": 1200, "gif": 800}  # whole width, upright videos
MIN_HEIGHT = 360  # of a panel: below this the 3D people are hard to make out
MAX_ENLARGEMENT = 2.0  # of a tiny video
WIDE = 3.0  # width over height of a video under which the 3D panel lies
WIDEST_SCENE = 4 / 3  # width over height of a 3D panel beside an upright video


@dataclass(frozen=True)
class Box:
    """A part of the canvas, pixels."""

    x: int
    y: int
    width: int
    height: int

    def of(self, image: np.ndarray) -> np.ndarray:
        """The part of (H, W, 3), to be drawn on."""
        return image[self.y : self.y + self.height, self.x : self.x + self.width]


@dataclass(frozen=True)
class Canvas:
    """All sizes are even.

    Args:
        video: the video as it is drawn.
        frame: the panel in whose middle it stands.
        scenes: the 3D panels.
    """

    video: Box
    frame: Box
    scenes: tuple[Box, ...]

    @property
    def width(self) -> int:
        return max(box.x + box.width for box in (self.frame, *self.scenes))

    @property
    def height(self) -> int:
        return max(box.y + box.height for box in (self.frame, *self.scenes))


def canvas_for(
    width: int, height: int, kind: Kind = "mp4", *, scenes: int = 1, panel: int | None = None
) -> Canvas:
    """The canvas of a source of this size.

    It stays within 1280x600 (800x400 for a GIF). The 3D panel is square beside a video that
    lies, wider beside one that is upright, and below one that is very wide. A video is enlarged
    no more than twice; one that is smaller still stands in the middle of a panel 360 high.

    Args:
        scenes: 3D panels; each further one widens the canvas.
        panel: height of all panels, pixels, whatever the canvas becomes; 3D panels are square.
    """
    aspect = width / height
    if panel is not None:
        high, wide = _even(panel), _even(panel * aspect)
        return _beside((wide, high), wide, high, high, scenes)
    if aspect >= WIDE and scenes == 1:
        return _below(width, height, kind)
    widest, highest = MAX_SIZE[kind]
    wanted = min(highest, widest / (aspect + 1), max(height, MIN_HEIGHT))
    high = _even(max(wanted, min(MIN_HEIGHT, highest)))
    scale = min(high / height, (widest - high) / width, MAX_ENLARGEMENT)
    video = _even(width * scale), _even(height * scale)
    frame = max(video[0], high // 4 * 2)
    room = BESIDE_UPRIGHT[kind] - frame
    scene = _even(min(max(room, high), high * WIDEST_SCENE)) if scenes == 1 else high
    return _beside(video, frame, scene, high, scenes)


def overlay_size(
    width: int, height: int, kind: Kind = "mp4", *, panel: int | None = None
) -> tuple[int, int]:
    """(width, height) that a decoder may scale its frames to, instead of the renderer."""
    video = canvas_for(width, height, kind, panel=panel).video
    return video.width, video.height


def _beside(video: tuple[int, int], frame: int, scene: int, high: int, scenes: int) -> Canvas:
    return Canvas(
        _centred(video, frame, high),
        Box(0, 0, frame, high),
        tuple(Box(frame + i * scene, 0, scene, high) for i in range(scenes)),
    )


def _below(width: int, height: int, kind: Kind) -> Canvas:
    """The video above, half of the height at most; the 3D panel under its whole width."""
    widest, highest = MAX_SIZE[kind]
    scale = min(widest / width, highest / 2 / height, MAX_ENLARGEMENT)
    video = _even(width * scale), _even(height * scale)
    wide = max(video[0], MIN_HEIGHT)
    scene = _even(min(highest - video[1], max(wide, MIN_HEIGHT)))
    return Canvas(
        _centred(video, wide, video[1]),
        Box(0, 0, wide, video[1]),
        (Box(0, video[1], wide, scene),),
    )


def _centred(video: tuple[int, int], wide: int, high: int) -> Box:
    return Box((wide - video[0]) // 2, (high - video[1]) // 2, *video)


def _even(size: float) -> int:
    return max(2 * round(size / 2), 2)
