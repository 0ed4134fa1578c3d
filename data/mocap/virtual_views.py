"""Motion capture filmed by random cameras: endless training views of real motion.

A view is a stretch of a clip at some playback speed, of a body with its own
proportions, seen by a camera whose lens, tilt, distance and framing are drawn at
random. All arithmetic is on batches of tensors, on the device that trains.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from poselift.data.archives.joints_archive import JointsClip
from poselift.data.mocap.motion_variation import (
    MotionRanges,
    define_otherwise,
    slow_noise,
    vary_motion,
)
from poselift.data.mocap.random_draws import RandomDraws
from poselift.data.skeletons import COCO17, H36M17

# Width / height of common videos, upright phones included.
ASPECT_RATIOS = (16 / 9, 16 / 9, 4 / 3, 1.0, 3 / 4, 9 / 16)
BODY_HEIGHT_M = 1.7
NEAREST_M = 1.3


@dataclass(frozen=True)
class ViewRanges:
    """What the virtual cameras and bodies are drawn from. Angles in degrees."""

    focal: tuple[float, float] = (0.55, 3.0)  # focal length / longer image side
    person_height: tuple[float, float] = (0.12, 1.1)  # of the image height
    pitch_usual: tuple[float, float] = (5.0, 8.0)  # mean, deviation; positive looks down
    pitch_wide: tuple[float, float] = (-30.0, 50.0)
    wide_share: float = 0.35
    roll_deviation: float = 4.0
    roll_wide: float = 25.0  # deviation, in
    roll_wide_share: float = 0.0  # that share of the views;
    roll_any_share: float = 0.0  # and any roll in this one
    tilt: float = 30.0  # of the whole body about a level axis: deviation, in
    tilt_share: float = 0.0  # that share of the views;
    tilt_any_share: float = 0.0  # and any tilt in this one
    off_centre: float = 0.75  # of half the image
    fps: tuple[float, float] = (18.0, 70.0)
    body_scale: tuple[float, float] = (0.85, 1.12)
    limb_scale: float = 0.08  # deviation, per bone, the same left and right
    width_scale: float = 0.08  # the same for the widths of hips and shoulders


@dataclass(frozen=True)
class Views:
    """A batch of N views of L frames.

    Args:
        keypoints: (N, L, 17, 2) exact COCO keypoints, screen units.
        inside: (N, L, 17) bool, within the image.
        pose: (N, L, 17, 3) H36M joints relative to the hip, metres, camera space.
        root: (N, L, 3) the hip in camera space, metres.
        up: (N, 3) the world's up direction in camera space.
        focal: (N,) focal length, screen units.
    """

    keypoints: Tensor
    inside: Tensor
    pose: Tensor
    root: Tensor
    up: Tensor
    focal: Tensor


class ViewSampler(RandomDraws):
    """Draws views from clips. Two samplers with one seed draw the same views."""

    def __init__(
        self,
        clips: Sequence[JointsClip],
        *,
        seed: int,
        ranges: ViewRanges | None = None,
        motion: MotionRanges | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__(seed, device)
        self.ranges = ranges or ViewRanges()
        self.motion = motion or MotionRanges()
        self._h36m = torch.cat([torch.from_numpy(c.h36m) for c in clips]).to(self.device)
        self._coco = torch.cat([torch.from_numpy(c.coco) for c in clips]).to(self.device)
        lengths = torch.tensor([len(c.h36m) for c in clips], device=self.device)
        self._length = lengths
        self._start = lengths.cumsum(0) - lengths
        self._fps = torch.tensor([c.fps for c in clips], device=self.device)
        weights = torch.tensor([c.weight for c in clips], device=self.device)
        self._share = functional.normalize((lengths * weights).double(), p=1, dim=0)

    def sample(self, count: int, frames: int) -> Views:
        """`count` views of `frames` frames each; clips count by their length and weight."""
        h36m, coco = self._motion(count, frames)
        points = vary_motion(torch.cat([h36m, coco], 2), self, self.motion)
        if self.motion.definition:
            points = define_otherwise(points, self, self.motion.definition)
        h36m, coco = points.split([H36M17.num_joints, COCO17.num_joints], 2)
        h36m, coco = self._reshape_bodies(h36m, coco)
        return self._film(self._tilt(torch.cat([h36m, coco], 2)))

    def _motion(self, count: int, frames: int) -> tuple[Tensor, Tensor]:
        """Stretches of clips, resampled in time; beyond a clip's ends its end pose stays."""
        clip = torch.multinomial(self._share, count, replacement=True, generator=self.generator)
        length = self._length[clip].float()
        step = self._fps[clip] / self.log_uniform(*self.ranges.fps, count)
        centre = self.uniform(0, 1, count) * (length - 1)
        steps = torch.arange(frames, device=self.device) - frames // 2
        if self.motion.time_warp:
            pace = (self.motion.time_warp * slow_noise(self, count, frames, 1)[..., 0]).exp()
            steps = pace.cumsum(1) - pace[:, : frames // 2 + 1].sum(1, keepdim=True)
        time = centre[:, None] + step[:, None] * steps
        time = torch.minimum(time.clamp(min=0), length[:, None] - 1)
        before = torch.minimum(time.floor(), (length[:, None] - 2).clamp(min=0))
        part = (time - before)[..., None, None]
        first = self._start[clip][:, None] + before.long()
        last = (self._start + self._length - 1)[clip][:, None]
        second = torch.minimum(first + 1, last)
        return tuple(  # type: ignore[return-value]
            torch.lerp(joints[first], joints[second], part) for joints in (self._h36m, self._coco)
        )

    def _reshape_bodies(self, h36m: Tensor, coco: Tensor) -> tuple[Tensor, Tensor]:
        """Another person's proportions, and the mirror image of half of the batch."""
        count = len(h36m)
        deviation = h36m.new_full((H36M17.num_joints,), self.ranges.limb_scale)
        deviation[list(_WIDTHS)] = self.ranges.width_scale
        limb = 1 + deviation * self.normal(count, H36M17.num_joints)
        limb[:, H36M17.right] = limb[:, H36M17.left]
        moved = [h36m[:, :, 0]]
        for child in range(1, H36M17.num_joints):
            parent = H36M17.parents[child]
            bone = (h36m[:, :, child] - h36m[:, :, parent]) * limb[:, None, child, None]
            moved.append(moved[parent] + bone)
        reshaped = torch.stack(moved, 2)
        coco = coco + (reshaped - h36m)[:, :, _ATTACHED]
        mirrored = self.uniform(0, 1, count) < 0.5
        scale = self.uniform(*self.ranges.body_scale, count)[:, None, None, None]
        return (
            scale * _mirror(reshaped, mirrored, H36M17.mirror),
            scale * _mirror(coco, mirrored, COCO17.mirror),
        )

    def _tilt(self, points: Tensor) -> Tensor:
        """Bodies turned as a whole about level axes; gravity stays where it was."""
        ranges, count = self.ranges, len(points)
        angle = self._turns(count, 0.0, (ranges.tilt_share, ranges.tilt), ranges.tilt_any_share)
        heading = self.uniform(0, 2 * math.pi, count)
        axis = torch.stack([heading.cos(), heading.sin(), 0 * heading], -1)
        return torch.einsum("nij,nlkj->nlki", rotation_matrices(axis * angle[:, None]), points)

    def _turns(
        self, count: int, usual: float, wide: tuple[float, float], any_share: float
    ) -> Tensor:
        """(N,) radians: of the usual deviation, in a share of a wide one, in another any."""
        share, deviation = wide
        kind = self.uniform(0, 1, count)
        spread = torch.where(kind < share, deviation, usual)
        turns = spread * self.normal(count)
        every = self.uniform(-180.0, 180.0, count)
        return torch.where(kind > 1 - any_share, every, turns).deg2rad()

    def _film(self, points: Tensor) -> Views:
        count, frames = points.shape[:2]
        ranges = self.ranges
        choice = torch.randint(
            len(ASPECT_RATIOS), (count,), generator=self.generator, device=self.device
        )
        aspect = torch.tensor(ASPECT_RATIOS, device=self.device)[choice]
        half_height = 1 / aspect  # in screen units, where half the width is 1
        focal = self.log_uniform(*ranges.focal, count) * 2 * half_height.clamp(min=1)
        height = self.log_uniform(*ranges.person_height, count) * 2 * half_height
        distance = (focal * BODY_HEIGHT_M / height).clamp(min=NEAREST_M)
        place = self.uniform(-ranges.off_centre, ranges.off_centre, count, 2)
        place[:, 1] *= half_height
        ray = torch.cat([place / focal[:, None], torch.ones(count, 1, device=self.device)], 1)
        rotation = self._camera_rotations(count)
        in_camera = torch.einsum("nij,ntkj->ntki", rotation, points)
        anchor = in_camera[:, frames // 2, 0]
        stand = distance[:, None] * ray / ray.norm(dim=1, keepdim=True)
        in_camera = in_camera + (stand - anchor)[:, None, None]
        body, seen = in_camera.split([H36M17.num_joints, COCO17.num_joints], 2)
        keypoints = focal[:, None, None, None] * seen[..., :2] / seen[..., 2:].clamp(min=0.1)
        limit = torch.stack([torch.ones_like(half_height), half_height], -1)[:, None, None]
        root = body[:, :, 0].clone()
        root[..., 2].clamp_(min=0.3)
        return Views(
            keypoints=keypoints,
            inside=(keypoints.abs() <= limit).all(-1) & (seen[..., 2] > 0.1),
            pose=body - body[:, :, :1],
            root=root,
            up=rotation[:, :, 2],
            focal=focal,
        )

    def _camera_rotations(self, count: int) -> Tensor:
        """(N, 3, 3) world (z up) to camera (y down), any heading, some tilt and roll."""
        ranges = self.ranges
        mean, deviation = ranges.pitch_usual
        pitch = mean + deviation * self.normal(count)
        wide = self.uniform(0, 1, count) < ranges.wide_share
        pitch = torch.where(wide, self.uniform(*ranges.pitch_wide, count), pitch).deg2rad()
        wide_roll = (ranges.roll_wide_share, ranges.roll_wide)
        roll = self._turns(count, ranges.roll_deviation, wide_roll, ranges.roll_any_share)
        heading = self.uniform(0, 2 * math.pi, count)
        zero = torch.zeros_like(heading)
        forward = torch.stack(
            [pitch.cos() * heading.cos(), pitch.cos() * heading.sin(), -pitch.sin()], -1
        )
        right = torch.stack([heading.sin(), -heading.cos(), zero], -1)
        level = torch.stack([right, torch.linalg.cross(forward, right), forward], 1)
        return rotation_matrices(torch.stack([zero, zero, roll], -1)) @ level


def rotation_matrices(vectors: Tensor) -> Tensor:
    """(N, 3) rotation vectors, radians -> (N, 3, 3)."""
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    generators = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    return torch.linalg.matrix_exp(generators)


def _mirror(joints: Tensor, chosen: Tensor, order: tuple[int, ...]) -> Tensor:
    twin = joints[:, :, order] * joints.new_tensor([-1.0, 1.0, 1.0])
    return torch.where(chosen[:, None, None, None], twin, joints)


# Scaled alike on both sides, as all bones: how wide a body is.
_WIDTHS = H36M17.indices("left_hip", "left_shoulder")


def _attached_joint(joint: str) -> int:
    """The H36M joint that a COCO keypoint moves with."""
    return H36M17.index(joint if joint in H36M17.joints else "neck")


_ATTACHED = [_attached_joint(joint) for joint in COCO17.joints]
