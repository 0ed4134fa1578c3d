"""Members of our own archives, each of the type, shape and range that it is documented with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from poselift.data.errors import FormatError
from poselift.data.files.safe_archive import PlainArchive, open_npz

Shape = tuple[int | None, ...]  # None is any length
_MOST_TEXT = 100


class TypedArchive:
    """Typed values out of an archive; what is anything else is a FormatError that names it.

    Args:
        again: what makes such an archive anew, for messages.
    """

    def __init__(self, archive: PlainArchive, again: str = "Make it again.") -> None:
        self._archive, self.path, self._again = archive, archive.path, again

    @property
    def names(self) -> tuple[str, ...]:
        return self._archive.names

    def floats(
        self,
        name: str,
        *shape: int | None,
        within: tuple[float, float],
        gaps: bool = False,
        dtype: type = np.float32,
    ) -> np.ndarray:
        """Args: within: the least and the largest value. gaps: NaN is allowed, too."""
        array = self._array(name, "f", "floating point numbers", shape)
        if array.dtype.itemsize not in (4, 8):
            raise self.wrong(name, f"is {array.dtype}, expected float32 or float64")
        self._check_range(name, array, *within, gaps=gaps)
        return array.astype(dtype, copy=False)

    def wholes(
        self, name: str, *shape: int | None, within: tuple[int, int], dtype: type = np.int64
    ) -> np.ndarray:
        array = self._array(name, "iu", "whole numbers", shape)
        self._check_range(name, array, *within, gaps=False)
        return array.astype(dtype, copy=False)

    def flags(self, name: str, *shape: int | None) -> np.ndarray:
        return self._array(name, "b", "true and false", shape)

    def number(self, name: str, within: tuple[float, float], *, gap: bool = False) -> float:
        array = self._array(name, "fiu", "a number", ())
        self._check_range(name, array, *within, gaps=gap)
        return float(array)

    def whole(self, name: str, within: tuple[int, int]) -> int:
        return int(self.wholes(name, within=within))

    def text(self, name: str) -> str:
        return str(self.texts(name)[0])

    def texts(self, name: str, *shape: int | None) -> list[str]:
        array = self._array(name, "U", "text", shape)
        if array.dtype.itemsize > 4 * _MOST_TEXT:
            raise self.wrong(name, f"is text of more than {_MOST_TEXT} letters")
        return [str(text) for text in array.ravel()]

    def wrong(self, name: str, what: str) -> FormatError:
        """The error that says so of a member."""
        return FormatError(f"{self.path}: '{name}' {what}. {self._again}")

    def _array(self, name: str, kinds: str, what: str, shape: Shape) -> np.ndarray:
        array = self._archive[name]
        if array.dtype.kind not in kinds:
            raise self.wrong(name, f"is {array.dtype}, expected {what}")
        fits = len(array.shape) == len(shape) and all(
            wanted in (None, found) for wanted, found in zip(shape, array.shape, strict=True)
        )
        if not fits:
            wanted = ", ".join("any" if n is None else str(n) for n in shape)
            raise self.wrong(name, f"has shape {array.shape}, expected ({wanted})")
        # Of this machine's order of bytes, and in rows.
        return np.ascontiguousarray(array, array.dtype.newbyteorder("=")).reshape(array.shape)

    def _check_range(
        self, name: str, array: np.ndarray, low: float, high: float, *, gaps: bool
    ) -> None:
        if not array.size:
            return
        # Of NaN, fmin takes the other; min and max take NaN, which is within nothing.
        least, most = (np.fmin.reduce(array, None), np.fmax.reduce(array, None)) if gaps else (
            array.min(), array.max()
        )  # fmt: skip
        if not (low <= least and most <= high) and not (gaps and np.isnan(least)):
            raise self.wrong(
                name, f"has values from {least:g} to {most:g}, expected {low:g} to {high:g}"
            )


@contextmanager
def open_typed(
    path: Path, wanted: str | None = None, *, growth: float = 1
) -> Iterator[TypedArchive]:
    """An archive of ours.

    Args:
        wanted: what its member `format` must say.
        growth: how many times as much its arrays take once they are in use.
    Raises: FormatError.
    """
    with open_npz(path, growth=growth) as plain:
        archive = TypedArchive(plain)
        if wanted is not None:
            found = archive.text("format") if "format" in plain else "no format"
            if found != wanted:
                raise FormatError(f"{path}: is {found}, expected {wanted}. Make it again.")
        yield archive
