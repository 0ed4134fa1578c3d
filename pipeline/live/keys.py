"""The key that ends a live session, where somebody sits at a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

END = "q"


class Keys:
    """What is typed, without waiting for it; nothing where there is no terminal."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def ended(self) -> bool:
        """Whether the key was pressed."""
        if self._descriptor is None:
            return False
        if sys.platform == "win32":
            import msvcrt

            return any(msvcrt.getwch().lower() == END for _ in iter(msvcrt.kbhit, False))
        import select

        while select.select([self._descriptor], [], [], 0)[0]:
            typed = os.read(self._descriptor, 1)
            if not typed:
                return False
            if typed.lower() == END.encode():
                return True
        return False


@contextmanager
def keys() -> Iterator[Keys]:
    """Keys one by one, not by lines, until the block ends."""
    stdin = sys.stdin
    if stdin is None or stdin.closed or not stdin.isatty():
        yield Keys(None)
        return
    if sys.platform == "win32":
        yield Keys(stdin.fileno())
        return
    import termios
    import tty

    descriptor = stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)  # Ctrl-C stays what it is
        yield Keys(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
