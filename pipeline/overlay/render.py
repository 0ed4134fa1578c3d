"""The overlay: the video with its skeletons beside the people in 3D, as one file.

Where the truth is known it stands in a panel of its own, seen by the same camera.

Frames are drawn and encoded one at a time; the encoder is a process of its own, so that
both go on at once and memory does not grow with the clip.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poselift.data.errors import VideoError
from poselift.data.progress import Progress
from poselift.data.structures import Poses3D, Tracks
from poselift.inference.video.video_writer import Kind, VideoWriter
from poselift.pipeline.overlay.drawing import TEXT, text, text_width
from poselift.pipeline.overlay.scene import Scene
from poselift.pipeline.overlay.scene_camera import camera_for
from poselift.pipeline.overlay.video_panel import VideoPanel

MAX_SIZE: dict[Kind, tuple[int, int]] = {"mp4": (1280, 600), "gif": (800, 400)}
MIN_HEIGHT = 360  # of a panel: below this the 3D people are hard to make out
MAX_ENLARGEMENT = 2.0  # of a tiny video
LETTERBOX = (24, 26, 32)


@dataclass(frozen=True)
class Canvas:
    """Where everything goes: the video on the left, square 3D panels on the right.

    Args:
        video_width, video_height: the video as it is drawn, pixels.
        left: width of the left panel, in whose middle the video stands.
        height: of all panels, and the width of each 3D one.
        scenes: how many 3D panels there are.
    """

    video_width: int
    video_height: int
    left: int
    height: int
    scenes: int = 1

    @property
    def width(self) -> int:
        return self.left + self.scenes * self.height


def canvas_for(
    width: int, height: int, kind: Kind = "mp4", *, scenes: int = 1, panel: int | None = None
) -> Canvas:
    """The canvas of a source of this size. All sizes are even.

    The canvas stays within 1280x600 (800x400 for a GIF). A video is enlarged no more than
    twice; one that is smaller still stands in the middle of a panel 360 high.

    Args:
        scenes: 3D panels; each further one widens the canvas.
        panel: height of all panels, pixels, whatever the canvas becomes.
    """
    aspect = width / height
    if panel is not None:
        high, wide = _even(panel), _even(panel * aspect)
        return Canvas(wide, high, wide, high, scenes)
    widest, highest = MAX_SIZE[kind]
    wanted = min(highest, widest / (aspect + 1), max(height, MIN_HEIGHT))
    high = _even(max(wanted, min(MIN_HEIGHT, highest)))
    scale = min(high / height, (widest - high) / width, MAX_ENLARGEMENT)
    video_width, video_height = _even(width * scale), _even(height * scale)
    return Canvas(video_width, video_height, max(video_width, high // 4 * 2), high, scenes)


def overlay_size(
    width: int, height: int, kind: Kind = "mp4", *, panel: int | None = None
) -> tuple[int, int]:
    """(width, height) that a decoder may scale its frames to, instead of the renderer."""
    canvas = canvas_for(width, height, kind, panel=panel)
    return canvas.video_width, canvas.video_height


class Renderer:
    """Draws the overlay of any frame of a clip.

    Args:
        tracks, poses: of the same clip, with as many frames.
        truth: the true poses, where they are known; shown beside the others.
        panel: height of the canvas in pixels; None chooses it by the video.
    """

    def __init__(
        self,
        tracks: Tracks,
        poses: Poses3D,
        kind: Kind = "mp4",
        *,
        truth: Poses3D | None = None,
        panel: int | None = None,
    ) -> None:
        if len(tracks.timeline) != len(poses.timeline):
            raise ValueError(f"{len(tracks.timeline)} frames of 2D, {len(poses.timeline)} of 3D")
        self._timeline, self._poses = tracks.timeline, poses
        size = tracks.timeline.width, tracks.timeline.height
        self.canvas = canvas_for(*size, kind, scenes=1 if truth is None else 2, panel=panel)
        self._video = VideoPanel(tracks, self.canvas.video_width, self.canvas.video_height)
        self._scenes = _scenes(poses, truth, self.canvas.height)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the canvas."""
        return self.canvas.width, self.canvas.height

    def draw(self, frame: np.ndarray, t: int) -> np.ndarray:
        """(height, width, 3) uint8 RGB, a new picture of frame `t`.

        Args:
            frame: (H, W, 3) uint8 RGB, upright; the source's size or already overlay_size.
        """
        canvas = self.canvas
        image = np.empty((canvas.height, canvas.width, 3), np.uint8)
        left = image[:, : canvas.left]
        x = (canvas.left - canvas.video_width) // 2
        y = (canvas.height - canvas.video_height) // 2
        if x or y:
            left[:] = LETTERBOX
        self._video.draw(left[y : y + canvas.video_height, x : x + canvas.video_width], frame, t)
        right = image[:, canvas.left :]
        for i, (title, scene) in enumerate(self._scenes.items()):
            panel = right[:, i * canvas.height : (i + 1) * canvas.height]
            scene.draw(panel, t)
            if len(self._scenes) > 1:
                capital, edge = _caption_size(panel)
                text(panel, title, edge, edge + round(capital), capital, TEXT)
        self._caption(right[:, : canvas.height], t)
        return image

    def _caption(self, image: np.ndarray, t: int) -> None:
        """Time and frame at the lower left, whose poses were filled in at the lower right."""
        capital, edge = _caption_size(image)
        y = image.shape[0] - edge
        minutes, seconds = divmod(float(self._timeline.times_s[t]), 60)
        text(image, f"{int(minutes)}:{seconds:05.2f}   frame {t}", edge, y, capital, TEXT)
        filled = self._poses.person_id[self._poses.interpolated[:, t] & self._poses.valid[:, t]]
        if len(filled):
            words = "interpolated: " + ", ".join(str(person) for person in filled)
            text(image, words, image.shape[1] - edge - text_width(words, capital), y, capital, TEXT)


def render_overlay(
    frames: Iterable[np.ndarray],
    tracks: Tracks,
    poses: Poses3D,
    destination: Path,
    *,
    kind: Kind = "mp4",
    audio_source: Path | None = None,
    truth: Poses3D | None = None,
    panel: int | None = None,
    bitrate_kbps: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Write the overlay of a clip; the file appears whole or not at all.

    Args:
        frames: (H, W, 3) uint8 RGB each, upright, in step with tracks.timeline.times_s.
        audio_source: the source; its sound is kept for the time that the frames span.
        truth, panel: see Renderer.
        bitrate_kbps: see VideoWriter.
        progress: advanced with every frame.
    Raises:
        OutputError: the file cannot be written or the encoder failed.
        VideoError: there are fewer frames than times.
    """
    times_s = tracks.timeline.times_s
    renderer = Renderer(tracks, poses, kind, truth=truth, panel=panel)
    source = iter(frames)
    with VideoWriter(
        destination,
        *renderer.size,
        times_s,
        kind=kind,
        audio=audio_source,
        bitrate_kbps=bitrate_kbps,
    ) as writer:
        for t in range(len(times_s)):
            frame = next(source, None)
            if frame is None:
                raise VideoError(
                    f"{destination}: the video gave {t} frames, its tracks have {len(times_s)}. "
                    "Is it the video of these tracks? If it changed, detect its people again."
                )
            if writer.pace.copies[t]:
                writer.write(t, renderer.draw(frame, t))
            if progress is not None:
                progress.advance()


def _scenes(poses: Poses3D, truth: Poses3D | None, side: int) -> dict[str, Scene]:
    """The 3D panels by their titles; all look from where everything is in view."""
    if truth is None:
        return {"reconstruction": Scene(poses, side, side)}
    world = np.concatenate([poses.world, truth.world])
    valid = np.concatenate([poses.valid, truth.valid])
    camera = camera_for(world, valid, poses.timeline.fps, side, side)
    return {
        "reconstruction": Scene(poses, side, side, camera),
        "ground truth": Scene(truth, side, side, camera),
    }


def _caption_size(image: np.ndarray) -> tuple[float, int]:
    """Height of capitals and distance from the edges, pixels."""
    return max(image.shape[0] / 58, 6.5), round(image.shape[0] / 34)


def _even(size: float) -> int:
    return max(2 * round(size / 2), 2)
