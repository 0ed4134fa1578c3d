"""The stages that both `poselift run` and the stage commands run on a video, with progress."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from poselift.data.errors import NoPersonFound
from poselift.data.structures import Detections, Poses3D, Tracks
from poselift.inference.people.tracking import TrackerSettings, choose_people, track
from poselift.inference.video.video_reader import VideoReader
from poselift.inference.video.video_writer import Kind
from poselift.pipeline.clip.prefetch import prefetched
from poselift.pipeline.overlay.render import overlay_size, render_overlay
from poselift.pipeline.progress import Progress, reported


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
