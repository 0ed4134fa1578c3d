"""The overlay: the video with its skeletons beside the people in 3D, as one file.

Where the truth is known it stands in a panel of its own, seen by the same camera.

Frames are drawn and encoded one at a time; the encoder is a process of its own, so that
both go on at once and memory does not grow with the clip.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from poselift.data.errors import VideoError
from poselift.data.progress import Progress
from poselift.data.structures import Poses3D, Tracks
from poselift.inference.video.video_writer import Kind, VideoWriter
from poselift.pipeline.overlay.canvas import Box, canvas_for
from poselift.pipeline.overlay.drawing import text, text_width
from poselift.pipeline.overlay.look import Look
from poselift.pipeline.overlay.scene import Scene
from poselift.pipeline.overlay.video_panel import VideoPanel
from poselift.pipeline.overlay.view_choice import camera_for


class Renderer:
    """Draws the overlay of any frame of a clip.

    Args:
        tracks, poses: of the same clip, with as many frames.
        truth: the true poses, where they are known; shown beside the others.
        panel: height of the canvas in pixels; None chooses it by the video.
        look: the view and the colours.
    """

    def __init__(
        self,
        tracks: Tracks,
        poses: Poses3D,
        kind: Kind = "mp4",
        *,
        truth: Poses3D | None = None,
        panel: int | None = None,
        look: Look | None = None,
    ) -> None:
        if len(tracks.timeline) != len(poses.timeline):
            raise ValueError(f"{len(tracks.timeline)} frames of 2D, {len(poses.timeline)} of 3D")
        self._timeline, self._poses = tracks.timeline, poses
        look = look or Look()
        self._style = look.colours
        size = tracks.timeline.width, tracks.timeline.height
        self.canvas = canvas_for(*size, kind, scenes=1 if truth is None else 2, panel=panel)
        self._video = VideoPanel(tracks, self.canvas.video.width, self.canvas.video.height)
        self._scenes = _scenes(poses, truth, self.canvas.scenes[0], look)

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
        if canvas.frame != canvas.video:
            canvas.frame.of(image)[:] = self._style.letterbox
        self._video.draw(canvas.video.of(image), frame, t)
        for (title, scene), box in zip(self._scenes.items(), canvas.scenes, strict=True):
            panel = box.of(image)
            scene.draw(panel, t)
            if len(self._scenes) > 1:
                capital, edge = _caption_size(panel)
                text(panel, title, edge, edge + round(capital), capital, self._style.text)
        self._caption(canvas.scenes[0].of(image), t)
        return image

    def _caption(self, image: np.ndarray, t: int) -> None:
        """Time and frame at the lower left, whose poses were filled in at the lower right."""
        capital, edge = _caption_size(image)
        y = image.shape[0] - edge
        minutes, seconds = divmod(float(self._timeline.times_s[t]), 60)
        words = f"{int(minutes)}:{seconds:05.2f}   frame {t}"
        text(image, words, edge, y, capital, self._style.text)
        filled = self._poses.person_id[self._poses.interpolated[:, t] & self._poses.valid[:, t]]
        if len(filled):
            words = "interpolated: " + ", ".join(str(person) for person in filled)
            x = image.shape[1] - edge - text_width(words, capital)
            text(image, words, x, y, capital, self._style.text)


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
    look: Look | None = None,
    bitrate_kbps: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Write the overlay of a clip; the file appears whole or not at all.

    Args:
        frames: (H, W, 3) uint8 RGB each, upright, in step with tracks.timeline.times_s.
        audio_source: the source; its sound is kept for the time that the frames span.
        truth, panel, look: see Renderer.
        bitrate_kbps: see VideoWriter.
        progress: advanced with every frame.
    Raises:
        OutputError: the file cannot be written or the encoder failed.
        VideoError: there are fewer frames than times.
    """
    times_s = tracks.timeline.times_s
    renderer = Renderer(tracks, poses, kind, truth=truth, panel=panel, look=look)
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


def _scenes(poses: Poses3D, truth: Poses3D | None, box: Box, look: Look) -> dict[str, Scene]:
    """The 3D panels by their titles; all look from where everything is in view."""
    size = box.width, box.height
    if truth is None:
        return {"reconstruction": Scene(poses, *size, look)}
    world = np.concatenate([poses.world, truth.world])
    valid = np.concatenate([poses.valid, truth.valid])
    camera = camera_for(world, valid, poses.timeline.fps, *size, look.view)
    return {
        "reconstruction": Scene(poses, *size, look, camera),
        "ground truth": Scene(truth, *size, look, camera),
    }


def _caption_size(image: np.ndarray) -> tuple[float, int]:
    """Height of capitals and distance from the edges, pixels."""
    return max(image.shape[0] / 50, 8.0), round(image.shape[0] / 34)
