"""Numeric arrays out of CDF, MATLAB and HDF5 files.

None of these formats runs code here: MATLAB objects, HDF5 links to other files and
anything that is no array of numbers are refused, and sizes are checked before memory is
asked for. The libraries themselves can crash or hang on damaged files; where files come
from strangers, read them through poselift.data.files.guarded_reader. An error names the file.
"""

from __future__ import annotations

import io
import math
import struct
import tempfile
import zlib
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from poselift.data.errors import FormatError, reason_of
from poselift.data.files.optional_packages import optional_package
from poselift.data.files.source_files import MAX_FILE_BYTES

# What the readers raise on damaged files, besides what they document.
_DAMAGED = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError,
    NameError, NotImplementedError, OSError, RuntimeError, TypeError, ValueError, struct.error,
    zlib.error,
)  # fmt: skip
MAX_VALUES = MAX_FILE_BYTES // 4


class ArrayReader(Protocol):
    """read_arrays, or something that does the same more safely."""

    def __call__(self, kind: str, label: str, content: bytes, *names: str) -> list[np.ndarray]: ...


def read_arrays(kind: str, label: str, content: bytes, *names: str) -> list[np.ndarray]:
    """Some arrays of a file, in the order of `names`, as floats.

    Args:
        kind: `cdf`; `mat`, up to MATLAB 7.2, where a cell of one matrix is opened; `hdf5`.
        label: what a message calls the file.
        content: all its bytes.
    Raises: FormatError, MissingDependency.
    """
    return _READERS[kind](label, content, names)


def _read_cdf(label: str, content: bytes, names: tuple[str, ...]) -> list[np.ndarray]:
    cdflib = optional_package("cdflib", "Reading CDF files")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "take.cdf"
        path.write_bytes(content)
        try:
            cdf = cdflib.CDF(path)
            for name in names:
                about = cdf.varinq(name)
                _check_count((about.Last_Rec + 1, *about.Dim_Sizes))
            return [_numbers(name, cdf.varget(name)) for name in names]
        except _DAMAGED as error:
            raise _damaged(label, "CDF file", names, error) from error


def _read_mat(label: str, content: bytes, names: tuple[str, ...]) -> list[np.ndarray]:
    scipy_io = optional_package("scipy.io", "Reading MATLAB files")
    if content[:8] == b"\x89HDF\r\n\x1a\n" or content[:19] == b"MATLAB 7.3 MAT-file":
        raise FormatError(
            f"{label}: MATLAB's version 7.3 format. Save it in MATLAB with the option -v7."
        )
    try:
        for name, shape, _kind in scipy_io.whosmat(io.BytesIO(content)):
            if name in names:
                _check_count(shape)
        members = scipy_io.loadmat(io.BytesIO(content), variable_names=list(names))
        return [_numbers(name, _opened_cell(members[name])) for name in names]
    except (*_DAMAGED, scipy_io.matlab.MatReadError) as error:
        raise _damaged(label, "MATLAB file", names, error) from error


def _read_hdf5(label: str, content: bytes, names: tuple[str, ...]) -> list[np.ndarray]:
    h5py = optional_package("h5py", "Reading HDF5 files")
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            return [_hdf5_table(h5py, file, name) for name in names]
    except _DAMAGED as error:
        raise _damaged(label, "HDF5 file", names, error) from error


def _hdf5_table(h5py: Any, file: Any, name: str) -> np.ndarray:
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise LookupError(f"no data set '{name}' of its own")
    table = file[name]
    # External and virtual tables would read other files of this computer.
    if not isinstance(table, h5py.Dataset) or table.external or table.is_virtual:
        raise TypeError(f"'{name}' does not hold its own numbers")
    _check_count(table.shape)
    return _numbers(name, table[()])


def _opened_cell(value: Any) -> Any:
    """The matrix inside nested cells of one."""
    for _depth in range(3):
        if isinstance(value, np.ndarray) and value.dtype == object and value.size == 1:
            value = value.reshape(-1)[0]
    return value


def _numbers(name: str, value: Any) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu" or not value.size:
        found = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value)
        raise TypeError(f"'{name}' is {found}, not an array of numbers")
    return value if value.dtype.kind == "f" else value.astype(np.float64)


def _check_count(shape: tuple[int, ...] | None) -> None:
    if shape is not None and math.prod(int(n) for n in shape) > MAX_VALUES:
        raise ValueError(f"claims an array of shape {tuple(shape)}")


def _damaged(label: str, kind: str, names: tuple[str, ...], error: BaseException) -> FormatError:
    wanted = " and ".join(names)
    return FormatError(f"{label}: not a {kind} with {wanted}, or damaged ({reason_of(error)}).")


_READERS = {"cdf": _read_cdf, "mat": _read_mat, "hdf5": _read_hdf5}
