"""How fast every stage of the main job is, and how much memory it takes.

    python benchmarks/stages.py [VIDEO] [--rounds 3]

One JSON line per figure: the median of the rounds, and where a simpler way exists the
ratio against it, measured in turn with it. Each stage runs in a process of its own, whose
peak memory is reported; `whole run` also over the clip four times in a row, because
memory must not grow with length. benchmarks/render.py looks closer at drawing.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)
EXAMPLE = ROOT / "data" / "examples" / "walk.mp4"

Way = Callable[[], int]  # does the work, returns the number of frames


def read_ways(video: Path, folder: Path) -> dict[str, Way]:
    import cv2

    from poselift.inference.video.video_reader import VideoReader

    def opencv() -> int:
        capture, frames = cv2.VideoCapture(str(video)), 0
        while capture.read()[0]:
            frames += 1
        return frames

    return {
        "video read": lambda: sum(1 for _ in VideoReader(video)),
        "baseline: OpenCV's reader": opencv,
    }


def detect_ways(video: Path, folder: Path) -> dict[str, Way]:
    from poselift.inference.detecting import DetectorPool, detect_whole
    from poselift.inference.detectors import make_detector
    from poselift.inference.video.video_reader import VideoReader

    def detect(workers: int | None) -> int:
        with DetectorPool(lambda: make_detector("movenet"), workers) as pool:
            return len(detect_whole(VideoReader(video), pool).frames)

    return {"detect": lambda: detect(None), "baseline: one worker": lambda: detect(1)}


def track_ways(video: Path, folder: Path) -> dict[str, Way]:
    from poselift.data.archives.stage_results import load_detections
    from poselift.inference.people.tracking import track

    detections = load_detections(folder / "detections.npz")
    return {"track": lambda: len(track(detections).timeline)}


def lift_ways(video: Path, folder: Path) -> dict[str, Way]:
    import torch

    from poselift.data.archives.stage_results import load_tracks
    from poselift.inference.poses.tracks_to_poses import poses_of
    from poselift.models.inputs import network_input
    from poselift.models.lifters import open_lifter
    from poselift.models.registry import DEFAULT_LIFTER
    from poselift.pipeline.clip.networks import make_lifter

    tracks = load_tracks(folder / "keypoints2d.npz")
    lifter, _ = make_lifter(DEFAULT_LIFTER, "cpu")
    frames = sum(p.span.stop - p.span.start for p in tracks.people)

    def lift() -> int:
        poses_of(tracks, lifter)
        return frames

    def window_by_window() -> int:
        weights, _ = open_lifter(DEFAULT_LIFTER)
        field = weights.receptive_field
        windows = torch.zeros(1, field, 17, 2), torch.ones(1, field, 17)
        inputs = network_input("person", *windows)
        count = min(frames, 60)
        with torch.inference_mode():
            for _ in range(2 * count):  # both sides of test-time augmentation
                weights.position(inputs)
                weights.trajectory(inputs)  # type: ignore[misc]
        return count

    return {"lift (frames of people)": lift, "baseline: window by window": window_by_window}


def render_ways(video: Path, folder: Path) -> dict[str, Way]:
    from poselift.data.archives.stage_results import load_poses, load_tracks
    from poselift.inference.video.video_reader import VideoReader
    from poselift.pipeline.clip.stages import prefetched
    from poselift.pipeline.overlay.canvas import overlay_size
    from poselift.pipeline.overlay.render import Renderer, render_overlay

    tracks, poses = load_tracks(folder / "keypoints2d.npz"), load_poses(folder / "poses3d.npz")
    info = VideoReader(video).info
    fit = overlay_size(info.width, info.height)

    def render_and_encode() -> int:
        frames = prefetched(frame.image for frame in VideoReader(video, fit=fit))
        render_overlay(frames, tracks, poses, folder / "again.mp4")
        return len(tracks.timeline)

    def render() -> int:
        renderer = Renderer(tracks, poses)
        for frame in prefetched(VideoReader(video, fit=fit)):
            renderer.draw(frame.image, frame.index)
        return len(tracks.timeline)

    return {"read, render and encode": render_and_encode, "baseline: without encoder": render}


def run_ways(video: Path, folder: Path) -> dict[str, Way]:
    from poselift.pipeline.clip.run_many import run_video
    from poselift.pipeline.clip.settings import RunSettings

    def run() -> int:
        result = run_video(video, folder / "run", RunSettings(use_cache=False))
        return len(result.tracks.timeline)

    return {"whole run": run}


STAGES = {
    "read": read_ways,
    "detect": detect_ways,
    "track": track_ways,
    "lift": lift_ways,
    "render": render_ways,
    "run": run_ways,
}


def measure(stage: str, video: Path, folder: Path, rounds: int) -> list[dict[str, object]]:
    """Frames/s of each way of a stage, the ways in turn within every round."""
    ways = STAGES[stage](video, folder)
    rates: dict[str, list[float]] = {name: [] for name in ways}
    peak = 0.0
    for _ in range(rounds):
        for name, way in ways.items():
            begun = time.perf_counter()
            frames = way()
            rates[name].append(frames / (time.perf_counter() - begun))
            peak = peak or peak_mib()
    medians = {name: statistics.median(values) for name, values in rates.items()}
    first, *others = medians
    figure: dict[str, object] = {
        "figure": first,
        "frames_per_s": round(medians[first], 1),
        "peak_mib": round(peak),
    }
    for name in others:
        figure[name] = round(medians[name], 1)
        figure["ratio"] = round(medians[first] / medians[name], 2)
    return [figure]


def peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def repeated(video: Path, times: int, folder: Path) -> Path:
    """The clip several times in a row, without encoding it again."""
    import imageio_ffmpeg

    target = folder / f"long{video.suffix}"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-stream_loop", str(times - 1)]
    subprocess.run([*command, "-i", str(video), "-c", "copy", "-an", str(target)], check=True)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", nargs="?", type=Path, default=EXAMPLE)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.stage:
        for figure in measure(asked.stage, asked.video, asked.folder, asked.rounds):
            print(json.dumps(figure), flush=True)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def child(stage: str, video: Path, rounds: int) -> dict[str, object]:
            command = [sys.executable, __file__, str(video), "--stage", stage]
            command += ["--folder", str(folder / asked.video.stem), "--rounds", str(rounds)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            figure: dict[str, object] = json.loads(done.stdout)
            return figure

        poselift = [sys.executable, "-m", "poselift", "run", str(asked.video), "-o", name]
        subprocess.run([*poselift, "--quiet"], check=True, cwd=ROOT)
        for stage in STAGES:
            figure = child(stage, asked.video, asked.rounds)
            print(json.dumps(figure), flush=True)
        long = child("run", repeated(asked.video, 4, folder), 1)
        long["figure"] = "whole run, four times the length"
        long["peak ratio"] = round(float(str(long["peak_mib"])) / float(str(figure["peak_mib"])), 2)
        print(json.dumps(long), flush=True)


if __name__ == "__main__":
    main()
