#!/usr/bin/env python3
"""Make a 2D archive of detections in Human3.6M's videos, for `run.py -k NAME`.

    python data/prepare_data_2d_h36m_generic.py -i DETECTIONS -o NAME

DETECTIONS holds S1/Directions 1.54138969.mp4.npz and so on, by Detectron or CPN. NAME
says which keypoints they are: it contains coco, h36m or mpii. Writes
data_2d_h36m_NAME.npz next to this script, where run.py looks for it.
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

from poselift.data.datasets.converter_command import (
    add_allow_missing,
    add_data_dir,
    add_debug,
    run_converter,
)
from poselift.data.datasets.detections_command import check_archive, write_detections
from poselift.data.datasets.h36m_detections import assemble, detector_files, promised_layout


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Detections in Human3.6M -> a 2D archive.")
    parser.add_argument(
        "-i",
        "--input",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of S1, S5, ... with one VIDEO.mp4.npz per take and camera",
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="NAME",
        help="name of the archive, as given to run.py -k; contains coco, h36m or mpii",
    )
    add_allow_missing(parser)
    add_data_dir(parser)
    add_debug(parser)
    options = parser.parse_args(arguments)
    return run_converter(lambda: _convert(options), debug=options.debug)


def _convert(options: argparse.Namespace) -> int:
    check_archive(options.data_dir, options.output)
    detections = assemble(
        detector_files(options.input), promised_layout(options.output), whole=False
    )
    return write_detections(
        detections,
        options.input,
        "S1/ACTION.CAMERA.mp4.npz",
        options.data_dir,
        options.output,
        allow_missing=options.allow_missing,
    )


if __name__ == "__main__":
    sys.exit(main())
