"""A small picture of each clip: its video with the people drawn, or the people in 3D."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import cv2
import numpy as np

from poselift.data.archives.stage_results import load_poses
from poselift.data.errors import PoseliftError
from poselift.inference.video.own_videos import is_marked
from poselift.inference.video.video_reader import VideoReader
from poselift.inference.video.video_writer import Kind
from poselift.pipeline.overlay.canvas import canvas_for
from poselift.pipeline.overlay.look import Look
from poselift.pipeline.overlay.scene import Scene
from poselift.pipeline.viewer.summaries import Summary

OVERLAYS = ("overlay.mp4", "overlay.gif")
POSES = "poses3d.npz"
SIZE = (288, 162)  # at most, pixels
MOST_BYTES = 6000  # of the JPEG: 8 kB as text
QUALITIES = (78, 68, 58, 48, 38, 28, 18)
PREFIX = "data:image/jpeg;base64,"


def poster_key(folder: Path) -> str:
    """Changes when what the poster is made of does; empty: there is nothing to make one of."""
    for name in (*OVERLAYS, POSES):
        path = folder / name
        if path.is_file():
            stat = path.stat()
            return f"{name} {stat.st_size} {stat.st_mtime_ns}"
    return ""


def poster_of(folder: Path, summary: Summary) -> str:
    """A JPEG as a data URI, 8 kB at most; empty: none can be made."""
    for make in (_of_overlay, _of_poses):
        try:
            image = make(folder, summary)
        except (PoseliftError, OSError, ValueError):
            continue
        if image is not None:
            return _jpeg(image)
    return ""


def is_poster(value: object) -> bool:
    """Whether a text from an earlier index is one of ours."""
    if not isinstance(value, str) or len(value) > len(PREFIX) + MOST_BYTES * 4 // 3 + 4:
        return False
    return re.fullmatch(re.escape(PREFIX) + r"[A-Za-z0-9+/]+=*", value) is not None


def _of_overlay(folder: Path, summary: Summary) -> np.ndarray | None:
    """The middle of the overlay, its left panel."""
    path = next((folder / name for name in OVERLAYS if (folder / name).is_file()), None)
    if path is None or not is_marked(path):
        return None
    middle_s = (VideoReader(path).info.duration_s or 0) / 2
    image = next(iter(VideoReader(path, start_s=middle_s))).image
    kind: Kind = "gif" if path.suffix == ".gif" else "mp4"
    if summary.width and summary.height:
        canvas = canvas_for(summary.width, summary.height, kind)
        if (canvas.width, canvas.height) == image.shape[1::-1]:
            return canvas.video.of(image)
    return image


def _of_poses(folder: Path, summary: Summary) -> np.ndarray | None:
    """The people in 3D, in the middle of the clip."""
    del summary
    if not (folder / POSES).is_file():
        return None
    poses = load_poses(folder / POSES)
    frames = np.flatnonzero(poses.valid.any(0))
    if not len(frames):
        return None
    image = np.empty((SIZE[1] * 2, SIZE[0] * 2, 3), np.uint8)
    Scene(poses, image.shape[1], image.shape[0], Look()).draw(image, int(frames[len(frames) // 2]))
    return image


def _jpeg(image: np.ndarray) -> str:
    """As fine as fits."""
    height, width = image.shape[:2]
    for smaller in (1.0, 0.75, 0.5):
        scale = smaller * min(SIZE[0] / width, SIZE[1] / height, 1.0)
        size = max(round(width * scale), 2), max(round(height * scale), 2)
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)[..., ::-1]
        for quality in QUALITIES:
            _, content = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])
            if len(content) <= MOST_BYTES:
                return PREFIX + base64.b64encode(content.tobytes()).decode("ascii")
    return ""
