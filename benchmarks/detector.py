"""Which input sizes MoveNet should use: error and misses against a slow, careful look.

    python -m benchmarks.detector VIDEO... [--every 10]

There is no ground truth in an ordinary video. The careful look stands in for it: a
person's cut-out at four sizes, plain and mirrored, eight looks averaged. One JSON line for
each setting: `error_percent` of the person's height over joints that the careful look is
sure of, `missed_percent` of the people, milliseconds a frame on one thread, and `ratio`
of that time to the first setting's.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from poselift.data.structures import FrameDetections
from poselift.data.windows import mirror_keypoints
from poselift.inference.detectors.movenet import MoveNet, MoveNetSettings
from poselift.inference.detectors.similarity import keypoint_similarity
from poselift.inference.video.video_reader import VideoReader

SETTINGS = [
    MoveNetSettings(frame_side=frame, person_side=person)
    for frame, person in [
        (384, 0), (512, 0), (640, 0), (256, 256), (320, 256),
        (384, 192), (384, 256), (384, 320), (448, 256), (512, 256),
    ]
]  # fmt: skip
CAREFUL_FRAME = 640
CAREFUL_SIDES = (320, 384, 448, 512)
SURE = 0.5


def careful_looks(image: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(J, 2) keypoints and (J,) confidence of each person, averaged over eight looks."""
    detectors = [
        MoveNet(MoveNetSettings(frame_side=CAREFUL_FRAME, person_side=side, min_score=0.3))
        for side in CAREFUL_SIDES
    ]
    width = image.shape[1]
    looks = [detector.detect(image) for detector in detectors]
    mirror_image = np.ascontiguousarray(image[:, ::-1])
    looks += [_unmirrored(detector.detect(mirror_image), width) for detector in detectors]
    for pose in looks[-1].keypoints:
        same = []
        for look in looks:
            likeness = [keypoint_similarity(pose, other) for other in look.keypoints]
            if likeness and max(likeness) > 0.5:
                best = int(np.argmax(likeness))
                same.append((look.keypoints[best], look.confidence[best]))
        if len(same) >= 6:
            yield (
                np.median([keypoints for keypoints, _ in same], axis=0),
                np.mean([confidence for _, confidence in same], axis=0),
            )


def _unmirrored(found: FrameDetections, width: int) -> FrameDetections:
    centred = found.keypoints - np.array([width / 2, 0], np.float32)
    keypoints = mirror_keypoints(centred, MoveNet.layout) + np.array([width / 2, 0], np.float32)
    return FrameDetections(
        found.boxes, found.scores, keypoints, found.confidence[:, MoveNet.layout.mirror]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--every", type=int, default=10, help="use every Nth frame")
    asked = parser.parse_args()
    images = [
        (video.name, frame.image)
        for video in asked.videos
        for frame in VideoReader(video)
        if frame.index % asked.every == 0
    ]
    truth = [list(careful_looks(image)) for _, image in images]
    first_ms = None
    for settings in SETTINGS:
        errors: dict[str, list[float]] = {}
        missed = total = 0
        seconds = []
        detector = MoveNet(settings)
        for (name, image), people in zip(images, truth, strict=True):
            begun = time.perf_counter()
            found = detector.detect(image)
            seconds.append(time.perf_counter() - begun)
            for pose, confidence in people:
                total += 1
                likeness = [keypoint_similarity(pose, other) for other in found.keypoints]
                if not likeness or max(likeness) < 0.3:
                    missed += 1
                    continue
                sure = confidence > SURE
                distance = np.linalg.norm(found.keypoints[int(np.argmax(likeness))] - pose, axis=1)
                errors.setdefault(name, []).append(
                    float(100 * distance[sure].mean() / np.ptp(pose[:, 1])) if sure.any() else 0.0
                )
        milliseconds = 1000 * float(np.median(seconds))
        first_ms = first_ms or milliseconds
        figure = {
            "benchmark": "detector",
            "frame_side": settings.frame_side,
            "person_side": settings.person_side,
            "error_percent": round(float(np.mean([np.mean(e) for e in errors.values()])), 3),
            "by_clip": {name: round(float(np.mean(e)), 2) for name, e in errors.items()},
            "missed_percent": round(100 * missed / max(1, total), 2),
            "ms_per_frame": round(milliseconds, 1),
            "ratio": round(milliseconds / first_ms, 2),
        }
        print(json.dumps(figure), flush=True)


if __name__ == "__main__":
    main()
