"""The weights and archives of others that are here, where they lie, and whether they are whole.

Checksums of what VideoPose3D and the detectors' authors published were never published. The
first download writes down what it got, in `fetched.json` beside the file; later ones hold to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poselift.data.errors import FormatError, PoseliftError, UnknownName, one_line
from poselift.data.files.places import archives_folder, fetched_folder, weights_file
from poselift.data.files.whole_file import file_sha256, whole_file
from poselift.models.registry import checkpoint_file, detector_files, manifest, published_files

RECORD = "fetched.json"
LICENCES = {
    "CC BY-NC 4.0": "not for commercial use; creativecommons.org/licenses/by-nc/4.0",
    "CC BY-SA 3.0": "creativecommons.org/licenses/by-sa/3.0",
    "Apache-2.0": "apache.org/licenses/LICENSE-2.0",
}


@dataclass(frozen=True)
class FileState:
    """How a file stands.

    Args:
        sha256: if it is what it should be; None where that is not known, or it is not.
        problem: what is wrong with it; None: nothing.
    """

    name: str
    sha256: str | None = None
    problem: str | None = None


def shipped_states() -> Iterator[FileState]:
    """Of every file that belongs to Poselift."""
    for name in manifest():
        try:
            yield FileState(name, checkpoint_file(name).sha256)
        except PoseliftError as error:
            yield FileState(name, problem=one_line(error))


def fetched_states() -> Iterator[FileState]:
    """Of every published file that is here."""
    for name in fetchable():
        path = place_of(name)
        if path is None:
            continue
        try:
            yield FileState(name, verify(path))
        except PoseliftError as error:
            yield FileState(name, problem=one_line(error))


def fetchable() -> dict[str, dict[str, Any]]:
    """All that others published: file name -> {role, title, licence, sha256, ...}."""
    return published_files() | detector_files()


def about(name: str) -> dict[str, Any]:
    """What is known of a published file. Raises: UnknownName."""
    files = fetchable()
    if name not in files:
        raise UnknownName("published file", name, files)
    return files[name]


def home_of(name: str) -> Path:
    """The folder that a published file is fetched to. Raises: UnknownName."""
    return archives_folder() if about(name)["role"] == "keypoints" else fetched_folder()


def place_of(name: str) -> Path | None:
    """Where a published file lies; None: it is not here. Raises: UnknownName."""
    if about(name)["role"] != "keypoints":
        return weights_file(name)
    path = archives_folder() / name
    return path if path.is_file() else None


def verify(path: Path) -> str | None:
    """Its sha256 if it is as published, or as first fetched; None where neither is known.

    Raises: FormatError: it was altered. UnknownName: nobody published it.
    """
    known = known_sha256(path)
    if known is None:
        return None
    found = file_sha256(path)
    if found != known:
        raise FormatError(
            f"{path}: was altered (sha256 {found[:12]}..., expected {known[:12]}...). "
            f"Delete it and run: poselift weights fetch {path.name}"
        )
    return found


def known_sha256(path: Path) -> str | None:
    """As published, else as first fetched into this folder. Raises: FormatError, UnknownName."""
    noted = record_of(path.parent).get(path.name, {}).get("sha256")
    sha256 = about(path.name)["sha256"] or noted
    return None if sha256 is None else str(sha256)


def record_of(folder: Path) -> dict[str, dict[str, Any]]:
    """What was fetched into a folder: file name -> {sha256, bytes, url, fetched}.

    Raises: FormatError: the record is damaged.
    """
    path = folder / RECORD
    if not path.is_file():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FormatError(f"{path}: cannot be read ({error}). Delete it.") from error
    if not isinstance(record, dict) or not all(
        isinstance(note, dict) and "sha256" in note for note in record.values()
    ):
        raise FormatError(f"{path}: is no record of fetched files. Move it away.")
    return record


def add_to_record(path: Path, note: Mapping[str, Any]) -> None:
    """Write down what was fetched to a path. Raises: FormatError, OutputError."""
    record = {**record_of(path.parent), path.name: note}
    with whole_file(path.with_name(RECORD)) as part:
        part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
