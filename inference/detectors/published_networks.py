"""Where a detector's published networks lie on this machine, and how to get them.

Nothing is fetched here: `poselift weights fetch NAME` does that, when the user asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from poselift.data.errors import MissingWeights
from poselift.data.files.places import weights_file


def found(file: str, elsewhere: Sequence[Path] = ()) -> Path | None:
    """A published file that was fetched, or that lies in caches of other programs."""
    cached = (folder / file for folder in elsewhere if (folder / file).is_file())
    return weights_file(file) or next(cached, None)


def fetch_command(*files: str) -> str:
    return f"poselift weights fetch {' '.join(files)}"


def given_file(weights: str, kind: str) -> Path:
    """The file that --detector-weights names. Raises: MissingWeights: it is not there."""
    path = Path(weights).expanduser()
    if not path.is_file():
        raise MissingWeights(f"{path}: no such file. --detector-weights names {kind}.")
    return path


def published_file(detector: str, file: str, kind: str, elsewhere: Sequence[Path] = ()) -> Path:
    """A published file that is here. Raises: MissingWeights, with the ways to get it."""
    path = found(file, elsewhere)
    if path is None:
        raise MissingWeights(
            f"detector {detector}: its network {file} is not here. Get it: {fetch_command(file)} "
            f"(or give {kind} with --detector-weights)."
        )
    return path
