"""Stage results that are reused when, and only when, nothing that shapes them changed.

Beside a clip's results lies `.poselift.json`: which video they are of, and for each stage
the key of what shaped the result and the checksum of the file. A stage is up to date when its
key is the one wanted now and the file is the one that was written then. Files appear whole
(whole_file), the record after them: a kill in between only costs the stage again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from poselift.data import __version__
from poselift.data.errors import OutputError, reason_of
from poselift.data.files.whole_file import file_sha256, whole_file

RECORD = ".poselift.json"
LOCK = ".poselift.lock"
SUMMARY = "summary.json"


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


def origin_of(folder: Path) -> Origin | None:
    """What the results in a folder are of; None when it holds none of ours.

    Folders of earlier versions say it in their summary only.
    """
    try:
        source = json.loads((folder / RECORD).read_text())["source"]
        return Origin(str(source["path"]), str(source["sha256"]))
    except (OSError, ValueError, KeyError, TypeError):
        pass
    try:
        source = json.loads((folder / SUMMARY).read_text())["source"]
        return Origin(os.path.abspath(source), "")  # noqa: PTH100
    except (OSError, ValueError, KeyError, TypeError):
        return None


def stage_key(stage: str, **shapes: Any) -> str:
    """A digest of everything that shapes a stage's result (plain JSON values)."""
    text = json.dumps([__version__, stage, shapes], sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} cannot be part of a cache key")


class StageCache:
    """The stage results in one folder. Use within `locked`."""

    def __init__(self, folder: Path, *, use: bool = True) -> None:
        self.folder = folder
        self.use = use
        self.origin = origin_of(folder)
        self._entries: dict[str, dict[str, str]] = {}
        try:
            entries = json.loads((folder / RECORD).read_text())["stages"]
            self._entries = {str(stage): dict(entry) for stage, entry in entries.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # no record, or not one of ours: nothing is up to date

    def fresh(self, stage: str, key: str) -> Path | None:
        """The stage's file when it is up to date, else None."""
        entry = self._entries.get(stage)
        if not self.use or entry is None or entry.get("key") != key:
            return None
        path = self.folder / Path(entry.get("file", "")).name
        if not path.is_file() or file_sha256(path) != entry.get("sha256"):
            return None
        return path

    def record(self, stage: str, key: str, path: Path) -> None:
        """Note that `path`, whole and in place, is the stage's result for `key`."""
        self._entries[stage] = {"key": key, "file": path.name, "sha256": file_sha256(path)}
        self._write()

    def claim(self, origin: Origin) -> None:
        """Note what the folder's results are of. Raises: OutputError."""
        if origin != self.origin:
            self.origin = origin
            self._write()

    def drop(self, stages: Iterable[str], files: Iterable[str]) -> None:
        """Forget stages (`render` is all of its formats) and remove files. Raises: OutputError."""
        for name in files:
            path = self.folder / name
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise OutputError(
                    f"{path}: cannot be removed ({reason_of(error)}). Remove it, or choose "
                    "another place."
                ) from error
        gone = set(stages)
        kept = {stage: e for stage, e in self._entries.items() if stage.split()[0] not in gone}
        if kept != self._entries:
            self._entries = kept
            self._write()

    def _write(self) -> None:
        source = {"source": asdict(self.origin)} if self.origin else {}
        with whole_file(self.folder / RECORD) as part:
            part.write_text(json.dumps(source | {"stages": self._entries}, indent=1) + "\n")


@contextmanager
def locked(folder: Path, waiting: Any = lambda: None) -> Iterator[None]:
    """One run at a time in a folder; the second waits for the first.

    The system drops the lock with its process, killed or not. What a killed run left
    unfinished is removed.
    Args:
        waiting: called once when the lock is taken by somebody else.
    Raises: OutputError: the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        try:
            lock.acquire(timeout=0.1)
        except Timeout:
            waiting()
            lock.acquire()
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written ({reason_of(error)}). Choose another folder with -o."
        ) from error
    with lock:
        for leftover in (*folder.glob(".*.part*"), *folder.glob(".gif-*")):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink(missing_ok=True)
        yield
    lock.release()
