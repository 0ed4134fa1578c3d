"""Reading NumPy archives from strangers.

Our own archives hold plain arrays and are opened with pickle forbidden. The
reference's archives hold nested dicts and lists, that is, pickles: those are read by
an unpickler that knows a handful of NumPy constructors and refuses every other name,
so that nothing in a file can run.
"""

from __future__ import annotations

import io
import pickle
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from data.errors import FormatError, UnsafeFile

_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}
for _module in ("numpy.core.multiarray", "numpy._core.multiarray"):
    _ALLOWED[_module, "_reconstruct"] = np._core.multiarray._reconstruct  # type: ignore[attr-defined]
    _ALLOWED[_module, "scalar"] = np._core.multiarray.scalar  # type: ignore[attr-defined]
for _module in ("numpy.core.numeric", "numpy._core.numeric"):
    _ALLOWED[_module, "_frombuffer"] = np._core.numeric._frombuffer  # type: ignore[attr-defined]


def _encode_latin1(text: str, encoding: str) -> bytes:
    """Stands in for codecs.encode, which protocol 2 uses to spell bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"unexpected text encoding {encoding!r}")
    return text.encode("latin1")


_ALLOWED["_codecs", "encode"] = _encode_latin1


class RestrictedUnpickler(pickle.Unpickler):
    """Knows arrays, numbers, text and containers, and nothing that acts."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise UnsafeFile(f"it asks for {module}.{name}, which is not plain data") from None


@contextmanager
def open_npz(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    """A pickle-free archive. Raises: FormatError, naming the file."""
    try:
        archive = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise FormatError(f"{path}: no such file.") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise FormatError(f"{path}: not a NumPy archive ({_first_line(error)}).") from error
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise FormatError(f"{path}: a single array, not an archive (.npz).")
    with archive:
        try:
            yield archive
        except (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
            raise FormatError(f"{path}: damaged archive ({_first_line(error)}).") from error


def load_object_npz(path: Path) -> dict[str, Any]:
    """Every member of an archive written by the reference's scripts.

    Python-2 pickles (Detectron1) are read as latin1. Object arrays of no dimension
    come back as the object they hold.

    Raises:
        UnsafeFile: a member names anything outside the allow-list.
        FormatError: not an archive, or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {
                name.removesuffix(".npy"): _read_member(path, archive, name)
                for name in archive.namelist()
            }
    except FileNotFoundError:
        raise FormatError(f"{path}: no such file.") from None
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise FormatError(f"{path}: not a NumPy archive ({_first_line(error)}).") from error


def _read_member(path: Path, archive: zipfile.ZipFile, name: str) -> Any:
    with archive.open(name) as stream:
        member = io.BytesIO(stream.read())
    try:
        value = _read_npy(member)
    except UnsafeFile as error:
        raise UnsafeFile(
            f"{path}: refused, '{name}' could run code: {error}. Get the file from its author."
        ) from None
    except (ValueError, EOFError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise FormatError(f"{path}: '{name}' is damaged ({_first_line(error)}).") from error
    except (pickle.UnpicklingError, MemoryError, OverflowError) as error:
        raise FormatError(f"{path}: '{name}' is damaged ({_first_line(error)}).") from error
    return value.item() if isinstance(value, np.ndarray) and value.shape == () else value


def _read_npy(stream: BinaryIO) -> Any:
    version = np.lib.format.read_magic(stream)
    read_header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, fortran, dtype = read_header(stream)
    if not dtype.hasobject:
        stream.seek(0)
        return np.lib.format.read_array(stream, allow_pickle=False)
    value = RestrictedUnpickler(stream, encoding="latin1").load()
    if not isinstance(value, np.ndarray):
        raise ValueError(f"holds a {type(value).__name__}, not an array")
    return value.reshape(shape, order="F" if fortran else "C")


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
