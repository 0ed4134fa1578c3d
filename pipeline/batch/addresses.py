"""Files and folders by path or by address (s3://bucket/clips), which fsspec reads and writes."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

from poselift.data.errors import MissingDependency, OutputError, VideoError, reason_of

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
# What protocols raise that are not there, or have no rights, and what their clients make of it.
UNREACHABLE = (OSError, ValueError, RuntimeError)


def is_address(text: str) -> bool:
    return _ADDRESS.match(text) is not None


def joined(folder: str, name: str) -> str:
    """A name within a folder, by path or address."""
    return f"{folder.rstrip('/')}/{name}" if is_address(folder) else str(Path(folder) / name)


def last_part(address: str) -> str:
    """The name of a file or folder, which means nothing else on this machine."""
    name = address.rstrip("/").rpartition("/")[2].replace("\0", "")
    return name if name not in {"", ".", ".."} else "clip"


def file_system(address: str) -> tuple[Any, str]:
    """What reads and writes there, and the address as it knows it.

    Raises: MissingDependency: a package is needed; VideoError: no such kind of address.
    """
    try:
        fsspec = importlib.import_module("fsspec")
    except ImportError as error:
        raise MissingDependency(
            f"{address} needs 'fsspec', which is not installed: pip install 'poselift[remote]'."
        ) from error
    try:
        system, path = fsspec.core.url_to_fs(address)
    except ImportError as error:
        raise MissingDependency(
            f"{address}: {reason_of(error).rstrip('.')}: pip install 'poselift[remote]' has "
            "what s3:// needs."
        ) from error
    except ValueError as error:
        raise VideoError(f"{address}: cannot be reached ({reason_of(error)}).") from error
    return system, path


def read_bytes(place: str) -> bytes:
    """Raises: OutputError: it cannot be read."""
    try:
        if not is_address(place):
            return Path(place).read_bytes()
        system, path = file_system(place)
        content: bytes = system.cat_file(path)
    except UNREACHABLE as error:
        raise OutputError(f"{place}: cannot be read ({reason_of(error)}).") from error
    return content
