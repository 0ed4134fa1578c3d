"""One numeric array out of a CDF, a MATLAB or an HDF5 file, from a stranger.

None of these formats runs code here: MATLAB objects, HDF5 links to other files and
anything that is no array of numbers are refused, and sizes are checked before memory is
asked for. An error names the file.
"""

from __future__ import annotations

import io
import math
import struct
import tempfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from data.errors import FormatError
from data.optional_packages import optional_package
from data.source_files import MAX_FILE_BYTES

# What the readers raise on damaged files, besides what they document.
_DAMAGED = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError,
    NotImplementedError, OSError, RuntimeError, TypeError, ValueError, struct.error, zlib.error,
)  # fmt: skip
MAX_VALUES = MAX_FILE_BYTES // 4


def read_cdf(label: str, content: bytes, variable: str) -> np.ndarray:
    """A variable of a NASA CDF file. Raises: FormatError, MissingDependency."""
    cdflib = optional_package("cdflib", "Reading CDF files")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "take.cdf"
        path.write_bytes(content)
        try:
            cdf = cdflib.CDF(path)
            about = cdf.varinq(variable)
            shape = (about.Last_Rec + 1, *about.Dim_Sizes)
            _check_count(label, shape)
            return _numbers(label, variable, cdf.varget(variable))
        except _DAMAGED as error:
            raise _damaged(label, "CDF file", variable, error) from error


def read_mat(label: str, content: bytes, variable: str) -> np.ndarray:
    """A matrix of a MATLAB file (up to version 7.2); a cell of one matrix is opened.

    Raises: FormatError, MissingDependency.
    """
    return read_mat_variables(label, content, variable)[0]


def read_mat_variables(label: str, content: bytes, *names: str) -> list[np.ndarray]:
    """Some matrices of a MATLAB file, in the order of `names`. Raises: FormatError."""
    scipy_io = optional_package("scipy.io", "Reading MATLAB files")
    if content[:8] == b"\x89HDF\r\n\x1a\n" or content[:19] == b"MATLAB 7.3 MAT-file":
        raise FormatError(
            f"{label}: MATLAB's version 7.3 format. Save it in MATLAB with the option -v7."
        )
    try:
        for name, shape, _kind in scipy_io.whosmat(io.BytesIO(content)):
            if name in names:
                _check_count(label, shape)
        members = scipy_io.loadmat(io.BytesIO(content), variable_names=list(names))
        return [_numbers(label, name, _opened_cell(members[name])) for name in names]
    except (*_DAMAGED, scipy_io.matlab.MatReadError) as error:
        raise _damaged(label, "MATLAB file", " and ".join(names), error) from error


def read_hdf5(label: str, stream: BinaryIO, key: str) -> np.ndarray:
    """A data set of an HDF5 file. Raises: FormatError, MissingDependency."""
    h5py = optional_package("h5py", "Reading HDF5 files")
    try:
        with h5py.File(stream, "r") as file:
            if not isinstance(file.get(key, getlink=True), h5py.HardLink):
                raise KeyError(f"no data set '{key}' of its own")
            table = file[key]
            # Both would read other files of this computer.
            if not isinstance(table, h5py.Dataset) or table.external or table.is_virtual:
                raise TypeError(f"'{key}' does not hold its own numbers")
            _check_count(label, table.shape)
            return _numbers(label, key, table[()])
    except _DAMAGED as error:
        raise _damaged(label, "HDF5 file", key, error) from error


def _opened_cell(value: Any) -> Any:
    """The matrix inside nested cells of one."""
    for _depth in range(3):
        if isinstance(value, np.ndarray) and value.dtype == object and value.size == 1:
            value = value.reshape(-1)[0]
    return value


def _numbers(label: str, name: str, value: Any) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu" or not value.size:
        found = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value)
        raise TypeError(f"'{name}' is {found}, not an array of numbers")
    return value if value.dtype.kind == "f" else value.astype(np.float64)


def _check_count(label: str, shape: tuple[int, ...] | None) -> None:
    if shape is not None and math.prod(int(n) for n in shape) > MAX_VALUES:
        raise ValueError(f"claims an array of shape {tuple(shape)}")


def _damaged(label: str, kind: str, name: str, error: BaseException) -> FormatError:
    said = error.args[0] if isinstance(error, KeyError) and error.args else error
    first = (str(said) or type(error).__name__).splitlines()[0]
    return FormatError(f"{label}: not a {kind} with '{name}', or a damaged one ({first}).")
