"""`python -m poselift` is the `poselift` command."""

from poselift.pipeline.command_line import exit_with_status

exit_with_status()
