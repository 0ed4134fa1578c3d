"""BVH files, read by pybvh; joints that also move (position channels) included."""

from __future__ import annotations

import io
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poselift.data.errors import FormatError
from poselift.data.files.optional_packages import optional_package
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

_DAMAGED = (LookupError, MemoryError, OSError, OverflowError, TypeError, ValueError)


@dataclass(frozen=True)
class _Text:
    """A file as pybvh takes it: names are one word, and only its root moves.

    Args:
        names: of the joints, by the words that stand for them.
        moves: (T, 3) for each joint below the root with position channels, by its
            place among the joints.
    """

    content: str
    names: dict[str, str]
    moves: dict[int, np.ndarray]


def read_bvh(path: Path) -> Motion:
    """The motion in a BVH file; an end site is called like its joint with `_end` after it.

    Raises: FormatError, MissingDependency.
    """
    pybvh = optional_package("pybvh", "Reading BVH files")
    text = _text(path)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "take.bvh"
        plain.write_text(text.content, encoding="utf-8")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what is wrong is raised below
                take = pybvh.read_bvh_file(plain, world_up="+y")
        except _DAMAGED as error:
            said = str(error).replace(str(plain), path.name).splitlines() or ["damaged"]
            raise FormatError(f"{path}: not a BVH file that can be read ({said[0]}).") from error
    if not 0 < take.frame_time < 1e4:
        raise FormatError(f"{path}: a frame time of {take.frame_time} s.")
    return check_numbers(str(path), _motion(take, text))


def _motion(take: Any, text: _Text) -> Motion:
    frames = len(take.root_pos)
    still = np.broadcast_to(np.eye(3), (frames, 3, 3))
    angles, orders = np.degrees(take.joint_angles), take.euler_orders
    place = {id(node): number for number, node in enumerate(take.nodes)}
    names, parents, rotations, offsets = [], [], [], []
    joint = 0
    for node in take.nodes:
        parents.append(-1 if node.parent is None else place[id(node.parent)])
        if node.is_end_site():
            names.append(f"{text.names.get(node.parent.name, node.parent.name)}_end")
            rotations.append(still)
            offsets.append(np.asarray(node.offset, float))
            continue
        names.append(text.names.get(node.name, node.name))
        rotations.append(euler_matrices(angles[:, joint], orders[joint].upper()))
        moved = take.root_pos if node.parent is None else text.moves.get(joint)
        offsets.append(np.asarray(node.offset, float) if moved is None else moved)
        joint += 1
    positions, turned = forward(parents, rotations, offsets, turned=False)
    # Where the root lies is no part of the pose.
    rest = rest_pose(names, parents, [np.zeros(3), *offsets[1:]], turned=False)
    return Motion(tuple(names), positions, turned, 1 / take.frame_time, rest)


def _text(path: Path) -> _Text:
    """Gives joints names of one word, and takes position channels of all but the root out.

    Raises: FormatError.
    """
    content = read_bounded(path, MAX_TEXT_BYTES).decode("utf-8", "replace")
    if "MOTION" not in content:
        raise FormatError(f"{path}: not a BVH file, or one that broke off: it has no MOTION.")
    head, _, motion = content.partition("MOTION")
    lines = head.splitlines()
    names = _short_names(lines)
    kept: list[int] = []
    moving: dict[int, dict[str, int]] = {}
    column = joint = 0
    for number, line in enumerate(lines):
        words = line.split()
        if not words or words[0] != "CHANNELS":
            continue
        channels = words[2:]
        here = {name[0].upper(): column + i for i, name in enumerate(channels) if _moves(name)}
        if joint and here:
            if sorted(here) != ["X", "Y", "Z"]:
                raise FormatError(f"{path}: joint {joint} moves along {sorted(here)} only.")
            moving[joint] = here
            turns = [name for name in channels if not _moves(name)]
            lines[number] = f"CHANNELS {len(turns)} {' '.join(turns)}"
            kept += [column + i for i, name in enumerate(channels) if not _moves(name)]
        else:
            kept += range(column, column + len(channels))
        column += len(channels)
        joint += 1
    ends = sum(line.split()[:1] == ["End"] for line in lines)
    check_size(path, len(motion.splitlines()), joint + ends)
    if not moving:
        return _Text("\n".join([*lines, "MOTION" + motion]), names, {})
    values, intro = _values(path, motion, column)
    stream = io.StringIO()
    np.savetxt(stream, values[:, kept], fmt="%.9g")
    moves = {j: values[:, [at["X"], at["Y"], at["Z"]]] for j, at in moving.items()}
    return _Text("\n".join([*lines, "MOTION", *intro, stream.getvalue()]), names, moves)


def _short_names(lines: list[str]) -> dict[str, str]:
    """Puts `j0`, `j1`, ... in the place of the joints' names; these, by what stands for them."""
    names: dict[str, str] = {}
    for number, line in enumerate(lines):
        words = line.split(maxsplit=1)
        if len(words) == 2 and words[0] in ("ROOT", "JOINT"):
            name, brace, _ = words[1].partition("{")
            short = f"j{len(names)}"
            names[short] = name.strip()
            lines[number] = f"{words[0]} {short} {brace}"
    return names


def _moves(channel: str) -> bool:
    return channel.lower().endswith("position")


def _values(path: Path, motion: str, columns: int) -> tuple[np.ndarray, list[str]]:
    """(T, columns) values, and the lines `Frames: ...`, `Frame Time: ...` before them."""
    lines = [line for line in motion.splitlines() if line.strip()]
    try:
        values = np.loadtxt(lines[2:], ndmin=2)
    except ValueError as error:
        raise FormatError(f"{path}: its motion is no table of numbers ({error}).") from error
    if values.shape[1:] != (columns,):
        raise FormatError(
            f"{path}: {values.shape[1]} values a frame, but {columns} channels are declared."
        )
    return values, lines[:2]
