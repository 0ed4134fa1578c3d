"""One video file: what it claims, and its frames with their times."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import av

from poselift.data.errors import VideoError, reason_of
from poselift.data.structures import VideoInfo
from poselift.inference.video.containers import best_video, open_container
from poselift.inference.video.display_matrix import square_size, turn_of
from poselift.inference.video.frame_times import FrameClock
from poselift.inference.video.lens import focal_px_of
from poselift.inference.video.tone_mapping import curve_of

log = logging.getLogger(__name__)

_LONGEST_S = 1e7  # a duration beyond is no duration
# Demuxers that find a time. Others guess, miss it, or know it only by a clock that may jump.
_INDEXED = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"}
_SEEK_MARGIN_S = 1.0  # an index of decoding times leads too far by a few frames


class VideoFile:
    """The best video stream of a file (a FrameSource).

    Opening it decodes no more than the first frame.
    Raises: VideoError: missing, unreadable, or without a frame.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: str | None = None
        self.jumped_s: float | None = None
        with open_container(path) as container:
            stream = best_video(container, path)
            first = _first_frame(container, stream, path)
            self.turn = turn_of(first)
            width, height = square_size(first, stream.sample_aspect_ratio)
            self.info = VideoInfo(
                name=path.name,
                width=width,
                height=height,
                fps=_claimed_fps(container, stream),
                duration_s=_claimed_duration_s(container, stream),
                frame_count=stream.frames or None,
                has_audio=bool(container.streams.audio),
                hdr=curve_of(stream.codec_context.color_trc),
                focal_px=focal_px_of(width, height, stream.metadata, container.metadata),
            )

    def frames_from(self, start_s: float) -> Iterator[tuple[float, av.VideoFrame]]:
        """Frames with their times, from the one at start_s or an earlier one."""
        if start_s > 0:
            with open_container(self.path) as container:
                stream = best_video(container, self.path)
                frames = self._timed(container, stream)
                first = next(frames, None) if _sought(container, stream, start_s) else None
                if first and first[0] <= start_s + 1e-6 and first[1].pts is not None:
                    yield first
                    yield from frames
                    return
        with open_container(self.path) as container:
            yield from self._timed(container, best_video(container, self.path))

    def _timed(
        self, container: av.container.InputContainer, stream: av.VideoStream
    ) -> Iterator[tuple[float, av.VideoFrame]]:
        """Frames from where the container stands, with their times (see FrameClock)."""
        ordered = container.format.name != "avi"
        clock = FrameClock(_origin_s(stream), self.info.fps, ordered=ordered)
        for frame in self._decoded(container, stream):
            time = clock.time_of(frame.pts, frame.dts, float(frame.time_base or 0))
            self.jumped_s = clock.jumped_s
            yield time, frame

    def _decoded(
        self, container: av.container.InputContainer, stream: av.VideoStream
    ) -> Iterator[av.VideoFrame]:
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


def _claimed_fps(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    rates = [float(rate) for rate in (stream.average_rate, stream.guessed_rate) if rate]
    if container.format.name == "avi":  # may count the ticks of the container it came from
        return min(rates, default=25.0)
    return rates[0] if rates else 25.0


def _claimed_duration_s(
    container: av.container.InputContainer, stream: av.VideoStream
) -> float | None:
    duration = float((stream.duration or 0) * (stream.time_base or 0))
    duration = duration or (container.duration or 0) / av.time_base
    return duration if 0 < duration < _LONGEST_S else None


def _origin_s(stream: av.VideoStream) -> float:
    return float((stream.start_time or 0) * (stream.time_base or 0))


def _sought(container: av.container.InputContainer, stream: av.VideoStream, start_s: float) -> bool:
    """Go to a keyframe a little before; False where that cannot be relied on."""
    if container.format.name not in _INDEXED:
        return False
    before_s = max(0.0, start_s - _SEEK_MARGIN_S)
    try:
        container.seek(int((_origin_s(stream) + before_s) * av.time_base), backward=True)
    except (av.error.FFmpegError, OverflowError):
        return False
    return True


def _first_frame(
    container: av.container.InputContainer, stream: av.VideoStream, path: Path
) -> av.VideoFrame:
    try:
        frame = next(container.decode(stream), None)
    except (av.error.FFmpegError, EOFError) as error:
        raise VideoError(
            f"{path}: no frame can be decoded ({reason_of(error)}). Re-encode it, or copy it again."
        ) from error
    if not isinstance(frame, av.VideoFrame):
        raise VideoError(f"{path}: holds no frames. Copy it again.")
    return frame
