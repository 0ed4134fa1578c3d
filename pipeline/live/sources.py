"""Where live pictures come from: a camera, a stream of the network, a file at its own rate."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import av
import numpy as np

from poselift.data.errors import VideoError, one_line, reason_of
from poselift.inference.detecting import DETECTION_SIDE
from poselift.inference.video.containers import FORMATS, MODEST, best_video
from poselift.inference.video.display_matrix import Turn, square_size, upright_rgb
from poselift.inference.video.video_reader import VideoReader

# Seconds to wait for a stream to begin, and for its next picture before it counts as lost.
OPEN_S, STALL_S = 10.0, 5.0
# What ffmpeg may use for an address of this kind: no files, no other addresses.
PROTOCOLS = {
    "rtsp": "rtsp,rtp,udp,tcp",
    "rtsps": "rtsps,rtp,udp,tcp,tls,crypto",
    "udp": "udp",
}
OPTIONS = {
    "rtsp": {"rtsp_flags": "prefer_tcp"},
    "rtsps": {"rtsp_flags": "prefer_tcp"},
    "udp": {"overrun_nonfatal": "1"},
}
CAMERA_FORMATS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}

Size = tuple[int, int]


@dataclass(frozen=True)
class Shot:
    """A picture that has come in, not made into RGB yet.

    Args:
        clock_s: by the source's own clock, whatever it begins with; None: it has none.
        rgb: makes (H, W, 3) uint8 RGB, and says the full picture's (width, height).
        exact: that clock rises without jumps and is kept, however late the picture comes.
    """

    clock_s: float | None
    rgb: Callable[[], tuple[np.ndarray, Size]]
    exact: bool = False


class Source(Protocol):
    """Something that gives pictures.

    Attributes:
        name: for people; without passwords.
        lasting: it may be lost and come again; False: its end is the end.
    """

    name: str
    lasting: bool

    def shots(self, stop: threading.Event) -> Iterator[Shot]:
        """Open it and give its pictures as they come, until it ends or `stop` is set.

        Raises: VideoError: it cannot be opened, or breaks off.
        """
        ...


def source_of(text: str, *, rotate: int = 0) -> Source:
    """The source that is meant: a file, an address, or a camera's number or name.

    Args:
        rotate: degrees clockwise to turn the picture by: 0, 90, 180 or 270.
    Raises: VideoError: there is no such thing, and what there is.
    """
    scheme = urlsplit(text).scheme.lower() if "://" in text else ""
    if scheme:
        if scheme not in PROTOCOLS:
            known = ", ".join(f"{name}://" for name in PROTOCOLS)
            raise VideoError(f"{one_line(text)}: is no address that is read. Known: {known}.")
        return StreamSource(text, rotate)
    path = Path(text)
    if not text.isdecimal() and (path.suffix or path.exists()) and not _is_device(text):
        return FileSource(path, rotate)
    return CameraSource(text, rotate)


class FileSource:
    """A video file played at its own rate; who is late sees later pictures."""

    lasting = False

    def __init__(self, path: Path, rotate: int = 0) -> None:
        """Raises: VideoError: it cannot be read."""
        self.name = path.name
        side = (DETECTION_SIDE, DETECTION_SIDE)
        self._reader = VideoReader(path, fit=side, rotate=rotate)

    def shots(self, stop: threading.Event) -> Iterator[Shot]:
        """See Source.shots."""
        info, begun = self._reader.info, time.monotonic()
        for frame in self._reader:
            if stop.wait(max(0.0, begun + frame.time_s - time.monotonic())):
                return
            size = info.width, info.height
            yield Shot(frame.time_s, partial(_given, frame.image, size), exact=True)


class StreamSource:
    """RTSP, or MPEG-TS by UDP."""

    lasting = True

    def __init__(self, address: str, rotate: int = 0, **options: str) -> None:
        """Args: options: of ffmpeg, beside ours."""
        self._address, self._turn = address, Turn().turned(rotate)
        self.name = without_password(address)
        self._scheme = urlsplit(address).scheme.lower()
        self._options = options

    def shots(self, stop: threading.Event) -> Iterator[Shot]:
        """See Source.shots."""
        options = OPTIONS[self._scheme] | {
            "protocol_whitelist": PROTOCOLS[self._scheme],
            "format_whitelist": f"rtsp,rtp,sdp,{FORMATS}",
        }
        try:
            container = av.open(
                self._address,
                options=MODEST | options | self._options,
                timeout=(OPEN_S, STALL_S),
                metadata_errors="replace",
            )
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise VideoError(
                f"{self.name}: cannot be opened ({reason_of(error)}). Check the address, and that "
                "the stream is being sent."
            ) from error
        with container:
            yield from _decoded(container, self.name, self._turn, stop)


class CameraSource:
    """A camera of this computer, by its number or a part of its name."""

    lasting = True

    def __init__(self, text: str, rotate: int = 0) -> None:
        """Raises: VideoError: there is none like that; what there is."""
        self._format = CAMERA_FORMATS.get(sys.platform, "v4l2")
        self._turn = Turn().turned(rotate)
        self._device, self.name = _camera(text, self._format)

    def shots(self, stop: threading.Event) -> Iterator[Shot]:
        """See Source.shots."""
        device = f"video={self._device}" if self._format == "dshow" else self._device
        try:
            container = av.open(device, format=self._format, timeout=(OPEN_S, STALL_S))
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise VideoError(
                f"{self.name}: cannot be opened ({reason_of(error)}). Close other programs that "
                "use it, and check that this user may."
            ) from error
        with container:
            yield from _decoded(container, self.name, self._turn, stop)


def _decoded(
    container: av.container.InputContainer, name: str, turn: Turn, stop: threading.Event
) -> Iterator[Shot]:
    """Raises: VideoError: it breaks off."""
    stream = best_video(container, Path(name))
    stream.thread_type = "SLICE"  # threads by frame would each hold one back
    try:
        for frame in container.decode(stream):
            if stop.is_set():
                return
            yield _shot(frame, turn, stream.sample_aspect_ratio)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise VideoError(f"{name}: breaks off ({reason_of(error)}).") from error


def _given(image: np.ndarray, size: Size) -> tuple[np.ndarray, Size]:
    return image, size


def _shot(frame: av.VideoFrame, turn: Turn, pixel_aspect: Fraction | None) -> Shot:
    def rgb() -> tuple[np.ndarray, Size]:
        width, height = square_size(frame, pixel_aspect)
        if turn.quarters % 2:
            width, height = height, width
        share = min(1.0, DETECTION_SIDE / max(width, height))
        looked = max(2, round(width * share)), max(2, round(height * share))
        return upright_rgb(frame, turn, looked), (width, height)

    return Shot(frame.time, rgb)


def without_password(address: str) -> str:
    """An address as it may be shown: without user, password and control characters."""
    return one_line(re.sub(r"//[^/@]*@", "//", address))


def cameras() -> list[tuple[str, str]]:
    """(device, name) of the cameras of this computer, as the system numbers them."""
    kind = CAMERA_FORMATS.get(sys.platform, "v4l2")
    try:
        found = av.enumerate_input_devices(kind)
    except (av.error.FFmpegError, OSError, ValueError, NotImplementedError):
        return []
    return [
        (device.name, device.description)
        for device in found
        if not device.media_types or "video" in device.media_types
    ]


def _is_device(text: str) -> bool:
    return text.startswith("/dev/")


def _camera(text: str, kind: str) -> tuple[str, str]:
    """(device, name). Raises: VideoError."""
    there = cameras()
    if text.isdecimal():
        if kind == "v4l2":
            wanted = f"/dev/video{int(text)}"
            if Path(wanted).exists():
                return wanted, f"camera {int(text)}"
        elif int(text) < len(there):
            return there[int(text)][0], f"camera {int(text)}"
    elif _is_device(text):
        if Path(text).exists():
            return text, one_line(text)
    else:
        alike = [device for device in there if text.casefold() in device[1].casefold()]
        if len(alike) == 1:
            return alike[0]
    raise VideoError(f"no camera {one_line(repr(text))}. {_those(there)}")


def _those(there: list[tuple[str, str]]) -> str:
    """What to do instead."""
    if not there:
        return (
            "No camera is found on this computer; connect one, or give the address of a stream "
            "(rtsp://..., udp://...), or a video with --as-live."
        )
    return f"There are: {', '.join(f'{one_line(name)} ({device})' for device, name in there)}."
