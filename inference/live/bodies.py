"""One person's last frames -> the newest pose, steadied, and where it stands."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np

from poselift.data.skeletons import Skeleton
from poselift.inference.live.one_euro import OneEuro, OneEuroSettings, Smooth
from poselift.inference.poses.bones import bone_lengths, with_bones
from poselift.inference.poses.lens import Lens
from poselift.inference.poses.lifting import LiftedPose, Lifter
from poselift.inference.poses.world import as_tall

# What is let through of a pose in metres; see benchmarks/live.py for what each costs.
SMOOTHINGS: dict[Smooth, OneEuroSettings | None] = {
    "none": None,
    "light": OneEuroSettings(rest_hz=3.0, slope=8.0),
    "medium": OneEuroSettings(rest_hz=1.5, slope=4.0),
    "strong": OneEuroSettings(rest_hz=0.8, slope=2.0),
}
# Depth, by its logarithm, is what one camera sees worst: it is held much more.
DEPTH = OneEuroSettings(rest_hz=0.3, slope=0.6)
# Bones' lengths are the mean of about so many of the last frames.
BONES_OVER = 300
# The floor is what the lowest joint rests on in these seconds, and moves in about so many.
FLOOR_WINDOW_S, FLOOR_MOVES_S = 0.6, 0.15
FLOOR_PERCENTILE = 15


class Body:
    """A person who is followed.

    Args:
        smooth: how much is taken out of what rests.
        flip: average with the mirror image.
    """

    def __init__(self, lifter: Lifter, layout_2d: Skeleton, smooth: Smooth, *, flip: bool) -> None:
        self._lifter, self._layout_2d, self._flip = lifter, layout_2d, flip
        self._layout = lifter.weights.layout_out
        frames = lifter.weights.receptive_field
        self._xy: deque[np.ndarray] = deque(maxlen=frames)
        self._confidence: deque[np.ndarray] = deque(maxlen=frames)
        chosen = SMOOTHINGS[smooth]
        self._steady = chosen is not None
        self._pose = OneEuro(chosen) if chosen else None
        self._ray = OneEuro(chosen) if chosen else None
        self._depth = OneEuro(DEPTH) if chosen else None
        self._lengths = np.zeros(self._layout.num_joints)
        self._measured = 0
        self._lowest: deque[tuple[float, float]] = deque()
        self._floor: float | None = None

    def saw(self, keypoints: np.ndarray, confidence: np.ndarray, lens: Lens) -> None:
        """Add a frame, (J, 2) pixels and (J,), seen or predicted."""
        self._xy.append(lens.screen(keypoints))
        self._confidence.append(confidence)

    def lifted(self, lens: Lens, height_m: float | None, seconds: float) -> LiftedPose:
        """The newest frame in 3D, (1, ...), its root at zero.

        Args:
            height_m: how tall the person is, where that is known.
            seconds: since the frame before.
        """
        lifted = self._lifter.lift_newest(
            np.stack(self._xy),
            np.stack(self._confidence),
            layout=self._layout_2d,
            focal=lens.focal,
            flip=self._flip,
        )
        pose = lifted.pose.copy()
        pose[:, 0] = 0
        path = lifted.trajectory
        if self._pose is not None:
            pose = self._with_own_bones(self._pose.step(pose, seconds))
        if path is not None and self._ray is not None and self._depth is not None:
            depth = np.maximum(path[:, 2:], 1e-3)
            ray = self._ray.step(path / depth, seconds)
            path = (ray * np.exp(self._depth.step(np.log(depth), seconds))).astype(path.dtype)
        return as_tall(replace(lifted, pose=pose, trajectory=path), height_m, self._layout)

    def floor(self, placed: np.ndarray, time_s: float, seconds: float) -> float:
        """The height that the person stands on, of (J, 3) in a world without a floor."""
        self._lowest.append((time_s, float(placed[:, 2].min())))
        while self._lowest[0][0] < time_s - FLOOR_WINDOW_S:
            self._lowest.popleft()
        rests = float(np.percentile([height for _, height in self._lowest], FLOOR_PERCENTILE))
        if self._floor is None or not self._steady:
            self._floor = rests
        share = 1 - float(np.exp(-seconds / FLOOR_MOVES_S))
        self._floor += share * (rests - self._floor)
        return self._floor

    def _with_own_bones(self, pose: np.ndarray) -> np.ndarray:
        self._measured = min(self._measured + 1, BONES_OVER)
        now = bone_lengths(pose, self._layout)[0]
        self._lengths += (now - self._lengths) / self._measured
        return with_bones(pose, self._lengths, self._layout).astype(pose.dtype)
