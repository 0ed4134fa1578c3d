"""Clips side by side in processes of this machine: each loads once and takes a clip at a time."""

from __future__ import annotations

import json
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from poselift.data.errors import PoseliftError, one_line
from poselift.inference.detecting import default_workers
from poselift.pipeline.batch.outcome import Clip, Outcome, failed
from poselift.pipeline.batch.view import View
from poselift.pipeline.batch.work import Kind
from poselift.pipeline.batch.worker import GRACE_S, kind_bytes

ATTEMPTS = 2  # a clip whose process dies is given to another one
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from poselift.pipeline.batch.worker import main; main()"
)


class Running(Protocol):
    """Workers that are there.

    Attributes:
        key: of all that shapes a clip's results but the clip.
    """

    key: str

    def outcomes(self, clips: Iterable[Clip]) -> Iterator[Outcome]:
        """Of each clip, as they come. Raises: PoseliftError: nothing can be run at all."""
        ...


@dataclass(frozen=True)
class Local:
    """Processes of this machine.

    Args:
        jobs: clips at work at once; cores are shared out among them.
        clip_timeout_s: a clip that takes longer is ended; None: it may take what it takes.
        cores: of each process; None: its share of the machine's.
    """

    jobs: int = 1
    clip_timeout_s: float | None = None
    cores: int | None = None

    def __post_init__(self) -> None:
        """Raises: ValueError."""
        if self.jobs < 1:
            raise ValueError(f"clips at work are at least 1, not {self.jobs}")
        if self.clip_timeout_s is not None and not self.clip_timeout_s > 0:
            raise ValueError(f"a clip's time is above 0 seconds, not {self.clip_timeout_s:g}")

    @contextmanager
    def running(self, kind: Kind, view: View) -> Iterator[Running]:
        """Raises: PoseliftError: detector or lifter cannot be had."""
        pool = Pool(kind, self, view)
        try:
            yield pool
        finally:
            pool.close()


class Worker:
    """One process; what it tells goes into a queue, None when it ended."""

    def __init__(self, kind: Kind, cores: int, told: queue.Queue[tuple[Worker, Any]]) -> None:
        self.clip: Clip | None = None
        self.ready = False
        self.since = 0.0
        group: dict[str, Any] = {"start_new_session": True} if os.name == "posix" else {}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _START, json.dumps(sys.path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=None if kind.debug else subprocess.DEVNULL, **group,
        )  # fmt: skip
        threading.Thread(target=self._listen, args=(told,), daemon=True).start()
        self._send(kind_bytes(kind, cores))

    def give(self, clip: Clip) -> None:
        self.clip, self.since = clip, time.monotonic()
        self._send(pickle.dumps(clip))

    def _send(self, content: bytes) -> None:
        assert self.process.stdin is not None
        with suppress(OSError):  # it ended: that is told by _listen
            self.process.stdin.write(content)
            self.process.stdin.flush()

    def _listen(self, told: queue.Queue[tuple[Worker, Any]]) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with suppress(ValueError):  # broken off
                told.put((self, json.loads(line)))
        told.put((self, None))

    def stop(self) -> None:
        """Ask it to end, in mid-work too."""
        with suppress(OSError):
            self.process.terminate()
        with suppress(OSError):
            assert self.process.stdin is not None
            self.process.stdin.close()

    def end(self, grace_s: float = GRACE_S) -> None:
        """Wait for it, and end it with all that it started, come what may."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(grace_s)
        with suppress(OSError):
            if os.name == "posix":
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()
        self.process.wait()


class Pool:
    """The workers of a run."""

    def __init__(self, kind: Kind, local: Local, view: View) -> None:
        self.kind, self.local, self.view = kind, local, view
        self.cores = local.cores or max(1, default_workers() // local.jobs)
        self.told: queue.Queue[tuple[Worker, Any]] = queue.Queue()
        self.workers: list[Worker] = []
        self.attempts: dict[str, int] = {}
        self.again: deque[Clip] = deque()
        self.stillborn = 0
        self.key = ""
        self._start()
        try:
            while not self.key:
                list(self._heard(*self.told.get()))
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        self.workers.append(Worker(self.kind, self.cores, self.told))

    def outcomes(self, clips: Iterable[Clip]) -> Iterator[Outcome]:
        todo = iter(clips)
        while True:
            self._hand_out(todo)
            if not any(worker.clip for worker in self.workers) and not self.again:
                return
            try:
                heard = self.told.get(timeout=self._patience_s())
            except queue.Empty:
                yield from self._timed_out()
            else:
                yield from self._heard(*heard)

    def _hand_out(self, todo: Iterator[Clip]) -> None:
        """A clip for everybody who is free, and processes while there are more clips."""
        for worker in self.workers:
            if worker.ready and worker.clip is None:
                clip = self.again.popleft() if self.again else next(todo, None)
                if clip is None:
                    return
                worker.give(clip)
        starting = sum(not worker.ready for worker in self.workers)
        while len(self.workers) < self.local.jobs:
            if len(self.again) <= starting:
                clip = next(todo, None)
                if clip is None:
                    return
                self.again.append(clip)
            self._start()
            starting += 1

    def _patience_s(self) -> float | None:
        """Until the next clip has had its time."""
        limit = self.local.clip_timeout_s
        begun = [worker.since for worker in self.workers if worker.clip]
        if limit is None or not begun:
            return None
        return max(0.0, min(begun) + limit - time.monotonic())

    def _timed_out(self) -> Iterator[Outcome]:
        limit = self.local.clip_timeout_s or 0.0
        for worker in list(self.workers):
            if worker.clip and time.monotonic() - worker.since >= limit:
                clip, worker.clip = worker.clip, None
                self._drop(worker)
                yield failed(
                    clip,
                    f"{one_line(clip.source)}: took longer than {limit:g} s and was ended. Look at "
                    "the file, or give it more time with --clip-timeout.",
                )

    def _drop(self, worker: Worker) -> None:
        self.workers.remove(worker)
        self.view.rest(id(worker))
        worker.stop()
        # A clip that hangs in foreign code hears nothing; those who wait should not wait long.
        worker.end(1.0)

    def _heard(self, worker: Worker, message: Any) -> Iterator[Outcome]:
        if worker not in self.workers:
            return
        what = message["what"] if message else "ended"
        if what == "ready":
            worker.ready, self.key, self.stillborn = True, message["key"], 0
        elif what == "unusable":
            raise PoseliftError(message["error"])
        elif what == "say":
            self.view.say(message["line"])
        elif what == "at" and worker.clip:
            stage = (message["stage"], message["done"], message["total"])
            self.view.at(id(worker), worker.clip.name, *stage)
        elif what == "outcome":
            worker.clip = None
            self.view.rest(id(worker))
            yield Outcome(**message["outcome"])
        elif what == "ended":
            yield from self._ended(worker)

    def _ended(self, worker: Worker) -> Iterator[Outcome]:
        """A process is gone that nobody sent away."""
        clip, worker.clip = worker.clip, None
        self._drop(worker)
        how = _how(worker.process.returncode)
        if not worker.ready:
            self.stillborn += 1
            if self.stillborn >= ATTEMPTS or not self.key:
                raise PoseliftError(
                    f"a process for clips {how} while it was loading. Try fewer --jobs, or look "
                    "at what poselift --debug shows."
                )
            return
        if clip is None:
            return
        self.attempts[clip.name] = self.attempts.get(clip.name, 0) + 1
        if self.attempts[clip.name] < ATTEMPTS:
            self.view.say(f"{clip.source}: its process {how}; trying once more")
            self.again.append(clip)
            return
        yield failed(
            clip,
            f"{one_line(clip.source)}: its process {how}, twice. It may need more memory than "
            "there is: try it alone, or fewer --jobs.",
        )

    def close(self) -> None:
        for worker in self.workers:
            worker.stop()
        for worker in self.workers:
            worker.end()
        self.workers = []


def _how(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    with suppress(ValueError):
        return f"was ended by {signal.Signals(-status).name}"
    return f"was ended by signal {-status}"
