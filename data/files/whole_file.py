"""Files that appear whole or not at all, and what tells them apart."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from poselift.data.errors import OutputError, reason_of
from poselift.data.files.file_kinds import FileKind, check_output

_LONGEST_STEM = 32  # in a temporary name: what is added must not make it too long for the system


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary sibling of `path` that takes its place when the block succeeds.

    Raises: OutputError: the folder cannot be written or the disk is full.
    """
    part = _sibling(path)
    try:
        yield part
        part.chmod(0o666 & ~_umask())
        part.replace(path)
    except OSError as error:
        raise _output_error(path, error) from error
    finally:
        part.unlink(missing_ok=True)


def check_writable(path: Path, kind: FileKind, inputs: Iterable[Path] = ()) -> None:
    """Prove that whole_file can write such a file, before long work; its folder is made.

    Raises: OutputError: it cannot, or see check_output.
    """
    check_output(path, kind, inputs)
    _sibling(path).unlink(missing_ok=True)


def check_folder(folder: Path) -> None:
    """Prove that files can be written into a folder; it is made. Raises: OutputError."""
    _sibling(folder / "any").unlink(missing_ok=True)


def file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _sibling(path: Path) -> Path:
    """An empty file beside `path`. Raises: OutputError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.stem[:_LONGEST_STEM]}.", suffix=f".part{path.suffix}"
        )
        os.close(descriptor)
    except OSError as error:
        raise _output_error(path, error) from error
    return Path(name)


def _output_error(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{path}: cannot be written ({reason_of(error)}). Free space, or choose another place."
    )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
