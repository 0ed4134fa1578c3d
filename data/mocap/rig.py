"""Rigs: which points of a motion capture file make H36M's and COCO's joints.

A rig is a JSON file (data/mocap/rigs/*.json, or the user's own):

    up, forward     the axes that such files mostly have, such as "+y" and "+z"; each file's
                    own are found, see data/mocap/body_axes.py
    fps             of formats that do not say (AMC); may be left out
    joints          for each of H36M's joints but neck and head the name of a point, or
                    several with their weights: {"LeftUpLeg": 0.5, "RightUpLeg": 0.5}
    coco            the same for COCO's joints that lie elsewhere; may be left out
    head            turned_by: the point whose rotation is the head's; base and offset_m
                    (forward, left, up; metres): where H36M's neck lies, in the face's middle;
                    turn (degrees), where the head is pitched down against that rotation
    bones           points that the rig adds to the file's, where the file's bones are not the
                    person's: {NAME: {"start": a point or such a bone, "turned_by": a point,
                    "offset": [x, y, z] in femurs}}; may be left out
    femur           its length in the file's unit; with bones

In names spaces, signs and letter case do not count, nor what stands before all of a file's
(`mixamorig:`, `Bip01 `). The top of the head, nose, eyes and ears follow from the head's
place and rotation, by one geometry for all rigs. Bodies are scaled, so that a unit of length
need not be known.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from poselift.data.errors import FormatError, UnknownName
from poselift.data.files.source_files import read_bounded
from poselift.data.mocap.body_axes import AXES, head_axes, rest_axes, turned_upright, up_axis
from poselift.data.mocap.kinematics import Motion, euler_matrices
from poselift.data.mocap.point_names import found_points, renamed
from poselift.data.mocap.rig_bones import Bone, points_of, read_bones, with_bones
from poselift.data.skeletons import COCO17, H36M17, Skeleton

FOLDER = Path(__file__).with_name("rigs")
MAX_BYTES, MOST = 1 << 20, 1e4
FEMUR_M = 0.45
# Forward, left and up of H36M's neck, in metres for a body with a femur of FEMUR_M.
FACE = {
    "neck": (0.0, 0.0, 0.0),
    "head": (0.0, 0.0, 0.186),
    "nose": (0.090, 0.0, 0.041),
    "left_eye": (0.074, 0.033, 0.082),
    "right_eye": (0.074, -0.033, 0.082),
    "left_ear": (-0.023, 0.075, 0.063),
    "right_ear": (-0.023, -0.075, 0.063),
}
Mix = Mapping[str, float]


@dataclass(frozen=True)
class Rig:
    """Args: joints, coco: joint -> source point -> weight; axes: see axes()."""

    name: str
    up: str
    forward: str
    joints: Mapping[str, Mix]
    coco: Mapping[str, Mix]
    head_turned_by: str
    head_base: str
    head_offset_m: tuple[float, float, float]
    head_turn_deg: float = 0.0
    fps: float | None = None
    bones: Mapping[str, Bone] = field(default_factory=dict)
    femur: float = 1.0

    @property
    def axes(self) -> np.ndarray:
        """(3, 3): the axes that files mostly have -> forward, left, up."""
        up, forward = AXES[self.up], AXES[self.forward]
        return np.stack([forward, np.cross(up, forward), up])

    @property
    def points(self) -> frozenset[str]:
        """All points that a file must have."""
        mixes = [*self.joints.values(), *self.coco.values()]
        named = {self.head_turned_by, self.head_base, *(name for mix in mixes for name in mix)}
        return frozenset((named - set(self.bones)) | points_of(self.bones))


def load_rig(path: Path) -> Rig:
    """Raises: FormatError: no such file, or it does not describe a rig."""
    try:
        about = _table("the file", json.loads(read_bounded(path, MAX_BYTES)))
        head = _table("head", about["head"])
        fps = about.get("fps")
        rig = Rig(
            name=path.stem,
            up=_text("up", about["up"]),
            forward=_text("forward", about["forward"]),
            joints=_mixes(about["joints"]),
            coco=_mixes(about.get("coco", {})),
            head_turned_by=_text("turned_by", head["turned_by"]),
            head_base=_text("base", head["base"]),
            head_offset_m=_three(head["offset_m"]),
            head_turn_deg=_number("turn", head.get("turn", 0.0)),
            fps=None if fps is None else _number("fps", fps),
            bones=read_bones(_table("bones", about.get("bones", {}))),
            femur=_number("femur", about.get("femur", 1.0)),
        )
        _check(rig)
    except (KeyError, RecursionError, ValueError) as error:
        said = f"no '{error.args[0]}'" if isinstance(error, KeyError) else str(error)
        raise FormatError(
            f"{path}: does not describe a rig: {said}. See data/mocap/rig.py."
        ) from error
    return rig


def known_rigs() -> tuple[Rig, ...]:
    """The rigs of data/mocap/rigs, by name."""
    return tuple(load_rig(path) for path in sorted(FOLDER.glob("*.json")))


def rig_called(name_or_file: str) -> Rig:
    """A rig of data/mocap/rigs, or a file. Raises: UnknownName, FormatError."""
    for rig in known_rigs():
        if rig.name == name_or_file:
            return rig
    path = Path(name_or_file)
    if path.suffix == ".json":
        return load_rig(path)
    raise UnknownName("rig", name_or_file, [rig.name for rig in known_rigs()])


def rig_for(label: str, motion: Motion, rigs: Sequence[Rig]) -> Rig:
    """The rig whose points the motion has; of several the one that uses most.

    Raises: FormatError: there is none.
    """
    lacks = {rig.name: rig.points - set(found_points(motion.names, rig.points)) for rig in rigs}
    fitting = [rig for rig in rigs if not lacks[rig.name]]
    if fitting:
        return max(fitting, key=lambda rig: len(rig.points))
    nearest = min(rigs, key=lambda rig: len(lacks[rig.name]))
    wanted = ", ".join(sorted(lacks[nearest.name])[:5])
    has = ", ".join(motion.names[:12])
    raise FormatError(
        f"{label}: no rig fits its points ({has}, ...); the nearest, {nearest.name}, also needs "
        f"{wanted}. Describe yours as data/mocap/rigs/{nearest.name}.json does and give --rig FILE."
    )


def up_of(label: str, motion: Motion, rig: Rig) -> str:
    """The file's up, such as "+y". Raises: FormatError: it is not clear."""
    motion = _with_points(motion, rig)
    return up_axis(label, rig.up, _rest_axes(motion, rig), _body(motion, rig))


def apply_rig(
    label: str, motion: Motion, rig: Rig, up: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """(T, 17, 3) H36M and (T, 17, 3) COCO joints, metres, z up, femurs of FEMUR_M on average.

    Args:
        up: the file's, such as "+y"; found where it is None.
    Raises: FormatError: the motion's legs have no length, or up is not clear.
    """
    turn = rig.axes @ turned_upright(up or up_of(label, motion, rig), rig.up, rig.forward)
    motion = _with_points(motion, rig)
    head = motion.rotation(rig.head_turned_by)
    unturned = head_axes(label, _rest_axes(motion, rig), head, _body(motion, rig))
    placed = replace(motion, positions=motion.positions @ turn.T)
    body = _body(placed, rig)
    femurs = [
        np.median(np.linalg.norm(body[f"{side}_knee"] - body[f"{side}_hip"], axis=1))
        for side in ("left", "right")
    ]
    if not np.mean(femurs) > 1e-6:
        raise FormatError(f"{label}: its thighs have no length.")
    scale = FEMUR_M / float(np.mean(femurs))
    body = {joint: places * scale for joint, places in body.items()}
    pitch = euler_matrices(np.array([[rig.head_turn_deg]]), "y")
    rotation = turn @ head @ unturned @ pitch
    neck = placed.point(rig.head_base) * scale + rotation @ np.array(rig.head_offset_m)
    face = {joint: neck + rotation @ np.array(offset) for joint, offset in FACE.items()}
    coco = {joint: _mixed(placed, mix) * scale for joint, mix in rig.coco.items()}
    return _stacked(body | face, H36M17), _stacked(body | face | coco, COCO17)


def _with_points(motion: Motion, rig: Rig) -> Motion:
    """All points of the rig by its names, those of its own bones included."""
    motion = renamed(motion, rig.points)
    if not rig.bones:
        return motion
    rest = motion.rest and with_bones(motion.rest, rig.bones, rig.femur)
    return replace(with_bones(motion, rig.bones, rig.femur), rest=rest)


def _body(motion: Motion, rig: Rig) -> dict[str, np.ndarray]:
    return {joint: _mixed(motion, mix) for joint, mix in rig.joints.items()}


def _rest_axes(motion: Motion, rig: Rig) -> np.ndarray | None:
    return None if motion.rest is None else rest_axes(_body(motion.rest, rig))


def _stacked(joints: Mapping[str, np.ndarray], layout: Skeleton) -> np.ndarray:
    return np.stack([joints[joint] for joint in layout.joints], 1)


def _mixed(motion: Motion, mix: Mix) -> np.ndarray:
    return sum((weight * motion.point(name) for name, weight in mix.items()), np.zeros(3))


def _mixes(table: Any) -> dict[str, Mix]:
    return {
        joint: {source: 1.0}
        if isinstance(source, str)
        else {name: _number(joint, weight) for name, weight in _table(joint, source).items()}
        for joint, source in _table("joints", table).items()
    }


def _three(values: Any) -> tuple[float, float, float]:
    if not isinstance(values, list) or len(values) != 3:
        raise ValueError(f"offset_m is {values!r:.60}, not three numbers")
    forward, left, up = (_number("offset_m", value) for value in values)
    return forward, left, up


def _table(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {value!r:.60}, not a table")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} is {value!r:.60}, not a name")
    return value


def _number(name: str, value: Any) -> float:
    if type(value) not in (int, float) or not abs(value) <= MOST:  # nor is NaN
        raise ValueError(f"{name} is {value!r:.60}, not a number of this world")
    return float(value)


def _check(rig: Rig) -> None:
    if rig.fps is not None and rig.fps <= 0:
        raise ValueError(f"fps is {rig.fps:g}")
    if rig.up not in AXES or rig.forward not in AXES or rig.up[1] == rig.forward[1]:
        raise ValueError(f"up {rig.up!r} and forward {rig.forward!r} are no two axes like +y, +z")
    wanted = set(H36M17.joints) - set(FACE)
    if set(rig.joints) != wanted:
        odd = sorted(wanted ^ set(rig.joints))
        raise ValueError(f"joints: {', '.join(odd)} is missing, or is no joint of H36M's body")
    if not set(rig.coco) <= set(COCO17.joints):
        raise ValueError(f"coco: {', '.join(sorted(set(rig.coco) - set(COCO17.joints)))}")
    for joint, mix in {**rig.joints, **rig.coco}.items():
        if not abs(sum(mix.values()) - 1) <= 1e-6:
            raise ValueError(f"{joint}: weights add up to {sum(mix.values()):g}, not 1")
