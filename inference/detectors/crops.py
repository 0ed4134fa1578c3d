"""A person's own square of the picture: hips in its middle, turned along the body."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from poselift.data.skeletons import COCO17

SURE = 0.2  # confidence of a joint that counts for the square's size
SMALLEST = 8  # pixels of a picture's stretch that is worth a look
# Squares lie on a grid, so that who stands still is seen through the same square in every
# frame: their sides by a factor, their places by parts of the side, their turns by radians.
SIDES, PLACES, TURNS = 1.08, 1 / 24, 0.15
# A picture more than so many times as fine as the crop is shrunk first, which averages.
FINE = 1.5
HIPS = list(COCO17.indices("left_hip", "right_hip"))
SHOULDERS = list(COCO17.indices("left_shoulder", "right_shoulder"))


@dataclass(frozen=True)
class Square:
    """Where a crop lies: pixels, and radians clockwise from upright."""

    x: float
    y: float
    side: float
    angle: float

    @classmethod
    def around(cls, keypoints: np.ndarray, confidence: np.ndarray, margin: float) -> Square:
        """(17, 2) pixels, (17,) -> the square that holds the sure joints however they turn.

        Args:
            margin: its half side against the sure joint that is farthest from the hips.
        """
        hips, shoulders = keypoints[HIPS].mean(0), keypoints[SHOULDERS].mean(0)
        sure = confidence > SURE
        points = keypoints[sure] if sure.sum() > 3 else keypoints
        radius = float(np.linalg.norm(points - hips, axis=1).max())
        along = shoulders - hips
        turns = round(math.atan2(along[0], -along[1]) / TURNS)
        size = round(math.log(2 * margin * max(radius, 1.0), SIDES))
        side = SIDES**size
        x, y = (round(float(place) / side / PLACES) * side * PLACES for place in hips)
        return cls(x, y, side, turns * TURNS)

    def cut(self, image: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray] | None:
        """(H, W, 3) -> (side, side, 3), and (2, 3) that takes its pixels to the picture's.

        None: too little of the square lies in the picture. Beyond the picture it is black.
        """
        reach = self.side * math.sqrt(0.5)
        height, width = image.shape[:2]
        left, right = max(0, int(self.x - reach)), min(width, int(self.x + reach) + 1)
        top, bottom = max(0, int(self.y - reach)), min(height, int(self.y + reach) + 1)
        if min(right - left, bottom - top) < SMALLEST:
            return None
        patch, to_patch = image[top:bottom, left:right], np.eye(3)
        scale = np.ones(2)
        if self.side > FINE * side:
            shrunk = [max(1, round(n * FINE * side / self.side)) for n in patch.shape[1::-1]]
            scale = np.array(shrunk) / patch.shape[1::-1]
            patch = cv2.resize(patch, shrunk, interpolation=cv2.INTER_AREA)
        to_patch[[0, 1], [0, 1]] = scale
        to_patch[:2, 2] = (0.5 - np.array([left, top])) * scale - 0.5
        cos, sin = np.array([math.cos(self.angle), math.sin(self.angle)]) * self.side / side
        turn = np.array([[cos, -sin], [sin, cos]])
        to_image = np.hstack([turn, (np.array([self.x, self.y]) - turn.sum(1) * side / 2)[:, None]])
        crop = cv2.warpAffine(
            patch,
            (to_patch @ np.vstack([to_image, [0, 0, 1]]))[:2],
            (side, side),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        )
        return crop, to_image
