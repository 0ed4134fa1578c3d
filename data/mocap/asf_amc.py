"""Acclaim's ASF (a skeleton) and AMC (a motion of it), the format of mocap.cs.cmu.edu."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from poselift.data.errors import FormatError
from poselift.data.files.source_files import read_bounded
from poselift.data.mocap.kinematics import (
    MAX_TEXT_BYTES,
    Motion,
    check_numbers,
    check_size,
    euler_matrices,
    forward,
    rest_pose,
)


@dataclass
class _Bone:
    """Args: axis: (3, 3) in which the bone's angles are counted. dof: `rx`, `ry`, ..."""

    direction: np.ndarray = field(default_factory=lambda: np.zeros(3))
    length: float = 0.0
    axis: np.ndarray = field(default_factory=lambda: np.eye(3))
    dof: tuple[str, ...] = ()


@dataclass(frozen=True)
class AcclaimSkeleton:
    """An ASF file: bones by name in an order in which parents come first; `root` is one.

    Args:
        parents: name -> parent's name; the root has none.
        degrees: the unit of angles; False is radians.
    """

    bones: Mapping[str, _Bone]
    parents: Mapping[str, str]
    degrees: bool


def read_asf(path: Path) -> AcclaimSkeleton:
    """Raises: FormatError."""
    try:
        return _parse_asf(path, _lines(path))
    except (LookupError, ValueError, OverflowError) as error:
        raise FormatError(f"{path}: not an ASF skeleton ({_said(error)}).") from error


def read_amc(path: Path, skeleton: AcclaimSkeleton) -> Motion:
    """The places of the bones' far ends, called like the bones, and of `root`.

    Raises: FormatError: damaged, or of another skeleton.
    """
    try:
        values, degrees = _parse_amc(path, _lines(path), skeleton)
    except (LookupError, ValueError, OverflowError) as error:
        raise FormatError(f"{path}: not an AMC motion ({_said(error)}).") from error
    names = tuple(skeleton.bones)
    rotations, offsets = [], []
    for name, bone in skeleton.bones.items():
        of_bone = dict(zip(bone.dof, values[name].T, strict=True))
        turns = [dof for dof in bone.dof if dof[0] == "r"]
        angles = np.stack([of_bone[dof] for dof in turns], 1) if turns else None
        rotations.append(_turned(bone, angles, turns, degrees, len(values["root"])))
        if name == "root":
            offsets.append(np.stack([of_bone[f"t{axis}"] for axis in "xyz"], 1) + bone.direction)
        else:
            offsets.append(bone.direction * bone.length)
    parents = [names.index(skeleton.parents[n]) if n != "root" else -1 for n in names]
    positions, turned = forward(parents, rotations, offsets, turned=True)
    rest = rest_pose(names, parents, offsets, turned=True)
    return check_numbers(str(path), Motion(names, positions, turned, None, rest))


def _turned(
    bone: _Bone, angles: np.ndarray | None, turns: list[str], degrees: bool, frames: int
) -> np.ndarray:
    if angles is None:
        return np.broadcast_to(np.eye(3), (frames, 3, 3))
    order = "".join(dof[1] for dof in turns)
    local = euler_matrices(angles if degrees else np.degrees(angles), order)
    return bone.axis @ local @ bone.axis.T


def _parse_asf(path: Path, lines: Iterable[list[str]]) -> AcclaimSkeleton:
    bones = {"root": _Bone()}
    parents: dict[str, str] = {}
    children: dict[str, list[str]] = {}
    degrees, section, current, order = True, "", _Bone(), "xyz"
    for words in lines:
        key, rest = words[0].lower(), words[1:]
        if key.startswith(":"):
            section = key
        elif section == ":units" and key == "angle":
            degrees = rest[0].lower().startswith("deg")
        elif section == ":root":
            if key == "order":
                bones["root"].dof = tuple(word.lower() for word in rest)
            elif key == "axis":
                order = rest[0].lower()
            elif key == "position":
                bones["root"].direction = _vector(rest)
            elif key == "orientation":
                bones["root"].axis = _axis(_vector(rest), order, degrees)
        elif section == ":bonedata":
            if key == "begin":
                current = _Bone()
            elif key == "name":
                bones[rest[0]] = current
            elif key == "direction":
                current.direction = _vector(rest)
            elif key == "length":
                current.length = float(rest[0])
            elif key == "axis":
                current.axis = _axis(_vector(rest[:3]), rest[3].lower(), degrees)
            elif key == "dof":
                current.dof = tuple(word.lower() for word in rest)
        elif section == ":hierarchy" and rest:
            children[words[0]] = rest
            parents.update(dict.fromkeys(rest, words[0]))
    ordered = list(_from_root(children, bones))
    check_size(path, 1, len(ordered))
    _check_dof(bones)
    return AcclaimSkeleton({name: bones[name] for name in ordered}, parents, degrees)


def _parse_amc(
    path: Path, lines: Iterable[list[str]], skeleton: AcclaimSkeleton
) -> tuple[dict[str, np.ndarray], bool]:
    """Bone -> (T, its degrees of freedom), and whether angles are in degrees."""
    moving = {name: bone for name, bone in skeleton.bones.items() if bone.dof}
    rows: dict[str, list[list[float]]] = {name: [] for name in moving}
    degrees, frame = skeleton.degrees, 0
    for words in lines:
        if words[0].startswith(":"):
            degrees = {":degrees": True, ":radians": False}.get(words[0].lower(), degrees)
        elif words[0].isdigit() and len(words) == 1:
            _check_frame(rows, frame)
            frame += 1
        elif words[0] not in moving:
            raise ValueError(f"frame {frame} moves '{words[0]}', which the skeleton has not")
        else:
            numbers = [float(word) for word in words[1:]]
            if len(numbers) != len(moving[words[0]].dof):
                wanted = len(moving[words[0]].dof)
                raise ValueError(
                    f"frame {frame}: {len(numbers)} values for {words[0]}, not {wanted}"
                )
            rows[words[0]].append(numbers)
    _check_frame(rows, frame)
    if not frame:
        raise ValueError("has no frames")
    check_size(path, frame, len(skeleton.bones))
    fixed = {name: np.zeros((frame, 0)) for name in skeleton.bones if name not in moving}
    return {name: np.array(of_bone) for name, of_bone in rows.items()} | fixed, degrees


def _check_frame(rows: Mapping[str, list[list[float]]], frame: int) -> None:
    wrong = [name for name, of_bone in rows.items() if len(of_bone) != frame]
    if wrong:
        raise ValueError(f"frame {frame} is not complete: {', '.join(wrong[:3])}")


def _from_root(children: Mapping[str, list[str]], bones: Mapping[str, _Bone]) -> Iterator[str]:
    waiting, seen = ["root"], set()
    while waiting:
        name = waiting.pop(0)
        if name not in bones or name in seen:
            raise ValueError(f"the hierarchy names '{name}' twice, or without a bone")
        seen.add(name)
        yield name
        waiting += children.get(name, [])


def _check_dof(bones: Mapping[str, _Bone]) -> None:
    places = {"tx", "ty", "tz"}
    if not places <= set(bones["root"].dof):
        raise ValueError("the root has no position")
    for name, bone in bones.items():
        allowed = {"rx", "ry", "rz"} | (places if name == "root" else set())
        if len(set(bone.dof)) != len(bone.dof) or not set(bone.dof) <= allowed:
            raise ValueError(f"bone {name} moves by {' '.join(bone.dof)}; only turns are known")


def _axis(angles: np.ndarray, order: str, degrees: bool) -> np.ndarray:
    return euler_matrices((angles if degrees else np.degrees(angles))[None], order)[0]


def _vector(words: list[str]) -> np.ndarray:
    x, y, z = map(float, words)
    return np.array([x, y, z])


def _lines(path: Path) -> Iterator[list[str]]:
    """Words of each line that holds any; comments go."""
    for line in read_bounded(path, MAX_TEXT_BYTES).decode("utf-8", "replace").splitlines():
        words = line.partition("#")[0].split()
        if words:
            yield words


def _said(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
