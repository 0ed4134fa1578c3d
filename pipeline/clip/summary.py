"""summary.json: what a run did, for people and for scripts."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from poselift.data import __version__
from poselift.data.scene import CameraPath
from poselift.data.structures import Detections, Keypoints2D, Poses3D, Tracks, count_of
from poselift.inference.people.quality import Finding, Findings
from poselift.inference.video.video_reader import VideoReader
from poselift.pipeline.clip.networks import Networks
from poselift.pipeline.folders.stage_cache import StageTimes
from poselift.pipeline.versions import PACKAGES, version_of


def summary_of(
    source: str,
    reader: VideoReader,
    networks: Networks,
    detections: Detections,
    tracks: Tracks,
    poses: Poses3D,
    findings: Findings,
    exports: Sequence[Path],
    times: StageTimes,
) -> dict[str, Any]:
    """Plain JSON values; see INFERENCE.md for every entry."""
    timeline, settings = tracks.timeline, networks.settings
    return {
        "format": "poselift-summary/1",
        "source": source,
        "video": asdict(reader.info),
        "stretch_s": [settings.start_s, settings.end_s],
        "rotate": settings.rotate,
        "frames": len(timeline),
        "frames_lost": timeline.lost_frames,
        "fps": timeline.fps,
        "frames_with_people": sum(len(frame) > 0 for frame in detections.frames),
        "people": [_person(one, tracks, findings[one.person_id]) for one in tracks.people],
        "camera": _camera(poses),
        "detector": networks.pool.first.settings,
        "lifter": {
            "name": networks.lifter.weights.name,
            "sha256": networks.lifter_sha256,
            "receptive_field": networks.lifter.weights.receptive_field,
            "trajectory": networks.lifter.weights.trajectory is not None,
            "device": str(networks.lifter.device),
        },
        "exports": [path.name for path in exports],
        "seconds": times.seconds,
        "reused": times.reused,
        "versions": {"poselift": __version__, "python": platform.python_version()}
        | {package: version_of(package) or "not installed as a package" for package in PACKAGES},
    }


def _camera(poses: Poses3D) -> dict[str, Any]:
    """The camera that the poses are seen by, and what of it was known."""
    known, path = poses.known, poses.camera or CameraPath.still(len(poses.timeline))
    right, down, ahead = poses.up.tolist()
    turned = Rotation.from_matrix(path.turns).magnitude()
    return {
        "focal_px": None if np.isnan(poses.focal_px) else round(poses.focal_px, 1),
        "focal_from": "assumed" if known.focal_px is None else known.focal_from,
        "roll": round(float(np.degrees(np.arctan2(-right, -down))), 2),
        "roll_from": "people" if known.roll is None else "given",
        "pitch": round(float(-np.degrees(np.arcsin(np.clip(ahead, -1, 1)))), 2),
        "pitch_from": "people" if known.pitch is None else "given",
        "up_degrees": None if np.isnan(poses.up_degrees) else round(poses.up_degrees, 1),
        "floor": known.floor,
        "heights_m": {str(person): height for person, height in known.heights_m},
        "kind": path.kind,
        "turned_degrees": round(float(np.degrees(turned.max())), 2),
        "zoom": [round(float(value), 3) for value in (path.zoom.min(), path.zoom.max())],
        "frames_unsure": int((path.quality == 0).sum()) if path.moves else 0,
        "cuts": list(path.cuts),
        "findings": camera_findings(path),
    }


def camera_findings(path: CameraPath) -> list[str]:
    """What is to be told of a camera, for people."""
    findings = []
    if path.cuts:
        where = ", ".join(map(str, path.cuts[:5])) + (", ..." if len(path.cuts) > 5 else "")
        findings.append(f"another scene begins with frame {where}; each has a world of its own")
    if path.kind == "travels":
        findings.append("the camera travels: the root's path is not metric")
    if path.kind == "unknown":
        findings.append("the background shows too little of the camera, which is taken as still")
    unsure = int((path.quality == 0).sum()) if path.moves else 0
    if unsure:
        frames = count_of(unsure, "frame")
        findings.append(f"the camera's turn could not be seen in {frames}, and is bridged")
    return findings


def _person(person: Keypoints2D, tracks: Tracks, findings: Sequence[Finding]) -> dict[str, Any]:
    span, times_s = person.span, tracks.timeline.times_s
    return {
        "id": person.person_id,
        "first_frame": span.start,
        "last_frame": span.stop - 1,
        "first_s": round(float(times_s[span.start]), 4),
        "last_s": round(float(times_s[span.stop - 1]), 4),
        "frames_seen": int(person.seen.sum()),
        "frames_interpolated": int((person.valid & ~person.seen).sum()),
        "joints_interpolated": int((person.interpolated & person.seen[:, None]).sum()),
        "mean_confidence": round(float(person.confidence[person.seen].mean()), 4),
        "findings": [
            {
                "kind": found.kind,
                "frames": [list(part) for part in found.stretches],
                "share": round(found.share, 4),
                "text": found.text,
            }
            for found in findings
        ],
    }
