"""`poselift doctor`: what it says of a detector that works, lacks a package or a network."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from poselift.data.files import places
from poselift.inference.detectors import BACKENDS, back_end
from poselift.pipeline.command_line import main
from poselift.pipeline.weights.doctor import state_of


@pytest.fixture(autouse=True)
def _no_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No networks that somebody's other programs downloaded."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("FVCORE_CACHE", str(tmp_path))
    monkeypatch.setattr(places, "SHIPPED", tmp_path)


def test_the_default_detector_works() -> None:
    state = state_of("movenet")
    assert state.problem is None and state.enable is None
    assert state.devices == ["cpu"]
    assert list(state.versions) == ["ai-edge-litert"]
    assert [path.is_file() for path in state.networks.values()] == [True]


@pytest.mark.parametrize(
    ("name", "module"), [("rtmpose", "rtmlib"), ("mediapipe", "mediapipe"), ("detectron2",) * 2]
)
def test_one_command_installs_and_fetches_what_is_missing(
    name: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    state = state_of(name)
    assert state.problem == "is not installed"
    install, _, fetch = (state.enable or "").rpartition(" && ")
    assert install == back_end(name).install
    assert fetch.startswith("poselift weights fetch ")


def test_a_network_that_lies_here_need_not_be_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    (tmp_path / "pose_landmarker_heavy.task").touch()
    state = state_of("mediapipe")
    assert state.networks == {"heavy": tmp_path / "pose_landmarker_heavy.task"}
    assert state.enable == back_end("mediapipe").install


def test_installed_without_a_network() -> None:
    pytest.importorskip("rtmlib")
    state = state_of("rtmpose")
    assert state.problem == "is installed, but has no network here"
    assert "cpu" in state.devices and "rtmlib" in state.versions
    assert (state.enable or "").startswith("poselift weights fetch yolox_m")


def test_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("  movenet: works")]
    assert "    looks for people once in 10 frames, and follows them" in lines
    for name in BACKENDS:
        assert [line for line in lines if line.startswith(f"  {name}: ")]
    assert not [line for line in lines if "Traceback" in line]
