"""The shipped checkpoints: what lies in `checkpoint/`, checked against its manifest."""

from __future__ import annotations

import functools
import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from poselift.data.errors import FormatError, UnknownName
from poselift.data.files.places import SHIPPED
from poselift.data.files.whole_file import file_sha256
from poselift.data.skeletons import skeleton_named
from poselift.models.reference_checkpoints import load_reference_checkpoint
from poselift.models.weights import LifterWeights, load_lifter

log = logging.getLogger(__name__)

CHECKPOINTS = SHIPPED
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
    path = CHECKPOINTS / name
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
    path, about = CHECKPOINTS / name, manifest()[name]
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


def open_lifter(name: str) -> tuple[LifterWeights, str]:
    """A lifter by its shipped name or by the path of a checkpoint, and its sha256.

    Paths end in `.safetensors` (ours) or `.bin` / `.pt` (the reference's).
    Raises: UnknownName, FormatError.
    """
    shipped = lifter_names()
    if name in shipped:
        file = checkpoint_file(shipped[name])
        return load_lifter(file.path), file.sha256
    path = Path(name)
    if path.suffix not in {".safetensors", ".bin", ".pt"}:
        raise UnknownName("lifter", name, [*shipped, "or the path of a .safetensors or .bin file"])
    if path.suffix == ".safetensors":
        return load_lifter(path), file_sha256(path)
    weights = load_reference_checkpoint(path)
    if weights.layout_in is None and path.name in published():
        layout = skeleton_named(published()[path.name]["layout_in"])
        weights = replace(weights, layout_in=layout)
    if weights.layout_in is None:
        log.warning(
            "%s: does not say which keypoints it reads; make sure that they are the detector's",
            path,
        )
    return weights, file_sha256(path)
