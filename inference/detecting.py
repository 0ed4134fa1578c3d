"""Run a detector over a video: decoding and several detectors at once, in frame order."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from data.structures import Detections, FrameDetections, Timeline
from inference.detectors import Detector
from inference.video_reader import VideoFrame, VideoReader

# Each worker holds a detector and a few frames; past this more do not help.
MOST_WORKERS = 8


def default_workers() -> int:
    """One for each core that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(MOST_WORKERS, cores or 1))


class DetectorPool:
    """Detectors in threads, one each; frames in, results out in the same order."""

    def __init__(self, make: Callable[[], Detector], workers: int | None = None) -> None:
        self.workers = workers or default_workers()
        self._make = make
        self._own = threading.local()
        self._executor = ThreadPoolExecutor(self.workers, thread_name_prefix="detect")
        self.first = make()  # errors surface here, and settings are read from it
        self._spare = [self.first]

    def close(self) -> None:
        self._executor.shutdown(cancel_futures=True)

    def __enter__(self) -> DetectorPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _detect(self, frame: VideoFrame) -> FrameDetections:
        if not hasattr(self._own, "detector"):
            try:
                self._own.detector = self._spare.pop()
            except IndexError:
                self._own.detector = self._make()
        result: FrameDetections = self._own.detector.detect(frame.image)
        return result

    def detect(self, frames: Iterator[VideoFrame]) -> Iterator[tuple[VideoFrame, FrameDetections]]:
        """At most a few frames per worker are in memory at a time."""
        waiting: deque[tuple[VideoFrame, Future[FrameDetections]]] = deque()
        try:
            for frame in frames:
                waiting.append((frame, self._executor.submit(self._detect, frame)))
                if len(waiting) > 2 * self.workers:
                    done, result = waiting.popleft()
                    yield done, result.result()
            while waiting:
                done, result = waiting.popleft()
                yield done, result.result()
        finally:
            for _, future in waiting:
                future.cancel()


def detect_video(
    reader: VideoReader,
    pool: DetectorPool,
    *,
    known: Detections | None = None,
    each: Callable[[list[float], list[FrameDetections]], None] = lambda times, frames: None,
) -> Detections:
    """Everybody in every frame of a video, in pixels of its upright full size.

    Args:
        known: the first frames' detections from a run that was cut short; not repeated.
        each: called after every frame with all times and detections so far.
    Raises: VideoError: no frame could be decoded.
    """
    info = reader.info
    times = list(known.timeline.times_s) if known else []
    frames = list(known.frames) if known else []
    stretch = np.array([info.width / reader.size[0], info.height / reader.size[1]], np.float32)
    skip = len(times)
    fresh = (frame for frame in reader if frame.index >= skip)
    for frame, found in pool.detect(fresh):
        times.append(frame.time_s)
        frames.append(_stretched(found, stretch))
        each(times, frames)
    timeline = Timeline(info.width, info.height, info.fps, np.array(times), reader.promised_frames)
    return Detections(timeline, tuple(frames), pool.first.layout)


def _stretched(found: FrameDetections, scale: np.ndarray) -> FrameDetections:
    """From the pixels that were looked at to those of the full-size frame."""
    return FrameDetections(
        found.boxes * np.tile(scale, 2), found.scores, found.keypoints * scale, found.confidence
    )
