"""What every data/prepare_*.py shares: its common options, and errors as one line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from poselift.data.errors import OutputError, PoseliftError, one_line
from poselift.data.files.places import archives_folder


def add_allow_missing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-missing",
        action="store_true",
        help="convert a partial copy; what is missing or damaged is listed",
    )


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=archives_folder(),
        metavar="DIR",
        help="where archives are written (default: %(default)s)",
    )


def run_converter(convert: Callable[[], int]) -> int:
    """The command's exit status: what `convert` says, or 1 after a PoseliftError."""
    try:
        return convert()
    except PoseliftError as error:
        tell(error)
        return 1


def tell(error: PoseliftError) -> None:
    """One line on standard error."""
    hint = " --data-dir writes elsewhere." if isinstance(error, OutputError) else ""
    print(f"error: {one_line(error)}{hint}", file=sys.stderr)
