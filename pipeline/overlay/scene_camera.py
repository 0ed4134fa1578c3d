"""Where the 3D panel is seen from: one steady view for the whole clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

AZIMUTH_DEG = 24.0  # the camera stands this far round to the right of the video's own
ELEVATION_DEG = 13.0
VIEW_DEG = 32.0  # vertical opening angle: long enough a lens to keep limbs in proportion
MARGINS = (0.08, 0.13)  # shares of the panel kept free: at the sides, above and below
EXTREMES = 0.995  # share of the person-frames that must fit; the margin takes the rest
SMALLEST = 0.28  # of the panel's height: a person smaller than this is better followed
FOLLOW_GAIN = 1.3  # following must show people this much larger to be worth the motion
FOLLOW_SMOOTHING_S = 0.7
SAMPLES = 4000  # person-frames that are looked at, spread over the clip
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
    """The camera of every frame.

    Args:
        camera: when the point that it follows is the world's origin.
        path: (T, 2) that point on the floor, metres; None for a camera that stands still.
        focus: (3,) a point amid the people, relative to `path`.
        radius_m: how far people get from `focus` on the floor.
    """

    camera: Camera
    path: np.ndarray | None
    focus: np.ndarray
    radius_m: float

    def at(self, t: int) -> Camera:
        if self.path is None:
            return self.camera
        position = self.camera.position + np.append(self.path[t], 0.0)
        return Camera(self.camera.axes, position, self.camera.focal_px, self.camera.centre_px)


def camera_for(
    world: np.ndarray, valid: np.ndarray, fps: float, width: int, height: int
) -> SceneCamera:
    """The steady view that holds everybody; a following one only if they would be tiny.

    Args:
        world: (P, T, J, 3) metres, z up.
        valid: (P, T) bool.
        width, height: of the panel, pixels.
    """
    shown = valid & np.isfinite(world).all((2, 3))
    if not shown.any():
        return _fit(_with_surroundings(np.zeros((1, 1, 3))), None, width, height)
    people, frames = np.nonzero(shown)
    step = -(-len(frames) // SAMPLES)
    people, frames = people[::step], frames[::step]
    bodies = world[people, frames].astype(np.float64)
    still = _fit(_with_surroundings(bodies), None, width, height)
    size = _apparent_height(still.camera, bodies) / height
    if size >= SMALLEST:
        return still
    path = _smooth_path(world, shown, fps)
    moved = bodies.copy()
    moved[..., :2] -= path[frames][:, None]
    following = _fit(_with_surroundings(moved), path, width, height)
    gain = _apparent_height(following.camera, moved) / height / size
    return following if gain > FOLLOW_GAIN else still


def _with_surroundings(bodies: np.ndarray) -> np.ndarray:
    """(N, J, 3) -> (N, J + 8, 3): the room that each person is given at least."""
    root = bodies[:, :1]
    around = np.array([[-1, 0], [1, 0], [0, -1], [0, 1]]) * MIN_RADIUS_M
    extra = np.concatenate([np.c_[around, np.full(4, z)] for z in (0.0, MIN_HEIGHT_M)])
    return np.concatenate(
        [bodies, np.concatenate([root[..., :2], root[..., 2:] * 0], -1) + extra], 1
    )


def _fit(bodies: np.ndarray, path: np.ndarray | None, width: int, height: int) -> SceneCamera:
    """Step back until the (N, K, 3) points are in view: exact, from the view's four planes."""
    axes = _axes()
    focal = height / 2 / np.tan(np.radians(VIEW_DEG) / 2)
    seen = bodies @ axes.T
    place, nearest = np.zeros(3), np.inf
    for axis, pixels in ((0, width), (1, height)):
        slope = (0.5 - MARGINS[axis]) * pixels / focal
        over = np.quantile((seen[..., axis] - slope * seen[..., 2]).max(1), EXTREMES)
        under = np.quantile((-seen[..., axis] - slope * seen[..., 2]).max(1), EXTREMES)
        place[axis] = (over - under) / 2
        nearest = min(nearest, -(over + under) / (2 * slope))
    place[2] = nearest
    floor = bodies[:, 0, :2]
    focus = np.append(np.median(floor, axis=0), 0.0)
    radius = float(np.quantile(np.linalg.norm(floor - focus[:2], axis=-1), EXTREMES))
    camera = Camera(axes, place @ axes, focal, (width / 2, height / 2))
    return SceneCamera(camera, path, focus, radius)


def _axes() -> np.ndarray:
    azimuth, elevation = np.radians([AZIMUTH_DEG, ELEVATION_DEG])
    right = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    level = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    up = np.array([0.0, 0.0, 1.0])
    forward = level * np.cos(elevation) - up * np.sin(elevation)
    return np.stack([right, np.cross(forward, right), forward])


def _apparent_height(camera: Camera, bodies: np.ndarray) -> float:
    """Median height of a person in pixels."""
    rows = camera.project(bodies)[0][..., 1]
    return float(np.nanmedian(rows.max(1) - rows.min(1)))


def _smooth_path(world: np.ndarray, shown: np.ndarray, fps: float) -> np.ndarray:
    """(T, 2) the people's common centre on the floor, without its jolts."""
    frames = world.shape[1]
    roots = np.where(shown[..., None], world[:, :, 0, :2], 0.0).sum(0)
    known = np.flatnonzero(shown.any(0))
    centre = roots[known] / shown.sum(0)[known, None]
    filled = np.stack([np.interp(np.arange(frames), known, centre[:, i]) for i in (0, 1)], -1)
    sigma = FOLLOW_SMOOTHING_S * fps
    pad = min(frames - 1, round(3 * sigma))
    # Odd reflection keeps a runner's speed at both ends, where the camera would else lag.
    longer = np.pad(filled, ((pad, pad), (0, 0)), mode="reflect", reflect_type="odd")
    return gaussian_filter1d(longer, sigma, axis=0)[pad : pad + frames]
