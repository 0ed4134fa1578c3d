"""Motion-capture data sets seen by cameras: Human3.6M, HumanEva-I and videos of one's own.

A data set is an archive of 2D keypoints (`data_2d_NAME_KEYPOINTS.npz`) and, unless it is
custom, one of 3D joints in the world (`data_3d_NAME.npz`). A View is what training and
evaluation work on: one take through one camera, both in the camera's own terms.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from poselift.data.archives.keypoint_archive import KeypointArchive, load_keypoint_archive
from poselift.data.archives.positions_archive import load_positions_archive
from poselift.data.cameras import normalise_screen, world_to_camera
from poselift.data.datasets.h36m_views import KEPT
from poselift.data.datasets.known_cameras import (
    Camera,
    Cameras,
    h36m_cameras,
    humaneva_cameras,
    humaneva_subject,
    in_the_wild_camera,
)
from poselift.data.datasets.published_files import check_present
from poselift.data.errors import FormatError, UnknownName
from poselift.data.files.places import archives_folder
from poselift.data.skeletons import H36M17, H36M32, HUMANEVA15, HUMANEVA20, SKELETONS, Skeleton

FOLDER = archives_folder()
FRAME_RATES = {"h36m": 50.0, "humaneva15": 60.0, "humaneva20": 60.0}


@dataclass(frozen=True, eq=False)
class View:
    """One take through one camera.

    Args:
        keypoints: (T, J_in, 2) float32, screen units.
        target: (T, J, 3) float32, metres, camera space; joint 0 is where the person is,
            the others are relative to it. None where the pose is not known.
        camera: `camera.intrinsics` is None where they were never published.
    """

    subject: str
    action: str
    keypoints: np.ndarray
    target: np.ndarray | None
    camera: Camera

    def __post_init__(self) -> None:
        if self.target is not None and len(self.target) != len(self.keypoints):
            raise ValueError(f"{len(self.keypoints)} frames of 2D, {len(self.target)} of 3D")

    def __len__(self) -> int:
        return len(self.keypoints)

    @property
    def root_relative(self) -> np.ndarray:
        """(T, J, 3) the target with joint 0 at zero: what a position network answers."""
        if self.target is None:
            raise ValueError(f"{self.subject} {self.action}: its pose is not known")
        pose = self.target.copy()
        pose[:, 0] = 0
        return pose

    def every(self, step: int, stretch: slice = slice(None)) -> View:
        """Every `step`-th frame of a stretch."""
        target = None if self.target is None else self.target[stretch][::step]
        return replace(self, keypoints=self.keypoints[stretch][::step], target=target)


@dataclass(frozen=True, eq=False)
class MotionDataset:
    """A data set's archives; views are made when they are asked for.

    Args:
        layout: of the 3D poses. layout_in: of the 2D keypoints.
        fps: None for custom videos, each of which has its own.
        positions: positions[subject][action] is (T, J, 3) float32, world, metres.
        cameras: by subject, without prefixes.
        source: the 2D archive, for messages.
    """

    name: str
    layout: Skeleton
    layout_in: Skeleton
    fps: float | None
    keypoints: KeypointArchive
    positions: Mapping[str, Mapping[str, np.ndarray]]
    cameras: Cameras
    source: Path

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(self.keypoints.positions)

    def actions(self, subject: str) -> tuple[str, ...]:
        """Raises: UnknownName."""
        if subject not in self.keypoints.positions:
            raise UnknownName(f"subject of {self.source.name}", subject, self.subjects)
        return tuple(self.keypoints.positions[subject])

    def views(self, subject: str, action: str) -> tuple[View, ...]:
        """One for each camera. Raises: UnknownName; FormatError: 2D and 3D do not fit."""
        if action not in self.actions(subject):
            raise UnknownName(f"action of {subject}", action, self.actions(subject))
        keypoints = self.keypoints.positions[subject][action]
        world = self.positions.get(subject, {}).get(action)
        cameras = self._cameras(subject)
        if len(keypoints) != len(cameras):
            raise FormatError(
                f"{self.source}: {subject} {action} has {len(keypoints)} cameras, expected "
                f"{len(cameras)}. Prepare the data set again."
            )
        return tuple(
            self._view(subject, action, camera, xy, world)
            for camera, xy in zip(cameras, keypoints, strict=True)
        )

    def _view(
        self, subject: str, action: str, camera: Camera, xy: np.ndarray, world: np.ndarray | None
    ) -> View:
        target = None
        if world is not None and np.isfinite(camera.translation).all():
            if len(xy) < len(world):
                raise FormatError(
                    f"{self.source}: {subject} {action} has {len(xy)} frames of 2D for "
                    f"{len(world)} of 3D. Prepare the data set again."
                )
            xy = xy[: len(world)]
            target = world_to_camera(world, camera.orientation, camera.translation)
            target[:, 1:] -= target[:, :1]
        screen = normalise_screen(xy.astype(np.float32), camera.width, camera.height)
        return View(subject, action, screen, target, camera)

    def _cameras(self, subject: str) -> Sequence[Camera]:
        if self.name == "custom":
            if subject not in self.keypoints.video_sizes:
                raise FormatError(f"{self.source}: does not say how large {subject} is.")
            width, height = self.keypoints.video_sizes[subject]
            return (replace(in_the_wild_camera(), width=width, height=height),)
        placed = self.cameras.get(humaneva_subject(subject), ())
        # Where a subject's cameras stood may be unknown; what they are is not.
        return placed or [_unplaced(camera) for camera in next(iter(self.cameras.values()))]


def load_motion_dataset(name: str, keypoints: str, folder: Path = FOLDER) -> MotionDataset:
    """`h36m`, `humaneva15`, `humaneva20` or `custom` with the keypoints of this name.

    Raises:
        UnknownName: no such data set.
        FormatError: an archive is missing (the message says where to get it) or damaged.
    """
    if name not in LAYOUTS:
        raise UnknownName("data set", name, LAYOUTS)
    layout, source = LAYOUTS[name], folder / f"data_2d_{name}_{keypoints}.npz"
    poses = folder / f"data_3d_{name}.npz"
    for path in (source,) if name == "custom" else (poses, source):
        check_present(path)
    archive = load_keypoint_archive(source)
    cameras: Cameras = {}
    if name != "custom":
        cameras = h36m_cameras() if name == "h36m" else humaneva_cameras()
    return MotionDataset(
        name=name,
        layout=layout,
        layout_in=keypoint_skeleton(archive),
        fps=FRAME_RATES.get(name),
        keypoints=archive,
        positions={} if name == "custom" else load_positions(poses, layout),
        cameras={subject: own for subject, own in cameras.items() if own},
        source=source,
    )


def load_positions(path: Path, layout: Skeleton) -> dict[str, dict[str, np.ndarray]]:
    """`data_3d_NAME.npz` -> [subject][action] (T, J, 3) float32, world, metres.

    Of Human3.6M's 32 joints, the 17 that are used are kept.
    Raises: UnsafeFile, FormatError.
    """
    kept = list(KEPT) if layout is H36M17 else slice(None)
    positions: dict[str, dict[str, np.ndarray]] = {}
    for subject, actions in load_positions_archive(path).items():
        positions[subject] = own = {}
        for action, joints in actions.items():
            taken = joints[:, kept] if joints.shape[1] == H36M32.num_joints else joints
            if taken.shape[1] != layout.num_joints:
                raise FormatError(
                    f"{path}: {subject} {action} has {joints.shape[1]} joints, "
                    f"{layout.name} has {layout.num_joints}. Prepare the data set again."
                )
            own[action] = taken.astype(np.float32)
    return positions


def keypoint_skeleton(archive: KeypointArchive) -> Skeleton:
    """The known layout of an archive's keypoints, or a nameless one with its mirror."""
    known = SKELETONS.get(archive.layout_name)
    if known is not None and known.mirror == archive.mirror:
        return known
    joints = [f"joint_{i}" for i in range(archive.num_joints)]
    for left, right in zip(archive.left, archive.right, strict=True):
        joints[left], joints[right] = f"left_{left}", f"right_{left}"
    return Skeleton(archive.layout_name, tuple(joints), ())


def select_views(
    dataset: MotionDataset,
    subjects: Iterable[str],
    actions: Sequence[str] | None = None,
    *,
    downsample: int = 1,
    subset: float = 1.0,
) -> list[View]:
    """The views of these subjects, in the archive's order of takes and cameras.

    Args:
        actions: prefixes of the names of actions; None takes all.
        downsample: keep every N-th frame.
        subset: below 1, keep one stretch of this share of each view (see subset_stretch).
    Raises: UnknownName, FormatError.
    """
    views = []
    for view in _chosen(dataset, subjects, actions):
        stretch = subset_stretch(len(view), subset, downsample) if subset < 1 else slice(None)
        views.append(view.every(downsample, stretch))
    return views


def _chosen(
    dataset: MotionDataset, subjects: Iterable[str], actions: Sequence[str] | None
) -> Iterator[View]:
    for subject in subjects:
        for action in dataset.actions(subject):
            if actions is None or action.startswith(tuple(actions)):
                yield from dataset.views(subject, action)


def subset_stretch(frames: int, share: float, downsample: int = 1) -> slice:
    """The stretch of a take that stands for it: its place is drawn from a hash of T.

    Source: VideoPose3D, so that the same 10 % are labelled in every experiment.
    """
    count = round(frames // downsample * share) * downsample
    digest = hashlib.sha256(str(frames).encode()).digest()
    drawn = int.from_bytes(digest[:4], "little") / (2**32 - 1)
    start = int(drawn * (frames - count + 1))
    return slice(start, start + count)


def _unplaced(camera: Camera) -> Camera:
    nowhere = np.full(3, np.nan, np.float32)
    return replace(camera, translation=nowhere)


LAYOUTS: dict[str, Skeleton] = {
    "h36m": H36M17,
    "humaneva15": HUMANEVA15,
    "humaneva20": HUMANEVA20,
    "custom": H36M17,
}
