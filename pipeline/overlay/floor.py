"""The stage of the 3D panel: backdrop, metre grid and the shadows that fall on it."""

from __future__ import annotations

import cv2
import numpy as np

from poselift.pipeline.overlay.drawing import SHIFT
from poselift.pipeline.overlay.look import Style
from poselift.pipeline.overlay.scene_camera import Camera, SceneCamera

AXIS_STEPS = 5  # every fifth line is heavier
FADE_M = 3.0  # beyond the people, over this distance
SHADOW_SCALE = 4  # shadows are drawn this much smaller, then enlarged


class Floor:
    """Draws the panel's background for a camera.

    With a camera that stands still it is drawn once; one that follows never turns, so the
    light and the fading stay and the lines alone are drawn again.
    """

    def __init__(self, camera: SceneCamera, width: int, height: int, style: Style) -> None:
        self._camera, self._glowing = camera, style.glowing
        strengths = np.arange(256)[:, None]
        self._grid_of_strength = (strengths * np.array(style.grid) // 255).astype(np.uint8)
        self._reach = camera.radius_m + FADE_M
        distance, below = _floor_distance(camera, width, height)
        fall = np.clip(1 - distance / (self._reach * 1.6), 0, 1) ** 2
        self._light = _backdrop(fall, below, style)
        fade = np.clip((self._reach - distance) / FADE_M, 0, 1) * below
        self._fade = np.uint8(255 * fade * fade * (3 - 2 * fade))
        self._still = self._draw(0) if camera.path is None else None

    def background(self, t: int) -> np.ndarray:
        """(H, W, 3); not to be drawn on."""
        return self._still if self._still is not None else self._draw(t)

    def _draw(self, t: int) -> np.ndarray:
        lines = np.zeros(self._fade.shape, np.uint8)
        camera = self._camera.at(t)
        # What fades is fixed on the panel: from twice as high, it is twice as far.
        reach = self._reach * camera.position[2] / self._camera.camera.position[2]
        faint, heavy = _grid(self._camera.focus_at(t)[:2], float(reach))
        for ends, strength in ((faint, 120), (heavy, 255)):
            cv2.polylines(lines, _on_panel(camera, ends), False, strength, 1, cv2.LINE_AA, SHIFT)
        lines = cv2.multiply(lines, self._fade, scale=1 / 255)
        grid = self._grid_of_strength[lines]
        return (cv2.add if self._glowing else cv2.subtract)(self._light, grid)


def shadow(
    image: np.ndarray, camera: Camera, bodies: list[np.ndarray], edges: np.ndarray, depth_of: float
) -> None:
    """Darken the floor under each body, as light from straight above would.

    Args:
        bodies: (J, 3) each, metres.
        edges: (B, 2) bones as joint indices.
        depth_of: share of the light that a full shadow takes.
    """
    rows, columns = image.shape[0] // SHADOW_SCALE, image.shape[1] // SHADOW_SCALE
    mask = np.zeros((rows, columns), np.uint8)
    for joints in bodies:
        flat, depth = camera.project(joints * (1, 1, 0))
        if not np.isfinite(flat).all() or np.abs(flat).max() > 1 << 14:
            continue
        width = max(1, round(camera.focal_px * 0.2 / float(depth.mean()) / SHADOW_SCALE))
        ends = np.round(flat[edges] * (1 << SHIFT) / SHADOW_SCALE).astype(np.int32)
        cv2.polylines(mask, list(ends), False, 255, width, cv2.LINE_AA, SHIFT)
    x, y, w, h = cv2.boundingRect(mask)
    if w == 0:
        return
    blur = 2 * max(1, round(image.shape[0] / SHADOW_SCALE / 50)) + 1
    x0, y0 = max(x - blur, 0), max(y - blur, 0)
    x1, y1 = min(x + w + blur, columns), min(y + h + blur, rows)
    soft = cv2.GaussianBlur(mask[y0:y1, x0:x1], (blur, blur), 0)
    size = ((x1 - x0) * SHADOW_SCALE, (y1 - y0) * SHADOW_SCALE)
    light = 255 - cv2.resize(soft, size, interpolation=cv2.INTER_LINEAR) * np.float32(depth_of)
    part = image[y0 * SHADOW_SCALE : y1 * SHADOW_SCALE, x0 * SHADOW_SCALE : x1 * SHADOW_SCALE]
    part[:] = cv2.multiply(
        part, cv2.cvtColor(light.astype(np.uint8), cv2.COLOR_GRAY2RGB), scale=1 / 255
    )


def _floor_distance(camera: SceneCamera, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) metres from the focus to the floor seen in each pixel, and where floor is."""
    base = camera.camera
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    ray = np.stack(
        [x - base.centre_px[0], y - base.centre_px[1], np.full_like(x, base.focal_px)], -1
    )
    ray = (ray / base.focal_px) @ base.axes
    below = ray[..., 2] < -1e-3
    along = -base.position[2] / np.where(below, ray[..., 2], -1.0)
    spot = base.position[:2] + ray[..., :2] * along[..., None]
    distance = np.linalg.norm(spot - camera.focus.mean(0)[:2], axis=-1)
    return np.where(below, distance, np.inf), below


def _backdrop(fall: np.ndarray, below: np.ndarray, style: Style) -> np.ndarray:
    """A wall that darkens upwards and a floor lit where the people are; dithered."""
    height, width = fall.shape
    top, horizon = np.array(style.top, float), np.array(style.horizon, float)
    end = max(int((~below).all(1).sum()), 1)
    share = np.clip(np.arange(height) / end, 0, 1)[:, None, None] ** 2
    wall = top + (horizon - top) * share * np.ones((1, width, 1))
    lit = horizon + (np.array(style.floor, float) - horizon) * fall[..., None]
    image = np.where(below[..., None], lit, wall)
    noise = np.random.default_rng(0).uniform(0, 1, (height, width, 1))
    return np.floor(image + noise).astype(np.uint8)


def _grid(middle: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends (N, 2, 3) of the metre lines about `middle`: the others, every fifth."""
    span = int(np.ceil(reach)) + 1
    lines = []
    for axis in (0, 1):
        steps = np.arange(round(middle[axis]) - span, round(middle[axis]) + span + 1)
        ends = np.zeros((len(steps), 2, 3))
        ends[..., axis] = steps[:, None]
        ends[..., 1 - axis] = middle[1 - axis] + np.array([-span, span])
        lines.append((steps, ends))
    heavy = np.concatenate([steps for steps, _ in lines]) % AXIS_STEPS == 0
    ends = np.concatenate([ends for _, ends in lines])
    return ends[~heavy], ends[heavy]


def _on_panel(camera: Camera, ends: np.ndarray) -> list[np.ndarray]:
    """Lines as fixed-point pixels, cut where they pass behind the camera."""
    axis, nearest = camera.axes[2], 0.3
    depth = (ends - camera.position) @ axis
    ends, depth = ends[(depth > nearest).any(1)], depth[(depth > nearest).any(1)]
    for end in (0, 1):
        hidden = depth[:, end] < nearest
        share = (nearest - depth[:, end]) / np.where(hidden, depth[:, 1 - end] - depth[:, end], 1)
        moved = ends[:, end] + share[:, None] * (ends[:, 1 - end] - ends[:, end])
        ends[:, end] = np.where(hidden[:, None], moved, ends[:, end])
    flat, _ = camera.project(ends)
    return list(np.round(flat.clip(-(1 << 14), 1 << 14) * (1 << SHIFT)).astype(np.int32))
