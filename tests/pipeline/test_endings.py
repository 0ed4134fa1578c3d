"""How a command ends: status, one line, and what is left, whatever happened."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT, ffmpeg

from poselift.data import prepare_data_2d_custom, prepare_data_mocap
from poselift.data.process import ended
from poselift.inference import infer_video
from poselift.pipeline.clip import run_clip
from poselift.pipeline.clip.run_many import find_videos
from poselift.pipeline.command_line import main
from poselift.pipeline.commands import reference_command
from poselift.pipeline.folders.folder_lock import LOCK
from poselift.pipeline.folders.folder_record import MAKING

POSELIFT = [sys.executable, "-B", "-m", "poselift"]
UNFORESEEN = (
    OSError(errno.EIO, "Input/output error"),
    MemoryError(),
    RecursionError("maximum recursion depth exceeded"),
    ZeroDivisionError("division by zero"),
)


@pytest.fixture(scope="module")
def short(walk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight small frames of the example."""
    path = tmp_path_factory.mktemp("short") / "a.mp4"
    ffmpeg("-i", walk, "-frames:v", "8", "-vf", "scale=640:-2", "-an", path)
    return path


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# One fault, one failure


@pytest.mark.parametrize("error", UNFORESEEN, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("debug", [[], ["--debug"]], ids=["plain", "debug"])
def test_an_unforeseen_error_is_one_line(
    error: Exception, debug: list[str], tmp_path: Path, monkeypatch, capsys
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("poselift.data.archives.stage_results.load_detections", fail)
    monkeypatch.setattr(prepare_data_2d_custom, "convert_folder", fail)
    monkeypatch.setattr(prepare_data_mocap, "motion_files", fail)
    monkeypatch.setattr(reference_command, "settings", fail)
    monkeypatch.setattr(infer_video, "_videos", fail)
    out = str(tmp_path / "x.npz")
    for status in (
        lambda: main([*debug, "dataset", "d.npz", "-o", out]),
        lambda: prepare_data_2d_custom.main(["-i", "a", "-o", "b", "--data-dir", out, *debug]),
        lambda: prepare_data_mocap.main(["a", "-o", out, *debug]),
        lambda: reference_command.main(debug),
        lambda: infer_video.main(["--output-dir", out, "v.mp4", *debug]),
    ):
        assert status() == 1
        lines = capsys.readouterr().err.splitlines()
        assert "lease report this" in lines[-1] and type(error).__name__ in lines[-1]
        assert (len(lines) > 1 and lines[0].startswith("Traceback")) == bool(debug)


@pytest.mark.slow
def test_whatever_happens_to_a_clip_the_others_are_run(
    short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    clips, out = tmp_path / "clips", tmp_path / "out"
    clips.mkdir()
    for number in range(len(UNFORESEEN) + 1):
        shutil.copy(short, clips / f"{number}.mp4")
    (clips / os.fsdecode(b"caf\xe9\n.mp4")).write_bytes(short.read_bytes())
    real = run_clip.track_people

    def fail(source: Path, *rest: object) -> object:
        if source.stem.isdecimal() and int(source.stem) < len(UNFORESEEN):
            raise UNFORESEEN[int(source.stem)]
        return real(source, *rest)

    monkeypatch.setattr(run_clip, "track_people", fail)
    assert main(["run", str(clips), "-o", str(out)]) == 1
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 2 and len(list(out.glob("*/overlay.mp4"))) == 2
    lines = [line for line in said.err.splitlines() if line.startswith("poselift:")]
    assert len(lines) == len(UNFORESEEN) + 1 and "4 of 6 inputs failed" in lines[-1]
    for number, (line, error) in enumerate(zip(lines, UNFORESEEN, strict=False)):
        assert f"{number}.mp4: unexpected {type(error).__name__}" in line
        assert "Please report this" in line
    index = (out / "index.html").read_text()
    assert index.count('"state":"failed"') == 4 and index.count('"state":"done"') == 2


def test_inputs_that_no_file_can_be(tmp_path: Path, capsys) -> None:
    long, longer = "x" * 300 + ".mp4", "y/" * 4000
    assert main(["run", long, longer, "-o", str(tmp_path)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3 and all("File name too long" in line for line in lines[:2])
    assert main(["dataset", long, "-o", str(tmp_path / long) + ".npz"]) == 1
    assert "File name too long" in capsys.readouterr().err


# Streams


@pytest.mark.parametrize(
    ("shell", "status"),
    [
        ("weights list > /dev/full", 1),
        ("--help > /dev/full", 1),
        ("weights list >&-", 0),
        ("weights list <&- >&- 2>&-", 0),
        ("dataset gone.npz -o x.npz 2>&-", 1),
        ("dataset gone.npz -o x.npz 2> /dev/full", 1),
        ("dataset 'g\u00f6ne.npz' -o x.npz", 1),
    ],
)
def test_streams_that_cannot_be_written(shell: str, status: int) -> None:
    command = " ".join([*POSELIFT, shell])
    ascii_only = os.environ | {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        command, shell=True, cwd=ROOT, env=ascii_only, capture_output=True, text=True, check=False
    )
    assert done.returncode == status
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr
    assert len(done.stderr.splitlines()) <= 1


# Signals


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_a_command_and_clears_up(name: str, tmp_path: Path, capsys) -> None:
    number = getattr(signal, name)

    def work() -> int:
        try:
            os.kill(os.getpid(), number)
            time.sleep(5)
        finally:
            (tmp_path / "cleared").touch()
        return 0

    before = signal.getsignal(number)
    assert ended("poselift", work) == 128 + number
    assert (tmp_path / "cleared").exists() and signal.getsignal(number) == before
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("poselift: ")


def test_an_interruption_that_a_library_turned_into_something_else(capsys) -> None:
    def work() -> int:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        except KeyboardInterrupt:
            raise ImportError("numpy.core.multiarray failed to import") from None
        return 0

    assert ended("poselift", work) == 130
    assert "interrupted" in capsys.readouterr().err


def test_interrupted_while_loading(tmp_path: Path) -> None:
    """From the moment that the program itself is begun."""
    slow = tmp_path / "sitecustomize.py"
    slow.write_text(
        "import sys, os, signal\n"
        "class Finder:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'poselift.pipeline.command_line':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [*POSELIFT, "--version"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (130, "poselift: interrupted\n")


@pytest.mark.slow
def test_a_run_that_is_ended_leaves_no_parts(short: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with subprocess.Popen(
        [*POSELIFT, "run", short, "-o", out], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as run:
        limit = time.monotonic() + 60
        while not (out / "a" / "detections.npz").exists() and time.monotonic() < limit:
            time.sleep(0.002)
        run.send_signal(signal.SIGTERM)
        _, said = run.communicate(timeout=60)
    assert run.returncode == 143
    assert "Traceback" not in said
    assert not (out / "a" / MAKING).exists() and not list(out.rglob("*.part*"))
    names = {path.name for path in (out / "a").iterdir()}
    assert "detections.npz" in names and LOCK not in names


@pytest.mark.slow
def test_kills_at_random_moments() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "kill-runs", "1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "1 killed, 0 bad\n"), done.stderr


# Files of others beside results


@pytest.mark.slow
def test_results_beside_clips_and_files_of_others(short: Path, tmp_path: Path) -> None:
    """Runs and reruns into the clips' own folder, in which names are taken by other things."""
    clips = tmp_path / "clips"
    (clips / "b").mkdir(parents=True)
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        shutil.copy(short, clips / name)
    (clips / "a").write_text("a file")
    for name in ("summary.json", "overlay.mp4", "keypoints2d.npz"):
        (clips / "b" / name).write_text(f"my own {name}")
    mine = contents(clips)
    for _ in range(2):
        assert main(["run", str(clips), "-o", str(clips), "--quiet"]) == 0
        films = {str(path.parent.relative_to(clips)) for path in clips.glob("*/overlay.mp4")}
        assert films == {"a.mp4-2", "b", "b.mp4-2", "c"}
        assert {path: path.read_bytes() for path in mine} == mine
    found, failures = find_videos([str(clips / "**" / "*.mp4")])
    assert {str(path.relative_to(clips)) for path in found} == {
        "a.mp4", "b.mp4", "c.mp4", "b/overlay.mp4",
    }  # fmt: skip
    assert not failures


@pytest.mark.slow
def test_a_film_where_its_overlay_would_lie(short: Path, tmp_path: Path) -> None:
    film = tmp_path / "overlay" / "overlay.mp4"
    film.parent.mkdir()
    shutil.copy(short, film)
    for _ in range(2):
        assert main(["run", str(film), "-o", str(tmp_path), "--quiet"]) == 0
        assert film.read_bytes() == short.read_bytes()
        assert [path.name for path in film.parent.iterdir()] == ["overlay.mp4"]
    assert (tmp_path / "overlay.mp4" / "overlay.mp4").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("what", ["the folder", "the film"])
def test_what_vanishes_or_changes_meanwhile_is_told(
    what: str, short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    film, folder = tmp_path / "a.mp4", tmp_path / "out" / "a"
    shutil.copy(short, film)
    real = run_clip.lift_people

    def meddle(*given: object, **named: object) -> object:
        if what == "the folder":
            shutil.rmtree(folder)
        else:
            film.write_bytes(film.read_bytes() + b"more")
        return real(*given, **named)

    monkeypatch.setattr(run_clip, "lift_people", meddle)
    told = ["run", str(film), "-o", str(tmp_path / "out"), "--render", "none", "--quiet"]
    assert main(told) == 1
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("poselift:")]
    assert ("changed" if what == "the film" else "was removed") in line
    assert not (folder / "summary.json").exists()
    monkeypatch.setattr(run_clip, "lift_people", real)
    assert main(told) == 0 and (folder / "summary.json").is_file()
