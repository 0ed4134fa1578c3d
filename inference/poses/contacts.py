"""Feet that stand do not slide: the root is moved along its viewing rays until they rest.

One camera sees depth worst, and what it sees wrongly there shows as feet that skate. Where
an ankle is low and slow it is taken to stand; the depths that keep it in place with the
least change are the solution of one banded least-squares problem per person.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded

from poselift.data.skeletons import Skeleton
from poselift.inference.poses.world import ANKLE_HEIGHT_M, World, place_on_floor

# An ankle stands where it is lower above its floor and slower than about these.
STANDING_HEIGHT_M = 0.06
STANDING_SPEED_M_S = 0.6
# What a changed depth (per metre) and a changed speed of depth (per m/s) cost against a
# foot that slides at 1 m/s.
DEPTH_COST = 0.9
DEPTH_SPEED_COST = 0.1
# A foot stood where it is as sure and lasts as long.
SURE, LEAST_S = 0.5, 0.1
# Contacts are found again once the feet have been moved.
ROUNDS = 2


def plant_feet(
    pose: np.ndarray, trajectory: np.ndarray, world: World, layout: Skeleton, fps: float
) -> np.ndarray:
    """A trajectory on the same rays whose standing feet rest.

    Args:
        pose: (T, J, 3) relative to the root, camera space, metres.
        trajectory: (T, 3) the root, camera space, in front of the camera.
    Returns:
        (T, 3).
    """
    if len(pose) < 3:
        return trajectory
    depth = trajectory[:, 2:].astype(float)
    ray = trajectory / depth
    ankles = layout.indices("left_ankle", "right_ankle")
    feet, outwards = world.rotate(pose[:, ankles].astype(float)), world.rotate(ray)
    moved = depth
    for _ in range(ROUNDS):
        placed = place_on_floor(pose, ray * moved, world, fps)[:, ankles]
        standing = _standing(placed, feet + (outwards * moved)[:, None], fps)
        moved = _least_change(outwards[:, :2], feet[..., :2], depth, standing, fps)
    return np.asarray(ray * moved, trajectory.dtype)


def standing_places(
    pose: np.ndarray, trajectory: np.ndarray, world: World, layout: Skeleton, fps: float
) -> np.ndarray:
    """(N, 3) camera space: where a foot stood, the mean of each time that it did.

    Args: see plant_feet.
    """
    ankles = layout.indices("left_ankle", "right_ankle")
    seen = pose[:, ankles] + trajectory[:, None]
    placed = place_on_floor(pose, trajectory, world, fps)[:, ankles]
    sure = _standing(placed, world.rotate(seen), fps) > SURE
    places = []
    for foot, stands in enumerate(sure.T):
        turns = np.flatnonzero(np.diff(np.concatenate([[0], stands.astype(int), [0]])))
        for begin, end in zip(turns[::2], turns[1::2], strict=True):
            if end - begin >= LEAST_S * fps:
                places.append(seen[begin : end + 1, foot].mean(0))
    return np.array(places, float).reshape(-1, 3)


def _standing(placed: np.ndarray, ankles: np.ndarray, fps: float) -> np.ndarray:
    """How surely each foot stands from one frame to the next, 0 to 1.

    Args:
        placed: (T, 2, 3) ankles above the floor, which follows the person.
        ankles: (T, 2, 3) in a world without floor.
    Returns:
        (T - 1, 2).
    """
    height = np.maximum(placed[..., 2] - ANKLE_HEIGHT_M, 0)
    speed = np.linalg.norm(np.gradient(ankles, axis=0), axis=-1) * fps
    sure = np.exp(-((height / STANDING_HEIGHT_M) ** 2) - (speed / STANDING_SPEED_M_S) ** 2)
    return np.asarray(np.minimum(sure[1:], sure[:-1]))


def _least_change(
    ray: np.ndarray, feet: np.ndarray, depth: np.ndarray, standing: np.ndarray, fps: float
) -> np.ndarray:
    """(T, 1) depths that minimise sliding and change; rays and feet are horizontal, world."""
    depth = depth[:, 0]
    ahead, behind = fps * ray[1:], -fps * ray[:-1]
    own = fps * np.diff(feet, axis=0)  # a foot's speed relative to the root
    weight = standing.sum(1)
    pull = np.einsum("tf,tfc->tc", standing, own)
    diagonal = np.full(len(depth), DEPTH_COST)
    target = DEPTH_COST * depth
    keep_speed = DEPTH_SPEED_COST * fps**2
    speed = keep_speed * np.diff(depth)
    diagonal[1:] += weight * (ahead**2).sum(1) + keep_speed
    diagonal[:-1] += weight * (behind**2).sum(1) + keep_speed
    beside = weight * (ahead * behind).sum(1) - keep_speed
    target[1:] += speed - (ahead * pull).sum(1)
    target[:-1] -= speed + (behind * pull).sum(1)
    banded = np.stack([np.append(0.0, beside), diagonal])
    return np.asarray(solveh_banded(banded, target))[:, None]
