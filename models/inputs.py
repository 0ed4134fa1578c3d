"""What a network sees of a person's 2D keypoints.

`screen` is the reference's input: screen units and nothing else.

`person` is ours. A stranger's camera, zoom and place in the frame are unknown, so each
frame is centred on the person and divided by the person's size; confidence goes in, so
that the network can look past a joint that the detector guessed. The centre and the
size follow as one more "joint", because they are what the trajectory is read from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

InputKind = Literal["screen", "person"]

# A joint that the detector trusts less than this is as good as absent.
MIN_CONFIDENCE = 0.05


@dataclass(frozen=True)
class PersonFrame:
    """Where the person stands in the image, per frame.

    Args:
        centre: (..., T, 1, 2) screen units.
        size: (..., T, 1, 1) screen units: root mean square distance of the joints seen.
    """

    centre: Tensor
    size: Tensor


def person_frame(xy: Tensor, confidence: Tensor) -> PersonFrame:
    """Centre and size of the joints seen: (..., T, J, 2), (..., T, J) -> PersonFrame.

    Where fewer than two are seen, of all joints.
    """
    seen = confidence > MIN_CONFIDENCE
    weight = (seen | (seen.sum(-1, keepdim=True) < 2)).to(xy.dtype)[..., None]
    count = weight.sum(-2, keepdim=True).clamp(min=1)
    centre = (xy * weight).sum(-2, keepdim=True) / count
    spread = ((xy - centre).square() * weight).sum((-1, -2), keepdim=True) / count
    return PersonFrame(centre, spread.sqrt().clamp(min=1e-4))


def network_input(kind: InputKind, xy: Tensor, confidence: Tensor) -> Tensor:
    """The tensor that the first convolution reads.

    Args:
        xy: (N, T, J, 2) screen units.
        confidence: (N, T, J) in [0, 1].
    Returns:
        `screen`: (N, T, J, 2), `person`: (N, T, J + 1, 3).
    """
    if kind == "screen":
        return xy
    frame = person_frame(xy, confidence)
    seen = (confidence > MIN_CONFIDENCE).to(xy.dtype)[..., None]
    joints = torch.cat([(xy - frame.centre) / frame.size * seen, confidence[..., None] * seen], -1)
    place = torch.cat([frame.centre, frame.size.log()], -1)
    return torch.cat([joints, place], -2)


def input_shape(kind: InputKind, num_joints: int) -> tuple[int, int]:
    """(joints_in, features_in) of network_input's result."""
    return (num_joints, 2) if kind == "screen" else (num_joints + 1, 3)


def root_from_person(output: Tensor, frame: PersonFrame, focal: Tensor | float) -> Tensor:
    """Read the trajectory head of a `person` network.

    The head says where the root is in units of the person's image size, and how many
    metres that size spans at the root's depth; with a focal length this is a position.

    Args:
        output: (..., T, 3) offset (2) and log metres.
        frame: of the same T frames.
        focal: focal length in screen units.
    Returns:
        (..., T, 3) metres, camera space.
    """
    centre, size = frame.centre[..., 0, :], frame.size[..., 0, :]
    depth = focal * output[..., 2:].exp() / size
    ray = (centre + output[..., :2] * size) / focal
    return torch.cat([ray * depth, depth], -1)


def person_from_root(root: Tensor, frame: PersonFrame, focal: Tensor | float) -> Tensor:
    """The head's output for a known root: the inverse of root_from_person."""
    centre, size = frame.centre[..., 0, :], frame.size[..., 0, :]
    depth = root[..., 2:]
    offset = (root[..., :2] / depth * focal - centre) / size
    return torch.cat([offset, (depth * size / focal).log()], -1)
