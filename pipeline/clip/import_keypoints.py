"""Keypoints made elsewhere become ours: read, convert to COCO-17, find or keep the people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poselift.data.errors import FormatError
from poselift.data.foreign.clip import ForeignClip
from poselift.data.foreign.conversion import Imported, convert, frame_indices
from poselift.data.foreign.formats import read_foreign
from poselift.data.foreign.layouts import layout_of
from poselift.data.progress import Progress, Silent, reported
from poselift.data.structures import Timeline, Tracks
from poselift.inference.people.tracking import TrackerSettings, choose_people, tracks_by_id
from poselift.inference.video.video_reader import VideoReader
from poselift.pipeline.clip.stages import track_people

# Frames are only counted and timed here.
_GLANCE = (32, 32)


@dataclass(frozen=True)
class ImportSettings:
    """What is known of the keypoints besides their file.

    Args:
        kind: a name of poselift.data.foreign.formats.FORMATS, or auto.
        layout: a name in layouts.toml or the path of such a file; None to find out.
        video: what the keypoints are of; else its width and height in pixels and fps.
        rotate: degrees clockwise to turn the video's shown picture by: 0, 90, 180 or 270.
        people: `all`, `best`, or how many of the best, as text.
    """

    kind: str = "auto"
    layout: str | None = None
    video: Path | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    rotate: int = 0
    people: str = "all"


@dataclass(frozen=True)
class ImportedClip:
    """What came of it.

    Args:
        kind: the format that was read.
    """

    kind: str
    imported: Imported
    tracks: Tracks

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know, a sentence each."""
        seen = sum(len(frame) > 0 for frame in self.imported.detections.frames)
        total = len(self.tracks.timeline)
        few = () if seen >= 0.5 * total else (f"people are seen in {seen} of {total} frames",)
        return (*self.imported.notes, *few)


def import_keypoints(
    source: Path, settings: ImportSettings, progress: Progress | None = None
) -> ImportedClip:
    """Read a file or folder of another tool.

    Raises: FormatError, LayoutMismatch, UnknownName, UnsafeFile, VideoError; NoPersonFound.
    """
    video = settings.video
    clip = read_foreign(source, settings.kind, video.name if video else None)
    layout = layout_of(clip, settings.layout)
    rotation = 0
    if video:
        reader = VideoReader(video, fit=_GLANCE, rotate=settings.rotate, fps=settings.fps)
        timeline = _timeline_of_video(clip, reader, progress or Silent())
        rotation = reader.info.rotation if not settings.rotate else 0
    else:
        timeline = _timeline_as_told(clip, settings)
    imported = convert(clip, layout, timeline, rotation)
    detections, people = imported.detections, settings.people
    if imported.ids is None:
        tracks = track_people(source, detections, people, TrackerSettings())
    else:
        tracks = choose_people(tracks_by_id(detections, imported.ids), people)
    return ImportedClip(clip.format, imported, tracks)


def _timeline_of_video(clip: ForeignClip, reader: VideoReader, progress: Progress) -> Timeline:
    """The frames that the video really has. Raises: VideoError; FormatError: another size."""
    info = reader.info
    if clip.size is not None and clip.size != (info.width, info.height):
        turned = clip.size == (info.height, info.width)
        raise FormatError(
            f"{clip.source}: is of a video of {clip.size[0]}x{clip.size[1]} pixels, but "
            f"{reader.path} is shown as {info.width}x{info.height}. Give the video that the "
            f"keypoints are of{', or turn its picture with --rotate' if turned else ''}."
        )
    times = []
    with reported(progress, reader.path.name, "read", reader.expected_frames):
        for frame in reader:
            times.append(frame.time_s)
            progress.advance()
    return reader.timeline(times)


def _timeline_as_told(clip: ForeignClip, settings: ImportSettings) -> Timeline:
    """Raises: FormatError: neither the file nor the user says how large or how fast."""
    width, height = clip.size or (None, None)
    width, height = settings.width or width, settings.height or height
    fps = settings.fps or clip.fps
    if width is None or height is None or fps is None:
        unknown = [] if width and height else ["how large the picture is"]
        unknown += [] if fps else ["how many frames a second it has"]
        raise FormatError(
            f"{clip.source}: does not say {' and '.join(unknown)}. Give the video with --video, "
            "or --width, --height and --fps."
        )
    indices = frame_indices(clip, None)
    every = np.arange(max(indices.values()) + 1)
    if clip.times_s is None or settings.fps:
        return Timeline(width, height, fps, every / fps)
    told = [clip.times_s[frame] for frame in indices]
    times_s = np.interp(every, list(indices.values()), told)
    before = np.maximum(min(indices.values()) - every, 0)
    return Timeline(width, height, fps, times_s - before / fps)
