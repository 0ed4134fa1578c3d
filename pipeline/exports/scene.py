"""A clip's poses as an export's settings ask, and the rigs that are made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from poselift.data.errors import UnknownName
from poselift.data.exports.motion import Motion
from poselift.data.exports.settings import ExportSettings
from poselift.data.structures import Poses3D
from poselift.inference.movement.angles import Angles, angles
from poselift.inference.movement.gait import Gait, gait
from poselift.inference.poses.rigging import rig


@dataclass(frozen=True, eq=False)
class Scene:
    """What is exported. Rigs, angles and gait are made when a format first asks for them.

    Args:
        poses: as the settings ask; `world` is x right, y away, z up, metres.
    """

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
        """In the order of `people`. Raises: LayoutMismatch."""
        return tuple(rig(self.poses))

    @cached_property
    def angles(self) -> Angles:
        """Raises: LayoutMismatch."""
        return angles(self.poses, self.settings.cutoff_hz)

    @cached_property
    def gaits(self) -> tuple[Gait, ...]:
        """In the order of `people`. Raises: LayoutMismatch."""
        return tuple(gait(self.poses, self.settings.cutoff_hz))


def scene_of(poses: Poses3D, settings: ExportSettings) -> Scene:
    """Raises: UnknownName: nobody has an id that is asked for."""
    if settings.people:
        poses = only(poses, settings.people)
    return Scene(poses, settings)


def only(poses: Poses3D, people: Sequence[int]) -> Poses3D:
    """The poses of some people, by their ids. Raises: UnknownName: nobody has this id."""
    known = poses.person_id.tolist()
    for person in people:
        if person not in known:
            raise UnknownName("person", str(person), map(str, known))
    rows = [i for i, person in enumerate(known) if person in people]
    return replace(
        poses,
        person_id=poses.person_id[rows],
        pose=poses.pose[rows],
        trajectory=None if poses.trajectory is None else poses.trajectory[rows],
        world=poses.world[rows],
        valid=poses.valid[rows],
        interpolated=poses.interpolated[rows],
    )
