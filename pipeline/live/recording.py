"""What was seen live, kept: a video with its own times, and a results folder of it.

Pictures are encoded by a thread while they come. At the end the same detections are tracked and
lifted as those of any clip, by past and future alike; what was smoothed for the moment is not
kept.
"""

from __future__ import annotations

import queue
import threading
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from poselift.data.errors import NoPersonFound, OutputError, reason_of
from poselift.data.files.file_kinds import FileKind
from poselift.data.files.whole_file import check_writable, whole_file
from poselift.data.skeletons import COCO17, Skeleton
from poselift.data.structures import Detections, FrameDetections, Timeline
from poselift.inference.live.frames import LiveFrame
from poselift.inference.live.looking import PAUSE_S
from poselift.inference.people.tracking import TrackerSettings
from poselift.inference.video.frame_times import fps_of
from poselift.inference.video.own_videos import MARK
from poselift.models.registry import DEFAULT_LIFTER
from poselift.pipeline.clip.networks import make_lifter
from poselift.pipeline.clip.stages import DETECT, LIFT, TRACK, lift_people, track_people
from poselift.pipeline.folders.folder_record import FolderRecord, Origin, locked
from poselift.pipeline.folders.sources import absolute, content_sha256
from poselift.pipeline.folders.stage_cache import Stage

VIDEO = "live.mp4"
FOLDER = "live"
TICKS = 90_000  # a second
# Pictures that wait for the encoder; more are left out, with their detections.
MOST_WAITING = 30
QUICK = {"preset": "ultrafast", "crf": "20", "tune": "zerolatency"}
BOX_MARGIN = 1.1
_NEVER = FileKind("a recording", (".mp4",), lambda path: False)


class Recording:
    """OUT/live.mp4, and OUT/live with detections, keypoints and poses, when it is closed.

    Args:
        out: a folder; what is there already is not replaced.
    Attributes:
        left_out: pictures that the encoder was too slow for.
        note: after closing, what was kept, in words.
    """

    def __init__(self, out: Path, device: str = "cpu") -> None:
        """Raises: OutputError: it cannot be written there, or a recording is there."""
        self._video, self._folder, self._device = out / VIDEO, out / FOLDER, device
        check_writable(self._video, _NEVER)
        if self._folder.exists() and any(self._folder.iterdir()):
            raise OutputError(f"{self._folder}: is there already. Choose another folder.")
        self.left_out = 0
        self.note = ""
        self._frames: list[FrameDetections] = []
        self._times: list[float] = []
        self._first_s = 0.0
        self._size: tuple[int, int] | None = None
        self._layout: Skeleton = COCO17
        self._queue: queue.Queue[tuple[int, np.ndarray] | None] = queue.Queue(MOST_WAITING)
        self._error: Exception | None = None
        self._thread: threading.Thread | None = None
        self._stack = ExitStack()

    def send(self, frame: LiveFrame) -> None:
        """See Output.send."""
        if self._thread is None:
            self._begin(frame)
        if self._error is not None:
            raise self._failure()
        assert self._size is not None
        scale = np.array(self._size) / (frame.width, frame.height)
        ticks = round((frame.time_s - self._first_s) * TICKS)
        try:
            self._queue.put_nowait((ticks, frame.image))
        except queue.Full:
            self.left_out += 1
            return
        self._times.append(ticks / TICKS)
        self._frames.append(_detections(frame, scale.astype(np.float32)))

    def close(self) -> None:
        """See Output.close."""
        if self._thread is None:
            self.note = "nothing was recorded"
            return
        with self._stack:
            while self._thread.is_alive():
                try:
                    self._queue.put(None, timeout=0.1)
                    break
                except queue.Full:
                    continue
            self._thread.join()
            if self._error is not None:
                raise self._failure()
        self._keep_results()

    def _begin(self, frame: LiveFrame) -> None:
        height, width = frame.image.shape[:2]
        self._size = width - width % 2, height - height % 2
        self._first_s = frame.time_s
        self._layout = frame.layout_2d
        part = self._stack.enter_context(whole_file(self._video))
        self._thread = threading.Thread(
            target=self._encode, args=(part, self._size), name="record", daemon=True
        )
        self._thread.start()

    def _encode(self, part: Path, size: tuple[int, int]) -> None:
        try:
            with av.open(str(part), "w", format="mp4", options={"movflags": "faststart"}) as out:
                out.metadata["comment"] = MARK
                stream = out.add_stream("libx264", rate=30, options=QUICK)
                stream.width, stream.height = size
                stream.pix_fmt = "yuv420p"
                stream.codec_context.time_base = Fraction(1, TICKS)
                while (item := self._queue.get()) is not None:
                    ticks, image = item
                    if image.shape[1::-1] != size:
                        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
                    picture = av.VideoFrame.from_ndarray(image, "rgb24")
                    picture.pts, picture.time_base = ticks, Fraction(1, TICKS)
                    out.mux(stream.encode(picture))
                out.mux(stream.encode(None))
        except (av.error.FFmpegError, OSError, ValueError, cv2.error) as error:
            self._error = error

    def _failure(self) -> OutputError:
        assert self._error is not None
        return OutputError(
            f"{self._video}: cannot be written ({reason_of(self._error)}). Free space, or choose "
            "another place."
        )

    def _keep_results(self) -> None:
        """Raises: OutputError."""
        assert self._size is not None
        times = np.array(self._times)
        timeline = Timeline(*self._size, fps_of(times, 30.0), times)
        detections = Detections(timeline, tuple(self._frames), self._layout)
        self.note = f"{len(times)} frames -> {self._video}"
        if self.left_out:
            self.note += f", {self.left_out} left out for which the encoder was too slow"
        with locked(self._folder) as making:
            record = FolderRecord(self._folder)
            record.claim(Origin(absolute(self._video), content_sha256(self._video)))
            _put(record, making, DETECT, detections)
            try:
                cuts = (np.flatnonzero(np.diff(times) > PAUSE_S) + 1).tolist()
                tracks = track_people(self._video, detections, "all", TrackerSettings(), cuts)
            except NoPersonFound:
                self.note += "; nobody was seen for long enough to be followed"
                return
            _put(record, making, TRACK, tracks)
            lifter, _ = make_lifter(DEFAULT_LIFTER, self._device)
            _put(record, making, LIFT, lift_people(VIDEO, tracks, lifter))
        self.note += f", {self._folder}"


def _put(record: FolderRecord, making: Path, stage: Stage, value: object) -> None:
    """Without a key: `poselift run` makes its own results anew."""
    part = making / stage.file
    stage.save(part, value)
    record.put(part, stage.file, stage.name, "")


def _detections(frame: LiveFrame, scale: np.ndarray) -> FrameDetections:
    """Who was seen in it, in the video's pixels."""
    people = [person for person in frame.people if person.seen]
    if not people:
        return FrameDetections.none(frame.layout_2d)
    xy = np.stack([person.xy for person in people]).astype(np.float32) * scale
    confidence = np.stack([person.confidence for person in people]).astype(np.float32)
    low, high = xy.min(1), xy.max(1)
    middle, half = (low + high) / 2, (high - low) / 2 * BOX_MARGIN
    scores = np.array([person.score for person in people], np.float32)
    order = np.argsort(-scores, kind="stable")
    boxes = np.hstack([middle - half, middle + half])
    return FrameDetections(boxes, scores, xy, confidence).select(order)
