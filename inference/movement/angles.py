"""Angles of joints and segments, named as Sports2D does; degrees.

Three points give an angle without a sign: a knee or an elbow that bends the wrong way counts as
bent. Hips and shoulders have three axes: across (from left to right), up along the back (from the
hip to the spine, from the spine to the thorax; made perpendicular to across), and forwards. A
thigh or an upper arm is then told by two angles, like a place on a globe by longitude and
latitude: flexion turns about the axis across, abduction is how far it points away from the plane
of up and forwards. Segments are measured from the horizontal, in the vertical plane that the hips
face.

What is not defined is NaN: the flexion of a limb or the inclination of a segment that lies within
POLE_DEG of the axis it would turn about, every inclination while the hips stand one above the
other, and all outside a person's life. The joints of Human3.6M have no foot and no hand: ankles
and wrists have no angles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poselift.data.errors import LayoutMismatch, UnknownName
from poselift.data.exports.settings import CUTOFF_HZ
from poselift.data.skeletons import H36M17
from poselift.data.structures import Poses3D, Timeline, count_of
from poselift.inference.low_pass import can_smooth, low_pass, velocities

POLE_DEG = 10.0
_NEAREST = np.cos(np.radians(POLE_DEG))
_SHORTEST_M = 1e-6  # a segment that has no direction

JOINT_ANGLES = (
    *("right_knee", "left_knee", "right_hip", "left_hip"),
    *("right_hip_abduction", "left_hip_abduction", "right_shoulder", "left_shoulder"),
    *("right_shoulder_abduction", "left_shoulder_abduction", "right_elbow", "left_elbow"),
)
SEGMENT_ANGLES = (
    *("right_shank", "left_shank", "right_thigh", "left_thigh", "pelvis", "trunk", "shoulders"),
    *("head", "right_arm", "left_arm", "right_forearm", "left_forearm"),
)
NAMES = JOINT_ANGLES + SEGMENT_ANGLES
# Segments from their lower to their upper end, as somebody stands with the arms down.
_UPWARDS = {
    "trunk": ("hip", "thorax"),
    "head": ("neck", "head"),
    **{
        f"{side}_{name}": (f"{side}_{low}", f"{side}_{high}")
        for side in ("right", "left")
        for name, low, high in (
            *(("shank", "ankle", "knee"), ("thigh", "knee", "hip")),
            *(("arm", "elbow", "shoulder"), ("forearm", "wrist", "elbow")),
        )
    },
}


@dataclass(frozen=True, eq=False, repr=False)
class Angles:
    """Everybody's angles, frame by frame.

    Args:
        person_id: (P,).
        names: (A,) of the angles; see NAMES.
        degrees: (P, T, A); NaN where there is none.
        valid: (P, T) bool, within the person's life span.
        interpolated: (P, T) bool, of a frame in which the person was not seen.
        smoothed: (P,) bool, the low-pass was used: not if it was not asked for, nor for people
            who are there too shortly or filmed at too low a rate for it.
        cutoff_hz: of the low-pass; None: none was asked for.
    """

    timeline: Timeline
    person_id: np.ndarray
    names: tuple[str, ...]
    degrees: np.ndarray
    valid: np.ndarray
    interpolated: np.ndarray
    smoothed: np.ndarray
    cutoff_hz: float | None

    def __post_init__(self) -> None:
        size = len(self.person_id), len(self.timeline)
        wanted = {"degrees": (*size, len(self.names)), "valid": size, "interpolated": size}
        for name, shape in (wanted | {"smoothed": size[:1]}).items():
            found = getattr(self, name).shape
            if found != shape:
                raise ValueError(f"Angles.{name}: shape {found}, expected {shape}")

    def __repr__(self) -> str:
        people, frames = len(self.person_id), len(self.timeline)
        counts = count_of(people, "person"), count_of(frames, "frame")
        return f"Angles({', '.join(counts)}, {count_of(len(self.names), 'angle')})"

    def of(self, person: int, name: str) -> np.ndarray:
        """(T,) degrees of a person's angle. Raises: UnknownName: no such person or angle."""
        people = self.person_id.tolist()
        if person not in people:
            raise UnknownName("person", str(person), map(str, people))
        if name not in self.names:
            raise UnknownName("angle", name, self.names)
        return np.asarray(self.degrees[people.index(person), :, self.names.index(name)])


def angles(poses: Poses3D, cutoff_hz: float | None = CUTOFF_HZ) -> Angles:
    """Angles of joints and segments of everybody.

    Args:
        cutoff_hz: of the low-pass (low_pass.py) that the joints' places go through before;
            None: there is none.
    Raises: LayoutMismatch: joints other than those of 'h36m'; ValueError: no such cut-off.

    >>> found = poselift.angles(poselift.load_poses("out/walk/poses3d.npz"))  # doctest: +SKIP
    >>> found.of(2, "left_knee").max()  # doctest: +SKIP
    68.9
    """
    world = smoothed_world(poses, cutoff_hz)
    degrees = np.full((*poses.valid.shape, len(NAMES)), np.nan)
    for i, frames in enumerate(poses.valid):
        degrees[i, frames] = angles_of(world[i, frames])
    times_s = poses.timeline.times_s
    return Angles(
        timeline=poses.timeline,
        person_id=poses.person_id,
        names=NAMES,
        degrees=degrees,
        valid=poses.valid,
        interpolated=poses.interpolated & poses.valid,
        smoothed=np.array(
            [cutoff_hz is not None and can_smooth(times_s[v], cutoff_hz) for v in poses.valid], bool
        ),
        cutoff_hz=cutoff_hz,
    )


def speeds(poses: Poses3D, cutoff_hz: float | None = CUTOFF_HZ) -> np.ndarray:
    """(P, T, J) metres a second of every joint through the world; NaN outside a life.

    Raises: see angles.
    """
    world = smoothed_world(poses, cutoff_hz)
    found = np.full(world.shape[:-1], np.nan)
    for i, frames in enumerate(poses.valid):
        moved = velocities(world[i, frames], poses.timeline.times_s[frames])
        found[i, frames] = np.linalg.norm(moved, axis=-1)
    return found


def smoothed_world(poses: Poses3D, cutoff_hz: float | None) -> np.ndarray:
    """(P, T, 17, 3) metres, through the low-pass where there is one. Raises: see angles."""
    if poses.layout.joints != H36M17.joints:
        raise LayoutMismatch(
            f"movement is measured on the joints of 'h36m', not of '{poses.layout.name}'"
        )
    if cutoff_hz is not None and not 0 < cutoff_hz < np.inf:
        raise ValueError(f"a cut-off of {cutoff_hz:g} Hz")
    world = poses.world.astype(np.float64)
    if cutoff_hz is not None:
        for i, frames in enumerate(poses.valid):
            world[i, frames] = low_pass(world[i, frames], poses.timeline.times_s[frames], cutoff_hz)
    return world


def angles_of(places: np.ndarray) -> np.ndarray:
    """(T, 17, 3) joints of a person, z up -> (T, A) degrees, in the order of NAMES."""
    p = {joint: places[:, i] for i, joint in enumerate(H36M17.joints)}
    found = {
        "pelvis": _tilt(p["left_hip"] - p["right_hip"]),
        "shoulders": _tilt(p["left_shoulder"] - p["right_shoulder"]),
    }
    trunk = {
        "hip": _axes(p["right_hip"] - p["left_hip"], p["spine"] - p["hip"]),
        "shoulder": _axes(p["right_shoulder"] - p["left_shoulder"], p["thorax"] - p["spine"]),
    }
    for side, outwards in (("right", 1.0), ("left", -1.0)):
        for near, bend, end in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")):
            start, middle, last = (p[f"{side}_{joint}"] for joint in (near, bend, end))
            found[f"{side}_{bend}"] = _between(middle - start, last - middle)
            flexion, abduction = _limb(trunk[near], middle - start, outwards)
            found |= {f"{side}_{near}": flexion, f"{side}_{near}_abduction": abduction}
    facing = _facing(p["right_hip"] - p["left_hip"])
    for name, (low, high) in _UPWARDS.items():
        found[name] = _inclination(p[high] - p[low], facing)
    return np.degrees(np.stack([found[name] for name in NAMES], -1))


def _direction(vectors: np.ndarray) -> np.ndarray:
    """(T, 3) of length 1; NaN for what has no length."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(np.where(length > _SHORTEST_M, vectors, np.nan) / np.maximum(length, 1e-12))


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray((a * b).sum(-1))


def _between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(T,) radians, 0 to pi, between (T, 3) directions; exact near 0, which arccos is not."""
    a, b = _direction(a), _direction(b)
    return np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), _dot(a, b))


def _axes(right: np.ndarray, back: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(T, 3) each: across to the right, up, forwards."""
    right = _direction(right)
    up = _direction(back - _dot(back, right)[:, None] * right)
    return right, up, np.cross(up, right)


def _limb(
    axes: tuple[np.ndarray, np.ndarray, np.ndarray], limb: np.ndarray, outwards: float
) -> tuple[np.ndarray, np.ndarray]:
    """(T,) radians of flexion, forwards of hanging down, and abduction, away from the middle."""
    right, up, forwards = axes
    limb = _direction(limb)
    flexion = np.arctan2(_dot(limb, forwards), -_dot(limb, up))
    sideways = _dot(limb, right)
    flexion[np.abs(sideways) > _NEAREST] = np.nan
    return flexion, outwards * np.arcsin(np.clip(sideways, -1, 1))


def _tilt(leftwards: np.ndarray) -> np.ndarray:
    """(T,) radians of a line from the right to the left above the horizontal."""
    line = _direction(leftwards)
    return np.arctan2(line[:, 2], np.hypot(line[:, 0], line[:, 1]))


def _facing(right: np.ndarray) -> np.ndarray:
    """(T, 3) the horizontal direction that the hips face; NaN while one is above the other."""
    right = _direction(right)
    ahead = np.stack([-right[:, 1], right[:, 0], np.zeros(len(right))], -1)
    length = np.linalg.norm(ahead, axis=-1, keepdims=True)
    return np.where(length > np.sin(np.radians(POLE_DEG)), ahead, np.nan) / np.maximum(
        length, 1e-12
    )


def _inclination(upwards: np.ndarray, facing: np.ndarray) -> np.ndarray:
    """(T,) radians from the horizontal ahead: a quarter turn is upright, less leans forwards."""
    segment = _direction(upwards)
    ahead, height = _dot(segment, facing), segment[:, 2]
    angle = np.arctan2(height, ahead)
    angle[np.hypot(ahead, height) < np.sin(np.radians(POLE_DEG))] = np.nan
    return angle
