"""`poselift import`: keypoints of another tool -> detections.npz and keypoints2d.npz.

Where the output is an .npz file: 3D poses that were exported, and perhaps edited -> poses3d.npz.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poselift.data.errors import one_line
from poselift.data.foreign.formats import FORMATS
from poselift.data.structures import MAX_PIXELS, count_of
from poselift.pipeline.clip.settings import checked_people
from poselift.pipeline.flags.edited_flags import (
    add_edited_flags,
    check_keypoints_asked,
    import_edited,
)
from poselift.pipeline.flags.flag_values import frame_rate
from poselift.pipeline.flags.shared_flags import add_rotate
from poselift.pipeline.progress import progress_for

if TYPE_CHECKING:
    from poselift.pipeline.clip.import_keypoints import ImportedClip


def add(commands: Any) -> None:
    command = commands.add_parser(
        "import",
        help="keypoints of another tool -> keypoints2d.npz; edited exports -> poses3d.npz",
        description="Read keypoints that another tool made; go on with lift and render. Or read "
        "back 3D poses that were exported (BVH, CSV, JSON, TRC): -o poses3d.npz.",
    )
    command.add_argument(
        "input",
        type=Path,
        nargs="+",
        help="a file, or a folder of one file each frame; of exported poses several files",
    )
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="OUT",
        help="folder of the results; of exported poses a file, poses3d.npz",
    )
    command.add_argument(
        "--format",
        default="auto",
        metavar="NAME",
        help=f"one of: auto, {', '.join(FORMATS)} (default: auto)",
    )
    command.add_argument(
        "--layout", metavar="NAME", help="of the joints, or a .toml file that describes it"
    )
    command.add_argument("--video", type=Path, metavar="FILE", help="that the keypoints are of")
    command.add_argument("--width", type=_pixels, metavar="PX", help="of the video")
    command.add_argument("--height", type=_pixels, metavar="PX", help="of the video")
    command.add_argument(
        "--fps", type=frame_rate, metavar="N", help="of the video, or of numbered pictures"
    )
    add_rotate(command)
    command.add_argument(
        "--people",
        default="all",
        metavar="all|best|N",
        type=checked_people,
        help="who to keep (default: all)",
    )
    add_edited_flags(command)
    command.set_defaults(handler=lambda asked: _import(asked, command))


def _pixels(text: str) -> int:
    """Raises: ValueError: no size of a picture."""
    if not 0 < int(text) <= MAX_PIXELS:
        raise ValueError(f"{text} pixels")
    return int(text)


def _import(asked: argparse.Namespace, command: argparse.ArgumentParser) -> int:
    if asked.output.suffix.lower() == ".npz":
        return import_edited(asked, command)
    return _import_keypoints(asked, command)


def _import_keypoints(asked: argparse.Namespace, command: argparse.ArgumentParser) -> int:
    from poselift.data.archives.stage_results import (
        DETECTIONS_FILE,
        KEYPOINTS_FILE,
        save_detections,
        save_tracks,
    )
    from poselift.data.files.file_kinds import check_output
    from poselift.inference.video.picture_sequence import is_sequence
    from poselift.pipeline.clip.import_keypoints import ImportSettings, import_keypoints

    check_keypoints_asked(asked, command)
    (source,) = asked.input
    pictures = asked.video is not None and is_sequence(asked.video)
    if asked.video is None and asked.rotate:
        command.error("--rotate turns the pictures of --video; give that")
    if asked.video is not None and (asked.width or asked.height or (asked.fps and not pictures)):
        command.error("--video says --width, --height and --fps; give the one or the others")
    settings = ImportSettings(
        kind=asked.format,
        layout=asked.layout,
        video=asked.video,
        width=asked.width,
        height=asked.height,
        fps=asked.fps,
        rotate=asked.rotate,
        people=asked.people,
    )
    detections, keypoints = (asked.output / f"{n}.npz" for n in ("detections", "keypoints2d"))
    inputs = [source, *filter(None, [asked.video, asked.layout and Path(asked.layout)])]
    check_output(detections, DETECTIONS_FILE, inputs)
    check_output(keypoints, KEYPOINTS_FILE, inputs)
    clip = import_keypoints(source, settings, progress_for())
    save_detections(detections, clip.imported.detections)
    save_tracks(keypoints, clip.tracks)
    for note in clip.notes:
        print(f"poselift: {one_line(f'{source}: {note}')}", file=sys.stderr)
    print(one_line(f"{_line(clip)} -> {keypoints}"))
    return 0


def _line(clip: ImportedClip) -> str:
    """What was read and found."""
    layout, tracks = clip.imported.layout, clip.tracks
    whose = "tracked here" if clip.imported.ids is None else "ids kept"
    what = f"{clip.kind}, layout {layout.name} ({layout.num_joints} joints)"
    frames, people = count_of(len(tracks.timeline), "frame"), count_of(len(tracks.people), "person")
    return f"{what}: {frames}, {people} ({whose})"
