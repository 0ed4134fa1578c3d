"""How much memory a file may take while it is read.

No file under SMALL_FILE bytes makes the process take more than a gigabyte: what it may
unfold to is bounded by SMALL_BUDGET, which leaves room for the program and for a copy.
"""

from __future__ import annotations

import os
from pathlib import Path

from poselift.data.errors import FormatError, reason_of
from poselift.data.files.source_files import check_is_file

SMALL_FILE, SMALL_BUDGET = 10 << 20, 400_000_000
# Real numbers never shrink a hundredfold; arrays that are mostly NaN do a thousandfold.
NUMBERS, MOSTLY_NAN = 100, 1000


class Budget:
    """Bytes that may still be asked for."""

    def __init__(self, left: int) -> None:
        self.whole = self.left = left

    def spend(self, count: float, what: str) -> None:
        """Raises: ValueError: `what` is more than is left."""
        self.left -= int(count)
        if self.left < 0:
            raise ValueError(
                f"{what} would take {count / 1e6:.0f} MB of memory; all of such a file may take "
                f"{self.whole / 1e6:.0f} MB"
            )


def budget_of(path: Path, ratio: int = NUMBERS) -> Budget:
    """What reading a file may take: at least SMALL_BUDGET, and so many times its size.

    Raises: FormatError: it is not there, or is no file.
    """
    check_is_file(path)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({reason_of(error)}).") from error
    small = size < SMALL_FILE
    return Budget(SMALL_BUDGET if small else min(ratio * size, physical_memory() // 2))


def physical_memory() -> int:
    """Bytes of memory in this machine; 8 GB where the system does not say."""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 8 << 30
