"""`python -m pipeline` is `poselift`, for a checkout that is not installed."""

from pipeline.command_line import exit_with_status

exit_with_status()
