"""Poses of a clip made otherwise for an export: smoothed, at another rate, in place.

Each gives new poses, of the same people, whose positions belong together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from poselift.data.errors import FormatError, UnknownName
from poselift.data.exports.rotations import matrices_of, quaternions_of, slerp
from poselift.data.scene import CameraPath
from poselift.data.structures import Poses3D, Timeline
from poselift.inference.low_pass import low_pass

# A clip at another rate has no more frames: ten hours of 30 a second.
MOST_FRAMES = 1 << 20


def only(poses: Poses3D, people: Sequence[int]) -> Poses3D:
    """The poses of some people, by their ids. Raises: UnknownName: nobody has this id."""
    known = poses.person_id.tolist()
    for person in people:
        if person not in known:
            raise UnknownName("person", str(person), map(str, known))
    rows = [i for i, person in enumerate(known) if person in people]
    return replace(
        poses,
        person_id=poses.person_id[rows],
        pose=poses.pose[rows],
        trajectory=None if poses.trajectory is None else poses.trajectory[rows],
        world=poses.world[rows],
        valid=poses.valid[rows],
        interpolated=poses.interpolated[rows],
    )


def without_gaps(poses: Poses3D) -> Poses3D:
    """Lives in one stretch: a gap is filled in a straight line, and marked as interpolated.

    Poses of a run have no gaps. Raises: FormatError: somebody is in no frame, or somewhere
    in one without a position, or two have one id.
    """
    if len({*poses.person_id.tolist()}) < len(poses.person_id) or (poses.person_id < 0).any():
        raise FormatError(f"ids of people are numbers from 0, each once, not {poses.person_id}.")
    for i, person in enumerate(poses.person_id.tolist()):
        if not poses.valid[i].any():
            raise FormatError(f"person {person} is in no frame. Leave them out of the export.")
        if not np.isfinite(poses.world[i, poses.valid[i]]).all():
            raise FormatError(f"person {person} has positions that are not finite numbers.")
    times_s = poses.timeline.times_s
    lived = np.array([_span(valid) for valid in poses.valid])
    if (lived == poses.valid).all():
        return poses
    gaps = lived & ~poses.valid
    interpolated = (poses.interpolated | gaps) & lived
    return _moved(
        poses,
        lambda i, values: _at_times(values, times_s, poses.valid[i], times_s),
        valid=lived,
        interpolated=interpolated,
    )


def smoothed(poses: Poses3D, cutoff_hz: float) -> Poses3D:
    """Paths without what moves faster than `cutoff_hz`, without lag: see low_pass.

    At the cutoff half of the amplitude is left. A cutoff of half the frame rate or more changes
    nothing, and a life of fewer than ten frames stays as it is.
    """
    if cutoff_hz >= poses.timeline.fps / 2:
        return poses

    def smooth(i: int, values: np.ndarray) -> np.ndarray:
        lived = poses.valid[i]
        values[lived] = low_pass(values[lived], poses.timeline.times_s[lived], cutoff_hz)
        return values

    return _moved(poses, smooth)


def of_camera(poses: Poses3D) -> Poses3D:
    """As the camera sees it: `world` is x right, y away, z up in the picture, from the camera.

    Raises: FormatError: the lifter says nothing of where people are.
    """
    if poses.trajectory is None:
        raise FormatError(
            "these poses have no trajectory, so that nothing is known of the camera. Export "
            "them in the world's space, or lift with a lifter that has one."
        )
    seen = poses.pose + poses.trajectory[:, :, None]
    world = np.stack([seen[..., 0], seen[..., 2], -seen[..., 1]], -1)
    return replace(poses, world=world, up=np.array([0.0, -1.0, 0.0]))


def in_place(poses: Poses3D) -> Poses3D:
    """Everybody above the origin, at the heights they have. The camera is no longer known."""
    world = poses.world.copy()
    world[..., :2] -= poses.world[:, :, :1, :2]
    return replace(poses, world=world, trajectory=None, focal_px=float("nan"))


def at_rate(poses: Poses3D, fps: float) -> Poses3D:
    """At evenly spaced times from the clip's first, positions in a straight line between frames.

    Whoever lives between two of them gets the nearest. A frame is interpolated where the
    nearest of the clip's is. Raises: FormatError: that is too many frames.
    """
    times_s = poses.timeline.times_s
    count = (times_s[-1] - times_s[0]) * fps + 1e-6
    if not count < MOST_FRAMES:
        raise FormatError(
            f"at {fps:g} frames a second the clip has {count:.0f} frames, more than "
            f"{MOST_FRAMES}. Ask for a lower rate."
        )
    wanted = times_s[0] + np.arange(int(count) + 1) / fps
    timeline = Timeline(poses.timeline.width, poses.timeline.height, fps, wanted)
    valid = np.array([_lives(times_s[lived], wanted) for lived in poses.valid])
    nearest = np.rint(np.interp(wanted, times_s, np.arange(len(times_s)))).astype(int)

    def moved(i: int, values: np.ndarray) -> np.ndarray:
        return _at_times(values, times_s, poses.valid[i], wanted)

    interpolated = poses.interpolated[:, nearest] & valid
    return _moved(
        poses,
        moved,
        timeline=timeline,
        valid=valid,
        interpolated=interpolated,
        camera=None if poses.camera is None else _camera_at(poses.camera, times_s, wanted),
    )


def _camera_at(camera: CameraPath, times_s: np.ndarray, wanted: np.ndarray) -> CameraPath:
    """The same movement at other times; between two scenes, the nearer end of one."""
    place = np.interp(wanted, times_s, np.arange(len(times_s)))
    below = np.floor(place).astype(int)
    scene = np.searchsorted(camera.cuts, np.arange(len(times_s)), side="right")
    above = np.minimum(below + 1, len(times_s) - 1)
    above = np.where(scene[above] == scene[below], above, below)
    share = place - below
    turns = quaternions_of(camera.turns)
    return CameraPath(
        kind=camera.kind,
        turns=matrices_of(slerp(turns[below], turns[above], share[:, None])),
        zoom=camera.zoom[below] * (1 - share) + camera.zoom[above] * share,
        quality=camera.quality[np.rint(place).astype(int)],
        cuts=tuple((np.flatnonzero(np.diff(scene[below])) + 1).tolist()),
    )


def _moved(poses: Poses3D, path: Callable[[int, np.ndarray], np.ndarray], **others: Any) -> Poses3D:
    """Poses whose paths, (T, ...) of the i-th person, are others."""

    def everybody(values: np.ndarray) -> np.ndarray:
        return np.stack([path(i, own.astype(float)) for i, own in enumerate(values)])

    return replace(
        poses,
        pose=everybody(poses.pose),
        trajectory=None if poses.trajectory is None else everybody(poses.trajectory),
        world=everybody(poses.world),
        **others,
    )


def _at_times(
    values: np.ndarray, times_s: np.ndarray, lived: np.ndarray, wanted: np.ndarray
) -> np.ndarray:
    """(T, ...) at other times, from the frames that were lived; outside of them NaN."""
    known = values[lived]
    place = np.interp(wanted, times_s[lived], np.arange(len(known)))
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, len(known) - 1)
    share = (place - below).reshape(-1, *[1] * (values.ndim - 1))
    found = known[below] * (1 - share) + known[above] * share
    found[~_lives(times_s[lived], wanted)] = np.nan
    return np.asarray(found)


def _lives(lived_s: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(T,) bool: within a life, given its times; at least the nearest."""
    slack = 1e-9 * max(1.0, float(np.abs(lived_s).max()))
    within = (wanted >= lived_s[0] - slack) & (wanted <= lived_s[-1] + slack)
    if not within.any():
        within[np.abs(wanted - lived_s.mean()).argmin()] = True
    return np.asarray(within)


def _span(valid: np.ndarray) -> np.ndarray:
    """(T,) bool: from the first true to the last."""
    frames = np.flatnonzero(valid)
    span = np.zeros(len(valid), bool)
    span[frames[0] : frames[-1] + 1] = True
    return span
