"""What tests share: where files are, and videos made to order."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
import torch
from foreign_files import Frames, two_dancers

ROOT = Path(__file__).resolve().parent.parent

MakeVideo = Callable[..., Path]


# The networks in tests are tiny: threads would only wait for each other.
torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast tests first: whole runs of the main job come last."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.fixture(scope="session")
def reference() -> Path:
    """Files that the original made; they lie beside the repository, not in it."""
    folder = ROOT.parent / "shared" / "reference"
    if not folder.is_dir():
        pytest.skip(f"needs the reference's files in {folder}")
    return folder


@pytest.fixture(scope="session")
def assets() -> Path:
    return ROOT / "tests" / "assets"


@pytest.fixture(scope="session")
def frames(assets: Path) -> Frames:
    """Keypoints as another tool sees them: two dancers and some gaps."""
    return two_dancers(assets / "dance_60.mp4.npz")


@pytest.fixture(scope="session")
def walk() -> Path:
    """Four seconds of two people, 1280x720, with sound."""
    return ROOT / "data" / "examples" / "walk.mp4"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium; the test is skipped where there is none."""
    from page_browser import CHROMIUM, FLAGS

    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (extra dev)")
    if not os.access(CHROMIUM, os.X_OK):
        pytest.skip(f"needs a browser, {CHROMIUM}")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield browser
        browser.close()


def ffmpeg(*arguments: str | Path) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


@pytest.fixture
def make_video(tmp_path: Path) -> MakeVideo:
    """make_video("a.mp4", "-c:v", "libx264"): one second of a moving test card, 20 fps."""

    def make(name: str, *options: str, size: str = "128x96", seconds: float = 1) -> Path:
        path = tmp_path / name
        source = f"testsrc2=size={size}:rate=20:duration={seconds}"
        ffmpeg("-f", "lavfi", "-i", source, *options, path)
        return path

    return make
