#!/usr/bin/env python3
"""Make a custom data set of a folder of detections, for `run.py -d custom -k NAME`.

    python data/prepare_data_2d_custom.py -i DETECTIONS -o NAME

Writes data_2d_custom_NAME.npz next to this script, where run.py looks for it. Exit
status 1 when a video was left out; the others are in the data set all the same.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from poselift.data.process import begin

    begin("error")

from poselift.data.archives.custom_2d import convert_folder, custom_archive_path
from poselift.data.archives.keypoint_archive import KEYPOINT_ARCHIVE, save_keypoint_archive
from poselift.data.datasets.converter_command import add_data_dir, add_debug, run_converter, tell
from poselift.data.files.file_kinds import check_output


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Detections of videos -> a custom data set.")
    parser.add_argument(
        "-i",
        "--input",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of VIDEO.npz, written by infer_video.py",
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="NAME",
        help="name of the data set, as given to run.py -k",
    )
    add_data_dir(parser)
    add_debug(parser)
    options = parser.parse_args(arguments)
    return run_converter(
        lambda: _convert(options.input, custom_archive_path(options.data_dir, options.output)),
        debug=options.debug,
    )


def _convert(folder: Path, target: Path) -> int:
    check_output(target, KEYPOINT_ARCHIVE)
    conversion = convert_folder(folder)
    for failure in conversion.failures:
        tell(failure)
    if conversion.archive is None:
        print("error: no data set was written", file=sys.stderr)
        return 1
    save_keypoint_archive(target, conversion.archive)
    for name, (width, height) in conversion.archive.video_sizes.items():
        frames = len(conversion.archive.positions[name]["custom"][0])
        missing = conversion.interpolated[name]
        print(f"{name}: {frames} frames of {width} x {height}, {missing} interpolated")
    print(f"wrote {target}")
    return 1 if conversion.failures else 0


if __name__ == "__main__":
    sys.exit(main())
