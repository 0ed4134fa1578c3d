"""Camera-space poses -> a world that stands upright: z up, feet on the floor.

Gravity comes from the people themselves. The trajectory network reads the up direction off
each frame's posture; while that finds the person about upright, the body's own axis is a
second witness. On held-out mocap the two together err least (6.2 degrees against 6.3 and
6.7 alone, noisy keypoints, random cameras). The clip's median of all people's votes is
taken. For checkpoints that say nothing of gravity, the body's axis stands alone. The
floor is found per person, because one camera cannot tell a tall person far away from a
short one near by: wherever the lower foot rests is the floor.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d, percentile_filter
from scipy.signal import savgol_filter

from poselift.data.cameras import unit_vectors
from poselift.data.skeletons import Skeleton
from poselift.inference.poses.lifting import LiftedPose

# A body that leans further than this says nothing of gravity.
UPRIGHT_DEGREES = 30.0
# Depth is what one camera sees worst; it is smoothed over this long. On noisy mocap this
# takes a fifth off the error of the root's velocity against half as long.
DEPTH_SMOOTHING_S = 0.5
# Poses are smoothed with a parabola over this long: jitter goes, movement stays.
POSE_SMOOTHING_S = 0.2
# Somebody in the air comes down within this.
FLOOR_WINDOW_S = 2.0
# Bones that add up to less are no body's.
LEAST_BONES_M = 0.1
# The ankle joint of somebody who stands; the layout has no joint below it.
ANKLE_HEIGHT_M = 0.05


@dataclass(frozen=True)
class World:
    """Axes of the world in camera space: rows x right, y away from the camera, z up."""

    axes: np.ndarray

    @property
    def up(self) -> np.ndarray:
        """(3,) unit vector, camera space."""
        up: np.ndarray = self.axes[2]
        return up

    def rotate(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) camera space -> (..., 3) world directions."""
        return points @ self.axes.T.astype(points.dtype)


def world_of(people: Sequence[LiftedPose], layout: Skeleton) -> World:
    """The world that the clip's people stand in, by their posture; the camera is one.

    Raises: ValueError: no people.
    """
    votes = [up_votes(person, layout) for person in people]
    return World(_axes(geometric_median(np.concatenate(votes).astype(float))))


def up_votes(person: LiftedPose, layout: Skeleton) -> np.ndarray:
    """(T, 3) what each frame of a person says of up, camera space, unit length."""
    body = body_up(person.pose, layout)
    if person.up is None:
        return body
    upright = (person.up * body).sum(-1, keepdims=True) > np.cos(np.radians(UPRIGHT_DEGREES))
    return unit_vectors(person.up + body * upright)


def world_with(up: np.ndarray, roll: float | None = None, pitch: float | None = None) -> World:
    """The world of an up direction, (3,) camera space, and of what is known of the camera.

    Args:
        roll, pitch: of the camera, degrees (see KnownScene).
    """
    if roll is not None and pitch is not None:
        up = up_of(roll, pitch)
    elif roll is not None:
        sideways = up_of(roll, 0.0)
        up = sideways * max(up @ sideways, 1e-6) + np.array([0, 0, up[2]])
    elif pitch is not None:
        up = up_of(float(np.degrees(np.arctan2(-up[0], -up[1]))), pitch)
    return World(_axes(up))


def up_of(roll: float, pitch: float) -> np.ndarray:
    """(3,) up in the space of a camera that is so turned (see KnownScene), degrees."""
    r, p = np.radians([roll, pitch])
    return np.array([-np.sin(r) * np.cos(p), -np.cos(r) * np.cos(p), -np.sin(p)])


def body_up(pose: np.ndarray, layout: Skeleton) -> np.ndarray:
    """(T, J, 3) -> (T, 3) from the middle of the ankles to the thorax, unit length."""
    ankles = pose[:, layout.indices("left_ankle", "right_ankle")].mean(1)
    return unit_vectors(pose[:, layout.index("thorax")] - ankles)


def geometric_median(vectors: np.ndarray, rounds: int = 30) -> np.ndarray:
    """The point with the least summed distance to (N, 3), by Weiszfeld's iteration.

    Unlike the mean it is not dragged along by the frames in which somebody lies or bends.
    """
    centre: np.ndarray = vectors.mean(0)
    for _ in range(rounds):
        weight = 1 / np.maximum(np.linalg.norm(vectors - centre, axis=1, keepdims=True), 1e-6)
        centre = (vectors * weight).sum(0) / weight.sum()
    return centre


def _axes(up: np.ndarray) -> np.ndarray:
    up = unit_vectors(up)
    forward = np.array([0.0, 0.0, 1.0])
    if abs(up @ forward) > 0.98:  # a camera that looks straight down or up
        forward = np.array([0.0, -1.0, 0.0])
    away = forward - up * (up @ forward)
    away /= np.linalg.norm(away)
    return np.stack([np.cross(away, up), away, up])


def steady_pose(pose: np.ndarray, fps: float) -> np.ndarray:
    """Take the jitter out of (T, J, 3) with a short Savitzky-Golay filter (no lag)."""
    window = 2 * round(POSE_SMOOTHING_S * fps / 2) + 1
    window = min(window, len(pose) - (len(pose) + 1) % 2)
    if window < 5:
        return pose
    return savgol_filter(pose, window, polyorder=2, axis=0, mode="nearest").astype(pose.dtype)


def steady_trajectory(trajectory: np.ndarray, fps: float) -> np.ndarray:
    """Smooth (T, 3) without lag: its rays as the pose, its depth along them much more."""
    depth = np.maximum(trajectory[:, 2:], 1e-3)
    ray = steady_pose((trajectory / depth)[:, None], fps)[:, 0]
    smooth = gaussian_filter1d(np.log(depth), DEPTH_SMOOTHING_S * fps, axis=0, mode="nearest")
    return (ray * np.exp(smooth)).astype(trajectory.dtype)


def standing_height(pose: np.ndarray, layout: Skeleton) -> float:
    """Metres: how tall who has these bones, (T, J, 3), is when standing in the world."""
    chain = ("right_ankle", "right_knee", "right_hip"), ("hip", "spine", "thorax", "head")
    parts = [pair for joints in chain for pair in itertools.pairwise(layout.indices(*joints))]
    bones = [np.median(np.linalg.norm(pose[:, a] - pose[:, b], axis=-1)) for a, b in parts]
    return float(ANKLE_HEIGHT_M + np.sum(bones))


def as_tall(lifted: LiftedPose, height_m: float | None, layout: Skeleton) -> LiftedPose:
    """A person of this height: the same picture of somebody as much larger and further away.

    Args:
        height_m: standing; None leaves the person as they are.
    """
    if height_m is None:
        return lifted
    above = standing_height(lifted.pose, layout) - ANKLE_HEIGHT_M
    larger = np.float32((height_m - ANKLE_HEIGHT_M) / max(above, LEAST_BONES_M))
    path = lifted.trajectory
    return replace(
        lifted, pose=lifted.pose * larger, trajectory=None if path is None else path * larger
    )


def place_on_floor(
    pose: np.ndarray, trajectory: np.ndarray | None, world: World, fps: float
) -> np.ndarray:
    """One person's (T, J, 3) camera-space pose -> world, standing on z = 0.

    Horizontally the person is where the trajectory says (at the origin without one).
    Vertically the lowest joint, smoothed over FLOOR_WINDOW_S, is the floor; jumps stay
    jumps, while climbing a stair is flattened.
    """
    placed = place_as_seen(pose, trajectory, world)
    placed[..., 2] += ANKLE_HEIGHT_M - _floor(placed, fps)[:, None]
    return placed


def place_as_seen(pose: np.ndarray, trajectory: np.ndarray | None, world: World) -> np.ndarray:
    """One person's (T, J, 3) camera-space pose -> world, seen from the origin."""
    placed = world.rotate(pose)
    return placed if trajectory is None else placed + world.rotate(trajectory)[:, None]


def lowest_floor(placed: Sequence[np.ndarray], fps: float) -> float:
    """The height on which the lowest of some people mostly rest; (T, J, 3) world each."""
    return min(float(np.median(_floor(person, fps))) for person in placed)


def _floor(placed: np.ndarray, fps: float) -> np.ndarray:
    """(T, J, 3) world -> (T,) the height on which the lowest joint rests."""
    lowest = placed[..., 2].min(1)
    window = max(1, 2 * round(FLOOR_WINDOW_S * fps / 2) + 1)
    floor = percentile_filter(lowest, 15, size=window, mode="nearest")
    return np.asarray(gaussian_filter1d(floor, window / 6, mode="nearest"))
