"""summary.json: what a run did, for people and for scripts."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from poselift.data import __version__
from poselift.data.structures import Detections, Keypoints2D, Tracks
from poselift.inference.people.quality import findings_of
from poselift.inference.video.video_reader import VideoReader
from poselift.pipeline.clip.cache import StageTimes
from poselift.pipeline.clip.networks import Networks
from poselift.pipeline.versions import PACKAGES, version_of


def summary_of(
    source: Path,
    reader: VideoReader,
    networks: Networks,
    detections: Detections,
    tracks: Tracks,
    exports: Sequence[Path],
    times: StageTimes,
) -> dict[str, Any]:
    """Plain JSON values; see INFERENCE.md for every entry."""
    timeline, settings = tracks.timeline, networks.settings
    return {
        "format": "poselift-summary/1",
        "source": str(source),
        "video": asdict(reader.info),
        "stretch_s": [settings.start_s, settings.end_s],
        "rotate": settings.rotate,
        "frames": len(timeline),
        "frames_lost": timeline.lost_frames,
        "fps": timeline.fps,
        "frames_with_people": sum(len(frame) > 0 for frame in detections.frames),
        "people": [_person(person, tracks) for person in tracks.people],
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


def _person(person: Keypoints2D, tracks: Tracks) -> dict[str, Any]:
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
            for found in findings_of(person, tracks)
        ],
    }
