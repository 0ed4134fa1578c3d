"""The turn and zoom of a camera between two pictures, from points of the background.

Points are pixels from the middle of the picture. A camera that stays in its place and turns by R
moves the ray r of every still point to R r, whatever its distance; one that travels does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

# Fewer points say nothing.
MIN_POINTS = 12
# Pixels that a point which agrees may be off, and as a share of how far points have moved.
TOLERANCE_PX, TOLERANCE_SHARE = 1.0, 0.02
# Points that have not moved by more than this show a camera that stands still, where so many
# of them are so widely spread (of a grid of 4 by 4): the rest is water, leaves, a crowd.
STILL_PX, STILL_SHARE, STILL_CELLS = 0.5, 0.25, 6
ROUNDS = 8


@dataclass(frozen=True)
class Turn:
    """From one picture to another.

    Args:
        rotation: (3, 3) takes rays of the first camera to the second's.
        zoom: focal length of the second over the first's.
        share: of the points, how many agree; 0 where nothing could be said.
        parallax: the points move as if the camera had travelled past them.
    """

    rotation: np.ndarray
    zoom: float
    share: float
    parallax: bool = False


NO_TURN = Turn(np.eye(3), 1.0, 0.0)


def turn_between(
    before: np.ndarray, after: np.ndarray, focal_px: float, guess: Turn = NO_TURN
) -> Turn:
    """The turn that moves most of the points from where they were to where they are.

    Args:
        before, after: (N, 2) pixels from the picture's middle.
        focal_px: of the first picture.
        guess: a turn nearby, such as that of the frame before.
    """
    if len(before) < MIN_POINTS:
        return NO_TURN
    rays = np.column_stack([before, np.full(len(before), focal_px)]) / focal_px
    if _stand_still(before, after):
        return Turn(np.eye(3), 1.0, _share(np.eye(3), focal_px, rays, before, after))
    _, agree = cv2.findHomography(before, after, cv2.USAC_MAGSAC, 2 * TOLERANCE_PX)
    if agree is None or agree.sum() < MIN_POINTS:
        return NO_TURN
    chosen = agree[:, 0].astype(bool)
    rotation, focal = _fitted(rays[chosen], after[chosen], guess.rotation, focal_px * guess.zoom)
    share = _share(rotation, focal, rays, before, after)
    return Turn(rotation, focal / focal_px, share, share < 0.6 and _travels(before, after))


def projected(rotation: np.ndarray, focal_px: float, rays: np.ndarray) -> np.ndarray:
    """(N, 3) rays seen by a camera that is so turned: (N, 2) pixels from the middle."""
    turned = rays @ rotation.T
    return np.asarray(focal_px * turned[:, :2] / np.maximum(turned[:, 2:], 1e-3))


def _stand_still(before: np.ndarray, after: np.ndarray) -> bool:
    still = np.linalg.norm(after - before, axis=1) < STILL_PX
    half = np.abs(before).max(0) + 1e-6
    cells = np.floor((before[still] / half + 1) * 2).clip(0, 3)
    spread = len(np.unique(cells, axis=0)) >= STILL_CELLS
    return bool(still.mean() >= STILL_SHARE and spread)


def _fitted(
    rays: np.ndarray, seen: np.ndarray, rotation: np.ndarray, focal: float
) -> tuple[np.ndarray, float]:
    """Rotation and focal length with the least robust error, by Gauss and Newton."""
    for _ in range(ROUNDS):
        turned = rays @ rotation.T
        depth = np.maximum(turned[:, 2], 1e-3)
        slope = turned[:, :2] / depth[:, None]
        error = seen - focal * slope
        weight = 1 / np.maximum(np.linalg.norm(error, axis=1), TOLERANCE_PX / 2)
        across, down = slope.T
        one = np.ones_like(depth)
        # How the picture moves with a small turn about x, y and z, and with log focal length.
        by_turn = np.stack(
            [
                np.stack([-across * down, one + across**2, -down, across], -1),
                np.stack([-one - down**2, across * down, across, down], -1),
            ],
            1,
        )
        jacobian = focal * by_turn
        weighted = jacobian * weight[:, None, None]
        normal = np.einsum("nij,nik->jk", weighted, jacobian)
        pull = np.einsum("nij,ni->j", weighted, error)
        step = np.linalg.solve(normal + 1e-9 * np.trace(normal) * np.eye(4), pull)
        rotation = Rotation.from_rotvec(step[:3]).as_matrix() @ rotation
        focal *= float(np.exp(np.clip(step[3], -0.5, 0.5)))
        if np.abs(step).max() < 1e-7:
            break
    return rotation, focal


def _share(
    rotation: np.ndarray, focal: float, rays: np.ndarray, before: np.ndarray, after: np.ndarray
) -> float:
    moved = np.linalg.norm(after - before, axis=1)
    off = np.linalg.norm(projected(rotation, focal, rays) - after, axis=1)
    return float((off < TOLERANCE_PX + TOLERANCE_SHARE * moved).mean())


def _travels(before: np.ndarray, after: np.ndarray) -> bool:
    """Points that no turn explains lie on epipolar lines: they stand, the camera does not."""
    _, agree = cv2.findFundamentalMat(before, after, cv2.USAC_MAGSAC, TOLERANCE_PX)
    return agree is not None and float(agree.mean()) > 0.8
