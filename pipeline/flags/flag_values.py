"""What the text of a flag stands for; argparse tells when it is none."""

from __future__ import annotations

import argparse

from poselift.inference.video.views import check_view


def widths(text: str) -> tuple[int, ...]:
    """`3,3,3` -> (3, 3, 3). Raises: ArgumentTypeError."""
    try:
        found = tuple(int(width) for width in text.split(","))
    except ValueError:
        found = ()
    if not found or any(width < 1 or width % 2 == 0 for width in found):
        raise argparse.ArgumentTypeError(f"'{text}' is no list of odd filter widths like 3,3,3")
    return found


def names(text: str) -> tuple[str, ...]:
    """`S9,S11` -> ("S9", "S11"); empty text gives none."""
    return tuple(name for name in text.split(",") if name)


def prefixes(text: str) -> tuple[str, ...] | None:
    """Actions: `*` (all) gives None."""
    return None if text == "*" else names(text)


def positive(text: str) -> int:
    """Raises: ArgumentTypeError: not a number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1")
    return int(text)


def frame_rate(text: str) -> float:
    """Raises: ArgumentTypeError: no number of frames a second."""
    try:
        rate = float(text)
        check_view(0, rate)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of frames a second") from error
    return rate


def frequency(text: str) -> float:
    """Raises: ArgumentTypeError: not a number above 0, in Hz."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1000:
        raise argparse.ArgumentTypeError(f"'{text}' is not a frequency in Hz")
    return value


def share(text: str) -> float:
    """Raises: ArgumentTypeError: not within (0, 1]."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a share between 0 and 1")
    return value
