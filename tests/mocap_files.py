"""Small motion capture files, written by hand: a person who stands, 45 cm thighs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

# Name -> parent, offset in centimetres; y up, z forward, left is +x. A Mixamo skeleton.
BVH_JOINTS: dict[str, tuple[str | None, tuple[float, float, float]]] = {
    "Hips": (None, (0, 0, 0)),
    "Spine": ("Hips", (0, 10, 0)),
    "Spine1": ("Spine", (0, 10, 0)),
    "Neck": ("Spine1", (0, 30, 0)),
    "Head": ("Neck", (0, 10, 0)),
    "LeftArm": ("Spine1", (18, 28, 0)),
    "LeftForeArm": ("LeftArm", (28, 0, 0)),
    "LeftHand": ("LeftForeArm", (25, 0, 0)),
    "RightArm": ("Spine1", (-18, 28, 0)),
    "RightForeArm": ("RightArm", (-28, 0, 0)),
    "RightHand": ("RightForeArm", (-25, 0, 0)),
    "LeftUpLeg": ("Hips", (10, 0, 0)),
    "LeftLeg": ("LeftUpLeg", (0, -45, 0)),
    "LeftFoot": ("LeftLeg", (0, -45, 0)),
    "RightUpLeg": ("Hips", (-10, 0, 0)),
    "RightLeg": ("RightUpLeg", (0, -45, 0)),
    "RightFoot": ("RightLeg", (0, -45, 0)),
}
Angles = Mapping[str, Sequence[float]]


def write_bvh(
    path: Path,
    frames: int,
    angles_zyx: Angles,
    *,
    hips: np.ndarray | None = None,
    fps: float = 60,
    prefix: str = "",
    all_move: Mapping[str, Sequence[float]] | None = None,
    axes: Mapping[str, np.ndarray] | None = None,
    world: np.ndarray | None = None,
    call: Callable[[str], str] = str,
) -> Path:
    """A take in which every joint holds its angles (z, y, x; degrees).

    Args:
        hips: (T, 3) cm; standing at (0, 95, 0) otherwise.
        all_move: all joints get position channels; these places differ from the offsets.
        axes: (3, 3) of joints whose own are others than the body's: the same motion.
        world: (3, 3) from y up, z forward to the file's axes, by the root alone.
        call: what a joint is called in the file.
    """
    axes, world = axes or {}, np.eye(3) if world is None else world
    hips = np.tile([0.0, 95, 0], (frames, 1)) if hips is None else hips
    turns = "Zrotation Yrotation Xrotation"
    moves = "Xposition Yposition Zposition"
    head: list[str] = ["HIERARCHY"]
    columns: list[np.ndarray] = []

    def joint(name: str) -> None:
        parent, offset = BVH_JOINTS[name]
        within = axes.get(parent or "", np.eye(3)) if parent else world.T
        offset = within.T @ np.array(offset, float)
        turn = Rotation.from_euler("ZYX", angles_zyx.get(name, (0, 0, 0)), degrees=True)
        turn = Rotation.from_matrix(within.T @ turn.as_matrix() @ axes.get(name, np.eye(3)))
        mobile = parent is None or all_move is not None
        head.append(f"{'JOINT' if parent else 'ROOT'} {prefix}{call(name)}")
        head.append("{")
        head.append("OFFSET " + " ".join(map(str, offset)))
        head.append(f"CHANNELS 6 {moves} {turns}" if mobile else f"CHANNELS 3 {turns}")
        if parent is None:
            columns.append(hips @ world.T)
        elif all_move is not None:
            columns.append(np.tile(all_move.get(name, offset), (frames, 1)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # at 90 degrees one of two angles is chosen
            columns.append(np.tile(turn.as_euler("ZYX", degrees=True), (frames, 1)))
        children = [child for child, (of, _offset) in BVH_JOINTS.items() if of == name]
        for child in children:
            joint(child)
        if not children:
            head.extend(["End Site", "{", "OFFSET 0 5 0", "}"])
        head.append("}")

    joint("Hips")
    rows = [" ".join(f"{value:.6f}" for value in row) for row in np.concatenate(columns, 1)]
    motion = ["MOTION", f"Frames: {frames}", f"Frame Time: {1 / fps:.7f}", *rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*head, *motion]) + "\n")
    return path


# Name -> parent, direction, length, axis (x, y, z degrees), degrees of freedom. CMU's names.
ASF_BONES: dict[str, tuple[str, tuple[float, float, float], float, tuple[float, ...], str]] = {
    "lhipjoint": ("root", (1, 0, 0), 2, (0, 0, 0), ""),
    "lfemur": ("lhipjoint", (0, -1, 0), 8, (0, 0, 20), "rx ry rz"),
    "ltibia": ("lfemur", (0, -1, 0), 8, (0, 0, 20), "rx"),
    "rhipjoint": ("root", (-1, 0, 0), 2, (0, 0, 0), ""),
    "rfemur": ("rhipjoint", (0, -1, 0), 8, (0, 0, -20), "rx ry rz"),
    "rtibia": ("rfemur", (0, -1, 0), 8, (0, 0, -20), "rx"),
    "lowerback": ("root", (0, 1, 0), 2, (0, 0, 0), "rx ry rz"),
    "upperback": ("lowerback", (0, 1, 0), 2, (0, 0, 0), "rx ry rz"),
    "thorax": ("upperback", (0, 1, 0), 2, (0, 0, 0), "rx ry rz"),
    "lowerneck": ("thorax", (0, 1, 0), 2, (0, 0, 0), "rx ry rz"),
    "upperneck": ("lowerneck", (0, 1, 0), 2, (0, 0, 0), "rx ry rz"),
    "head": ("upperneck", (0, 1, 0), 2, (0, 0, 0), "rx ry rz"),
    "lclavicle": ("thorax", (1, 0, 0), 3, (0, 0, 0), "ry rz"),
    "lhumerus": ("lclavicle", (1, 0, 0), 5, (180, 30, 90), "rx ry rz"),
    "lradius": ("lhumerus", (1, 0, 0), 4, (180, 30, 90), "rx"),
    "rclavicle": ("thorax", (-1, 0, 0), 3, (0, 0, 0), "ry rz"),
    "rhumerus": ("rclavicle", (-1, 0, 0), 5, (180, -30, -90), "rx ry rz"),
    "rradius": ("rhumerus", (-1, 0, 0), 4, (180, -30, -90), "rx"),
}


def write_asf(path: Path) -> Path:
    lines = [
        "# written by a test", ":version 1.10", ":name test",
        ":units", "  mass 1.0", "  length 0.45", "  angle deg",
        ":root", "  order TX TY TZ RX RY RZ", "  axis XYZ", "  position 0 0 0",
        "  orientation 0 0 0", ":bonedata",
    ]  # fmt: skip
    for number, (name, (_parent, direction, length, axis, dof)) in enumerate(ASF_BONES.items(), 1):
        lines += ["  begin", f"     id {number}", f"     name {name}"]
        lines += [f"     direction {' '.join(map(str, direction))}", f"     length {length}"]
        lines += [f"     axis {' '.join(map(str, axis))}  XYZ"]
        if dof:
            limits = ["limits (-160.0 20.0)", *["       (-70 70)"] * (len(dof.split()) - 1)]
            lines += [f"    dof {dof}", *limits]
        lines.append("  end")
    lines += [":hierarchy", "  begin"]
    for parent in dict.fromkeys(bone[0] for bone in ASF_BONES.values()):
        children = [name for name, bone in ASF_BONES.items() if bone[0] == parent]
        lines.append(f"    {parent} {' '.join(children)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, "  end"]) + "\n")
    return path


def write_amc(path: Path, frames: int, angles: Angles, root: Sequence[float]) -> Path:
    """Args: angles: of the bones' degrees of freedom. root: tx ty tz rx ry rz."""
    lines = ["#!written by a test", ":FULLY-SPECIFIED", ":DEGREES"]
    for frame in range(1, frames + 1):
        lines += [str(frame), "root " + " ".join(map(str, root))]
        for name, (*_rest, dof) in ASF_BONES.items():
            if dof:
                values = angles.get(name, [0] * len(dof.split()))
                lines.append(f"{name} {' '.join(map(str, values))}")
    path.write_text("\n".join(lines) + "\n")
    return path
