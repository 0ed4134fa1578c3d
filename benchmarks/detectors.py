"""The detectors that work here, side by side on real clips.

    python -m benchmarks.detectors VIDEO... [--detector NAME[=WEIGHTS]] [--frames 90]

One JSON line for each clip and detector:
- `frames_per_s`: of one detector, decoding left out; the first frame, which warms up, too.
- `people_per_frame`: those sure enough to start a track; `frames_with_people_percent`.
- `jitter_percent`: of the person's height. How far a joint lies from the middle of where it
  was the frame before and after, median over joints that are seen three frames running.
- `agreement` with the first detector: how alike the poses of the same person lie (0 to 1, see
  keypoint_similarity), and `shared_percent` of the first one's people that this one finds too.

Without --detector, all that `poselift doctor` finds to work, MoveNet first.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poselift.data.errors import NoPersonFound
from poselift.data.structures import Detections, FrameDetections, Timeline
from poselift.inference.detecting import detection_reader
from poselift.inference.detectors import BACKENDS, BatchDetector, Detector, make_detector
from poselift.inference.detectors.choice import DetectorChoice
from poselift.inference.detectors.similarity import keypoint_similarity
from poselift.inference.people.tracking import TrackerSettings, track
from poselift.pipeline.weights.doctor import state_of

SURE = TrackerSettings().sure_score
CERTAIN = 0.3  # confidence of a joint whose jitter counts
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
    begun = time.perf_counter()
    found = list(_detected(clip.images, detector))
    return found, len(found) / (time.perf_counter() - begun)


def _detected(images: list[np.ndarray], detector: Detector) -> Iterator[FrameDetections]:
    if isinstance(detector, BatchDetector):
        for begin in range(0, len(images), detector.batch):
            yield from detector.detect_batch(images[begin : begin + detector.batch])
    else:
        yield from map(detector.detect, images)


def jitter_percent(clip: Clip, found: list[FrameDetections]) -> float | None:
    """See the top; None where nobody is tracked."""
    try:
        people = track(Detections(clip.timeline, tuple(found)), TrackerSettings()).people
    except NoPersonFound:
        return None
    away: list[np.ndarray] = []
    for person in people:
        height = np.nanmedian(np.ptp(person.xy[person.seen][..., 1], axis=1))
        known = person.seen[:, None] & ~person.interpolated & (person.confidence > CERTAIN)
        running = known[:-2] & known[1:-1] & known[2:]
        middle = (person.xy[:-2] + person.xy[2:]) / 2
        distance = np.linalg.norm(person.xy[1:-1] - middle, axis=-1)
        away.append(100 * distance[running] / height)
    values = np.concatenate(away)
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
                "jitter_percent": jitter_percent(clip, found),
                "agreement": alike,
                "shared_percent": shared,
            }
            print(json.dumps(figure), flush=True)


if __name__ == "__main__":
    main()
