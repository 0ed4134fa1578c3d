"""Judge a lifter on motion capture seen by random cameras that are the same each time.

Every view goes through the Lifter that serves wild videos. Errors are kept frame by frame
with the clip's group, the camera's pitch and roll and the body's tilt, so that a table can be
cut every way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from poselift.data.archives.joints_archive import JointsClip
from poselift.data.cameras import unit_vectors
from poselift.data.mocap.detector_noise import NoiseRanges
from poselift.data.mocap.limb_calibration import LIMBS as HINGES
from poselift.data.mocap.limb_calibration import flexion
from poselift.data.mocap.virtual_views import ViewRanges, ViewSampler
from poselift.data.skeletons import COCO17, H36M17, Skeleton
from poselift.inference.poses.lifting import LiftedPose, Lifter
from poselift.inference.poses.world import world_of
from poselift.models.metrics import mpjpe, n_mpjpe, p_mpjpe, procrustes_aligned
from poselift.models.weights import LifterWeights
from poselift.pipeline.mocap.mocap_batches import Batch, draw_batch

FPS = 30.0
FRAMES = 48
RANGES = ViewRanges(fps=(FPS, FPS))
_ARMS = H36M17.indices("left_elbow", "left_wrist", "right_elbow", "right_wrist")
_LEGS = H36M17.indices("left_knee", "left_ankle", "right_knee", "right_ankle")
LIMBS = {
    "arms": list(_ARMS),
    "legs": list(_LEGS),
    "trunk": [j for j in range(H36M17.num_joints) if j not in _ARMS + _LEGS],
}


@dataclass(frozen=True)
class Condition:
    """What the lifter is given.

    Args:
        noise: what is wrong with the keypoints; None for exact ones.
        ranges: what cameras and bodies are drawn from.
    """

    noise: NoiseRanges | None
    ranges: ViewRanges = RANGES


# Exact keypoints of the bodies as they were captured; then of bodies of every size and
# proportion with nothing wrong, seen by rolled cameras and tilted themselves, with a
# detector's errors, and with gaps filled by the tracker.
_AS_CAPTURED = replace(RANGES, body_scale=(1.0, 1.0), limb_scale=0.0, width_scale=0.0)
_ROLLED = replace(RANGES, roll_wide_share=0.9, roll_any_share=0.1)
_TILTED = replace(RANGES, tilt_share=0.7, tilt_any_share=0.3)
_ERRORS = replace(NoiseRanges(), exact=0.0, filled_body=0.0, filled_limb=0.0)
CONDITIONS = {
    "captured": Condition(None, _AS_CAPTURED),
    "exact": Condition(None),
    "rolled": Condition(None, _ROLLED),
    "tilted": Condition(None, _TILTED),
    "noisy": Condition(replace(_ERRORS, lost_limb=0.0)),
    "gappy": Condition(replace(_ERRORS, filled_body=0.5, filled_limb=0.7, lost_limb=0.1)),
}


@dataclass(frozen=True)
class ViewErrors:
    """What came of one view.

    Args:
        group: of clips, see group_of.
        pitch: degrees that the camera looks down.
        roll: degrees that the camera is turned about its axis, from 0 to 180.
        tilt: degrees between the body's trunk and the world's up.
        errors: metric -> one value per frame (velocity and acceleration have fewer).
    """

    group: str
    pitch: float
    roll: float
    tilt: float
    errors: dict[str, np.ndarray]


def group_of(clip: str) -> str:
    """A clip's subject or action: its name without the number of the take."""
    return re.sub(r"_\d+[a-z]*$", "", clip) or clip


def judge(
    weights: LifterWeights,
    clips: list[JointsClip],
    condition: Condition,
    *,
    views: int = 1024,
    frames: int = FRAMES,
    seed: int = 4321,
    device: str = "cpu",
    flip: bool = True,
    smooth: Callable[[np.ndarray], np.ndarray] = lambda keypoints: keypoints,
    steady: Callable[[LiftedPose], LiftedPose] = lambda lifted: lifted,
) -> list[ViewErrors]:
    """Errors of about `views` random views; each group counts by its length.

    Args:
        condition: see CONDITIONS.
        flip: test-time augmentation, as the main job does.
        smooth: what is done to the (T, 17, 2) keypoints of each view before lifting.
        steady: what is done to each lifted view before it is judged.
    Returns:
        Per frame: mpjpe_mm, p_mpjpe_mm (and of the joints of LIMBS alone, `legs_mm` and so
        on), n_mpjpe_mm, knees_degrees and elbows_degrees (how far bent), velocity_mm and
        acceleration_mm (errors of differences at 30 frames/s), jitter_mm (acceleration that
        the truth has not), lag_frames (per view), and, where the lifter says them,
        trajectory_percent (distance from the true place, over the true distance, focal
        length known), gravity_degrees.
    """
    lifter = Lifter(weights, device)
    groups: dict[str, list[JointsClip]] = {}
    for clip in clips:
        groups.setdefault(group_of(clip.name), []).append(clip)
    total = sum(len(clip.h36m) for clip in clips)
    results = []
    for number, (group, members) in enumerate(sorted(groups.items())):
        share = sum(len(clip.h36m) for clip in members) / total
        sampler = ViewSampler(members, seed=seed + number, ranges=condition.ranges, device=device)
        count = max(1, round(views * share))
        for batch in _batches(sampler, count, frames, weights, condition.noise):
            for view in range(len(batch.pose)):
                keypoints = smooth(batch.keypoints[view].cpu().numpy())
                lifted = lifter.lift(
                    keypoints,
                    batch.confidence[view].cpu().numpy(),
                    layout=COCO17,
                    focal=float(batch.views.focal[view]),
                    flip=flip,
                )
                results.append(_judged(steady(lifted), batch, view, group, weights.layout_out))
    return results


def _batches(
    sampler: ViewSampler, views: int, frames: int, weights: LifterWeights, noise: NoiseRanges | None
) -> Iterator[Batch]:
    for first in range(0, views, 64):
        count = min(64, views - first)
        yield draw_batch(sampler, count, frames, weights.position.arch, noise)


def _judged(
    lifted: LiftedPose, batch: Batch, view: int, group: str, layout: Skeleton
) -> ViewErrors:
    inner = batch.predicted
    predicted = lifted.pose[inner] - lifted.pose[inner, :1]
    target = batch.pose[view].cpu().numpy()
    errors = pose_errors(predicted, target)
    up = batch.views.up[view].cpu().numpy()
    if lifted.trajectory is not None and lifted.up is not None:
        root = batch.views.root[view, inner].cpu().numpy()
        off = np.linalg.norm(lifted.trajectory[inner] - root, axis=-1)
        errors["trajectory_percent"] = 100 * off / np.linalg.norm(root, axis=-1)
        found = world_of([_cut(lifted, inner)], layout).up
        cosine = np.clip(unit_vectors(found) @ up, -1, 1)
        errors["gravity_degrees"] = np.degrees(np.arccos(cosine))[None]
    trunk = unit_vectors(target[:, layout.index("thorax")] - target[:, 0]) @ up
    return ViewErrors(
        group,
        pitch=float(np.degrees(np.arcsin(np.clip(-up[2], -1, 1)))),
        roll=float(np.degrees(np.abs(np.arctan2(up[0], -up[1])))),
        tilt=float(np.degrees(np.arccos(np.clip(trunk, -1, 1))).mean()),
        errors=errors,
    )


def _cut(lifted: LiftedPose, inner: slice) -> LiftedPose:
    return LiftedPose(
        lifted.pose[inner],
        None if lifted.trajectory is None else lifted.trajectory[inner],
        None if lifted.up is None else lifted.up[inner],
    )


def pose_errors(predicted: np.ndarray, target: np.ndarray) -> dict[str, np.ndarray]:
    """(T, 17, 3) metres twice -> errors in millimetres, one array per metric."""
    fast, true_fast = np.diff(predicted, n=2, axis=0), np.diff(target, n=2, axis=0)
    lengths = [np.linalg.norm(part, axis=-1).mean(-1) for part in (fast, true_fast)]
    apart = np.linalg.norm(procrustes_aligned(predicted, target) - target, axis=-1)
    bent = {limb.hinge: np.abs(flexion(predicted, limb) - flexion(target, limb)) for limb in HINGES}
    degrees = {
        f"{part}s_degrees": (bent[f"left_{part}"] + bent[f"right_{part}"]) / 2
        for part in ("knee", "elbow")
    }
    metres = {
        "mpjpe_mm": mpjpe(predicted, target),
        "p_mpjpe_mm": p_mpjpe(predicted, target),
        "n_mpjpe_mm": n_mpjpe(predicted, target),
        "velocity_mm": mpjpe(np.diff(predicted, axis=0), np.diff(target, axis=0)),
        "acceleration_mm": mpjpe(fast, true_fast),
        "jitter_mm": lengths[0] - lengths[1],
    }
    metres |= {f"{limb}_mm": apart[:, joints].mean(-1) for limb, joints in LIMBS.items()}
    lag = {"lag_frames": _lag(predicted, target)[None]}
    return {name: 1000 * error for name, error in metres.items()} | degrees | lag


def _lag(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """How many frames (T, J, 3) `predicted` comes late: its error against the true velocity."""
    velocity = np.gradient(target, axis=0)
    late = -(velocity * (predicted - target)).sum() / np.maximum((velocity**2).sum(), 1e-9)
    return np.asarray(late)


def means(views: list[ViewErrors]) -> dict[str, float]:
    """The mean of every metric over all frames of the views; of the trajectory the median.

    Who is cut off by the image's edge has no size to read a distance from: a few frames
    would be all of that mean.
    """
    names = list(views[0].errors) if views else []
    together = {name: np.concatenate([view.errors[name] for view in views]) for name in names}
    return {
        name: float(np.median(values) if name == "trajectory_percent" else values.mean())
        for name, values in together.items()
    }


def validate(
    weights: LifterWeights,
    clips: list[JointsClip],
    noise: NoiseRanges | None,
    device: str,
    ranges: ViewRanges = RANGES,
) -> dict[str, float]:
    """A quick look during training, at views like those that it trains on."""
    condition = Condition(noise, replace(ranges, fps=(FPS, FPS)))
    with torch.inference_mode():
        errors = judge(weights, clips, condition, views=192, frames=24, flip=False, device=device)
    return means(errors)
