"""Whatever a file holds, reading it gives a value or a PoseliftError, never anything else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fuzzed import FuzzClass, classes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# Inputs of each class; `scripts/fuzz` tries as many as are asked for.
TRIED = {
    "own": 400, "reference": 400, "checkpoints": 300, "keypoints": 300, "mocap": 200,
    "exports": 300, "settings": 300, "video": 20,
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Callable[[], FuzzClass]]:
    return classes(tmp_path_factory.mktemp("fuzz") / "valid")


@pytest.mark.parametrize("name", TRIED)
def test_a_damaged_file_is_a_value_or_refused(
    name: str, made: dict[str, Callable[[], FuzzClass]], tmp_path: Path
) -> None:
    tried, folder = made[name](), tmp_path / "input"
    outcomes = set()

    @settings(
        max_examples=TRIED[name], derandomize=True, database=None, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.integers(0, 10**9))
    def try_one(number: int) -> None:
        outcomes.add(tried.outcome(number, folder))

    try_one()
    assert outcomes == {"value", "refused"}


def test_the_undamaged_files_are_read(
    made: dict[str, Callable[[], FuzzClass]], tmp_path: Path
) -> None:
    for make in made.values():
        for given_file in make().inputs:
            if given_file.path.suffix != ".mp4" and given_file.path.is_file():
                given_file.read(given_file.path)
