"""The process behind processes.py: clips come on standard input, lines of JSON go out.

It ends when nobody is there any more who would give it clips, in mid-work as well.
"""

from __future__ import annotations

import json
import os
import pickle
import queue
import signal
import sys
import threading
import time
from dataclasses import asdict
from types import FrameType
from typing import IO, Any

from poselift.data.errors import PoseliftError, told
from poselift.pipeline.batch.outcome import Clip
from poselift.pipeline.batch.work import Kind, opened

GRACE_S = 10.0  # to clear up, before a process is killed
_TELL_EVERY_S = 0.5


class Lines:
    """What is told, as lines of JSON; by several threads."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._lock = stream, threading.Lock()

    def tell(self, what: str, **more: Any) -> None:
        with self._lock:
            self._stream.write(json.dumps({"what": what, **more}).encode() + b"\n")
            self._stream.flush()


class Told:
    """Progress that is told now and then."""

    def __init__(self, lines: Lines) -> None:
        self._lines, self._spoken = lines, 0.0
        self._stage, self._done = "", 0
        self._total: int | None = None

    def begin(self, clip: str, stage: str, total: int | None) -> None:
        self._stage, self._done, self._total, self._spoken = stage, 0, total, 0.0
        self.advance(0)

    def advance(self, frames: int = 1) -> None:
        self._done += frames
        if time.monotonic() - self._spoken > _TELL_EVERY_S:
            self._spoken = time.monotonic()
            self._lines.tell("at", stage=self._stage, done=self._done, total=self._total)

    def end(self) -> None:
        pass

    def say(self, line: str) -> None:
        self._lines.tell("say", line=line)


def serve(asked: IO[bytes], lines: Lines) -> None:
    """Load, then run what is asked for until nobody asks any more."""
    kind, cores = pickle.load(asked)
    clips: queue.Queue[Clip | None] = queue.Queue()
    try:
        work = opened(kind, cores)
    except Exception as error:
        lines.tell("unusable", error=told(error), ours=isinstance(error, PoseliftError))
        return
    lines.tell("ready", key=work.key)
    busy = threading.Event()
    threading.Thread(target=_listen, args=(asked, clips, busy), daemon=True).start()
    while (clip := clips.get()) is not None:
        outcome = work.run(clip, Told(lines))
        busy.clear()
        lines.tell("outcome", outcome=asdict(outcome))


def _listen(asked: IO[bytes], clips: queue.Queue[Clip | None], busy: threading.Event) -> None:
    """Pass on what is asked for; when nobody is there any more, end what is at work."""
    try:
        while True:
            clip = pickle.load(asked)
            busy.set()
            clips.put(clip)
    except (EOFError, OSError, pickle.UnpicklingError):
        clips.put(None)
        if busy.is_set():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(GRACE_S)
            if os.name == "posix":  # what hangs in foreign code, and an encoder, say
                os.killpg(0, signal.SIGKILL)
            os._exit(1)


def _stop(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> None:
    """Ctrl-C is for the process that gives the clips: it ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    asked, lines = os.fdopen(os.dup(0), "rb"), Lines(os.fdopen(os.dup(1), "wb"))
    # What libraries read and print must not come between.
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.dup2(2, 1)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    try:
        serve(asked, lines)
    except (KeyboardInterrupt, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        sys.exit(143)


def kind_bytes(kind: Kind, cores: int) -> bytes:
    """What a worker is given first."""
    return pickle.dumps((kind, cores))
