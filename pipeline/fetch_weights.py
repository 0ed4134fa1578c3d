"""`poselift weights fetch NAME`: what VideoPose3D published, fetched and checked.

Their checksums were never published. The first download writes down what it got, in
`fetched.json` beside the file; later fetches and `poselift weights verify` hold to that.
"""

from __future__ import annotations

import argparse
import json
import sys
import zipfile
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from data.errors import DownloadError, FormatError, PoseliftError, UnknownName, one_line
from data.motion_datasets import FOLDER
from data.published_files import SITE
from data.stores import whole_file
from models.registry import CHECKPOINTS, file_sha256, published_files
from pipeline.download import download
from pipeline.progress import Progress, progress_for

RECORD = "fetched.json"
LICENCES = {"CC BY-NC 4.0": "not for commercial use; creativecommons.org/licenses/by-nc/4.0"}


def add(actions: Any) -> None:
    """`fetch`, to the subparsers of `poselift weights`."""
    command = actions.add_parser("fetch", help="download files that VideoPose3D published")
    command.add_argument("names", nargs="+", metavar="NAME", help=", ".join(published_files()))
    command.add_argument("--to", type=Path, metavar="FOLDER",
        help="(default: checkpoint/ and data/ of the project, where run.py looks)")  # fmt: skip
    command.set_defaults(handler=_fetch)


def home_of(name: str) -> Path:
    """Where run.py looks for a published file. Raises: UnknownName."""
    return CHECKPOINTS if _about(name)["role"] == "lifter" else FOLDER


def fetch(name: str, folder: Path, progress: Progress, site: str = SITE) -> tuple[Path, bool]:
    """A published file in `folder`: the one that lies there if it is unaltered, else fetched.

    Returns: its path, and whether it was downloaded now.
    Raises:
        UnknownName: not published.
        FormatError: the file that lies there, or what was sent, is not the right one.
        DownloadError, OutputError: see pipeline.download.
    """
    path, url = folder / name, site + name
    expected = _known_sha256(path)
    if path.is_file():
        verify(path)
        return path, False

    def check(part: Path) -> None:
        _check_kind(part, url)
        found = file_sha256(part)
        if expected is not None and expected != found:
            raise FormatError(
                f"{url}: is not what it was (sha256 {found[:12]}..., expected {expected[:12]}...). "
                f"Nothing was kept. If a change was announced, delete {folder / RECORD}."
            )
        sums.append(found)

    sums: list[str] = []
    try:
        version = download(url, path, progress, check=check)
    except DownloadError as error:
        raise DownloadError(f"{error} By hand: get {url} and put it at {path}.") from error
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    note = {"sha256": sums[0], "bytes": version.num_bytes, "url": url, "fetched": now}
    _write_record(folder, {**record_of(folder), name: note})
    return path, True


def verify(path: Path) -> str | None:
    """Its sha256 if it is as published, or as first fetched; None where neither is known.

    Raises: FormatError: it was altered.
    """
    known = _known_sha256(path)
    if known is None:
        return None
    found = file_sha256(path)
    if found != known:
        raise FormatError(
            f"{path}: was altered (sha256 {found[:12]}..., expected {known[:12]}...). "
            f"Delete it and run: poselift weights fetch {path.name}"
        )
    return found


def verify_fetched() -> int:
    """Print the state of every published file that lies where run.py looks; how many failed."""
    failed = 0
    for name in published_files():
        path = home_of(name) / name
        if not path.is_file():
            continue
        try:
            found = verify(path)
        except PoseliftError as error:
            failed += 1
            print(one_line(error), file=sys.stderr)
            continue
        print(f"{name}: " + (f"ok ({found[:12]}...)" if found else "checksum not known"))
    return failed


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
    if not isinstance(record, dict) or not all(isinstance(v, dict) for v in record.values()):
        raise FormatError(f"{path}: is no record of fetched files. Delete it.")
    return record


def _write_record(folder: Path, record: Mapping[str, Any]) -> None:
    with whole_file(folder / RECORD) as part:
        part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _check_kind(part: Path, url: str) -> None:
    """Raises: FormatError: neither an archive nor, for weights, a pickle of the old format."""
    with part.open("rb") as stream:
        old_pickle = stream.read(2) == b"\x80\x02"
    if not zipfile.is_zipfile(part) and not (url.endswith(".bin") and old_pickle):
        raise FormatError(f"{url}: what the server sent is no such file. Nothing was kept.")


def _known_sha256(path: Path) -> str | None:
    """As published, else as first fetched into this folder. Raises: FormatError, UnknownName."""
    noted = record_of(path.parent).get(path.name, {}).get("sha256")
    sha256 = _about(path.name)["sha256"] or noted
    return None if sha256 is None else str(sha256)


def _about(name: str) -> dict[str, Any]:
    if name not in published_files():
        raise UnknownName("published file", name, published_files())
    return published_files()[name]


def _fetch(asked: argparse.Namespace) -> int:
    for name in asked.names:
        _about(name)
    failed = 0
    for name in asked.names:
        about = _about(name)
        terms = f"{about['licence']}, {LICENCES[about['licence']]}"
        print(f"{name}: {about['title']}. Licence: {terms}.", flush=True)
        try:
            path, new = fetch(name, asked.to or home_of(name), progress_for(unit="MB"), SITE)
            if new:
                found = record_of(path.parent)[name]["sha256"]
                print(f"{path}: fetched; sha256 {found} is written down in {RECORD}")
            else:
                known = verify(path)
                print(f"{path}: is there already, " + ("unaltered" if known else "unchecked"))
        except PoseliftError as error:
            failed += 1
            print(f"poselift: {one_line(error)}", file=sys.stderr)
    return 1 if failed else 0
