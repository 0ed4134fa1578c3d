"""Run a detector over a video: decoding and several detectors at once, in frame order."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np

from poselift.data.structures import Detections, FrameDetections
from poselift.inference.detectors import BatchDetector, Detector
from poselift.inference.video.video_reader import VideoFrame, VideoReader

# Each worker holds a detector and a few frames; past this more do not help.
MOST_WORKERS = 8

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


def detect_video(
    reader: VideoReader,
    pool: DetectorPool,
    *,
    known: Detections | None = None,
    each: Callable[[list[float], list[FrameDetections]], None] = lambda times, frames: None,
) -> Detections:
    """Everybody in every frame of a video, in pixels of its upright full size.

    Args:
        known: the first frames' detections from a run that was cut short; not repeated,
            but for those of a batch that was not finished.
        each: called after every frame with all times and detections so far.
    Raises: VideoError: no frame could be decoded.
    """
    info = reader.info
    whole = len(known.frames) // pool.batch * pool.batch if known else 0
    times = list(known.timeline.times_s[:whole]) if known else []
    frames = list(known.frames[:whole]) if known else []
    stretch = np.array([info.width / reader.size[0], info.height / reader.size[1]], np.float32)
    skip = len(times)
    fresh = (frame for frame in reader if frame.index >= skip)
    for frame, found in pool.detect(fresh):
        times.append(frame.time_s)
        frames.append(_stretched(found, stretch))
        each(times, frames)
    return Detections(reader.timeline(times), tuple(frames), pool.first.layout)


def _stretched(found: FrameDetections, scale: np.ndarray) -> FrameDetections:
    """From the pixels that were looked at to those of the full-size frame."""
    return FrameDetections(
        found.boxes * np.tile(scale, 2), found.scores, found.keypoints * scale, found.confidence
    )


# Frames are looked at no larger than this: more pixels do not help the detector.
DETECTION_SIDE = 1920


def detection_reader(video: Path, start_s: float | None, end_s: float | None) -> VideoReader:
    """The stretch of a video, in the size that is looked at. Raises: VideoError."""
    return VideoReader(video, start_s=start_s, end_s=end_s, fit=(DETECTION_SIDE, DETECTION_SIDE))
