"""What tests share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def reference() -> Path:
    """Files that the original made; they lie beside the repository, not in it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "reference"
    if not folder.is_dir():
        pytest.skip(f"needs the reference's files in {folder}")
    return folder


@pytest.fixture(scope="session")
def assets() -> Path:
    return Path(__file__).resolve().parent / "assets"
