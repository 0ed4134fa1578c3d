"""What Poselift wrote into a results folder, so that it touches nothing else there.

`.poselift.json` says which video the results are of and, for each file, the stage, the key of
what shaped it and its checksum. Only files that are as recorded are removed or replaced: any
other is somebody else's. A result is made beside its place, recorded, and then put there, so
that a kill at any moment leaves nothing that the record does not know.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from poselift.data.errors import OutputError, reason_of
from poselift.data.files.whole_file import file_sha256, whole_file
from poselift.pipeline.exports.formats import FILES
from poselift.pipeline.folders.folder_lock import LOCK, FolderLock, check_held, is_lock

RECORD = ".poselift.json"
SUMMARY = "summary.json"
MAKING = ".poselift-part"  # the folder in which results are made
ASIDE = "aside-"  # what is kept in it, for a run that was cut short
BY = "run-"  # in it, the folder of the run that has the lock, by its token
# All that is made in it: anything else there is somebody else's.
RESULTS = frozenset(
    {
        *("detections.npz", "camera.npz", "keypoints2d.npz", "poses3d.npz", "summary.json"),
        *("overlay.mp4", "overlay.gif", "page.html"),
    }
)


def is_result(name: str) -> bool:
    """Whether a result or an export is called so."""
    return name in RESULTS or bool(FILES.fullmatch(name))


@dataclass(frozen=True)
class Origin:
    """The video that a folder's results are of.

    Args:
        path: absolute.
        sha256: of its content; empty where that was not recorded.
    """

    path: str
    sha256: str

    def is_of(self, other: Origin) -> bool:
        """The same file, whatever has become of it, or the same content elsewhere."""
        return self.path == other.path or self.sha256 == other.sha256 != ""


@dataclass(frozen=True)
class Entry:
    """A file that was written.

    Args:
        key: a digest of all that shaped it.
        before: checksum of the file whose place it takes, until it is there.
    """

    stage: str
    key: str
    sha256: str
    before: str = ""


def write_part(part: Path, content: bytes) -> None:
    """Raises: OutputError: the disk is full, or the folder gone."""
    try:
        part.write_bytes(content)
    except OSError as error:
        place = part.parents[2] / part.name  # parts lie in FOLDER/MAKING/run-TOKEN
        raise OutputError(
            f"{place}: cannot be written ({reason_of(error)}). Free space, or choose another place."
        ) from error


def origin_of(folder: Path) -> Origin | None:
    """What the results in a folder are of; None when it holds none of ours."""
    return FolderRecord(folder).origin


def is_free(folder: Path) -> bool:
    """Nothing is there, or nothing but what a run leaves that wrote no result."""
    try:
        return all(_is_leftover(path) for path in folder.iterdir())
    except OSError:  # not there, or not to be read; a folder that cannot be made is told later
        return not os.path.lexists(folder)


def _is_leftover(path: Path) -> bool:
    """A lock, or a folder in which nothing but results was being made."""
    if path.is_symlink():
        return False
    if is_lock(path):
        return True
    return path.name == MAKING and path.is_dir() and all(map(_is_unfinished, path.iterdir()))


def _is_unfinished(path: Path) -> bool:
    """By its name: results that were being made, whole_file's parts, and what was put aside."""
    if is_result(path.name):
        return True
    if path.name.startswith(BY):
        return path.is_dir() and not path.is_symlink() and all(map(_is_unfinished, path.iterdir()))
    return path.name.startswith((ASIDE, ".gif-")) or ".part." in path.name


class FolderRecord:
    """The record of one folder; one that is absent, damaged or not ours says nothing.

    To write, use it within `locked`.
    Attributes:
        done: what `finish` was given, since which nothing was written.
    """

    def __init__(self, folder: Path, text: bytes | None = None) -> None:
        """`text`: the record's content, where it lies elsewhere."""
        self.folder = folder
        self.origin: Origin | None = None
        self.files: dict[str, Entry] = {}
        self.done: dict[str, Any] | None = None
        try:
            told = json.loads((folder / RECORD).read_bytes() if text is None else text)
            origin = Origin(**_texts(told["source"]))
            files = {str(name): Entry(**_texts(entry)) for name, entry in told["files"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return
        self.origin = origin
        self.files = {name: entry for name, entry in files.items() if name == Path(name).name}
        self.done = told["done"] if isinstance(told.get("done"), dict) else None

    def claim(self, origin: Origin) -> None:
        """Note what the folder's results are of. Raises: OutputError."""
        if origin != self.origin:
            self.origin = origin
            self._write()

    def entry_of(self, name: str) -> Entry | None:
        """The entry of a file that is there and as it was written, else None."""
        entry, found = self.files.get(name), self._sha256_of(name)
        return entry if entry and found and found in {entry.sha256, entry.before} else None

    def is_fresh(self, name: str, key: str) -> bool:
        entry = self.files.get(name)
        if entry is None or entry.key != key:
            return False
        return entry.sha256 == self._sha256_of(name) != ""

    def check_replaceable(self, names: Iterable[str]) -> None:
        """Raises: OutputError: a file of this name is there, and it is not ours."""
        for name in names:
            path = self.folder / name
            if (path.exists() or path.is_symlink()) and self.entry_of(name) is None:
                was = "was changed since Poselift wrote it" if name in self.files else "is not ours"
                raise OutputError(
                    f"{path}: {was}, and is not replaced. Move it away, or choose another folder."
                )

    def put(self, part: Path, name: str, stage: str, key: str) -> Path:
        """Record a result that was made elsewhere in the folder, and put it in its place.

        Raises: OutputError: a file is there that is not ours, or another run has the folder now.
        """
        if part.parent.name.startswith(BY):
            check_held(self.folder, part.parent.name.removeprefix(BY))
        if not (self.folder / RECORD).is_file():
            raise OutputError(f"{self.folder}: was removed while it was worked on. Run again.")
        self.check_replaceable([name])
        path = self.folder / name
        self.files[name] = Entry(stage, key, file_sha256(part), self._sha256_of(name))
        self.done = None
        self._write()
        try:
            part.replace(path)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({reason_of(error)}).") from error
        return path

    def remove(
        self, stages: Iterable[str], but: Container[str] = (), keys: Container[str] = ()
    ) -> None:
        """Remove the files of these stages that are as recorded, and forget all of them.

        Args:
            but: names of files that stay. keys: files with these keys stay, too.
        Raises: OutputError: one cannot be removed.
        """
        gone = set(stages)
        names = [
            name
            for name, entry in self.files.items()
            if entry.stage in gone and name not in but and entry.key not in keys
        ]
        for name in names:
            path = self.folder / name
            if self.entry_of(name) is None:
                continue
            try:
                path.unlink()
            except OSError as error:
                raise OutputError(
                    f"{path}: cannot be removed ({reason_of(error)}). Remove it, or choose "
                    "another folder."
                ) from error
        if names:
            self.files = {n: entry for n, entry in self.files.items() if n not in names}
            self.done = None
            self._write()

    def finish(self, done: dict[str, Any]) -> None:
        """Note that all was done, in plain JSON values."""
        self.done = done
        self._write()

    def _sha256_of(self, name: str) -> str:
        """Of the file that is there; empty when there is none, or a link."""
        path = self.folder / name
        return "" if path.is_symlink() or not path.is_file() else file_sha256(path)

    def _write(self) -> None:
        with whole_file(self.folder / RECORD) as part:
            part.write_text(self.text(), encoding="utf-8")

    def text(self) -> str:
        """What the record's file holds."""
        told: dict[str, Any] = {"source": asdict(self.origin) if self.origin else None}
        told["files"] = {name: asdict(entry) for name, entry in self.files.items()}
        if self.done is not None:
            told["done"] = self.done
        return json.dumps(told, indent=1) + "\n"


@contextmanager
def locked(folder: Path, waiting: Callable[[str], None] = lambda _: None) -> Iterator[Path]:
    """One run at a time in a folder; the second waits for the first (see folder_lock).

    What a killed run left unfinished is removed.
    Args:
        waiting: called once, with who has it, when the lock is taken by somebody else.
    Yields: the folder to make results in, which no other run uses.
    Raises: OutputError: the folder cannot be made or written.
    """
    making = folder / MAKING
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            token = stack.enter_context(FolderLock(folder).held(waiting))
            making.mkdir(exist_ok=True)
            _clear(making)
            own = making / f"{BY}{token}"
            own.mkdir()
        except OSError as error:
            raise OutputError(
                f"{folder}: cannot be written ({reason_of(error)}). Choose another folder with -o."
            ) from error
        try:
            yield own
        finally:
            if own.exists():  # else another run took over
                _clear(making)
            with suppress(OSError):  # something is put aside, or the folder is gone
                making.rmdir()


def _clear(making: Path) -> None:
    """Remove unfinished results, but not what was put aside."""
    if making.is_symlink():
        raise OutputError(f"{making}: is not a folder of Poselift's. Move it away.")
    try:
        for part in making.parent.glob(f"{LOCK}.*"):
            if is_lock(part):
                part.unlink(missing_ok=True)
        for leftover in making.glob("*"):
            if not _is_unfinished(leftover):
                continue
            if leftover.is_dir() and not leftover.is_symlink():
                shutil.rmtree(leftover)
            elif not leftover.name.startswith(ASIDE):
                leftover.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{making}: cannot be written ({reason_of(error)}).") from error


def _texts(told: Any) -> dict[str, str]:
    """Raises: TypeError: not a table of texts."""
    if not isinstance(told, dict) or not all(isinstance(v, str) for v in told.values()):
        raise TypeError("not a table of texts")
    return told
