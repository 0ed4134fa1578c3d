"""The detectors that work here, side by side on real clips.

    python -m benchmarks.detectors VIDEO... [--detector NAME[=WEIGHTS]] [--frames 90]

One JSON line for each clip and detector:
- `frames_per_s`: of one detector, decoding left out; the first frame, which warms up, too.
- `people_per_frame`: those sure enough to start a track; `frames_with_people_percent`.
- `ids` of the tracker, and `seen_percent` of the frames of their life spans in the mean.
- `jitter_percent`: of the person's height. How far a joint lies from the middle of where it
  was the frame before and after, median over joints that are seen three frames running.
- `jitter_at_rest`: the same over joints that move by less than 0.5 % of the height a frame.
- `agreement` with the first detector: how alike the poses of the same person lie (0 to 1, see
  keypoint_similarity), and `shared_percent` of the first one's people that this one finds too.

Without --detector, all that `poselift doctor` finds to work, MoveNet first.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poselift.data.errors import NoPersonFound
from poselift.data.structures import Detections, FrameDetections, Timeline
from poselift.inference.detecting import DetectorPool, detection_reader
from poselift.inference.detectors import BACKENDS, Detector, make_detector
from poselift.inference.detectors.choice import DetectorChoice
from poselift.inference.people.tracking import TrackerSettings, track
from poselift.inference.similarity import keypoint_similarity
from poselift.inference.video.video_reader import VideoFrame
from poselift.pipeline.weights.doctor import state_of

SURE = TrackerSettings().sure_score
CERTAIN = 0.3  # confidence of a joint whose jitter counts
REST = 0.5  # percent of the height a frame: slower joints are at rest
SAME = 0.3  # similarity from which two detections are of one person


@dataclass(frozen=True)
class Clip:
    """Frames of a video, as the detectors look at them."""

    name: str
    images: list[np.ndarray]
    timeline: Timeline


def read(video: Path, most: int) -> Clip:
    reader = detection_reader(video)
    frames = [frame for frame, _ in zip(reader, range(most), strict=False)]
    times = np.array([frame.time_s for frame in frames])
    height, width = frames[0].image.shape[:2]
    images = [frame.image for frame in frames]
    return Clip(video.name, images, Timeline(width, height, reader.info.fps, times))


def detect(clip: Clip, detector: Detector) -> tuple[list[FrameDetections], float]:
    """The people of every frame, and frames per second."""
    detector.detect(clip.images[0])
    frames = [
        VideoFrame(index, time_s, image)
        for index, (time_s, image) in enumerate(
            zip(clip.timeline.times_s, clip.images, strict=True)
        )
    ]
    same_size = np.ones(2, np.float32)
    with DetectorPool(lambda: detector, 1) as pool:
        begun = time.perf_counter()
        if pool.following:
            results = pool.follow(iter(frames), pool.following, clip.timeline.fps, (), same_size)
        else:
            results = pool.detect(iter(frames))
        found = [people for _, people in results]
        return found, len(found) / (time.perf_counter() - begun)


def followed(clip: Clip, found: list[FrameDetections]) -> dict[str, Any]:
    """See the top: ids, and jitter, None where nobody is tracked."""
    try:
        people = track(Detections(clip.timeline, tuple(found)), TrackerSettings()).people
    except NoPersonFound:
        return {"ids": 0, "seen_percent": None, "jitter_percent": None, "jitter_at_rest": None}
    away: list[np.ndarray] = []
    at_rest: list[np.ndarray] = []
    for person in people:
        height = np.nanmedian(np.ptp(person.xy[person.seen][..., 1], axis=1))
        known = person.seen[:, None] & ~person.interpolated & (person.confidence > CERTAIN)
        running = known[:-2] & known[1:-1] & known[2:]
        middle = (person.xy[:-2] + person.xy[2:]) / 2
        distance = 100 * np.linalg.norm(person.xy[1:-1] - middle, axis=-1) / height
        step = 100 * np.linalg.norm(person.xy[2:] - person.xy[:-2], axis=-1) / 2 / height
        away.append(distance[running])
        at_rest.append(distance[running & (step < REST)])
    spans = [person.seen[person.span].mean() for person in people]
    return {
        "ids": len(people),
        "seen_percent": round(100 * float(np.mean(spans)), 1),
        "jitter_percent": _median(away),
        "jitter_at_rest": _median(at_rest),
    }


def _median(parts: list[np.ndarray]) -> float | None:
    values = np.concatenate(parts)
    return round(float(np.median(values)), 3) if len(values) else None


def agreement(
    first: list[FrameDetections], other: list[FrameDetections]
) -> tuple[float | None, float | None]:
    """Mean similarity of the same people, and the share of the first's people, percent."""
    alike: list[float] = []
    total = 0
    for ours, theirs in zip(first, other, strict=True):
        for pose in ours.keypoints[ours.scores >= SURE]:
            total += 1
            best = max((keypoint_similarity(pose, x) for x in theirs.keypoints), default=0.0)
            alike += [best] if best > SAME else []
    if not total:
        return None, None
    mean = round(float(np.mean(alike)), 3) if alike else None
    return mean, round(100 * len(alike) / total, 1)


def choices(asked: list[str]) -> list[DetectorChoice]:
    if asked:
        return [
            DetectorChoice(name, weights=weights or None)
            for name, _, weights in (text.partition("=") for text in asked)
        ]
    states = [state_of(name) for name in BACKENDS]
    return [
        DetectorChoice(state.name, model=next(iter(state.networks)) or None)
        for state in states
        if state.problem is None
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--detector", action="append", default=[], metavar="NAME[=WEIGHTS]")
    parser.add_argument("--frames", type=int, default=90, help="of each clip (default: 90)")
    asked = parser.parse_args()
    detectors = [make_detector(choice) for choice in choices(asked.detector)]
    for video in asked.videos:
        clip = read(video, asked.frames)
        first: list[FrameDetections] | None = None
        for detector in detectors:
            found, speed = detect(clip, detector)
            first = found if first is None else first
            sure = [int((frame.scores >= SURE).sum()) for frame in found]
            alike, shared = agreement(first, found)
            figure = {
                "benchmark": "detectors",
                "clip": clip.name,
                "detector": detector.settings["detector"],
                "frames": len(found),
                "frames_per_s": round(speed, 1),
                "people_per_frame": round(float(np.mean(sure)), 2),
                "frames_with_people_percent": round(100 * float(np.mean(np.array(sure) > 0)), 1),
                **followed(clip, found),
                "agreement": alike,
                "shared_percent": shared,
            }
            print(json.dumps(figure), flush=True)


if __name__ == "__main__":
    main()
