#!/usr/bin/env python3
"""Make 2D archives of Stacked Hourglass detections in Human3.6M, for `run.py -k sh_...`.

    python data/prepare_data_2d_h36m_sh.py -pt h36m.zip
    python data/prepare_data_2d_h36m_sh.py -ft stacked_hourglass_fined_tuned_240.tar.gz

Writes data_2d_h36m_sh_pt_mpii.npz (detector as trained on MPII) or
data_2d_h36m_sh_ft_h36m.npz (fine-tuned) next to this script, where run.py looks for them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
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
from poselift.data.datasets.h36m_detections import assemble, hourglass_files
from poselift.data.files.guarded_reader import GuardedReader
from poselift.data.skeletons import MPII16


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Stacked Hourglass detections -> 2D archives.")
    kind = parser.add_argument_group("which detections (at least one)")
    kind.add_argument(
        "-pt",
        "--pretrained",
        type=Path,
        metavar="PATH",
        help="h36m.zip, or the folder it unpacks to",
    )
    kind.add_argument(
        "-ft",
        "--fine-tuned",
        type=Path,
        metavar="PATH",
        help="stacked_hourglass_fined_tuned_240.tar.gz, or the folder it unpacks to",
    )
    add_allow_missing(parser)
    add_data_dir(parser)
    add_debug(parser)
    options = parser.parse_args(arguments)
    chosen = {"sh_pt_mpii": options.pretrained, "sh_ft_h36m": options.fine_tuned}
    if not any(chosen.values()):
        parser.error("give -pt PATH or -ft PATH")
    worst = 0
    for name, source in chosen.items():
        if source is not None and worst <= 1:  # above: somebody ended it
            convert = partial(_convert, options, name, source)
            worst = max(worst, run_converter(convert, debug=options.debug))
    return worst


def _convert(options: argparse.Namespace, name: str, source: Path) -> int:
    check_archive(options.data_dir, name, [source])
    with GuardedReader() as reader:
        detections = assemble(hourglass_files(source, reader), MPII16, whole=True)
    return write_detections(
        detections,
        source,
        "S1/StackedHourglass*/ACTION.CAMERA.h5",
        options.data_dir,
        name,
        allow_missing=options.allow_missing,
    )


if __name__ == "__main__":
    sys.exit(main())
