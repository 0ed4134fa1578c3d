"""How a command begins and ends: with a status, and one line when it did not do what was asked."""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from poselift.data.errors import OutputError, reason_of, told

# What ends a command as Ctrl-C does. A second one of these is not needed.
_REQUESTS = ("SIGTERM", "SIGHUP")


def begin(name: str) -> None:
    """Make the streams safe to write to, and Ctrl-C while loading end in one line.

    A closed stream becomes the null device: else the next file that is opened, a result say,
    would take its place and be written into.
    """
    _quiet_while_loading(name)
    while (spare := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(spare, True)
    os.close(spare)
    for number, stream, kind in ((1, "stdout", _Output), (2, "stderr", _Forgiving)):
        given = getattr(sys, stream) or os.fdopen(number, "w", encoding="utf-8", closefd=False)
        if isinstance(given, io.TextIOWrapper):
            encoding, lines = given.encoding, given.line_buffering
            given = kind(given.detach(), encoding, "backslashreplace", line_buffering=lines)
        setattr(sys, stream, given)


def ended(
    name: str,
    work: Callable[[], int],
    *,
    debug: bool = False,
    line_of: Callable[[BaseException], str] = told,
) -> int:
    """The exit status of a command's work, whatever happens in it.

    0 done, 1 something failed, 130 interrupted, 143 and 129 ended by SIGTERM and SIGHUP.
    Args:
        name: what the line begins with.
        debug: show where an error came from.
        line_of: what is said of an error.
    """
    with _stoppable() as stopped_by:
        try:
            try:
                status = work()
            finally:
                sys.stdout.flush()
        except BrokenPipeError:  # whoever read our output, `head` say, has seen enough
            return 1
        except (Exception, KeyboardInterrupt) as error:
            if stopped_by or isinstance(error, KeyboardInterrupt):
                number = stopped_by[0] if stopped_by else signal.SIGINT
                how = "interrupted" if number == signal.SIGINT else "stopped"
                print(f"{name}: {how}; what is finished is kept", file=sys.stderr)
                # Where the interruption came through code that a C library ran, Python would
                # end itself by SIGINT whatever the status; running anything makes it forget.
                exec("pass")
                return 128 + number
            if debug:
                traceback.print_exc()
            print(f"{name}: {line_of(error)}", file=sys.stderr)
            return 1
    return 128 + stopped_by[0] if stopped_by else status


@contextmanager
def _stoppable() -> Iterator[list[int]]:
    """The signals that asked for the end, as a list; the first raises KeyboardInterrupt.

    So every file and process is cleared away on the same path, however a command is ended. A
    library that makes another error of the interruption does not hide it.
    """
    stopped_by: list[int] = []
    before: dict[signal.Signals, Any] = {}

    def stop(number: int, frame: FrameType | None) -> None:
        stopped_by.append(number)
        for request in before:
            if request != signal.SIGINT:
                signal.signal(request, signal.SIG_IGN)
        raise KeyboardInterrupt

    known = [getattr(signal, request, None) for request in ("SIGINT", *_REQUESTS)]
    for number in filter(None, known):
        if signal.getsignal(number) not in (signal.SIG_IGN, None):  # `nohup`, say
            with suppress(ValueError):  # not the main thread: it is for others to end this
                before[number] = signal.signal(number, stop)
    try:
        yield stopped_by
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Output(io.TextIOWrapper):
    """Standard output; what it still holds when it cannot be written is dropped."""

    def write(self, text: str) -> int:
        with self._told():
            return super().write(text)

    def flush(self) -> None:
        with self._told():
            super().flush()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            if isinstance(error, BrokenPipeError):
                raise
            raise OutputError(f"standard output cannot be written ({reason_of(error)}).") from error


class _Forgiving(io.TextIOWrapper):
    """Messages that nobody can be told are no reason to end the work."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


def _quiet_while_loading(name: str) -> None:
    """Nothing is there yet that would have to be cleared away."""

    def leave(number: int, frame: FrameType | None) -> None:
        with suppress(OSError):
            os.write(2, f"{name}: interrupted\n".encode())
        os._exit(128 + number)

    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, leave)
