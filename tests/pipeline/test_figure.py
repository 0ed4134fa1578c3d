"""A still of chosen frames: what it shows, and from what it is made."""

from __future__ import annotations

import os
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import MakeVideo
from standing_people import PAIR, clip, close_to

from poselift.data.archives.stage_results import save_poses, save_tracks
from poselift.pipeline.command_line import main
from poselift.pipeline.folders.folder_record import FolderRecord, Origin
from poselift.pipeline.folders.sources import content_sha256
from poselift.pipeline.overlay.figure import Moment, draw_figure
from poselift.pipeline.overlay.look import LIGHT


@pytest.fixture
def results(tmp_path: Path, make_video: MakeVideo) -> Path:
    """A result folder of two people, 20 frames at 20 frames/s, whose record names the video."""
    video, folder = make_video("film.mp4", size="320x180"), tmp_path / "out" / "film"
    folder.mkdir(parents=True)
    tracks, poses = clip(np.repeat(PAIR[:, :1], 20, 1), np.arange(20) / 20, size=(320, 180))
    poses.interpolated[1, 10:] = True
    save_tracks(folder / "keypoints2d.npz", tracks)
    save_poses(folder / "poses3d.npz", poses)
    FolderRecord(folder).claim(Origin(str(video), content_sha256(video)))
    return folder


def figure(*words: str | Path) -> int:
    return main(["figure", *map(str, words)])


def test_text_stays_text_and_each_frame_is_a_row(results: Path, tmp_path: Path) -> None:
    out = tmp_path / "figure.svg"
    assert figure(results, "--frame", "3,12", "--at", "0.76", "-o", out) == 0
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", out.read_text())
    assert [t for t in texts if t.startswith("frame")] == [
        *("frame 3, 0.15 s", "frame 12, 0.60 s", "frame 15, 0.75 s"),
    ]
    assert {"x (m)", "z (m)", "depth y (m)", "front", "from the right", "1", "2"} <= set(texts)
    assert figure(results, "--frame", "7", "-o", out) == 0  # our own is replaced
    assert "frame 7, 0.35 s" in out.read_text() and "frame 3," not in out.read_text()


def test_png_and_pdf(results: Path, tmp_path: Path) -> None:
    for name in ("figure.png", "figure.pdf"):
        for _ in range(2):
            assert figure(results / "poses3d.npz", "--frame", "0", "-o", tmp_path / name) == 0
    image = cv2.imread(str(tmp_path / "figure.png"))[..., ::-1]
    assert image.shape[1] > 1200 and close_to(image, LIGHT.sides["left"]).sum() > 200
    pdf = (tmp_path / "figure.pdf").read_bytes()
    assert pdf.startswith(b"%PDF") and b"/FontFile2" in pdf


def test_the_picture_is_the_frame_asked_for(results: Path, tmp_path: Path) -> None:
    """Rows of frames 0 and 19 differ where the test card runs, and a repeated row does not."""
    heights = []
    for frames in ("0,0", "0,19"):
        out = tmp_path / f"{frames}.png"
        assert figure(results, "--frame", frames, "-o", out) == 0
        image = cv2.imread(str(out)).astype(int)
        rows = np.flatnonzero((image[:, 40] < 250).any(-1))
        cut = int(rows[np.argmax(np.diff(rows) > 8)]) + 1
        heights.append((image, cut))
    (same, _), (other, _) = heights
    assert same.shape == other.shape
    changed = np.flatnonzero((same != other).any((1, 2)))
    assert len(changed) and changed.min() > same.shape[0] * 0.4


def test_filled_in_people_are_dashed_and_metres_are_metres() -> None:
    tracks, poses = clip(PAIR)
    poses.interpolated[1, :] = True
    drawn = draw_figure(poses, tracks, [Moment(0, np.zeros((360, 640, 3), np.uint8))])
    _, front, side = drawn.axes
    styles = [lines.get_linestyle()[0][1] is None for lines in front.collections[1::3]]
    assert sorted(styles) == [False, True]
    joints = np.concatenate([dots.get_offsets() for dots in front.collections[2::3]])
    assert np.ptp(joints[:, 1]) == pytest.approx(1.75 - 0.08)
    assert joints[:, 0].max() == pytest.approx(1.6) and joints[:, 0].min() == pytest.approx(-1.6)
    low, high = side.get_xlim()
    assert low < 3.0 < 4.5 < high


@pytest.mark.parametrize("away_m", [30.0, 9e5])
def test_people_who_are_far_apart_take_no_more_paper(away_m: float) -> None:
    tracks, poses = clip(PAIR)
    poses.world[1] += away_m
    drawn = draw_figure(poses, tracks, [Moment(0, np.zeros((36, 64, 3), np.uint8))])
    assert drawn.get_figwidth() < 20
    for axes in drawn.axes[1:]:
        assert 2 <= len(axes.get_xticks()) <= 12


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--frame", "20"], "'20'. Known: 0 to 19."),
        (["--at", "7"], "'7'. Known: 0.00 to 0.95 s."),
        (["--frame", "0", "-o", "taken.png"], "taken.png: is there already"),
        (["--frame", "0", "-o", "figure.jpg"], "must end in .png or .svg or .pdf"),
        (["--frame", "0", "--video", "gone.mp4"], "gone.mp4: no such file"),
        (["--frame", "0", "--rotate", "90"], "is shown as 180x320"),
    ],
)
def test_what_cannot_be_is_told(
    results: Path, tmp_path: Path, monkeypatch, capsys, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("taken.png").write_bytes(b"\x89PNG mine")
    assert figure(results, "-o", "figure.png", *words) == 1
    error = capsys.readouterr().err
    assert said in error and len(error.splitlines()) == 1
    assert not Path("figure.png").exists() and Path("taken.png").read_bytes() == b"\x89PNG mine"


@pytest.mark.parametrize("words", [[], ["--frame", "x"], ["--at", "nan"], ["--frame", "-1"]])
def test_wrong_usage(results: Path, tmp_path: Path, words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        figure(results, "-o", tmp_path / "figure.png", *words)
    assert ended.value.code == 2


def test_another_video_than_the_record_says(results: Path, tmp_path: Path, capsys) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(film.read_bytes() + b"\0")
    assert figure(results, "--frame", "0", "-o", tmp_path / "figure.png") == 1
    assert "is not the video any more" in capsys.readouterr().err
    assert figure(results, "--frame", "0", "--video", film, "-o", tmp_path / "figure.png") == 0
    for sha256, path in (("", film), ("", tmp_path / "gone.mp4"), ("x", tmp_path / "pipe")):
        FolderRecord(results).claim(Origin(str(path), sha256))
        if path.name == "pipe":
            os.mkfifo(path)
        assert figure(results, "--frame", "0", "-o", tmp_path / "other.png") == 1
        assert "any more" in capsys.readouterr().err
    (results / ".poselift.json").unlink()
    assert figure(results, "--frame", "0", "-o", tmp_path / "other.png") == 1
    assert "Give --video" in capsys.readouterr().err
