"""Opening video files: only formats that hold everything in one file, only from the disk."""

from __future__ import annotations

from pathlib import Path

import av

from poselift.data.errors import VideoError, reason_of

# Demuxers that read one file. Playlists, which point at other files, are left out.
FORMATS = "mov,matroska,webm,avi,gif,mpeg,mpegts,mpegvideo,asf,flv,ogg,mxf,m4v,h264,hevc,ivf"
# What ffmpeg is told of every such file. A path must be absolute: "take:1.mp4" is a protocol.
ONE_FILE = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}


def open_container(path: Path) -> av.container.InputContainer:
    """Raises: VideoError: missing, empty, or of no format that is read."""
    if not path.exists():
        raise VideoError(f"{path}: no such file.")
    if path.is_dir():
        raise VideoError(f"{path}: is a folder, not a video.")
    if path.stat().st_size == 0:
        raise VideoError(f"{path}: is empty (0 bytes). Copy it again.")
    try:
        return av.open(str(path.resolve()), options=dict(ONE_FILE), metadata_errors="replace")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise VideoError(
            f"{path}: cannot be read as a video ({reason_of(error)}). Check that it "
            "plays, or re-encode it."
        ) from error
