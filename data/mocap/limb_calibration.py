"""Straight limbs: joints of a capture moved, so that its straightest knees are straight.

Where a capture puts the centres of hip, knee and ankle they are seldom in line when the
leg is: the straightest knee of a CMU subject is bent by 14 degrees in the median. A network
that learns from it draws people who stand with bent knees. What a body's limb does at its
straightest is therefore taken as straight, and all of its angles are moved alike. Bones
keep their lengths; the limb's two bones turn against each other about the hinge's axis,
so that its end stays in its direction from where it begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from poselift.data.archives.joints_archive import JointsClip
from poselift.data.skeletons import COCO17, H36M17


@dataclass(frozen=True)
class Limb:
    """Three joints and how far a straight one is bent, in degrees."""

    root: str
    hinge: str
    end: str
    straight: float


LIMBS = tuple(
    Limb(f"{side}_{root}", f"{side}_{hinge}", f"{side}_{end}", straight)
    for side in ("left", "right")
    for root, hinge, end, straight in (
        ("hip", "knee", "ankle", 3.0),
        ("shoulder", "elbow", "wrist", 7.0),
    )
)
# The straightest frames of a body: that part of them; a few are glitches.
STRAIGHTEST_PERCENT = 5.0
# Joints are misplaced by no more than this; limbs that never get straighter than NEVER_STRAIGHT
# say nothing of where they would be straight. Degrees.
MOST = 15.0
NEVER_STRAIGHT = 40.0
# Bodies are one where their bones are equal to this.
SAME_BONE_M = 0.01


def straight_limbs(clips: Sequence[JointsClip]) -> list[JointsClip]:
    """The clips with limbs that get straight; clips of equal bones are one body's."""
    bodies: dict[tuple[int, ...], list[int]] = {}
    for number, clip in enumerate(clips):
        bodies.setdefault(_bones(clip.h36m), []).append(number)
    calibrated = list(clips)
    for members in bodies.values():
        for limb in LIMBS:
            bent = np.concatenate([flexion(clips[n].h36m, limb) for n in members])
            least = float(np.percentile(bent, STRAIGHTEST_PERCENT))
            if least <= limb.straight or least > NEVER_STRAIGHT:
                continue
            for number in members:
                calibrated[number] = _straightened(calibrated[number], limb, least)
    return calibrated


def flexion(h36m: np.ndarray, limb: Limb) -> np.ndarray:
    """(T, 17, 3) -> (T,) degrees by which a limb is bent; 0 is straight."""
    upper, lower = (_unit(bone) for bone in _two_bones(h36m, limb))
    degrees: np.ndarray = np.degrees(np.arccos(np.clip((upper * lower).sum(-1), -1, 1)))
    return degrees


def _straightened(clip: JointsClip, limb: Limb, least: float) -> JointsClip:
    """Angles at `least` become straight; above they lose as much, below in proportion."""
    upper, lower = _two_bones(clip.h36m, limb)
    bent = flexion(clip.h36m, limb)
    taken = np.minimum(least - limb.straight, MOST) * np.minimum(bent / least, 1)
    hinge = _unit(np.cross(upper, lower))
    lengths = [float(np.linalg.norm(bone, axis=-1).mean()) for bone in (upper, lower)]
    share = lengths[1] / max(sum(lengths), 1e-6)
    upper = _turned(upper, hinge, np.radians(share * taken))
    lower = _turned(lower, hinge, np.radians((share - 1) * taken))
    h36m, coco = clip.h36m.copy(), clip.coco.copy()
    start = h36m[:, H36M17.index(limb.root)]
    for joint, place in ((limb.hinge, start + upper), (limb.end, start + upper + lower)):
        moved = place - h36m[:, H36M17.index(joint)]
        h36m[:, H36M17.index(joint)] += moved
        coco[:, COCO17.index(joint)] += moved
    return replace(clip, h36m=h36m, coco=coco)


def _two_bones(h36m: np.ndarray, limb: Limb) -> tuple[np.ndarray, np.ndarray]:
    root, hinge, end = (h36m[:, j] for j in H36M17.indices(limb.root, limb.hinge, limb.end))
    return hinge - root, end - hinge


def _bones(h36m: np.ndarray) -> tuple[int, ...]:
    """Lengths of the limbs' bones in units of SAME_BONE_M."""
    bones = [bone for limb in LIMBS for bone in _two_bones(h36m, limb)]
    return tuple(
        round(float(np.median(np.linalg.norm(bone, axis=-1))) / SAME_BONE_M) for bone in bones
    )


def _turned(vectors: np.ndarray, axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """(T, 3) about axes at right angles to them, (T, 3) of unit length."""
    cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
    turned: np.ndarray = vectors * cosine + np.cross(axis, vectors) * sine
    return turned.astype(vectors.dtype)


def _unit(vectors: np.ndarray) -> np.ndarray:
    unit: np.ndarray = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
    return unit
