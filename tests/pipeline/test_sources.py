"""What people give as a video: folders, numbered pictures, turned clips, names of all kinds."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import av
import numpy as np
import pytest
from conftest import MakeVideo, ffmpeg

from poselift.data.archives.custom_2d import load_video_detections
from poselift.data.archives.stage_results import load_detections
from poselift.inference import infer_video
from poselift.pipeline.clip.run_many import find_videos
from poselift.pipeline.clip.settings import RunSettings
from poselift.pipeline.command_line import main
from poselift.pipeline.folders.sources import plain_name

STRETCH = ["-ss", "0.5", "-t", "0.3"]


def poselift(*arguments: str | Path) -> int:
    return main([str(argument) for argument in arguments])


def summary_of(folder: Path) -> dict:
    return json.loads((folder / "summary.json").read_text())


@pytest.fixture(scope="module")
def piece(walk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine frames of the example, without loss."""
    path = tmp_path_factory.mktemp("piece") / "piece.mkv"
    ffmpeg(*STRETCH, "-i", walk, "-an", "-c:v", "ffv1", "-vf", "scale=960:-2", path)
    return path


@pytest.fixture
def frames(piece: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "walk.frames"
    folder.mkdir()
    ffmpeg("-i", piece, folder / "f_%d.png")
    return folder


def test_a_folder_gives_its_videos_or_is_a_clip_of_pictures(tmp_path: Path) -> None:
    clips, pictures, neither = (tmp_path / name for name in ("clips", "shots", "neither"))
    for path in (
        *(clips / name for name in ("b.MP4", "a.m2ts", "._a.m2ts", ".b.mp4", "c.txt", "1.png")),
        *(clips / "results.mp4" / "overlay.mp4", pictures / "1.jpg", neither / "poster.jpg"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found, failures = find_videos([str(clips), str(pictures), str(clips / "results.mp4")])
    wanted = [clips / "a.m2ts", clips / "b.MP4", pictures, clips / "results.mp4" / "overlay.mp4"]
    assert (found, failures) == (wanted, [])
    pattern = pictures / "%d.jpg"
    assert find_videos([str(pattern)]) == ([pattern], [])
    found, failures = find_videos([str(neither), str(tmp_path / ("n" * 300)), str(clips)])
    assert found == wanted[:2]
    said = [str(failure.error) for failure in failures]
    assert "neither: holds no videos" in said[0] and "no numbered pictures" in said[0]


def test_a_name_that_is_too_long_or_a_pipe_fails_alone(
    tmp_path: Path, piece: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    shutil.copy(piece, tmp_path / "whole.mkv")
    inputs = [tmp_path, tmp_path / ("n" * 300 + ".mp4")]
    assert poselift("run", *inputs, "-o", tmp_path / "out", "--render", "none") == 1
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("poselift:")]
    assert len(told) == 3
    assert "File name too long" in told[0] + told[1]
    assert "pipe.mp4: is a pipe, not a video" in told[0] + told[1]
    assert "2 of 3 inputs failed" in told[2]
    assert (tmp_path / "out" / "whole" / "poses3d.npz").exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="rights do not bind this user")
def test_a_folder_without_rights_is_told(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    _, failures = find_videos([str(closed)])
    assert "cannot be read (Permission denied)" in str(failures[0].error)


def test_results_of_pictures_have_a_name(tmp_path: Path) -> None:
    folder = tmp_path / "walk.v2"
    folder.mkdir()
    names = {folder: "walk.v2", folder / "img_%05d.png": "img", folder / "%d.png": "walk.v2"}
    assert {path: plain_name(path) for path in names} == names
    assert plain_name(tmp_path / "clip.v2.mp4") == "clip.v2"


@pytest.mark.slow
def test_pictures_are_run_like_the_video(
    frames: Path, piece: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert poselift("run", frames, "-o", out) == 1
    assert "Give --fps" in capsys.readouterr().err
    assert poselift("run", frames, piece, "-o", out, "--fps", "30", "--quiet") == 0
    ours, theirs = (
        load_detections(out / name / "detections.npz") for name in ("walk.frames", "piece")
    )
    assert (out / "walk.frames" / "overlay.mp4").exists()
    assert len(ours.timeline) == len(theirs.timeline) == 9
    assert ours.timeline.fps == 30
    for one, other in zip(ours.frames, theirs.frames, strict=True):
        np.testing.assert_allclose(one.keypoints, other.keypoints, atol=1.0)
    assert poselift("run", frames, "-o", out, "--fps", "30", "--quiet") == 0
    assert summary_of(out / "walk.frames")["reused"] == [
        "detect",
        "camera",
        "track",
        "lift",
        "render",
        "page",
    ]
    assert poselift("run", frames, "-o", out, "--fps", "15", "--quiet") == 0
    assert summary_of(out / "walk.frames")["reused"] == []
    shutil.copy(frames / "f_3.png", frames / "f_4.png")
    assert poselift("run", frames, "-o", out, "--fps", "15", "--quiet") == 0
    assert summary_of(out / "walk.frames")["reused"] == []


@pytest.mark.slow
def test_a_clip_is_turned_on_request(
    piece: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lying, out = tmp_path / "lying.mkv", tmp_path / "out"
    ffmpeg("-i", piece, "-vf", "transpose=cclock", "-c:v", "ffv1", lying)
    assert poselift("run", piece, "-o", out, "--quiet") == 0
    assert poselift("run", lying, "-o", out, "--quiet", "--rotate", "90") == 0
    summary = summary_of(out / "lying")
    assert (summary["rotate"], summary["video"]["width"], summary["reused"]) == (90, 960, [])
    results = [out / name for name in ("piece", "lying")]
    upright, turned = (load_detections(folder / "detections.npz") for folder in results)
    for one, other in zip(upright.frames, turned.frames, strict=True):
        np.testing.assert_allclose(one.keypoints, other.keypoints, atol=2.0)
    first = [next(av.open(str(folder / "overlay.mp4")).decode(video=0)) for folder in results]
    shown = [frame.to_ndarray(format="rgb24").astype(int) for frame in first]
    assert np.abs(shown[0] - shown[1]).mean() < 3
    files = [out / "lying" / name for name in ("keypoints2d.npz", "poses3d.npz")]
    assert poselift("render", lying, *files, "-o", tmp_path / "o.mp4", "--rotate", "90") == 0
    assert poselift("render", lying, *files, "-o", tmp_path / "p.mp4") == 1
    assert "is shown as 540x960, and its keypoints lie in 960x540" in capsys.readouterr().err
    # Another turn is another result; on their heads nobody may be found.
    poselift("run", piece, "-o", out, "--quiet", "--rotate", "180", "--render", "none")
    again = load_detections(out / "piece" / "detections.npz")
    scores = [np.concatenate([f.scores for f in found.frames]) for found in (upright, again)]
    assert not np.array_equal(*scores)


def test_turns_are_quarters() -> None:
    for wrong in ({"rotate": 45}, {"rotate": 360}, {"fps": 0.0}, {"fps": float("nan")}):
        with pytest.raises(ValueError, match=r"turned by|pictures a second"):
            RunSettings(**wrong)  # type: ignore[arg-type]
    with pytest.raises(SystemExit):
        poselift("run", "a.mp4", "-o", "out", "--rotate", "45")


@pytest.mark.slow
def test_names_that_are_not_unicode(piece: Path, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9.mkv")
    try:
        shutil.copy(piece, odd)
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    sounding = tmp_path / "sounding.mp4"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-i", piece, "-shortest", sounding)
    sounding = sounding.rename(tmp_path / os.fsdecode(b"\xff.mp4"))
    for source, kind in [(odd, "gif"), (sounding, "mp4")]:
        assert poselift("run", source, "-o", tmp_path / "out", "--render", kind) == 0
        folder = tmp_path / "out" / source.stem
        with av.open(str(folder / f"overlay.{kind}")) as overlay:
            assert bool(overlay.streams.audio) == (kind == "mp4")


@pytest.mark.slow
def test_infer_video_takes_pictures_and_leaves_what_is_hidden(
    frames: Path, piece: Path, make_video: MakeVideo, tmp_path: Path
) -> None:
    out, clips = tmp_path / "det", tmp_path / "clips"
    (clips / "folder.mkv").mkdir(parents=True)
    shutil.copy(piece, clips / "a.mkv")
    (clips / "._a.mkv").write_bytes(b"\0\5\x16\7")
    said = ["--output-dir", str(out), "--image-ext"]
    assert infer_video.main([*said, "mkv", str(clips)]) == 0
    assert infer_video.main([*said, "png", "--fps", "30", "--rotate", "180", str(frames)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["a.mkv.npz", "walk.frames.npz"]
    assert len(load_video_detections(out / "walk.frames.npz").boxes) == 9
    assert infer_video.main([*said, "png", str(frames)]) == 1
