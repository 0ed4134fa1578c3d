"""Rendered frames become an MP4 or a GIF: one ffmpeg process, fed from a thread.

Every path leaves either the whole file or nothing, and never a process behind.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import av
import ffmpeg
import numpy as np

from poselift.data.files.whole_file import whole_file
from poselift.inference.video.constant_rate import pace_of
from poselift.inference.video.containers import ONE_FILE, best_video, open_container
from poselift.inference.video.encoder import Encoder, address, encoding
from poselift.inference.video.own_videos import MARK, mark_gif

log = logging.getLogger(__name__)

Kind = Literal["mp4", "gif"]


# Measured on two cores at 1200x600: veryfast 106 frames/s, and half the bytes of superfast.
PRESET = "veryfast"
CRF = 20
GIF_MAX_FPS = 15


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
    def _mp4(self) -> Iterator[Encoder]:
        with whole_file(self.path) as part:
            streams, rate = [self._frames()], self._bitrate_kbps
            if self._audio is not None:
                streams += _sound(self._audio, self._start_s, self.pace.duration_s)
            options = {"vcodec": "libx264", "preset": PRESET, "acodec": "aac"} | (
                {"crf": CRF} if rate is None else {"video_bitrate": f"{rate}k"}
            )
            output = ffmpeg.output(
                *streams,
                address(part),
                format="mp4",
                movflags="+faststart",
                metadata=f"comment={MARK}",
                **options,
            )
            with encoding(output, self.path) as encoder:
                yield encoder

    @contextmanager
    def _gif(self) -> Iterator[Encoder]:
        """The palette needs all frames, which wait on disk, compressed; never in memory."""
        with ExitStack() as stack:
            part = stack.enter_context(whole_file(self.path))
            folder = Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix=".gif-", dir=part.parent))
            )
            waiting, palette = address(folder / "frames.mkv"), address(folder / "palette.png")
            split = self._frames().split()
            lossless = {"vcodec": "libx264", "preset": "ultrafast", "crf": 4}
            both = ffmpeg.merge_outputs(
                ffmpeg.output(split[0], waiting, **lossless),
                ffmpeg.output(split[1].filter("palettegen"), palette, update=1),
            )
            with encoding(both, self.path) as encoder:
                yield encoder
            dither = {"dither": "bayer", "bayer_scale": 4, "diff_mode": "rectangle"}
            pair = [ffmpeg.input(waiting), ffmpeg.input(palette, format="png_pipe")]
            output = ffmpeg.filter(pair, "paletteuse", **dither).output(address(part), format="gif")
            with encoding(output, self.path):
                pass
            mark_gif(part)

    def _frames(self) -> Any:
        """The graph's node for the raw frames on standard input."""
        size = self.width + self.width % 2, self.height + self.height % 2
        raw = {"format": "rawvideo", "pix_fmt": "yuv420p", "video_size": size}
        node = ffmpeg.input("pipe:", framerate=str(self.pace.fps), **raw)
        return node.video.filter("setparams", range="tv", **COLOUR)


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
    return [ffmpeg.input(address(path.resolve()), **ONE_FILE, **stretch)["a:0"]]
