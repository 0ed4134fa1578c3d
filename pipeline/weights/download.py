"""One file from the web, by pooch: bounded, whole, and never by a way that anybody can alter."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pooch
import requests

from poselift.data import __version__
from poselift.data.errors import DownloadError
from poselift.data.progress import Progress

TIMEOUT_S = 30.0
# No published file comes near it; a server that sends more is not believed.
MAX_BYTES = 2 << 30
BLOCK_BYTES = 1 << 18
MB = 1_000_000
# As they come: what is packed on the way could become longer than the server says.
HEADERS = {"User-Agent": f"poselift/{__version__}", "Accept-Encoding": "identity"}


def download(
    url: str, part: Path, name: str, progress: Progress, timeout_s: float = TIMEOUT_S
) -> None:
    """Write what lies at `url` to `part`, which is worth nothing if this raises.

    Args:
        name: what to call it to `progress`, which is told of megabytes.
        timeout_s: the longest silence of the server.
    Raises:
        DownloadError: no connection, no such file, not whole, or too long.
        OSError: it cannot be written.
    """
    watch = _Watch(url, name, progress)
    fetch = pooch.HTTPDownloader(
        progressbar=watch,
        chunk_size=BLOCK_BYTES,
        timeout=timeout_s,
        headers=HEADERS,
        hooks={"response": watch.check_answer},
    )
    try:
        fetch(url, str(part), None)
    except (requests.RequestException, ValueError) as error:
        what = "did not come whole" if watch.total else "cannot be reached"
        reason = getattr(error.args[0], "reason", error) if error.args else type(error).__name__
        raise DownloadError(f"{url}: {what} ({reason}).") from error
    finally:
        progress.end()
    if part.stat().st_size != watch.total:  # not every version of urllib3 minds
        came = f"{part.stat().st_size} of {watch.total} bytes"
        raise DownloadError(f"{url}: did not come whole ({came}).")


class _Watch:
    """What looks at the server's answers, and what pooch takes for a progress bar.

    Attributes:
        total: bytes that the server promises; 0 before it has answered.
    """

    def __init__(self, url: str, name: str, progress: Progress) -> None:
        self._url, self._name, self._progress = url, name, progress
        self.total = self._done = 0

    def check_answer(self, answer: requests.Response, **_: Any) -> None:
        """Before a redirect is followed or a body is read. Raises: DownloadError."""
        if answer.is_redirect:
            target = urljoin(answer.url, answer.headers["location"])
            if urlsplit(answer.url).scheme == "https" != urlsplit(target).scheme:
                raise DownloadError(f"{self._url}: leads to {target}, which is not https.")
            return
        if not answer.ok:
            raise DownloadError(
                f"{self._url}: the server answers {answer.status_code} ({answer.reason}). "
                "The file may have moved: look for it on the project's page."
            )
        length = answer.headers.get("Content-Length", "")
        packed = answer.headers.get("Content-Encoding", "identity") != "identity"
        if not length.isdecimal() or packed or "Transfer-Encoding" in answer.headers:
            raise DownloadError(f"{self._url}: the server does not say how long it is.")
        if not 0 < int(length) <= MAX_BYTES:
            raise DownloadError(f"{self._url}: claims {length} bytes, which cannot be right.")
        self.total = int(length)
        self._progress.begin(self._name, "download", self.total // MB)

    def update(self, num_bytes: int) -> None:
        """A block has come; pooch counts the last one as if it were full."""
        before = self._done
        self._done = min(before + num_bytes, self.total)
        self._progress.advance(self._done // MB - before // MB)

    def reset(self) -> None:
        """pooch calls it at the end, before it counts all bytes anew: they are counted."""

    def close(self) -> None:
        """Whoever began the download ends its report."""
