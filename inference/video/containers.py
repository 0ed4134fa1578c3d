"""Opening video files: only formats that hold everything in one file, only from the disk."""

from __future__ import annotations

from pathlib import Path

import av
from av.stream import Disposition

from poselift.data.errors import VideoError, reason_of
from poselift.data.files.source_files import check_is_file

# Demuxers that read one file. Playlists, which point at other files, are left out.
FORMATS = (
    "mov,matroska,webm,avi,gif,mpeg,mpegts,mpegvideo,asf,flv,ogg,mxf,m4v,h264,hevc,ivf,yuv4mpegpipe"
)
# What ffmpeg is told of every such file. A path must be absolute: "take:1.mp4" is a protocol.
ONE_FILE = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}

# For every decoder, those that look ahead too: pixels have up to 8 bytes, half a GiB in all.
MODEST = {"max_pixels": str(8192 * 8192)}

# Streams that ffmpeg calls video, and are pictures beside it.
_PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image


def open_container(path: Path) -> av.container.InputContainer:
    """Raises: VideoError: missing, empty, no file, or of no format that is read."""
    check_is_file(path, "a video", VideoError)
    try:
        if path.stat().st_size == 0:
            raise VideoError(f"{path}: is empty (0 bytes). Copy it again.")
        return av.open(str(path.resolve()), options=ONE_FILE | MODEST, metadata_errors="replace")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise VideoError(
            f"{path}: cannot be read as a video ({reason_of(error)}). Check that it "
            "plays, or re-encode it."
        ) from error


def best_video(container: av.container.InputContainer, path: Path) -> av.VideoStream:
    """The stream that is the video: not cover art, nor a small or short preview before it.

    Raises: VideoError: there is none, or none that can be decoded.
    """
    if not container.streams.video:
        raise VideoError(f"{path}: has no video stream.")
    moving = [stream for stream in container.streams.video if not _PICTURES & stream.disposition]
    if not moving:
        sound = "sound with cover art" if container.streams.audio else "pictures"
        raise VideoError(f"{path}: holds {sound}, and no video.")
    decodable = [stream for stream in moving if stream.codec_context is not None]
    if not decodable:
        raise VideoError(
            f"{path}: there is no decoder for its video here. Re-encode it, as H.264 say."
        )
    longest_s = max(_duration_s(stream) for stream in decodable)

    def worth(stream: av.VideoStream) -> tuple[bool, bool, int, bool]:
        long_enough = not stream.duration or 2 * _duration_s(stream) >= longest_s
        pixels = stream.codec_context.width * stream.codec_context.height
        preferred = bool(stream.disposition & Disposition.default)
        return stream.frames != 1, long_enough, pixels, preferred

    best = max(decodable, key=worth)  # the first of equals
    best.codec_context.options = dict(MODEST)
    return best


def _duration_s(stream: av.VideoStream) -> float:
    """As the stream says; 0 when it does not."""
    return float((stream.duration or 0) * (stream.time_base or 0))
