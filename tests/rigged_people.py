"""People made of a rig and its rotations, so that their bones are constant."""

from __future__ import annotations

import numpy as np
from standing_people import STILL, clip

from poselift.data.exports.motion import Motion
from poselift.data.skeletons import H36M17
from poselift.data.structures import Poses3D, Timeline
from poselift.inference.poses.rigging import SOURCES, rig


def seventeen(motion: Motion) -> np.ndarray:
    """(T, 17, 3) the joints of H36M17 as the rig has them, y up."""
    places, tip = motion.positions(), motion.tips()["Head"]
    return np.stack([tip if j == "head" else places[:, SOURCES.index(j)] for j in H36M17.joints], 1)


def posed(motion: Motion, frames: int) -> Poses3D:
    """The poses that a motion is of, with its joints where forward kinematics puts them."""
    y_up = seventeen(motion)
    world = np.stack([y_up[..., 0], -y_up[..., 2], y_up[..., 1]], -1)[None]
    timeline = Timeline(640, 360, 30.0, np.arange(frames) / 30)
    always = np.ones((1, frames), bool)
    return Poses3D(
        timeline, np.array([7]), world - world[:, :, :1], None, world, always, ~always,
        np.array([0.0, -1.0, 0.0]), float("nan"),
    )  # fmt: skip


def random_motion(seed: int, frames: int = 90) -> Motion:
    """Somebody of symmetric bones who turns every joint slowly, up to about a radian."""
    bones = rig(clip(STILL)[1])[0].rig
    rng = np.random.default_rng(seed)
    phase, rate = rng.uniform(0, 6, (len(bones.joints), 3)), rng.uniform(0.5, 2, (19, 3))
    half = 0.4 * np.sin(phase + rate * np.arange(frames)[:, None, None] / 30)
    turned = np.concatenate([half, np.ones((frames, 19, 1))], -1)
    turned /= np.linalg.norm(turned, axis=-1, keepdims=True)
    # Both sides hang at one pelvis and one chest.
    for name in ("LeftShoulder", "RightShoulder", "Neck"):
        turned[:, bones.index(name)] = (0, 0, 0, 1)
    root = np.cumsum(rng.normal(0, 0.02, (frames, 3)), 0)
    return Motion(7, bones, 0, np.arange(frames) / 30, root, turned, np.zeros(frames, bool))
