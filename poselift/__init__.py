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
    from poselift.data.exports.settings import ExportSettings
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
    from poselift.inference.movement.angles import Angles, angles, speeds
    from poselift.inference.movement.gait import Contact, Gait, gait
    from poselift.inference.poses.rigging import rig
    from poselift.pipeline.batch.many import run_many
    from poselift.pipeline.batch.outcome import Outcome
    from poselift.pipeline.batch.processes import Local
    from poselift.pipeline.batch.ray_cluster import RayCluster
    from poselift.pipeline.batch.shards import Shard
    from poselift.pipeline.clip.calls import detect, lift, render, track, watch
    from poselift.pipeline.clip.clip_result import ClipResult
    from poselift.pipeline.clip.exports import export
    from poselift.pipeline.clip.run_many import run_video
    from poselift.pipeline.clip.settings import RunSettings
    from poselift.pipeline.live.session import live

__all__ = [
    "Angles",
    "CameraPath",
    "ClipResult",
    "Contact",
    "Detections",
    "DetectorChoice",
    "DownloadError",
    "ExportSettings",
    "FormatError",
    "FrameDetections",
    "Gait",
    "Keypoints2D",
    "KnownScene",
    "LayoutMismatch",
    "LiveFrame",
    "LivePerson",
    "LivePoses",
    "Local",
    "MissingDependency",
    "MissingWeights",
    "Motion",
    "NoPersonFound",
    "Outcome",
    "OutputError",
    "PoseliftError",
    "Poses3D",
    "RayCluster",
    "Rig",
    "RunSettings",
    "Shard",
    "Timeline",
    "Tracks",
    "UnknownName",
    "UnsafeFile",
    "VideoError",
    "__version__",
    "angles",
    "detect",
    "export",
    "gait",
    "lift",
    "live",
    "load_camera",
    "load_detections",
    "load_poses",
    "load_tracks",
    "render",
    "rig",
    "run_many",
    "run_video",
    "save_camera",
    "save_detections",
    "save_poses",
    "save_tracks",
    "speeds",
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
    "data.exports.settings": ("ExportSettings",),
    "data.scene": ("CameraPath", "KnownScene"),
    "data.structures": (
        *("Detections", "FrameDetections", "Keypoints2D", "Poses3D", "Timeline", "Tracks"),
    ),
    "inference.detectors.choice": ("DetectorChoice",),
    "inference.live.frames": ("LiveFrame", "LivePerson"),
    "inference.live.live_poses": ("LivePoses",),
    "inference.movement.angles": ("Angles", "angles", "speeds"),
    "inference.movement.gait": ("Contact", "Gait", "gait"),
    "inference.poses.rigging": ("rig",),
    "pipeline.batch.many": ("run_many",),
    "pipeline.batch.outcome": ("Outcome",),
    "pipeline.batch.processes": ("Local",),
    "pipeline.batch.ray_cluster": ("RayCluster",),
    "pipeline.batch.shards": ("Shard",),
    "pipeline.clip.calls": ("detect", "lift", "render", "track", "watch"),
    "pipeline.clip.exports": ("export",),
    "pipeline.clip.clip_result": ("ClipResult",),
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
