"""What converters say about a data set that is not whole."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from poselift.data.errors import FormatError, PoseliftError, one_line


def judge_left_out(
    source: str,
    data_set: str,
    missing: Sequence[str],
    damaged: Sequence[PoseliftError],
    *,
    allow: bool,
) -> int:
    """Print what is missing and damaged, a line each, to standard error.

    Args:
        allow: go on without it, as --allow-missing asks.
    Returns:
        The command's exit status so far: 1 if a file could not be read, because nobody
        asked for that; 0 if files are only missing, which was allowed.
    Raises: FormatError: something is left out and that was not allowed.
    """
    for error in damaged:
        print(f"damaged: {one_line(error)}", file=sys.stderr)
    for line in missing:
        print(f"missing: {line}", file=sys.stderr)
    if (missing or damaged) and not allow:
        raise FormatError(
            f"{source}: not the whole of {data_set}: {len(missing)} gaps and {len(damaged)} "
            "damaged files, listed above. Nothing was written. Get the rest, or convert "
            "what is there with --allow-missing."
        )
    return 1 if damaged else 0
