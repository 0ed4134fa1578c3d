"""Torch's threads are borrowed, not taken."""

from __future__ import annotations

import pytest
import torch

from poselift.models.devices import one_thread


def test_threads_are_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [4]
    monkeypatch.setattr(torch, "get_num_threads", lambda: told[-1])
    monkeypatch.setattr(torch, "set_num_threads", told.append)
    with pytest.raises(KeyError), one_thread():
        assert told[-1] == 1
        raise KeyError
    assert told == [4, 1, 4]
