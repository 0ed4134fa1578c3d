"""The `poselift` command: parse, call the library, print one useful line."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from poselift.data import __version__
from poselift.data.process import ended
from poselift.pipeline.commands import (
    doctor_command,
    export_command,
    import_command,
    live_command,
    page_command,
    reproduce_command,
    show_commands,
    stage_commands,
    train_commands,
    weights_commands,
)
from poselift.pipeline.commands.many_command import add_manifest
from poselift.pipeline.commands.run_command import add_run


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="poselift", description="Ordinary video to 3D human poses.", allow_abbrev=False
    )
    top.add_argument("--version", action="version", version=f"poselift {__version__}")
    top.add_argument("--debug", action="store_true", help="log details, and show tracebacks")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    add_run(commands)
    add_manifest(commands)
    stage_commands.add(commands)
    export_command.add(commands)
    show_commands.add(commands)
    page_command.add(commands)
    live_command.add(commands)
    import_command.add(commands)
    train_commands.add(commands)
    reproduce_command.add(commands)
    weights_commands.add(commands)
    doctor_command.add(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 2 for wrong usage, else see `ended`."""
    arguments = sys.argv[1:] if arguments is None else arguments
    return ended("poselift", lambda: _run(arguments), debug="--debug" in arguments)


def _run(arguments: Sequence[str]) -> int:
    asked = parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.DEBUG if asked.debug else logging.WARNING,
        format="%(name)s: %(message)s",
        stream=sys.stderr,
    )
    return int(asked.handler(asked))
