"""The values that travel between stages. Each checks its own shapes.

T frames of a clip, J joints, P people, N detections mean the same everywhere. Pixels
are those of the upright image: rotation metadata is already applied.

Values that hold arrays are equal only to themselves, print their shapes, and `at` gives the
same value at some of its frames:

>>> poses = poselift.load_poses("out/walk/poses3d.npz")  # doctest: +SKIP
>>> poses.at(slice(30, 60)).world.shape  # doctest: +SKIP
(2, 30, 17, 3)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from poselift.data.scene import NOTHING_KNOWN, CameraPath, KnownScene
from poselift.data.skeletons import COCO17, H36M17, Skeleton

# No video is larger along a side, faster or slower; what says so in a file is damaged.
MAX_PIXELS = 1 << 16
MIN_FPS, MAX_FPS = 1e-6, 1e6

Frames = slice | np.ndarray  # of a clip: a stretch, or indices


@dataclass(frozen=True)
class VideoInfo:
    """A video as it is shown.

    Args:
        width, height: pixels, after rotation.
        fps: mean frames per second; frame times are exact, this is for people.
        rotation: degrees anticlockwise that the stored frames are turned by.
        duration_s, frame_count: what the container claims; None when it is silent.
        hdr: the curve of its high dynamic range, which frames are shown without.
        focal_px: focal length by the file's own word.
    """

    name: str
    width: int
    height: int
    fps: float
    rotation: int = 0
    duration_s: float | None = None
    frame_count: int | None = None
    has_audio: bool = False
    hdr: Literal["pq", "hlg"] | None = None
    focal_px: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class FrameDetections:
    """The people found in one frame.

    Args:
        boxes: (N, 4) x1 y1 x2 y2, pixels.
        scores: (N,) confidence that this is a person, [0, 1].
        keypoints: (N, J, 2) pixels.
        confidence: (N, J) in [0, 1].
    """

    boxes: np.ndarray
    scores: np.ndarray
    keypoints: np.ndarray
    confidence: np.ndarray

    def __post_init__(self) -> None:
        count = len(self.scores)
        joints = self.keypoints.shape[1]
        _check(self, boxes=(count, 4), scores=(count,), keypoints=(count, joints, 2))
        _check(self, confidence=(count, joints))

    def __len__(self) -> int:
        return len(self.scores)

    def __repr__(self) -> str:
        return f"FrameDetections({count_of(len(self), 'person')}, {self.keypoints.shape[1]} joints)"

    def select(self, rows: np.ndarray) -> FrameDetections:
        return FrameDetections(
            self.boxes[rows], self.scores[rows], self.keypoints[rows], self.confidence[rows]
        )

    @classmethod
    def none(cls, layout: Skeleton = COCO17) -> FrameDetections:
        shapes = (0, 4), (0,), (0, layout.num_joints, 2), (0, layout.num_joints)
        return cls(*(np.zeros(shape, np.float32) for shape in shapes))


@dataclass(frozen=True, eq=False, repr=False)
class Timeline:
    """The frames of a clip: how large, when, and what was lost.

    Args:
        times_s: (T,) presentation times, seconds from the video's start.
        expected_frames: more than T when the file breaks off; None when unknown.
    """

    width: int
    height: int
    fps: float
    times_s: np.ndarray
    expected_frames: int | None = None

    def __post_init__(self) -> None:
        _check(self, times_s=(len(self.times_s),))
        # Of NaN, nothing is true.
        if not (self.width >= 1 and self.height >= 1 and 0 < self.fps < np.inf):
            size = f"{self.width} x {self.height} pixels"
            raise ValueError(f"a video of {size} and {self.fps:g} frames per second")
        if not np.isfinite(self.times_s).all():
            raise ValueError("times of frames that are no times")

    def __len__(self) -> int:
        return len(self.times_s)

    def __repr__(self) -> str:
        return f"Timeline({self._text}, {self.width} x {self.height} pixels)"

    @property
    def _text(self) -> str:
        return f"{count_of(len(self), 'frame')}, {self.fps:.2f} fps"

    def at(self, frames: Frames) -> Timeline:
        return replace(self, times_s=self.times_s[frames], expected_frames=None)

    @property
    def lost_frames(self) -> int:
        """Frames that the file promises and does not hold.

        Containers count loosely, so a difference of two frames or 2 % means nothing.
        """
        missing = (self.expected_frames or 0) - len(self)
        return missing if missing > max(2, 0.02 * len(self)) else 0


@dataclass(frozen=True, eq=False, repr=False)
class Detections:
    """Everything the detector saw in a clip: one FrameDetections per frame."""

    timeline: Timeline
    frames: tuple[FrameDetections, ...]
    layout: Skeleton = COCO17

    def __post_init__(self) -> None:
        if len(self.frames) != len(self.timeline):
            raise ValueError(f"{len(self.frames)} frames of detections, {len(self.timeline)} times")

    def __repr__(self) -> str:
        seen = sum(len(frame) > 0 for frame in self.frames)
        return f"Detections({self.timeline._text}, somebody in {seen}, '{self.layout.name}')"

    def at(self, frames: Frames) -> Detections:
        chosen = np.arange(len(self.frames))[frames]
        return replace(
            self, timeline=self.timeline.at(frames), frames=tuple(self.frames[i] for i in chosen)
        )


@dataclass(frozen=True, eq=False, repr=False)
class Keypoints2D:
    """One person over the whole clip.

    Args:
        person_id: from 1, in order of appearance; of imported keypoints the file's own.
        xy: (T, J, 2) pixels; NaN outside the person's life span.
        confidence: (T, J) in [0, 1]; 0 outside the life span.
        seen: (T,) bool, the detector found the person in this frame.
        interpolated: (T, J) bool, filled in between frames that were seen.
        scores: (T,) detection score; 0 where not seen.
    """

    person_id: int
    xy: np.ndarray
    confidence: np.ndarray
    seen: np.ndarray
    interpolated: np.ndarray
    scores: np.ndarray
    layout: Skeleton = COCO17

    def __post_init__(self) -> None:
        frames, joints = self.xy.shape[0], self.layout.num_joints
        _check(self, xy=(frames, joints, 2), confidence=(frames, joints), seen=(frames,))
        _check(self, interpolated=(frames, joints), scores=(frames,))

    def __repr__(self) -> str:
        span = self.span
        return (
            f"Keypoints2D(person {self.person_id}, frames {span.start} to {span.stop - 1} of "
            f"{len(self.xy)}, {int(self.seen.sum())} seen, {self.layout.num_joints} joints)"
        )

    def at(self, frames: Frames) -> Keypoints2D:
        return replace(
            self,
            xy=self.xy[frames],
            confidence=self.confidence[frames],
            seen=self.seen[frames],
            interpolated=self.interpolated[frames],
            scores=self.scores[frames],
        )

    @property
    def valid(self) -> np.ndarray:
        """(T,) bool: within the life span, every joint has a position."""
        return ~np.isnan(self.xy).any((1, 2))

    @property
    def span(self) -> slice:
        """The life span: from the first frame seen to the last."""
        frames = np.flatnonzero(self.valid)
        return slice(int(frames[0]), int(frames[-1]) + 1) if len(frames) else slice(0, 0)


@dataclass(frozen=True, eq=False, repr=False)
class Tracks:
    """The people of a clip."""

    timeline: Timeline
    people: tuple[Keypoints2D, ...]

    def __post_init__(self) -> None:
        for person in self.people:
            if len(person.xy) != len(self.timeline):
                raise ValueError(
                    f"person {person.person_id} has {len(person.xy)} frames, "
                    f"the clip {len(self.timeline)}"
                )

    def __repr__(self) -> str:
        return f"Tracks({count_of(len(self.people), 'person')}, {self.timeline._text})"

    def at(self, frames: Frames) -> Tracks:
        return Tracks(self.timeline.at(frames), tuple(p.at(frames) for p in self.people))


@dataclass(frozen=True, eq=False, repr=False)
class Poses3D:
    """The people of a clip in 3D. Metres throughout; NaN where `valid` is False.

    Args:
        person_id: (P,).
        pose: (P, T, J, 3) relative to the root joint, camera space (x right, y down,
            z forward).
        trajectory: (P, T, 3) the root in camera space; None when the lifter has none.
        world: (P, T, J, 3) x right, y away from the camera, z up, feet on the floor z = 0.
        valid: (P, T) bool, within the person's life span.
        interpolated: (P, T) bool, lifted from keypoints that were filled in.
        up: (3,) the world's up direction in camera space.
        up_degrees: how far that may be off, one standard deviation; nan: not known.
        focal_px: focal length that the trajectory assumes; nan without a trajectory.
        known: what was known of the scene, and is kept here.
        camera: how the camera moved; camera space is then that of its middle frame. None: still.
    """

    timeline: Timeline
    person_id: np.ndarray
    pose: np.ndarray
    trajectory: np.ndarray | None
    world: np.ndarray
    valid: np.ndarray
    interpolated: np.ndarray
    up: np.ndarray
    focal_px: float
    layout: Skeleton = H36M17
    known: KnownScene = NOTHING_KNOWN
    camera: CameraPath | None = None
    up_degrees: float = float("nan")

    def __post_init__(self) -> None:
        people, frames, joints = len(self.person_id), len(self.timeline), self.layout.num_joints
        _check(self, pose=(people, frames, joints, 3), world=(people, frames, joints, 3))
        _check(self, valid=(people, frames), interpolated=(people, frames), up=(3,))
        if self.trajectory is not None:
            _check(self, trajectory=(people, frames, 3))

    def __repr__(self) -> str:
        people, joints = count_of(len(self.person_id), "person"), self.layout.num_joints
        path = "without" if self.trajectory is None else "with"
        return f"Poses3D({people}, {self.timeline._text}, {joints} joints, {path} trajectory)"

    def at(self, frames: Frames) -> Poses3D:
        return replace(
            self,
            timeline=self.timeline.at(frames),
            pose=self.pose[:, frames],
            trajectory=None if self.trajectory is None else self.trajectory[:, frames],
            world=self.world[:, frames],
            valid=self.valid[:, frames],
            interpolated=self.interpolated[:, frames],
            camera=None if self.camera is None else self.camera.at(frames),
        )


def count_of(number: int, noun: str) -> str:
    """1 person, 2 people, 3 frames."""
    plural = {"person": "people", "series": "series"}.get(noun, noun + "s")
    return f"{number} {noun if number == 1 else plural}"


def _check(value: Any, **shapes: tuple[int, ...]) -> None:
    for name, shape in shapes.items():
        found = getattr(value, name).shape
        if found != shape:
            raise ValueError(f"{type(value).__name__}.{name}: shape {found}, expected {shape}")
