"""A fixed test: people who stand straight, seen from eight sides at three heights.

From the front a knee that is bent by 20 degrees is 1.5 % shorter than a straight one, and
knees bend one way only: a network that answers with the middle of what is possible draws
everybody with bent knees. Here the truth is known to be straight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from poselift.data.cameras import unit_vectors
from poselift.data.mocap.limb_calibration import LIMBS, flexion
from poselift.data.mocap.rig import FACE
from poselift.data.skeletons import COCO17, H36M17, Skeleton
from poselift.inference.poses.lifting import Lifter
from poselift.inference.poses.world import world_of
from poselift.models.weights import LifterWeights

SIDES_DEG = tuple(range(0, 360, 45))
CAMERA_HEIGHTS_M = (0.5, 1.5, 3.0)
DISTANCE_M = 4.0
FOCAL = 2.0  # screen units
FRAMES = 24
# From the middle of the shoulders down: hands beside the body, or stretched out sideways.
ARMS_DEG = (10.0, 90.0)

# Metres, left and up of the floor between the feet; sides are the archive's medians.
_MIDDLE = {"hip": 0.98, "spine": 1.24, "thorax": 1.55, "neck": 1.69}
_LEG = {"hip": (0.10, 0.98), "knee": (0.11, 0.53), "ankle": (0.12, 0.05)}
_SHOULDER, _ARM = (0.20, 1.53), {"shoulder": 0.0, "elbow": 0.33, "wrist": 0.63}


@dataclass(frozen=True)
class StandingErrors:
    """What came of one view of a straight body; degrees.

    Args:
        side: that the camera stands at, from the front towards the left.
        height_m: of the camera.
        knees, elbows: by how much they are bent; truly not at all.
        gravity: between the true and the predicted up.
    """

    side: int
    height_m: float
    knees: float
    elbows: float
    gravity: float


def judge_standing(weights: LifterWeights, device: str = "cpu") -> list[StandingErrors]:
    """Both poses of the arms (see ARMS_DEG) from all sides at all heights, exact keypoints."""
    lifter = Lifter(weights, device)
    return [
        _seen(lifter, arms, side, height)
        for arms in ARMS_DEG
        for height in CAMERA_HEIGHTS_M
        for side in SIDES_DEG
    ]


def straight_body(arms_deg: float, layout: Skeleton) -> np.ndarray:
    """(J, 3) forward, left, up in metres: a body without a bent joint."""
    angle = math.radians(arms_deg)
    places = []
    for joint in layout.joints:
        side = {"left": 1.0, "right": -1.0, "centre": 0.0}[layout.side(joint)]
        part = joint.removeprefix("left_").removeprefix("right_")
        if joint in _MIDDLE:
            place = (0.0, 0.0, _MIDDLE[joint])
        elif joint in FACE:
            forward, left, up = FACE[joint]
            place = (forward, left, up + _MIDDLE["neck"])
        elif part in _LEG:
            place = (0.0, side * _LEG[part][0], _LEG[part][1])
        else:
            out, down = _ARM[part] * math.sin(angle), _ARM[part] * math.cos(angle)
            place = (0.0, side * (_SHOULDER[0] + out), _SHOULDER[1] - down)
        places.append(place)
    return np.array(places)


def _seen(lifter: Lifter, arms: float, side: int, height: float) -> StandingErrors:
    axes, camera = _camera(side, height)
    body = (straight_body(arms, COCO17) - camera) @ axes.T
    image = np.tile(FOCAL * body[:, :2] / body[:, 2:], (FRAMES, 1, 1))
    lifted = lifter.lift(image, layout=COCO17, focal=FOCAL)
    bent = {limb.hinge: float(flexion(lifted.pose, limb).mean()) for limb in LIMBS}
    up = world_of([lifted], lifter.weights.layout_out).up
    return StandingErrors(
        side,
        height,
        (bent["left_knee"] + bent["right_knee"]) / 2,
        (bent["left_elbow"] + bent["right_elbow"]) / 2,
        float(np.degrees(np.arccos(np.clip(unit_vectors(up) @ axes[:, 2], -1, 1)))),
    )


def _camera(side: int, height: float) -> tuple[np.ndarray, np.ndarray]:
    """((3, 3) world -> camera, its place), looking at the body's hip from DISTANCE_M away."""
    angle = math.radians(side)
    place = np.array([DISTANCE_M * math.cos(angle), DISTANCE_M * math.sin(angle), height])
    forward = unit_vectors(straight_body(0.0, H36M17)[0] - place)
    right = unit_vectors(np.cross(forward, [0.0, 0.0, 1.0]))
    return np.stack([right, np.cross(forward, right), forward]), place
