"""Motions that were read back -> Poses3D: alone, or in the place of people of an original.

What exports do not carry comes from the original (`like`): the picture's size, the times of the
frames, the camera, the people who are not in the files. A motion is taken frame by frame where
it has as many frames as its person's life, or the same times; else by its times, positions in a
straight line between frames. Without an original the camera is taken to be level, and nothing
is known of where it stands: there is no trajectory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from poselift.data.errors import FormatError, LayoutMismatch, UnknownName
from poselift.data.files.memory_budget import Budget, budget_of
from poselift.data.skeletons import H36M17
from poselift.data.structures import MAX_FPS, MIN_FPS, Poses3D, Timeline, count_of
from poselift.pipeline.imports.motions import EditedMotion

SIZE = (1920, 1080)  # of the picture, where nobody says
FRAME_BYTES = 17 * 3 * 8 * 6
# Where frames are numbered with larger holes, the numbers are something else.
SPARSEST, FEW_FRAMES = 50, 10_000
SLACK_S = 1e-3  # files have times with six digits, BVH the mean rate of the frames

LEVEL = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # world to camera, columns


@dataclass(frozen=True)
class ReadBack:
    """What came of the files.

    Args:
        notes: what the user should know, a sentence each.
    """

    poses: Poses3D
    notes: tuple[str, ...] = ()


def alone(
    motions: Sequence[EditedMotion], size: tuple[int, int] = SIZE, fps: float | None = None
) -> Poses3D:
    """Poses of nothing but what the files say; see above for the camera.

    Args:
        fps: frames a second, evenly, whatever the files say; None: what they or their times say.
    Raises: FormatError: the files are not of one clip.
    """
    source = motions[0].source
    frames = [
        np.arange(len(motion.times_s)) if motion.frames is None else motion.frames
        for motion in motions
    ]
    told = next((m.clip_times_s for m in motions if m.clip_times_s is not None), None)
    count = max(int(own[-1]) for own in frames) + 1 if told is None else len(told)
    if count > max(FEW_FRAMES, SPARSEST * max(len(own) for own in frames)):
        raise FormatError(
            f"{source}: its frames are numbered up to {count - 1}, but there are few of them. "
            "Number them as in the clip."
        )
    _spend(source, len(motions) * count)
    rate = fps or next((m.fps for m in motions if m.fps is not None), None)
    if fps is not None:
        times_s = np.arange(count) / fps
    else:
        times_s = _clip_times(motions, frames, count, rate) if told is None else told
    if (np.diff(times_s) <= 0).any() or max(int(own[-1]) for own in frames) >= count:
        raise FormatError(f"{source}: the times of its files do not fit. Give files of one clip.")
    steps = np.diff(times_s)
    rate = rate or (float(1 / steps.mean()) if len(steps) else 30.0)
    if not MIN_FPS <= rate <= MAX_FPS:
        raise FormatError(f"{source}: {rate:g} frames a second are none of a video. Give --fps.")
    world = np.full((len(motions), count, H36M17.num_joints, 3), np.nan)
    unseen = np.zeros(world.shape[:2], bool)
    for i, (motion, own) in enumerate(zip(motions, frames, strict=True)):
        span = slice(int(own[0]), int(own[-1]) + 1)
        world[i, span] = _at(motion.world, own, np.arange(span.start, span.stop))
        # A frame that was left out is filled in, and so it is marked.
        unseen[i, span] = ~np.isin(np.arange(span.start, span.stop), own)
        if motion.interpolated is not None:
            unseen[i, own] |= motion.interpolated
    world = world.astype(np.float32)
    return Poses3D(
        timeline=Timeline(*size, rate, times_s),
        person_id=np.array([1 if m.person_id is None else m.person_id for m in motions]),
        pose=(world - world[:, :, :1]) @ LEVEL.T.astype(np.float32),
        trajectory=None,
        world=world,
        valid=np.isfinite(world).all((2, 3)),
        interpolated=unseen,
        up=np.array([0.0, -1.0, 0.0]),
        focal_px=float("nan"),
    )


def in_place_of(motions: Sequence[EditedMotion], like: Poses3D) -> ReadBack:
    """The original with the motions in the place of its people of the same ids.

    Raises: FormatError: a motion is of no time of the clip; UnknownName: of nobody in it;
        LayoutMismatch: the original has other joints.
    """
    if like.layout.joints != H36M17.joints:
        raise LayoutMismatch(
            f"exports have the joints of 'h36m', the original those of '{like.layout.name}'"
        )
    known = like.person_id.tolist()
    pose, world = like.pose.astype(np.float64), like.world.astype(np.float64)
    trajectory = None if like.trajectory is None else like.trajectory.astype(np.float64)
    valid, unseen = like.valid.copy(), like.interpolated.copy()
    notes = []
    for motion in motions:
        if motion.person_id is None and len(known) > 1:
            raise FormatError(
                f"{motion.source}: does not say whose motion it is. Call it person_ID, or give "
                f"--person: {', '.join(map(str, known))}."
            )
        who = known[0] if motion.person_id is None else motion.person_id
        if who not in known:
            raise UnknownName("person", str(who), map(str, known))
        row = known.index(who)
        turn = _camera_of(like, row)
        _spend(motion.source, len(like.timeline))
        frames, places, filled = _on_timeline(motion, like, row)
        lost = _lost_s(motion, like, row)
        if lost > 0:
            notes.append(f"person {who} goes on {lost:.2f} s outside the clip; that is left out")
        # Where the camera saw the root before: of a frame that is new, of the nearest.
        lived = np.flatnonzero(like.valid[row])
        nearest = lived[_nearest(lived, frames)]
        seen = unseen[row, nearest] if motion.interpolated is None else filled
        for values in (pose, world, *([] if trajectory is None else [trajectory])):
            values[row] = np.nan
        valid[row], unseen[row] = False, False
        valid[row, frames], unseen[row, frames] = True, seen
        world[row, frames] = places
        pose[row, frames] = (places - places[:, :1]) @ turn.T
        if trajectory is not None and like.trajectory is not None:
            moved = places[:, 0] - like.world[row, nearest, 0]
            trajectory[row, frames] = like.trajectory[row, nearest] + moved @ turn.T
    edited = replace(
        like,
        pose=pose.astype(np.float32),
        trajectory=None if trajectory is None else trajectory.astype(np.float32),
        world=world.astype(np.float32),
        valid=valid,
        interpolated=unseen,
    )
    return ReadBack(edited, tuple(notes))


def _spend(path: Path, frames: int) -> None:
    """Raises: FormatError: more memory than a file of this size may take."""
    budget: Budget = budget_of(path)
    try:
        budget.spend(frames * FRAME_BYTES, f"{frames} frames")
    except ValueError as error:
        raise FormatError(f"{path}: {error}. Cut it into pieces.") from None


def _clip_times(
    motions: Sequence[EditedMotion], frames: Sequence[np.ndarray], count: int, rate: float | None
) -> np.ndarray:
    """(count,) seconds: what any file says of a frame, and in between by the usual step."""
    times_s = np.full(count, np.nan)
    for motion, own in zip(motions, frames, strict=True):
        times_s[own] = motion.times_s
    known = np.flatnonzero(np.isfinite(times_s))
    steps = np.diff(times_s[known]) / np.diff(known)
    step = float(np.median(steps)) if len(steps) else 1 / (rate or 30.0)
    every = np.arange(count)
    found = np.interp(every, known, times_s[known])
    return np.asarray(
        found + np.minimum(every - known[0], 0) * step + np.maximum(every - known[-1], 0) * step
    )


def _at(values: np.ndarray, times: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(T, ...) between their times in a straight line; outside, the nearest."""
    place = np.interp(wanted, times, np.arange(len(times)))
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, len(times) - 1)
    share = (place - below).reshape(-1, *[1] * (values.ndim - 1))
    return np.asarray(values[below] * (1 - share) + values[above] * share)


def _camera_of(poses: Poses3D, row: int) -> np.ndarray:
    """(3, 3) that turns directions of a person's world into the camera's, columns.

    Between cuts everybody has the same.
    """
    lived = poses.valid[row]
    world, camera = (
        (places - places[:, :1]).reshape(-1, 3).astype(np.float64)
        for places in (poses.world[row, lived], poses.pose[row, lived])
    )
    turn, _ = Rotation.align_vectors(camera, world)
    return np.asarray(turn.as_matrix())


def _start_s(motion: EditedMotion, like: Poses3D, row: int) -> float:
    """When the motion begins in the clip, to be added to its times: BVH knows nothing of it."""
    first = np.flatnonzero(like.valid[row])[0]
    return float(like.timeline.times_s[first]) if motion.frames is None else 0.0


def _on_timeline(
    motion: EditedMotion, like: Poses3D, row: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames of the clip in which the person lives, (N, 17, 3) places, (N,) interpolated.

    Raises: FormatError: no frame of the clip is within the motion.
    """
    times_s, lived = like.timeline.times_s, np.flatnonzero(like.valid[row])
    own = motion.times_s + _start_s(motion, like, row)
    if motion.frames is None and len(lived) == len(own):
        return lived, motion.world, np.zeros(len(own), bool)
    slack = SLACK_S + (0.5 * float(np.median(np.diff(own))) if motion.frames is None else 0.0)
    frames = np.flatnonzero((times_s >= own[0] - slack) & (times_s <= own[-1] + slack))
    if not len(frames):
        raise FormatError(
            f"{motion.source}: is of {own[0]:.2f} to {own[-1]:.2f} s, the clip of {times_s[0]:.2f} "
            f"to {times_s[-1]:.2f} s. Give the poses that it was exported from."
        )
    nearest = _nearest(own, times_s[frames])
    gap = np.abs(own[nearest] - times_s[frames]) > max(SLACK_S, _longest(own))
    filled = gap if motion.interpolated is None else motion.interpolated[nearest] | gap
    return frames, _at(motion.world, own, times_s[frames]), filled


def _nearest(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(N,) which of rising values is nearest to each that is wanted."""
    return np.rint(np.interp(wanted, values, np.arange(len(values)))).astype(int)


def _longest(times_s: np.ndarray) -> float:
    """How far from a frame of the motion one of the clip may be without being filled in."""
    return float(np.median(np.diff(times_s))) if len(times_s) > 1 else 0.0


def _lost_s(motion: EditedMotion, like: Poses3D, row: int) -> float:
    """How long the motion goes on before and after the clip, beyond a frame."""
    own, times_s = motion.times_s + _start_s(motion, like, row), like.timeline.times_s
    outside = max(float(times_s[0] - own[0]), 0.0) + max(float(own[-1] - times_s[-1]), 0.0)
    return outside if outside > 1.5 / like.timeline.fps else 0.0


def described(poses: Poses3D) -> str:
    """People and frames, for a line of the command."""
    people, frames = len(poses.person_id), len(poses.timeline)
    return f"{count_of(people, 'person')}, {count_of(frames, 'frame')}"
