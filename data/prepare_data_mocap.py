#!/usr/bin/env python3
"""Turn motion capture into the archive of joints that `poselift train mocap` reads.

    python data/prepare_data_mocap.py FOLDER... -o joints.npz

Reads BVH and ASF/AMC files. Exit status 1 when a file was left out; the others are in
the archive all the same.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from poselift.data.process import begin

    begin("error")

from poselift.data.archives.joints_archive import JOINTS_FILE, JointsClip, save_joints
from poselift.data.datasets.converter_command import add_debug, run_converter, tell
from poselift.data.errors import FormatError, MissingDependency
from poselift.data.files.file_kinds import check_output
from poselift.data.mocap.body_axes import AXES
from poselift.data.mocap.mocap_source import TakeJoints, clip_names, convert_take, motion_files
from poselift.data.mocap.rig import known_rigs, rig_called
from poselift.data.structures import count_of


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    return run_converter(lambda: _convert(options), debug=options.debug)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Motion capture -> an archive of joints.")
    parser.add_argument(
        "sources",
        type=Path,
        nargs="+",
        metavar="SOURCE",
        help="folders of .bvh or .amc (with their .asf), or such files",
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="the archive, .npz"
    )
    parser.add_argument(
        "--rig",
        metavar="NAME",
        help=f"{', '.join(rig.name for rig in known_rigs())}, or a .json file of your own "
        "(default: the one that fits)",
    )
    parser.add_argument(
        "--fps", type=_rate, metavar="N", help="frame rate, where the files do not say or lie"
    )
    add_debug(parser)
    parser.add_argument(
        "--up",
        type=_axis,
        metavar="AXIS",
        help="the files' axis that is up: x, y or z, or --up=-z (default: by rest pose and motion)",
    )
    parser.add_argument("--prefix", default="", help="put before the clips' names, such as cmu_")
    return parser


def _rate(text: str) -> float:
    rate = float(text)
    if not 1 <= rate <= 10_000:
        raise ValueError(text)
    return rate


def _axis(text: str) -> str:
    axis = text.lower() if text[:1] in ("+", "-") else f"+{text.lower()}"
    if axis not in AXES:
        raise ValueError(text)
    return axis


def _check_names(path: Path, take: TakeJoints, clips: list[JointsClip]) -> None:
    """Raises: FormatError: a clip of another file has one of the take's names already."""
    twice = {clip.name for clip in take.clips} & {clip.name for clip in clips}
    if twice:
        raise FormatError(
            f"{path}: left out, as another file's clip is called {min(twice)}, too. Rename one of "
            "them, or convert them apart with --prefix."
        )


def _convert(options: argparse.Namespace) -> int:
    paths = list(motion_files(options.sources))
    check_output(options.output, JOINTS_FILE, paths)
    rigs = (rig_called(options.rig),) if options.rig else known_rigs()
    clips: list[JointsClip] = []
    used: Counter[str] = Counter()
    ups: Counter[str] = Counter()
    failures = cut = 0
    for path, name in zip(paths, clip_names(paths, options.prefix), strict=True):
        try:
            take = convert_take(path, rigs, name=name, fps=options.fps, up=options.up)
            _check_names(path, take, clips)
        except MissingDependency:
            raise
        except Exception as error:
            tell(error, path)
            failures += 1
            continue
        clips += take.clips
        used[take.rig] += 1
        ups[take.up] += 1
        cut += take.cut
    if not clips:
        raise FormatError("not one file could be converted; nothing was written.")
    save_joints(options.output, clips)
    frames = sum(len(clip.h36m) for clip in clips)
    minutes = sum(len(clip.h36m) / clip.fps for clip in clips) / 60
    by_rig, by_up = (
        ", ".join(f"{name} {count}" for name, count in counts.items()) for counts in (used, ups)
    )
    print(
        f"wrote {options.output}: {count_of(len(clips), 'clip')}, {count_of(frames, 'frame')}, "
        f"{minutes:.1f} minutes; {count_of(cut, 'frame')} cut; files by rig: {by_rig}; by the axis "
        f"that is up: {by_up}"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
