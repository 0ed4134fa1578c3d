"""What a clip is made of, a file or numbered pictures: its name, content and state on the disk."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from poselift.data.errors import VideoError
from poselift.data.files.whole_file import file_sha256
from poselift.inference.video.picture_sequence import is_sequence, pictures_of, sequence_sha256

# What changes when a source does, as plain JSON values: name, size and time of each file.
Signature = list[list[str | int]]
State = tuple[tuple[str, int, int, int], ...]


def plain_name(source: Path) -> str:
    """The name of the results' folder where no other clip has it."""
    if not is_sequence(source):
        name = source.stem
    elif source.is_dir():
        name = source.name
    else:  # img_%05d.png
        name = re.sub(r"[ ._-]*%\d*d[ ._-]*", "", source.stem) or Path(absolute(source.parent)).name
    return name.strip(". ") or "clip"


@dataclass(frozen=True)
class Known:
    """What a source is known by: its path or address, and what changes when it does."""

    path: str
    signature: Signature


def known_of(source: Path) -> Known:
    """Raises: VideoError: it is gone."""
    return Known(absolute(source), [[*file[:3]] for file in state_of(source)])


def absolute(source: str | Path) -> str:
    """A path that means the same from everywhere; links are not followed."""
    return os.path.abspath(source)  # noqa: PTH100


def content_sha256(source: Path) -> str:
    """Raises: OSError, VideoError: it cannot be read."""
    return sequence_sha256(source) if is_sequence(source) else file_sha256(source)


def state_of(source: Path) -> State:
    """What changes when a source does. Raises: VideoError: it is gone."""
    files = pictures_of(source) if is_sequence(source) else [source]
    try:
        return tuple((file.name, *_stat(file)) for file in files)
    except OSError as error:
        raise VideoError(f"{source}: was removed while it was worked on.") from error


def _stat(file: Path) -> tuple[int, int, int]:
    stat = file.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ino
