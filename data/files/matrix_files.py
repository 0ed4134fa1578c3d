"""Numeric arrays out of CDF, MATLAB and HDF5 files.

None of these formats runs code here: MATLAB objects, HDF5 links to other files and
anything that is no array of numbers are refused, and sizes are checked before memory is
asked for. The libraries themselves can crash or hang on damaged files; where files come
from strangers, read them through poselift.data.files.guarded_reader. An error names the file.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from poselift.data.errors import FormatError
from poselift.data.files.array_checks import DAMAGED, check_count, damaged, numbers
from poselift.data.files.hdf5_files import read_frame, read_hdf5
from poselift.data.files.optional_packages import optional_package


class ArrayReader(Protocol):
    """read_arrays, or something that does the same more safely."""

    def __call__(self, kind: str, label: str, content: bytes, *names: str) -> list[np.ndarray]: ...


def read_arrays(kind: str, label: str, content: bytes, *names: str) -> list[np.ndarray]:
    """Some arrays of a file, in the order of `names`, as floats.

    Args:
        kind: `cdf`; `mat`, up to MATLAB 7.2, where a cell of one matrix is opened; `hdf5`;
            `frame`, pandas' table in HDF5, of which no names are asked: see read_frame.
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
                check_count((about.Last_Rec + 1, *about.Dim_Sizes))
            return [numbers(name, cdf.varget(name)) for name in names]
        except DAMAGED as error:
            raise damaged(label, "CDF file", names, error) from error


def _read_mat(label: str, content: bytes, names: tuple[str, ...]) -> list[np.ndarray]:
    scipy_io = optional_package("scipy.io", "Reading MATLAB files")
    if content[:8] == b"\x89HDF\r\n\x1a\n" or content[:19] == b"MATLAB 7.3 MAT-file":
        raise FormatError(
            f"{label}: MATLAB's version 7.3 format. Save it in MATLAB with the option -v7."
        )
    try:
        for name, shape, _kind in scipy_io.whosmat(io.BytesIO(content)):
            if name in names:
                check_count(shape)
        members = scipy_io.loadmat(io.BytesIO(content), variable_names=list(names))
        return [numbers(name, _opened_cell(members[name])) for name in names]
    except (*DAMAGED, scipy_io.matlab.MatReadError) as error:
        raise damaged(label, "MATLAB file", names, error) from error


def _opened_cell(value: Any) -> Any:
    """The matrix inside nested cells of one."""
    for _depth in range(3):
        if isinstance(value, np.ndarray) and value.dtype == object and value.size == 1:
            value = value.reshape(-1)[0]
    return value


_READERS = {"cdf": _read_cdf, "mat": _read_mat, "hdf5": read_hdf5, "frame": read_frame}
