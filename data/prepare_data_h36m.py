#!/usr/bin/env python3
"""Convert Human3.6M for `run.py -d h36m`.

    python data/prepare_data_h36m.py --from-source-cdf FOLDER
    python data/prepare_data_h36m.py --from-source FOLDER
    python data/prepare_data_h36m.py --from-archive h36m.zip

Writes data_3d_h36m.npz and data_2d_h36m_gt.npz next to this script, where run.py looks
for them. See DATASETS.md for how to get the files.
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
from poselift.data.datasets.h36m_source import archive_takes, cdf_takes, convert, mat_takes
from poselift.data.datasets.h36m_views import project_views
from poselift.data.errors import FormatError
from poselift.data.files.file_kinds import check_output
from poselift.data.files.guarded_reader import GuardedReader

SOURCES = {"from_source_cdf": cdf_takes, "from_source": mat_takes, "from_archive": archive_takes}
LAYOUTS = {
    "from_source_cdf": "S1/MyPoseFeatures/D3_Positions/*.cdf",
    "from_source": "S1/MyPoseFeatures/D3_Positions/*.cdf.mat",
    "from_archive": "S1/MyPoses/3D_positions/*.h5",
}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    kind = next(name for name in SOURCES if getattr(options, name) is not None)
    return run_converter(
        lambda: _convert(kind, getattr(options, kind), options.data_dir, options.allow_missing),
        debug=options.debug,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Human3.6M -> the archives of run.py.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--from-source-cdf",
        type=Path,
        metavar="DIR",
        help="folder of S1, S5, ... with the .cdf files as downloaded",
    )
    source.add_argument(
        "--from-source",
        type=Path,
        metavar="DIR",
        help="the same folder after MATLAB turned .cdf into .cdf.mat",
    )
    source.add_argument(
        "--from-archive",
        type=Path,
        metavar="FILE",
        help="h36m.zip of the 3D pose baseline, or the folder it unpacks to",
    )
    add_allow_missing(parser)
    add_data_dir(parser)
    add_debug(parser)
    return parser


def _convert(kind: str, source: Path, data_dir: Path, allow_missing: bool) -> int:
    targets = data_dir / "data_3d_h36m.npz", data_dir / "data_2d_h36m_gt.npz"
    check_output(targets[0], POSITIONS_FILE, [source])
    check_output(targets[1], KEYPOINT_ARCHIVE, [source])
    with GuardedReader() as reader:
        conversion = convert(SOURCES[kind](source, reader))
    if not conversion.positions and not conversion.damaged:
        raise FormatError(
            f"{source}: holds no takes of Human3.6M ({LAYOUTS[kind]}). See DATASETS.md."
        )
    status = judge_left_out(
        f"{source}", "Human3.6M", conversion.missing, conversion.damaged, allow=allow_missing
    )
    if not conversion.positions:
        raise FormatError(f"{source}: not one take could be read; nothing was written.")
    views = project_views(conversion.positions)
    for subject, actions in conversion.positions.items():
        frames = sum(len(take) for take in actions.values())
        print(f"{subject}: {len(actions)} takes, {frames} frames")
    save_positions_archive(targets[0], conversion.positions)
    save_keypoint_archive(targets[1], views)
    print(f"wrote {targets[0]} and {targets[1]}")
    return status


if __name__ == "__main__":
    sys.exit(main())
