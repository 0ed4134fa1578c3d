"""A clip's poses as an export's settings ask, and the rigs that are made of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from poselift.data.exports.camera import Camera
from poselift.data.exports.motion import Motion
from poselift.data.exports.naming import named
from poselift.data.exports.settings import ExportSettings
from poselift.data.structures import Poses3D
from poselift.inference.movement.angles import Angles, angles
from poselift.inference.movement.gait import Gait, gait
from poselift.inference.poses.clip_camera import cameras_of
from poselift.inference.poses.reworked import (
    at_rate,
    in_place,
    of_camera,
    only,
    smoothed,
    without_gaps,
)
from poselift.inference.poses.rigging import rig


@dataclass(frozen=True, eq=False)
class Scene:
    """What is exported. Rigs, angles and gait are made when a format first asks for them.

    Args:
        own: the poses as the settings ask, but at the clip's own frames.
        poses: the same at the frames that are asked for; `world` is x right, y away, z up,
            metres.
        filmed: the same people as they were lifted, whatever else is asked: what movement is
            measured on.
    """

    filmed: Poses3D
    own: Poses3D
    poses: Poses3D
    settings: ExportSettings

    @property
    def fps(self) -> float:
        return self.poses.timeline.fps

    @property
    def people(self) -> list[int]:
        return [int(person) for person in self.poses.person_id]

    @cached_property
    def motions(self) -> tuple[Motion, ...]:
        """In the order of `people`, joints called as asked. Raises: LayoutMismatch."""
        return tuple(map(self._asked, rig(self.own), self.poses.valid))

    @cached_property
    def cameras(self) -> tuple[Camera, ...]:
        """In the order of `people`; none where the poses do not say."""
        return cameras_of(self.poses)

    def _asked(self, motion: Motion, valid: np.ndarray) -> Motion:
        """One person's, given the frames that they are in."""
        if self.settings.in_place:
            motion = replace(motion, root=motion.root * (0, 1, 0))
        if self.settings.fps is not None:
            frames = np.flatnonzero(valid)
            times_s = self.poses.timeline.times_s[frames]
            motion = motion.resampled(times_s, int(frames[0]))
        return named(motion, self.settings.names)

    @cached_property
    def angles(self) -> Angles:
        """Raises: LayoutMismatch."""
        return angles(self.filmed, self.settings.cutoff_hz)

    @cached_property
    def gaits(self) -> tuple[Gait, ...]:
        """In the order of `people`. Raises: LayoutMismatch."""
        return tuple(gait(self.filmed, self.settings.cutoff_hz))


def scene_of(poses: Poses3D, settings: ExportSettings) -> Scene:
    """Raises: UnknownName: nobody has an id that is asked for; FormatError: see reworked."""
    if settings.people:
        poses = only(poses, settings.people)
    poses = filmed = without_gaps(poses)
    if settings.smooth_hz is not None:
        poses = smoothed(poses, settings.smooth_hz)
    if settings.space == "camera":
        poses = of_camera(poses)
    if settings.in_place:
        poses = in_place(poses)
    asked = poses if settings.fps is None else at_rate(poses, settings.fps)
    return Scene(filmed, poses, asked, settings)
