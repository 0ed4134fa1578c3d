"""Rendered frames become an MP4 or a GIF: one ffmpeg process, fed from a thread.

Every path leaves either the whole file or nothing, and never a process behind.
"""

from __future__ import annotations

import logging
import os
import queue
import re
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import av
import cv2
import ffmpeg
import imageio_ffmpeg
import numpy as np

from poselift.data.errors import MissingDependency, OutputError
from poselift.data.files.whole_file import whole_file
from poselift.inference.video.constant_rate import pace_of
from poselift.inference.video.containers import ONE_FILE, best_video, open_container
from poselift.inference.video.own_videos import MARK, mark_gif

log = logging.getLogger(__name__)

Kind = Literal["mp4", "gif"]
_SPEAKER = re.compile(r"^(\[[^]]* @ 0x[0-9a-f]+\] )+")  # "[out#0/mp4 @ 0x5603a208ba00] "

# Measured on two cores at 1200x600: veryfast 106 frames/s, and half the bytes of superfast.
PRESET = "veryfast"
CRF = 20
GIF_MAX_FPS = 15
QUEUED_FRAMES = 4
_FILE = "file:"
# What cv2 makes of RGB: the matrix of BT.601, 16..235.
COLOUR = {"colorspace": "smpte170m", "color_primaries": "bt709", "color_trc": "bt709"}


class VideoWriter:
    """Writes the rendered frames of one clip; use it in a `with` block.

    Args:
        path: appears, whole, when the block ends without an error.
        width, height: of the frames, pixels; odd sizes are padded by one.
        times_s: (T,) when each frame is shown in the source, seconds.
        audio: a file whose first audio track, if it has one, is kept from times_s[0] to
            the end of the last frame; None, a GIF or a track without a decoder: silent.
        bitrate_kbps: of an MP4's video; None spends what a steady quality needs.
    Raises:
        OutputError: on entering, writing or leaving; the encoder failed, or the place
            cannot be written.
        MissingDependency: there is no ffmpeg.
        VideoError: `audio` cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        times_s: np.ndarray,
        *,
        kind: Kind = "mp4",
        audio: Path | None = None,
        bitrate_kbps: int | None = None,
    ) -> None:
        self.path, self.width, self.height, self.kind = path, width, height, kind
        self.pace = pace_of(times_s, GIF_MAX_FPS if kind == "gif" else np.inf)
        self._start_s, self._audio = float(times_s[0]), audio
        self._bitrate_kbps = bitrate_kbps
        self._stack = ExitStack()

    def __enter__(self) -> VideoWriter:
        opened = self._gif() if self.kind == "gif" else self._mp4()
        self._encoder = self._stack.enter_context(opened)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, t: int, frame: np.ndarray) -> None:
        """Add the frame `t` of the source; in order. One with no copies may be left out.

        Args:
            frame: (height, width, 3) uint8 RGB; not to be changed afterwards.
        """
        if frame.shape != (self.height, self.width, 3) or frame.dtype != np.uint8:
            raise ValueError(f"frame is {frame.shape} {frame.dtype}, not {self.height, self.width}")
        copies = int(self.pace.copies[t])
        if copies:
            self._encoder.put(frame, copies)

    @contextmanager
    def _mp4(self) -> Iterator[_Encoder]:
        with whole_file(self.path) as part:
            streams, rate = [self._frames()], self._bitrate_kbps
            if self._audio is not None:
                streams += _sound(self._audio, self._start_s, self.pace.duration_s)
            options = {"vcodec": "libx264", "preset": PRESET, "acodec": "aac"} | (
                {"crf": CRF} if rate is None else {"video_bitrate": f"{rate}k"}
            )
            output = ffmpeg.output(
                *streams,
                _address(part),
                format="mp4",
                movflags="+faststart",
                metadata=f"comment={MARK}",
                **options,
            )
            with _encoding(output, self.path) as encoder:
                yield encoder

    @contextmanager
    def _gif(self) -> Iterator[_Encoder]:
        """The palette needs all frames, which wait on disk, compressed; never in memory."""
        with ExitStack() as stack:
            part = stack.enter_context(whole_file(self.path))
            folder = Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix=".gif-", dir=part.parent))
            )
            waiting, palette = _address(folder / "frames.mkv"), _address(folder / "palette.png")
            split = self._frames().split()
            lossless = {"vcodec": "libx264", "preset": "ultrafast", "crf": 4}
            both = ffmpeg.merge_outputs(
                ffmpeg.output(split[0], waiting, **lossless),
                ffmpeg.output(split[1].filter("palettegen"), palette, update=1),
            )
            with _encoding(both, self.path) as encoder:
                yield encoder
            dither = {"dither": "bayer", "bayer_scale": 4, "diff_mode": "rectangle"}
            pair = [ffmpeg.input(waiting), ffmpeg.input(palette, format="png_pipe")]
            output = ffmpeg.filter(pair, "paletteuse", **dither).output(
                _address(part), format="gif"
            )
            with _encoding(output, self.path):
                pass
            mark_gif(part)

    def _frames(self) -> Any:
        """The graph's node for the raw frames on standard input."""
        size = self.width + self.width % 2, self.height + self.height % 2
        raw = {"format": "rawvideo", "pix_fmt": "yuv420p", "video_size": size}
        node = ffmpeg.input("pipe:", framerate=str(self.pace.fps), **raw)
        return node.video.filter("setparams", range="tv", **COLOUR)


def _graph_name(path: Path) -> str:
    """A file for a graph, which takes no name that is not UTF-8: its bytes as characters."""
    return os.fsencode(f"file:{path}").decode("latin-1")


def _sound(path: Path, start_s: float, duration_s: float) -> list[Any]:
    """The graph's node for a stretch of the first audio track; empty when none can be heard.

    Args:
        start_s: from the first frame of the file's video; ffmpeg counts from the earliest
            of all its streams.
    """
    with open_container(path) as source:
        if not source.streams.audio:
            return []
        track = source.streams.audio[0]
        if track.codec_context is None:
            log.warning("%s: no decoder for its sound; the overlay is silent.", path)
            return []
        offset_s = -(source.start_time or 0) / av.time_base
        video = best_video(source, path)
        offset_s += float((video.start_time or 0) * (video.time_base or 0))
    stretch = {"ss": start_s + offset_s, "t": duration_s}
    return [ffmpeg.input(_address(path.resolve()), **ONE_FILE, **stretch)["a:0"]]


@contextmanager
def _encoding(output: Any, path: Path) -> Iterator[_Encoder]:
    """Run ffmpeg on a graph: finished after the block, killed after an error in it."""
    encoder = _Encoder(output, path)
    try:
        yield encoder
        encoder.finish()
    finally:
        encoder.stop()


class _Encoder:
    """An ffmpeg process, a thread that feeds it and a thread that reads its complaints."""

    def __init__(self, output: Any, path: Path) -> None:
        self._path = path
        quiet = ("-nostdin", "-hide_banner", "-loglevel", "error")
        # Sound that mostly fails to decode is no reason to lose the picture.
        node = output.global_args(*quiet, "-max_error_rate", "1")
        words = ffmpeg.compile(node, cmd=_ffmpeg(), overwrite_output=True)
        command = [_spelled(word) for word in words]
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        try:
            self._process = subprocess.Popen(command, stdin=pipe, stdout=nowhere, stderr=pipe)
        except OSError as error:
            raise _no_ffmpeg(error) from error
        self._queue: queue.Queue[tuple[np.ndarray, int] | None] = queue.Queue(QUEUED_FRAMES)
        self._stopping = threading.Event()
        self._complaints: deque[str] = deque(maxlen=20)
        self._feeder = threading.Thread(target=self._feed, daemon=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._feeder.start()
        self._reader.start()

    def put(self, frame: np.ndarray, copies: int) -> None:
        self._put((frame, copies))

    def finish(self) -> None:
        """Wait for the file's end. Raises: OutputError."""
        self._put(None)
        self._feeder.join()
        if self._process.wait() != 0:
            raise self._failure()

    def stop(self) -> None:
        """Leave nothing running, whatever happened."""
        self._stopping.set()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._feeder.join()
        self._reader.join()

    def _put(self, item: tuple[np.ndarray, int] | None) -> None:
        while True:
            if not self._feeder.is_alive():
                raise self._failure()
            try:
                return self._queue.put(item, timeout=0.1)
            except queue.Full:
                continue

    def _feed(self) -> None:
        assert self._process.stdin is not None
        try:
            with self._process.stdin as pipe:
                while not self._stopping.is_set():
                    try:
                        item = self._queue.get(timeout=0.1)
                    except queue.Empty:
                        continue
                    if item is None:
                        return
                    raw = _planar(item[0])
                    for _ in range(item[1]):
                        pipe.write(raw)
        except OSError:
            return  # ffmpeg is gone; _put sees that this thread is too and says why

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            for line in stream:
                text = _SPEAKER.sub("", line.decode(errors="replace").strip())
                if text:
                    self._complaints.append(text)

    def _failure(self) -> OutputError:
        code = self._process.wait()
        self._reader.join()
        reason = self._complaints[-1] if self._complaints else "no message"
        ended = f"was killed by signal {-code}" if code < 0 else f"stopped with status {code}"
        return OutputError(
            f"{self._path}: the video encoder {ended} ({reason}). "
            "Check the free space and memory, or render without the overlay (--render none)."
        )


def _address(path: Path) -> str:
    """For a node of a graph, which must be Unicode, and a file's name need not be."""
    return _FILE + os.fsencode(path).decode("latin-1")


def _spelled(word: str) -> str:
    """A word of a command with the file's name as the system spells it."""
    return os.fsdecode(word.encode("latin-1")) if word.startswith(_FILE) else word


def _planar(frame: np.ndarray) -> memoryview:
    """RGB -> I420 bytes: half the pipe's load, and faster here than in ffmpeg."""
    height, width = frame.shape[:2]
    if height % 2 or width % 2:
        frame = cv2.copyMakeBorder(frame, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420)).data


def _ffmpeg() -> str:
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise _no_ffmpeg(error) from error


def _no_ffmpeg(error: Exception) -> MissingDependency:
    return MissingDependency(
        f"no ffmpeg for writing video ({error}). Install imageio-ffmpeg's wheel, or name one "
        "with the environment variable IMAGEIO_FFMPEG_EXE."
    )
