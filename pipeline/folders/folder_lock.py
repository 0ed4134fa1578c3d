"""One run at a time in a folder, also where several machines share it.

Who has the folder puts a small file into it that says who that is, and touches it while at work. A
lock is stale when its process is gone (known on its own machine only), or when it was not
touched for a minute: measured between two times of the file system that it lies on, and beside
that watched for two heartbeats here, so that clocks that differ or jump mean nothing. Only what
every network file system has is used: a hard link fails where a name is taken, a rename replaces.

A machine that stood still for a minute may find its folder taken over: `check_held` tells it so
before it puts a result in its place.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import stat
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from poselift.data.errors import OutputError

LOCK = ".poselift.lock"
_PART = ".part"
_LARGEST_BYTES = 4096


@dataclass(frozen=True)
class LockTimes:
    """Seconds. All who share a folder need the same.

    Args:
        heartbeat_s: how often the lock is touched.
        stale_s: a lock that was not touched for so long belongs to nobody.
        settle_s: after a lock was taken over, for others who did so at the same moment.
        poll_s: how often one who waits looks.
    """

    heartbeat_s: float = 10.0
    stale_s: float = 60.0
    settle_s: float = 1.0
    poll_s: float = 0.2


@dataclass(frozen=True)
class Holder:
    """Who has a folder.

    Args:
        token: of this one claim.
        machine: host, boot and process namespace: within it a pid means one process.
        began: when the process began, as the system counts; empty where it does not say.
        since: when the folder was taken, by the holder's clock: only for people to read.
    """

    token: str
    host: str
    machine: str
    pid: int
    began: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}"


# A lock of version 0.3, which was an empty file that stayed.
_NOBODY = Holder("", "", "", 0, "", "")


class FolderLock:
    """The lock of a folder that exists; use `held`."""

    def __init__(self, folder: Path, times: LockTimes | None = None) -> None:
        self.path, self.times = folder / LOCK, times or LockTimes()
        since = time.strftime("%Y-%m-%d %H:%M:%S %z")
        self.own = Holder(
            secrets.token_hex(8),
            platform.node(),
            _machine(),
            os.getpid(),
            _began(os.getpid()) or "",
            since,
        )
        self._watched: tuple[str, int, float, float] | None = None
        self._stop = threading.Event()

    @contextmanager
    def held(self, waiting: Callable[[str], None]) -> Iterator[str]:
        """The token of the claim, once nobody else has the folder.

        Args:
            waiting: called once, with who has it.
        Raises: OutputError: a file of that name is not a lock; OSError.
        """
        beat = threading.Thread(target=self._beat, name="poselift-lock", daemon=True)
        try:
            self._acquire(waiting)
            beat.start()
            yield self.own.token
        finally:
            self._stop.set()
            if beat.ident is not None:
                beat.join(self.times.heartbeat_s)
            self._release()

    def _acquire(self, waiting: Callable[[str], None]) -> None:
        told = False
        while True:
            held = holder_of(self.path)
            if held is None:
                self._create()
            elif held.token == self.own.token:
                return
            elif self._is_stale(held):
                self._take_over(held)
            else:
                if not told:
                    waiting(str(held))
                told = True
                time.sleep(self.times.poll_s)

    def _create(self) -> None:
        """Take a name that is free; whether it worked is seen by who has it then."""
        with self._written() as part:
            try:
                os.link(part, self.path)
            except (FileExistsError, FileNotFoundError):
                pass  # somebody was quicker, or cleared our part away
            except OSError:  # a file system without links
                self._put(part)

    def _take_over(self, stale: Holder) -> None:
        with self._written() as part:
            if holder_of(self.path) == stale and (stale == _NOBODY or self._is_stale(stale)):
                self._put(part)

    def _put(self, part: Path) -> None:
        """Whoever does so at the same moment has done it before the wait is over."""
        with suppress(FileNotFoundError):
            part.replace(self.path)
        time.sleep(self.times.settle_s)

    def _is_stale(self, held: Holder) -> bool:
        if held == _NOBODY or is_gone(held):
            return True
        now = time.monotonic()
        try:
            touched = self.path.stat().st_mtime_ns
            if self._watched is None or self._watched[:2] != (held.token, touched):
                with self._written() as part:
                    age_s = (part.stat().st_mtime_ns - touched) / 1e9
                self._watched = (held.token, touched, now, age_s)
        except FileNotFoundError:  # given back, or our part was cleared away
            return False
        watched_s = now - self._watched[2]
        if watched_s < 2 * self.times.heartbeat_s:
            return False
        return self._watched[3] + watched_s >= self.times.stale_s

    @contextmanager
    def _written(self) -> Iterator[Path]:
        """Our own claim as a file beside the lock, new on the file system's clock."""
        part = self.path.with_name(f"{LOCK}.{secrets.token_hex(4)}{_PART}")
        try:
            part.write_text(json.dumps(asdict(self.own)) + "\n", encoding="utf-8")
            yield part
        finally:
            part.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._stop.wait(self.times.heartbeat_s):
            with suppress(OSError):  # a network that is away for a moment
                if not _touched(self.path, self.own.token):
                    return

    def _release(self) -> None:
        with suppress(OSError, OutputError):
            held = holder_of(self.path)
            if held is not None and held.token == self.own.token:
                self.path.unlink()


def check_held(folder: Path, token: str) -> None:
    """Raises: OutputError: the claim on the folder is not the one with this token any more."""
    try:
        held = holder_of(folder / LOCK)
        if _touched(folder / LOCK, token):
            return
    except OSError:
        held = None
    how = f"was taken over by {held}" if held else "or its lock was removed"
    raise OutputError(f"{folder}: {how} while it was worked on. Run again.")


def is_lock(path: Path) -> bool:
    """Whether a file is a lock, or one that was being made."""
    if path.name != LOCK and not (path.name.startswith(LOCK + ".") and path.suffix == _PART):
        return False
    try:
        return holder_of(path) is not None
    except (OSError, OutputError):
        return False


def holder_of(lock: Path) -> Holder | None:
    """Who has a folder; None: nobody. Raises: OutputError: it is no lock of ours; OSError."""
    try:
        if not stat.S_ISREG(lock.lstat().st_mode):
            raise ValueError("no file")
        with lock.open("rb") as stream:
            text = stream.read(_LARGEST_BYTES)
        return Holder(**json.loads(text)) if text else _NOBODY
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, RecursionError):
        raise OutputError(f"{lock}: is not ours. Move it away, or choose another folder.") from None


def is_gone(holder: Holder) -> bool:
    """Whether the holder's process ended; False where that cannot be known from here."""
    if holder.machine != _machine():
        return False
    if Path("/proc/self/stat").exists():
        return _began(holder.pid) != holder.began
    if os.name != "posix":
        return False
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False


def _touched(lock: Path, token: str) -> bool:
    """Touch the lock with the file system's own time, if the claim is ours. Raises: OSError."""
    try:
        held = holder_of(lock)
    except OutputError:
        return False
    if held is None or held.token != token:
        return False
    os.utime(lock)
    return True


def _machine() -> str:
    """Where a pid means one process: containers on one machine count their own."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return f"{platform.node()}/{uuid.getnode():x}"
    return f"{platform.node()}/{boot}/{space}"


def _began(pid: int) -> str | None:
    """When a process began, in the system's count; None: it ended, or there is no such count."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {b"Z", b"X"} else fields[19].decode()
