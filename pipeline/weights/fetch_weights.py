"""What VideoPose3D and detectors published, fetched and checked."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from filelock import FileLock

from poselift.data.datasets.published_files import SITE
from poselift.data.errors import DownloadError, FormatError
from poselift.data.files.whole_file import file_sha256, whole_file
from poselift.data.progress import Progress
from poselift.pipeline.weights.download import MAX_BYTES, download
from poselift.pipeline.weights.weight_files import (
    RECORD,
    about,
    add_to_record,
    known_sha256,
    verify,
)

LOCK = ".fetched.lock"


@dataclass(frozen=True)
class Fetched:
    """A published file that is here.

    Args:
        sha256: None where an old file has none to hold to.
        new: it was downloaded now.
    """

    path: Path
    sha256: str | None
    new: bool


def fetch(name: str, folder: Path, progress: Progress) -> Fetched:
    """A published file in `folder`: the one that lies there if it is unaltered, else fetched.

    Raises:
        UnknownName: not published.
        FormatError: the file that lies there, or what was sent, is not the right one.
        DownloadError: it cannot be fetched; the message says how to do it by hand.
        OutputError: it cannot be written.
    """
    path, member = folder / name, about(name).get("member")
    if path.is_file():
        return Fetched(path, verify(path), new=False)
    url = str(about(name).get("url", SITE + name))
    known_sha256(path)  # a damaged record is told before the work
    with whole_file(path) as part:
        try:
            download(url, part, name, progress)
        except DownloadError as error:
            inside = f", take {member} out of it" if member else ""
            raise DownloadError(
                f"{error} By hand: get {url}{inside} and put it at {path}."
            ) from error
        num_bytes = part.stat().st_size
        _check_kind(part, url)
        if member is not None:
            _unpack(part, member, url)
        found = file_sha256(part)
        # Two fetches at once: the first to be ready sets what the other must agree with.
        with FileLock(folder / LOCK):
            expected = known_sha256(path)
            if expected not in (None, found):
                raise FormatError(
                    f"{url}: is not what it was (sha256 {found[:12]}..., expected "
                    f"{expected[:12]}...). Nothing was kept. If a change was announced, delete "
                    f"{folder / RECORD}."
                )
            now = datetime.now(timezone.utc).isoformat(timespec="seconds")
            note = {"sha256": found, "bytes": num_bytes, "url": url, "fetched": now}
            add_to_record(path, note)
    return Fetched(path, found, new=True)


def _check_kind(part: Path, url: str) -> None:
    """Raises: FormatError: neither an archive nor, for weights, a pickle."""
    with part.open("rb") as stream:
        is_pickle = stream.read(1) == b"\x80"
    if not zipfile.is_zipfile(part) and not (url.endswith((".bin", ".pkl")) and is_pickle):
        raise FormatError(f"{url}: what the server sent is no such file. Nothing was kept.")


def _unpack(part: Path, member: str, url: str) -> None:
    """Put the one file of this name in an archive in the archive's place. Raises: FormatError."""
    try:
        with whole_file(part) as inside, zipfile.ZipFile(part) as archive:
            names = [name for name in archive.namelist() if Path(name).name == member]
            if len(names) != 1:
                raise FormatError(f"{url}: holds {len(names)} files {member}. Nothing was kept.")
            if archive.getinfo(names[0]).file_size > MAX_BYTES:
                raise FormatError(f"{url}: unpacks to too much. Nothing was kept.")
            with archive.open(names[0]) as source, inside.open("wb") as target:
                shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise FormatError(f"{url}: is a damaged archive ({error}). Nothing was kept.") from error
