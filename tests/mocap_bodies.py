"""A person who walks, as joints."""

from __future__ import annotations

import numpy as np

from poselift.data.archives.joints_archive import JointsClip
from poselift.data.skeletons import COCO17, H36M17


def walking(name: str, frames: int = 90, speed: float = 1.0) -> JointsClip:
    """A stick figure that swings arms and legs while walking along x; metres, z up."""
    phase = np.sin(np.arange(frames) / 60 * 2 * np.pi * speed)
    swing = {"ankle": 0.4, "knee": 0.2, "wrist": 0.3, "elbow": 0.15}
    height = {
        "ankle": 0.06, "knee": 0.5, "hip": 0.95, "spine": 1.15, "thorax": 1.4, "neck": 1.5,
        "head": 1.7, "shoulder": 1.4, "elbow": 1.12, "wrist": 0.9, "nose": 1.55, "eye": 1.6,
        "ear": 1.58,
    }  # fmt: skip
    width = {"shoulder": 0.18, "elbow": 0.22, "wrist": 0.24, "eye": 0.03, "ear": 0.07}

    def body(joints: tuple[str, ...]) -> np.ndarray:
        points = np.zeros((frames, len(joints), 3), np.float32)
        for j, joint in enumerate(joints):
            part = joint.split("_")[-1]
            side = {"left": 1, "right": -1}.get(joint.split("_")[0], 0)
            arm = -1 if part in {"wrist", "elbow"} else 1
            points[:, j, 0] = side * arm * swing.get(part, 0) * phase
            points[:, j, 1] = side * width.get(part, 0.1)
            points[:, j, 2] = height[part]
        points[..., 0] += np.arange(frames)[:, None] / 60 * 1.2
        return points

    return JointsClip(name, body(H36M17.joints), body(COCO17.joints), 60.0)
