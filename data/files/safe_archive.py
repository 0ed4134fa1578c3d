"""Reading NumPy archives from strangers.

Our own archives hold plain arrays and are read without pickle. The reference's archives
hold nested dicts and lists, that is, pickles: those are read by plain_pickle, so that
nothing in a file can run. What an archive claims about its sizes is checked before memory
is set aside for it.
"""

from __future__ import annotations

import io
import math
import pickle
import tokenize
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from poselift.data.errors import FormatError, UnsafeFile, reason_of
from poselift.data.files.bounded_zip import DAMAGED_ZIP, open_zip
from poselift.data.files.memory_budget import MOSTLY_NAN, Budget, budget_of
from poselift.data.files.plain_pickle import dump_plain, load_plain

KIND = "NumPy archive"
DAMAGED = (
    *DAMAGED_ZIP,
    TypeError,
    AttributeError,
    MemoryError,
    RecursionError,
    SyntaxError,
    pickle.UnpicklingError,
    tokenize.TokenError,
)
_PLAIN_KINDS = "biufSU"
# What a byte of the reference's archives becomes on its way to people in every frame; a
# whole number may be a byte and becomes a float first.
_GROWTH, _NUMBER_BYTES = 6, 12


class PlainArchive:
    """Our own archive: plain arrays by name, each read when it is asked for."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path, self._archive = path, archive
        for name in archive.namelist():
            if not name.endswith(".npy"):
                raise FormatError(f"{path}: '{name[:80]}' in it is no array (.npy). Make it again.")
        self.names = tuple(name.removesuffix(".npy") for name in archive.namelist())

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> np.ndarray:
        """Raises: FormatError: it is missing, damaged or no plain array."""
        if name not in self.names:
            raise FormatError(f"{self.path}: has no '{name}'. Make it again.")
        try:
            info = self._archive.getinfo(f"{name}.npy")
            with self._archive.open(info) as stream:
                _check_plain(_read_header(stream, info.file_size)[1])
            with self._archive.open(info) as stream:
                return np.lib.format.read_array(stream, allow_pickle=False)
        except DAMAGED as error:
            raise FormatError(
                f"{self.path}: '{name}' is damaged ({reason_of(error)}). Make it again."
            ) from error


@contextmanager
def open_npz(path: Path, *, growth: float = 1) -> Iterator[PlainArchive]:
    """A pickle-free archive.

    Args:
        growth: how many times as much its arrays take once they are in use.
    Raises: FormatError, naming the file.
    """
    with open_zip(path, budget_of(path, MOSTLY_NAN), KIND, growth) as archive:
        yield PlainArchive(path, archive)


def load_object_npz(path: Path) -> dict[str, Any]:
    """Every member of an archive written by the reference's scripts.

    Python-2 pickles (Detectron1) are read as latin1. Object arrays of no dimension
    come back as the object they hold.

    Raises:
        UnsafeFile: a member names anything that is not plain data.
        FormatError: not an archive, or damaged.
    """
    budget = budget_of(path)
    with open_zip(path, budget, KIND, _GROWTH) as archive:
        return {
            info.filename.removesuffix(".npy"): _read_member(path, archive, info, budget)
            for info in archive.infolist()
        }


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


def _read_member(
    path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget
) -> Any:
    name = info.filename
    try:
        with archive.open(info) as stream:
            value = _read_npy(io.BytesIO(stream.read()), info.file_size, budget)
    except UnsafeFile as error:
        raise UnsafeFile(
            f"{path}: refused, '{name}' could run code: {error}. Get the file from its author."
        ) from None
    except DAMAGED as error:
        raise FormatError(
            f"{path}: '{name}' is damaged ({reason_of(error)}). Get it again."
        ) from error
    return value.item() if isinstance(value, np.ndarray) and value.shape == () else value


def _read_npy(stream: io.BytesIO, size: int, budget: Budget) -> np.ndarray:
    shape, dtype = _read_header(stream, size)
    if not dtype.hasobject:
        _check_plain(dtype)
        budget.spend(_NUMBER_BYTES * math.prod(shape), f"an array of shape {shape}")
        stream.seek(0)
        return np.lib.format.read_array(stream, allow_pickle=False)
    value = load_plain(stream, budget)
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


def _check_plain(dtype: np.dtype) -> None:
    """Raises: ValueError."""
    if dtype.kind not in _PLAIN_KINDS:
        raise ValueError(f"is an array of {dtype}, not of numbers or text")
