"""What every data/prepare_*.py shares: its common options, and errors as one line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from poselift.data.errors import OutputError, PoseliftError, one_line, told
from poselift.data.files.places import archives_folder
from poselift.data.process import ended


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


def add_debug(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--debug", action="store_true", help="show where an error came from")


def run_converter(convert: Callable[[], int], *, debug: bool) -> int:
    """The command's exit status, whatever happens."""
    return ended("error", convert, debug=debug, line_of=_line_of)


def tell(error: Exception, what: object = "") -> None:
    """One line on standard error, of an input that is left out."""
    named = f"{one_line(what)}: " if what and not isinstance(error, PoseliftError) else ""
    print(f"error: {named}{_line_of(error)}", file=sys.stderr)


def _line_of(error: BaseException) -> str:
    hint = " --data-dir writes elsewhere." if isinstance(error, OutputError) else ""
    return told(error) + hint
