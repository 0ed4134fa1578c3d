"""How MoveNet should follow people: misses, error and cost against a slow, careful look.

    python -m benchmarks.detector VIDEO... [--every 10] [--frames 120]

There is no ground truth in an ordinary video. The careful look stands in for it: in every
N-th frame first looks at 512, 640 and 896 pixels find people, and Thunder places each in
crops of four sizes, plain and mirrored; what six of the eight agree on counts. One JSON
line for each setting and clip:
- `missed_percent` of the careful look's people; `error_percent` of the person's height over
  joints that the careful look is sure of.
- `cpu_ms_per_frame` of the process, and `ratio` to the first setting's: the careful look left
  out, following and first looks included. Other work on the machine counts little in it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.detectors import Clip, detect, read
from poselift.data.structures import FrameDetections
from poselift.data.windows import mirror_keypoints
from poselift.inference.detectors.followed import Pose
from poselift.inference.detectors.following import FollowSettings
from poselift.inference.detectors.movenet import MoveNet, MoveNetFast, MoveNetSettings
from poselift.inference.similarity import keypoint_similarity

USUAL = FollowSettings()
SETTINGS: dict[str, tuple[type[MoveNet], MoveNetSettings]] = {
    "thunder": (MoveNet, MoveNetSettings()),
    "thunder, every frame": (MoveNet, MoveNetSettings(following=replace(USUAL, every=1))),
    "thunder, every 5th": (MoveNet, MoveNetSettings(following=replace(USUAL, every=5))),
    "thunder, one frame ahead": (MoveNet, MoveNetSettings(following=replace(USUAL, ahead=1))),
    "thunder, 384 only": (MoveNet, MoveNetSettings(sides=(384,))),
    "thunder, nobody looked for turned": (
        MoveNet,
        MoveNetSettings(following=replace(USUAL, turns=())),
    ),
    "lightning": (MoveNetFast, MoveNetFast.usual),
}
CAREFUL_SIDES = (512, 640, 896)
CAREFUL_MARGINS = (1.0, 1.1, 1.25, 1.4)
AGREED = 6
SURE = 0.5


@cache
def _careful() -> tuple[MoveNet, list[MoveNet]]:
    """What finds people, and what places them."""
    finder = MoveNet(MoveNetSettings(sides=CAREFUL_SIDES))
    return finder, [MoveNet(MoveNetSettings(margin=margin)) for margin in CAREFUL_MARGINS]


def careful_looks(image: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(J, 2) keypoints and (J,) confidence of each person, averaged over eight looks."""
    finder, placers = _careful()
    people: list[np.ndarray] = []
    width = image.shape[1]
    mirrored = np.ascontiguousarray(image[:, ::-1])
    for number in range(len(CAREFUL_SIDES)):
        found = finder.find(image, number)
        for row in range(len(found)):
            near = Pose(found.keypoints[row], found.confidence[row])
            looks = [placer.place(image, near) for placer in placers]
            flipped = _mirrored(near, width)
            backs = [placer.place(mirrored, flipped) for placer in placers]
            poses = [pose for pose in looks if pose]
            poses += [_mirrored(pose, width) for pose in backs if pose]
            middle = np.median([pose.xy for pose in poses], axis=0)
            same = [pose for pose in poses if keypoint_similarity(pose.xy, middle) > 0.5]
            known = any(keypoint_similarity(middle, other) > 0.3 for other in people)
            if len(same) >= AGREED and not known:
                people.append(middle)
                yield middle, np.mean([pose.confidence for pose in same], axis=0)


def _mirrored(pose: Pose, width: int) -> Pose:
    middle = np.array([(width - 1) / 2, 0], np.float32)
    xy = mirror_keypoints(pose.xy - middle, MoveNet.layout) + middle
    return Pose(xy.astype(np.float32), pose.confidence[list(MoveNet.layout.mirror)])


def compare(
    found: list[FrameDetections], truth: dict[int, list[tuple[np.ndarray, np.ndarray]]]
) -> dict[str, float]:
    errors: list[float] = []
    missed = total = 0
    for frame, people in truth.items():
        for pose, confidence in people:
            total += 1
            likeness = [keypoint_similarity(pose, other) for other in found[frame].keypoints]
            if not likeness or max(likeness) < 0.3:
                missed += 1
                continue
            sure = confidence > SURE
            away = np.linalg.norm(found[frame].keypoints[int(np.argmax(likeness))] - pose, axis=1)
            errors += [float(100 * away[sure].mean() / np.ptp(pose[:, 1]))] if sure.any() else []
    return {
        "people": total,
        "missed_percent": round(100 * missed / max(1, total), 2),
        "error_percent": round(float(np.mean(errors)), 3) if errors else float("nan"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--every", type=int, default=10, help="compare every Nth frame")
    parser.add_argument("--frames", type=int, default=120, help="of each clip (default: 120)")
    asked = parser.parse_args()
    for video in asked.videos:
        clip: Clip = read(video, asked.frames)
        compared = range(0, len(clip.images), asked.every)
        truth = {frame: list(careful_looks(clip.images[frame])) for frame in compared}
        first_ms = None
        for name, (kind, settings) in SETTINGS.items():
            detector = kind(settings)
            begun = time.process_time()
            found, _ = detect(clip, detector)
            spent_ms = 1000 * (time.process_time() - begun) / len(found)
            first_ms = first_ms or spent_ms
            figure = {
                "benchmark": "detector",
                "clip": clip.name,
                "setting": name,
                **compare(found, truth),
                "cpu_ms_per_frame": round(spent_ms, 1),
                "ratio": round(spent_ms / first_ms, 2),
            }
            print(json.dumps(figure), flush=True)


if __name__ == "__main__":
    main()
