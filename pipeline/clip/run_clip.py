"""One clip from video to overlay: the stages composed, cached and timed."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from poselift.data.archives.stage_results import load_detections, save_detections
from poselift.data.errors import OutputError, PoseliftError, VideoError, reason_of
from poselift.data.progress import Progress, Silent, reported
from poselift.data.scene import CameraPath, KnownScene
from poselift.data.structures import (
    Detections,
    FrameDetections,
    Poses3D,
    Timeline,
    Tracks,
    count_of,
)
from poselift.inference.detecting import DETECTION_SIDE, detect, detection_reader
from poselift.inference.people.quality import Findings, all_findings
from poselift.inference.people.tracking import TrackerSettings
from poselift.inference.video.video_reader import VideoReader
from poselift.pipeline.clip.clip_result import ClipResult
from poselift.pipeline.clip.exports import EXPORT
from poselift.pipeline.clip.networks import Networks
from poselift.pipeline.clip.pages import PAGE_STAGE, files_beside, write_page
from poselift.pipeline.clip.settings import ENDS, STAGES
from poselift.pipeline.clip.stages import (
    CAMERA,
    DETECT,
    LIFT,
    RENDER,
    TRACK,
    lift_people,
    render_clip,
    track_people,
    watch_camera,
)
from poselift.pipeline.clip.summary import summary_of
from poselift.pipeline.exports.formats import exports_of
from poselift.pipeline.exports.scene import scene_of
from poselift.pipeline.folders.folder_record import SUMMARY, FolderRecord, Origin, locked
from poselift.pipeline.folders.sources import Known, content_sha256, known_of, state_of
from poselift.pipeline.folders.stage_cache import Receipt, StageCache, finish
from poselift.pipeline.viewer.page import PAGE
from poselift.pipeline.viewer.page_video import page_video

# Unfinished detections are put aside this often, for a run that is cut short.
SAVE_EVERY_S = 30.0


class FolderTaken(OutputError):
    """The folder holds the results of another video, which are left alone."""


def run_clip(
    source: Path,
    folder: Path,
    networks: Networks,
    progress: Progress | None = None,
    known: Known | None = None,
) -> ClipResult:
    """Video -> detections -> tracks -> poses -> overlay, each kept in `folder`.

    Before a stage is made anew, all that was made after it is removed: what lies in the
    folder belongs together. Files that Poselift did not write there stay as they are.

    Args:
        known: what the source is known by, where that is not its path.
    Raises:
        FolderTaken: `folder` holds the results of another video.
        OutputError: a file of somebody else has the name of a result.
        PoseliftError: naming the source; stages that ended before stay valid.
    """
    progress = progress or Silent()
    settings = networks.settings
    reader = detection_reader(
        source, settings.start_s, settings.end_s, rotate=settings.rotate, fps=settings.fps
    )
    with locked(
        folder, lambda by: progress.say(f"{folder}: in use by another run ({by}); waiting")
    ) as making:
        return _ClipRun(source, folder, making, networks, reader, progress, known).run()


class _ClipRun:
    """One run in a locked folder."""

    def __init__(
        self,
        source: Path,
        folder: Path,
        making: Path,
        networks: Networks,
        reader: VideoReader,
        progress: Progress,
        known: Known | None,
    ) -> None:
        self.begun, self.told_as = time.monotonic(), known.path if known else str(source)
        self.known = known or known_of(source)
        self.source, self.folder, self.making = source, folder, making
        self.networks, self.reader, self.progress = networks, reader, progress
        self.settings = settings = networks.settings
        self.scene = self._scene()
        self.record = FolderRecord(folder)
        self.before = state_of(source)
        self.cache = StageCache(
            self.record,
            making,
            (*STAGES, "summary"),
            ends=ENDS,
            use=settings.use_cache,
            forced=settings.force,
            before_record=self._check_unchanged,
        )

    def run(self) -> ClipResult:
        settings, networks = self.settings, self.networks
        overlay_name = f"overlay.{settings.render}" if settings.render != "none" else None
        origin = self._claim()
        results = [DETECT.file, CAMERA.file, TRACK.file, LIFT.file]
        results += [overlay_name] if overlay_name else []
        results += [PAGE] if settings.page else []
        self.record.check_replaceable([*results, SUMMARY])
        detections, tracks, poses = self._lifted(origin)
        overlay = self._overlay(overlay_name, tracks, poses) if overlay_name else None
        exports = self._export(poses)
        findings = all_findings(tracks)
        page = self._page(tracks, poses, findings) if settings.page else None
        times, told_as, reader = self.cache.times, self.told_as, self.reader
        summary = summary_of(
            told_as, reader, networks, detections, tracks, poses, findings, exports, times
        )
        self._write_summary(summary, [*results, *(path.name for path in exports)])
        seconds, frames = round(time.monotonic() - self.begun, 3), len(tracks.timeline)
        signature = self.known.signature
        finish(self.record, Receipt(networks.key, signature, seconds, frames, len(tracks.people)))
        made = (detections, tracks, poses, overlay, page)
        return ClipResult(self.source, self.folder, *made, summary, tuple(exports))

    def _lifted(self, origin: Origin) -> tuple[Detections, Tracks, Poses3D]:
        """The stages from the video to 3D."""
        settings, networks, tracker = self.settings, self.networks, TrackerSettings()
        shapes = {
            "source": origin.sha256,
            "stretch": [settings.start_s, settings.end_s],
            "detector": networks.pool.first.settings,
            "side": DETECTION_SIDE,
            "view": [settings.rotate, self.reader.info.hdr, self.reader.info.fps],
        }
        detections = self.cache.value(DETECT, shapes, self._detect)
        self._check_length(detections.timeline)
        camera = self.cache.value(
            CAMERA,
            {"watched": self.scene.camera, "lens": [self.scene.fov, self.scene.focal_px]},
            lambda: self._watch_camera(detections),
        )
        tracks = self.cache.value(
            TRACK,
            {"tracker": asdict(tracker), "people": settings.people},
            lambda: track_people(self.source, detections, settings.people, tracker, camera.cuts),
        )
        name, lifter, known = self.source.name, networks.lifter, self.scene
        poses = self.cache.value(
            LIFT,
            {"lifter": networks.lifter_sha256, "scene": asdict(known)},
            lambda: lift_people(name, tracks, lifter, self.progress, known=known, camera=camera),
        )
        return detections, tracks, poses

    def _overlay(self, name: str, tracks: Tracks, poses: Poses3D) -> Path:
        settings = self.settings
        return self.cache.file(
            RENDER,
            name,
            {"look": asdict(settings.look)},
            lambda part: render_clip(
                self.source,
                tracks,
                poses,
                part,
                self.progress,
                start_s=settings.start_s,
                rotate=settings.rotate,
                look=settings.look,
            ),
        )

    def _export(self, poses: Poses3D) -> list[Path]:
        """Raises: LayoutMismatch: a rig cannot be made of these joints; OutputError."""
        settings = self.settings
        if not settings.exports:
            return []
        made = exports_of(scene_of(poses, settings.export_settings), settings.exports)
        return self.cache.files(EXPORT, made, {"settings": asdict(settings.export_settings)})

    def _page(self, tracks: Tracks, poses: Poses3D, findings: Findings) -> Path:
        """The page, which is last: it offers the other results."""
        settings, files = self.settings, files_beside(self.record)
        video = page_video(self.source, self.folder, settings.page_video, rotate=settings.rotate)
        return self.cache.file(
            PAGE_STAGE,
            PAGE,
            {"name": self.source.name, "video": video.key, "files": files},
            lambda part: write_page(part, self.source.name, tracks, poses, video, files, findings),
        )

    def _claim(self) -> Origin:
        """Make the folder the source's. Raises: FolderTaken; VideoError: the file is gone."""
        try:
            sha256 = content_sha256(self.source)
        except OSError as error:
            raise VideoError(f"{self.source}: cannot be read ({reason_of(error)}).") from error
        origin, before = Origin(self.known.path, sha256), self.record.origin
        if before is not None and not before.is_of(origin):
            raise FolderTaken(
                f"{self.folder}: holds the results of {before.path}. Choose another folder."
            )
        self.record.claim(origin)
        return origin

    def _check_unchanged(self) -> None:
        """Raises: VideoError: the file is not the one that was begun with."""
        if state_of(self.source) != self.before:
            raise VideoError(f"{self.source}: changed while it was worked on. Run again.")

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

    def _detect(self) -> Detections:
        """Detect, going on from where a run that was cut short put its detections aside."""
        layout, info, aside = self.networks.pool.first.layout, self.reader.info, self.cache.aside()
        known = self._known_detections(aside)
        times: list[float] = []
        frames: list[FrameDetections] = []
        saved = time.monotonic()
        with reported(self.progress, self.source.name, DETECT.name, self.reader.expected_frames):
            for time_s, found in detect(self.reader, self.networks.pool, known):
                times.append(time_s)
                frames.append(found)
                self.progress.advance()
                if len(frames) > len(known) and time.monotonic() - saved > SAVE_EVERY_S:
                    timeline = Timeline(info.width, info.height, info.fps, np.array(times))
                    save_detections(aside, Detections(timeline, tuple(frames), layout))
                    saved = time.monotonic()
        self.cache.drop_aside()
        return Detections(self.reader.timeline(times), tuple(frames), layout)

    def _scene(self) -> KnownScene:
        """What is known, with the lens that the file names if the lifter can use one."""
        scene, lifter = self.settings.scene, self.networks.lifter
        built_in = lifter.weights.input_kind == "screen"
        return scene if built_in else scene.by_file(self.reader.info.focal_px)

    def _watch_camera(self, detections: Detections) -> CameraPath:
        asked = self.settings
        return watch_camera(
            self.source,
            detections,
            self.scene,
            self.progress,
            start_s=asked.start_s,
            end_s=asked.end_s,
            rotate=asked.rotate,
        )

    def _known_detections(self, aside: Path) -> tuple[FrameDetections, ...]:
        """What was put aside; a damaged file is as if it were not there."""
        if not aside.exists() or not self.cache.may_reuse(DETECT.name):
            return ()
        try:
            known = load_detections(aside).frames
        except PoseliftError:
            return ()
        self.progress.say(f"{self.source.name}: going on after {count_of(len(known), 'frame')}")
        return known

    def _write_summary(self, summary: dict[str, Any], results: list[str]) -> None:
        """Say what was done, once all of it is there. Raises: OutputError."""
        gone = [name for name in results if not (self.folder / name).is_file()]
        if gone:
            raise OutputError(
                f"{self.folder}: {', '.join(gone)} was removed while it was worked on. Run again."
            )
        part = self.making / SUMMARY
        part.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
        self._check_unchanged()
        self.record.put(part, SUMMARY, "summary", "")
