"""The right panel: the people in 3D, on a floor, seen by a steady camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poselift.data.structures import Poses3D
from poselift.pipeline.overlay.drawing import (
    accent,
    bone_colours,
    capsule,
    disc,
    joint_colours,
    label,
    mix,
    on_canvas,
)
from poselift.pipeline.overlay.floor import Floor, shadow
from poselift.pipeline.overlay.look import Colour, Look
from poselift.pipeline.overlay.scene_camera import SceneCamera
from poselift.pipeline.overlay.view_choice import camera_for

BONE_M = 0.055  # thickness of a bone
HEAD_M = 0.135  # thickness of a head, drawn as a very thick bone
HEAD_FROM_TO = (0.35, 0.75)  # of the way from the neck to the top
JOINT_M = 0.04  # radius of a joint
SMALLEST_JOINT_PX = 3.0  # joints of distant people would be a string of beads
SHADE_PER_M = 0.16  # light lost with each metre of depth behind the people's middle
FADED = 0.5  # share of the colour left to a pose lifted from filled-in keypoints


@dataclass(frozen=True)
class _Mark:
    """A bone (two ends) or a joint (one), to be drawn in the order of depth."""

    depth: float
    ends: np.ndarray
    colour: Colour
    width_px: float
    hollow: bool = False


class Scene:
    """Draws the 3D panel of any frame of a clip.

    Args:
        width, height: of the panel, pixels.
        camera: None looks at all that `poses` does, as `look` wants it.
    """

    def __init__(
        self,
        poses: Poses3D,
        width: int,
        height: int,
        look: Look,
        camera: SceneCamera | None = None,
    ) -> None:
        self._poses, self._style = poses, look.colours
        self.width, self.height = width, height
        self.camera = camera or camera_for(
            poses.world, poses.valid, poses.timeline.fps, width, height, look.view
        )
        self._floor = Floor(self.camera, width, height, self._style)
        self._edges = np.array(poses.layout.edges)
        self._bone_colours = bone_colours(poses.layout, self._style.sides)
        self._joint_colours = joint_colours(poses.layout, self._style.sides)

    def draw(self, image: np.ndarray, t: int) -> None:
        """Fill `image` (height, width, 3) with the frame `t`."""
        np.copyto(image, self._floor.background(t))
        camera = self.camera.at(t)
        world = self._poses.world[:, t]
        shown = np.flatnonzero(self._poses.valid[:, t] & np.isfinite(world).all((1, 2)))
        bodies = [world[p] for p in shown]
        shadow(image, camera, bodies, self._edges, self._style.shadow)
        marks: list[_Mark] = []
        labels = []
        for p in shown:
            xy, depth = camera.project(world[p].astype(np.float64))
            if not on_canvas(xy).all():
                continue
            marks += self._marks(xy, depth, t, bool(self._poses.interpolated[p, t]))
            top = np.array(
                [xy[:, 0].mean(), xy[:, 1].min() - 0.14 * camera.focal_px / depth.mean()]
            )
            labels.append((float(depth.mean()), int(self._poses.person_id[p]), top))
        for mark in sorted(marks, key=lambda mark: -mark.depth):
            _draw(image, mark, self._style.outline)
        for _, person, top in sorted(labels, key=lambda item: -item[0]):
            label(image, str(person), top, max(round(self.height / 26), 12), accent(person))

    def _marks(self, xy: np.ndarray, depth: np.ndarray, t: int, interpolated: bool) -> list[_Mark]:
        camera = self.camera.at(t)
        middle = float((self.camera.focus_at(t) - camera.position) @ camera.axes[2])
        light = np.clip(1.0 - SHADE_PER_M * (depth - middle), 0.72, 1.12)
        keep = FADED if interpolated else 1.0
        scale = camera.focal_px / depth
        marks = []
        for (a, b), colour in zip(self._edges, self._bone_colours, strict=True):
            shade = self._shade(colour, keep, (light[a] + light[b]) / 2)
            width = BONE_M * (scale[a] + scale[b]) / 2
            marks.append(_Mark((depth[a] + depth[b]) / 2, xy[[a, b]], shade, width))
            if self._poses.layout.joints[b] == "head":
                skull = xy[a] + np.array(HEAD_FROM_TO)[:, None] * (xy[b] - xy[a])
                marks.append(_Mark(depth[b] - 0.1, skull, shade, width * HEAD_M / BONE_M))
        for j, colour in enumerate(self._joint_colours):
            if self._poses.layout.joints[j] == "head":
                continue
            shade = self._shade(colour, keep, light[j])
            radius = JOINT_M * scale[j]
            # A little nearer than its bones' middles, so that they do not cut it off.
            marks.append(_Mark(depth[j] - 0.08, xy[j : j + 1], shade, radius, interpolated))
        return marks

    def _shade(self, colour: Colour, keep: float, light: float) -> Colour:
        """What is further off is darker in the dark, and paler in the light."""
        if not self._style.glowing:
            return mix(colour, self._style.horizon, keep * min(float(light), 1.0))
        r, g, b = mix(colour, self._style.horizon, keep)
        return min(round(r * light), 255), min(round(g * light), 255), min(round(b * light), 255)


def _draw(image: np.ndarray, mark: _Mark, outline: Colour) -> None:
    if len(mark.ends) == 2:
        a, b = mark.ends
        width = max(round(mark.width_px), 1)
        if width > 1:
            capsule(image, a, b, outline, width + 2)
        capsule(image, a, b, mark.colour, width)
        return
    radius = mark.width_px
    if radius < SMALLEST_JOINT_PX:
        return
    disc(image, mark.ends[0], radius + 1, outline)
    disc(image, mark.ends[0], radius, mark.colour)
    if mark.hollow:
        disc(image, mark.ends[0], radius * 0.6, outline)
