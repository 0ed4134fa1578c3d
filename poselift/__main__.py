"""`python -m poselift` is the `poselift` command."""

from __future__ import annotations

import sys

from poselift.data.process import begin


def main() -> None:
    """Entry point of the installed command."""
    begin("poselift")
    from poselift.pipeline.command_line import main as command

    sys.exit(command())


if __name__ == "__main__":
    main()
