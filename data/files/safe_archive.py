"""Reading NumPy archives from strangers.

Our own archives hold plain arrays and are opened with pickle forbidden. The
reference's archives hold nested dicts and lists, that is, pickles: those are read by
plain_pickle, so that nothing in a file can run. What an archive claims about its sizes is
checked before memory is set aside for it.
"""

from __future__ import annotations

import io
import math
import os
import pickle
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from poselift.data.errors import FormatError, UnsafeFile, reason_of
from poselift.data.files.plain_pickle import dump_plain, load_plain
from poselift.data.files.source_files import check_is_file

# In strangers' archives: real numbers never shrink a hundredfold; below the size, any
# ratio is harmless.
MAX_COMPRESSION, HARMLESS_BYTES = 100, 1 << 28

_DAMAGED_ZIP = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,  # encrypted, or an unknown compression
    zipfile.BadZipFile,
    zlib.error,
)
_DAMAGED_MEMBER = (
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    MemoryError,
    OverflowError,
    pickle.UnpicklingError,
    tokenize.TokenError,
)


@contextmanager
def open_npz(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    """A pickle-free archive. Raises: FormatError, naming the file."""
    check_is_file(path, "an archive (.npz)")
    try:
        if not zipfile.is_zipfile(path):
            raise FormatError(f"{path}: not a NumPy archive (.npz), or one that broke off.")
        archive = np.load(path, allow_pickle=False)
    except (*_DAMAGED_ZIP, *_DAMAGED_MEMBER) as error:
        raise FormatError(f"{path}: not a NumPy archive ({reason_of(error)}).") from error
    if not isinstance(archive, np.lib.npyio.NpzFile) or archive.zip is None:
        raise FormatError(f"{path}: a single array, not an archive (.npz).")
    with archive:
        try:
            _check_claims(archive.zip)
        except (*_DAMAGED_ZIP, *_DAMAGED_MEMBER) as error:
            raise FormatError(f"{path}: damaged archive ({reason_of(error)}).") from error
        try:
            yield archive
        except (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
            raise FormatError(f"{path}: damaged archive ({reason_of(error)}).") from error


def load_object_npz(path: Path) -> dict[str, Any]:
    """Every member of an archive written by the reference's scripts.

    Python-2 pickles (Detectron1) are read as latin1. Object arrays of no dimension
    come back as the object they hold.

    Raises:
        UnsafeFile: a member names anything that is not plain data.
        FormatError: not an archive, or damaged.
    """
    check_is_file(path, "an archive (.npz)")
    try:
        with zipfile.ZipFile(path) as archive:
            return {
                name.removesuffix(".npy"): _read_member(path, archive, name)
                for name in archive.namelist()
            }
    except _DAMAGED_ZIP as error:
        raise FormatError(f"{path}: not a NumPy archive ({reason_of(error)}).") from error


def write_object_npz(stream: BinaryIO, members: Mapping[str, Any]) -> None:
    """Write members as the reference's scripts do: each a pickled object array.

    An array of objects keeps its shape; anything else becomes an array of no dimension.
    """
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in members.items():
            if not (isinstance(value, np.ndarray) and value.dtype.hasobject):
                holder = np.empty((), object)
                holder[()] = value
                value = holder
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                header = np.lib.format.header_data_from_array_1_0(value)
                np.lib.format.write_array_header_1_0(member, header)
                dump_plain(value, member)


def _check_claims(archive: zipfile.ZipFile) -> None:
    """Raises: ValueError: too large for this machine, or a header claims more than it has.

    Our own archives are full of NaN where nobody is seen, and shrink a thousandfold; so
    what they may unfold to is bounded by the memory there is.
    """
    total = sum(info.file_size for info in archive.infolist())
    if total > physical_memory() / 2:
        raise ValueError(
            f"it would unfold to {total / 1e9:.1f} GB, more than half of this machine's memory"
        )
    for info in archive.infolist():
        if info.filename.endswith(".npy"):
            with archive.open(info) as stream:
                _read_header(stream, info.file_size)


def physical_memory() -> int:
    """Bytes of memory in this machine; 8 GB where the system does not say."""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 8 << 30


def _check_size(info: zipfile.ZipInfo) -> None:
    if info.file_size > max(HARMLESS_BYTES, MAX_COMPRESSION * info.compress_size):
        raise ValueError(f"'{info.filename}' would unfold to {info.file_size / 1e9:.0f} GB")


def _read_member(path: Path, archive: zipfile.ZipFile, name: str) -> Any:
    try:
        info = archive.getinfo(name)
        _check_size(info)
        with archive.open(info) as stream:
            value = _read_npy(io.BytesIO(stream.read()), info.file_size)
    except UnsafeFile as error:
        raise UnsafeFile(
            f"{path}: refused, '{name}' could run code: {error}. Get the file from its author."
        ) from None
    except (*_DAMAGED_ZIP, *_DAMAGED_MEMBER) as error:
        raise FormatError(f"{path}: '{name}' is damaged ({reason_of(error)}).") from error
    return value.item() if isinstance(value, np.ndarray) and value.shape == () else value


def _read_npy(stream: BinaryIO, size: int) -> np.ndarray:
    shape, dtype = _read_header(stream, size)
    if not dtype.hasobject:
        stream.seek(0)
        return np.lib.format.read_array(stream, allow_pickle=False)
    value = load_plain(stream)
    if not isinstance(value, np.ndarray) or value.shape != shape:
        raise ValueError(f"holds a {type(value).__name__}, not an array of shape {shape}")
    return value


def _read_header(stream: IO[bytes], size: int) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type that a member of `size` bytes claims.

    Raises: ValueError: no such header, or its numbers would not fit.
    """
    version = np.lib.format.read_magic(stream)
    read_header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, _fortran, dtype = read_header(stream)
    if not dtype.hasobject and math.prod(shape) * dtype.itemsize != size - stream.tell():
        raise ValueError(f"claims shape {shape} of {dtype} in {size} bytes")
    return shape, dtype
