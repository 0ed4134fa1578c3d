"""Where the 3D panel is seen from: one direction for the whole clip, calm, all in view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

VIEW_DEG = 32.0  # vertical opening angle: long enough a lens to keep limbs in proportion
MARGINS = (0.08, 0.13)  # shares of the panel kept free: at the sides, above and below
EXTREMES = 0.995  # share of the person-frames that must fit; the margin takes the rest
FOLLOW_SMOOTHING_S = 0.9
FOLLOW_AHEAD_S = 1.2  # who will be there so soon, or was so lately, is in view
MIN_RADIUS_M = 0.5  # around each person's root, so that a lone crouch is not magnified
MIN_HEIGHT_M = 1.5


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Args:
        axes: (3, 3) rows right, down, forward in the world.
        position: (3,) metres.
        focal_px, centre_px: of the panel.
    """

    axes: np.ndarray
    position: np.ndarray
    focal_px: float
    centre_px: tuple[float, float]

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(..., 3) metres -> (..., 2) pixels and (...,) depth in metres.

        Behind the camera the pixels are NaN.
        """
        seen = (points - self.position) @ self.axes.T
        depth = seen[..., 2]
        scale = self.focal_px / np.where(depth > 0.05, depth, np.nan)
        return seen[..., :2] * scale[..., None] + self.centre_px, depth


@dataclass(frozen=True)
class SceneCamera:
    """The camera of every frame: it may move, and never turns.

    Args:
        camera: of every frame, or amid those that it moves through.
        path: (T, 3) where it is in each frame, metres; None for a camera that stands still.
        focus: (1 or T, 3) a point on the floor amid the people.
        radius_m: how far people get from `focus`.
    """

    camera: Camera
    path: np.ndarray | None
    focus: np.ndarray
    radius_m: float

    def at(self, t: int) -> Camera:
        if self.path is None:
            return self.camera
        return Camera(self.camera.axes, self.path[t], self.camera.focal_px, self.camera.centre_px)

    def focus_at(self, t: int) -> np.ndarray:
        return np.asarray(self.focus[t if self.path is not None else 0])


@dataclass(frozen=True)
class Lens:
    """A direction to look in, and the panel that is looked on.

    Args:
        axes: see Camera.
        width, height: pixels.
    """

    axes: np.ndarray
    width: int
    height: int

    @property
    def focal_px(self) -> float:
        return float(self.height / 2 / np.tan(np.radians(VIEW_DEG) / 2))

    @property
    def slopes(self) -> np.ndarray:
        """(2,) sideways and upright: how far off the axis is in view, over the depth."""
        free = 0.5 - np.array(MARGINS)
        return free * (self.width, self.height) / self.focal_px

    def limits(self, bodies: np.ndarray) -> np.ndarray:
        """(..., K, 3) points -> (..., 2, 2): each axis' two planes, which places must clear."""
        seen = bodies @ self.axes.T
        aside, deep = seen[..., :2], seen[..., 2:] * self.slopes
        return np.stack([(aside - deep).max(-2), (-aside - deep).max(-2)], -1)

    def places(self, limits: np.ndarray) -> np.ndarray:
        """(..., 2, 2) -> (..., 3) the nearest places that have all in view, along the axes.

        Each further back has it, too.
        """
        over, under = limits[..., 0], limits[..., 1]
        back = -(over + under) / (2 * self.slopes)
        return np.concatenate([(over - under) / 2, back.min(-1, keepdims=True)], -1)

    def camera(self, position: np.ndarray) -> Camera:
        return Camera(self.axes, position, self.focal_px, (self.width / 2, self.height / 2))


def lens_towards(azimuth_deg: float, elevation_deg: float, width: int, height: int) -> Lens:
    """Of a camera that stands so far round to the right of the video's own, and above it."""
    azimuth, elevation = np.radians([azimuth_deg, elevation_deg])
    right = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    level = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    up = np.array([0.0, 0.0, 1.0])
    forward = level * np.cos(elevation) - up * np.sin(elevation)
    return Lens(np.stack([right, np.cross(forward, right), forward]), width, height)


def still_camera(lens: Lens, bodies: np.ndarray) -> SceneCamera:
    """One that has (N, K, 3) bodies in view, but for the most extreme.

    Args:
        bodies: see with_surroundings.
    """
    limits = np.quantile(lens.limits(bodies), EXTREMES, axis=0)
    floor = bodies[:, 0, :2]
    focus = np.append(np.median(floor, axis=0), 0.0)
    radius = float(np.quantile(np.linalg.norm(floor - focus[:2], axis=-1), EXTREMES))
    return SceneCamera(lens.camera(lens.places(limits) @ lens.axes), None, focus[None], radius)


def moving_camera(lens: Lens, world: np.ndarray, shown: np.ndarray, fps: float) -> SceneCamera:
    """One that goes along with the people, near when they are together, far when apart.

    What must be in view in a frame must be so for a while before and after; the mean of that
    moves calmly and still has all in view.

    Args:
        world: (P, T, J, 3) metres. shown: (P, T) bool; True somewhere.
    """
    frames = world.shape[1]
    focus = np.pad(_smooth_path(world, shown, fps), ((0, 0), (0, 1)))
    limits = np.full((frames, 2, 2), -np.inf)
    reach = np.zeros(frames)
    for person, here in zip(world, shown, strict=True):
        if not here.any():
            continue
        bodies = person[here].astype(np.float64)
        relative = with_surroundings(bodies) - focus[here][:, None]
        limits[here] = np.maximum(limits[here], lens.limits(relative))
        reach[here] = np.maximum(reach[here], np.linalg.norm(relative[:, 0, :2], axis=-1))
    known = np.flatnonzero(shown.any(0))
    wide = np.minimum(limits[known], np.quantile(limits[known], EXTREMES, axis=0))
    ahead = int(np.clip(round(FOLLOW_AHEAD_S * fps), 1, frames))
    calm = np.stack([_calm(known, wide[:, i, j], frames, ahead) for i in (0, 1) for j in (0, 1)])
    places = lens.places(calm.T.reshape(frames, 2, 2))
    # What was in the way at the sides may now be so above: no jolt where that changes.
    places[:, 2] = -_calm(np.arange(frames), -places[:, 2], frames, max(ahead // 2, 1))
    path = focus + places @ lens.axes
    radius = float(np.quantile(reach[known], EXTREMES))
    return SceneCamera(lens.camera(path.mean(0)), path, focus, radius)


def with_surroundings(bodies: np.ndarray) -> np.ndarray:
    """(..., J, 3) -> (..., J + 8, 3): the room that each person is given at least."""
    root = bodies[..., :1, :] * (1, 1, 0)
    around = np.array([[-1, 0], [1, 0], [0, -1], [0, 1]]) * MIN_RADIUS_M
    extra = np.concatenate([np.c_[around, np.full(4, z)] for z in (0.0, MIN_HEIGHT_M)])
    return np.concatenate([bodies, root + extra], -2)


def _calm(known: np.ndarray, values: np.ndarray, frames: int, ahead: int) -> np.ndarray:
    """(frames,) a smooth course nowhere below the values at the known frames."""
    filled = np.interp(np.arange(frames), known, values)
    highest = maximum_filter1d(filled, 2 * ahead + 1, mode="nearest")
    # Means of values of `ahead` frames either way, each at least what is needed here.
    return np.asarray(gaussian_filter1d(highest, ahead / 3, truncate=3, mode="nearest"))


def _smooth_path(world: np.ndarray, shown: np.ndarray, fps: float) -> np.ndarray:
    """(T, 2) the people's common centre on the floor, without its jolts."""
    frames = world.shape[1]
    roots = np.where(shown[..., None], world[:, :, 0, :2], 0.0).sum(0)
    known = np.flatnonzero(shown.any(0))
    centre = roots[known] / shown.sum(0)[known, None]
    filled = np.stack([np.interp(np.arange(frames), known, centre[:, i]) for i in (0, 1)], -1)
    sigma = min(FOLLOW_SMOOTHING_S * fps, float(frames))
    pad = min(frames - 1, round(3 * sigma))
    # Odd reflection keeps a runner's speed at both ends, where the camera would else lag.
    longer = np.pad(filled, ((pad, pad), (0, 0)), mode="reflect", reflect_type="odd")
    return np.asarray(gaussian_filter1d(longer, sigma, axis=0)[pad : pad + frames])
