"""Positions of joints -> a rig of constant bones, and rotations that give the positions back.

The pelvis follows the hips, the chest the shoulders, and each limb takes the smallest swing from
its parent. Where an elbow or knee is bent it is a hinge: the bone above is twisted about itself
until it is, weighted by the square of the sine of the bend, so that a straight limb, whose plane
nobody can see, keeps the twist of the frames around it and does not flip. The weighted twists
are averaged as complex numbers, over TWIST_SMOOTHING_S.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from poselift.data.errors import LayoutMismatch
from poselift.data.exports.motion import Motion, Rig, upright_axes
from poselift.data.exports.rotations import about, quaternions_of, swing, unit
from poselift.data.skeletons import H36M17
from poselift.data.structures import Poses3D

TWIST_SMOOTHING_S = 0.15
# The weight of no twist at all: as that of a limb bent by 10 degrees.
STRAIGHT_WEIGHT = 0.03
# Nobody sees these in 17 joints; they are invented, metres.
HAND_M, FOOT_M, FOOT_DROP_M = 0.08, 0.13, 0.05

# Joints of a rig: name, parent, and the joint of H36M17 that it lies at.
JOINTS = (
    ("Hips", "", "hip"),
    # At the hip, too, so that the pelvis and the back turn apart.
    ("Spine", "Hips", "hip"), ("Spine1", "Spine", "spine"),
    ("Neck", "Spine1", "thorax"), ("Head", "Neck", "neck"),
    ("LeftShoulder", "Spine1", "thorax"), ("LeftArm", "LeftShoulder", "left_shoulder"),
    ("LeftForeArm", "LeftArm", "left_elbow"), ("LeftHand", "LeftForeArm", "left_wrist"),
    ("RightShoulder", "Spine1", "thorax"), ("RightArm", "RightShoulder", "right_shoulder"),
    ("RightForeArm", "RightArm", "right_elbow"), ("RightHand", "RightForeArm", "right_wrist"),
    ("LeftUpLeg", "Hips", "left_hip"), ("LeftLeg", "LeftUpLeg", "left_knee"),
    ("LeftFoot", "LeftLeg", "left_ankle"),
    ("RightUpLeg", "Hips", "right_hip"), ("RightLeg", "RightUpLeg", "right_knee"),
    ("RightFoot", "RightLeg", "right_ankle"),
)  # fmt: skip
NAMES = tuple(joint[0] for joint in JOINTS)
PARENTS = tuple(NAMES.index(parent) if parent else -1 for _, parent, _ in JOINTS)
SOURCES = tuple(joint[2] for joint in JOINTS)  # of each joint of a rig, in H36M17
MIRROR = np.array([-1.0, 1.0, 1.0])
# A thigh is swung from half way forwards: where the swing is singular, opposite to that, no leg
# gets to, while one that is thrown up past the head does get near the opposite of rest.
FLEXED = about(np.array([1.0, 0, 0]), np.radians(np.array(-45.0)))


def rig(poses: Poses3D) -> list[Motion]:
    """Everybody's motion as rotations, each with a rig of their own.

    Returns: in the order of `poses.person_id`; frames outside a life span are left out.
    Raises: LayoutMismatch: joints other than those of 'h36m'.

    >>> poselift.rig(poselift.load_poses(Path("out/walk/poses3d.npz")))  # doctest: +SKIP
    [Motion(person 1, 118 frames from 0, 19 joints), Motion(person 2, 120 frames from 0, 19 joints)]
    """
    if poses.layout.joints != H36M17.joints:
        raise LayoutMismatch(f"a rig is made of the joints of 'h36m', not of '{poses.layout.name}'")
    return [_motion(poses, person) for person in range(len(poses.person_id))]


def _motion(poses: Poses3D, person: int) -> Motion:
    frames = np.flatnonzero(poses.valid[person])
    points = upright_axes(poses.world[person, frames].astype(np.float64))
    places = {joint: points[:, i] for i, joint in enumerate(H36M17.joints)}
    turned, bones = _body(places, poses.timeline.fps)
    local = [
        np.swapaxes(turned[parent], -1, -2) @ turned[name] if parent else turned[name]
        for name, parent, _ in JOINTS
    ]
    return Motion(
        person_id=int(poses.person_id[person]),
        rig=bones,
        first_frame=int(frames[0]),
        times_s=poses.timeline.times_s[frames],
        root=_root(places, turned["Hips"], bones),
        rotations=quaternions_of(np.stack(local, 1)),
        interpolated=poses.interpolated[person, frames],
    )


def _body(p: dict[str, np.ndarray], fps: float) -> tuple[dict[str, np.ndarray], Rig]:
    """Where each joint's own axes point, (T, 3, 3) with axes as columns, and the rig."""
    offsets = _offsets(p)
    hips, shoulders = (
        unit(p[f"left_{joint}"] - p[f"right_{joint}"]) for joint in ("hip", "shoulder")
    )
    back = p["spine"] - p["hip"]
    chest = _axes(shoulders, p["thorax"] - p["spine"])
    turned = {"Hips": _axes(hips, back, keep_across=True), "Spine": _axes(hips + shoulders, back)}
    turned["Spine1"] = chest
    # The pelvis is stiff, and its hips need not lie in line with its middle.
    sides = [_within(turned["Hips"], p[f"{s}_hip"] - p["hip"]) for s in ("left", "right")]
    hip = unit((sides[0] + sides[1] * MIRROR).mean(0)) * _length(p, "hip", "hip_side")
    offsets |= {"LeftUpLeg": hip, "RightUpLeg": hip * MIRROR}
    # The neck and the collar bones rest as they are held on average, the sides alike.
    neck = unit(_within(chest, p["neck"] - p["thorax"]).mean(0) * (0, 1, 1))
    sides = [_within(chest, p[f"{s}_shoulder"] - p["thorax"]) for s in ("left", "right")]
    collar = unit((sides[0] + sides[1] * MIRROR).mean(0))
    offsets["Head"] = neck * _length(p, "thorax", "neck")
    offsets["LeftArm"] = collar * _length(p, "thorax", "shoulder")
    offsets["RightArm"] = offsets["LeftArm"] * MIRROR
    turned["Neck"] = _swung(chest, neck, p["neck"] - p["thorax"])
    turned["Head"] = _swung(turned["Neck"], np.array([0.0, 1, 0]), p["head"] - p["neck"])
    for side, name, sign in (("left", "Left", 1.0), ("right", "Right", -1.0)):
        shoulder = p[f"{side}_shoulder"]
        girdle = _swung(chest, unit(offsets[f"{name}Arm"]), shoulder - p["thorax"])
        elbow, wrist = p[f"{side}_elbow"], p[f"{side}_wrist"]
        along, hinge = np.array([sign, 0, 0]), np.array([0, -sign, 0])
        arm = _limb(girdle, shoulder, elbow, wrist, along, hinge, fps)
        knee, ankle = p[f"{side}_knee"], p[f"{side}_ankle"]
        along, hinge = np.array([0, -1.0, 0]), np.array([1.0, 0, 0])
        leg = _limb(turned["Hips"] @ FLEXED, p[f"{side}_hip"], knee, ankle, along, hinge, fps)
        names = (f"{name}Arm", f"{name}ForeArm", f"{name}UpLeg", f"{name}Leg")
        turned |= dict(zip(names, (*arm, *leg), strict=True)) | {f"{name}Shoulder": girdle}
        turned |= {f"{name}Hand": arm[1], f"{name}Foot": leg[1]}
    ends = {"Head": np.array([0, _length(p, "neck", "head"), 0])}
    ends |= {"LeftHand": np.array([HAND_M, 0, 0]), "RightHand": np.array([-HAND_M, 0, 0])}
    ends |= {f"{s}Foot": np.array([0, -FOOT_DROP_M, FOOT_M]) for s in ("Left", "Right")}
    table = np.array([offsets.get(name, np.zeros(3)) for name in NAMES])
    return turned, Rig(NAMES, PARENTS, table, ends)


def _root(p: dict[str, np.ndarray], pelvis: np.ndarray, bones: Rig) -> np.ndarray:
    """(T, 3) the root: the hip, moved half way to where a stiff pelvis has both legs right.

    Of 17 joints the line of the hips bends by a millimetre or two; back and legs share that.
    """
    legs = bones.offsets[[bones.index("LeftUpLeg"), bones.index("RightUpLeg")]].mean(0)
    middle = (p["left_hip"] + p["right_hip"]) / 2 - pelvis @ legs
    return np.asarray((p["hip"] + middle) / 2)


def _offsets(p: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Bones of the T-pose: medians over the clip, left and right alike."""
    back = np.array([0, _length(p, "spine", "thorax"), 0])
    found = {"Spine1": np.array([0, _length(p, "hip", "spine"), 0]), "Neck": back}
    arm, forearm = _length(p, "shoulder", "elbow"), _length(p, "elbow", "wrist")
    thigh, shank = _length(p, "hip_side", "knee"), _length(p, "knee", "ankle")
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        found[f"{side}Shoulder"] = back
        found[f"{side}ForeArm"] = np.array([sign * arm, 0, 0])
        found[f"{side}Hand"] = np.array([sign * forearm, 0, 0])
        found[f"{side}Leg"] = np.array([0, -thigh, 0])
        found[f"{side}Foot"] = np.array([0, -shank, 0])
    return found


def _length(p: dict[str, np.ndarray], a: str, b: str) -> float:
    """The median distance of two joints; of those with a side, the mean of both sides.

    `hip_side` is the hip of a side, `hip` the middle.
    """

    def place(joint: str, side: str) -> np.ndarray:
        if joint == "hip_side":
            return p[f"{side}_hip"]
        return p[joint] if joint in p else p[f"{side}_{joint}"]

    lengths = [
        np.median(np.linalg.norm(place(b, side) - place(a, side), axis=-1))
        for side in ("left", "right")
    ]
    return float(np.mean(lengths))


def _axes(across: np.ndarray, up: np.ndarray, *, keep_across: bool = False) -> np.ndarray:
    """(T, 3, 3) x across, y up; one is kept, the other made perpendicular to it."""
    if keep_across:
        x = unit(across)
        y = unit(up - (up * x).sum(-1, keepdims=True) * x)
    else:
        y = unit(up)
        x = unit(across - (across * y).sum(-1, keepdims=True) * y)
    return np.stack([x, y, np.cross(x, y)], -1)


def _within(axes: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """(T, 3) vectors as seen from axes (T, 3, 3)."""
    return np.einsum("tji,tj->ti", axes, vectors)


def _swung(parent: np.ndarray, rest: np.ndarray, towards: np.ndarray) -> np.ndarray:
    """The parent's axes, swung so that the direction `rest` of them points `towards`."""
    return swing(parent @ rest, unit(towards), parent[..., 2]) @ parent


def _limb(
    parent: np.ndarray,
    start: np.ndarray,
    bend: np.ndarray,
    end: np.ndarray,
    along: np.ndarray,
    hinge: np.ndarray,
    fps: float,
) -> tuple[np.ndarray, np.ndarray]:
    """The axes of an upper and a lower limb, whose joint is a hinge where it is bent.

    Args:
        start, bend, end: (T, 3) shoulder, elbow and wrist, or hip, knee and ankle.
        along, hinge: (3,) directions of the limb and of the hinge's axis at rest.
    """
    upper, lower = unit(bend - start), unit(end - bend)
    swung = _swung(parent, along, upper)
    axis, plane = swung @ hinge, np.cross(upper, lower)
    weight = (plane**2).sum(-1)
    twist = np.arctan2((np.cross(axis, plane) * upper).sum(-1), (axis * plane).sum(-1))
    votes = weight * np.exp(1j * twist) + STRAIGHT_WEIGHT
    sigma = TWIST_SMOOTHING_S * fps
    smooth = [gaussian_filter1d(part, sigma, mode="nearest") for part in (votes.real, votes.imag)]
    above = about(upper, np.arctan2(smooth[1], smooth[0])) @ swung
    return above, swing(above @ along, lower, above @ hinge) @ above
