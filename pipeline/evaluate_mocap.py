"""Judge a lifter on motion capture seen by random cameras that are the same each time."""

from __future__ import annotations

import numpy as np
import torch

from data.detector_noise import NoiseRanges
from data.joints_archive import JointsClip
from data.virtual_views import ViewSampler
from models.inputs import network_input
from models.metrics import acceleration, mpjpe, n_mpjpe, p_mpjpe, velocity_error
from models.weights import LifterWeights
from pipeline.mocap_batches import ROOT, UP, draw_batch


@torch.inference_mode()
def evaluate_views(
    weights: LifterWeights,
    clips: list[JointsClip],
    noise: NoiseRanges | None,
    *,
    views: int = 1024,
    frames: int = 32,
    seed: int = 4321,
    device: str = "cpu",
) -> dict[str, float]:
    """Errors over `views` random views of the clips.

    Args:
        noise: None for exact keypoints.
    Returns:
        mpjpe_mm, p_mpjpe_mm, n_mpjpe_mm, velocity_mm, acceleration_mm (of the
        prediction, a measure of jitter), depth_percent, up_degrees (per frame).
    """
    sampler = ViewSampler(clips, seed=seed, device=device)
    arch = weights.position.arch
    sums: dict[str, list[np.ndarray]] = {}
    for _ in range(0, views, 64):
        batch = draw_batch(sampler, 64, frames, arch, noise)
        inputs = network_input("person", batch.keypoints, batch.confidence)
        pose = weights.position(inputs)
        pose = pose - pose[:, :, :1]
        for name, values in _pose_errors(pose.cpu().numpy(), batch.pose.cpu().numpy()).items():
            sums.setdefault(name, []).append(values)
        if weights.trajectory is None:
            continue
        placement, target = weights.trajectory(inputs), batch.placement()
        log_depth = (placement - target)[:, :, ROOT, 2].abs()
        up = torch.nn.functional.normalize(placement[:, :, UP], dim=-1)
        cosine = (up * target[:, :, UP]).sum(-1).clamp(-1, 1)
        sums.setdefault("depth_percent", []).append(100 * log_depth.cpu().numpy().ravel())
        sums.setdefault("up_degrees", []).append(cosine.acos().rad2deg().cpu().numpy().ravel())
    return {name: float(np.concatenate(values).mean()) for name, values in sums.items()}


def _pose_errors(predicted: np.ndarray, target: np.ndarray) -> dict[str, np.ndarray]:
    """(N, T, 17, 3) twice -> errors in millimetres, one array per metric."""
    pairs = list(zip(predicted, target, strict=True))
    metrics = {
        "mpjpe_mm": mpjpe,
        "p_mpjpe_mm": p_mpjpe,
        "n_mpjpe_mm": n_mpjpe,
        "velocity_mm": velocity_error,
    }
    errors = {
        name: np.concatenate([1000 * metric(p, t) for p, t in pairs])
        for name, metric in metrics.items()
    }
    errors["acceleration_mm"] = np.concatenate([1000 * acceleration(p) for p in predicted])
    return errors
