"""How old live results are, how many there are, and what a plain queue would do.

    python -m benchmarks.live [--seconds 8] [--people 1,3] [--detector movenet-fast]

The example's frames come as from a camera, 30 a second, at known times: with one person (the
walker alone), as they are (two), or beside their mirror image (three). One JSON line each:
- `age_ms`: of a frame when its people were known; median, 95 %, and that of the last frame.
- `frames_per_s` looked at, `dropped`, `people` that were mostly told.
- `grown_mb`: what memory grew by in the second half.
Then the same with a queue in place of the mailbox. Other work on the machine counts in all.
A last line has the smoothings: what is left of jitter, and the lag behind a hand of 1 m/s.
"""

from __future__ import annotations

import argparse
import json
import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from poselift.inference.live.bodies import SMOOTHINGS
from poselift.inference.live.live_poses import LivePoses
from poselift.inference.live.one_euro import OneEuro
from poselift.inference.video.video_reader import VideoReader
from poselift.pipeline.live.capture import Capture, Picture
from poselift.pipeline.live.sources import Shot

EXAMPLE = Path(__file__).resolve().parent.parent / "data" / "examples" / "walk.mp4"
RATE = 30
ABOVE = 360  # rows of the example that the walker does not reach


class Paced:
    """Pictures at known times, again and again; see Source."""

    name, lasting = "benchmark", False

    def __init__(self, images: list[np.ndarray], seconds: float) -> None:
        self.images, self.count = images, round(seconds * RATE)

    def shots(self, stop: threading.Event) -> Iterator[Shot]:
        begun = time.monotonic()
        for t in range(self.count):
            if stop.wait(max(0.0, begun + t / RATE - time.monotonic())):
                return
            image = self.images[t % len(self.images)]
            size = image.shape[1], image.shape[0]
            yield Shot(t / RATE, lambda image=image, size=size: (image, size))  # type: ignore[misc]


def images_of(people: int) -> list[np.ndarray]:
    images = []
    for frame in VideoReader(EXAMPLE):
        alone = frame.image.copy()
        alone[:ABOVE] = 0
        if people == 3:
            both = np.hstack([frame.image, alone[:, ::-1]])
            images.append(cv2.resize(both, (1280, 360), interpolation=cv2.INTER_AREA))
        else:
            images.append(alone if people == 1 else frame.image)
    return images


def queued(source: Paced) -> Iterator[Picture]:
    """Every picture, however late."""
    waiting: queue.Queue[Picture | None] = queue.Queue()

    def fill() -> None:
        for shot in source.shots(threading.Event()):
            waiting.put(Picture(shot.clock_s or 0.0, time.monotonic(), shot.rgb, 0))
        waiting.put(None)

    threading.Thread(target=fill, daemon=True).start()
    while (picture := waiting.get()) is not None:
        yield picture


def measured(
    poses: LivePoses, pictures: Iterator[Picture | None], limit_s: float
) -> dict[str, Any]:
    ages, told, memory = [], [], []
    dropped, begun = 0, time.monotonic()
    for picture in pictures:
        if picture is None:
            continue
        image, size = picture.rgb()
        frame = poses.push(image, picture.time_s, size)
        ages.append(1000 * (time.monotonic() - picture.came_s))
        told.append(len(frame.people))
        memory.append(_resident_mb())
        dropped = picture.dropped
        if time.monotonic() - begun > limit_s:
            break
    return {
        "age_ms": {
            "median": round(float(np.median(ages))),
            "p95": round(float(np.percentile(ages, 95))),
            "last": round(ages[-1]),
        },
        "frames_per_s": round(len(ages) / (time.monotonic() - begun), 1),
        "dropped": dropped,
        "people": int(np.median(told)),
        "grown_mb": round(memory[-1] - memory[len(memory) // 2], 1),
    }


def smoothings() -> dict[str, dict[str, float]]:
    """Jitter that is left of white noise at 30 frames/s, and lag behind 1 m/s."""
    noise = np.random.default_rng(1).normal(0, 0.01, (600, 8, 3))
    reach = np.zeros((60, 1, 3))
    reach[:, 0, 0] = np.clip(np.arange(60) / RATE - 0.5, 0, None)
    found = {}
    for name, chosen in SMOOTHINGS.items():
        if chosen is None:
            continue
        still, moving = OneEuro(chosen), OneEuro(chosen)
        calm = np.stack([still.step(value, 1 / RATE) for value in noise])
        followed = np.stack([moving.step(value, 1 / RATE) for value in reach])
        found[name] = {
            "jitter_left": round(float(calm[60:].std() / noise.std()), 2),
            "lag_ms": round(float(1000 * (reach - followed)[30:45, 0, 0].mean())),
        }
    return found


def _resident_mb() -> float:
    """nan where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6
    except OSError:
        return float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--people", default="1,3", help="1, 2 or 3, or several: 1,3")
    parser.add_argument("--detector", default="movenet-fast")
    asked = parser.parse_args()
    for people in map(int, asked.people.split(",")):
        images = images_of(people)
        for way in ("mailbox", "queue"):
            source = Paced(images, asked.seconds)
            with LivePoses(asked.detector, wait=False) as poses:
                for t in range(5):  # networks take their time at first
                    poses.push(images[t], t / RATE - 1)
                if way == "queue":
                    found = measured(poses, queued(source), 3 * asked.seconds)
                else:
                    with Capture(source) as capture:
                        found = measured(poses, iter(capture), 3 * asked.seconds)
            print(json.dumps({"shown": people, "way": way} | found), flush=True)
    print(json.dumps({"smoothings": smoothings()}))


if __name__ == "__main__":
    main()
