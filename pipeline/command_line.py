"""The `poselift` command: parse, call the library, print one useful line."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from poselift.data import __version__
from poselift.data.errors import PoseliftError, one_line
from poselift.pipeline.commands import (
    doctor_command,
    import_command,
    reproduce_command,
    stage_commands,
    train_commands,
    weights_commands,
)
from poselift.pipeline.commands.run_command import add_run


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="poselift", description="Ordinary video to 3D human poses.", allow_abbrev=False
    )
    top.add_argument("--version", action="version", version=f"poselift {__version__}")
    top.add_argument("--debug", action="store_true", help="log details, and show tracebacks")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    add_run(commands)
    stage_commands.add(commands)
    import_command.add(commands)
    train_commands.add(commands)
    reproduce_command.add(commands)
    weights_commands.add(commands)
    doctor_command.add(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 something failed, 2 wrong usage, 130 interrupted."""
    asked = parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.DEBUG if asked.debug else logging.WARNING,
        format="%(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        return int(asked.handler(asked))
    except PoseliftError as error:
        if asked.debug:
            raise
        print(f"poselift: {one_line(error)}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output, `head` say, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("poselift: interrupted; finished stages are kept", file=sys.stderr)
        return 130


def exit_with_status() -> None:
    """Entry point of the installed command."""
    sys.exit(main())
