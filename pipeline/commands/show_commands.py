"""`poselift figure`: a still of chosen frames; `poselift gallery`: an index of results."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poselift.data.errors import (
    FormatError,
    OutputError,
    UnknownName,
    VideoError,
    one_line,
    reason_of,
)
from poselift.data.structures import Timeline, count_of
from poselift.inference.video.views import ROTATIONS
from poselift.pipeline.flags.flag_values import names

if TYPE_CHECKING:
    from poselift.pipeline.overlay.figure import Moment

MOST_ROWS = 30


def add(commands: Any) -> None:
    command = commands.add_parser("figure", help="chosen frames -> .png, .svg or .pdf for papers")
    command.add_argument(
        "results", type=Path, metavar="FOLDER_OR_POSES", help="results of a clip, or poses3d.npz"
    )
    command.add_argument(
        "--frame", type=_frames, default=[], metavar="N[,M,...]", help="frames, from 0"
    )
    command.add_argument(
        "--at", type=_times, default=[], metavar="S[,S,...]", help="seconds: the nearest frames"
    )
    command.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="figure.png, .svg or .pdf"
    )
    command.add_argument(
        "--video", type=Path, metavar="FILE", help="of the poses (default: the results' own)"
    )
    command.add_argument(
        "--rotate", type=int, choices=ROTATIONS[1:], help="as it was when the poses were made"
    )
    command.set_defaults(handler=lambda asked: _figure(asked, command))

    command = commands.add_parser("gallery", help="OUT of a run -> OUT/index.html")
    command.add_argument("results", type=Path, metavar="OUT", help="folder of clips' results")
    command.set_defaults(handler=_gallery)


def _figure(asked: argparse.Namespace, command: argparse.ArgumentParser) -> int:
    from poselift.data.archives.stage_results import load_poses, load_tracks
    from poselift.data.files.file_kinds import check_output
    from poselift.pipeline.overlay.figure import FIGURE_FILE, draw_figure, save_figure
    from poselift.pipeline.viewer.summaries import summary_in

    if not asked.frame and not asked.at:
        command.error("give the frames: --frame N[,M,...] or --at SECONDS")
    file = asked.results / "poses3d.npz" if asked.results.is_dir() else asked.results
    keypoints = file.with_name("keypoints2d.npz")
    video = asked.video or _own_video(file.parent, file)
    check_output(asked.output, FIGURE_FILE, [file, keypoints, video])
    poses = load_poses(file)
    tracks = load_tracks(keypoints) if keypoints.is_file() else None
    if tracks is not None and len(tracks.timeline) != len(poses.timeline):
        raise FormatError(
            f"{keypoints}: has {count_of(len(tracks.timeline), 'frame')}, {file} has "
            f"{len(poses.timeline)}. Lift these keypoints again."
        )
    frames = _chosen(file, poses.timeline, asked.frame, asked.at)
    if len(frames) > MOST_ROWS:
        command.error(f"{len(frames)} frames are more than the {MOST_ROWS} that a figure takes")
    summary = summary_in(file.parent)
    rotate = asked.rotate if asked.rotate is not None else summary.rotate if summary else 0
    moments = [_moment(video, poses.timeline, frame, rotate) for frame in frames]
    save_figure(draw_figure(poses, tracks, moments), asked.output)
    print(one_line(f"{count_of(len(frames), 'frame')} -> {asked.output}"))
    return 0


def _gallery(asked: argparse.Namespace) -> int:
    from poselift.pipeline.viewer.gallery import write_gallery

    path, clips = write_gallery(asked.results)
    print(one_line(f"{count_of(clips, 'clip')} -> {path}"))
    return 0


def renew_index(out: str | Path, failures: Mapping[str, str], *, several: bool) -> None:
    """After a run: write OUT/index.html of several clips, or again where it is; told if it cannot.

    Args:
        out: an address, which is no folder, gets none.
        failures: what went wrong and why, by the clip's name.
    """
    from poselift.pipeline.viewer.gallery import INDEX, write_gallery

    out = Path(out)
    if not out.is_dir() or not (several or (out / INDEX).is_file()):
        return
    try:
        write_gallery(out, failures)
    except OutputError as error:
        print(f"poselift: no index of the clips: {one_line(error)}", file=sys.stderr)


def _own_video(folder: Path, poses: Path) -> Path:
    """The video that a result folder's record names. Raises: VideoError: none, or another now."""
    from poselift.inference.video.picture_sequence import is_sequence
    from poselift.pipeline.folders.folder_record import origin_of
    from poselift.pipeline.folders.sources import content_sha256

    origin = origin_of(folder)
    if origin is None:
        raise VideoError(f"{poses}: nothing beside it says which video it is of. Give --video.")
    video = Path(origin.path)
    try:
        if not (video.is_file() or is_sequence(video)):
            raise VideoError(
                f"{video}: the video of these results is not there any more. Give --video."
            )
        # Whoever sends a folder of results knows no checksum of a video that they have not seen.
        same = content_sha256(video) == origin.sha256
    except OSError as error:
        raise VideoError(f"{video}: cannot be read ({reason_of(error)}). Give --video.") from error
    if not same:
        raise VideoError(
            f"{video}: is not the video any more that these results are of. Give --video."
        )
    return video


def _chosen(file: Path, timeline: Timeline, frames: list[int], times_s: list[float]) -> list[int]:
    """Indices, in the order asked for. Raises: UnknownName: the clip has no such frame or time."""
    count, first, last = len(timeline), float(timeline.times_s[0]), float(timeline.times_s[-1])
    for frame in frames:
        if frame >= count:
            raise UnknownName(f"frame of {file}", str(frame), [f"0 to {count - 1}"])
    half = 1 / timeline.fps
    for time in times_s:
        if not first - half <= time <= last + half:
            raise UnknownName(f"time in {file}", f"{time:g}", [f"{first:.2f} to {last:.2f} s"])
    return [*frames, *(int(abs(timeline.times_s - time).argmin()) for time in times_s)]


def _moment(video: Path, timeline: Timeline, frame: int, rotate: int) -> Moment:
    """Raises: VideoError: the video cannot be read, has not this frame or another shape."""
    from poselift.inference.video.video_reader import VideoReader
    from poselift.pipeline.clip.stages import check_shape
    from poselift.pipeline.overlay.figure import Moment

    wanted = float(timeline.times_s[frame])
    reader = VideoReader(video, start_s=wanted, fit=(1280, 1280), rotate=rotate, fps=timeline.fps)
    check_shape(video, reader.info, timeline)
    found = next(iter(reader))
    if abs(found.time_s - wanted) > 1.5 / timeline.fps:
        raise VideoError(
            f"{video}: has no frame at {wanted:.2f} s. Give the video that the poses are of."
        )
    return Moment(frame, found.image)


def _frames(text: str) -> list[int]:
    """Raises: ArgumentTypeError: no frames."""
    found = names(text)
    if not found or not all(part.isascii() and part.isdecimal() for part in found):
        raise argparse.ArgumentTypeError(f"'{text}' is not frame numbers like 12 or 0,30,60")
    return [int(part) for part in found]


def _times(text: str) -> list[float]:
    """Raises: ArgumentTypeError: no times."""
    try:
        found = [float(part) for part in names(text)]
    except ValueError:
        found = []
    if not found or not all(abs(time) < 1e9 for time in found):
        raise argparse.ArgumentTypeError(f"'{text}' is not seconds like 2.5 or 0,1.5")
    return found
