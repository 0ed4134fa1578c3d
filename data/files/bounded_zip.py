"""Zip archives from strangers: what they claim is weighed before anything is unfolded."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poselift.data.errors import FormatError, reason_of
from poselift.data.files.memory_budget import Budget

DAMAGED_ZIP = (
    OSError,
    EOFError,
    LookupError,
    ValueError,
    RuntimeError,  # encrypted, or an unknown compression
    OverflowError,
    struct.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)
# Others may ask for gigabytes of working memory before the first byte.
_PLAIN_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@contextmanager
def open_zip(path: Path, budget: Budget, kind: str, growth: float = 1) -> Iterator[zipfile.ZipFile]:
    """An archive whose members, unfolded, fit into the budget.

    Args:
        kind: what it should be, for messages.
        growth: how many times as much its members take once they are in use.
    Raises: FormatError.
    """
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGED_ZIP as error:
        raise FormatError(
            f"{path}: not a {kind}, or one that broke off ({reason_of(error)}). Copy it again."
        ) from error
    with archive:
        try:
            _check(archive.infolist())
            total = sum(info.file_size for info in archive.infolist())
            budget.spend(growth * total, "what it unfolds to")
        except ValueError as error:
            raise FormatError(f"{path}: damaged {kind} ({error}). Get it again.") from error
        yield archive


def _check(members: list[zipfile.ZipInfo]) -> None:
    """Raises: ValueError."""
    seen: set[str] = set()
    for info in members:
        if info.filename in seen:
            raise ValueError(f"'{info.filename[:80]}' is in it twice")
        if info.compress_type not in _PLAIN_COMPRESSIONS or info.flag_bits & 1:
            raise ValueError(f"'{info.filename[:80]}' is encrypted, or in an unusual compression")
        seen.add(info.filename)
