"""The video of a page: in it, linked from it, or why there is none."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from poselift.data.errors import VideoError, reason_of
from poselift.inference.video.containers import best_video, open_container
from poselift.inference.video.picture_sequence import is_sequence
from poselift.inference.video.video_file import VideoFile
from poselift.pipeline.viewer.video_choice import How

LARGEST_EMBEDDED = 30_000_000  # bytes; a larger video is linked

# Containers that browsers play, by ffmpeg's names. What they are called matters to Firefox
# alone, to which a .mov is an MP4.
_TYPES = {
    "mov,mp4,m4a,3gp,3g2,mj2": "video/mp4",
    "matroska,webm": "video/webm",
    "ogg": "video/ogg",
}


@dataclass(frozen=True)
class PageVideo:
    """The video as the page has it.

    Args:
        file: the video, where it is embedded.
        link: relative address of one that is linked.
        media_type: as browsers call it.
        codec: by name, for messages.
        rotate: degrees clockwise to turn what the browser shows.
        start_s: when its first frame is shown by a browser's clock, probably: one whose
            picture begins after its sound begins later than 0.
        first_s: the first frame's time by ours.
        sound: it has some.
        missing: why there is none, a sentence; empty when there is one.
    """

    file: Path | None = None
    link: str | None = None
    media_type: str = ""
    codec: str = ""
    rotate: int = 0
    start_s: float = 0.0
    first_s: float = 0.0
    sound: bool = False
    missing: str = ""

    @property
    def content(self) -> bytes | None:
        """Of a video that is embedded. Raises: VideoError: it cannot be read."""
        try:
            return None if self.file is None else self.file.read_bytes()
        except OSError as error:
            raise VideoError(f"{self.file}: cannot be read ({reason_of(error)}).") from error

    @property
    def key(self) -> list[str]:
        """What changes when a page of the same clip would have its video otherwise."""
        return ["embed" if self.file else "link", self.link or "", self.missing]


def page_video(source: Path, folder: Path, how: How, *, rotate: int = 0) -> PageVideo:
    """The video for a page in `folder`.

    Args:
        how: `embed` links what is larger than LARGEST_EMBEDDED.
    Raises: VideoError: it cannot be read.
    """
    if how == "none":
        return PageVideo(missing="This page was made without the video.")
    if is_sequence(source):
        return PageVideo(missing="The clip is numbered pictures, which a browser does not play.")
    with open_container(source) as container:
        stream = best_video(container, source)
        media_type = _TYPES.get(container.format.name)
        codec = stream.codec_context.name
        begins_s = float((stream.start_time or 0) * (stream.time_base or 0))
        start_s = max(0.0, begins_s - (container.start_time or 0) / 1e6)
        first = stream is container.streams.video[0]
        sound = bool(container.streams.audio)
        kind = container.format.name
    if media_type is None:
        return PageVideo(missing=f"Browsers do not play {source.suffix or kind} files.")
    if not first:
        return PageVideo(missing="A browser would show another picture stream of this file.")
    try:
        embedded = how == "embed" and source.stat().st_size <= LARGEST_EMBEDDED
        link = None if embedded else link_to(source, folder)
    except OSError as error:
        raise VideoError(f"{source}: cannot be read ({reason_of(error)}).") from error
    first_s = next((time for time, _ in VideoFile(source).frames_from(0.0)), 0.0)
    file = source if embedded else None
    return PageVideo(file, link, media_type, codec, rotate, start_s, first_s, sound)


def link_to(source: Path, folder: Path) -> str:
    """A relative address, where the two are on one disk; never one that names a protocol."""
    try:
        path = os.path.relpath(source.resolve(), folder.resolve())
    except ValueError:  # another drive
        return source.resolve().as_uri()
    return quote("./" + path.replace(os.sep, "/"), errors="surrogateescape")
