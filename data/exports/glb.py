"""glTF 2.0 in one binary file: all people as skinned, animated figures; metres, y up.

A person is an armature of their rig's joints, with a figure of one bone-shaped body a bone.
Frames keep their own times, so that a variable rate stays one. The skinned mesh is a root of
the scene, as the specification asks. Names are unique: where there are several people, those of
joints begin with the person's.
Source: Khronos Group, glTF 2.0 specification.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from poselift.data import __version__
from poselift.data.exports.camera import Camera, names_of
from poselift.data.exports.figure import colour_of, figure_of, standing
from poselift.data.exports.motion import Motion
from poselift.data.exports.rotations import quaternions_of
from poselift.data.exports.settings import WORDS, Axes

FLOAT, BYTE = 5126, 5121
VERTICES = 34962
NEAREST_M = 0.01  # that a camera sees
OWN = Axes("m", "y")


def glb(
    motions: Sequence[Motion], fps: float, axes: Axes = OWN, cameras: Sequence[Camera] = ()
) -> bytes:
    """Everybody's motion. People, frames that were not seen and axes are told in `extras`.

    Args:
        fps: of the frames, for those who read it: they keep their own times.
        axes: metres, y up, in the world's or the camera's space.
        cameras: of each person, or none.
    """
    firsts = [motion.times_s[0] for motion in motions] + [c.times_s[0] for c in cameras]
    document = _Document(-min(0.0, *firsts))
    for motion in motions:
        prefix = f"person_{motion.person_id}_" if len(motions) > 1 else ""
        document.add_person(motion, prefix)
    for name, camera in names_of(cameras, [motion.person_id for motion in motions]).items():
        document.add_camera(name, camera, axes)
    return document.encoded({"units": WORDS[axes.units], "axes": axes.text, "fps": fps})


class _Document:
    """The parts of a glTF file and the one buffer that they point into."""

    def __init__(self, later_s: float) -> None:
        """Args: later_s: is added to all times, which glTF wants from 0."""
        self._later_s = later_s
        self._blob = bytearray()
        self._parts: dict[str, list[Any]] = {
            part: []
            for part in (
                *("nodes", "meshes", "skins", "materials", "accessors", "bufferViews", "cameras"),
            )
        }
        self._roots: list[int] = []
        self._channels: list[Any] = []
        self._samplers: list[Any] = []

    def add_person(self, motion: Motion, prefix: str) -> None:
        """Args: prefix: of the names of joints."""
        name = f"person_{motion.person_id}"
        joints, rest = self._add_joints(motion, prefix)
        skin = self._add("skins", {"name": name, "joints": joints, "skeleton": joints[0]})
        inverse = np.tile(np.eye(4, dtype=np.float32), (len(joints), 1, 1))
        inverse[:, 3, :3] = -rest  # columns first
        matrices = self._accessor(inverse.reshape(-1, 16), "MAT4")
        self._parts["skins"][skin]["inverseBindMatrices"] = matrices
        mesh = self._add_figure(motion, name, rest)
        body = self._add("nodes", {"name": f"{name}_body", "mesh": mesh, "skin": skin})
        told = {
            "person": motion.person_id,
            "first_frame": motion.first_frame,
            "interpolated_frames": (
                motion.first_frame + np.flatnonzero(motion.interpolated)
            ).tolist(),
        }
        armature = {"name": name, "children": [joints[0]], "extras": told}
        self._roots += [self._add("nodes", armature), body]
        self._animate(motion, joints)

    def add_camera(self, name: str, camera: Camera, axes: Axes) -> None:
        place, turned = camera.posed(axes)
        rotations = quaternions_of(turned)
        lens = {
            "yfov": 2 * float(np.arctan(camera.height / 2 / camera.focal_px)),
            "aspectRatio": camera.width / camera.height,
            "znear": NEAREST_M,
        }
        seen = self._add("cameras", {"name": name, "type": "perspective", "perspective": lens})
        node = {
            "name": name,
            "camera": seen,
            "translation": place.tolist(),
            "rotation": rotations[0].tolist(),
            "extras": {"off_px": camera.off_px},
        }
        if camera.path is not None:
            # glTF has no lens that zooms.
            node["extras"] |= {"zoom": np.round(camera.path.zoom, 6).tolist()}
        self._roots.append(self._add("nodes", node))
        if camera.path is not None:
            times, frames = self._times(camera.times_s)
            output = self._accessor(_single(rotations[frames]), "VEC4")
            self._channel(self._roots[-1], "rotation", times, output)

    def _add_joints(self, motion: Motion, prefix: str) -> tuple[list[int], np.ndarray]:
        """Nodes of joints and of the ends of last bones, and their places at rest."""
        rig, base = motion.rig, len(self._parts["nodes"])
        places = standing(rig, "y")
        tips = {rig.index(joint): end for joint, end in rig.ends.items()}
        ends = {j: base + len(rig.joints) + i for i, j in enumerate(tips)}
        for j, joint in enumerate(rig.joints):
            place = places[0] if rig.parents[j] < 0 else rig.offsets[j]
            node: dict[str, Any] = {"name": prefix + joint, "translation": place.tolist()}
            children = [base + c for c in rig.children(j)] + ([ends[j]] if j in ends else [])
            self._add("nodes", node | ({"children": children} if children else {}))
        for j, end in tips.items():
            told = {"name": f"{prefix}{rig.joints[j]}_end", "translation": end.tolist()}
            self._add("nodes", told)
        return list(range(base, len(self._parts["nodes"]))), places

    def _add_figure(self, motion: Motion, name: str, rest: np.ndarray) -> int:
        body = figure_of(motion.rig, rest)
        of_joint = np.zeros((len(body.joints), 4), np.uint8)
        of_joint[:, 0] = body.joints
        weights = np.zeros((len(of_joint), 4), np.float32)
        weights[:, 0] = 1
        attributes = {
            "POSITION": self._accessor(_single(body.corners), "VEC3", VERTICES, bounds=True),
            "NORMAL": self._accessor(_single(body.normals), "VEC3", VERTICES),
            "JOINTS_0": self._accessor(of_joint, "VEC4", VERTICES),
            "WEIGHTS_0": self._accessor(weights, "VEC4", VERTICES),
        }
        colour = (*colour_of(len(self._parts["materials"])), 1.0)
        surface = {"baseColorFactor": colour, "metallicFactor": 0.0, "roughnessFactor": 0.8}
        material = self._add("materials", {"name": name, "pbrMetallicRoughness": surface})
        primitive = {"attributes": attributes, "material": material}
        return self._add("meshes", {"name": f"{name}_mesh", "primitives": [primitive]})

    def _animate(self, motion: Motion, joints: list[int]) -> None:
        times, frames = self._times(motion.times_s)
        rotations, root = _single(motion.rotations[frames]), _single(motion.root[frames])
        for j in range(len(motion.rig.joints)):
            output = self._accessor(rotations[:, j], "VEC4")
            self._channel(joints[j], "rotation", times, output)
        self._channel(joints[0], "translation", times, self._accessor(root, "VEC3"))

    def _times(self, times_s: np.ndarray) -> tuple[int, np.ndarray]:
        """An accessor of times, and the frames that they are of: in single precision they rise."""
        single, frames = np.unique(_single(times_s + self._later_s), return_index=True)
        return self._accessor(single[:, None], "SCALAR", bounds=True), frames

    def _channel(self, node: int, path: str, times: int, output: int) -> None:
        target = {"node": node, "path": path}
        self._channels.append({"sampler": len(self._samplers), "target": target})
        self._samplers.append({"input": times, "output": output, "interpolation": "LINEAR"})

    def _add(self, part: str, value: dict[str, Any]) -> int:
        self._parts[part].append(value)
        return len(self._parts[part]) - 1

    def _accessor(
        self, values: np.ndarray, kind: str, target: int | None = None, *, bounds: bool = False
    ) -> int:
        """Rows of numbers, in the buffer; values: (N, K) float32 or uint8."""
        view = {"buffer": 0, "byteOffset": len(self._blob), "byteLength": values.nbytes}
        view |= {} if target is None else {"target": target}
        self._blob += np.ascontiguousarray(values).tobytes()  # all are multiples of 4 bytes
        accessor: dict[str, Any] = {
            "bufferView": self._add("bufferViews", view),
            "componentType": BYTE if values.dtype == np.uint8 else FLOAT,
            "count": len(values),
            "type": kind,
        }
        if bounds:
            accessor |= {"min": values.min(0).tolist(), "max": values.max(0).tolist()}
        return self._add("accessors", accessor)

    def encoded(self, extras: dict[str, Any]) -> bytes:
        generator = f"Poselift {__version__}"
        told = {
            "asset": {"version": "2.0", "generator": generator, "extras": extras},
            "scene": 0,
            "scenes": [{"name": "clip", "nodes": self._roots}],
            **{part: values for part, values in self._parts.items() if values},
            "animations": [
                {"name": "motion", "channels": self._channels, "samplers": self._samplers}
            ],
            "buffers": [{"byteLength": len(self._blob)}],
        }
        text = json.dumps(told, separators=(",", ":")).encode("ascii")
        text += b" " * (-len(text) % 4)
        whole = 12 + 8 + len(text) + 8 + len(self._blob)
        head = struct.pack("<4sII", b"glTF", 2, whole)
        chunk = struct.pack("<I4s", len(text), b"JSON") + text
        return head + chunk + struct.pack("<I4s", len(self._blob), b"BIN\0") + bytes(self._blob)


def _single(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.float32)
