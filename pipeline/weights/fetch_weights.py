"""`poselift weights fetch NAME`: what VideoPose3D and detectors published, fetched and checked.

Their checksums were never published. The first download writes down what it got, in
`fetched.json` beside the file; later fetches and `poselift weights verify` hold to that.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import zipfile
import zlib
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from poselift.data.datasets.motion_datasets import FOLDER
from poselift.data.datasets.published_files import SITE
from poselift.data.errors import DownloadError, FormatError, PoseliftError, UnknownName, one_line
from poselift.data.files.whole_file import file_sha256, whole_file
from poselift.data.progress import Progress
from poselift.models.registry import CHECKPOINTS, detector_files, published_files
from poselift.pipeline.progress import progress_for
from poselift.pipeline.weights.download import MAX_BYTES, download

RECORD = "fetched.json"
LICENCES = {
    "CC BY-NC 4.0": "not for commercial use; creativecommons.org/licenses/by-nc/4.0",
    "CC BY-SA 3.0": "creativecommons.org/licenses/by-sa/3.0",
    "Apache-2.0": "apache.org/licenses/LICENSE-2.0",
}


def add(actions: Any) -> None:
    """`fetch`, to the subparsers of `poselift weights`."""
    command = actions.add_parser("fetch", help="download published files")
    command.add_argument("names", nargs="+", metavar="NAME", help=", ".join(_fetchable()))
    command.add_argument("--to", type=Path, metavar="FOLDER",
        help="(default: checkpoint/ and data/ of the project, where run.py looks)")  # fmt: skip
    command.set_defaults(handler=_fetch)


def home_of(name: str) -> Path:
    """Where run.py looks for a published file. Raises: UnknownName."""
    return FOLDER if _about(name)["role"] == "keypoints" else CHECKPOINTS


def fetch(name: str, folder: Path, progress: Progress, site: str = SITE) -> tuple[Path, bool]:
    """A published file in `folder`: the one that lies there if it is unaltered, else fetched.

    Returns: its path, and whether it was downloaded now.
    Raises:
        UnknownName: not published.
        FormatError: the file that lies there, or what was sent, is not the right one.
        DownloadError, OutputError: see poselift.pipeline.weights.download.
    """
    path, about = folder / name, _about(name)
    url = str(about.get("url", site + name))
    expected = _known_sha256(path)
    if path.is_file():
        verify(path)
        return path, False

    def check(part: Path) -> None:
        _check_kind(part, url)
        if "member" in about:
            _unpack(part, about["member"], url)
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
    for name in _fetchable():
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
    """Raises: FormatError: neither an archive nor, for weights, a pickle."""
    with part.open("rb") as stream:
        is_pickle = stream.read(1) == b"\x80"
    if not zipfile.is_zipfile(part) and not (url.endswith((".bin", ".pkl")) and is_pickle):
        raise FormatError(f"{url}: what the server sent is no such file. Nothing was kept.")


def _unpack(part: Path, member: str, url: str) -> None:
    """Put the one file of this name in an archive in the archive's place. Raises: FormatError."""
    inside = part.with_name(part.name + ".inside")
    try:
        with zipfile.ZipFile(part) as archive:
            names = [name for name in archive.namelist() if Path(name).name == member]
            if len(names) != 1:
                raise FormatError(f"{url}: holds {len(names)} files {member}. Nothing was kept.")
            if archive.getinfo(names[0]).file_size > MAX_BYTES:
                raise FormatError(f"{url}: unpacks to too much. Nothing was kept.")
            with archive.open(names[0]) as source, inside.open("wb") as target:
                shutil.copyfileobj(source, target)
        inside.replace(part)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise FormatError(f"{url}: is a damaged archive ({error}). Nothing was kept.") from error
    finally:
        inside.unlink(missing_ok=True)


def _known_sha256(path: Path) -> str | None:
    """As published, else as first fetched into this folder. Raises: FormatError, UnknownName."""
    noted = record_of(path.parent).get(path.name, {}).get("sha256")
    sha256 = _about(path.name)["sha256"] or noted
    return None if sha256 is None else str(sha256)


def _about(name: str) -> dict[str, Any]:
    files = _fetchable()
    if name not in files:
        raise UnknownName("published file", name, files)
    return files[name]


def _fetchable() -> dict[str, dict[str, Any]]:
    return published_files() | detector_files()


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
