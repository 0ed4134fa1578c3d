"""3D poses as files of other programs, in a folder whose other files are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from poselift.data.exports.settings import ExportSettings
from poselift.data.files.whole_file import file_sha256
from poselift.data.skeletons import H36M17
from poselift.data.structures import Poses3D, Timeline
from poselift.pipeline.exports.formats import Made, exports_of
from poselift.pipeline.exports.scene import scene_of
from poselift.pipeline.folders.folder_record import FolderRecord, Origin, locked, write_part
from poselift.pipeline.folders.sources import absolute

EXPORT = "export"
IN_MEMORY = "poses from Python"


def export(
    poses: Poses3D | np.ndarray,
    to: str | Path | BinaryIO,
    formats: str | Sequence[str],
    *,
    video_fps: float | None = None,
    **options: Any,
) -> list[Path]:
    """Write poses for other programs; the paths of what was written.

    Args:
        poses: a clip's, or a plain array: (T, 17, 3) or (P, T, 17, 3) joints of 'h36m', metres
            with z up; a frame with NaN was not seen.
        to: a folder, in which files of others are kept; or a binary stream, which one file is
            written to.
        formats: `bvh`, `c3d`, `csv`, `fbx`, `glb`, `json`, `parquet`, `trc`, `usd`, and what
            movement measures, `angles`, `gait`, `mot`, `plots`; several as a list, or as a text
            with commas between.
        video_fps: frames a second of an array.
        options: the fields of ExportSettings: units, up, space, fps, in_place, people, names,
            smooth_hz, blender, raw.
    Raises: UnknownName, LayoutMismatch, FormatError, MissingDependency; OutputError: a file of
        somebody else has the name of one; ValueError: arrays of other shapes, options that
        contradict each other, several files for one stream.
    """
    if not isinstance(poses, Poses3D):
        if video_fps is None:
            raise ValueError("poses as an array need video_fps")
        poses = _poses_of(poses, video_fps)
    names = formats.split(",") if isinstance(formats, str) else formats
    made = exports_of(scene_of(poses, ExportSettings(**options)), names)
    if isinstance(to, (str, Path)):
        digest = hashlib.sha256(np.ascontiguousarray(poses.world).tobytes()).hexdigest()
        return _put(made, Path(to), Origin(IN_MEMORY, digest))
    if len(made) != 1:
        raise ValueError(f"a stream takes one file, and these are {', '.join(made)}")
    (content,) = made.values()
    to.write(content())
    return []


def export_file(
    poses_file: Path,
    poses: Poses3D,
    folder: Path,
    formats: Sequence[str],
    settings: ExportSettings | None = None,
) -> list[Path]:
    """Write the exports of a poses file; the paths of what was written.

    What an earlier export wrote is replaced, any other file is kept.

    Raises: see export.
    """
    made = exports_of(scene_of(poses, settings or ExportSettings()), formats)
    return _put(made, folder, Origin(absolute(poses_file), file_sha256(poses_file)))


def _put(made: Made, folder: Path, origin: Origin) -> list[Path]:
    """Files of a folder, each whole. Raises: OutputError."""
    with locked(folder) as making:
        record = FolderRecord(folder)
        record.check_replaceable(made)
        if record.origin is None:
            record.claim(origin)
        written = []
        for name, content in made.items():
            part = making / name
            write_part(part, content())
            written.append(record.put(part, name, EXPORT, ""))
    return written


def _poses_of(joints: np.ndarray, fps: float) -> Poses3D:
    """People by number, seen where all their joints are. Raises: ValueError."""
    world = np.array(joints, float, ndmin=4)
    if joints.ndim not in (3, 4) or world.shape[2:] != (H36M17.num_joints, 3):
        raise ValueError(f"poses are (T, 17, 3) or (P, T, 17, 3), not {joints.shape}")
    valid = np.isfinite(world).all((2, 3))
    if not world.shape[0] or not valid.any(1).all():
        raise ValueError("somebody has no frame whose joints are all finite")
    world[~valid] = np.nan
    people, frames = valid.shape
    return Poses3D(
        timeline=Timeline(1, 1, fps, np.arange(frames) / fps),
        person_id=np.arange(1, people + 1),
        pose=world - world[:, :, :1],
        trajectory=None,
        world=world,
        valid=valid,
        interpolated=np.zeros_like(valid),
        up=np.array([0.0, -1.0, 0.0]),
        focal_px=float("nan"),
    )
