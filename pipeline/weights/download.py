"""A file from the web, whole or not at all; what broke off is gone on from.

Beside FILE lie, until it is whole, `FILE.part` and `FILE.part.json`, which says what the
server called this version and how long it is. A part is only gone on from while the server
still has the same version.
"""

from __future__ import annotations

import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout

from poselift.data import __version__
from poselift.data.errors import DownloadError, OutputError, reason_of
from poselift.data.files.whole_file import whole_file
from poselift.pipeline.progress import Progress

TIMEOUT_S = 30.0
# No published file comes near it; a server that sends more is not believed.
MAX_BYTES = 2 << 30
TRIES = 3
BLOCK_BYTES = 1 << 18
MB = 1_000_000


@dataclass(frozen=True)
class Version:
    """What a server says of a file.

    Args:
        tag: its strong ETag, else its date of change; None where the server gives neither.
        num_bytes: its whole length.
    """

    tag: str | None
    num_bytes: int


class _Broken(Exception):
    """The connection ended before the file did."""


class _Changed(Exception):
    """The server does not go on with what lies here."""


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect unless it leaves https for something that anybody can alter."""

    def redirect_request(
        self,
        request: urllib.request.Request,
        stream: IO[bytes],
        code: int,
        message: str,
        headers: http.client.HTTPMessage,
        address: str,
    ) -> urllib.request.Request | None:
        if request.type == "https" and not address.startswith("https://"):
            raise DownloadError(f"{request.full_url}: leads to {address}, which is not https.")
        return super().redirect_request(request, stream, code, message, headers, address)


def download(
    url: str,
    path: Path,
    progress: Progress,
    *,
    check: Callable[[Path], None] = lambda part: None,
    timeout_s: float = TIMEOUT_S,
) -> Version:
    """Fetch `url` to `path`, which appears when it is whole and `check` has not raised.

    Args:
        progress: told of megabytes.
        check: given the finished part; what it raises, the part is thrown away with.
        timeout_s: the longest silence of the server.
    Raises:
        DownloadError: no connection, no such file, or not whole after several tries; then
            the part is kept, and the next call goes on from it.
        OutputError: it cannot be written, or another process is fetching it.
    """
    part = path.with_name(path.name + ".part")
    lock = FileLock(path.with_name(path.name + ".lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with lock.acquire(timeout=0):
            try:
                return _fetch_checked(url, part, path, progress, check, timeout_s)
            finally:
                with suppress(OSError):  # some systems do not delete what is held
                    Path(lock.lock_file).unlink()
    except Timeout:
        raise OutputError(f"{path}: is being fetched by another process.") from None
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({reason_of(error)}). Free space or choose another --to."
        ) from error


def _fetch_checked(
    url: str,
    part: Path,
    path: Path,
    progress: Progress,
    check: Callable[[Path], None],
    timeout_s: float,
) -> Version:
    version = _fetch(url, part, progress, timeout_s)
    try:
        check(part)
        part.replace(path)
    finally:
        _discard(part)
    return version


def _fetch(url: str, part: Path, progress: Progress, timeout_s: float) -> Version:
    """Complete `part`. Raises: DownloadError, OSError."""
    reason = "it keeps changing"
    for _ in range(TRIES):
        before = _size(part)
        try:
            return _fetch_rest(url, part, progress, timeout_s)
        except _Changed:
            _discard(part)
        except _Broken as error:
            reason = str(error)
            if _size(part) <= before:
                break
        finally:
            progress.end()
    raise DownloadError(
        f"{url}: did not come whole ({reason}). What came is kept in {part}; run the same "
        "command to go on from there."
    )


def _fetch_rest(url: str, part: Path, progress: Progress, timeout_s: float) -> Version:
    """One connection. Raises: _Broken, _Changed, DownloadError, OSError."""
    known, start = _noted(part), _size(part)
    if known is None or known.tag is None:
        start = 0
    elif start == known.num_bytes:
        return known
    headers = {"User-Agent": f"poselift/{__version__}", "Accept-Encoding": "identity"}
    if start and known is not None and known.tag is not None:
        headers |= {"Range": f"bytes={start}-", "If-Range": known.tag}
    with _opened(urllib.request.Request(url, headers=headers), timeout_s) as response:
        if response.status == 206:
            version, begins = _version_of_range(response, url)
            if (version, begins) != (known, start):
                raise _Changed
        else:
            version, start = _version_of_whole(response, url), 0
            with whole_file(_note(part)) as note:
                note.write_text(json.dumps(asdict(version)) + "\n")
        progress.begin(part.name.removesuffix(".part"), "download", version.num_bytes // MB)
        progress.advance(start // MB)
        _save(response, part, start, version.num_bytes, progress)
    return version


def _opened(request: urllib.request.Request, timeout_s: float) -> http.client.HTTPResponse:
    """Raises: _Changed: nothing beyond what lies here; DownloadError."""
    url = request.full_url
    opener = urllib.request.build_opener(_SafeRedirects)
    try:
        response: http.client.HTTPResponse = opener.open(request, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:
            raise _Changed from None
        raise DownloadError(
            f"{url}: the server answers {error.code} ({error.reason}). "
            "The file may have moved: look for it on the project's page."
        ) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise DownloadError(f"{url}: cannot be reached ({reason}).") from error
    return response


def _save(
    response: http.client.HTTPResponse, part: Path, start: int, whole: int, progress: Progress
) -> None:
    """Append what comes to the first `start` bytes. Raises: _Broken, DownloadError, OSError."""
    done = start
    with part.open("ab" if start else "wb") as stream:
        while True:
            try:
                block = response.read(BLOCK_BYTES)
            except (OSError, http.client.HTTPException) as error:
                raise _Broken(str(error) or type(error).__name__) from error
            if not block:
                break
            progress.advance((done + len(block)) // MB - done // MB)
            done += len(block)
            if done > whole:
                raise DownloadError(f"{response.url}: is longer than the {whole} bytes it claims.")
            stream.write(block)
    if done < whole:
        raise _Broken(f"{done} of {whole} bytes")


def _version_of_whole(response: http.client.HTTPResponse, url: str) -> Version:
    length = response.headers.get("Content-Length", "")
    if not length.isdecimal() or response.headers.get("Content-Encoding", "identity") != "identity":
        raise DownloadError(f"{url}: the server does not say how long it is.")
    return _checked(Version(_tag(response), int(length)), url)


def _version_of_range(response: http.client.HTTPResponse, url: str) -> tuple[Version, int]:
    """The version and the first byte that comes. Raises: _Changed: not told."""
    told = re.fullmatch(
        r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("Content-Range", "").strip()
    )
    if told is None:
        raise _Changed
    return _checked(Version(_tag(response), int(told[3])), url), int(told[1])


def _checked(version: Version, url: str) -> Version:
    if not 0 < version.num_bytes <= MAX_BYTES:
        raise DownloadError(f"{url}: claims {version.num_bytes} bytes, which cannot be right.")
    return version


def _tag(response: http.client.HTTPResponse) -> str | None:
    tag = response.headers.get("ETag")
    return response.headers.get("Last-Modified") if tag is None or tag.startswith("W/") else tag


def _noted(part: Path) -> Version | None:
    try:
        version = Version(**json.loads(_note(part).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    tagged = isinstance(version.tag, str | None)
    return version if tagged and isinstance(version.num_bytes, int) else None


def _note(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)
