"""Where a clip's results lie: in its own folder again, and never in another clip's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from poselift.data.errors import VideoError
from poselift.inference.video.picture_sequence import is_sequence
from poselift.pipeline.folders.folder_record import Origin, is_free, origin_of
from poselift.pipeline.folders.sources import absolute, content_sha256, plain_name


@dataclass(frozen=True)
class Labels:
    """What decides where a clip's results lie.

    Args:
        path: absolute, or an address.
        names: what the folder may be called, the first that is free before the others; after
            them come numbers at the last.
        content: its checksum; None: it cannot be read.
    """

    path: str
    names: tuple[str, str]
    content: Callable[[], str | None]


class Shelf(Protocol):
    """The folders of results, side by side. Names come with what they begin with."""

    def numbered(self, name: str) -> Sequence[str]:
        """Those that are called `name`-2 and so on, by name."""
        ...

    def origin(self, name: str) -> Origin | None:
        """What the results in a folder are of; None when it holds none of ours."""
        ...

    def is_free(self, name: str) -> bool:
        """Nothing is there that anybody could miss."""
        ...


class Names:
    """The names that were in a folder when it was listed."""

    def __init__(self, names: Sequence[str]) -> None:
        self.here, self.alike = frozenset(names), frozenset(map(str.casefold, names))
        self._numbered: dict[str, list[str]] = defaultdict(list)
        for name in sorted(names):
            stem, _, number = name.rpartition("-")
            if number.isdecimal():
                self._numbered[stem].append(name)

    def numbered(self, name: str) -> Sequence[str]:
        return self._numbered.get(name, ())


class LocalShelf(Names):
    """A folder on this machine, or a shared one; it need not be there yet."""

    def __init__(self, out: Path) -> None:
        self.out = out
        try:
            super().__init__([path.name for path in out.iterdir()])
        except OSError:  # told when something is written
            super().__init__(())

    def origin(self, name: str) -> Origin | None:
        return origin_of(self.out / name) if name.casefold() in self.alike else None

    def is_free(self, name: str) -> bool:
        return name.casefold() not in self.alike or is_free(self.out / name)


def clip_folders(sources: Sequence[Path], out: Path) -> dict[Path, Path]:
    """Source -> folder of its results within `out`. See `assigned`."""
    shelf = LocalShelf(out)
    names = assigned([labels_of(source) for source in sources], shelf)
    return {source: out / names[absolute(source)] for source in sources}


def labels_of(source: Path) -> Labels:
    names = (plain_name(source), source.name)
    return Labels(absolute(source), names, lambda: _content(source))


def _content(source: Path) -> str | None:
    try:
        return content_sha256(source) if source.is_file() or is_sequence(source) else None
    except (OSError, VideoError):
        return None  # run_clip says what is wrong with it


def assigned(clips: Sequence[Labels], shelf: Shelf) -> dict[str, str]:
    """Path of a clip -> name of its folder.

    A source finds the folder that holds results of this path, whatever has become of the
    file, else one with results of the same content (the video was moved). A new one takes
    the first of NAME, NAME.SUFFIX, NAME.SUFFIX-2, ... where nothing is.
    """
    folders: dict[str, str] = {}
    assignment = _Assignment(shelf)
    for find in (assignment.of_path, assignment.of_content, assignment.free):
        for clip in clips:
            name = None if clip.path in folders else find(clip)
            if name is not None:
                assignment.taken.add(name.casefold())
                folders[clip.path] = name
    return folders


class _Assignment:
    """What is known of the shelf while folders are assigned: each record is read once."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf, self.taken = shelf, set[str]()
        self._owners: dict[str, dict[str, Origin]] = {}
        self._by_path: dict[str, dict[str, str]] = {}
        self._next: dict[str, int] = defaultdict(lambda: 2)

    def of_path(self, clip: Labels) -> str | None:
        name = self._owned(clip.names[-1], clip.names)[1].get(clip.path)
        return None if name is None or name.casefold() in self.taken else name

    def of_content(self, clip: Labels) -> str | None:
        owners, _ = self._owned(clip.names[-1], clip.names)
        free = {
            own.sha256: name
            for name, own in reversed(owners.items())
            if own.sha256 and name.casefold() not in self.taken
        }
        return free.get(clip.content() or "") if free else None

    def free(self, clip: Labels) -> str | None:
        for name in clip.names:
            if self._is_free(name):
                return name
        while not self._is_free(name := f"{clip.names[-1]}-{self._next[clip.names[-1]]}"):
            self._next[clip.names[-1]] += 1
        return name

    def _is_free(self, name: str) -> bool:
        return name.casefold() not in self.taken and self.shelf.is_free(name)

    def _owned(self, base: str, names: tuple[str, str]) -> tuple[dict[str, Origin], dict[str, str]]:
        """What holds results of whom: by folder, and by the path of the source."""
        if base not in self._owners:
            found = [(n, self.shelf.origin(n)) for n in (*names, *self.shelf.numbered(base))]
            self._owners[base] = owners = {n: own for n, own in found if own is not None}
            self._by_path[base] = {own.path: name for name, own in reversed(owners.items())}
        return self._owners[base], self._by_path[base]
