"""Shares of many clips, for machines that know nothing of each other."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Shard:
    """Share `index` of `count`, from 1.

    Each clip is in one share, by a hash of its name: it stays there whatever becomes of the others.
    """

    index: int
    count: int

    def __post_init__(self) -> None:
        """Raises: ValueError."""
        if not 1 <= self.index <= self.count:
            raise ValueError(f"a share is I/N with I from 1 to N, not {self}")

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def holds(self, name: str) -> bool:
        """Whether the clip of this name, relative to its input, is in this share."""
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.index - 1


def shard_of(text: str) -> Shard:
    """`2/4` -> the second of four. Raises: ValueError."""
    index, slash, count = text.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal()):
        raise ValueError(f"a share is I/N, 2/4 say, not '{text}'")
    return Shard(int(index), int(count))
