"""Open Sound Control 1.0, as far as it is sent: messages of texts and numbers, in a bundle."""

from __future__ import annotations

import struct
from collections.abc import Sequence

# "Immediately": no time of its own.
_NOW = struct.pack(">Q", 1)

Argument = int | float | str


def message(address: str, *arguments: Argument) -> bytes:
    """One message. Raises: struct.error: a whole number of more than 32 bits."""
    tags, values = ",", b""
    for argument in arguments:
        if isinstance(argument, str):
            tags, values = tags + "s", values + _text(argument)
        elif isinstance(argument, int):
            tags, values = tags + "i", values + struct.pack(">i", argument)
        else:
            tags, values = tags + "f", values + struct.pack(">f", argument)
    return _text(address) + _text(tags) + values


def bundle(messages: Sequence[bytes]) -> bytes:
    parts = (struct.pack(">i", len(one)) + one for one in messages)
    return _text("#bundle") + _NOW + b"".join(parts)


def _text(text: str) -> bytes:
    """Ended by a zero, filled with zeros to a multiple of four bytes."""
    raw = text.encode("utf-8").replace(b"\0", b"") + b"\0"
    return raw + b"\0" * (-len(raw) % 4)
