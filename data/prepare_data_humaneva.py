#!/usr/bin/env python3
"""Convert HumanEva-I for `run.py -d humaneva15` (or humaneva20).

    python data/prepare_data_humaneva.py -p converted_15j --convert-3d
    python data/prepare_data_humaneva.py -p converted_15j --convert-2d DIR -o detectron_pt_coco

The first writes data_3d_humaneva15.npz and data_2d_humaneva15_gt.npz, the second
data_2d_humaneva15_NAME.npz, next to this script, where run.py looks for them. See
DATASETS.md for the step in MATLAB before.
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

from poselift.data.archives.keypoint_archive import KEYPOINT_ARCHIVE, save_keypoint_archive
from poselift.data.archives.positions_archive import POSITIONS_FILE, save_positions_archive
from poselift.data.datasets.completeness import judge_left_out
from poselift.data.datasets.converter_command import (
    add_allow_missing,
    add_data_dir,
    add_debug,
    run_converter,
)
from poselift.data.datasets.detections_command import check_archive
from poselift.data.datasets.h36m_detections import promised_layout
from poselift.data.datasets.humaneva_detections import cut_detections
from poselift.data.datasets.humaneva_source import Conversion, convert
from poselift.data.errors import FormatError
from poselift.data.files.file_kinds import check_output
from poselift.data.files.guarded_reader import GuardedReader


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.convert_3d and options.convert_2d is None:
        parser.error("say what to convert: --convert-3d, --convert-2d DIR, or both")
    if options.convert_2d is not None and not options.output:
        parser.error("--convert-2d needs a name for the archive: -o detectron_pt_coco")
    return run_converter(lambda: _convert(options), debug=options.debug)


def _convert(options: argparse.Namespace) -> int:
    with GuardedReader() as reader:
        conversion = convert(options.path, reader)
    for line in conversion.missing:
        print(f"missing: {line}", file=sys.stderr)
    status = judge_left_out(
        str(options.path), "HumanEva-I", (), conversion.damaged, allow=options.allow_missing
    )
    folder, layout = options.data_dir, conversion.layout.name
    targets = folder / f"data_3d_{layout}.npz", folder / f"data_2d_{layout}_gt.npz"
    if options.convert_3d:
        check_output(targets[0], POSITIONS_FILE)
        check_output(targets[1], KEYPOINT_ARCHIVE)
    if options.convert_2d is not None:
        check_archive(folder, options.output, dataset=layout)
    if options.convert_3d:
        _write_positions(conversion, options.path, targets)
    if options.convert_2d is not None:
        status |= _write_detections(conversion, options)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="HumanEva-I -> the archives of run.py.")
    parser.add_argument(
        "-p",
        "--path",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of Train/S1/Walking 1.mat and so on, as exported from MATLAB",
    )
    parser.add_argument(
        "--convert-3d", action="store_true", help="write the true poses in 3D and in 2D"
    )
    parser.add_argument(
        "--convert-2d",
        "--path-2d",
        type=Path,
        metavar="DIR",
        help="folder of detections S1/Walking_1_(C1).avi.npz and so on",
    )
    parser.add_argument(
        "-o",
        "--output",
        default="",
        metavar="NAME",
        help="name of the 2D archive, as given to run.py -k; contains coco, h36m or mpii",
    )
    add_allow_missing(parser)
    add_data_dir(parser)
    add_debug(parser)
    return parser


def _write_positions(conversion: Conversion, source: Path, targets: tuple[Path, Path]) -> None:
    if not conversion.positions:
        raise FormatError(f"{source}: no frame of it has a true pose; nothing was written.")
    for subject, chunks in conversion.positions.items():
        print(f"{subject}: {len(chunks)} chunks, {sum(map(len, chunks.values()))} frames")
    save_positions_archive(targets[0], conversion.positions)
    save_keypoint_archive(targets[1], conversion.views)
    print(f"wrote {targets[0]} and {targets[1]}")


def _write_detections(conversion: Conversion, options: argparse.Namespace) -> int:
    name, source = options.output, options.convert_2d
    target = check_archive(options.data_dir, name, dataset=conversion.layout.name)
    cut = cut_detections(source, promised_layout(name), conversion.chunks)
    status = judge_left_out(
        str(source), "HumanEva-I's detections", (), cut.damaged, allow=options.allow_missing
    )
    if cut.archive is None:
        raise FormatError(f"{source}: no take is whole; nothing was written.")
    for subject, chunks in cut.archive.positions.items():
        frames = sum(len(cameras[0]) for cameras in chunks.values())
        print(f"{subject}: {len(chunks)} chunks, {frames} frames in three cameras")
    save_keypoint_archive(target, cut.archive)
    print(f"wrote {target}")
    return status


if __name__ == "__main__":
    sys.exit(main())
