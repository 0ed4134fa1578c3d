"""The stages of a clip, and the files that they leave."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import cv2

from poselift.data.archives.stage_results import (
    load_camera,
    load_detections,
    load_poses,
    load_tracks,
    save_camera,
    save_detections,
    save_poses,
    save_tracks,
)
from poselift.data.errors import FormatError, NoPersonFound, VideoError
from poselift.data.progress import Progress, Silent, reported
from poselift.data.scene import NOTHING_KNOWN, CameraPath, KnownScene
from poselift.data.structures import Detections, Poses3D, Timeline, Tracks, VideoInfo
from poselift.inference.camera.background import Picture
from poselift.inference.camera.watching import SIDE, camera_path
from poselift.inference.people.tracking import TrackerSettings, choose_people, track
from poselift.inference.poses.lens import Lens
from poselift.inference.poses.lifting import Lifter
from poselift.inference.poses.tracks_to_poses import poses_of
from poselift.inference.video.video_reader import VideoReader
from poselift.inference.video.video_writer import Kind
from poselift.pipeline.folders.stage_cache import Stage
from poselift.pipeline.overlay.canvas import overlay_size
from poselift.pipeline.overlay.look import Look
from poselift.pipeline.overlay.render import render_overlay

DETECT = Stage("detect", "detections.npz", save_detections, load_detections)
CAMERA = Stage("camera", "camera.npz", save_camera, load_camera)
TRACK = Stage("track", "keypoints2d.npz", save_tracks, load_tracks)
LIFT = Stage("lift", "poses3d.npz", save_poses, load_poses)
RENDER = "render"

KINDS: dict[str, Kind] = {".mp4": "mp4", ".gif": "gif"}
FRAMES_AHEAD = 4

Item = TypeVar("Item")


def watch_camera(
    video: Path,
    detections: Detections,
    known: KnownScene,
    progress: Progress | None = None,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    rotate: int = 0,
) -> CameraPath:
    """How the camera moved, by what is seen of the background outside of people.

    Args:
        start_s, end_s, rotate: as they were for the detections.
    Raises: VideoError.
    """
    timeline, progress = detections.timeline, progress or Silent()
    frames = len(timeline)
    if known.camera == "still":
        return CameraPath.still(frames)
    share = min(1.0, SIDE / max(timeline.width, timeline.height))

    def pictures() -> Iterator[Picture]:
        reader = VideoReader(
            video, start_s=start_s, end_s=end_s, fit=(SIDE, SIDE), rotate=rotate, fps=timeline.fps
        )
        with closing(prefetched(islice(reader, frames))) as images:
            for image, found in zip(images, detections.frames, strict=False):
                gray = cv2.cvtColor(image.image, cv2.COLOR_RGB2GRAY)
                yield Picture(gray, found.boxes * share)

    lens = Lens(timeline.width, timeline.height, known.focal_for(timeline.width))
    with reported(progress, video.name, CAMERA.name, None):
        return camera_path(pictures, lens.px * share, timeline.fps)


def track_people(
    source: Path,
    detections: Detections,
    people: str,
    settings: TrackerSettings,
    cuts: Sequence[int] = (),
) -> Tracks:
    """Track, and keep the people asked for (see choose_people).

    Raises: NoPersonFound: naming `source`.
    """
    try:
        return choose_people(track(detections, settings, cuts), people)
    except NoPersonFound as error:
        raise NoPersonFound(f"{source}: {error}") from None


def lift_people(
    clip: str,
    tracks: Tracks,
    lifter: Lifter,
    progress: Progress | None = None,
    *,
    known: KnownScene = NOTHING_KNOWN,
    camera: CameraPath | None = None,
) -> Poses3D:
    """Lift everybody, reported as a stage. Raises: LayoutMismatch, UnknownName."""
    progress = progress or Silent()
    total = sum(person.span.stop - person.span.start for person in tracks.people)
    with reported(progress, clip, LIFT.name, total):
        return poses_of(tracks, lifter, known=known, camera=camera, progress=progress)


def render_clip(
    video: Path,
    tracks: Tracks,
    poses: Poses3D,
    destination: Path,
    progress: Progress | None = None,
    *,
    start_s: float | None,
    rotate: int = 0,
    look: Look | None = None,
) -> None:
    """Draw the frames of a video that the tracks are of, decoding ahead.

    Args:
        start_s: where the tracks' stretch of the video begins.
        rotate: as it was when the tracks were made.
        look: the view and the colours; None is the usual.
    Raises: FormatError: neither .mp4 nor .gif; OutputError, VideoError: see render_overlay.
    """
    kind = KINDS.get(destination.suffix.lower())
    if kind is None:
        raise FormatError(f"{destination}: overlays are .mp4 or .gif.")
    timeline, progress = tracks.timeline, progress or Silent()
    reader = VideoReader(
        video,
        start_s=start_s,
        fit=overlay_size(timeline.width, timeline.height, kind),
        rotate=rotate,
        fps=timeline.fps,
    )
    check_shape(video, reader.info, timeline)
    with (
        reported(progress, video.name, RENDER, len(timeline)),
        closing(prefetched(frame.image for frame in reader)) as images,
    ):
        render_overlay(
            images,
            tracks,
            poses,
            destination,
            kind=kind,
            look=look,
            audio_source=video if reader.info.has_audio else None,
            progress=progress,
        )


def check_shape(video: Path, info: VideoInfo, timeline: Timeline) -> None:
    """Raises: VideoError: pictures of this shape are not those that the keypoints lie in."""
    ratio = (info.width / info.height) / (timeline.width / timeline.height)
    if not 0.9 < ratio < 1.1:
        raise VideoError(
            f"{video}: is shown as {info.width}x{info.height}, and its keypoints lie in "
            f"{timeline.width}x{timeline.height}. Give the video that they are of, turned by "
            "--rotate as it was for them."
        )


def prefetched(items: Iterable[Item], ahead: int = FRAMES_AHEAD) -> Generator[Item, None, None]:
    """The same items in the same order, at most `ahead` of them made in advance by a thread.

    An error of the producer is raised here, after the items before it. Closing the
    generator (or leaving its loop) stops the producer.
    """
    end: Any = object()
    source = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as thread:
        waiting = deque(thread.submit(next, source, end) for _ in range(ahead))
        try:
            while (item := waiting.popleft().result()) is not end:
                waiting.append(thread.submit(next, source, end))
                yield item
        finally:
            for future in waiting:
                future.cancel()
