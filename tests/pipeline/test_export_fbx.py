"""FBX by the user's Blender: what it is given, and what is told when it is not there or fails.

A stand-in takes Blender's place; the real one is run by scripts/test-exports.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from standing_people import PAIR, clip

import poselift
from poselift.data.archives.stage_results import save_poses
from poselift.data.exports.settings import ExportSettings
from poselift.pipeline.command_line import main
from poselift.pipeline.exports import fbx

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-in is a script")

# What the stand-in does with the words that Blender would get.
MAKES = """
import json, pathlib, sys
words = sys.argv[1:]
source, made, fps = words[words.index("--") + 1:]
assert pathlib.Path(words[words.index("--python") + 1]).name == "blender_fbx.py"
assert "--background" in words and pathlib.Path(source).read_bytes().startswith(b"glTF")
pathlib.Path(made).write_bytes(b"Kaydara FBX Binary  " + fps.encode())
"""
FAILS = "import sys; print('cannot open display\\n'); sys.exit(7)"
LIES = "print('all is well')"
SLEEPS = "import os, time; print(os.getpid(), flush=True); os.fork(); time.sleep(600)"


def stand_in(folder: Path, code: str) -> str:
    path = folder / "blender"
    path.write_text(f"#!{sys.executable}\n{code}\n")
    path.chmod(0o755)
    return str(path)


def export(folder: Path, *more: str) -> int:
    save_poses(folder / "p.npz", clip(PAIR)[1])
    return main(["export", str(folder / "p.npz"), "--to", "fbx", "-o", str(folder / "o"), *more])


def test_a_file_for_each_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blender = stand_in(tmp_path, MAKES)
    assert export(tmp_path, "--blender", blender, "--fps", "24") == 0
    for i in (1, 2):
        content = (tmp_path / "o" / f"person_{i}.fbx").read_bytes()
        assert content == b"Kaydara FBX Binary  24.0"
    monkeypatch.setenv("BLENDER", blender)
    assert export(tmp_path) == 0
    monkeypatch.delenv("BLENDER")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert fbx.find_blender(ExportSettings()) == blender


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (FAILS, "made no FBX (exit status 7; 'cannot open display')"),
        (LIES, "made no FBX (exit status 0; 'all is well')"),
    ],
)
def test_a_blender_that_fails_is_told(
    code: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(tmp_path, "--blender", stand_in(tmp_path, code)) == 1
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1
    assert not (tmp_path / "o" / "person_1.fbx").exists()


def test_one_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fbx, "LIMIT_S", 1.0)
    ended: list[tuple[int, int]] = []
    real = os.killpg
    monkeypatch.setattr(os, "killpg", lambda *group: (ended.append(group), real(*group)))
    with pytest.raises(poselift.OutputError, match=r"took longer than 1 s for an FBX"):
        fbx.fbx_of(b"glTF", 30.0, stand_in(tmp_path, SLEEPS))
    ((group, _),) = ended  # with its child
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.killpg(group, 0)
            fbx.subprocess.run(["sleep", "0.05"], check=True)


def test_no_blender_is_told_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BLENDER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(poselift.MissingDependency, match="'blender' is no program"):
        poselift.RunSettings(exports=("fbx",))
    assert export(tmp_path, "--blender", "/no/such") == 1
    assert "'/no/such' is no program" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
