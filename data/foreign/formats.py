"""The formats that are read, and which of them a file is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poselift.data.errors import FormatError, UnknownName, reason_of
from poselift.data.foreign.clip import ForeignClip
from poselift.data.foreign.coco_annotations import is_annotations
from poselift.data.foreign.coco_results import is_alphapose, is_results, read_alphapose, read_coco
from poselift.data.foreign.deeplabcut import HDF5, is_deeplabcut, read_deeplabcut
from poselift.data.foreign.joint_table import is_joint_table, read_joint_table
from poselift.data.foreign.mmpose import is_mmpose, read_mmpose
from poselift.data.foreign.openpose import is_openpose, read_openpose
from poselift.data.foreign.reading import frame_files, load_json, load_rows
from poselift.data.foreign.trc import read_trc
from poselift.data.foreign.ultralytics import (
    LABELS,
    is_ultralytics,
    labels_of,
    read_ultralytics,
)
from poselift.data.foreign.videopose3d import npz_members, read_videopose3d


@dataclass(frozen=True)
class Format:
    """How a format is called and read."""

    title: str
    read: Callable[[Path], ForeignClip | tuple[ForeignClip, ...]]


FORMATS = {
    "openpose": Format("OpenPose JSON, a file for each frame", read_openpose),
    "alphapose": Format("AlphaPose results JSON", read_alphapose),
    "mmpose": Format("MMPose predictions JSON", read_mmpose),
    "coco": Format("COCO keypoint results or annotations JSON", read_coco),
    "ultralytics": Format("Ultralytics pose labels or JSON", read_ultralytics),
    "deeplabcut": Format("DeepLabCut CSV or HDF5", read_deeplabcut),
    "trc": Format("Sports2D TRC in pixels", read_trc),
    "videopose3d": Format("VideoPose3D .npz", read_videopose3d),
    "table": Format("table of INFERENCE.md, CSV", read_joint_table),
}
_JSON_KINDS: tuple[tuple[str, Callable[[Any], bool]], ...] = (
    ("openpose", is_openpose),
    ("mmpose", is_mmpose),
    ("coco", is_annotations),
    ("alphapose", is_alphapose),
    ("coco", is_results),
    ("ultralytics", is_ultralytics),
)


def read_foreign(path: Path, kind: str = "auto", video: str | None = None) -> ForeignClip:
    """What a file or folder of another tool says.

    Args:
        kind: a name of FORMATS, or auto.
        video: name of the video that is wanted of an archive that holds several.
    Raises: UnknownName, FormatError, LayoutMismatch, UnsafeFile.
    """
    if kind != "auto" and kind not in FORMATS:
        raise UnknownName("format", kind, [*FORMATS, "auto"])
    if not path.exists():
        raise FormatError(f"{path}: no such file or folder. Check the path.")
    try:
        found = _read(path, FORMATS[format_of(path) if kind == "auto" else kind])
    except OSError as error:
        raise FormatError(
            f"{path}: cannot be read ({reason_of(error)}). Check the path and its rights."
        ) from error
    return found if isinstance(found, ForeignClip) else _chosen(path, found, video)


def _read(path: Path, kind: Format) -> ForeignClip | tuple[ForeignClip, ...]:
    try:
        return kind.read(path)
    except ValueError as error:
        raise FormatError(
            f"{path}: not {kind.title} ({error}). Check --format, or write it again."
        ) from error


def format_of(path: Path) -> str:
    """A name of FORMATS, by what is in the file. Raises: FormatError: it is none of them."""
    if path.is_dir():
        if any(p.suffix.lower() == ".trc" for p in path.iterdir()):
            return "trc"
        if labels_of(path) and not any(p.suffix.lower() == ".json" for p in path.iterdir()):
            return "ultralytics"
        _, first = next(iter(frame_files(path, ".json")))
        # A frame without people may be an empty list in more than one format.
        files = (file for _, file in frame_files(path, ".json"))
        kinds = (_json_kind(load_json(file)) for file in files)
        found = next((kind for kind in kinds if kind is not None), None)
        return found or _unknown(first)
    suffix = path.suffix.lower()
    if suffix == ".json":
        return _json_kind(load_json(path)) or _unknown(path)
    if suffix == ".csv":
        header = load_rows(path)[0]
        if is_deeplabcut(header[0]):
            return "deeplabcut"
        return "table" if is_joint_table(header) else _unknown(path)
    if suffix == ".npz":
        if "format.npy" in npz_members(path):
            raise FormatError(
                f"{path}: is Poselift's own. Go on with poselift dataset, or with lift if these "
                "are tracks."
            )
        return "videopose3d"
    by_suffix = {".trc": "trc", LABELS: "ultralytics", **dict.fromkeys(HDF5, "deeplabcut")}
    return by_suffix.get(suffix) or _unknown(path)


def _json_kind(content: Any) -> str | None:
    return next((name for name, fits in _JSON_KINDS if fits(content)), None)


def _unknown(path: Path) -> str:
    known = "; ".join(f"{name}: {about.title}" for name, about in FORMATS.items())
    raise FormatError(f"{path}: none of the formats that are read ({known}). Name it by --format.")


def _chosen(path: Path, clips: Sequence[ForeignClip], video: str | None) -> ForeignClip:
    """The clip of the video; the only one whatever its name. Raises: FormatError."""
    if len(clips) == 1:
        return clips[0]
    named = [clip for clip in clips if clip.name == video]
    if len(named) == 1:
        return named[0]
    names = ", ".join(str(clip.name) for clip in clips[:20])
    raise FormatError(
        f"{path}: holds {len(clips)} videos ({names}). Give the one that is wanted with --video."
    )
