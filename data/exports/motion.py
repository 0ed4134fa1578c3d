"""A body as a rig of constant bones, and its motion as rotations of the joints.

Rigs stand in a T-pose: y up, facing z, x to the person's left, metres. Motions are in the same
axes: the world of Poses3D (x, y away, z up) becomes (x, z, -y).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from poselift.data.exports.rotations import matrices_of, slerp, steady_signs
from poselift.data.exports.settings import Axes
from poselift.data.structures import count_of


def upright_axes(world: np.ndarray) -> np.ndarray:
    """(..., 3) x right, y away, z up -> x, y up, z towards the camera."""
    return np.stack([world[..., 0], world[..., 2], -world[..., 1]], -1)


@dataclass(frozen=True, eq=False, repr=False)
class Rig:
    """A person's bones at rest.

    Args:
        joints: (J,) names, each after its parent; the first is the root.
        parents: (J,) index of each joint's parent; -1 for the root.
        offsets: (J, 3) from the parent in the rest pose; the root's is zero.
        ends: from last joints to where their bone ends: the head's top is seen in the video;
            hands and feet are invented.
    """

    joints: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: np.ndarray
    ends: dict[str, np.ndarray]

    def __post_init__(self) -> None:
        count = len(self.joints)
        if self.offsets.shape != (count, 3) or len(self.parents) != count:
            raise ValueError(f"{count} joints, offsets of shape {self.offsets.shape}")
        if any(parent >= j for j, parent in enumerate(self.parents)):
            raise ValueError("a joint stands before its parent")

    def __repr__(self) -> str:
        return f"Rig({count_of(len(self.joints), 'joint')}, root '{self.joints[0]}')"

    def index(self, joint: str) -> int:
        return self.joints.index(joint)

    def children(self, joint: int) -> list[int]:
        return [j for j, parent in enumerate(self.parents) if parent == joint]

    @property
    def rest(self) -> np.ndarray:
        """(J, 3) the joints at rest, the root at zero."""
        places = self.offsets.copy()
        for j, parent in enumerate(self.parents):
            if parent >= 0:
                places[j] += places[parent]
        return places

    def renamed(self, names: dict[str, str]) -> Rig:
        """The same rig, its joints called otherwise; a name that is not given stays."""
        joints = tuple(names.get(joint, joint) for joint in self.joints)
        ends = {names.get(joint, joint): end for joint, end in self.ends.items()}
        return replace(self, joints=joints, ends=ends)


@dataclass(frozen=True, eq=False, repr=False)
class Motion:
    """What a person does, frame by frame of their life.

    Args:
        person_id: as in Poses3D.
        first_frame: of the clip, in which the motion begins.
        times_s: (T,) seconds.
        root: (T, 3) where the root joint is.
        rotations: (T, J, 4) of each joint against its parent, quaternions x y z w.
        interpolated: (T,) bool, the person was not seen in this frame.
    """

    person_id: int
    rig: Rig
    first_frame: int
    times_s: np.ndarray
    root: np.ndarray
    rotations: np.ndarray
    interpolated: np.ndarray

    def __post_init__(self) -> None:
        frames, joints = len(self.times_s), len(self.rig.joints)
        wanted = {"root": (frames, 3), "rotations": (frames, joints, 4), "interpolated": (frames,)}
        for name, shape in wanted.items():
            found = getattr(self, name).shape
            if found != shape:
                raise ValueError(f"Motion.{name}: shape {found}, expected {shape}")

    def __repr__(self) -> str:
        frames, joints = count_of(len(self.times_s), "frame"), len(self.rig.joints)
        return f"Motion(person {self.person_id}, {frames} from {self.first_frame}, {joints} joints)"

    def seen_in(self, axes: Axes) -> Motion:
        """The same motion in a file's axes and units; with z up, the rest pose faces -y."""

        def seen(places: np.ndarray) -> np.ndarray:
            if axes.up == "z":
                places = np.stack([places[..., 0], -places[..., 2], places[..., 1]], -1)
            return places * axes.scale

        rotations = self.rotations.copy()
        rotations[..., :3] = seen(rotations[..., :3]) / axes.scale
        ends = {joint: seen(end) for joint, end in self.rig.ends.items()}
        rig = replace(self.rig, offsets=seen(self.rig.offsets), ends=ends)
        return replace(self, rig=rig, root=seen(self.root), rotations=rotations)

    def positions(self) -> np.ndarray:
        """(T, J, 3) metres, by forward kinematics."""
        return self._forward()[0]

    def tips(self) -> dict[str, np.ndarray]:
        """(T, 3) metres each: where the bones of last joints end."""
        places, turned = self._forward()
        at = self.rig.index
        return {
            name: places[:, at(name)] + turned[:, at(name)] @ end
            for name, end in self.rig.ends.items()
        }

    def axes(self) -> np.ndarray:
        """(T, J, 3, 3) the joints' own axes, as columns."""
        return self._forward()[1]

    def _forward(self) -> tuple[np.ndarray, np.ndarray]:
        """Where the joints are, (T, J, 3), and their axes as columns, (T, J, 3, 3)."""
        local = matrices_of(self.rotations)
        turned, places = np.empty_like(local), np.empty((*local.shape[:2], 3))
        for j, parent in enumerate(self.rig.parents):
            if parent < 0:
                turned[:, j], places[:, j] = local[:, j], self.root
                continue
            turned[:, j] = turned[:, parent] @ local[:, j]
            places[:, j] = places[:, parent] + turned[:, parent] @ self.rig.offsets[j]
        return places, turned

    def resampled(self, times_s: np.ndarray, first_frame: int) -> Motion:
        """The same motion at other times, rotations by slerp; outside, the nearest pose."""
        place = np.interp(times_s, self.times_s, np.arange(len(self.times_s)))
        below = np.floor(place).astype(int)
        above = np.minimum(below + 1, len(self.times_s) - 1)
        share = (place - below)[:, None]
        rotations = slerp(self.rotations[below], self.rotations[above], share[..., None])
        return replace(
            self,
            first_frame=first_frame,
            times_s=times_s,
            root=self.root[below] * (1 - share) + self.root[above] * share,
            rotations=steady_signs(rotations),
            interpolated=self.interpolated[np.rint(place).astype(int)],
        )
