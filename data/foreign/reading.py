"""Bounded reading of strangers' text files: JSON, CSV, and folders of one file per frame."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from poselift.data.errors import FormatError
from poselift.data.files.source_files import read_bounded
from poselift.data.foreign.clip import MAX_FRAMES, frame_number

MAX_FILE_BYTES = 256 << 20  # an hour of a few people
MAX_FRAME_BYTES = 4 << 20  # one frame
MAX_CELLS = 30_000_000  # of a table
_NUMBERS = (float, int, type(None))


def load_json(path: Path, limit: int = MAX_FILE_BYTES) -> Any:
    """The value of a JSON file. Raises: FormatError: not one, or too large."""
    try:
        return json.loads(content_of(path, limit))
    except RecursionError:
        raise FormatError(
            f"{path}: not JSON that can be read (nested too deeply). Write it again."
        ) from None
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError are such
        raise FormatError(
            f"{path}: not JSON, or it breaks off ({error}). Write or copy the file again."
        ) from error


def load_rows(path: Path, delimiter: str | None = None) -> list[list[str]]:
    """The rows of a CSV or TSV file without its empty ones. Raises: FormatError.

    Args:
        delimiter: None for semicolons where the first line has one, else commas.
    """
    rows, cells = [], 0
    try:
        text = content_of(path, MAX_FILE_BYTES).decode("utf-8-sig")
        delimiter = delimiter or (";" if ";" in text.split("\n", 1)[0] else ",")
        for row in csv.reader(io.StringIO(text), delimiter=delimiter):
            cells += len(row)
            if cells > MAX_CELLS:
                raise FormatError(
                    f"{path}: has more than {MAX_CELLS} cells. Save a shorter stretch."
                )
            if any(row):
                rows.append(row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path}: not a table ({error}). Write or copy the file again.") from None
    if not rows:
        raise FormatError(f"{path}: has empty rows only. Write or copy the file again.")
    return rows


def content_of(path: Path, limit: int) -> bytes:
    """A regular file of at most `limit` bytes, not empty. Raises: FormatError."""
    content = read_bounded(path, limit)
    if not content.strip():
        raise FormatError(f"{path}: is empty. Write or copy the file again.")
    return content


def frame_files(
    folder: Path, suffix: str, beside: Collection[str] = ()
) -> Iterator[tuple[int, Path]]:
    """The files of a folder that holds one for each frame, in order, with frame numbers.

    Args:
        beside: names of files that are none of them.
    Raises: FormatError: there are none, or too many, or they are of several clips, or a
        frame comes twice.
    """
    paths = [p for p in folder.iterdir() if p.suffix.lower() == suffix and p.name[0] not in "._"]
    paths = [path for path in paths if path.name not in beside]
    if not paths:
        raise FormatError(f"{folder}: holds no {suffix} files. Give the folder that has them.")
    if len(paths) > MAX_FRAMES:
        raise FormatError(
            f"{folder}: holds {len(paths)} files, more than {MAX_FRAMES} frames. Give each clip "
            "its own folder."
        )
    numbered: dict[int, Path] = {}
    for path in sorted(paths):
        try:
            number = frame_number(path.name)
        except ValueError as error:
            raise FormatError(
                f"{path}: {error}. Give a folder with one file for each frame."
            ) from None
        if number in numbered:
            raise FormatError(
                f"{folder}: {numbered[number].name} and {path.name} are the same frame. Give each "
                "clip its own folder."
            )
        numbered[number] = path
    clips = {_clip_name(path) for path in paths}
    if len(clips) > 1:
        some = ", ".join(f"'{name}'" for name in sorted(clips)[:3])
        raise FormatError(
            f"{folder}: holds files of {len(clips)} clips ({some}). Give each its own folder."
        )
    return iter(sorted(numbered.items()))


def numbers(values: Any) -> np.ndarray:
    """(N,) float64 of a JSON list of numbers; null is NaN. Raises: ValueError."""
    if not isinstance(values, list):
        raise ValueError(f"has {_said(values)} where a list of numbers belongs")
    for value in values:
        if type(value) not in _NUMBERS:
            raise ValueError(f"has {_said(value)} where a number belongs")
    try:
        return np.array([np.nan if value is None else value for value in values], np.float64)
    except OverflowError:
        raise ValueError("has a number of more than 300 digits") from None


def triples(values: Any) -> np.ndarray:
    """(J, 3) of a flat JSON list x, y, confidence, ... Raises: ValueError."""
    flat = numbers(values)
    if len(flat) % 3 or not len(flat):
        raise ValueError(f"has {len(flat)} numbers for a person, not three for each keypoint")
    return flat.reshape(-1, 3)


def number_in(cell: str) -> float:
    """The number in a cell of a table; NaN where it is empty. Raises: ValueError."""
    return float(cell) if cell.strip() else np.nan


def numbers_in(cells: Iterable[str]) -> list[float]:
    """The numbers of a column, with decimal points or decimal commas.

    Raises: ValueError: no numbers, or thousands are marked like decimals.
    """
    cells = list(cells)
    if any("," in cell for cell in cells):
        if any("." in cell for cell in cells):
            raise ValueError("has decimal points and decimal commas in one column")
        cells = [cell.replace(",", ".") for cell in cells]
    return [number_in(cell) for cell in cells]


def certainty(values: np.ndarray) -> np.ndarray:
    """Annotators' marks as confidence: 0 not there, 1 hidden, 2 seen; shares of 1 stay."""
    marks = values[np.isfinite(values)]
    is_marked = len(marks) > 0 and marks.max() == 2 and bool(np.isin(marks, (0, 1, 2)).all())
    return values / 2 if is_marked else values


def optional_number(value: Any) -> float | None:
    """A number that may be missing. Raises: ValueError."""
    return None if value is None else float(numbers([value])[0])


def entries(value: Any, what: str) -> list[Any]:
    """`value`, which must be a list. Raises: ValueError."""
    if not isinstance(value, list):
        raise ValueError(f"has {_said(value)} where a list of {what} belongs")
    return value


def fields(value: Any, what: str) -> dict[str, Any]:
    """`value`, which must be an object. Raises: ValueError."""
    if not isinstance(value, dict):
        raise ValueError(f"has {_said(value)} where {what} belongs")
    return value


def _clip_name(path: Path) -> str:
    """A frame's file name without its number and what follows."""
    return re.sub(r"\d+\D*$", "", path.stem)


def _said(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
