"""The files of a data set as it was published: in a folder, a .zip or a .tar(.gz).

Archives are read in place: nothing is unpacked to disk, so a member's name cannot lead
out of a folder, and no member may claim more than MAX_FILE_BYTES.
"""

from __future__ import annotations

import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from poselift.data.errors import FormatError, PoseliftError, reason_of

# The longest take of Human3.6M takes about 5 MB.
MAX_FILE_BYTES = 64 << 20
_DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError)
_UNREADABLE = (*_DAMAGED, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True)
class SourceFile:
    """One file of a data set.

    Args:
        path: its place within the folder or archive.
        label: what a message calls it.
        read: its content. Raises: FormatError. Of an archive's files, only the one just
            listed can be read.
    """

    path: PurePosixPath
    label: str
    read: Callable[[], bytes]


def source_files(source: Path, pattern: str) -> Iterator[SourceFile]:
    """Files whose path, with / between its parts, matches the regular expression at its end.

    Raises: FormatError: `source` is neither a folder nor an archive, or is damaged.
    """
    wanted = re.compile(rf"(?:.*/)?(?:{pattern})")
    if source.is_dir():
        yield from _of_folder(source, wanted)
        return
    if not source.exists():
        raise FormatError(f"{source}: no such file or folder.")
    check_is_file(source, "a folder or an archive")
    yield from (_of_zip if zipfile.is_zipfile(source) else _of_tar)(source, wanted)


def folder_files(folder: Path, pattern: str) -> Iterator[SourceFile]:
    """source_files of something that must be a folder. Raises: FormatError."""
    if not folder.is_dir():
        raise FormatError(f"{folder}: no such folder.")
    yield from _of_folder(folder, re.compile(rf"(?:.*/)?(?:{pattern})"))


def check_is_file(
    path: Path, what: str = "a file", error: type[PoseliftError] = FormatError
) -> None:
    """Tell what cannot be opened as a file, before it is: a pipe would be waited for.

    Args:
        what: should be there, for the message.
    Raises: `error`: nothing is there, or a folder, a pipe, a socket or a device.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise error(f"{path}: no such file. Check the path.") from None
    except OSError as fault:
        raise error(
            f"{path}: cannot be read ({reason_of(fault)}). Check the path and its rights."
        ) from fault
    if not stat.S_ISREG(mode):
        kinds = {stat.S_IFDIR: "folder", stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket"}
        kind = kinds.get(stat.S_IFMT(mode), "device")
        raise error(f"{path}: is a {kind}, not {what}. Give the path of a file.")


def read_bounded(path: Path, limit: int = MAX_FILE_BYTES) -> bytes:
    """A whole file of at most `limit` bytes. Raises: FormatError: larger, or not readable."""
    check_is_file(path)
    try:
        _check_size(str(path), path.stat().st_size, limit)
        return path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({reason_of(error)}).") from error


def _of_folder(folder: Path, wanted: re.Pattern[str]) -> Iterator[SourceFile]:
    for path in sorted(folder.rglob("*")):
        inner = PurePosixPath(path.relative_to(folder).as_posix())
        # The folder's own name counts: -i detections/S1 is as good as -i detections.
        spoken = f"{folder.resolve().name}/{inner}"
        if _is_wanted(spoken, wanted) and path.is_file():
            yield SourceFile(PurePosixPath(spoken), str(path), partial(read_bounded, path))


def _of_zip(source: Path, wanted: re.Pattern[str]) -> Iterator[SourceFile]:
    try:
        with zipfile.ZipFile(source) as archive:
            for info in archive.infolist():
                if _is_wanted(info.filename, wanted) and not info.is_dir():
                    label = f"{source}: {info.filename}"

                    def read(info: zipfile.ZipInfo = info, label: str = label) -> bytes:
                        _check_size(label, info.file_size)
                        return _bounded(label, lambda: archive.read(info))

                    yield SourceFile(PurePosixPath(info.filename), label, read)
    except _DAMAGED as error:
        raise FormatError(
            f"{source}: damaged archive ({reason_of(error)}). Fetch it again."
        ) from error


def _of_tar(source: Path, wanted: re.Pattern[str]) -> Iterator[SourceFile]:
    try:
        with tarfile.open(source, "r:*") as archive:
            for info in archive:
                if _is_wanted(info.name, wanted) and info.isfile():
                    label = f"{source}: {info.name}"

                    def read(info: tarfile.TarInfo = info, label: str = label) -> bytes:
                        _check_size(label, info.size)
                        stream = archive.extractfile(info)
                        assert stream is not None  # of a regular file there always is one
                        return _bounded(label, stream.read)

                    yield SourceFile(PurePosixPath(info.name), label, read)
    except _DAMAGED as error:
        raise FormatError(
            f"{source}: neither a folder, a .zip nor a .tar, or a damaged one ({reason_of(error)})."
        ) from error


def _is_wanted(name: str, wanted: re.Pattern[str]) -> bool:
    """Not what systems hide beside files, such as `._Directions 1.cdf`."""
    return bool(wanted.fullmatch(name)) and not PurePosixPath(name).name.startswith(".")


def _bounded(label: str, read: Callable[[], bytes]) -> bytes:
    try:
        return read()
    except _UNREADABLE as error:
        raise FormatError(f"{label}: cannot be read ({reason_of(error)}).") from error


def _check_size(label: str, size: int, limit: int = MAX_FILE_BYTES) -> None:
    if size > limit:
        raise FormatError(
            f"{label}: {size / 2**20:.0f} MiB, more than any file of this kind has "
            f"({limit >> 20} MiB)."
        )
