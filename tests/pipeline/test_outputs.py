"""No command replaces what it reads, or a file that is not of the kind it writes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import ffmpeg
from stand_in import write_h36m

import poselift
from poselift.data import prepare_data_2d_custom, prepare_data_h36m, prepare_data_mocap
from poselift.data.archives.custom_2d import from_detections, save_video_detections
from poselift.data.archives.stage_results import save_detections, save_poses, save_tracks
from poselift.data.errors import OutputError
from poselift.data.structures import Detections, FrameDetections, Timeline
from poselift.inference import infer_video
from poselift.pipeline.command_line import main
from poselift.pipeline.commands.reference_command import main as run_py

FRAMES = 12


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film v.mp4 of nobody, and stage results as if somebody were in it."""
    folder = tmp_path_factory.mktemp("made")
    film = folder / "v.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=128x96:rate=20:duration=0.6", film)
    standing = np.random.default_rng(0).uniform(20, 90, (FRAMES, 17, 2)).astype(np.float32)
    frames = tuple(
        FrameDetections(
            np.array([[*xy.min(0), *xy.max(0)]], np.float32),
            np.ones(1, np.float32),
            xy[None],
            np.ones((1, 17), np.float32),
        )
        for xy in standing
    )
    detections = Detections(Timeline(128, 96, 20.0, np.arange(FRAMES) / 20), frames)
    tracks = poselift.track(detections)
    save_detections(folder / "d.npz", detections)
    save_tracks(folder / "k.npz", tracks)
    save_poses(folder / "p.npz", poselift.lift(tracks, device="cpu"))
    return folder


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of them, in which the commands are run, beside files of a user's own."""
    folder = tmp_path / "here"
    shutil.copytree(made, folder)
    (folder / "notes.npz").write_text("mine")
    (folder / "sub").mkdir()
    np.savez(folder / "other.npz", a=np.ones(3))
    np.save(folder / "own.npy", np.ones((3, 4)))
    shutil.copy(folder / "v.mp4", folder / "film.mp4")
    ffmpeg("-i", folder / "v.mp4", folder / "film.gif")
    (folder / "table.json").write_text('{"mine": 1}')
    (folder / "link.npz").symlink_to("k.npz")
    os.link(folder / "k.npz", folder / "hard.npz")
    (folder / "nothing.npz").symlink_to("gone")
    monkeypatch.chdir(folder)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(work: Callable[[], int], folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """One line and status 1, and every byte is where it was."""
    before = content(folder)
    assert work() == 1
    assert content(folder) == before
    (line,) = [x for x in capsys.readouterr().err.splitlines() if not x.startswith("note:")]
    return line


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("detect v.mp4 -o v.mp4", "must end in .npz"),
        ("detect v.mp4 -o notes.npz", "is not a file of detections"),
        ("detect v.mp4 -o other.npz", "is not a file of detections"),
        ("detect v.mp4 -o k.npz", "is not a file of detections"),
        ("detect v.mp4 -o nothing.npz", "a link to nothing"),
        ("detect v.mp4 -o sub", "is a folder"),
        ("dataset d.npz -o d.npz", "is what is read"),
        ("dataset d.npz -o p.npz", "is not a file of tracked keypoints"),
        ("lift k.npz -o k.npz", "is what is read"),
        ("lift k.npz -o ./sub/../k.npz", "is what is read"),
        ("lift k.npz -o link.npz", "is what is read"),
        ("lift k.npz -o hard.npz", "is what is read"),
        ("lift k.npz -o poses", "must end in .npz"),
        ("render v.mp4 k.npz p.npz -o v.mp4", "is what is read"),
        ("render v.mp4 k.npz p.npz -o film.mp4", "is not an overlay made by Poselift"),
        ("render v.mp4 k.npz p.npz -o film.gif", "is not an overlay made by Poselift"),
        ("render v.mp4 k.npz p.npz -o k.npz", "must end in .mp4 or .gif"),
        ("evaluate h36m epoch_1.bin --json table.json", "is not a table of errors"),
        ("train h36m --json notes.npz", "is not a table of errors"),
    ],
)
def test_a_command_that_would_replace_another_file(
    told: str, reason: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reason in refused(lambda: main(told.split()), here, capsys)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("--viz-export v.mp4", "must end in .npy"),
        ("--viz-export own.npy", "is not an export of 3D positions"),
        ("--viz-output v.mp4", "is what is read"),
        ("--viz-output film.mp4", "is not an overlay"),
        ("--viz-output x.avi", "must end in .mp4 or .gif"),
    ],
)
def test_run_py_shows_a_take_nowhere_else(
    told: str, reason: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = f"-d custom -k x --evaluate e.bin --render --viz-subject a --viz-action b {told}"
    line = refused(lambda: run_py([*asked.split(), "--viz-video", "v.mp4"]), here, capsys)
    assert reason in line


def test_an_import_does_not_replace_its_source(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = here / "theirs"
    folder.mkdir()
    detections = poselift.load_detections(here / "d.npz")
    save_video_detections(folder / "detections.npz", from_detections(detections))
    told = ["import", "theirs/detections.npz", "-o", "theirs", "--fps", "20"]
    assert "is what is read" in refused(lambda: main(told), here, capsys)
    (folder / "detections.npz").rename(folder / "theirs.npz")
    shutil.copy(here / "notes.npz", folder / "keypoints2d.npz")
    told = ["import", "theirs/theirs.npz", "-o", "theirs", "--fps", "20"]
    assert "keypoints2d.npz: is there already" in refused(lambda: main(told), here, capsys)


def test_converters_replace_nothing_else(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "data_2d_custom_x.npz").write_text("mine")
    (here / "data_3d_h36m.npz").write_text("mine")
    (here / "a.bvh").write_text("HIERARCHY")
    for convert, told in (
        (prepare_data_2d_custom.main, "-i . -o x --data-dir ."),
        (prepare_data_h36m.main, "--from-source-cdf . --data-dir ."),
        (prepare_data_mocap.main, "a.bvh -o d.npz"),
        (prepare_data_mocap.main, "a.bvh -o a.bvh"),
        (infer_video.main, "--output-dir . v.mp4"),
    ):
        (here / "v.mp4.npz").write_text("mine")
        refused(lambda convert=convert, told=told: convert(told.split()), here, capsys)


def test_a_training_replaces_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_h36m(tmp_path)
    told = f"train h36m -k gt -str S1 -ste S9 -e 1 -arc 3,3 -ch 8 -b 64 --device cpu --no-eval \
        --data-dir {tmp_path} -c {tmp_path / 'own'}".split()
    (tmp_path / "own").mkdir()
    for name in ("epoch_1.bin", "log.jsonl"):
        (tmp_path / "own" / name).write_text("my own notes\n")
        assert name in refused(lambda: main(told), tmp_path, capsys)
        (tmp_path / "own" / name).unlink()
    assert main(told) == 0 and main(told) == 0  # its own are replaced


def test_earlier_results_are_replaced(here: Path) -> None:
    for told in (
        "dataset d.npz -o new.npz",
        "lift k.npz -o poses.npz --device cpu",
        "render v.mp4 k.npz p.npz -o o.mp4",
        "render v.mp4 k.npz p.npz -o o.gif",
    ):
        assert main(told.split()) == 0
        assert main(told.split()) == 0, told


def test_render_from_python_replaces_no_film(here: Path) -> None:
    tracks, poses = poselift.load_tracks(here / "k.npz"), poselift.load_poses(here / "p.npz")
    before = content(here)
    for name in ("v.mp4", "film.mp4", "film.gif", "k.npz"):
        with pytest.raises(OutputError):
            poselift.render(here / "v.mp4", tracks, poses, here / name)
    assert content(here) == before
    made = poselift.render(here / "v.mp4", tracks, poses, here / "new.mp4")
    assert poselift.render(here / "v.mp4", tracks, poses, made) == made
