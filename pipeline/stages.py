"""The stages that both `poselift run` and the stage commands run on a video, with progress."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from data.errors import NoPersonFound
from data.structures import Detections, Poses3D, Tracks
from inference.tracking import TrackerSettings, choose_people, track
from inference.video_reader import VideoReader
from inference.video_writer import Kind
from pipeline.prefetch import prefetched
from pipeline.progress import Progress
from pipeline.render import overlay_size, render_overlay

# Frames are looked at no larger than this: more pixels do not help the detector.
DETECTION_SIDE = 1920


def detection_reader(video: Path, start_s: float | None, end_s: float | None) -> VideoReader:
    """The stretch of a video, in the size that is looked at. Raises: VideoError."""
    return VideoReader(video, start_s=start_s, end_s=end_s, fit=(DETECTION_SIDE, DETECTION_SIDE))


def track_people(
    source: Path, detections: Detections, people: str, settings: TrackerSettings
) -> Tracks:
    """Track, and keep the people asked for (see choose_people).

    Raises: NoPersonFound: naming `source`.
    """
    try:
        return choose_people(track(detections, settings), people)
    except NoPersonFound as error:
        raise NoPersonFound(f"{source}: {error}") from None


def render_clip(
    video: Path,
    tracks: Tracks,
    poses: Poses3D,
    destination: Path,
    kind: Kind,
    progress: Progress,
    *,
    start_s: float | None,
) -> None:
    """Draw the frames of a video that the tracks are of, decoding ahead.

    Args:
        start_s: where the tracks' stretch begins.
    Raises: OutputError, VideoError: see render_overlay.
    """
    timeline = tracks.timeline
    reader = VideoReader(
        video,
        start_s=start_s,
        fit=overlay_size(timeline.width, timeline.height, kind),
    )
    with (
        reported(progress, video.name, "render", len(timeline)),
        closing(prefetched(frame.image for frame in reader)) as images,
    ):
        render_overlay(
            images,
            tracks,
            poses,
            destination,
            kind=kind,
            audio_source=video if reader.info.has_audio else None,
            progress=lambda done, total: progress.advance(),
        )


@contextmanager
def reported(progress: Progress, clip: str, stage: str, total: int | None) -> Iterator[None]:
    """Begin and, come what may, end the report of a stage."""
    progress.begin(clip, stage, total)
    try:
        yield
    finally:
        progress.end()
