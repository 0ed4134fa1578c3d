"""People who stand upright before a camera, in 2D and in 3D, to be drawn."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from poselift.data.skeletons import COCO17, H36M17
from poselift.data.structures import Keypoints2D, Poses3D, Timeline, Tracks

# A person who stands upright and faces the camera: x right, z up, metres.
STANDING = {
    "hip": (0, 0.95), "right_hip": (-0.13, 0.95), "right_knee": (-0.14, 0.5),
    "right_ankle": (-0.14, 0.08), "left_hip": (0.13, 0.95), "left_knee": (0.14, 0.5),
    "left_ankle": (0.14, 0.08), "spine": (0, 1.2), "thorax": (0, 1.45), "neck": (0, 1.55),
    "head": (0, 1.75), "left_shoulder": (0.18, 1.42), "left_elbow": (0.4, 1.2),
    "left_wrist": (0.6, 1.3), "right_shoulder": (-0.18, 1.42), "right_elbow": (-0.4, 1.2),
    "right_wrist": (-0.6, 1.3), "nose": (0, 1.6), "left_eye": (0.03, 1.63),
    "right_eye": (-0.03, 1.63), "left_ear": (0.08, 1.62), "right_ear": (-0.08, 1.62),
}  # fmt: skip


def clip(
    roots: np.ndarray, times_s: np.ndarray | None = None, size: tuple[int, int] = (640, 360)
) -> tuple[Tracks, Poses3D]:
    """Standing people whose roots are at (P, T, 2) metres; seen 100 pixels to the metre."""
    people, frames = roots.shape[:2]
    times_s = np.arange(frames) / 30 if times_s is None else times_s
    timeline = Timeline(*size, 30.0, times_s)
    flat = np.array([STANDING[joint] for joint in H36M17.joints])
    body = np.stack([flat[:, 0], np.zeros(17), flat[:, 1]], -1)
    world = body + np.concatenate([roots, np.zeros((people, frames, 1))], -1)[:, :, None]
    screen = np.array([STANDING[joint] for joint in COCO17.joints]) * (100, -100)
    always = np.ones(frames, bool)
    everyone = tuple(
        Keypoints2D(
            p + 1,
            screen + (size[0] / 2, size[1] - 60) + roots[p, :, None] * (100, 0),
            np.ones((frames, 17)),
            always,
            np.zeros((frames, 17), bool),
            np.ones(frames),
        )
        for p in range(people)
    )
    poses = Poses3D(
        timeline, np.arange(1, people + 1), world - world[:, :, :1], None, world,
        np.ones((people, frames), bool), np.zeros((people, frames), bool),
        np.array([0.0, -1.0, 0.0]), float("nan"),
    )  # fmt: skip
    return Tracks(timeline, everyone), poses


def grey(count: int, size: tuple[int, int] = (640, 360)) -> Iterator[np.ndarray]:
    for _ in range(count):
        yield np.full((size[1], size[0], 3), 90, np.uint8)


def close_to(image: np.ndarray, colour: tuple[int, int, int], within: int = 24) -> np.ndarray:
    return np.abs(image.astype(int) - colour).max(-1) <= within


STILL = np.tile([0.0, 3.0], (1, 12, 1))

PAIR = np.stack([np.tile([-1.0, 3.0], (12, 1)), np.tile([1.0, 4.5], (12, 1))])
