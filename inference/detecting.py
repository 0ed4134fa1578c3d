"""Run a detector over a video: decoding and several detectors at once, in frame order."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np

from poselift.data.progress import Progress, Silent, reported
from poselift.data.structures import Detections, FrameDetections
from poselift.inference.detectors import BatchDetector, Detector
from poselift.inference.video.video_reader import VideoFrame, VideoReader

# Each worker holds a detector and a few frames; past this more do not help.
MOST_WORKERS = 8

# Frames are looked at no larger than this: more pixels do not help the detector.
DETECTION_SIDE = 1920

Frames = list[VideoFrame]


def default_workers() -> int:
    """One for each core that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(MOST_WORKERS, cores or 1))


class DetectorPool:
    """Detectors in threads, one each; frames in, results out in the same order.

    Args:
        workers: at least 1; None leaves it to the detector, else one for each core.
    Attributes:
        batch: frames that one detector is given together; 1 unless it is a BatchDetector.
    """

    def __init__(self, make: Callable[[], Detector], workers: int | None = None) -> None:
        """Raises: ValueError: no workers."""
        if workers is not None and workers < 1:
            raise ValueError(f"detectors at work are at least 1, not {workers}")
        self._make = make
        self.first = make()  # errors surface here, and settings are read from it
        together = self.first if isinstance(self.first, BatchDetector) else None
        self.batch = together.batch if together else 1
        self.workers = workers or (together and together.at_once) or default_workers()
        self._own = threading.local()
        self._executor = ThreadPoolExecutor(self.workers, thread_name_prefix="detect")
        self._spare = [self.first]

    def close(self) -> None:
        self._executor.shutdown(cancel_futures=True)

    def __enter__(self) -> DetectorPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _detect(self, frames: Frames) -> list[FrameDetections]:
        if not hasattr(self._own, "detector"):
            try:
                self._own.detector = self._spare.pop()
            except IndexError:
                self._own.detector = self._make()
        detector: Detector = self._own.detector
        images = [frame.image for frame in frames]
        if isinstance(detector, BatchDetector):
            return detector.detect_batch(images)
        return [detector.detect(image) for image in images]

    def detect(self, frames: Iterator[VideoFrame]) -> Iterator[tuple[VideoFrame, FrameDetections]]:
        """At most a few frames, or one batch, per worker are in memory at a time."""
        waiting: deque[tuple[Frames, Future[list[FrameDetections]]]] = deque()
        most = 2 * self.workers if self.batch == 1 else self.workers
        try:
            while group := list(islice(frames, self.batch)):
                waiting.append((group, self._executor.submit(self._detect, group)))
                if len(waiting) > most:
                    yield from _in_pairs(*waiting.popleft())
            while waiting:
                yield from _in_pairs(*waiting.popleft())
        finally:
            for _, future in waiting:
                future.cancel()


def _in_pairs(
    group: Frames, future: Future[list[FrameDetections]]
) -> Iterator[tuple[VideoFrame, FrameDetections]]:
    return zip(group, future.result(), strict=True)


def detection_reader(
    video: Path,
    start_s: float | None = None,
    end_s: float | None = None,
    *,
    rotate: int = 0,
    fps: float | None = None,
) -> VideoReader:
    """The stretch of a video, in the size that is looked at. Raises: see VideoReader."""
    side = (DETECTION_SIDE, DETECTION_SIDE)
    return VideoReader(video, start_s=start_s, end_s=end_s, fit=side, rotate=rotate, fps=fps)


def detect(
    reader: VideoReader, pool: DetectorPool, known: Sequence[FrameDetections] = ()
) -> Iterator[tuple[float, FrameDetections]]:
    """Each frame's time in seconds and everybody in it, in pixels of its upright full size.

    Args:
        known: the first frames' detections from a run that was cut short: not repeated, but
            for those of a batch that was not finished.
    Raises: VideoError: no frame can be decoded.
    """
    whole = len(known) // pool.batch * pool.batch
    frames = iter(reader)
    for frame, found in zip(islice(frames, whole), known, strict=False):
        yield frame.time_s, found
    width, height = reader.size
    stretch = np.array([reader.info.width / width, reader.info.height / height], np.float32)
    for frame, found in pool.detect(frames):
        yield frame.time_s, _stretched(found, stretch)


def detect_whole(
    reader: VideoReader, pool: DetectorPool, progress: Progress | None = None
) -> Detections:
    """All of a video's frames, reported as a stage. Raises: VideoError."""
    progress = progress or Silent()
    times, frames = [], []
    with reported(progress, reader.info.name, "detect", reader.expected_frames):
        for time_s, found in detect(reader, pool):
            times.append(time_s)
            frames.append(found)
            progress.advance()
    return Detections(reader.timeline(times), tuple(frames), pool.first.layout)


def _stretched(found: FrameDetections, scale: np.ndarray) -> FrameDetections:
    """From the pixels that were looked at to those of the full-size frame."""
    return FrameDetections(
        found.boxes * np.tile(scale, 2), found.scores, found.keypoints * scale, found.confidence
    )
