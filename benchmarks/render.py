"""How fast the overlay is drawn and encoded, and that its memory does not grow.

    python benchmarks/render.py

One JSON line per figure. The scene is synthetic: two people, a square source of
1080x1080 already scaled by the decoder, a canvas of 1200x600.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

import cv2  # noqa: E402
import numpy as np  # noqa: E402

from poselift.data.skeletons import COCO17, H36M17  # noqa: E402
from poselift.data.structures import Keypoints2D, Poses3D, Timeline, Tracks  # noqa: E402
from poselift.pipeline.overlay.canvas import overlay_size  # noqa: E402
from poselift.pipeline.overlay.render import Renderer, render_overlay  # noqa: E402

SOURCE = 1080
FPS = 30.0


def clip(frames: int, people: int = 2) -> tuple[Tracks, Poses3D]:
    """People whose joints circle, each with its own speed, about places of their own."""
    rng = np.random.default_rng(0)
    timeline = Timeline(SOURCE, SOURCE, FPS, np.arange(frames) / FPS)
    angle = np.arange(frames)[:, None] / FPS * rng.uniform(1, 6, 17) + rng.uniform(0, 6, 17)
    circle = np.stack([np.cos(angle), np.sin(angle)], -1)
    everyone, worlds = [], []
    for person in range(people):
        middle = np.array([SOURCE * (person + 1) / (people + 1), SOURCE / 2])
        xy = middle + rng.uniform(-200, 200, (17, 2)) + 40 * circle
        sure = rng.uniform(0.2, 1, (frames, COCO17.num_joints))
        seen, unfilled = np.ones(frames, bool), np.zeros((frames, COCO17.num_joints), bool)
        everyone.append(Keypoints2D(person + 1, xy, sure, seen, unfilled, np.ones(frames)))
        place = np.array([person * 1.2, 3.0, 0.9])
        spread = rng.uniform(-0.5, 0.5, (H36M17.num_joints, 3)) * (0.6, 0.6, 1.6)
        worlds.append(place + spread + 0.1 * np.insert(circle, 1, 0.0, axis=-1))
    world = np.stack(worlds)
    always = np.ones((people, frames), bool)
    poses = Poses3D(
        timeline, np.arange(1, people + 1), world - world[:, :, :1], None, world, always, ~always,
        np.array([0.0, -1.0, 0.0]), float("nan"),
    )  # fmt: skip
    return Tracks(timeline, tuple(everyone)), poses


def pictures(count: int) -> Iterator[np.ndarray]:
    """A slow pan over a picture with detail at every scale, as photographs have."""
    width, height = overlay_size(SOURCE, SOURCE)
    rng = np.random.default_rng(0)
    size = (width + 256, height + 256)
    scene = np.full((size[1], size[0], 3), 128, np.float32)
    for cells in (4, 16, 64, 256):
        coarse = rng.normal(0, 120 / cells**0.5, (cells, cells, 3)).astype(np.float32)
        scene += cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    wide = scene.clip(0, 255).astype(np.uint8)
    for t in range(count):
        x = t % 256
        yield np.ascontiguousarray(wide[x : x + height, x : x + width])


def drawing_rate(frames: int) -> float:
    renderer = Renderer(*clip(frames))
    images = list(pictures(min(frames, 50)))
    start = time.perf_counter()
    for t in range(frames):
        renderer.draw(images[t % len(images)], t)
    return frames / (time.perf_counter() - start)


def encoding_rate(frames: int) -> float:
    tracks, poses = clip(frames)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        render_overlay(pictures(frames), tracks, poses, Path(folder) / "overlay.mp4")
        return frames / (time.perf_counter() - start)


def peak_mib(frames: int) -> float:
    """Peak memory of a fresh process that renders so many frames; the encoder's apart."""
    command = [sys.executable, __file__, "--peak-of", str(frames)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def report(figure: str, value: float, unit: str) -> None:
    print(json.dumps({"figure": figure, "value": round(value, 2), "unit": unit}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--peak-of", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak_of:
        encoding_rate(arguments.peak_of)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(peak / (2**20 if sys.platform == "darwin" else 2**10))
        return
    report("load average at the start", os.getloadavg()[0], "processes")
    # Before anything large is made here: a child's peak counts from its parent's size.
    short, long = peak_mib(60), peak_mib(600)
    report("peak memory, 60 frames", short, "MiB")
    report("peak memory, 600 frames", long, "MiB")
    report("peak memory, 600 over 60 frames", long / short, "ratio")
    report("drawing alone, 1200x600", drawing_rate(arguments.frames), "frames/s")
    report("drawing and encoding, 1200x600", encoding_rate(arguments.frames), "frames/s")


if __name__ == "__main__":
    main()
