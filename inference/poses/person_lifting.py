"""A tracked person -> 3D, by the camera that is known, assumed or found to move."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from poselift.data.cameras import unit_vectors
from poselift.data.errors import LayoutMismatch
from poselift.data.scene import CameraPath
from poselift.data.structures import Keypoints2D, Timeline
from poselift.inference.poses.lens import Lens
from poselift.inference.poses.lifting import LiftedPose, Lifter
from poselift.models.devices import one_thread

# Keypoints are brought into one still picture while they stay so near to its axis; the picture
# of a camera that turns further would be drawn out too much at its sides.
WIDEST_DEGREES = 45.0


def lift_person(
    lifter: Lifter,
    person: Keypoints2D,
    timeline: Timeline,
    *,
    focal_px: float | None = None,
    camera: CameraPath | None = None,
    flip: bool = True,
) -> LiftedPose:
    """Lift one tracked person over the life span (see Keypoints2D.span).

    Args:
        timeline: of the video: how large its pictures are.
        focal_px: the focal length, where it is known.
        camera: how it moved; the person is seen, and placed, as by its middle frame's.
    Returns: LiftedPose of span.stop - span.start frames.
    Raises: LayoutMismatch: joints are missing throughout, and the checkpoint reads positions
        without confidence; or it has a camera of its own, and another is known.
    """
    _check(lifter, person, focal_px)
    lens, span = Lens(timeline.width, timeline.height, focal_px), person.span
    xy, turns = person.xy[span], None
    if camera is not None and camera.moves:
        middle = np.array([lens.width, lens.height]) / 2
        xy, turns = _as_by_one_camera(xy, camera.at(span), lens.px, middle)
    with one_thread():
        lifted = lifter.lift(
            lens.screen(xy),
            person.confidence[span],
            layout=person.layout,
            focal=lens.focal,
            flip=flip,
        )
    return lifted if turns is None else _turned(lifted, turns)


def _check(lifter: Lifter, person: Keypoints2D, focal_px: float | None) -> None:
    """Raises: LayoutMismatch."""
    if lifter.weights.input_kind != "screen":
        return
    name = lifter.weights.name
    never = [person.layout.joints[j] for j in np.flatnonzero(~person.confidence.any(0))]
    if never:
        raise LayoutMismatch(
            f"{name}: reads every joint of '{person.layout.name}', but person "
            f"{person.person_id} never has {', '.join(never)}. Use a lifter that reads "
            "confidence, such as the default one."
        )
    if focal_px is not None:
        raise LayoutMismatch(
            f"{name}: knows only the camera that it was trained with, not a lens of "
            f"{focal_px:.0f} pixels. Use a lifter such as the default one."
        )


def _as_by_one_camera(
    xy: np.ndarray, camera: CameraPath, focal_px: float, middle: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    """Keypoints as the clip's camera would see them.

    Args:
        xy: (T, J, 2) pixels of T frames; camera: of the same.
        middle: (2,) of the picture.
    Returns:
        (T, J, 2) pixels, and None; or, where the camera turns too far for one picture, the
        keypoints as every frame's own camera sees them, without its zoom, and the turns
        (T, 3, 3) that are still to be made.
    """
    own = (xy - middle) / camera.zoom[:, None, None]
    rays = np.concatenate([own, np.full((*own.shape[:2], 1), focal_px)], -1)
    seen = np.einsum("tij,tkj->tki", camera.turns, rays)
    aside = unit_vectors(seen)[..., 2]
    if aside.min() < np.cos(np.radians(WIDEST_DEGREES)):
        return (own + middle).astype(xy.dtype), camera.turns
    return (focal_px * seen[..., :2] / seen[..., 2:] + middle).astype(xy.dtype), None


def _turned(lifted: LiftedPose, turns: np.ndarray) -> LiftedPose:
    """From the space of each frame's camera to the clip's."""
    turned = np.einsum("tij,tkj->tki", turns, lifted.pose).astype(np.float32)
    directions = [
        None if those is None else np.einsum("tij,tj->ti", turns, those).astype(np.float32)
        for those in (lifted.trajectory, lifted.up)
    ]
    return replace(lifted, pose=turned, trajectory=directions[0], up=directions[1])
