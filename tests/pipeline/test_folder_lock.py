"""One run at a time in a folder, whatever clocks say and whoever was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import ROOT

from poselift.data.errors import OutputError
from poselift.pipeline.folders import folder_lock
from poselift.pipeline.folders.folder_lock import LOCK, FolderLock, LockTimes, holder_of, is_lock
from poselift.pipeline.folders.folder_record import is_free

# As short as a machine with much other work can keep.
TIMES = LockTimes(heartbeat_s=0.1, stale_s=2.0, settle_s=0.3, poll_s=0.02)
# Another machine: nobody can see from here whether its processes live, and its clocks differ.
ELSEWHERE = f"""
import sys, time
from pathlib import Path
folder, offset_s, name = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
real = time.time
time.time = lambda: real() + offset_s
time.localtime = lambda *given: time.gmtime(time.time())
from poselift.data.errors import OutputError
from poselift.pipeline.folders import folder_lock
from poselift.pipeline.folders.folder_lock import FolderLock, LockTimes, check_held
folder_lock._machine = lambda: name
lock = FolderLock(folder, {TIMES!r})
"""
HOLDS = """
with lock.held(lambda who: None) as token:
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        check_held(folder, token)
        print("held")
    except OutputError as error:
        print(error)
"""
TURNS = """
for _ in range(6):
    with lock.held(lambda who: None):
        with open(folder / "inside", "x"):
            time.sleep(0.03)
        (folder / "inside").unlink()
    lock = FolderLock(folder, lock.times)
print("done")
"""


def other(folder: Path, work: str, offset_s: float = 0, name: str = "a") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ELSEWHERE + work, folder, str(offset_s), name],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@contextmanager
def holder(folder: Path, offset_s: float, name: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the folder."""
    process = other(folder, HOLDS, offset_s, name)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def waited(folder: Path, told: list[str]) -> float:
    """Seconds until the folder was ours."""
    begun = time.monotonic()
    with FolderLock(folder, TIMES).held(told.append):
        return time.monotonic() - begun


def test_machines_whose_clocks_differ_take_turns(tmp_path: Path) -> None:
    clocks = (-86_400, 0, 86_400)
    runs = [other(tmp_path, TURNS, clock, f"machine {clock}") for clock in clocks]
    for run in runs:
        out, said = run.communicate(timeout=60)
        assert out == "done\n", said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("clock", [-86_400, 86_400])
def test_a_holder_elsewhere_is_taken_over_when_it_stands_still(clock: int, tmp_path: Path) -> None:
    with holder(tmp_path, clock, "elsewhere") as process:
        lock, told = FolderLock(tmp_path, TIMES), []
        for look in range(150):
            if look % 25 == 0:  # what a clock of the file system that jumps would look like
                os.utime(tmp_path / LOCK, (0, 0))
            held = holder_of(tmp_path / LOCK)
            assert held is not None and not lock._is_stale(held)
            time.sleep(0.02)
        process.send_signal(signal.SIGSTOP)
        try:
            took_s = waited(tmp_path, told)
            assert took_s > 2 * TIMES.heartbeat_s
            with FolderLock(tmp_path, TIMES).held(told.append):
                process.send_signal(signal.SIGCONT)
                out, _ = process.communicate("look\n", timeout=20)
        finally:
            process.send_signal(signal.SIGCONT)
    assert f"was taken over by process {os.getpid()} on" in out
    assert len(told) == 1 and told[0].startswith(f"process {process.pid} on ")


def test_a_process_of_this_machine_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    with holder(tmp_path, 0, folder_lock._machine()) as process:
        assert not is_free(tmp_path.parent) and is_free(tmp_path)  # of results
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # and still is in the list
        told: list[str] = []
        assert waited(tmp_path, told) < TIMES.stale_s and not told
    assert not (tmp_path / LOCK).exists()


def test_a_claim_is_checked(tmp_path: Path) -> None:
    with FolderLock(tmp_path, TIMES).held(print) as token:
        folder_lock.check_held(tmp_path, token)
        with pytest.raises(OutputError, match="taken over by process"):
            folder_lock.check_held(tmp_path, "another")
        (tmp_path / LOCK).unlink()
        with pytest.raises(OutputError, match="was removed"):
            folder_lock.check_held(tmp_path, token)


def test_file_systems_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with FolderLock(tmp_path, TIMES).held(print):
        assert [path.name for path in tmp_path.iterdir()] == [LOCK]
    assert not list(tmp_path.iterdir())


def test_locks_of_0_3_hold_nothing(tmp_path: Path) -> None:
    (tmp_path / LOCK).touch()
    assert is_free(tmp_path)
    told: list[str] = []
    waited(tmp_path, told)
    assert not told


@pytest.mark.parametrize(
    "text", ["mine", "[]", "{}", '{"token": "x"}', "[" * 4000, "\x00" * 9000, "3"]
)
def test_what_is_no_lock_is_kept(text: str, tmp_path: Path) -> None:
    lock = tmp_path / LOCK
    lock.write_text(text)
    assert not is_lock(lock) and not is_free(tmp_path)
    with pytest.raises(OutputError, match="is not ours"), FolderLock(tmp_path).held(print):
        pass
    assert lock.read_text() == text
