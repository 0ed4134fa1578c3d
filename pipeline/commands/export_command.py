"""`poselift export`: 3D poses as files of other programs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from poselift.data.errors import one_line
from poselift.data.structures import count_of
from poselift.pipeline.exports.formats import FORMATS, check_formats
from poselift.pipeline.flags.export_flags import add_export_flags, export_settings
from poselift.pipeline.flags.flag_values import names


def add(commands: Any) -> None:
    command = commands.add_parser("export", help="poses3d.npz -> BVH, GLB, TRC, CSV, JSON")
    command.add_argument("poses", type=Path)
    command.add_argument(
        "--to", required=True, type=names, metavar="LIST", help=f"{','.join(FORMATS)}: some of them"
    )
    command.add_argument(
        "-o", "--output", required=True, type=Path, metavar="FOLDER", help="where they lie"
    )
    add_export_flags(command)
    command.set_defaults(handler=lambda asked: _export(asked, command))


def _export(asked: argparse.Namespace, command: argparse.ArgumentParser) -> int:
    from poselift.data.archives.stage_results import load_poses
    from poselift.pipeline.clip.exports import export_file
    from poselift.pipeline.exports.analysis import MEASURED, notes_of
    from poselift.pipeline.exports.scene import scene_of

    if not asked.to:
        command.error("--to names no format")
    try:
        settings = export_settings(asked)
    except ValueError as error:
        command.error(str(error))
    check_formats(asked.to, settings)
    poses = load_poses(asked.poses)
    written = export_file(asked.poses, poses, asked.output, asked.to, settings)
    if MEASURED & set(asked.to):
        for note in notes_of(scene_of(poses, settings), asked.to):
            print(f"poselift: {one_line(f'{asked.poses}: {note}')}", file=sys.stderr)
    print(one_line(f"{count_of(len(written), 'file')} -> {asked.output}"))
    return 0
