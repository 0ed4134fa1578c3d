"""Tracks -> Poses3D: lift every person, find the common world, put them on the floor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from poselift.data.errors import UnknownName
from poselift.data.progress import Progress
from poselift.data.scene import NOTHING_KNOWN, KnownScene
from poselift.data.skeletons import Skeleton
from poselift.data.structures import Poses3D, Timeline, Tracks
from poselift.inference.poses.bones import constant_bones
from poselift.inference.poses.contacts import plant_feet
from poselift.inference.poses.lifting import ASSUMED_FOCAL, LiftedPose, Lifter, lift_person
from poselift.inference.poses.world import (
    ANKLE_HEIGHT_M,
    lowest_floor,
    place_as_seen,
    place_on_floor,
    standing_height,
    steady_pose,
    steady_trajectory,
    world_of,
)


def poses_of(
    tracks: Tracks,
    lifter: Lifter,
    *,
    flip: bool = True,
    steady: bool = True,
    known: KnownScene = NOTHING_KNOWN,
    progress: Progress | None = None,
) -> Poses3D:
    """Lift all people of a clip.

    Args:
        known: of the scene; a height makes a person and the way to them as much larger.
        flip: test-time augmentation by the mirror image.
        steady: take out jitter (see world), keep the bones' lengths (bones) and standing feet
            in place (contacts); False gives the network's output.
        progress: advanced by the frames of every person lifted.
    Raises: LayoutMismatch: the lifter reads other keypoints, or cannot use the known lens;
        UnknownName: a height is known of somebody who is not there.
    """
    timeline, layout = tracks.timeline, lifter.weights.layout_out
    known = _of_clip(known, tracks)
    lifted = []
    for person in tracks.people:
        own = lift_person(
            lifter, person, timeline.width, timeline.height, focal_px=known.focal_px, flip=flip
        )
        own = replace(own, pose=_root_relative(own.pose))
        own = _steadied(own, timeline.fps, layout) if steady else own
        lifted.append(_as_tall(own, known.height_of(person.person_id), layout))
        if progress is not None:
            progress.advance(len(own.pose))
    world = world_of(lifted, layout, roll=known.roll, pitch=known.pitch)
    people, frames, joints = len(tracks.people), len(timeline), layout.num_joints
    pose = np.full((people, frames, joints, 3), np.nan, np.float32)
    placed = np.full_like(pose, np.nan)
    trajectory = None
    if lifter.weights.trajectory is not None:
        trajectory = np.full((people, frames, 3), np.nan, np.float32)
    for i, (person, own) in enumerate(zip(tracks.people, lifted, strict=True)):
        path = own.trajectory
        if steady and path is not None:
            path = plant_feet(own.pose, path, world, layout, timeline.fps)
        pose[i, person.span] = own.pose
        if trajectory is not None:
            trajectory[i, person.span] = path
        if known.floor == "own":
            placed[i, person.span] = place_as_seen(own.pose, path, world)
        else:
            placed[i, person.span] = place_on_floor(own.pose, path, world, timeline.fps)
    if known.floor == "own":
        spans = [row[person.span] for row, person in zip(placed, tracks.people, strict=True)]
        placed[..., 2] += ANKLE_HEIGHT_M - lowest_floor(spans, timeline.fps)
    return Poses3D(
        timeline=timeline,
        person_id=np.array([person.person_id for person in tracks.people]),
        pose=pose,
        trajectory=trajectory,
        world=_near_origin(placed),
        valid=np.stack([person.valid for person in tracks.people]),
        interpolated=np.stack([~p.seen & p.valid for p in tracks.people]),
        up=world.up,
        focal_px=_focal_px(lifter, timeline, known),
        layout=layout,
        known=known,
    )


def _of_clip(known: KnownScene, tracks: Tracks) -> KnownScene:
    """Raises: UnknownName: a height is of somebody who is not there."""
    people = [person.person_id for person in tracks.people]
    for person, _ in known.heights_m:
        if person not in people:
            raise UnknownName("person", str(person), map(str, people))
    return known.of(people, tracks.timeline.width)


def _as_tall(lifted: LiftedPose, height_m: float | None, layout: Skeleton) -> LiftedPose:
    """A person of this height: the same picture of somebody as much larger and further away."""
    if height_m is None:
        return lifted
    larger = np.float32(height_m / standing_height(lifted.pose, layout))
    path = lifted.trajectory
    return replace(
        lifted, pose=lifted.pose * larger, trajectory=None if path is None else path * larger
    )


def _root_relative(pose: np.ndarray) -> np.ndarray:
    """The other joints are predicted relative to the true root: its own prediction goes."""
    pose = pose.copy()
    pose[:, 0] = 0
    return pose


def _steadied(lifted: LiftedPose, fps: float, layout: Skeleton) -> LiftedPose:
    trajectory = lifted.trajectory
    if trajectory is not None:
        trajectory = steady_trajectory(trajectory, fps)
    pose = constant_bones(steady_pose(lifted.pose, fps), layout)
    return replace(lifted, pose=pose, trajectory=trajectory)


def _near_origin(world: np.ndarray) -> np.ndarray:
    """Shift all people together so that the middle of their paths is above the origin."""
    middle = np.nanmedian(world[:, :, 0, :2], axis=(0, 1))
    world[..., :2] -= middle
    return world


def _focal_px(lifter: Lifter, timeline: Timeline, known: KnownScene) -> float:
    """The focal length that a trajectory of our weights has; nan when unknown."""
    if lifter.weights.trajectory is None or lifter.weights.input_kind == "screen":
        return float("nan")
    if known.focal_px is not None:
        return known.focal_px
    return ASSUMED_FOCAL * max(timeline.width, timeline.height)
