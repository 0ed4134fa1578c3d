"""Tracks -> Poses3D: lift every person, find the common world, put them on the floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from poselift.data.errors import UnknownName
from poselift.data.progress import Progress
from poselift.data.scene import NOTHING_KNOWN, CameraPath, KnownScene
from poselift.data.skeletons import Skeleton
from poselift.data.structures import Poses3D, Timeline, Tracks
from poselift.inference.poses.bones import constant_bones
from poselift.inference.poses.contacts import plant_feet, standing_places
from poselift.inference.poses.ground import ground_of
from poselift.inference.poses.lens import Lens
from poselift.inference.poses.lifting import LiftedPose, Lifter
from poselift.inference.poses.person_lifting import lift_person
from poselift.inference.poses.world import (
    ANKLE_HEIGHT_M,
    World,
    as_tall,
    lowest_floor,
    place_as_seen,
    place_on_floor,
    steady_pose,
    steady_trajectory,
    world_of,
    world_with,
)


def poses_of(
    tracks: Tracks,
    lifter: Lifter,
    *,
    flip: bool = True,
    steady: bool = True,
    known: KnownScene = NOTHING_KNOWN,
    camera: CameraPath | None = None,
    progress: Progress | None = None,
) -> Poses3D:
    """Lift all people of a clip.

    Args:
        flip: test-time augmentation by the mirror image.
        steady: take out jitter (see world), keep the bones' lengths (bones) and standing feet
            in place (contacts); False gives the network's output.
        known: of the scene; a height makes a person and the way to them as much larger.
        camera: how it moved; None: it stands still.
        progress: advanced by the frames of every person lifted.
    Raises: LayoutMismatch: the lifter reads other keypoints, or cannot use the known lens;
        UnknownName: a height is known of somebody who is not there.
    """
    timeline, layout = tracks.timeline, lifter.weights.layout_out
    known = _of_clip(known, tracks)
    lifted = []
    for person in tracks.people:
        own = lift_person(
            lifter, person, timeline, focal_px=known.focal_px, camera=camera, flip=flip
        )
        own = replace(own, pose=_root_relative(own.pose))
        own = _steadied(own, timeline.fps, layout) if steady else own
        lifted.append(as_tall(own, known.height_of(person.person_id), layout))
        if progress is not None:
            progress.advance(len(own.pose))
    scenes = [
        (indices, _scene([lifted[i] for i in indices], layout, known, timeline.fps, steady=steady))
        for indices in _together(tracks, () if camera is None else camera.cuts)
    ]
    placed = [np.empty(0)] * len(lifted)
    for indices, scene in scenes:
        stood = _placed(scene, known, timeline.fps)
        for i, own, where in zip(indices, scene.people, stood, strict=True):
            lifted[i], placed[i] = own, where
    longest = max((scene for _, scene in scenes), key=lambda scene: scene.frames)
    trajectories = [own.trajectory for own in lifted if own.trajectory is not None]
    return Poses3D(
        timeline=timeline,
        person_id=np.array([person.person_id for person in tracks.people]),
        pose=_over_clip(tracks, [own.pose for own in lifted]),
        trajectory=_over_clip(tracks, trajectories) if trajectories else None,
        world=_over_clip(tracks, placed),
        valid=np.stack([person.valid for person in tracks.people]),
        interpolated=np.stack([~p.seen & p.valid for p in tracks.people]),
        up=longest.world.up,
        up_degrees=longest.up_degrees,
        focal_px=_focal_px(lifter, timeline, known),
        layout=layout,
        known=known,
        camera=camera,
    )


def _together(tracks: Tracks, cuts: Sequence[int]) -> list[list[int]]:
    """Who is in the same scene, between two cuts: indices of people; scenes without are left out.

    Nobody's life goes across a cut (see track).
    """
    number = np.searchsorted(cuts, [p.span.start for p in tracks.people], side="right")
    return [np.flatnonzero(number == n).tolist() for n in np.unique(number)]


@dataclass(frozen=True)
class _Scene:
    """Who is together between two cuts, in the world that they stand in.

    Args:
        up_degrees: how far the world's up is off, one standard deviation.
    """

    people: list[LiftedPose]
    world: World
    up_degrees: float

    @property
    def frames(self) -> int:
        """Of all people."""
        return sum(len(own.pose) for own in self.people)


def _scene(
    people: list[LiftedPose], layout: Skeleton, known: KnownScene, fps: float, *, steady: bool
) -> _Scene:
    if known.roll is not None and known.pitch is not None:
        world, up_degrees = world_with(np.zeros(3), known.roll, known.pitch), 0.0
    else:
        world, up_degrees = _found_world(people, layout, known, fps)
    if steady:
        people = [_planted(own, world, layout, fps) for own in people]
    return _Scene(people, world, up_degrees)


def _found_world(
    people: Sequence[LiftedPose], layout: Skeleton, known: KnownScene, fps: float
) -> tuple[World, float]:
    """The world by posture and floor, and how many degrees its up is off."""
    world = world_of(people, layout)
    feet = []
    for own in people:
        planted = _planted(own, world, layout, fps)
        if planted.trajectory is not None:
            feet.append(standing_places(planted.pose, planted.trajectory, world, layout, fps))
    ground = ground_of(
        world.up,
        feet,
        lens_known=known.focal_px is not None,
        one_floor=known.floor == "shared",
    )
    return world_with(ground.up, known.roll, known.pitch), ground.up_degrees


def _planted(own: LiftedPose, world: World, layout: Skeleton, fps: float) -> LiftedPose:
    if own.trajectory is None:
        return own
    return replace(own, trajectory=plant_feet(own.pose, own.trajectory, world, layout, fps))


def _placed(scene: _Scene, known: KnownScene, fps: float) -> list[np.ndarray]:
    """Everybody of a scene, (T, J, 3) world, the middle of their paths above the origin."""
    people, world = scene.people, scene.world
    if known.floor == "own":
        placed = [place_as_seen(own.pose, own.trajectory, world) for own in people]
        raised = ANKLE_HEIGHT_M - lowest_floor(placed, fps)
        for person in placed:
            person[..., 2] += raised
    else:
        placed = [place_on_floor(own.pose, own.trajectory, world, fps) for own in people]
    middle = np.median(np.concatenate([person[:, 0, :2] for person in placed]), axis=0)
    for person in placed:
        person[..., :2] -= middle
    return placed


def _over_clip(tracks: Tracks, values: Sequence[np.ndarray]) -> np.ndarray:
    """(P, T, ...) of the whole clip, NaN outside of people's lives, from (span, ...) of each."""
    whole = np.full((len(values), len(tracks.timeline), *values[0].shape[1:]), np.nan, np.float32)
    for row, person, own in zip(whole, tracks.people, values, strict=True):
        row[person.span] = own
    return whole


def _of_clip(known: KnownScene, tracks: Tracks) -> KnownScene:
    """Raises: UnknownName: a height is of somebody who is not there."""
    people = [person.person_id for person in tracks.people]
    for person, _ in known.heights_m:
        if person not in people:
            raise UnknownName("person", str(person), map(str, people))
    return known.of(people, tracks.timeline.width)


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


def _focal_px(lifter: Lifter, timeline: Timeline, known: KnownScene) -> float:
    """The focal length that a trajectory of our weights has; nan when unknown."""
    if lifter.weights.trajectory is None or lifter.weights.input_kind == "screen":
        return float("nan")
    return Lens(timeline.width, timeline.height, known.focal_px).px
