"""A body to look at: one long octahedron a bone, that turns with the bone's joint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poselift.data.exports.motion import Rig
from poselift.data.exports.settings import Up

_COLOURS = (
    (0.12, 0.47, 0.71),
    (1.0, 0.5, 0.05),
    (0.17, 0.63, 0.17),
    (0.84, 0.15, 0.16),
    (0.58, 0.4, 0.74),
    (0.55, 0.34, 0.29),
)
# Of a bone's length, for one of 1 metre or more and for short ones.
_SLIM, _THICK_M, _LEAST_M = 0.12, 0.035, 0.008
_SHORTEST = 1e-4  # a bone that is none: two joints in one place


@dataclass(frozen=True, eq=False)
class Figure:
    """Flat triangles at rest, three corners each.

    Args:
        corners, normals: (V, 3). joints: (V,) which each turns with.
    """

    corners: np.ndarray
    normals: np.ndarray
    joints: np.ndarray


def colour_of(person: int) -> tuple[float, float, float]:
    """Linear red, green, blue of the n-th person."""
    return _COLOURS[person % len(_COLOURS)]


def standing(rig: Rig, up: Up) -> np.ndarray:
    """(J + E, 3) the joints at rest and then the ends, the lowest of them on the floor."""
    rest = rig.rest
    ends = [rest[rig.index(joint)] + end for joint, end in rig.ends.items()]
    places = np.array([*rest, *ends])
    axis = "xyz".index(up)
    places[:, axis] -= places[:, axis].min()
    return places


def figure_of(rig: Rig, places: np.ndarray, metre: float = 1.0) -> Figure:
    """The body of a rig whose joints and ends stand at `places` (see standing).

    Args:
        metre: how long one is in the rig's units.
    """
    bones = [(parent, j) for j, parent in enumerate(rig.parents) if parent >= 0]
    bones += [(rig.index(joint), len(rig.joints) + i) for i, joint in enumerate(rig.ends)]
    corners, normals, joints = [], [], []
    for joint, end in bones:
        start, stop = places[joint] / metre, places[end] / metre
        if np.linalg.norm(stop - start) < _SHORTEST:
            continue
        shape, outwards = _bone_shape(start, stop)
        corners.append(shape * metre)
        normals.append(outwards)
        joints.append(np.full(len(shape), joint))
    return Figure(np.concatenate(corners), np.concatenate(normals), np.concatenate(joints))


def _bone_shape(start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """((24, 3) corners, (24, 3) normals) of a long octahedron, its eight faces flat."""
    length = float(np.linalg.norm(end - start))
    along = (end - start) / length
    across = np.cross(along, [0.3, 0.2, 1.0])
    across /= np.linalg.norm(across)
    other = np.cross(across, along)
    radius, middle = min(_THICK_M, _SLIM * length + _LEAST_M), start + 0.18 * length * along
    ring = [middle + radius * side for side in (across, other, -across, -other)]
    corners, normals = [], []
    for i, corner in enumerate(ring):
        follower = ring[(i + 1) % 4]
        for face in ((start, corner, follower), (end, follower, corner)):
            a, b, c = face
            normal = np.cross(b - a, c - a)
            outward = (a + b + c) / 3 - (start + 0.3 * (end - start))
            if normal @ outward < 0:
                b, c, normal = c, b, -normal
            corners += [a, b, c]
            normals += [normal / np.linalg.norm(normal)] * 3
    return np.array(corners), np.array(normals)
