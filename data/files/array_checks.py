"""What every reader of numeric arrays looks at before it believes a file."""

from __future__ import annotations

import math
import pickle
import struct
import zlib

import numpy as np

from poselift.data.errors import FormatError, reason_of
from poselift.data.files.source_files import MAX_FILE_BYTES

# What the readers raise on damaged files, besides what they document.
DAMAGED = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError,
    NameError, NotImplementedError, OSError, RuntimeError, TypeError, ValueError,
    pickle.UnpicklingError, struct.error, zlib.error,
)  # fmt: skip
MAX_VALUES = MAX_FILE_BYTES // 4


def numbers(name: str, value: object) -> np.ndarray:
    """Floats. Raises: TypeError: no array of numbers."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu" or not value.size:
        found = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value)
        raise TypeError(f"'{name}' is {found}, not an array of numbers")
    return value if value.dtype.kind == "f" else value.astype(np.float64)


def check_count(shape: tuple[int, ...] | None) -> None:
    """Raises: ValueError: more values than any file of these kinds has."""
    if shape is not None and math.prod(int(n) for n in shape) > MAX_VALUES:
        raise ValueError(f"claims an array of shape {tuple(shape)}")


def damaged(label: str, kind: str, names: tuple[str, ...], error: BaseException) -> FormatError:
    wanted = f" with {' and '.join(names)}" if names else ""
    return FormatError(f"{label}: not a {kind}{wanted}, or damaged ({reason_of(error)}).")
