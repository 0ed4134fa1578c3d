"""The stages alone: `poselift detect | dataset | lift | render`, file to file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poselift.data.errors import FormatError, one_line
from poselift.data.structures import count_of
from poselift.inference.detectors.choice import chosen
from poselift.pipeline.clip.settings import checked_people
from poselift.pipeline.flags.scene_flags import add_scene, known_scene
from poselift.pipeline.flags.shared_flags import (
    add_detector,
    add_device,
    add_lifter,
    add_look,
    add_rotate,
    add_stretch,
    add_view,
)
from poselift.pipeline.progress import progress_for

if TYPE_CHECKING:
    from poselift.data.scene import CameraPath


def add(commands: Any) -> None:
    _add_detect(commands.add_parser("detect", help="video -> detections.npz"))

    _add_camera(commands.add_parser("camera", help="video and detections.npz -> camera.npz"))

    command = commands.add_parser("dataset", help="detections.npz -> keypoints2d.npz (tracks)")
    command.add_argument("detections", type=Path)
    _add_output(command, "keypoints2d.npz")
    command.add_argument("--people", default="all", metavar="all|best|N", type=checked_people)
    _add_camera_file(command, "nobody is followed across its cuts")
    command.set_defaults(handler=_dataset)

    _add_lift(commands.add_parser("lift", help="keypoints2d.npz -> poses3d.npz"))

    command = commands.add_parser("render", help="video, keypoints and poses -> overlay")
    command.add_argument("video", type=Path)
    command.add_argument("keypoints", type=Path)
    command.add_argument("poses", type=Path)
    _add_output(command, "overlay.mp4 or overlay.gif")
    add_rotate(command)
    add_look(command)
    command.set_defaults(handler=_render)


def _add_detect(command: argparse.ArgumentParser) -> None:
    command.add_argument("video", type=Path)
    _add_output(command, "detections.npz")
    add_detector(command)
    add_device(command)
    add_stretch(command)
    add_view(command)
    command.set_defaults(handler=lambda asked: _detect(asked, command))


def _add_camera(command: argparse.ArgumentParser) -> None:
    command.add_argument("video", type=Path)
    command.add_argument("detections", type=Path)
    _add_output(command, "camera.npz")
    command.add_argument(
        "--focal-px", type=float, metavar="PX", help="focal length in pixels of the full picture"
    )
    add_rotate(command)
    command.set_defaults(handler=lambda asked: _camera(asked, command))


def _add_lift(command: argparse.ArgumentParser) -> None:
    command.add_argument("keypoints", type=Path)
    _add_output(command, "poses3d.npz")
    add_lifter(command)
    add_scene(command)
    _add_camera_file(command, "people are placed in one world as it moves")
    command.set_defaults(handler=lambda asked: _lift(asked, command))


def _add_output(command: argparse.ArgumentParser, example: str) -> None:
    command.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help=example)


def _add_camera_file(command: argparse.ArgumentParser, why: str) -> None:
    command.add_argument("--camera-file", type=Path, metavar="FILE", help=f"camera.npz: {why}")


def _camera(asked: argparse.Namespace, command: argparse.ArgumentParser) -> int:
    from poselift.data.archives.stage_results import CAMERA_FILE, load_detections, save_camera
    from poselift.data.files.file_kinds import check_output
    from poselift.data.scene import KnownScene
    from poselift.pipeline.clip.stages import watch_camera

    try:
        known = KnownScene(focal_px=asked.focal_px)
    except ValueError as error:
        command.error(str(error))
    check_output(asked.output, CAMERA_FILE, [asked.video, asked.detections])
    detections = load_detections(asked.detections)
    path = watch_camera(
        asked.video,
        detections,
        known,
        progress_for(),
        start_s=float(detections.timeline.times_s[0]),
        rotate=asked.rotate,
    )
    save_camera(asked.output, path)
    print(one_line(f"{path.kind}, {count_of(len(path.cuts), 'cut')} -> {asked.output}"))
    return 0


def _camera_file(asked: argparse.Namespace, frames: int, what: Path) -> CameraPath | None:
    """Raises: FormatError: it is of other frames."""
    from poselift.data.archives.stage_results import load_camera

    if asked.camera_file is None:
        return None
    camera = load_camera(asked.camera_file)
    if len(camera.zoom) != frames:
        raise FormatError(
            f"{asked.camera_file}: is of {count_of(len(camera.zoom), 'frame')}, {what} has "
            f"{frames}. Make it anew with poselift camera."
        )
    return camera


def _detect(asked: argparse.Namespace, command: argparse.ArgumentParser) -> int:
    from poselift.data.archives.stage_results import DETECTIONS_FILE, save_detections
    from poselift.data.files.whole_file import check_writable
    from poselift.inference.detecting import DetectorPool, detect_whole, detection_reader
    from poselift.inference.detectors import make_detector

    try:
        choice = chosen(asked, asked.device)
    except ValueError as error:
        command.error(str(error))
    check_writable(asked.output, DETECTIONS_FILE, [asked.video])
    reader = detection_reader(
        asked.video, asked.start, asked.end, rotate=asked.rotate, fps=asked.fps
    )
    with DetectorPool(lambda: make_detector(choice), asked.workers) as pool:
        detections = detect_whole(reader, pool, progress_for())
    save_detections(asked.output, detections)
    found = count_of(sum(len(frame) for frame in detections.frames), "detection")
    print(one_line(f"{count_of(len(detections.frames), 'frame')}, {found} -> {asked.output}"))
    return 0


def _dataset(asked: argparse.Namespace) -> int:
    from poselift.data.archives.stage_results import KEYPOINTS_FILE, load_detections, save_tracks
    from poselift.data.files.file_kinds import check_output
    from poselift.inference.people.tracking import TrackerSettings
    from poselift.pipeline.clip.stages import track_people

    check_output(asked.output, KEYPOINTS_FILE, [asked.detections])
    detections = load_detections(asked.detections)
    camera = _camera_file(asked, len(detections.timeline), asked.detections)
    cuts = camera.cuts if camera else ()
    tracks = track_people(asked.detections, detections, asked.people, TrackerSettings(), cuts)
    save_tracks(asked.output, tracks)
    print(one_line(f"{count_of(len(tracks.people), 'person')} -> {asked.output}"))
    return 0


def _lift(asked: argparse.Namespace, command: argparse.ArgumentParser) -> int:
    from poselift.data.archives.stage_results import POSES_FILE, load_tracks, save_poses
    from poselift.data.files.file_kinds import check_output
    from poselift.pipeline.clip.networks import make_lifter
    from poselift.pipeline.clip.stages import lift_people

    try:
        known = known_scene(asked)
    except ValueError as error:
        command.error(str(error))
    check_output(asked.output, POSES_FILE, [asked.keypoints, Path(asked.lifter)])
    tracks = load_tracks(asked.keypoints)
    lifter, _ = make_lifter(asked.lifter, asked.device)
    camera = _camera_file(asked, len(tracks.timeline), asked.keypoints)
    poses = lift_people(
        asked.keypoints.name, tracks, lifter, progress_for(), known=known, camera=camera
    )
    save_poses(asked.output, poses)
    people, frames = count_of(len(tracks.people), "person"), len(tracks.timeline)
    print(one_line(f"{people}, {count_of(frames, 'frame')} -> {asked.output}"))
    return 0


def _render(asked: argparse.Namespace) -> int:
    from poselift.data.archives.stage_results import load_poses, load_tracks
    from poselift.data.files.file_kinds import check_output
    from poselift.inference.video.own_videos import OVERLAY
    from poselift.pipeline.clip.stages import render_clip
    from poselift.pipeline.overlay.look import Look

    check_output(asked.output, OVERLAY, [asked.video, asked.keypoints, asked.poses])
    tracks, poses = load_tracks(asked.keypoints), load_poses(asked.poses)
    if len(tracks.timeline) != len(poses.timeline):
        raise FormatError(
            f"{asked.poses}: has {count_of(len(poses.timeline), 'frame')}, {asked.keypoints} has "
            f"{len(tracks.timeline)}. Lift these keypoints again."
        )
    start_s = float(tracks.timeline.times_s[0])
    render_clip(
        asked.video,
        tracks,
        poses,
        asked.output,
        progress_for(),
        start_s=start_s,
        rotate=asked.rotate,
        look=Look(asked.view, asked.style),
    )
    print(one_line(asked.output))
    return 0
