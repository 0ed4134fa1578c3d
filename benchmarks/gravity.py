"""How far up is off for people before a still camera, by posture alone and with the floor.

    python benchmarks/gravity.py ARCHIVE [--test-clips FILE] [--scenes 60]

Scenes are made of held-out motion capture: one, two or three people on one floor, 8 seconds,
before a camera of random height, pitch, roll and lens, with a detector's noise. One JSON line
for each number of people and for a lens that is assumed or known: mean degrees that up is off by
posture and by what the main job does, and the mean of the standard deviation that it tells.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)

import numpy as np  # noqa: E402
from scipy.spatial.transform import Rotation  # noqa: E402

from poselift.data.archives.joints_archive import JointsClip, load_joints  # noqa: E402
from poselift.data.scene import KnownScene  # noqa: E402
from poselift.data.skeletons import COCO17  # noqa: E402
from poselift.data.structures import Keypoints2D, Timeline, Tracks  # noqa: E402
from poselift.inference.poses.lifting import Lifter  # noqa: E402
from poselift.inference.poses.person_lifting import lift_person  # noqa: E402
from poselift.inference.poses.tracks_to_poses import poses_of  # noqa: E402
from poselift.inference.poses.world import up_of, world_of, world_with  # noqa: E402
from poselift.models.lifters import open_lifter  # noqa: E402
from poselift.models.registry import DEFAULT_LIFTER  # noqa: E402

WIDTH, HEIGHT, FPS, FRAMES, LEAST_FRAMES = 1280, 720, 30.0, 240, 60
# What scenes are drawn from: mean and deviation, or the ends.
PITCH, ROLL, LENS, CAMERA_M, DISTANCE_M = (8, 9), (0, 3), (0.7, 1.6), (1.0, 2.5), (3, 9)
SIZE_LOG, NOISE_SHARE, CONFIDENCE = 0.05, 0.006, 0.7
NEAREST_M, MOST_OUTSIDE = 1.0, 0.3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    default = ROOT / "data/mocap/cmu_test_clips.txt"
    parser.add_argument("--test-clips", type=Path, default=default, help="their names")
    parser.add_argument("--scenes", type=int, default=60)
    asked = parser.parse_args()
    names = set(asked.test_clips.read_text().split())
    clips = [clip for clip in load_joints(asked.archive) if clip.name in names]
    weights, _ = open_lifter(DEFAULT_LIFTER)
    lifter, rng = Lifter(weights), np.random.default_rng(0)
    for people in (1, 2, 3):
        rows = [_judged(*_scene(clips, people, rng), lifter) for _ in range(asked.scenes)]
        for lens in ("assumed", "known"):
            means = np.mean([row[lens] for row in rows], axis=0).round(2).tolist()
            figures = dict(zip(("posture_degrees", "degrees", "told_degrees"), means, strict=True))
            about = {"benchmark": "gravity", "people": people, "lens": lens, "scenes": len(rows)}
            print(json.dumps(about | figures), flush=True)


def _judged(tracks: Tracks, up: np.ndarray, focal_px: float, lifter: Lifter) -> dict[str, Any]:
    """By posture, with the floor, and the deviation that is told, degrees."""
    judged = {}
    for lens, known in (("assumed", None), ("known", focal_px)):
        lifted = [
            lift_person(lifter, person, tracks.timeline, focal_px=known) for person in tracks.people
        ]
        posture = world_of(lifted, lifter.weights.layout_out).up
        poses = poses_of(tracks, lifter, known=KnownScene(focal_px=known))
        judged[lens] = (_degrees(posture, up), _degrees(poses.up, up), poses.up_degrees)
    return judged


def _scene(
    clips: list[JointsClip], people: int, rng: np.random.Generator
) -> tuple[Tracks, np.ndarray, float]:
    """What a camera sees of people on one floor, its up and its focal length in pixels."""
    while True:  # until a camera has seen enough of everybody
        up = up_of(float(rng.normal(*ROLL)), float(rng.normal(*PITCH)))
        focal_px = float(np.exp(rng.uniform(*np.log(LENS)))) * max(WIDTH, HEIGHT)
        camera = world_with(up).axes, focal_px, float(rng.uniform(*CAMERA_M))
        tries = (_seen(clips[rng.integers(len(clips))], *camera, rng) for _ in range(10 * people))
        seen = [xy for xy in tries if xy is not None][:people]
        if len(seen) == people:
            break
    timeline = Timeline(WIDTH, HEIGHT, FPS, np.arange(FRAMES) / FPS)
    tracked = tuple(_tracked(number, xy) for number, xy in enumerate(seen, start=1))
    return Tracks(timeline, tracked), up, focal_px


def _seen(
    clip: JointsClip, axes: np.ndarray, focal_px: float, camera_m: float, rng: np.random.Generator
) -> np.ndarray | None:
    """(T, 17, 2) noisy pixels of somebody in a place of their own; None: mostly out of view."""
    body = _body(clip, rng)
    if body is None:
        return None
    away = rng.uniform(*DISTANCE_M) * max(0.7, focal_px / WIDTH)
    aside = rng.uniform(-0.4, 0.4) * away * WIDTH / focal_px
    before = (body + np.array([aside, away, -camera_m])) @ axes
    if before[..., 2].min() < NEAREST_M:
        return None
    xy = focal_px * before[..., :2] / before[..., 2:] + [WIDTH / 2, HEIGHT / 2]
    if ((xy < 0) | (xy > (WIDTH, HEIGHT))).any(-1).mean() > MOST_OUTSIDE:
        return None
    noise = NOISE_SHARE * np.ptp(xy[..., 1], axis=1).mean()
    return np.asarray(xy + rng.normal(0, noise, xy.shape))


def _body(clip: JointsClip, rng: np.random.Generator) -> np.ndarray | None:
    """(T, 17, 3) of a stretch about the origin of the floor, turned and sized at random."""
    step = clip.fps / FPS
    frames = int(min(FRAMES, len(clip.coco) / step - 1))
    if frames < LEAST_FRAMES:
        return None
    first = rng.uniform(0, len(clip.coco) - 1 - frames * step)
    chosen = (first + np.arange(frames) * step).astype(int)
    turn = Rotation.from_euler("z", rng.uniform(0, 2 * np.pi)).as_matrix()
    joints, hip = clip.coco[chosen].astype(float), clip.h36m[chosen, 0].mean(0)
    size = float(np.exp(rng.normal(0, SIZE_LOG)))
    return np.asarray(((joints - [hip[0], hip[1], 0]) * size) @ turn.T)


def _tracked(number: int, xy: np.ndarray) -> Keypoints2D:
    """Somebody who is there from the first frame, for as long as there are keypoints."""
    whole = np.full((FRAMES, COCO17.num_joints, 2), np.nan, np.float32)
    whole[: len(xy)] = xy
    there = ~np.isnan(whole).any((1, 2))
    sure = np.where(there[:, None], CONFIDENCE, 0.0) * np.ones(COCO17.num_joints)
    return Keypoints2D(number, whole, sure, there, np.zeros(sure.shape, bool), there * CONFIDENCE)


def _degrees(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))


if __name__ == "__main__":
    main()
