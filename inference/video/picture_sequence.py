"""Numbered pictures as a video: a folder of them, or a pattern like img_%05d.png."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import av

from poselift.data.errors import VideoError, reason_of
from poselift.data.files.source_files import check_is_file
from poselift.data.structures import VideoInfo, count_of
from poselift.inference.video.containers import MODEST
from poselift.inference.video.display_matrix import turn_of

log = logging.getLogger(__name__)

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
# Each picture is read whole: ffmpeg is given bytes, and opens nothing.
_ONE_PICTURE = {"format_whitelist": "jpeg_pipe,png_pipe,webp_pipe,bmp_pipe,tiff_pipe"}
_NUMBER = re.compile(r"^(.*?)(\d+)(\D*)$", re.DOTALL)  # the last number of a name
_PATTERN = re.compile(r"%(?:0(\d))?d")


class PictureSequence:
    """Pictures that are shown one after another, `fps` a second (a FrameSource).

    Raises: VideoError: no pictures, of several series, or no rate.
    """

    damage: str | None = None
    jumped_s: float | None = None

    def __init__(self, source: Path, fps: float | None) -> None:
        self.pictures = pictures_of(source)
        if fps is None:
            raise VideoError(
                f"{source}: pictures do not say how many are shown a second. Give --fps, 25 say."
            )
        first = _decoded(self.pictures[0])
        self.turn = turn_of(first)
        self.info = VideoInfo(
            name=source.name,
            width=first.width,
            height=first.height,
            fps=fps,
            duration_s=len(self.pictures) / fps,
            frame_count=len(self.pictures),
        )

    def frames_from(self, start_s: float) -> Iterator[tuple[float, av.VideoFrame]]:
        """Frames with their times, from the one at start_s or an earlier one.

        Raises: VideoError: naming a picture that is damaged, or of another size.
        """
        info = self.info
        for t in range(max(0, int(start_s * info.fps) - 1), len(self.pictures)):
            frame = _decoded(self.pictures[t])
            if (frame.width, frame.height) != (info.width, info.height):
                raise VideoError(
                    f"{self.pictures[t]}: is {frame.width}x{frame.height}, the pictures before it "
                    f"{info.width}x{info.height}. A clip has one size."
                )
            yield t / info.fps, frame


def is_sequence(source: Path) -> bool:
    """A folder, or a pattern that is not a file's own name."""
    return os.path.isdir(source) or (  # noqa: PTH112, which raises for names that are too long
        _PATTERN.search(source.name) is not None and not os.path.lexists(source)
    )


def holds_pictures(folder: Path) -> bool:
    """Whether there are numbered pictures in it. Raises: OSError."""
    return any(_is_numbered(path) for path in folder.iterdir())


def pictures_of(source: Path) -> list[Path]:
    """The files of a sequence, by their numbers.

    Raises: VideoError: there are none, or a folder holds several series.
    """
    try:
        found = _of_folder(source) if source.is_dir() else _of_pattern(source)
    except OSError as error:
        raise VideoError(f"{source}: cannot be read ({reason_of(error)}).") from error
    numbers = sorted(found)
    missing = numbers[-1] - numbers[0] + 1 - len(numbers)
    if missing:
        log.warning(
            "%s: %s missing between %d and %d; the pictures are taken to follow one another.",
            source,
            "one number is" if missing == 1 else f"{missing} numbers are",
            numbers[0],
            numbers[-1],
        )
    return [found[number] for number in numbers]


def sequence_sha256(source: Path) -> str:
    """A digest of the pictures' names and contents. Raises: VideoError, OSError."""
    digest = hashlib.sha256()
    for picture in pictures_of(source):
        content = hashlib.sha256(_content(picture)).digest()
        digest.update(os.fsencode(picture.name) + b"\0" + content)
    return digest.hexdigest()


def _of_folder(folder: Path) -> dict[int, Path]:
    series: dict[str, dict[int, Path]] = defaultdict(dict)
    for path in sorted(folder.iterdir()):
        if _is_numbered(path):
            before, number, after = _parts(path)
            name = f"{before}%d{after}{path.suffix}"
            series[name][int(number)] = path
    if not series:
        kinds = " ".join(sorted(PICTURE_SUFFIXES))
        raise VideoError(f"{folder}: is a folder without numbered pictures ({kinds}).")
    if len(series) > 1:
        names = sorted(series)
        raise VideoError(
            f"{folder}: holds {count_of(len(names), 'series')} of pictures ({', '.join(names[:3])}"
            f"{', ...' if len(names) > 3 else ''}). Name one of them: {folder / names[0]}"
        )
    return next(iter(series.values()))


def _of_pattern(pattern: Path) -> dict[int, Path]:
    """%05d stands for a number of five digits or more, %d for any."""
    before, digits, after = _PATTERN.split(pattern.name, maxsplit=1)
    number = rf"(\d{{{digits},}})" if digits else r"(\d+)"
    wanted = re.compile(re.escape(before) + number + re.escape(after))
    found = {}
    for path in sorted(pattern.parent.iterdir()) if pattern.parent.is_dir() else ():
        match = wanted.fullmatch(path.name)
        if match:
            found[int(match[1])] = path
    if not found:
        raise VideoError(f"{pattern}: matches no picture.")
    return found


def _is_numbered(path: Path) -> bool:
    hidden = path.name.startswith(".")
    return path.suffix.lower() in PICTURE_SUFFIXES and not hidden and bool(_NUMBER.match(path.stem))


def _parts(path: Path) -> tuple[str, str, str]:
    match = _NUMBER.match(path.stem)
    assert match is not None  # it is numbered
    return match[1], match[2], match[3]


def _content(picture: Path) -> bytes:
    """Raises: VideoError."""
    check_is_file(picture, "a picture", VideoError)
    try:
        return picture.read_bytes()
    except OSError as error:
        raise VideoError(f"{picture}: cannot be read ({reason_of(error)}).") from error


def _decoded(picture: Path) -> av.VideoFrame:
    """Raises: VideoError."""
    try:
        with av.open(io.BytesIO(_content(picture)), options=_ONE_PICTURE | MODEST) as container:
            stream = container.streams.video[0]
            stream.codec_context.options = dict(MODEST)
            frame = next(container.decode(stream))
    except (av.error.FFmpegError, ValueError, IndexError, StopIteration) as error:
        raise VideoError(
            f"{picture}: cannot be read as a picture ({reason_of(error)}). Make it again."
        ) from error
    return frame
