"""Which published files are here, where they are looked for, and whether they are whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from test_fetch_weights import NAME, Site, archive, site  # noqa: F401

from poselift.data.datasets import published_files as messages
from poselift.data.errors import FormatError, UnknownName
from poselift.data.files import places
from poselift.inference.detectors import published_networks
from poselift.models.lifters import open_lifter
from poselift.models.registry import manifest, published, published_files
from poselift.pipeline.command_line import main
from poselift.pipeline.reference.keypoint_checkpoints import find_checkpoint
from poselift.pipeline.weights import weight_files
from poselift.pipeline.weights.weight_files import LICENCES, home_of, place_of


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where an installed program puts what it fetches; its user works in a folder of theirs."""
    cache, here = tmp_path / "cache", tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(places, "in_checkout", lambda: False)
    monkeypatch.setattr(places.platformdirs, "user_cache_path", lambda name: cache / name)
    return cache / "poselift" / "checkpoint"


def test_installed_files_go_to_the_user_and_are_found(
    installed: Path,
    site: Site,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = {path: path.stat().st_mtime_ns for path in places.SHIPPED.iterdir()}
    name = "pretrained_h36m_detectron_coco.bin"
    assert (place_of(name), place_of(NAME)) == (None, None)
    site.files[name] = archive()
    assert main(["weights", "fetch", name, NAME]) == 0
    assert place_of(name) == published_networks.found(name) == installed / name
    assert find_checkpoint(Path("checkpoint"), name) == installed / name
    assert place_of(NAME) == Path("data", NAME) and Path("data", NAME).is_file()
    with pytest.raises(FormatError, match=f"{installed / name}: "):
        open_lifter(name)  # found, though it is no checkpoint
    assert main(["weights", "list"]) == 0
    assert str(installed / name) in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in places.SHIPPED.iterdir()} == before


def test_shipped_files_are_found_from_everywhere(installed: Path) -> None:
    for name in manifest():
        assert places.weights_file(name) == places.SHIPPED / name
        assert find_checkpoint(Path("checkpoint"), name) == places.SHIPPED / name
        with pytest.raises(FormatError, match="no such file"):
            find_checkpoint(Path("other"), name)


def test_verify_tells_of_fetched_files(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(weight_files, "archives_folder", lambda: tmp_path)
    assert main(["weights", "fetch", NAME]) == 0
    by_hand = "data_2d_h36m_detectron_pt_coco.npz"
    (tmp_path / by_hand).write_bytes(archive())
    assert main(["weights", "verify"]) == 0
    out = capsys.readouterr().out
    assert f"{NAME}: ok (" in out and f"{by_hand}: checksum not known" in out
    (tmp_path / NAME).write_bytes(archive(seed=3))
    assert main(["weights", "verify"]) == 1
    assert "was altered" in capsys.readouterr().err
    assert main(["weights", "list"]) == 0
    assert str(tmp_path / NAME) in capsys.readouterr().out


def test_the_list_is_one_list() -> None:
    assert set(published_files()) == messages.PUBLISHED
    for name, about in published_files().items():
        assert about["title"] and about["licence"] in LICENCES
        assert name.endswith(".bin" if about["role"] == "lifter" else ".npz")
        assert f"poselift weights fetch {name}" in messages.where_from(Path(name))
    assert all("layout_in" in about for about in published().values())
    with pytest.raises(UnknownName):
        home_of("alphapose.bin")


def test_the_commands_load_no_networks() -> None:
    """Their flags are made whenever any command is called."""
    code = (
        "import sys\n"
        "from poselift.pipeline.commands import doctor_command, weights_commands\n"
        "print(sorted({'torch', 'numpy', 'cv2', 'av', 'requests', 'pooch'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout == b"[]\n"
