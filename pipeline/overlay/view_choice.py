"""Which way the 3D panel looks: where people hide one another least and are large."""

from __future__ import annotations

from itertools import product

import numpy as np

from poselift.pipeline.overlay.look import View
from poselift.pipeline.overlay.scene_camera import (
    EXTREMES,
    Lens,
    SceneCamera,
    lens_towards,
    moving_camera,
    still_camera,
    with_surroundings,
)

USUAL = (24.0, 13.0)  # azimuth and elevation, degrees: shows depth, and is nearly the video's
FIXED: dict[View, tuple[float, float]] = {"front": (0.0, 13.0), "side": (90.0, 13.0)}
# Beyond 75 degrees people would come to stand the other way round than in the video.
AZIMUTHS_DEG = (24.0, 0.0, -24.0, 40.0, -40.0, 50.0, -50.0, 60.0, -60.0, 75.0, -75.0)
ELEVATIONS_DEG = (13.0, 21.0, 30.0)
FULL_TURN_COSTS = 0.3  # 90 degrees from the usual; in shares of hidden people
SMALL_COSTS = 2.0  # a person who is smaller by the panel's height
SMALLEST = 0.34  # of the panel's height: a person smaller than this is better followed
FOLLOW_GAIN = 1.2  # following must show people this much larger to be worth the motion
SAMPLED_FRAMES, SAMPLED_PEOPLE = 120, 12  # what is looked at for the choice
SAMPLES = 4000  # person-frames that a still camera is fitted to, spread over the clip
PERSON_MARGIN_M = 0.08  # of flesh about the joints


def camera_for(
    world: np.ndarray,
    valid: np.ndarray,
    fps: float,
    width: int,
    height: int,
    view: View = "auto",
) -> SceneCamera:
    """The steady view that has everybody in it; one that moves only if they would be tiny.

    Args:
        world: (P, T, J, 3) metres, z up.
        valid: (P, T) bool.
        width, height: of the panel, pixels.
    """
    shown = valid & np.isfinite(world).all((2, 3))
    size = (width, height)
    directions = [FIXED[view]] if view in FIXED else list(product(AZIMUTHS_DEG, ELEVATIONS_DEG))
    if not shown.any():
        lens = lens_towards(*(USUAL if view == "auto" else FIXED[view]), *size)
        return still_camera(lens, with_surroundings(np.zeros((1, 1, 3))))
    shown = _typical(world, shown)
    group = _sample(world, shown)
    lens, share = _best(directions, size, *group, moving=False)
    people, frames = np.nonzero(shown)
    step = -(-len(frames) // SAMPLES)
    bodies = with_surroundings(world[people[::step], frames[::step]].astype(np.float64))
    if share < SMALLEST:
        moved, larger = _best(directions, size, *group, moving=True)
        if larger > FOLLOW_GAIN * share:
            return moving_camera(moved, world, shown, fps)
    return still_camera(lens, bodies)


def overlap_of(boxes: np.ndarray, here: np.ndarray) -> np.ndarray:
    """(F,) how much people lie on one another: 0 apart, 1 when each lies wholly on somebody.

    Args:
        boxes: (F, P, 4) x1 y1 x2 y2. here: (F, P) bool. Frames of one person give 0.
    """
    low = np.maximum(boxes[:, :, None, :2], boxes[:, None, :, :2])
    high = np.minimum(boxes[:, :, None, 2:], boxes[:, None, :, 2:])
    common = (high - low).clip(0).prod(-1)
    area = (boxes[..., 2:] - boxes[..., :2]).clip(1e-6).prod(-1)
    share = common / np.minimum(area[:, :, None], area[:, None, :])
    both = here[:, :, None] & here[:, None, :] & ~np.eye(here.shape[1], dtype=bool)
    worst = np.where(both, share, 0).max(2)
    return np.asarray(worst.sum(1) / here.sum(1).clip(1))


def _typical(world: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """`shown` without the person-frames furthest off, of long clips: a glitch moves nothing."""
    if shown.sum() < 1 / (1 - EXTREMES):
        return shown
    roots = world[:, :, 0].astype(np.float64)
    off = np.linalg.norm(roots - np.median(roots[shown], axis=0), axis=-1)
    return shown & (off <= np.quantile(off[shown], EXTREMES))


def _sample(world: np.ndarray, shown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(F, P, K, 3) bodies with their surroundings, and (F, P) which are there."""
    frames = np.flatnonzero(shown.any(0))
    frames = frames[:: -(-len(frames) // SAMPLED_FRAMES)]
    people = np.argsort(-shown.sum(1), kind="stable")[:SAMPLED_PEOPLE]
    here = shown[np.ix_(people, frames)].T
    chosen = world[np.ix_(people, frames)].astype(np.float64).swapaxes(0, 1)
    some = here.any(1)
    return with_surroundings(np.where(here[..., None, None], chosen, 0.0))[some], here[some]


def _best(
    directions: list[tuple[float, float]],
    size: tuple[int, int],
    bodies: np.ndarray,
    here: np.ndarray,
    *,
    moving: bool,
) -> tuple[Lens, float]:
    """The direction that costs least, and how large a person is then (see _judge)."""
    judged = []
    for azimuth, elevation in directions:
        lens = lens_towards(azimuth, elevation, *size)
        hidden, share = _judge(lens, bodies, here, moving=moving)
        turn = np.hypot(azimuth - USUAL[0], elevation - USUAL[1]) / 90
        judged.append((hidden - SMALL_COSTS * share + FULL_TURN_COSTS * turn, share, lens))
    _, share, lens = min(judged, key=lambda one: one[0])
    return lens, share


def _judge(
    lens: Lens, bodies: np.ndarray, here: np.ndarray, *, moving: bool
) -> tuple[float, float]:
    """How much people hide one another, and the size of a typical one over the panel's height.

    Args:
        moving: the camera of each frame is as near as that frame allows.
    """
    limits = np.where(here[..., None, None], lens.limits(bodies), -np.inf)
    needed = limits.max(1) if moving else np.quantile(limits[here], EXTREMES, axis=0)[None]
    seen = bodies[..., :-8, :] @ lens.axes.T - lens.places(needed)[:, None, None]
    scale = lens.focal_px / seen[..., 2:].clip(0.1)
    flat = seen[..., :2] * scale
    edge = PERSON_MARGIN_M * scale.mean((2, 3))[..., None]
    boxes = np.concatenate([flat.min(2) - edge, flat.max(2) + edge], -1)
    tall = np.hypot(*np.moveaxis(boxes[here][:, 2:] - boxes[here][:, :2], -1, 0))
    together = here.sum(1) > 1
    hidden = overlap_of(boxes, here)[together]
    return float(hidden.mean()) if len(hidden) else 0.0, float(np.median(tall)) / lens.height
