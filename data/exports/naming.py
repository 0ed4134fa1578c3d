"""What a rig's joints are called elsewhere, and who their parents are there.

What 17 joints do not show is not carried: fingers, toes, eyes, jaw, twist bones. Hands and feet
go on as their bones do. Where a target has a joint more in the chest, it holds still against the
one below it, half way up. Of each:

- mixamo: Mixamo's joints without `mixamorig:`; not LeftToeBase, HeadTop_End and what is below.
- unreal: the mannequin's; not root, spine_04, spine_05, neck_02, ball_l, and the IK bones. The
  pelvis is the root.
- vrm: the humanoid bones of VRM 1.0; upperChest, jaw, eyes and toes, which it does not ask for,
  are not carried.
- h36m: the 17 joints that the video gives, with Human3.6M's parents; a waist at the hip and
  collars at the thorax are added, `head` is where the bone of `neck` ends.

Rest poses are ours, whatever the names: a T-pose whose joints all have the world's axes.
"""

from __future__ import annotations

import numpy as np

from poselift.data.exports.motion import Motion, Rig
from poselift.data.exports.rotations import quaternions_of
from poselift.data.exports.settings import Names

# Name, parent, the joint of our rig that it turns with, and another that it stands half way to.
Row = tuple[str, str, str, str]


def _sides(name: str, parent: str, ours: str, words: tuple[str, str]) -> tuple[Row, Row]:
    """A row for each side; `*` is the side in the target's words, ours are Left and Right."""
    left, right = (
        (name.replace("*", word), parent.replace("*", word), side + ours, "")
        for word, side in zip(words, ("Left", "Right"), strict=True)
    )
    return left, right


def _table(names: str, words: tuple[str, str]) -> tuple[Row, ...]:
    """Of lines like `Spine1 Spine Spine1`; with a `*`, of both sides."""
    rows: list[Row] = []
    for line in names.strip().splitlines():
        name, parent, ours, half_way = (*line.split(), "", "")[:4]
        parent = parent.replace("-", "")
        if "*" in name:
            rows += _sides(name, parent, ours, words)
        else:
            rows.append((name, parent, ours, half_way))
    return tuple(rows)


NAMINGS: dict[Names, tuple[Row, ...]] = {
    "mixamo": _table(
        """
        Hips - Hips
        Spine Hips Spine
        Spine1 Spine Spine1
        Spine2 Spine1 Spine1 Neck
        Neck Spine2 Neck
        Head Neck Head
        *Shoulder Spine2 Shoulder
        *Arm *Shoulder Arm
        *ForeArm *Arm ForeArm
        *Hand *ForeArm Hand
        *UpLeg Hips UpLeg
        *Leg *UpLeg Leg
        *Foot *Leg Foot
        """,
        ("Left", "Right"),
    ),
    "unreal": _table(
        """
        pelvis - Hips
        spine_01 pelvis Spine
        spine_02 spine_01 Spine1
        spine_03 spine_02 Spine1 Neck
        neck_01 spine_03 Neck
        head neck_01 Head
        clavicle_* spine_03 Shoulder
        upperarm_* clavicle_* Arm
        lowerarm_* upperarm_* ForeArm
        hand_* lowerarm_* Hand
        thigh_* pelvis UpLeg
        calf_* thigh_* Leg
        foot_* calf_* Foot
        """,
        ("l", "r"),
    ),
    "vrm": _table(
        """
        hips - Hips
        spine hips Spine
        chest spine Spine1
        neck chest Neck
        head neck Head
        *Shoulder chest Shoulder
        *UpperArm *Shoulder Arm
        *LowerArm *UpperArm ForeArm
        *Hand *LowerArm Hand
        *UpperLeg hips UpLeg
        *LowerLeg *UpperLeg Leg
        *Foot *LowerLeg Foot
        """,
        ("left", "right"),
    ),
    "h36m": _table(
        """
        hip - Hips
        waist hip Spine
        spine waist Spine1
        thorax spine Neck
        neck thorax Head
        *_collar thorax Shoulder
        *_shoulder *_collar Arm
        *_elbow *_shoulder ForeArm
        *_wrist *_elbow Hand
        *_hip hip UpLeg
        *_knee *_hip Leg
        *_ankle *_knee Foot
        """,
        ("left", "right"),
    ),
}


def named(motion: Motion, names: Names) -> Motion:
    """A motion of our rig, with the joints of another; they are where they were."""
    rows, ours = NAMINGS[names], motion.rig
    joints = tuple(row[0] for row in rows)
    parents = tuple(joints.index(row[1]) if row[1] else -1 for row in rows)
    rest = dict(zip(ours.joints, ours.rest, strict=True))
    places = np.array([(rest[own] + rest[other or own]) / 2 for _, _, own, other in rows])
    offsets = places - places[list(parents)]
    offsets[0] = 0
    ends = {name: ours.ends[own] for name, _, own, other in rows if own in ours.ends and not other}
    turned = motion.axes()[:, [ours.index(own) for _, _, own, _ in rows]]
    local = np.swapaxes(turned[:, list(parents)], -1, -2) @ turned
    local[:, 0] = turned[:, 0]
    return Motion(
        person_id=motion.person_id,
        rig=Rig(joints, parents, offsets, ends),
        first_frame=motion.first_frame,
        times_s=motion.times_s,
        root=motion.root,
        rotations=quaternions_of(local),
        interpolated=motion.interpolated,
    )
