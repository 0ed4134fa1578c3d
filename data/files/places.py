"""Where files lie that are not a user's own: in a checkout its folders, else the user's."""

from __future__ import annotations

from pathlib import Path

import platformdirs

from poselift.data.errors import FormatError

# The folder that holds data/, models/ and checkpoint/: the project, or the installed package.
ROOMS = Path(__file__).resolve().parents[2]
SHIPPED = ROOMS / "checkpoint"


def checked_name(name: str) -> str:
    """The name that a user chose for a data set or archive. Raises: FormatError."""
    if not name or not name.isprintable() or any(mark in name for mark in "/\\:"):
        raise FormatError(
            f"{name!r} cannot be part of a file's name: give a word without path separators."
        )
    return name


def in_checkout() -> bool:
    """True when the program runs from its project and is not installed."""
    return (ROOMS / "setup.cfg").is_file()


def archives_folder() -> Path:
    """Data sets that were converted: data/ of the checkout, else of the current folder."""
    return ROOMS / "data" if in_checkout() else Path("data")


def fetched_folder() -> Path:
    """Weights that were fetched: checkpoint/ of the checkout, else the user's cache."""
    return SHIPPED if in_checkout() else platformdirs.user_cache_path("poselift") / "checkpoint"


def weights_file(name: str | Path) -> Path | None:
    """A file of weights that is here, shipped or fetched; None: it is not."""
    places = (folder / name for folder in (SHIPPED, fetched_folder()))
    return next((path for path in places if path.is_file()), None)
