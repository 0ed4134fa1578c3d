"""What an error's message says of another error."""

from __future__ import annotations

from pathlib import Path

import pytest

from poselift.data.errors import reason_of


def test_a_reason_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(OSError) as caught:
        (tmp_path / "none").read_bytes()
    assert reason_of(caught.value) == "No such file or directory"  # the path is named before
    assert reason_of(ValueError("why\nwhere")) == "why"
    assert reason_of(KeyError("boxes")) == "has no 'boxes'"
    assert reason_of(MemoryError()) == "MemoryError"
