"""Run a detector over a video: decoding and several detectors at once, in frame order."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from poselift.data.progress import Progress, Silent, reported
from poselift.data.structures import Detections, FrameDetections
from poselift.inference.detectors import BatchDetector, Detector
from poselift.inference.detectors.followed import recall
from poselift.inference.detectors.following import Follower, Follows, FollowSettings, Looks
from poselift.inference.video.video_reader import VideoFrame, VideoReader

# Each worker holds a detector and a few frames; past this more do not help.
MOST_WORKERS = 8

# Frames are looked at no larger than this: more pixels do not help the detector.
DETECTION_SIDE = 1920

Frames = list[VideoFrame]
Value = TypeVar("Value")


def default_workers() -> int:
    """One for each core that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(MOST_WORKERS, cores or 1))


class DetectorPool:
    """Detectors in threads, one each; frames in, results out in the same order.

    Args:
        workers: at least 1; None leaves it to the detector, else one for each core.
        cores: how many there are for this pool; None: all.
    Attributes:
        following: how people are followed from frame to frame; None: they are not.
    """

    def __init__(
        self, make: Callable[[], Detector], workers: int | None = None, cores: int | None = None
    ) -> None:
        """Raises: ValueError: no workers."""
        if workers is not None and workers < 1:
            raise ValueError(f"detectors at work are at least 1, not {workers}")
        self._make = make
        self.first = make()  # errors surface here, and settings are read from it
        self.following = self.first.following if isinstance(self.first, Follows) else None
        together = self.first if isinstance(self.first, BatchDetector) else None
        self._batch = together.batch if together else 1
        own = getattr(self.first, "at_once", None)
        self.workers = workers or own or min(cores or MOST_WORKERS, default_workers())
        self._own = threading.local()
        self._executor = ThreadPoolExecutor(self.workers, thread_name_prefix="detect")
        self._spare = [self.first]

    def close(self) -> None:
        self._executor.shutdown(cancel_futures=True)

    def __enter__(self) -> DetectorPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def batch_at(self, fps: float) -> int:
        """Frames whose results are made together; a run that was cut short goes on between."""
        return self.following.cycle_at(fps) if self.following else self._batch

    def submit(self, look: Callable[[Any], Value]) -> Future[Value]:
        """Do something with the next detector that is free."""
        return self._executor.submit(lambda: look(self._detector()))

    def _detector(self) -> Detector:
        """This thread's own."""
        if not hasattr(self._own, "detector"):
            try:
                self._own.detector = self._spare.pop()
            except IndexError:
                self._own.detector = self._make()
        detector: Detector = self._own.detector
        return detector

    def detect(self, frames: Iterator[VideoFrame]) -> Iterator[tuple[VideoFrame, FrameDetections]]:
        """Every frame, or batch, by itself; a few frames per worker are in memory at a time."""
        groups = (
            (group, self.submit(partial(_detected, group)))
            for group in _groups(frames, self._batch)
        )
        return _in_order(groups, 2 * self.workers if self._batch == 1 else self.workers)

    def follow(
        self,
        frames: Iterator[VideoFrame],
        following: FollowSettings,
        fps: float,
        known: Sequence[FrameDetections],
        stretch: np.ndarray,
    ) -> Iterator[tuple[VideoFrame, FrameDetections]]:
        """People followed from frame to frame; a few cycles of frames are in memory at a time.

        Cycles come one after the other; the looks in them go to all detectors, and frames are
        decoded and looked at as a whole ahead.

        Args:
            known: the results of the frames before, whole cycles; none at a clip's start.
            stretch: (2,) from the pixels that are looked at to those of the results.
        """
        cycle = following.cycle_at(fps)
        follower = Follower(following, self.submit, self.first.layout)
        history = deque(known[-following.memory :], following.memory)

        def followed(images: list[np.ndarray], looks: Looks) -> list[FrameDetections]:
            # What a run that goes on would read is what the people are recalled from.
            people = recall([_stretched(frame, 1 / stretch) for frame in history])
            results = [_stretched(f, stretch) for f in follower.cycle(images, people, looks)]
            history.extend(results)
            return results

        def groups() -> Iterator[tuple[Frames, Future[list[FrameDetections]]]]:
            for number, group in enumerate(_groups(frames, cycle), len(known) // cycle):
                images = [frame.image for frame in group]
                looks = {len(images) - 1: self._look(images[-1], number + 1)}
                if number == 0:
                    looks[0] = self._look(images[0], 0)
                yield group, serial.submit(followed, images, looks)

        with ThreadPoolExecutor(1, thread_name_prefix="follow") as serial:
            yield from _in_order(groups(), 1)

    def _look(self, image: np.ndarray, number: int) -> Future[FrameDetections]:
        return self.submit(lambda detector: detector.find(image, number))


def _groups(frames: Iterator[VideoFrame], size: int) -> Iterator[Frames]:
    while group := list(islice(frames, size)):
        yield group


def _detected(group: Frames, detector: Detector) -> list[FrameDetections]:
    images = [frame.image for frame in group]
    if isinstance(detector, BatchDetector):
        return detector.detect_batch(images)
    return [detector.detect(image) for image in images]


def _in_order(
    groups: Iterator[tuple[Frames, Future[list[FrameDetections]]]], most: int
) -> Iterator[tuple[VideoFrame, FrameDetections]]:
    """The results of groups that are worked on while later ones, at most so many, are read."""
    waiting: deque[tuple[Frames, Future[list[FrameDetections]]]] = deque()
    try:
        for group in groups:
            waiting.append(group)
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
    batch = pool.batch_at(reader.info.fps)
    known = known[: len(known) // batch * batch]
    frames = iter(reader)
    for frame, found in zip(islice(frames, len(known)), known, strict=False):
        yield frame.time_s, found
    width, height = reader.size
    stretch = np.array([reader.info.width / width, reader.info.height / height], np.float32)
    if pool.following:
        for frame, found in pool.follow(frames, pool.following, reader.info.fps, known, stretch):
            yield frame.time_s, found
    else:
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
