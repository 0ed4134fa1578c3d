"""The shipped checkpoints: what lies in `checkpoint/`, checked against its manifest."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poselift.data.errors import FormatError, UnknownName
from poselift.data.files.places import SHIPPED
from poselift.data.files.whole_file import file_sha256

DEFAULT_LIFTER = "body27v5"


@dataclass(frozen=True)
class CheckpointFile:
    """A checked file of the manifest."""

    path: Path
    sha256: str
    about: dict[str, Any]


def manifest() -> dict[str, dict[str, Any]]:
    """Shipped file name -> {name, role, source, licence, sha256, layout_in, ...}."""
    files: dict[str, dict[str, Any]] = _table("manifest.json")["files"]
    return files


def published() -> dict[str, dict[str, Any]]:
    """The reference's published checkpoints, which users bring: file name -> {layout_in, ...}."""
    return {name: about for name, about in published_files().items() if about["role"] == "lifter"}


def published_files() -> dict[str, dict[str, Any]]:
    """All that the reference published: file name -> {role, title, licence, sha256, ...}.

    `role` is `lifter` (with `layout_in`) or `keypoints`; `sha256` is None while not known.
    """
    return _table("published.json")


def detector_files() -> dict[str, dict[str, Any]]:
    """Networks of detectors that others publish: file name -> {title, url, licence, ...}.

    `member` is the file's name in the zip that `url` gives; without it `url` gives the file.
    """
    return _table("detectors.json")


@functools.cache
def _table(name: str) -> dict[str, Any]:
    path = SHIPPED / name
    try:
        table: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise FormatError(f"{path}: cannot be read ({error}). Reinstall Poselift.") from error
    return table


def checkpoint_file(name: str) -> CheckpointFile:
    """A shipped file, its checksum verified.

    Raises:
        UnknownName: not in the manifest.
        FormatError: missing or altered.
    """
    if name not in manifest():
        raise UnknownName("checkpoint", name, manifest())
    path, about = SHIPPED / name, manifest()[name]
    if not path.exists():
        raise FormatError(f"{path}: is missing. Reinstall Poselift.")
    found = file_sha256(path)
    if found != about["sha256"]:
        raise FormatError(
            f"{path}: was altered (sha256 {found[:12]}..., expected {about['sha256'][:12]}...). "
            "Reinstall Poselift."
        )
    return CheckpointFile(path, found, about)


def lifter_names() -> dict[str, str]:
    """Shipped lifters: name -> file name."""
    return {about["name"]: file for file, about in manifest().items() if about["role"] == "lifter"}
