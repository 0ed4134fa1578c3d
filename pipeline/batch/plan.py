"""Which clips there are, which of them are ours, and where the results of each will lie."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from poselift.data.errors import PoseliftError, VideoError, reason_of
from poselift.pipeline.batch.addresses import is_address
from poselift.pipeline.batch.outcome import Clip, Outcome, line_of
from poselift.pipeline.batch.remote import RemoteShelf, find_remote, remote_labels
from poselift.pipeline.batch.shards import Shard
from poselift.pipeline.clip.run_many import videos_of
from poselift.pipeline.folders.clip_folders import Labels, LocalShelf, Shelf, assigned, labels_of
from poselift.pipeline.folders.sources import absolute


@dataclass(frozen=True)
class Plan:
    """Clips by name, and the inputs that named none, as outcomes that failed."""

    clips: tuple[Clip, ...]
    failures: tuple[Outcome, ...]


def plan_of(inputs: Iterable[str | Path], out: str | Path, shard: Shard | None = None) -> Plan:
    """The clips of a share, of all that the inputs name.

    Folders are given to all clips before the share is taken: no two shares want the same.
    Raises: PoseliftError: an address cannot be read.
    """
    out = str(out)
    found: dict[str, tuple[str, Labels]] = {}  # path -> its name, and what it may be called
    failures = []
    for text in map(str, inputs):
        try:
            for path, name, labels in _named(text):
                found.setdefault(path, (name, labels))
        except PoseliftError as error:
            failures.append(Outcome(text, text, "", "", "failed", error=line_of(text, error)))
    twice = {n for n, count in Counter(name for name, _ in found.values()).items() if count > 1}
    shelf: Shelf = RemoteShelf(out) if is_address(out) else LocalShelf(Path(out))
    folders = assigned([labels for _, labels in found.values()], shelf)
    clips = [
        Clip(path if name in twice else name, path, out, folders[labels.path])
        for path, (name, labels) in found.items()
        if shard is None or shard.holds(name)
    ]
    return Plan(tuple(sorted(clips, key=lambda clip: clip.name)), tuple(failures))


def _named(text: str) -> Iterable[tuple[str, str, Labels]]:
    """Path or address of each clip, its name relative to the input, its labels."""
    if is_address(text):
        return [(address, name, remote_labels(address)) for address, name in find_remote(text)]
    try:
        videos = videos_of(text)
    except (OSError, ValueError) as error:  # no rights, a name that no file can have
        raise VideoError(f"{text}: cannot be read ({reason_of(error)}).") from error
    base = absolute(_base(text))
    clips = [(str(path), labels_of(path)) for path in videos]
    return [(path, _name(labels.path, base), labels) for path, labels in clips]


def _base(text: str) -> Path:
    """The folder that names of an input's clips are relative to."""
    path = Path(text)
    if path.is_dir():
        return path
    steady: Sequence[str] = path.parent.parts
    for number, part in enumerate(path.parts):
        if glob.has_magic(part):
            steady = path.parts[:number]
            break
    return Path(*steady)


def _name(path: str, base: str) -> str:
    """Relative, with `/`; the last part alone where it is not below the base, or is the base."""
    below = base.rstrip(os.sep) + os.sep
    if not path.startswith(below):
        return PurePath(path).name
    return path[len(below) :].replace(os.sep, "/")
