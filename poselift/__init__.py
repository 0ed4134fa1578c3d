"""Ordinary video to 3D human poses: detect, track, lift, render.

>>> import poselift
>>> result = poselift.run_video("data/examples/walk.mp4", "out")  # doctest: +SKIP
>>> result.poses.world.shape  # people, frames, joints, metres  # doctest: +SKIP
(2, 120, 17, 3)

What is used of the package is loaded when it is used: the import itself takes no time.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

# In a checkout the rooms lie beside this folder, in an installed package inside it.
_HERE = Path(__file__).resolve().parent
if not (_HERE / "data").is_dir():
    __path__.append(str(_HERE.parent))

from poselift.data import __version__  # noqa: E402

if TYPE_CHECKING:
    from poselift.data.archives.stage_results import (
        load_camera,
        load_detections,
        load_poses,
        load_tracks,
        save_camera,
        save_detections,
        save_poses,
        save_tracks,
    )
    from poselift.data.errors import (
        DownloadError,
        FormatError,
        LayoutMismatch,
        MissingDependency,
        MissingWeights,
        NoPersonFound,
        OutputError,
        PoseliftError,
        UnknownName,
        UnsafeFile,
        VideoError,
    )
    from poselift.data.exports.motion import Motion, Rig
    from poselift.data.scene import CameraPath, KnownScene
    from poselift.data.structures import (
        Detections,
        FrameDetections,
        Keypoints2D,
        Poses3D,
        Timeline,
        Tracks,
    )
    from poselift.inference.detectors.choice import DetectorChoice
    from poselift.inference.live.frames import LiveFrame, LivePerson
    from poselift.inference.live.live_poses import LivePoses
    from poselift.inference.poses.rigging import rig
    from poselift.pipeline.clip.calls import detect, lift, render, track, watch
    from poselift.pipeline.clip.run_clip import ClipResult
    from poselift.pipeline.clip.run_many import run_video
    from poselift.pipeline.clip.settings import RunSettings
    from poselift.pipeline.live.session import live

__all__ = [
    "CameraPath",
    "ClipResult",
    "Detections",
    "DetectorChoice",
    "DownloadError",
    "FormatError",
    "FrameDetections",
    "Keypoints2D",
    "KnownScene",
    "LayoutMismatch",
    "LiveFrame",
    "LivePerson",
    "LivePoses",
    "MissingDependency",
    "MissingWeights",
    "Motion",
    "NoPersonFound",
    "OutputError",
    "PoseliftError",
    "Poses3D",
    "Rig",
    "RunSettings",
    "Timeline",
    "Tracks",
    "UnknownName",
    "UnsafeFile",
    "VideoError",
    "__version__",
    "detect",
    "lift",
    "live",
    "load_camera",
    "load_detections",
    "load_poses",
    "load_tracks",
    "render",
    "rig",
    "run_video",
    "save_camera",
    "save_detections",
    "save_poses",
    "save_tracks",
    "track",
    "watch",
]

# Where each name comes from when it is first asked for; the same as above, for type checkers.
_ROOMS = {
    "data.archives.stage_results": (
        *("load_camera", "load_detections", "load_poses", "load_tracks"),
        *("save_camera", "save_detections", "save_poses", "save_tracks"),
    ),
    "data.errors": (
        *("DownloadError", "FormatError", "LayoutMismatch", "MissingDependency"),
        *("MissingWeights", "NoPersonFound", "OutputError", "PoseliftError", "UnknownName"),
        *("UnsafeFile", "VideoError"),
    ),
    "data.exports.motion": ("Motion", "Rig"),
    "data.scene": ("CameraPath", "KnownScene"),
    "data.structures": (
        *("Detections", "FrameDetections", "Keypoints2D", "Poses3D", "Timeline", "Tracks"),
    ),
    "inference.detectors.choice": ("DetectorChoice",),
    "inference.live.frames": ("LiveFrame", "LivePerson"),
    "inference.live.live_poses": ("LivePoses",),
    "inference.poses.rigging": ("rig",),
    "pipeline.clip.calls": ("detect", "lift", "render", "track", "watch"),
    "pipeline.clip.run_clip": ("ClipResult",),
    "pipeline.clip.run_many": ("run_video",),
    "pipeline.clip.settings": ("RunSettings",),
    "pipeline.live.session": ("live",),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'poselift' has no attribute '{name}'")
    value = getattr(importlib.import_module(f"poselift.{_ROOM_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
