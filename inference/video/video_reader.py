"""Video in: upright RGB frames with their times, one at a time.

PyAV does the decoding. Rotation metadata, non-square pixels and HDR are dealt with here, so
that no later stage has to know of them; every pixel format becomes 8-bit RGB.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import av
import numpy as np

from poselift.data.errors import VideoError
from poselift.data.structures import Timeline, VideoInfo
from poselift.inference.video.display_matrix import Turn, upright_rgb
from poselift.inference.video.frame_times import fps_of, unbroken_fps
from poselift.inference.video.picture_sequence import PictureSequence, is_sequence
from poselift.inference.video.tone_mapping import ToneMapper
from poselift.inference.video.video_file import VideoFile
from poselift.inference.video.views import check_view

log = logging.getLogger(__name__)

SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        *("mp4", "m4v", "mov", "mkv", "webm", "avi", "gif", "3gp", "3g2", "divx"),
        *("mpg", "mpeg", "m2v", "vob", "ts", "mts", "m2ts", "m2t"),
        *("wmv", "asf", "flv", "f4v", "ogv", "mxf", "y4m"),
    )
)


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


class FrameSource(Protocol):
    """Stored frames: of a video file, or pictures.

    Attributes:
        info: as it is stored, not turned yet.
        turn: what the metadata asks for.
        damage, jumped_s: see VideoReader, after the frames.
    """

    info: VideoInfo
    turn: Turn
    damage: str | None
    jumped_s: float | None

    def frames_from(self, start_s: float) -> Iterator[tuple[float, av.VideoFrame]]:
        """Frames with their times, from the one at start_s or an earlier one."""


def is_video_name(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


class VideoReader:
    """Streams the frames of a video.

    Args:
        start_s, end_s: keep frames shown at start_s <= time < end_s.
        fit: scale frames down so that they fit (width, height); never up.
        rotate: degrees clockwise to turn the shown picture by, besides what the metadata asks.
        fps: of numbered pictures, which need it; a video has its own.
    After iterating, `damage` says what could not be decoded, if anything,
    `promised_frames` how many frames there should have been, and `jumped_s` after which
    time the file's clock first jumped.
    Raises: VideoError: it cannot be read; ValueError: no such rotation or rate.
    """

    def __init__(
        self,
        path: Path,
        *,
        start_s: float | None = None,
        end_s: float | None = None,
        fit: tuple[int, int] | None = None,
        rotate: int = 0,
        fps: float | None = None,
    ) -> None:
        self.path = path
        check_view(rotate, fps)
        self._source: FrameSource = (
            PictureSequence(path, fps) if is_sequence(path) else VideoFile(path)
        )
        self._turn = self._source.turn.turned(rotate)
        self.info = _turned(self._source.info, self._turn)
        self.start_s = start_s or 0.0
        self.end_s = end_s
        self.size = _fitted((self.info.width, self.info.height), fit)
        self.promised_frames: int | None = None

    @property
    def damage(self) -> str | None:
        return self._source.damage

    @property
    def jumped_s(self) -> float | None:
        return self._source.jumped_s

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
        tone = ToneMapper(self.info.hdr) if self.info.hdr else None
        for time, frame in self._source.frames_from(self.start_s):
            if time < self.start_s - 1e-6:
                continue
            if self.end_s is not None and time >= self.end_s - 1e-6:
                break
            yield VideoFrame(len(times), time, upright_rgb(frame, self._turn, self.size, tone))
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


def _turned(info: VideoInfo, turn: Turn) -> VideoInfo:
    size = (info.height, info.width) if turn.quarters % 2 else (info.width, info.height)
    return replace(info, width=size[0], height=size[1], rotation=90 * turn.quarters)


def _fitted(size: tuple[int, int], fit: tuple[int, int] | None) -> tuple[int, int]:
    scale = min(1.0, fit[0] / size[0], fit[1] / size[1]) if fit else 1.0
    return max(2, round(size[0] * scale)), max(2, round(size[1] * scale))
