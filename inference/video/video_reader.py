"""Video in: upright RGB frames with their times, one at a time.

PyAV does the decoding. Rotation metadata and non-square pixels are applied here, so
that no later stage has to know of them; every pixel format becomes 8-bit RGB.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from poselift.data.errors import VideoError, reason_of
from poselift.data.structures import Timeline, VideoInfo
from poselift.inference.video.containers import open_container
from poselift.inference.video.display_matrix import Turn, turn_of, upright_rgb, upright_size
from poselift.inference.video.frame_times import FrameClock, fps_of, unbroken_fps

log = logging.getLogger(__name__)

SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        *("mp4", "m4v", "mov", "mkv", "webm", "avi", "gif"),
        *("mpg", "mpeg", "ts", "mts", "wmv", "3gp"),
    )
)
LARGEST_PIXELS = 16384 * 16384
_LONGEST_S = 1e7  # a duration beyond is no duration
# Demuxers that find a time. Others guess, miss it, or know it only by a clock that may jump.
_INDEXED = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"}
_SEEK_MARGIN_S = 1.0  # an index of decoding times leads too far by a few frames


@dataclass(frozen=True)
class VideoFrame:
    """One frame.

    Args:
        index: from 0, within the stretch that is read.
        time_s: presentation time from the video's start, without jumps of the file's clock.
        image: (H, W, 3) uint8 RGB, upright.
    """

    index: int
    time_s: float
    image: np.ndarray


def is_video_name(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def probe(path: Path) -> VideoInfo:
    """What a video is, without decoding more than its first frame.

    Raises: VideoError: missing, unreadable, or without a frame.
    """
    with _opened(path) as container:
        stream = container.streams.video[0]
        first = _first_frame(container, path)
        width, height = upright_size(first, stream.sample_aspect_ratio)
        duration = float(stream.duration * stream.time_base) if stream.duration else None
        if duration is None and container.duration:
            duration = container.duration / av.time_base
        return VideoInfo(
            name=path.name,
            width=width,
            height=height,
            fps=_claimed_fps(container),
            rotation=90 * turn_of(first).quarters,
            duration_s=duration if duration and 0 < duration < _LONGEST_S else None,
            frame_count=stream.frames or None,
            has_audio=bool(container.streams.audio),
        )


class VideoReader:
    """Streams the frames of a video.

    Args:
        start_s, end_s: keep frames shown at start_s <= time < end_s.
        fit: scale frames down so that they fit (width, height); never up.
    After iterating, `damage` says what could not be decoded, if anything,
    `promised_frames` how many frames there should have been, and `jumped_s` after which
    time the file's clock first jumped.
    """

    def __init__(
        self,
        path: Path,
        *,
        start_s: float | None = None,
        end_s: float | None = None,
        fit: tuple[int, int] | None = None,
    ) -> None:
        self.path = path
        self.info = probe(path)
        self.start_s = start_s or 0.0
        self.end_s = end_s
        self.size = _fitted((self.info.width, self.info.height), fit)
        self.damage: str | None = None
        self.jumped_s: float | None = None
        self.promised_frames: int | None = None

    @property
    def expected_frames(self) -> int | None:
        """About how many frames the stretch has, for progress; None when unknown."""
        return self._frames_at(self.info.fps)

    def _frames_at(self, fps: float) -> int | None:
        """Frames of the stretch: the container's count, or its duration's where that is fewer.

        A count includes the frames that an edit list hides, and an AVI's empty ones.
        """
        info = self.info
        count = info.frame_count if self._counted else None
        if info.duration_s is None:
            return count
        timed = max(0, round((self._end_of(info.duration_s) - self.start_s) * fps))
        return timed if count is None or count > timed + max(1, 0.01 * timed) else count

    @property
    def _counted(self) -> bool:
        """The container says how many frames there are: it counts the whole video."""
        return self.start_s == 0 and self.end_s is None and bool(self.info.frame_count)

    def _end_of(self, duration_s: float) -> float:
        return duration_s if self.end_s is None else min(self.end_s, duration_s)

    def __iter__(self) -> Iterator[VideoFrame]:
        """Raises: VideoError: not one frame of the stretch could be decoded."""
        times: list[float] = []
        turn: Turn | None = None
        for time, frame in self._from_start():
            turn = turn or turn_of(frame)
            if time < self.start_s - 1e-6:
                continue
            if self.end_s is not None and time >= self.end_s - 1e-6:
                break
            yield VideoFrame(len(times), time, upright_rgb(frame, turn, self.size))
            times.append(time)
        else:  # the file ended, not the stretch
            self.promised_frames = self._promised(times)
        if not times:
            raise VideoError(self._nothing_decoded())

    def timeline(self, times_s: Sequence[float]) -> Timeline:
        """Of the frames that were read, at the rate they really have; warns of a jump.

        Args:
            times_s: (T,) of all frames.
        """
        if self.jumped_s is not None:
            log.warning(
                "%s: its clock jumps after %.2f s; the frames are taken to follow one another. "
                "Cut the file there if they do not.",
                self.path,
                self.jumped_s,
            )
        info, times = self.info, np.array(times_s)
        fps = fps_of(times, info.fps)
        return Timeline(info.width, info.height, fps, times, self.promised_frames)

    def _from_start(self) -> Iterator[tuple[float, av.VideoFrame]]:
        """Frames with their times, from the first of the stretch or an earlier one."""
        if self.start_s > 0:
            with _opened(self.path) as container:
                frames = self._timed(container)
                first = next(frames, None) if _sought(container, self.start_s) else None
                if first and first[0] <= self.start_s + 1e-6 and first[1].pts is not None:
                    yield first
                    yield from frames
                    return
        with _opened(self.path) as container:
            yield from self._timed(container)

    def _timed(
        self, container: av.container.InputContainer
    ) -> Iterator[tuple[float, av.VideoFrame]]:
        """Frames from where the container stands, with their times (see FrameClock)."""
        ordered = container.format.name != "avi"
        clock = FrameClock(_origin_s(container), self.info.fps, ordered=ordered)
        for frame in self._decoded(container):
            time = clock.time_of(frame.pts, frame.dts, float(frame.time_base or 0))
            self.jumped_s = clock.jumped_s
            yield time, frame

    def _promised(self, times_s: list[float]) -> int | None:
        """Frames that the container promises, where it can be held to its word.

        Its count is for the whole video. Its duration, of a stretch, is worth something
        when the last frame comes well before it.
        """
        duration_s = self.info.duration_s
        fps = unbroken_fps(np.array(times_s), self.info.fps)
        if self._counted:
            return self._frames_at(fps)
        if duration_s is None or self.jumped_s is not None or not times_s:
            return None  # a duration by a clock that jumps says nothing
        breaks_off = times_s[-1] + 1 / fps < 0.98 * self._end_of(duration_s) - 0.5
        return self._frames_at(fps) if breaks_off else None

    def _decoded(self, container: av.container.InputContainer) -> Iterator[av.VideoFrame]:
        stream = container.streams.video[0]
        # Threads that decode whole frames ahead lose good frames next to a damaged one.
        stream.thread_type = "SLICE"
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                yield from packet.decode()
            except av.error.EOFError:
                return
            except IndexError:  # PyAV trips over a stream that appears late; this one goes on
                packets = container.demux(stream)
            except av.error.FFmpegError as error:
                # A damaged packet, and what follows may still decode; a damaged
                # container ends `packets`, so that the next turn returns.
                self.damage = reason_of(error)
                log.debug("%s: %s", self.path, self.damage)

    def _nothing_decoded(self) -> str:
        if self.start_s or self.end_s is not None:
            duration = self.info.duration_s
            length = f"{duration:.2f} s long" if duration else "of unknown length"
            stop = "its end" if self.end_s is None else f"{self.end_s:g} s"
            return (
                f"{self.path}: no frame between {self.start_s:g} s and {stop}; the video is "
                f"{length}. Choose another --start and --end."
            )
        return f"{self.path}: no frame can be decoded. Re-encode it, or copy it again."


def _opened(path: Path) -> av.container.InputContainer:
    container = open_container(path)
    if not container.streams.video:
        container.close()
        raise VideoError(f"{path}: has no video stream.")
    return container


def _claimed_fps(container: av.container.InputContainer) -> float:
    stream = container.streams.video[0]
    rates = [float(rate) for rate in (stream.average_rate, stream.guessed_rate) if rate]
    if container.format.name == "avi":  # may count the ticks of the container it came from
        return min(rates, default=25.0)
    return rates[0] if rates else 25.0


def _origin_s(container: av.container.InputContainer) -> float:
    stream = container.streams.video[0]
    return float((stream.start_time or 0) * (stream.time_base or 0))


def _sought(container: av.container.InputContainer, start_s: float) -> bool:
    """Go to a keyframe a little before; False where that cannot be relied on."""
    if container.format.name not in _INDEXED:
        return False
    before_s = max(0.0, start_s - _SEEK_MARGIN_S)
    try:
        container.seek(int((_origin_s(container) + before_s) * av.time_base), backward=True)
    except (av.error.FFmpegError, OverflowError):
        return False
    return True


def _first_frame(container: av.container.InputContainer, path: Path) -> av.VideoFrame:
    try:
        frame = next(container.decode(video=0), None)
    except (av.error.FFmpegError, EOFError) as error:
        raise VideoError(
            f"{path}: no frame can be decoded ({reason_of(error)}). Re-encode it, or copy it again."
        ) from error
    if frame is None:
        raise VideoError(f"{path}: holds no frames. Copy it again.")
    if frame.width * frame.height > LARGEST_PIXELS:
        raise VideoError(f"{path}: frames of {frame.width}x{frame.height} are too large.")
    return frame


def _fitted(size: tuple[int, int], fit: tuple[int, int] | None) -> tuple[int, int]:
    scale = min(1.0, fit[0] / size[0], fit[1] / size[1]) if fit else 1.0
    return max(2, round(size[0] * scale)), max(2, round(size[1] * scale))
