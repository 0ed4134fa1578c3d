"""One clip from video to overlay: the stages composed, cached and timed."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poselift.data.archives.stage_results import (
    load_detections,
    load_poses,
    load_tracks,
    save_detections,
    save_poses,
    save_tracks,
)
from poselift.data.errors import OutputError, VideoError
from poselift.data.files.whole_file import file_sha256
from poselift.data.structures import Detections, FrameDetections, Poses3D, Timeline, Tracks
from poselift.inference.detecting import DETECTION_SIDE, detect_video, detection_reader
from poselift.inference.people.tracking import TrackerSettings
from poselift.inference.poses.tracks_to_poses import poses_of
from poselift.inference.video.video_reader import VideoReader
from poselift.inference.video.video_writer import Kind
from poselift.pipeline.clip.cache import SUMMARY, Origin, StageCache, locked, stage_key
from poselift.pipeline.clip.clip_folders import absolute
from poselift.pipeline.clip.networks import Workshop
from poselift.pipeline.clip.settings import STAGES
from poselift.pipeline.clip.stages import render_clip, track_people
from poselift.pipeline.clip.summary import StageTimes, summary_of, write_summary
from poselift.pipeline.progress import Progress, Silent, reported

# Unfinished detections are put aside this often, for a run that is cut short.
SAVE_EVERY_S = 30.0
# What each stage leaves in the folder.
RESULTS = {
    "detect": ("detections.npz",),
    "track": ("keypoints2d.npz",),
    "lift": ("poses3d.npz",),
    "render": ("overlay.mp4", "overlay.gif"),
}


class FolderTaken(OutputError):
    """The folder holds the results of another video, which are left alone."""


@dataclass(frozen=True)
class ClipResult:
    """What became of one clip.

    Args:
        overlay: path of the rendered video; None without rendering.
        summary: the content of summary.json.
    """

    source: Path
    folder: Path
    detections: Detections
    tracks: Tracks
    poses: Poses3D
    overlay: Path | None
    summary: dict[str, Any]


def run_clip(
    source: Path, folder: Path, shop: Workshop, progress: Progress | None = None
) -> ClipResult:
    """Video -> detections -> tracks -> poses -> overlay, each kept in `folder`.

    Before a stage is made anew, all that was made after it is removed: what lies in the
    folder belongs together.

    Raises:
        FolderTaken: `folder` holds the results of another video.
        PoseliftError: naming the source; stages that ended before stay valid.
    """
    progress = progress or Silent()
    settings = shop.settings
    reader = detection_reader(source, settings.start_s, settings.end_s)
    with locked(folder, lambda: progress.say(f"{folder}: in use by another run; waiting")):
        return _ClipRun(source, folder, shop, reader, progress).run()


class _ClipRun:
    """One run in a locked folder."""

    def __init__(
        self, source: Path, folder: Path, shop: Workshop, reader: VideoReader, progress: Progress
    ) -> None:
        self.source, self.folder, self.shop = source, folder, shop
        self.reader, self.progress = reader, progress
        self.settings = shop.settings
        self.cache = StageCache(folder, use=self.settings.use_cache)
        forced = [STAGES.index(stage) for stage in self.settings.force]
        self.forced = set(STAGES[min(forced, default=len(STAGES)) :])
        self.times = StageTimes()

    def run(self) -> ClipResult:
        settings, shop, tracker = self.settings, self.shop, TrackerSettings()
        origin = self._claim()
        key = stage_key(
            "detect",
            source=origin.sha256,
            stretch=[settings.start_s, settings.end_s],
            detector=shop.pool.first.settings,
            side=DETECTION_SIDE,
        )
        path = self._stage("detect", key, "detections.npz", self._detect)
        detections = load_detections(path)
        self._check_length(detections.timeline)
        key = stage_key("track", before=key, tracker=asdict(tracker), people=settings.people)
        path = self._stage(
            "track", key, "keypoints2d.npz", lambda to, _: self._track(to, detections, tracker)
        )
        tracks = load_tracks(path)
        key = stage_key("lift", before=key, lifter=shop.lifter_sha256)
        path = self._stage("lift", key, "poses3d.npz", lambda to, _: self._lift(to, tracks))
        poses = load_poses(path)
        overlay = None
        if settings.render != "none":
            key = stage_key("render", before=key)
            overlay = self._stage(
                f"render {settings.render}",
                key,
                f"overlay.{settings.render}",
                lambda to, _: self._render(to, tracks, poses),
            )
        summary = summary_of(self.source, self.reader, shop, detections, tracks, self.times)
        write_summary(self.folder / SUMMARY, summary)
        return ClipResult(self.source, self.folder, detections, tracks, poses, overlay, summary)

    def _claim(self) -> Origin:
        """Make the folder the source's. Raises: FolderTaken."""
        origin, before = Origin(absolute(self.source), file_sha256(self.source)), self.cache.origin
        if before is not None and not before.is_of(origin):
            raise FolderTaken(
                f"{self.folder}: holds the results of {before.path}. Choose another folder."
            )
        self.cache.claim(origin)
        return origin

    def _stage(self, stage: str, key: str, file: str, make: Callable[[Path, str], None]) -> Path:
        """The stage's file, made anew unless it is up to date."""
        begun, path = time.monotonic(), self.folder / file
        reuse = stage.split()[0] not in self.forced and self.cache.fresh(stage, key) == path
        if not reuse:
            later = STAGES[STAGES.index(stage.split()[0]) + 1 :]
            files = itertools.chain.from_iterable(RESULTS[name] for name in later)
            self.cache.drop(later, (SUMMARY, *files))
            make(path, key)
            self.cache.record(stage, key, path)
        self.times.note(stage.split()[0], time.monotonic() - begun, reused=reuse)
        return path

    def _check_length(self, timeline: Timeline) -> None:
        """Raises: VideoError: a single frame."""
        if len(timeline) < 2:
            raise VideoError(
                f"{self.source}: has one frame only, and a pose is read from movement. "
                "Give a video of at least 2 frames."
            )
        if timeline.lost_frames:
            self.progress.say(
                f"{self.source}: breaks off; {len(timeline)} of {timeline.expected_frames} "
                "frames decode, and those are used."
            )

    def _detect(self, path: Path, key: str) -> None:
        """Detect, going on from where a run that was cut short put its detections aside."""
        aside = self.folder / f".detections-{key[:16]}.npz"
        known = None
        if aside.exists() and self.cache.use and "detect" not in self.forced:
            known = load_detections(aside)
            self.progress.say(f"{self.source.name}: going on after {len(known.frames)} frames")
        info, saved = self.reader.info, time.monotonic()
        layout = self.shop.pool.first.layout

        def each(times: list[float], frames: list[FrameDetections]) -> None:
            nonlocal saved
            self.progress.advance()
            if time.monotonic() - saved > SAVE_EVERY_S:
                timeline = Timeline(info.width, info.height, info.fps, np.array(times))
                save_detections(aside, Detections(timeline, tuple(frames), layout))
                saved = time.monotonic()

        with self._reported("detect", self.reader.expected_frames):
            self.progress.advance(len(known.frames) if known else 0)
            detections = detect_video(self.reader, self.shop.pool, known=known, each=each)
        save_detections(path, detections)
        for leftover in self.folder.glob(".detections-*.npz"):
            leftover.unlink(missing_ok=True)

    def _track(self, path: Path, detections: Detections, tracker: TrackerSettings) -> None:
        people = self.settings.people
        save_tracks(path, track_people(self.source, detections, people, tracker))

    def _lift(self, path: Path, tracks: Tracks) -> None:
        total = sum(person.span.stop - person.span.start for person in tracks.people)
        with self._reported("lift", total):
            poses = poses_of(tracks, self.shop.lifter, each=self.progress.advance)
        save_poses(path, poses)

    def _render(self, path: Path, tracks: Tracks, poses: Poses3D) -> None:
        kind: Kind = "gif" if self.settings.render == "gif" else "mp4"
        start_s = self.settings.start_s
        render_clip(self.source, tracks, poses, path, kind, self.progress, start_s=start_s)

    def _reported(self, stage: str, total: int | None) -> AbstractContextManager[None]:
        return reported(self.progress, self.source.name, stage, total)
