"""What the commands that make 2D archives of Human3.6M share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from poselift.data.archives.keypoint_archive import KEYPOINT_ARCHIVE, save_keypoint_archive
from poselift.data.datasets.completeness import judge_left_out
from poselift.data.datasets.h36m_detections import AssembledDetections
from poselift.data.errors import FormatError
from poselift.data.files.file_kinds import check_output
from poselift.data.files.places import checked_name


def check_archive(
    data_dir: Path, name: str, inputs: Iterable[Path] = (), *, dataset: str = "h36m"
) -> Path:
    """Where the archive NAME is written. Raises: FormatError: no name; OutputError: it cannot."""
    target = data_dir / f"data_2d_{dataset}_{checked_name(name)}.npz"
    check_output(target, KEYPOINT_ARCHIVE, inputs)
    return target


def write_detections(
    detections: AssembledDetections,
    source: Path,
    layout: str,
    data_dir: Path,
    name: str,
    *,
    allow_missing: bool,
) -> int:
    """Write data_2d_h36m_NAME.npz and say so; the command's exit status.

    Args:
        layout: how the files should be called, for the message when there are none.
    Raises: FormatError, OutputError.
    """
    if not (detections.archive or detections.missing or detections.damaged):
        raise FormatError(f"{source}: holds no detections of Human3.6M ({layout}).")
    status = judge_left_out(
        str(source), "Human3.6M", detections.missing, detections.damaged, allow=allow_missing
    )
    if detections.archive is None:
        raise FormatError(f"{source}: no take is whole ({layout}); nothing was written.")
    target = check_archive(data_dir, name)
    save_keypoint_archive(target, detections.archive)
    for subject, actions in detections.archive.positions.items():
        frames = sum(len(xy) for cameras in actions.values() for xy in cameras)
        print(f"{subject}: {len(actions)} takes, {frames} frames in four cameras")
    print(f"wrote {target}")
    return status
