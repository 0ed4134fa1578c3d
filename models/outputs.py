"""From what a position network says to a pose in metres.

`metres` is the reference's output: the pose itself.

`anchored` is ours. What a 2D keypoint already says about its joint need not be learnt: a
network of this kind says, in units of the person's size in the image, how far each joint
is from its keypoint and how deep it lies, and in one more row how many metres that unit
is. On held-out mocap this halves the training that a given error takes.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from poselift.data.skeletons import COCO17, H36M17

OutputKind = Literal["metres", "anchored"]

# The unit of an untrained network: half a metre, about that of a standing person.
USUAL_LOG_METRES = math.log(0.5)

# Each H36M joint as a weighted sum of keypoints, where one is near enough to start from.
_HIPS = {"left_hip": 0.5, "right_hip": 0.5}
_SHOULDERS = {"left_shoulder": 0.5, "right_shoulder": 0.5}
ANCHORS: dict[str, dict[str, float]] = {
    "hip": _HIPS,
    "spine": {joint: weight / 2 for joint, weight in (_HIPS | _SHOULDERS).items()},
    "thorax": _SHOULDERS,
    "neck": {"nose": 1.0},
    "head": {"left_ear": 0.8, "right_ear": 0.8, "left_shoulder": -0.3, "right_shoulder": -0.3},
}


def output_rows(kind: OutputKind, num_joints: int) -> int:
    """joints_out of a network that gives poses of `num_joints`."""
    return num_joints + (kind == "anchored")


def pose_of(kind: OutputKind, output: Tensor, inputs: Tensor, first: int) -> Tensor:
    """The pose, relative to the root in the `anchored` kind.

    Args:
        output: (N, T', rows, 3) of the position network.
        inputs: (N, T, J + 1, 3) what it read, see poselift.models.inputs.network_input.
        first: index in T of the first frame of T'.
    Returns:
        (N, T', 17, 3) metres, camera space.
    """
    if kind == "metres":
        return output
    read = inputs[:, first : first + output.shape[1], : COCO17.num_joints, :2]
    anchor = torch.einsum("jk,ntkc->ntjc", _anchor_weights().to(read), read)
    offset, log_metres = output[:, :, :-1], output[:, :, -1:, :1] + USUAL_LOG_METRES
    place = torch.cat([anchor + offset[..., :2], offset[..., 2:]], -1)
    return log_metres.clamp(-3, 2).exp() * (place - place[:, :, :1])


def _anchor_weights() -> Tensor:
    """(17, 17) H36M joints from COCO keypoints."""
    weights = torch.zeros(H36M17.num_joints, COCO17.num_joints)
    for row, joint in enumerate(H36M17.joints):
        for keypoint, weight in ANCHORS.get(joint, {joint: 1.0}).items():
            weights[row, COCO17.index(keypoint)] = weight
    return weights
