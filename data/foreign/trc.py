"""TRC files of Sports2D: one file a person, markers in pixels with y down and z = 0.

Sports2D writes `..._px_person00.trc` beside `..._m_person00.trc`; both headers say metres,
so the numbers decide. Markers in metres or millimetres, as of OpenSim, are no keypoints.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from poselift.data.errors import FormatError
from poselift.data.foreign.clip import ForeignClip, ForeignPerson
from poselift.data.foreign.reading import load_rows, number_in

ROWS_BEFORE_DATA = 5
# A person in pixels is tens of pixels wide; in metres, two at most.
SMALLEST_EXTENT_PX = 10.0


def read_trc(path: Path) -> ForeignClip:
    """A file, or a folder with a file for each person. Raises: FormatError, LayoutMismatch."""
    paths = _files(path) if path.is_dir() else [path]
    frames: dict[int, list[ForeignPerson]] = {}
    joints: tuple[str, ...] | None = None
    fps: float | None = None
    for person_id, file in _numbered(path, paths):
        try:
            rate, names, markers = _markers(load_rows(file, "\t"))
        except (ValueError, IndexError) as error:
            raise FormatError(
                f"{file}: not a TRC file of markers ({error}). Save it again with Sports2D."
            ) from None
        _check_pixels(file, np.stack(list(markers.values())))
        if joints not in (None, names) or fps not in (None, rate):
            raise FormatError(
                f"{file}: has other markers or another rate than {paths[0].name}. Give each clip "
                "its own folder."
            )
        joints, fps = names, rate
        for frame, points in markers.items():
            people = frames.setdefault(frame, [])
            if not np.isnan(points[:, 0]).all():
                xy = np.column_stack([points[:, :2], np.ones(len(points))])
                people.append(ForeignPerson(xy, None, person_id))
    return ForeignClip(path, "trc", frames, every_frame=True, joints=joints, fps=fps)


def _files(folder: Path) -> list[Path]:
    """The .trc files in pixels where some names say so, else all of them."""
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() == ".trc" and p.name[0] != ".")
    if not paths:
        raise FormatError(f"{folder}: holds no .trc files. Give the folder that has them.")
    return [p for p in paths if "_px_" in p.name] or paths


def _numbered(source: Path, paths: list[Path]) -> list[tuple[int, Path]]:
    """Files with the person in their name, `..._person03.trc`, else counted from 1."""
    found = [re.search(r"person(\d{1,6})\D*$", path.stem, re.ASCII) for path in paths]
    ids = [int(match[1]) if match else position for position, match in enumerate(found, start=1)]
    if len(set(ids)) < len(ids):
        raise FormatError(
            f"{source}: two files are of the same person. Give each clip its own folder."
        )
    return list(zip(ids, paths, strict=True))


def _markers(rows: list[list[str]]) -> tuple[float, tuple[str, ...], dict[int, np.ndarray]]:
    """Frame rate, marker names and (J, 3) positions by frame. Raises: ValueError, IndexError."""
    if len(rows) <= ROWS_BEFORE_DATA or not rows[0][0].startswith("PathFileType"):
        raise ValueError("has no header and rows")
    about = dict(zip(rows[1], rows[2], strict=False))
    rate = float(about.get("DataRate", "nan"))
    if not 0 < rate < math.inf or rows[3][0].strip() != "Frame#":
        raise ValueError("its header has no DataRate, or no row Frame#")
    names = tuple(cell.strip() for cell in rows[3][2::3] if cell.strip())
    if not names or len(set(names)) < len(names):
        raise ValueError("its markers have no names, or two have the same")
    columns = 2 + 3 * len(names)
    markers: dict[int, np.ndarray] = {}
    for row in rows[ROWS_BEFORE_DATA:]:
        frame, cells = int(row[0]), row[2:columns]
        if frame in markers:
            raise ValueError(f"has frame {frame} twice")
        if any(cell.strip() for cell in row[columns:]):
            raise ValueError(f"frame {frame} has more numbers than markers")
        cells += [""] * (columns - 2 - len(cells))
        markers[frame] = np.array([number_in(cell) for cell in cells]).reshape(-1, 3)
    return rate, names, markers


def _check_pixels(path: Path, points: np.ndarray) -> None:
    """Raises: FormatError: (T, J, 3) are no pixels."""
    depth = points[..., 2][~np.isnan(points[..., 2])]
    seen = points[~np.isnan(points[..., :2]).any(-1).all(-1), :, :2]
    if not len(seen):
        return
    extent = float(np.median(np.nanmax(seen, (1, 2)) - np.nanmin(seen, (1, 2))))
    if (len(depth) and np.abs(depth).max() > 1e-6) or extent < SMALLEST_EXTENT_PX:
        raise FormatError(
            f"{path}: holds markers in metres or in 3D, not keypoints in pixels. Give the "
            "'_px_' file that Sports2D writes beside it."
        )
