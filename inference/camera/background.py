"""Points of the background, followed from a key picture through those after it.

Every picture is compared with the key picture itself, not with the one before: what is lost in
one of them is not lost for good, and errors do not add up. A new key picture is taken where too
little of the old one is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from poselift.inference.camera.turns import MIN_POINTS, NO_TURN, Turn, projected, turn_between

MOST_POINTS = 160
POINT_QUALITY = 0.01
# Between points, as a share of the picture's longer side.
APART = 0.02
WINDOW = (21, 21)
# A point that is found back this far from where it came from is lost.
BACK_PX = 0.7
# Boxes of people are taken this much wider on each side.
MARGIN = 0.15
# A new key picture is taken where fewer of the points agree.
KEEP_SHARE = 0.45
# Pictures whose corresponding points differ so much are of two scenes; the mean of 0 to 255.
CUT_SHARE, CUT_DIFFERENCE = 0.25, 18.0


@dataclass(frozen=True)
class Picture:
    """What is compared.

    Args:
        gray: (H, W) uint8.
        people: (N, 4) boxes x1 y1 x2 y2 in its pixels, where the background is not seen.
    """

    gray: np.ndarray
    people: np.ndarray

    @property
    def middle(self) -> np.ndarray:
        return np.array([self.gray.shape[1], self.gray.shape[0]], float) / 2


class KeyPicture:
    """A picture with its points, and the turn to the last picture that was compared."""

    def __init__(self, picture: Picture, focal_px: float) -> None:
        self.picture, self.focal_px = picture, focal_px
        self.points = _corners(picture)
        self.turn = NO_TURN

    def compare(self, picture: Picture) -> Turn:
        """The turn from this picture to another, near the turn of the last call."""
        if len(self.points) < MIN_POINTS:
            return NO_TURN
        guess = self._guess(self.turn)
        after, found = _followed(self.picture.gray, picture.gray, self.points, guess)
        found &= ~_inside(after, picture.people)
        if found.sum() < MIN_POINTS:
            return NO_TURN
        middle = self.picture.middle
        turn = turn_between(
            self.points[found] - middle, after[found] - middle, self.focal_px, self.turn
        )
        if turn.share:
            self.turn = turn
        return turn

    def _guess(self, turn: Turn) -> np.ndarray:
        """(N, 2) where the points are after a turn."""
        middle = self.picture.middle
        rays = np.column_stack([self.points - middle, np.full(len(self.points), self.focal_px)])
        moved = projected(turn.rotation, self.focal_px * turn.zoom, rays / self.focal_px) + middle
        return moved.astype(np.float32)


def is_cut(before: np.ndarray, after: np.ndarray, turn: Turn) -> bool:
    """Two (H, W) pictures in a row are of two scenes: no turn, and other brightness all over."""
    if turn.share > CUT_SHARE:
        return False
    small = [cv2.resize(image, (24, 24), interpolation=cv2.INTER_AREA) for image in (before, after)]
    return float(cv2.absdiff(*small).mean()) > CUT_DIFFERENCE


def _corners(picture: Picture) -> np.ndarray:
    """(N, 2) float32 points worth following, outside of people."""
    height, width = picture.gray.shape
    mask = np.full((height, width), 255, np.uint8)
    for x1, y1, x2, y2 in _widened(picture.people).round().astype(int).tolist():
        mask[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)] = 0
    apart = APART * max(height, width)
    found = cv2.goodFeaturesToTrack(picture.gray, MOST_POINTS, POINT_QUALITY, apart, mask=mask)
    return np.zeros((0, 2), np.float32) if found is None else found[:, 0]


def _followed(
    key: np.ndarray, picture: np.ndarray, points: np.ndarray, guess: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where points of the key picture are in another, (N, 2), and whether they were found."""
    flags = cv2.OPTFLOW_USE_INITIAL_FLOW
    after, there, _ = cv2.calcOpticalFlowPyrLK(
        key, picture, points, guess.copy(), winSize=WINDOW, maxLevel=3, flags=flags
    )
    back, here, _ = cv2.calcOpticalFlowPyrLK(
        picture, key, after, points.copy(), winSize=WINDOW, maxLevel=3, flags=flags
    )
    height, width = picture.shape
    inside = np.all((after >= 0) & (after < (width, height)), axis=1)
    returned = np.linalg.norm(back - points, axis=1) < BACK_PX
    return after, (there[:, 0] == 1) & (here[:, 0] == 1) & inside & returned


def _widened(boxes: np.ndarray) -> np.ndarray:
    size = boxes[:, 2:] - boxes[:, :2]
    return np.concatenate([boxes[:, :2] - MARGIN * size, boxes[:, 2:] + MARGIN * size], 1)


def _inside(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(N,) bool: within one of the boxes, widened."""
    wide = _widened(boxes)
    within = (points[:, None] >= wide[None, :, :2]) & (points[:, None] <= wide[None, :, 2:])
    return np.any(np.all(within, axis=2), axis=1)
