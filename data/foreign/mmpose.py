"""MMPose: predictions of a video, or a folder with a file for each image.

The demo scripts write {"meta_info": .., "instance_info": [{"frame_id", "instances"}]}, the
inferencer the list alone, and for images a list of instances. An instance has
`keypoints` (J, 2), `keypoint_scores` (J,) and perhaps `bbox_score` and `track_id`;
`meta_info` names the joints.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from poselift.data.errors import FormatError
from poselift.data.foreign.clip import ForeignClip, ForeignPerson, frame_number, person_number
from poselift.data.foreign.reading import (
    MAX_FRAME_BYTES,
    entries,
    fields,
    frame_files,
    load_json,
    numbers,
    optional_number,
)


def read_mmpose(path: Path) -> ForeignClip:
    """Raises: FormatError, LayoutMismatch."""
    if path.is_dir():
        files = frame_files(path, ".json")
        frames = {n: _people(p, load_json(p, MAX_FRAME_BYTES), n) for n, p in files}
        return ForeignClip(path, "mmpose", frames, every_frame=True)
    content = load_json(path)
    if _is_instances(content):
        return ForeignClip(path, "mmpose", {0: _people(path, content, 0)}, every_frame=True)
    names = None
    if isinstance(content, dict):
        names = _joint_names(path, content.get("meta_info"))
        content = content.get("instance_info")
    frames = {}
    try:
        for position, entry in enumerate(entries(content, "frames")):
            about = fields(entry, "a frame")
            frame = frame_number(about.get("frame_id", position))
            if frame in frames:
                raise ValueError(f"has frame {frame} twice")
            frames[frame] = _people(path, about.get("instances"), frame)
    except ValueError as error:
        raise FormatError(f"{path}: {error}. Save MMPose's predictions again.") from None
    return ForeignClip(path, "mmpose", frames, every_frame=True, joints=names)


def is_mmpose(content: Any) -> bool:
    if isinstance(content, dict):
        return "instance_info" in content
    frame = content[0] if isinstance(content, list) and content else None
    return _is_instances(content) or (isinstance(frame, dict) and "instances" in frame)


def _is_instances(content: Any) -> bool:
    first = content[0] if isinstance(content, list) and content else None
    return isinstance(first, dict) and "keypoint_scores" in first


def _people(path: Path, instances: Any, frame: int) -> list[ForeignPerson]:
    if _in_3d(instances):
        raise FormatError(
            f"{path}: frame {frame} has keypoints in 3D (x, y, z). Give MMPose's 2D predictions of "
            "the video: of its pose2d models, not of pose3d."
        )
    try:
        return [_person(fields(about, "an instance")) for about in entries(instances, "instances")]
    except KeyError as error:
        raise FormatError(
            f"{path}: an instance of frame {frame} has no {error}. Save MMPose's predictions again."
        ) from None
    except ValueError as error:
        raise FormatError(
            f"{path}: frame {frame} {error}. Save MMPose's predictions again."
        ) from None


def _in_3d(instances: Any) -> bool:
    """Whether the first keypoint of the first instance has three numbers."""
    first = instances[0] if isinstance(instances, list) and instances else None
    points = first.get("keypoints") if isinstance(first, dict) else None
    point = points[0] if isinstance(points, list) and points else None
    return isinstance(point, list) and len(point) == 3


def _person(about: dict[str, Any]) -> ForeignPerson:
    xy = [numbers(point) for point in entries(about["keypoints"], "keypoints")]
    certain = numbers(about["keypoint_scores"])
    if any(len(point) != 2 for point in xy) or len(xy) != len(certain) or not xy:
        raise ValueError(f"has {len(xy)} keypoints of 2 numbers and {len(certain)} scores")
    points = np.column_stack([np.stack(xy), certain])
    score = optional_number(about.get("bbox_score"))
    return ForeignPerson(points, score, person_number(about.get("track_id")))


def _joint_names(path: Path, about: Any) -> tuple[str, ...] | None:
    """The joints' names by meta_info.keypoint_id2name, {"0": "nose", ...}."""
    table = about.get("keypoint_id2name") if isinstance(about, dict) else None
    if table is None:
        return None
    names = [table.get(str(j)) for j in range(len(table))] if isinstance(table, dict) else table
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise FormatError(
            f"{path}: meta_info.keypoint_id2name does not name every keypoint. Save MMPose's "
            "predictions again."
        )
    return tuple(names)
