"""One take of a data set: exported as positions, or drawn through the main job's renderer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poselift.data.cameras import (
    camera_to_world,
    image_coordinates,
    quaternion_inverse,
    quaternion_rotate,
)
from poselift.data.datasets.motion_datasets import MotionDataset, View
from poselift.data.errors import FormatError, UnknownName
from poselift.data.files.file_kinds import FileKind, check_output
from poselift.data.files.whole_file import whole_file
from poselift.data.skeletons import Skeleton
from poselift.data.structures import Keypoints2D, Poses3D, Timeline, Tracks, count_of
from poselift.inference.poses.lifting import Lifter
from poselift.inference.poses.tracks_to_poses import poses_of
from poselift.inference.video.own_videos import OVERLAY
from poselift.inference.video.video_reader import VideoReader
from poselift.inference.video.video_writer import Kind
from poselift.pipeline.overlay.canvas import overlay_size
from poselift.pipeline.overlay.render import render_overlay

UNKNOWN_FPS = 25.0
_COUNTED_FRAMES = 2  # containers promise a few too many
_SAME_SHAPE = 0.01  # sides that were scaled are rounded


def _is_export(path: Path) -> bool:
    with path.open("rb") as stream:
        if np.lib.format.read_magic(stream) != (1, 0):
            return False
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    return len(shape) == 3 and shape[2] == 3 and dtype == np.float32


EXPORT_FILE = FileKind("an export of 3D positions", (".npy",), _is_export)


@dataclass(frozen=True)
class ViewChoice:
    """What is shown.

    Args:
        camera: index of the view.
        flip: test-time augmentation by the mirror image.
        skip, limit: frames of the take left out at its start, and shown at most.
        downsample: show every N-th frame of those.
    """

    subject: str
    action: str
    camera: int = 0
    flip: bool = True
    skip: int = 0
    limit: int | None = None
    downsample: int = 1

    def view(self, dataset: MotionDataset) -> View:
        """Raises: UnknownName, FormatError."""
        views = dataset.views(self.subject, self.action)
        if not 0 <= self.camera < len(views):
            cameras = [str(i) for i in range(len(views))]
            raise UnknownName(f"camera of {self.subject} {self.action}", str(self.camera), cameras)
        return views[self.camera]

    def frames(self, count: int) -> np.ndarray:
        """Indices of the frames that are shown, of `count`. Raises: FormatError: none."""
        chosen = np.arange(count)[self.skip :][: self.limit][:: self.downsample]
        if not len(chosen):
            raise FormatError(
                f"{self.subject} {self.action}: has {count} frames, none is left after skipping "
                f"{self.skip}. Give a smaller --viz-skip."
            )
        return chosen


def check_view(dataset: MotionDataset, choice: ViewChoice, video: Path | None) -> tuple[str, ...]:
    """What the user should know of the video before it is drawn on, a sentence each.

    Raises: UnknownName, VideoError; FormatError: no such frames, or a video of another shape.
    """
    view = choice.view(dataset)
    choice.frames(len(view))
    if video is None:
        return ()
    reader, notes = VideoReader(video), []
    size, own = (reader.info.width, reader.info.height), (view.camera.width, view.camera.height)
    whose = f"the keypoints of {view.subject} {view.action}"
    if abs(size[0] * own[1] - size[1] * own[0]) > _SAME_SHAPE * own[0] * size[1]:
        raise FormatError(
            f"{video}: has {size[0]}x{size[1]} pixels, but {whose} are of {own[0]}x{own[1]}. "
            "Give the video that they are of with --viz-video."
        )
    if size != own:
        notes.append(
            f"{video}: has {size[0]}x{size[1]} pixels, {whose} are of {own[0]}x{own[1]}; "
            "they are drawn to scale"
        )
    frames = reader.expected_frames
    if frames is not None and abs(frames - len(view)) > _COUNTED_FRAMES:
        notes.append(
            f"{video}: has {count_of(frames, 'frame')}, {whose} have {len(view)}; "
            "is it another video?"
        )
    return tuple(notes)


def export_view(lifter: Lifter, dataset: MotionDataset, choice: ViewChoice, path: Path) -> None:
    """Write the prediction as .npy, (T, J, 3) float32 metres, camera space.

    Where the truth is not known, the lifter's trajectory is added.
    Raises: LayoutMismatch, OutputError, UnknownName, FormatError.
    """
    view = choice.view(dataset)
    lifted = lifter.lift(view.keypoints, layout=dataset.layout_in, flip=choice.flip)
    positions = lifted.pose
    if view.target is None and lifted.trajectory is not None:
        positions = positions + lifted.trajectory[:, None]
    with whole_file(path) as part, part.open("wb") as stream:
        np.save(stream, positions.astype(np.float32))


def render_view(
    lifter: Lifter,
    dataset: MotionDataset,
    choice: ViewChoice,
    destination: Path,
    *,
    video: Path | None = None,
    height: int = 500,
    bitrate_kbps: int | None = None,
    ground_truth: bool = True,
) -> None:
    """Draw the keypoints on the video (or on black), the poses, and the truth if known.

    Args:
        video: its frames are the take's; None draws on black.
        height: of the canvas, pixels.
    Raises: LayoutMismatch, VideoError, OutputError, UnknownName, FormatError.
    """
    check_output(destination, OVERLAY, [] if video is None else [video])
    kind: Kind = "gif" if destination.suffix.lower() == ".gif" else "mp4"
    view = choice.view(dataset)
    size = view.camera.width, view.camera.height
    reader = None
    if video is not None:
        reader = VideoReader(video, fit=overlay_size(*size, kind, panel=height))
    count = len(view)
    if reader is not None and reader.expected_frames:
        count = min(count, reader.expected_frames)
    chosen = choice.frames(count)
    tracks, poses, truth = _in_the_world(lifter, dataset, view, choice.flip, _fps(dataset, reader))
    render_overlay(
        _black(size) if reader is None else _pictures(reader, chosen),
        tracks.at(chosen),
        poses.at(chosen),
        destination,
        kind=kind,
        truth=truth.at(chosen) if truth is not None and ground_truth else None,
        panel=height,
        bitrate_kbps=bitrate_kbps,
    )


def _in_the_world(
    lifter: Lifter, dataset: MotionDataset, view: View, flip: bool, fps: float
) -> tuple[Tracks, Poses3D, Poses3D | None]:
    """The whole view as the main job's values: keypoints, poses and, if known, the truth."""
    tracks = _tracks(view, dataset.layout_in, fps)
    if view.target is None:
        return tracks, poses_of(tracks, lifter, flip=flip, steady=False), None
    lifted = lifter.lift(view.keypoints, layout=dataset.layout_in, flip=flip)
    root = view.target[:, 0]
    layout = dataset.layout
    poses = _seen_from(view, tracks.timeline, lifted.pose, root, layout)
    return tracks, poses, _seen_from(view, tracks.timeline, view.root_relative, root, layout)


def _tracks(view: View, layout: Skeleton, fps: float) -> Tracks:
    frames, joints = view.keypoints.shape[:2]
    width, height = view.camera.width, view.camera.height
    person = Keypoints2D(
        person_id=1,
        xy=image_coordinates(view.keypoints, width, height),
        confidence=np.ones((frames, joints), np.float32),
        seen=np.ones(frames, bool),
        interpolated=np.zeros((frames, joints), bool),
        scores=np.ones(frames, np.float32),
        layout=layout,
    )
    return Tracks(Timeline(width, height, fps, np.arange(frames) / fps), (person,))


def _seen_from(
    view: View, timeline: Timeline, pose: np.ndarray, root: np.ndarray, layout: Skeleton
) -> Poses3D:
    """Poses whose camera is known: the data set's world, turned so that y leads away from it.

    Args:
        pose: (T, J, 3) root-relative, camera space. root: (T, 3).
    """
    camera = view.camera
    placed = camera_to_world(pose + root[:, None], camera.orientation, camera.translation)
    sky = np.array([0, 0, 1], np.float32)
    return Poses3D(
        timeline=timeline,
        person_id=np.array([1]),
        pose=pose[None],
        trajectory=root[None],
        world=(placed @ _turn(camera.orientation))[None],
        valid=np.ones((1, len(pose)), bool),
        interpolated=np.zeros((1, len(pose)), bool),
        up=quaternion_rotate(quaternion_inverse(camera.orientation), sky),
        focal_px=float("nan"),
        layout=layout,
    )


def _turn(orientation: np.ndarray) -> np.ndarray:
    """(3, 3) to multiply rows with: about the upright, the camera's view becomes +y."""
    x, y, _ = quaternion_rotate(orientation, np.array([0, 0, 1], np.float32))
    length = max(float(np.hypot(x, y)), 1e-6)
    x, y = x / length, y / length
    return np.array([[y, x, 0], [-x, y, 0], [0, 0, 1]], np.float32)


def _fps(dataset: MotionDataset, reader: VideoReader | None) -> float:
    if dataset.fps is not None:
        return dataset.fps
    return UNKNOWN_FPS if reader is None else reader.info.fps


def _black(size: tuple[int, int]) -> Iterator[np.ndarray]:
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    while True:
        yield picture


def _pictures(reader: VideoReader, chosen: np.ndarray) -> Iterator[np.ndarray]:
    """The chosen frames; containers promise a few too many, then the last one stays."""
    wanted = iter(chosen)
    index = next(wanted)
    picture = None
    for frame in reader:
        picture = frame.image
        if frame.index == index:
            yield picture
            following = next(wanted, None)
            if following is None:
                return
            index = following
    while picture is not None:
        yield picture
