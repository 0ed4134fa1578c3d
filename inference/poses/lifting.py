"""2D keypoints of one person over time -> 3D poses.

One lifting function serves wild videos and evaluation alike: screen-normalised
keypoints in, camera-space metres out, for our weights and the reference's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from poselift.data.cameras import unit_vectors
from poselift.data.errors import LayoutMismatch
from poselift.data.skeletons import Skeleton
from poselift.data.windows import mirror_keypoints, pad_edges
from poselift.inference.poses.lens import ASSUMED_FOCAL
from poselift.inference.poses.upright_turn import upright_turn
from poselift.models.inputs import network_input, person_frame, root_from_person
from poselift.models.outputs import pose_of
from poselift.models.temporal import fold_batch_norm
from poselift.models.weights import LifterWeights

# Frames lifted at once. More is hardly faster; memory grows with it.
CHUNK_FRAMES = 1024


@dataclass(frozen=True)
class LiftedPose:
    """One person in 3D, camera space (x right, y down, z forward), metres.

    Args:
        pose: (T, 17, 3) relative to joint 0, whose own prediction is what the network
            says: near zero, never exactly.
        trajectory: (T, 3) joint 0; None when the checkpoint has no trajectory.
        up: (T, 3) unit vectors against gravity, each frame's own estimate; None when
            the checkpoint has no opinion (the reference's have none).
    """

    pose: np.ndarray
    trajectory: np.ndarray | None
    up: np.ndarray | None


class Lifter:
    """A checkpoint ready to lift, on a device.

    Args:
        device: "cpu", "cuda" or another torch device.
        chunk: frames per pass; the result does not depend on it.
    """

    def __init__(
        self, weights: LifterWeights, device: str = "cpu", chunk: int = CHUNK_FRAMES
    ) -> None:
        self.weights = weights
        self.device = torch.device(device)
        self.chunk = chunk
        self._position = fold_batch_norm(weights.position).to(self.device)
        self._trajectory = (
            fold_batch_norm(weights.trajectory).to(self.device) if weights.trajectory else None
        )

    @property
    def _turns(self) -> bool:
        """Whether clips are turned upright: not for who sees only the past of a clip, nor for
        the reference's networks, which know their camera."""
        return self.weights.input_kind == "person" and not self.weights.position.arch.causal

    def check_layout(self, layout: Skeleton) -> None:
        """Raises: LayoutMismatch: the checkpoint reads other keypoints."""
        wanted, joints = self.weights.layout_in, self.weights.position.arch.joints_in
        if self.weights.input_kind == "person":
            joints -= 1
        if (wanted is not None and wanted != layout) or joints != layout.num_joints:
            name = wanted.name if wanted else "unnamed"
            raise LayoutMismatch(
                f"{self.weights.name}: reads '{name}' keypoints ({joints} joints), but these are "
                f"'{layout.name}' ({layout.num_joints} joints). Use a lifter for '{layout.name}' "
                f"or a detector that gives '{name}'."
            )

    def check_causal(self) -> None:
        """Raises: LayoutMismatch: the checkpoint sees the future of a frame."""
        if not self.weights.position.arch.causal:
            raise LayoutMismatch(
                f"{self.weights.name}: looks at frames after each frame, and what happens now has "
                "none. Use a causal lifter such as body27v5-causal."
            )

    def lift(
        self,
        xy: np.ndarray,
        confidence: np.ndarray | None = None,
        *,
        layout: Skeleton,
        focal: float = 2 * ASSUMED_FOCAL,
        flip: bool = True,
    ) -> LiftedPose:
        """Lift a whole sequence.

        Args:
            xy: (T, J, 2) screen units (see poselift.data.cameras.normalise_screen), no NaN.
            confidence: (T, J) in [0, 1]; None means that every joint is certain.
            focal: focal length in screen units; scales the trajectory's depth of our
                weights. The reference's weights have their camera built in.
            flip: average with the un-mirrored prediction for the mirrored input.
        Raises:
            LayoutMismatch: the checkpoint reads other keypoints.
        """
        self.check_layout(layout)
        if confidence is None:
            confidence = np.ones(xy.shape[:2])
        padding = self.weights.position.arch.padding
        return self._lift_padded(
            pad_edges(xy, *padding), pad_edges(confidence, *padding), focal, layout, flip
        )

    def lift_newest(
        self,
        xy: np.ndarray,
        confidence: np.ndarray,
        *,
        layout: Skeleton,
        focal: float = 2 * ASSUMED_FOCAL,
        flip: bool = True,
    ) -> LiftedPose:
        """The last frame of what `lift` gives for the same frames, at the cost of one.

        Args:
            xy, confidence: the past with the newest frame at its end (see lift). Frames more
                than weights.receptive_field before its end change nothing.
        Raises:
            LayoutMismatch: the checkpoint reads other keypoints, or sees the future.
        """
        self.check_layout(layout)
        self.check_causal()
        field = self.weights.receptive_field
        xy, confidence = xy[-field:], confidence[-field:]
        before = field - len(xy)
        return self._lift_padded(
            pad_edges(xy, before, 0), pad_edges(confidence, before, 0), focal, layout, flip
        )

    def _lift_padded(
        self,
        xy: np.ndarray,
        confidence: np.ndarray,
        focal: float,
        layout: Skeleton,
        flip: bool,
    ) -> LiftedPose:
        """All but the first receptive_field - 1 frames, those of the padding included."""
        sides = [self._lift_once(xy, confidence, focal, layout)]
        if flip:
            mirrored = self._lift_once(
                mirror_keypoints(xy, layout), confidence[:, list(layout.mirror)], focal, layout
            )
            sides.append(self._mirrored_back(mirrored))
        pose = np.mean([side.pose for side in sides], axis=0)
        trajectories = [side.trajectory for side in sides if side.trajectory is not None]
        ups = [side.up for side in sides if side.up is not None]
        return LiftedPose(
            pose,
            np.mean(trajectories, axis=0) if trajectories else None,
            unit_vectors(np.mean(ups, axis=0)) if ups else None,
        )

    def _lift_once(
        self, xy: np.ndarray, confidence: np.ndarray, focal: float, layout: Skeleton
    ) -> LiftedPose:
        """The frames that have all around them that the network looks at."""
        arch = self.weights.position.arch
        frames = len(xy) - arch.receptive_field + 1
        seen = slice(arch.padding[0], arch.padding[0] + frames)
        keypoints = torch.from_numpy(xy.astype(np.float32))
        certain = torch.from_numpy(confidence.astype(np.float32))
        if self._turns:
            turn = torch.from_numpy(
                upright_turn(xy[seen], confidence[seen], layout).astype(np.float32)
            )
            pose = self._chunked(self._pose, keypoints @ turn, certain, frames)
            pose[..., :2] = pose[..., :2] @ turn.T
        else:
            pose = self._chunked(self._pose, keypoints, certain, frames)
        if self._trajectory is None:
            return LiftedPose(pose.numpy(), None, None)
        placement = self._chunked(self._trajectory, keypoints, certain, frames)
        if self.weights.input_kind == "screen":
            return LiftedPose(pose.numpy(), placement[:, 0].numpy(), None)
        frame = person_frame(keypoints[seen], certain[seen])
        root = root_from_person(placement[:, 0], frame, focal)
        return LiftedPose(pose.numpy(), root.numpy(), placement[:, 1].numpy())

    def _chunked(
        self, network: Callable[[Tensor], Tensor], xy: Tensor, confidence: Tensor, frames: int
    ) -> Tensor:
        """Run over overlapping stretches: the same result as in one go, bounded memory."""
        context = self.weights.receptive_field - 1
        parts = []
        for first in range(0, frames, self.chunk):
            stretch = slice(first, min(first + self.chunk, frames) + context)
            inputs = network_input(
                self.weights.input_kind, xy[None, stretch], confidence[None, stretch]
            )
            with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                # TensorFloat-32, the default on GPUs, would cost a millimetre.
                parts.append(network(inputs.to(self.device))[0].cpu())
        return torch.cat(parts)

    def _pose(self, inputs: Tensor) -> Tensor:
        first = self.weights.position.arch.padding[0]
        return pose_of(self.weights.output_kind, self._position(inputs), inputs, first)

    def _mirrored_back(self, lifted: LiftedPose) -> LiftedPose:
        back = np.array([-1.0, 1.0, 1.0], np.float32)
        return LiftedPose(
            mirror_keypoints(lifted.pose, self.weights.layout_out),
            None if lifted.trajectory is None else lifted.trajectory * back,
            None if lifted.up is None else lifted.up * back,
        )
