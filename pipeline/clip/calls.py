"""The stages as calls, values in and out: what `import poselift` offers beside `run_video`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from poselift.data.files.file_kinds import check_output
from poselift.data.progress import Progress
from poselift.data.scene import NOTHING_KNOWN, CameraPath, KnownScene
from poselift.data.skeletons import COCO17
from poselift.data.structures import Detections, FrameDetections, Poses3D, Timeline, Tracks
from poselift.inference.detecting import DetectorPool, detect_whole, detection_reader
from poselift.inference.detectors import make_detector
from poselift.inference.detectors.choice import DEFAULT, DetectorChoice
from poselift.inference.people.tracking import TrackerSettings, tracks_by_id
from poselift.inference.video.own_videos import OVERLAY
from poselift.models.devices import BEST
from poselift.models.registry import DEFAULT_LIFTER
from poselift.pipeline.clip.networks import make_lifter
from poselift.pipeline.clip.stages import lift_people, render_clip, track_people, watch_camera
from poselift.pipeline.overlay.look import Look, StyleName, View


def detect(
    video: str | Path,
    detector: str | DetectorChoice = DEFAULT,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    rotate: int = 0,
    fps: float | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Detections:
    """Everybody in every frame of a video, in pixels of its upright full size.

    Args:
        video: a file, or numbered pictures: their folder, or a pattern like img_%05d.png.
        detector: movenet, movenet-fast, rtmpose, mediapipe or detectron2, or one with its
            options.
        start_s, end_s: the stretch of the video, seconds.
        rotate: degrees clockwise to turn the shown picture by: 0, 90, 180 or 270.
        fps: pictures a second, of numbered pictures.
        workers: detectors at work at once; None takes one for each core.
    Raises: VideoError, UnknownName, MissingDependency, MissingWeights; ValueError: no such
        rotation or rate.

    >>> poselift.detect("data/examples/walk.mp4", end_s=0.5)
    Detections(15 frames, 30.00 fps, somebody in 15, 'coco')
    """
    reader = detection_reader(Path(video), start_s, end_s, rotate=rotate, fps=fps)
    with DetectorPool(lambda: make_detector(detector), workers) as pool:
        return detect_whole(reader, pool, progress)


def watch(
    video: str | Path,
    detections: Detections,
    *,
    focal_px: float | None = None,
    rotate: int = 0,
    progress: Progress | None = None,
) -> CameraPath:
    """How the camera turned, zoomed and cut, by the background outside of the people.

    Args:
        focal_px: focal length in pixels of the full picture; None: as is assumed.
        rotate: as it was for `detect`.
    Raises: VideoError; ValueError: no such focal length.

    >>> poselift.watch("data/examples/walk.mp4", poselift.detect("data/examples/walk.mp4"))
    CameraPath(still, 120 frames, 0 cuts)
    """
    start_s, known = float(detections.timeline.times_s[0]), KnownScene(focal_px=focal_px)
    return watch_camera(Path(video), detections, known, progress, start_s=start_s, rotate=rotate)


def track(detections: Detections, people: str = "all", cuts: Sequence[int] = ()) -> Tracks:
    """Who is who: people with ids, from 1 in order of appearance; gaps filled and marked.

    Args:
        people: `all`, `best`, or how many of the best, as text.
        cuts: frames with which another scene begins (see watch): nobody is followed across.
    Raises: NoPersonFound.

    >>> poselift.track(poselift.detect("data/examples/walk.mp4", end_s=0.5), people="best")
    Tracks(1 person, 15 frames, 30.00 fps)
    """
    return track_people(Path("the detections"), detections, people, TrackerSettings(), cuts)


def lift(
    keypoints: Tracks | np.ndarray,
    confidence: np.ndarray | None = None,
    *,
    width: int | None = None,
    height: int | None = None,
    fps: float | None = None,
    lifter: str = DEFAULT_LIFTER,
    device: str = BEST,
    scene: KnownScene = NOTHING_KNOWN,
    camera: CameraPath | None = None,
) -> Poses3D:
    """3D poses of tracks, or of one person's keypoints as plain arrays.

    Args:
        keypoints: tracks, or (T, 17, 2) COCO keypoints in pixels; a frame with NaN was not seen.
        confidence: (T, 17) in [0, 1]; None: every joint that was seen is certain.
        width, height, fps: of the video; tracks know theirs.
        lifter: a shipped lifter's name or the path of a checkpoint.
        device: `auto` takes a GPU where there is one.
        scene: what is known of the camera and the people.
        camera: how it moved (see watch); None: it stands still.
    Raises: LayoutMismatch, UnknownName, FormatError; ValueError: arrays of other shapes, or
        nothing seen.

    >>> standing = np.random.default_rng(0).uniform(100, 600, (30, 17, 2))
    >>> poselift.lift(standing, width=1280, height=720, fps=30)
    Poses3D(1 person, 30 frames, 30.00 fps, 17 joints, with trajectory)
    """
    if not isinstance(keypoints, Tracks):
        if width is None or height is None or fps is None:
            raise ValueError("keypoints as an array need width, height and fps")
        keypoints = _tracks_of(keypoints, confidence, width, height, fps)
    made, _ = make_lifter(lifter, device)
    return lift_people("keypoints", keypoints, made, known=scene, camera=camera)


def render(
    video: str | Path,
    tracks: Tracks,
    poses: Poses3D,
    destination: str | Path,
    *,
    rotate: int = 0,
    view: View = "auto",
    style: StyleName = "dark",
) -> Path:
    """Write the overlay, .mp4 or .gif, of the frames that the tracks are of; its path.

    Args:
        rotate: as it was for `detect`.
        view: of the 3D panel: `front`, the video's own direction; `side`, from its right;
            `auto`, where people hide one another least and are large.
        style: `dark` or `light`, of the 3D panel.
    Raises: VideoError, UnknownName; OutputError: another ending, or a file is there that is
        no overlay.
    """
    destination, look = Path(destination), Look(view, style)
    check_output(destination, OVERLAY, [Path(video)])
    start_s = float(tracks.timeline.times_s[0])
    render_clip(Path(video), tracks, poses, destination, start_s=start_s, rotate=rotate, look=look)
    return destination


def _tracks_of(
    xy: np.ndarray, confidence: np.ndarray | None, width: int, height: int, fps: float
) -> Tracks:
    """One person's arrays as tracks; gaps are filled as the tracker does. Raises: ValueError."""
    xy = np.asarray(xy, np.float32)
    if xy.ndim != 3 or xy.shape[1:] != (COCO17.num_joints, 2) or not len(xy):
        raise ValueError(f"keypoints are (T, 17, 2) pixels, not {xy.shape}")
    if confidence is None:
        confidence = np.ones(xy.shape[:2], np.float32)
    confidence = np.asarray(confidence, np.float32)
    if confidence.shape != xy.shape[:2]:
        raise ValueError(f"confidence is {xy.shape[:2]} like the keypoints, not {confidence.shape}")
    seen = np.isfinite(xy).all((1, 2)) & np.isfinite(confidence).all(1)
    if not seen.any():
        raise ValueError("every frame has keypoints that are not finite")
    frames = [
        _one_person(points, sure) if here else FrameDetections.none()
        for points, sure, here in zip(xy, confidence, seen, strict=True)
    ]
    timeline = Timeline(width, height, fps, np.arange(len(xy)) / fps)
    ids = [np.ones(len(frame), int) for frame in frames]
    return tracks_by_id(Detections(timeline, tuple(frames)), ids)


def _one_person(xy: np.ndarray, confidence: np.ndarray) -> FrameDetections:
    box = np.concatenate([xy.min(0), xy.max(0)])
    return FrameDetections(box[None], confidence.mean(keepdims=True), xy[None], confidence[None])
