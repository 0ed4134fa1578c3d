"""`poselift import EXPORTED... -o poses3d.npz`: 3D poses that were exported, and perhaps edited."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from poselift.data.errors import FormatError, one_line
from poselift.data.exports.settings import PER_METRE, UPS

OF_KEYPOINTS = ("layout", "video", "rotate")


def add_edited_flags(command: argparse.ArgumentParser) -> None:
    only = command.add_argument_group("of exported poses")
    only.add_argument(
        "--like",
        type=Path,
        metavar="FILE",
        help="the poses3d.npz that was exported: its times, camera and other people are kept",
    )
    only.add_argument("--person", type=int, metavar="ID", help="whose motion a file is")
    only.add_argument("--units", choices=tuple(PER_METRE), help="of lengths (default: as they say)")
    only.add_argument("--up", choices=UPS, help="the axis that points up (default: by the people)")


def check_keypoints_asked(asked: argparse.Namespace, command: argparse.ArgumentParser) -> None:
    """That keypoints, not poses, can be meant. Raises: FormatError: the file holds poses."""
    from poselift.pipeline.imports.reading import is_exported

    for path in asked.input:
        if is_exported(path):
            raise FormatError(
                f"{path}: holds 3D poses, not keypoints. Name the file that they become: "
                "-o poses3d.npz."
            )
    for flag in ("like", "person", "units", "up"):
        if getattr(asked, flag) is not None:
            command.error(f"--{flag} is of exported poses, which become a file: -o poses3d.npz")
    if len(asked.input) > 1:
        command.error("keypoints are one file or folder; give one")


def import_edited(asked: argparse.Namespace, command: argparse.ArgumentParser) -> int:
    """Read the motions, put them in their place, and save."""
    from poselift.data.archives.stage_results import POSES_FILE, load_poses, save_poses
    from poselift.data.files.file_kinds import check_output
    from poselift.pipeline.imports.edited_poses import (
        SIZE,
        ReadBack,
        alone,
        described,
        in_place_of,
    )
    from poselift.pipeline.imports.reading import read_exported

    for flag in OF_KEYPOINTS:
        if getattr(asked, flag):
            command.error(f"--{flag} is of keypoints; exported poses have no use for it")
    if asked.like is not None and (asked.width or asked.height or asked.fps):
        command.error("--like says --width, --height and --fps; give the one or the others")
    check_output(asked.output, POSES_FILE, [*asked.input, *([asked.like] if asked.like else [])])
    motions = read_exported(asked.input, person=asked.person, units=asked.units, up=asked.up)
    if asked.like is None:
        size = asked.width or SIZE[0], asked.height or SIZE[1]
        unknown = (
            f"without --like nothing is known of the camera: it is taken to be level, and the "
            f"picture to be {size[0]}x{size[1]}"
        )
        found = ReadBack(alone(motions, size, asked.fps), (unknown,))
    else:
        found = in_place_of(motions, load_poses(asked.like))
    save_poses(asked.output, found.poses)
    for note in found.notes:
        print(f"poselift: {one_line(f'{asked.input[0]}: {note}')}", file=sys.stderr)
    print(one_line(f"{described(found.poses)} -> {asked.output}"))
    return 0
