"""Kinds of files that are written, and whether a file that is there is one: others are kept."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poselift.data.errors import OutputError, PoseliftError, reason_of

# A table of errors takes some kilobytes; what is larger is not read to find out.
_LARGEST_TEXT = 16 << 20
_NOT_ONE = (
    *(PoseliftError, OSError, ValueError, LookupError, TypeError, EOFError, RecursionError),
    *(zipfile.BadZipFile, NotImplementedError, struct.error, RuntimeError),
)


@dataclass(frozen=True)
class FileKind:
    """A kind of file that a command writes.

    Args:
        name: in words, for messages: detections, a table of errors.
        suffixes: what its name may end in; none: whatever it likes.
        is_one: whether a file that is there is of this kind; what it raises means no.
    """

    name: str
    suffixes: tuple[str, ...]
    is_one: Callable[[Path], bool]


def check_output(path: Path, kind: FileKind, inputs: Iterable[Path] = ()) -> None:
    """Before any work: the result may be written there, and takes nothing away.

    Args:
        inputs: what the work reads; none of it is replaced, by whatever path it is called.
    Raises: OutputError: the name is wrong, an input's, or something else is there.
    """
    there = _is_there(path)
    if there and path.is_dir():
        raise OutputError(f"{path}: is a folder. Give the name of a file.")
    if kind.suffixes and path.suffix.lower() not in kind.suffixes:
        endings = " or ".join(kind.suffixes)
        raise OutputError(f"{path}: the name for {kind.name} must end in {endings}.")
    if there:
        _check_no_input(path, inputs)
        _check_replaceable(path, kind)


def _is_there(path: Path) -> bool:
    """Raises: OutputError: the system knows no such place."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:  # a name that is too long, a folder without rights
        raise OutputError(
            f"{path}: cannot be written ({reason_of(error)}). Choose another place."
        ) from error
    return True


def _check_replaceable(path: Path, kind: FileKind) -> None:
    """Raises: OutputError."""
    if not path.is_file():
        raise OutputError(f"{path}: is no file, or a link to nothing. Choose another name.")
    try:
        known = kind.is_one(path)
    except _NOT_ONE:
        known = False
    if not known:
        raise OutputError(
            f"{path}: is there already and is not {kind.name} made by Poselift, so it is not "
            "replaced. Move it away, or choose another name."
        )


def _check_no_input(path: Path, inputs: Iterable[Path]) -> None:
    """Raises: OutputError."""
    for source in inputs:
        try:
            same = path.samefile(source)
        except OSError:
            continue
        if same:
            raise OutputError(
                f"{path}: is what is read ({source}), and would be replaced by the result. "
                "Choose another name."
            )


def npz_members(path: Path) -> frozenset[str]:
    """Names of the arrays in an archive; nothing is unpacked."""
    with zipfile.ZipFile(path) as archive:
        return frozenset(name.removesuffix(".npy") for name in archive.namelist())


def holds_members(*names: str) -> Callable[[Path], bool]:
    """Whether an archive has arrays of all these names."""
    return lambda path: frozenset(names) <= npz_members(path)


def json_keys(path: Path) -> frozenset[str]:
    """Names in the table that a file of JSON holds. Raises: ValueError: it holds none."""
    told: Any = json.loads(_text(path))
    if not isinstance(told, dict):
        raise ValueError("no table")
    return frozenset(told)


def is_log_of(*names: str) -> Callable[[Path], bool]:
    """Whether each line of a file but the last, which may have broken off, has these names."""

    def is_one(path: Path) -> bool:
        lines = _text(path).splitlines()
        return not lines or all(set(names) <= set(json.loads(line)) for line in lines[:-1] or lines)

    return is_one


def _text(path: Path) -> str:
    with path.open("rb") as stream:
        content = stream.read(_LARGEST_TEXT + 1)
    if len(content) > _LARGEST_TEXT:
        raise ValueError("too large")
    return content.decode("utf-8")
