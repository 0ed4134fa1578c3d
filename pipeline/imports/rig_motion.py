"""BVH of our own rigs back to the 17 joints that they were made of, by forward kinematics."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from poselift.data.errors import FormatError, LayoutMismatch
from poselift.data.exports.naming import NAMINGS
from poselift.data.exports.settings import PER_METRE, Units, Up
from poselift.data.mocap.bvh import read_bvh
from poselift.data.mocap.kinematics import Motion
from poselift.data.skeletons import H36M17
from poselift.data.structures import MAX_FPS, MIN_FPS
from poselift.inference.poses.rigging import JOINTS
from poselift.pipeline.imports.motions import EditedMotion, person_in_name, z_up

# The last joint of a rig that lies at each joint; the head's top is where its bone ends.
OF_RIG = {place: name for name, _, place in JOINTS if name != "Spine"}
LEG_M = (0.25, 1.6)  # of children and of giants; which unit a file is in shows by it
TOP = "head"


def read_rig(path: Path, units: Units | None, up: Up | None) -> list[EditedMotion]:
    """The person of a BVH file with the joints of one of `--names`.

    Args:
        units: None: those in which a leg is as long as a leg.
        up: None: the axis along which the rest pose stands.
    Raises: FormatError, MissingDependency; LayoutMismatch: other joints than ours.
    """
    motion = read_bvh(path)
    names = _names(path, motion)
    rest = motion.rest
    assert rest is not None  # of BVH there always is one
    points, still = (
        np.stack([part.point(names[joint]) for joint in H36M17.joints], 1)
        for part in (motion, rest)
    )
    at = H36M17.index
    if up is None:
        tall = still[0, at("thorax")] - still[0, at("hip")]
        up = "y" if abs(tall[1]) >= abs(tall[2]) else "z"
    if units is None:
        knee, ankle, hip = (still[0, at(f"left_{joint}")] for joint in ("knee", "ankle", "hip"))
        units = _units(path, float(np.linalg.norm(hip - knee) + np.linalg.norm(knee - ankle)))
    fps = motion.fps
    if fps is None or not MIN_FPS <= fps <= MAX_FPS:
        raise FormatError(f"{path}: has no frame time that a video has. Export it again.")
    world = z_up(points, units, up)
    return [
        EditedMotion(path, person_in_name(path), None, np.arange(len(world)) / fps, world, fps=fps)
    ]


def _names(path: Path, motion: Motion) -> dict[str, str]:
    """What the file calls each of the 17 joints. Raises: LayoutMismatch: it has others."""
    # Mixamo's own files, and what programs put before names: mixamorig:Hips, Armature|Hips.
    plain = {name.replace("|", ":").rpartition(":")[2]: name for name in reversed(motion.names)}
    for rows in NAMINGS.values():
        called = {ours: name for name, _, ours, half_way in reversed(rows) if not half_way}
        wanted = {joint: called[ours] for joint, ours in OF_RIG.items()}
        wanted[TOP] = f"{wanted['neck']}_end"
        if set(wanted.values()) <= set(plain):
            return {joint: plain[name] for joint, name in wanted.items()}
    some = ", ".join(motion.names[:4])
    raise LayoutMismatch(
        f"{path}: its joints ({some}, ...) are none of those that poselift export writes "
        f"({', '.join(NAMINGS)}), with an end site at the head. Motion capture of other rigs is "
        "read by data/prepare_data_mocap.py."
    )


def _units(path: Path, leg: float) -> Units:
    """Raises: FormatError: in no unit is this the length of a leg."""
    for units, per_metre in PER_METRE.items():
        if LEG_M[0] <= leg / per_metre <= LEG_M[1]:
            return units
    raise FormatError(
        f"{path}: a leg is {leg:g} long, which is one in no unit ({', '.join(PER_METRE)}). Give "
        "--units, or scale it."
    )
