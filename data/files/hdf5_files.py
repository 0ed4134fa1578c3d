"""Arrays and pandas' tables out of HDF5 files, which may hold links to other files."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from poselift.data.errors import FormatError, UnsafeFile, reason_of
from poselift.data.files.array_checks import DAMAGED, check_count, damaged, numbers
from poselift.data.files.memory_budget import Budget
from poselift.data.files.optional_packages import optional_package
from poselift.data.files.plain_pickle import load_plain

# pandas writes one table into a file for DeepLabCut; more are not looked for.
MAX_GROUPS = 64
MAX_PICKLE_BYTES = 4 << 20
MAX_LEVELS = 8


def read_hdf5(label: str, content: bytes, names: tuple[str, ...]) -> list[np.ndarray]:
    """Some arrays. Raises: FormatError, MissingDependency."""
    h5py = optional_package("h5py", "Reading HDF5 files")
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            return [_numbers_of(h5py, file, name) for name in names]
    except DAMAGED as error:
        raise damaged(label, "HDF5 file", names, error) from error


def read_frame(label: str, content: bytes, _names: tuple[str, ...]) -> list[np.ndarray]:
    """The first table of numbers that pandas wrote with names of several levels.

    Returns:
        (T, C) values, (T,) text of the rows' names, (levels, C) text of the columns' names.
    Raises: FormatError, MissingDependency.
    """
    h5py = optional_package("h5py", "Reading HDF5 files")
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            for name in itertools.islice(file, MAX_GROUPS):
                if isinstance(file.get(name, getlink=True), h5py.HardLink):
                    kind = file[name].attrs.get("pandas_type", b"")
                    if kind in (b"frame_table", "frame_table"):
                        return _checked(*_of_table(h5py, file[name]))
                    if kind in (b"frame", "frame"):
                        return _checked(*_of_blocks(h5py, file[name]))
        raise LookupError("pandas wrote no table into it")
    except (*DAMAGED, UnsafeFile) as error:
        raise FormatError(
            f"{label}: not a table that pandas wrote, or damaged ({reason_of(error)}). Give the "
            ".h5 or .csv that DeepLabCut saves."
        ) from error


def _of_table(h5py: Any, group: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """pandas' format `table`: a record for each row."""
    table = _own(h5py, group, "table")
    records = table[()]
    blocks = [name for name in records.dtype.names if name.startswith("values_block_")]
    values = np.column_stack([numbers(name, records[name]) for name in blocks])
    columns: list[Any] = []
    for name in blocks:
        pickled = bytes(table.attrs[f"{name}_kind"])
        if len(pickled) > MAX_PICKLE_BYTES:
            raise ValueError(f"the names of '{name}' take {len(pickled)} bytes")
        columns += load_plain(io.BytesIO(pickled), Budget(MAX_PICKLE_BYTES * 20))
    index = [name for name in records.dtype.names if name not in blocks]
    return values, _text(records[index[-1]]), np.array(columns, dtype=str).T


def _of_blocks(h5py: Any, group: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """pandas' format `fixed`: values and the levels of names apart."""
    values, columns = [], []
    for number in range(int(group.attrs["nblocks"])):
        block = _own(h5py, group, f"block{number}_values")
        table = numbers(block.name, block[()])
        values.append(table if block.attrs.get("transposed", 0) else table.T)
        columns.append(np.stack(list(_levels(h5py, group, f"block{number}_items"))))
    if "axis1" in group:
        index = _text(_own(h5py, group, "axis1")[()])
    else:
        *_, index = _levels(h5py, group, "axis1")
    return np.concatenate(values, 1), index, np.concatenate(columns, 1)


def _levels(h5py: Any, group: Any, axis: str) -> Iterator[np.ndarray]:
    """The text of each level of an axis' names."""
    count = int(group.attrs[f"{axis}_nlevels"])
    if not 0 < count <= MAX_LEVELS:
        raise ValueError(f"'{axis}' has {count} levels")
    for level in range(count):
        texts = _text(_own(h5py, group, f"{axis}_level{level}")[()])
        labels = _own(h5py, group, f"{axis}_label{level}")[()]
        if (labels < 0).any():
            raise ValueError(f"'{axis}' has names that are missing")
        yield texts[labels]


def _checked(values: np.ndarray, index: np.ndarray, columns: np.ndarray) -> list[np.ndarray]:
    if columns.ndim != 2 or values.shape != (len(index), columns.shape[1]):
        raise ValueError(f"{values.shape} values for {index.shape} rows, {columns.shape} names")
    return [values, index, columns]


def _text(values: np.ndarray) -> np.ndarray:
    """Names as text; numbers, too. Raises: TypeError: neither."""
    if values.ndim != 1 or values.dtype.kind not in "SUiu":
        raise TypeError(f"names of the kind {values.dtype} {values.shape}")
    return np.char.decode(values, "utf-8") if values.dtype.kind == "S" else values.astype(str)


def _numbers_of(h5py: Any, file: Any, name: str) -> np.ndarray:
    return numbers(name, _own(h5py, file, name)[()])


def _own(h5py: Any, group: Any, name: str) -> Any:
    """A data set that lies in this file. Raises: LookupError, TypeError, ValueError."""
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise LookupError(f"no data set '{name}' of its own")
    table = group[name]
    # External and virtual tables would read other files of this computer.
    if not isinstance(table, h5py.Dataset) or table.external or table.is_virtual:
        raise TypeError(f"'{name}' does not hold its own numbers")
    check_count(table.shape)
    check_count((table.nbytes // 8,))
    return table
