"""The reference's three commands, one after the other, on a real clip."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from conftest import ROOT, ffmpeg

from poselift.data.archives.custom_2d import load_video_detections

pytestmark = pytest.mark.slow


def command(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """A script of the project, run from a folder that is not the project."""
    script, *rest = arguments
    return subprocess.run(
        [sys.executable, ROOT / script, *rest],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_from_videos_to_poses(walk: Path, assets: Path, tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    ffmpeg("-ss", "0.5", "-t", "0.8", "-i", walk, "-an", videos / "walk.mp4")
    (videos / "broken.mp4").write_text("no video")
    (videos / "notes.txt").write_text("not asked for")
    infer = command(
        "inference/infer_video.py", "--cfg", "COCO-Keypoints/keypoint_rcnn_R_101_FPN_3x.yaml",
        "--output-dir", "out", "--image-ext", "mp4", "videos", folder=tmp_path,
    )  # fmt: skip
    assert infer.returncode == 1  # because of one of the two
    assert "broken.mp4: cannot be read as a video" in infer.stderr
    assert "detector movenet has its own" in infer.stderr
    detections = load_video_detections(tmp_path / "out" / "walk.mp4.npz")
    assert (detections.width, detections.height, len(detections)) == (1280, 720, 24)
    assert all(len(rows) >= 1 and (rows[:, 4] > 0.3).all() for rows in detections.boxes)

    dataset = command(
        "data/prepare_data_2d_custom.py", "-i", "out", "-o", "mine", "--data-dir", tmp_path,
        folder=tmp_path,
    )  # fmt: skip
    assert dataset.returncode == 0, dataset.stderr
    # As the reference reads it.
    with np.load(tmp_path / "data_2d_custom_mine.npz", allow_pickle=True) as archive:
        keypoints = archive["positions_2d"].item()["walk.mp4"]["custom"][0]
    assert keypoints.shape == (24, 17, 2)
    assert (keypoints[:, 0, 1] < keypoints[:, 15, 1]).all()  # nose above ankle

    run = command(
        "run.py", "-d", "custom", "-k", "mine", "--data-dir", tmp_path, "-arc", "3,3,3",
        "-c", assets, "--evaluate", "epoch_2_position.bin", "--render",
        "--viz-subject", "walk.mp4", "--viz-action", "custom", "--viz-camera", "0",
        "--viz-video", videos / "walk.mp4", "--viz-output", "output.mp4", "--viz-size", "4",
        "--viz-export", "poses.npy", folder=tmp_path,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    poses = np.load(tmp_path / "poses.npy")
    assert poses.shape == (24, 17, 3) and np.isfinite(poses).all()
    with av.open(str(tmp_path / "output.mp4")) as container:
        assert container.streams.video[0].frames == 24


def test_a_folder_without_such_videos(tmp_path: Path) -> None:
    arguments = "--output-dir", "out", "--image-ext", "mkv", "."
    done = command("inference/infer_video.py", *arguments, folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["error: .: holds no .mkv videos. Choose --image-ext."]


def test_the_configuration_goes_to_detectron2(tmp_path: Path) -> None:
    if importlib.util.find_spec("detectron2"):
        pytest.skip("detectron2 is installed")
    arguments = "--cfg", "COCO-Keypoints/keypoint_rcnn_R_101_FPN_3x.yaml", "--output-dir", "out"
    more = "--detector", "detectron2", ROOT / "data" / "examples"
    done = command("inference/infer_video.py", *arguments, *more, folder=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "git+https://github.com/facebookresearch/detectron2@" in line
    assert "has its own" not in line
