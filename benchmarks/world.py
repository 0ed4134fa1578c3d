"""How well people stay in one world while the camera turns, zooms or shakes.

    python benchmarks/world.py [CLIP] [--people N]

Windows that move in known ways (tests/moving_windows.py) are cut from a still clip, the example
unless another is named, and each goes through the whole main job: once with the movement of the
camera found, once with the camera taken as still. One JSON line each, against the run of the
window that does not move: degrees that the camera's turns are off, degrees between the two
worlds' up, millimetres that joints are off relative to the root (`pose_mm`) and that the root's
path is off (`root_mm`), headings and places of the two worlds aligned, and millimetres a second
that standing feet slide. `watch_share` is the time that looking at the camera took, over the
whole run's.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)
sys.path.append(str(ROOT / "tests"))

import numpy as np  # noqa: E402
from moving_windows import MOVEMENTS, Window, turn_errors  # noqa: E402
from scipy.spatial.transform import Rotation  # noqa: E402

from poselift.data.scene import KnownScene, Watched  # noqa: E402
from poselift.data.skeletons import H36M17  # noqa: E402
from poselift.data.structures import Poses3D  # noqa: E402
from poselift.inference.video.video_reader import VideoReader  # noqa: E402
from poselift.inference.video.video_writer import VideoWriter  # noqa: E402
from poselift.pipeline.clip.clip_result import ClipResult  # noqa: E402
from poselift.pipeline.clip.run_many import run_video  # noqa: E402
from poselift.pipeline.clip.settings import RunSettings  # noqa: E402

HEIGHT, FIELD = 720, 0.8
# A foot stands where, in the still window, its ankle is as slow.
STANDING_M_S = 0.15
ANKLES = H36M17.indices("left_ankle", "right_ankle")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", nargs="?", type=Path, default=ROOT / "data/examples/walk.mp4")
    parser.add_argument("--people", default="1", help="how many of the best (default: 1)")
    asked = parser.parse_args()
    reader = VideoReader(asked.clip)
    whole = reader.info.width, reader.info.height
    frames = list(reader)
    window = Window(whole, (2 * round(HEIGHT * whole[0] / whole[1] / 2), HEIGHT), FIELD)
    times_s = np.array([frame.time_s for frame in frames])
    still: Poses3D | None = None
    with tempfile.TemporaryDirectory() as folder:
        for name, movement in MOVEMENTS.items():
            turns, zoom = window.path(movement, len(frames))
            video = Path(folder, f"{name}.mp4")
            with VideoWriter(video, *window.size, times_s, bitrate_kbps=20_000) as writer:
                seen = window.pictures((frame.image for frame in frames), turns, zoom)
                for i, picture in enumerate(seen):
                    writer.write(i, picture)
            for camera in _watched(name):
                settings = RunSettings(
                    people=asked.people,
                    render="none",
                    scene=KnownScene(focal_px=window.focal_px, camera=camera),
                )
                result = run_video(video, Path(folder, camera), settings)
                still = still or result.poses
                row = {"benchmark": "world", "clip": asked.clip.name, "movement": name}
                row |= {"camera": camera} | _figures(result, still, turns)
                print(json.dumps(row), flush=True)


def _watched(name: str) -> tuple[Watched, ...]:
    return ("auto",) if name == "still" else ("auto", "still")


def _figures(result: ClipResult, still: Poses3D, true: np.ndarray) -> dict[str, Any]:
    poses, seconds = result.poses, result.summary["seconds"]
    assert poses.camera is not None
    off = turn_errors(poses.camera.turns, true)
    pairs = list(_pairs(poses, still))
    figures = {
        "found": poses.camera.kind,
        "people": len(poses.person_id),
        "turn_degrees": round(float(off.mean()), 3),
        "turn_degrees_most": round(float(off.max()), 3),
        "watch_share": round(seconds["camera"] / sum(seconds.values()), 3),
    }
    for name, values in _errors(pairs).items():
        figures[name] = round(float(np.mean(values)), 1)
    return figures


def _pairs(poses: Poses3D, still: Poses3D) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """The same person in both, (T, J, 3) world each, and frames a second."""
    for own, valid in zip(poses.world, poses.valid, strict=True):
        apart = []
        for other, there in zip(still.world, still.valid, strict=True):
            both = valid & there
            a, b = own[both], other[both]
            apart.append((_aligned(a, b), b) if both.sum() > 10 else None)
        near = [pair for pair in apart if pair is not None]
        if near:
            yield (
                *min(near, key=lambda pair: float(np.abs(pair[0] - pair[1]).mean())),
                poses.timeline.fps,
            )


def _aligned(world: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(T, J, 3) turned about the vertical and moved on the floor to lie best on another."""
    a, b = world[..., :2].reshape(-1, 2), other[..., :2].reshape(-1, 2)
    middle, there = a.mean(0), b.mean(0)
    c = (a - middle).T @ (b - there)
    angle = np.arctan2(c[0, 1] - c[1, 0], c[0, 0] + c[1, 1])
    turn = Rotation.from_rotvec([0, 0, angle]).as_matrix()
    shifted = world - [*middle, 0]
    return np.asarray(shifted @ turn.T + [*there, 0])


def _errors(pairs: list[tuple[np.ndarray, np.ndarray, float]]) -> dict[str, list[float]]:
    errors: dict[str, list[float]] = {"pose_mm": [], "root_mm": [], "slide_mm_s": []}
    for own, other, fps in pairs:
        local = own - own[:, :1], other - other[:, :1]
        errors["pose_mm"].append(1000 * float(np.linalg.norm(local[0] - local[1], axis=-1).mean()))
        errors["root_mm"].append(
            1000 * float(np.linalg.norm(own[:, 0] - other[:, 0], axis=-1).mean())
        )
        ankles = [3, 6]
        speed = [
            np.linalg.norm(np.diff(those[:, ankles], axis=0), axis=-1) * fps
            for those in (own, other)
        ]
        standing = speed[1] < STANDING_M_S
        if standing.any():
            errors["slide_mm_s"].append(1000 * float(speed[0][standing].mean()))
    return errors


def _mean_mm(vectors: np.ndarray) -> float:
    return 1000 * float(np.linalg.norm(vectors, axis=-1).mean())


if __name__ == "__main__":
    main()
