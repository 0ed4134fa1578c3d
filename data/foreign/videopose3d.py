"""VideoPose3D's archives: `data_2d_custom_NAME.npz`, and the detections of one video.

A custom data set has one person a video, its gaps filled without saying where; every
frame counts as seen and every joint as certain.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from poselift.data.archives.custom_2d import load_video_detections
from poselift.data.archives.keypoint_archive import KeypointArchive, load_keypoint_archive
from poselift.data.errors import FormatError
from poselift.data.files.bounded_zip import open_zip
from poselift.data.files.memory_budget import budget_of
from poselift.data.foreign.clip import ForeignClip, ForeignPerson

MAX_NAME = 200


def read_videopose3d(path: Path) -> tuple[ForeignClip, ...]:
    """The videos of an archive. Raises: FormatError, UnsafeFile, LayoutMismatch."""
    members = npz_members(path)
    if "positions_2d.npy" in members:
        return _videos(path, load_keypoint_archive(path))
    if {"boxes.npy", "keypoints.npy", "metadata.npy"} <= members:
        return (_detected(path),)
    raise FormatError(
        f"{path}: is no data_2d_custom archive of VideoPose3D and no detections of a video. Check "
        "that this is the right file."
    )


def npz_members(path: Path) -> set[str]:
    """Names in an .npz archive. Raises: FormatError."""
    with open_zip(path, budget_of(path), "NumPy archive") as archive:
        return set(archive.namelist())


def _videos(path: Path, archive: KeypointArchive) -> tuple[ForeignClip, ...]:
    clips = []
    for name, actions in archive.positions.items():
        cameras = [xy for action in actions.values() for xy in action]
        if len(cameras) != 1:
            raise FormatError(
                f"{path}: '{name[:MAX_NAME]}' has {len(cameras)} sequences; a custom data set has "
                "one for each video. Use run.py for a data set with actions and cameras."
            )
        (xy,) = cameras
        points = np.concatenate([xy.astype(np.float64), np.ones((*xy.shape[:2], 1))], -1)
        clips.append(
            ForeignClip(
                source=path,
                format="videopose3d",
                frames={t: [ForeignPerson(p, None, 1)] for t, p in enumerate(points)},
                every_frame=True,
                layout=archive.layout_name,
                size=archive.video_sizes.get(name),
                name=name[:MAX_NAME],
            )
        )
    if not clips:
        raise FormatError(f"{path}: holds no videos. Prepare the data set again.")
    return tuple(clips)


def _detected(path: Path) -> ForeignClip:
    """Everybody in a video as the reference's `infer_video.py` writes it."""
    video = load_video_detections(path)
    frames = {
        t: [
            ForeignPerson(keypoints[[0, 1, 3]].T.astype(np.float64), float(box[4]))
            for box, keypoints in zip(boxes, people, strict=True)
        ]
        for t, (boxes, people) in enumerate(zip(video.boxes, video.keypoints, strict=True))
    }
    size = video.width, video.height
    return ForeignClip(path, "videopose3d", frames, True, layout="coco", size=size)
