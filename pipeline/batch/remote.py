"""Clips that lie at an address, and results that go to one: fetched, worked on here, sent.

An address has no locks: one driver at a time gives each clip to one worker. Of results the record
is sent first, as one that knows the files that were there and those that come, then the files,
then the record as it is: broken off anywhere, every file there is one that the record knows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from poselift.data.errors import OutputError, VideoError, reason_of
from poselift.data.files.whole_file import file_sha256
from poselift.inference.video.video_reader import SUFFIXES, is_video_name
from poselift.pipeline.batch.addresses import UNREACHABLE, file_system, joined, last_part
from poselift.pipeline.folders.clip_folders import Labels, Names
from poselift.pipeline.folders.folder_record import RECORD, FolderRecord, Origin, is_result
from poselift.pipeline.folders.sources import Known

_AT_ONCE = 1000  # records that are asked for together


class RemoteShelf(Names):
    """The folders of results at an address, and the records in them, as they were when listed."""

    def __init__(self, out: str) -> None:
        """Raises: OutputError: it cannot be read."""
        self.records: dict[str, FolderRecord] = {}
        try:
            system, path = file_system(out)
            names = [last_part(e) for e in system.ls(path, detail=False)]
        except FileNotFoundError:
            names = []
        except UNREACHABLE as error:
            raise OutputError(f"{out}: cannot be read ({reason_of(error)}).") from error
        super().__init__(names)
        for start in range(0, len(names), _AT_ONCE):
            places = {joined(joined(path, n), RECORD): n for n in names[start : start + _AT_ONCE]}
            found = system.cat(list(places), on_error="omit") if places else {}
            for place, content in found.items():
                name = places.get(place) or last_part(place.rpartition("/")[0])
                self.records[name] = FolderRecord(Path(name), content)

    def origin(self, name: str) -> Origin | None:
        return self.records[name].origin if name in self.records else None

    def is_free(self, name: str) -> bool:
        return name.casefold() not in self.alike


def remote_labels(address: str) -> Labels:
    name = last_part(address)
    plain = PurePosixPath(name).stem.strip(". ") or "clip"
    return Labels(address, (plain, name), lambda: None)


def find_remote(text: str) -> Sequence[tuple[str, str]]:
    """Address and name of each video: of a folder, a pattern with *, or a file.

    Raises: MissingDependency; VideoError: nothing is there.
    """
    system, path = file_system(text)
    try:
        if "*" in path:
            base = path[: path.index("*")].rpartition("/")[0]
            paths = [p for p in system.glob(path) if is_video_name(Path(p))]
        elif system.isdir(path):
            base = path.rstrip("/")
            entries = system.ls(path, detail=True)
            paths = [e["name"] for e in entries if e["type"] == "file"]
            paths = [p for p in paths if is_video_name(Path(p))]
        else:
            return [(text, last_part(text))]
    except UNREACHABLE as error:
        raise VideoError(f"{text}: cannot be read ({reason_of(error)}).") from error
    if not paths:
        raise VideoError(f"{text}: holds no videos ({' '.join(sorted(SUFFIXES))}).")
    names = [(p, p.removeprefix(base).strip("/")) for p in map(str, sorted(paths))]
    return [(str(system.unstrip_protocol(p)), name) for p, name in names]


def known_remote(address: str) -> Known:
    """Raises: MissingDependency; VideoError: it cannot be reached."""
    system, path = file_system(address)
    try:
        about: dict[str, Any] = system.info(path)
    except UNREACHABLE as error:
        raise VideoError(f"{address}: cannot be read ({reason_of(error)}).") from error
    changes = ("ETag", "etag", "mtime", "LastModified", "last_modified", "created")
    mark = next((str(about[name]) for name in changes if about.get(name)), "")
    return Known(address, [[last_part(address), int(about.get("size") or 0), mark]])


@contextmanager
def fetched(address: str) -> Iterator[Path]:
    """The file under its own name, on this machine. Raises: VideoError: it cannot be read."""
    system, path = file_system(address)
    with tempfile.TemporaryDirectory(prefix="poselift-") as folder:
        local = Path(folder) / last_part(address)
        try:
            system.get_file(path, str(local))
        except UNREACHABLE as error:
            raise VideoError(f"{address}: cannot be read ({reason_of(error)}).") from error
        yield local


@contextmanager
def sent(place: str) -> Iterator[Path]:
    """A folder on this machine that holds the results at an address; what is made goes there.

    After an error, too: stages that ended stay valid.
    Raises: OutputError: it cannot be reached.
    """
    with tempfile.TemporaryDirectory(prefix="poselift-") as made:
        folder = Path(made) / last_part(place)
        folder.mkdir()
        try:
            before = _fetch_results(place, folder)
        except UNREACHABLE as error:
            raise OutputError(f"{place}: cannot be read ({reason_of(error)}).") from error
        try:
            yield folder
        finally:
            try:
                _send_results(folder, place, before)
            except UNREACHABLE as error:
                raise OutputError(f"{place}: cannot be written ({reason_of(error)}).") from error


def _fetch_results(place: str, folder: Path) -> dict[str, str]:
    """Fetch the files that have names of ours; their checksums."""
    system, path = file_system(place)
    try:
        names = [last_part(entry) for entry in system.ls(path, detail=False)]
    except FileNotFoundError:
        return {}
    ours = [n for n in names if n == RECORD or is_result(n)]
    for name in ours:
        system.get_file(joined(path, name), str(folder / name))
    return {name: file_sha256(folder / name) for name in ours}


def _send_results(folder: Path, place: str, before: dict[str, str]) -> None:
    system, path = file_system(place)
    record = FolderRecord(folder)
    if record.origin is None:
        return
    for name in set(before) - {RECORD} - {p.name for p in folder.iterdir()}:
        system.rm_file(joined(path, name))
    final, done = record.files, record.done
    changed = [n for n, entry in final.items() if before.get(n) != entry.sha256]
    changed = [n for n in changed if (folder / n).is_file()]
    if changed:
        record.files = final | {n: replace(final[n], before=before.get(n, "")) for n in changed}
        record.done = None
        system.makedirs(path, exist_ok=True)
        system.pipe_file(joined(path, RECORD), record.text().encode())
        for name in changed:
            system.put_file(str(folder / name), joined(path, name))
    record.files = final
    # Of files at an address times and sizes are not compared: the record is believed.
    record.done = None if done is None else {**done, "files": {}}
    system.pipe_file(joined(path, RECORD), record.text().encode())
