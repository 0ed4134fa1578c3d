"""Where a clip's results lie: in its own folder again, and never in another clip's."""

from __future__ import annotations

import glob
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from poselift.data.errors import VideoError
from poselift.inference.video.picture_sequence import is_sequence
from poselift.pipeline.clip.folder_record import Origin, is_free, origin_of
from poselift.pipeline.clip.sources import absolute, content_sha256, plain_name


def clip_folders(sources: Sequence[Path], out: Path) -> dict[Path, Path]:
    """Source -> folder of its results within `out`.

    A source finds the folder that holds results of this path, whatever has become of the
    file, else one with results of the same content (the video was moved). A new one takes
    the first of NAME, NAME.SUFFIX, NAME.SUFFIX-2, ... where nothing is.
    """
    folders: dict[Path, Path] = {}
    taken: set[str] = set()
    for find in (_of_path, _of_content, _free):
        for source in sources:
            name = None if source in folders else find(source, out, taken)
            if name is not None:
                taken.add(name.casefold())
                folders[source] = out / name
    return {source: folders[source] for source in sources}


def _of_path(source: Path, out: Path, taken: set[str]) -> str | None:
    owned = _owned(source, out, taken)
    return next((name for name, own in owned.items() if own.path == absolute(source)), None)


def _of_content(source: Path, out: Path, taken: set[str]) -> str | None:
    owned = _owned(source, out, taken)
    if not any(own.sha256 for own in owned.values()):
        return None
    try:
        if not (source.is_file() or is_sequence(source)):
            return None
        sha256 = content_sha256(source)
    except (OSError, VideoError):
        return None  # run_clip says what is wrong with it
    return next((name for name, own in owned.items() if own.sha256 == sha256), None)


def _free(source: Path, out: Path, taken: set[str]) -> str | None:
    numbered = (f"{source.name}-{number}" for number in itertools.count(2))
    names = itertools.chain((plain_name(source), source.name), numbered)
    return next(name for name in names if name.casefold() not in taken and is_free(out / name))


def _owned(source: Path, out: Path, taken: set[str]) -> dict[str, Origin]:
    """Folders that may be the source's, by their names, and what they hold results of."""
    owned = {}
    for name in _names_there(source, out):
        origin = None if name.casefold() in taken else origin_of(out / name)
        if origin is not None:
            owned[name] = origin
    return owned


def _names_there(source: Path, out: Path) -> Iterator[str]:
    yield from (plain_name(source), source.name)
    start = source.name + "-"
    for path in sorted(out.glob(glob.escape(start) + "*")):
        if path.name.removeprefix(start).isdecimal():
            yield path.name
