"""HumanEva-I as exported from MATLAB becomes the reference's archives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from poselift.data import prepare_data_humaneva
from poselift.data.archives.keypoint_archive import load_keypoint_archive
from poselift.data.archives.positions_archive import load_positions_archive
from poselift.data.datasets.humaneva_source import labelled_frames, split_chunks
from poselift.data.datasets.motion_datasets import load_motion_dataset
from poselift.data.skeletons import COCO17, HUMANEVA15

scipy_io = pytest.importorskip("scipy.io")


def take(frames: int, joints: int = 15, lost: slice = slice(0)) -> tuple[np.ndarray, np.ndarray]:
    """poses_3d in mm and poses_2d in pixels; the first value of each counts the frames."""
    draw = np.random.default_rng(frames)
    poses = draw.uniform(-1000, 1000, (frames, joints, 3))
    keypoints = draw.uniform(0, 480, (frames, 3, joints, 2))
    poses[:, 0, 0] = keypoints[:, 0, 0, 0] = np.arange(frames)
    poses[lost] = np.nan
    return poses, keypoints


def write_take(root: Path, subject: str, name: str, poses: np.ndarray, keypoints: object) -> Path:
    path = root / subject / f"{name}.mat"
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy_io.savemat(path, {"poses_3d": poses, "poses_2d": keypoints})
    return path


def write_video(root: Path, name: str, first_xy: np.ndarray) -> None:
    """CPN-like detections: all 17 keypoints of a frame lie at first_xy[t]."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    joints = np.repeat(first_xy[:, None, None], 17, 1).repeat(3, 2).astype(np.float32)
    np.savez(root / name, keypoints=joints)


def main(*arguments: object, into: Path) -> int:
    return prepare_data_humaneva.main([*map(str, arguments), "--data-dir", str(into)])


def test_lost_frames_split_a_take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    poses, keypoints = take(585, lost=slice(100, 110))
    poses[-1, 3, 1] = np.nan  # one lost coordinate loses the frame
    write_take(tmp_path / "in", "Validate/S1", "Walking_1", poses, keypoints)
    write_take(tmp_path / "in", "Train/S3", "Box 1", *take(509))
    assert main("-p", tmp_path / "in", "--convert-3d", into=tmp_path) == 0
    positions = load_positions_archive(tmp_path / "data_3d_humaneva15.npz")
    assert {subject: {name: len(p) for name, p in rows.items()} for subject, rows in
            positions.items()} == {
        "Train/S3": {"Box 1 chunk0": 509},
        "Validate/S1": {"Walking 1 chunk0": 100, "Walking 1 chunk2": 474},
    }  # fmt: skip
    second = positions["Validate/S1"]["Walking 1 chunk2"]
    assert second.dtype == np.float32
    assert np.allclose(second, poses[110:584] / 1000, atol=1e-6)
    views = load_keypoint_archive(tmp_path / "data_2d_humaneva15_gt.npz")
    assert views.layout_name == "humaneva15" and views.left == HUMANEVA15.left
    for camera, xy in enumerate(views.positions["Validate/S1"]["Walking 1 chunk2"]):
        assert np.allclose(xy, keypoints[110:584, camera], atol=1e-4)
    dataset = load_motion_dataset("humaneva15", "gt", tmp_path)
    assert len(dataset.views("Train/S3", "Box 1 chunk0")) == 3
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 28 and "missing: Train/S1 Walking 1" in said


def test_twenty_joints(tmp_path: Path) -> None:
    poses, keypoints = take(585, joints=20)
    write_take(tmp_path, "Validate/S1", "Walking 1", poses, keypoints)
    assert main("-p", tmp_path, "--convert-3d", into=tmp_path) == 0
    positions = load_positions_archive(tmp_path / "data_3d_humaneva20.npz")
    assert positions["Validate/S1"]["Walking 1 chunk0"].shape == (585, 20, 3)
    views = load_keypoint_archive(tmp_path / "data_2d_humaneva20_gt.npz")
    assert views.left == (3, 4, 5, 6, 11, 12, 13, 14)
    assert views.right == (7, 8, 9, 10, 15, 16, 17, 18)


def test_damaged_takes_stop_unless_allowed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "in"
    write_take(source, "Validate/S2", "Jog 1", *take(393))
    short = write_take(source, "Validate/S1", "Walking 1", *take(584))
    poses, keypoints = take(362)
    flat = write_take(source, "Validate/S1", "Jog 1", poses, keypoints[:, 0])
    objects = np.empty((1, 1), object)
    objects[0, 0] = {"anything": 1}
    strange = write_take(source, "Train/S2", "Box 1", objects, keypoints)
    unknown = write_take(source, "Train/S1", "Dance 1", poses, keypoints)
    broken = source / "Train" / "S1" / "Box 1.mat"
    broken.write_bytes(short.read_bytes()[:5000])
    assert main("-p", source, "--convert-3d", into=tmp_path) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("damaged:")]
    assert len(said) == 5
    for path in (short, flat, strange, unknown, broken):
        assert any(str(path) in line for line in said)
    assert any("584 frames" in line and "585" in line for line in said)
    assert not (tmp_path / "data_3d_humaneva15.npz").exists()
    assert main("-p", source, "--convert-3d", "--allow-missing", into=tmp_path) == 1
    assert list(load_positions_archive(tmp_path / "data_3d_humaneva15.npz")) == ["Validate/S2"]


def test_detections_follow_the_true_poses(tmp_path: Path) -> None:
    """S1 Jog 1 begins in frames 51, 51 and 50 of its videos; frames 5 to 367 are validation."""
    write_take(tmp_path / "in", "Validate/S1", "Jog 1", *take(362, lost=slice(20, 30)))
    for camera, first in enumerate((51, 51, 50), start=1):
        frames = np.arange(800) + 1 - first
        write_video(tmp_path / "videos", f"S1/Jog_1_(C{camera}).avi.npz", frames)
        write_video(tmp_path / "videos", f"S4/Box_2_(C{camera}).avi.npz", np.arange(40 + camera))
    arguments = ("-p", tmp_path / "in", "--convert-2d", tmp_path / "videos")
    assert main(*arguments, "-o", "cpn_pt_coco", into=tmp_path) == 0
    archive = load_keypoint_archive(tmp_path / "data_2d_humaneva15_cpn_pt_coco.npz")
    assert archive.layout_name == "coco" and archive.left == COCO17.left
    ranges = {
        (subject, action): {(int(xy[0, 0, 0]), int(xy[-1, 0, 0]) + 1) for xy in cameras}
        for subject, actions in archive.positions.items()
        for action, cameras in actions.items()
    }
    assert ranges == {
        ("Validate/S1", "Jog 1 chunk0"): {(5, 25)},
        ("Unlabeled/Validate/S1", "Jog 1 chunk1"): {(25, 35)},
        ("Validate/S1", "Jog 1 chunk2"): {(35, 367)},
        ("Unlabeled/Train/S1", "Jog 1"): {(367, 740)},
        ("Unlabeled/S4", "Box 2"): {(0, 41)},
    }


def test_videos_that_are_too_short(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_take(tmp_path / "in", "Validate/S1", "Jog 1", *take(362))
    for camera in (1, 2, 3):
        write_video(tmp_path / "videos", f"S1/Jog_1_(C{camera}).avi.npz", np.arange(300))
    write_video(tmp_path / "videos", "S2/Jog_1_(C1).avi.npz", np.arange(300))
    arguments = ("-p", tmp_path / "in", "--convert-2d", tmp_path / "videos", "-o", "cpn_coco")
    assert main(*arguments, into=tmp_path) == 1
    said = capsys.readouterr().err
    assert "S1 Jog 1: detections in 250 synchronised frames" in said
    assert "S2 Jog 1: only C1 of 3 cameras" in said


def test_a_missing_source_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        assert main("-p", folder, "--convert-3d", into=tmp_path) == 1
        said = capsys.readouterr().err
        assert said.startswith("error: ") and str(folder) in said and said.count("\n") == 1
    with pytest.raises(SystemExit):
        main("-p", tmp_path, into=tmp_path)


def test_chunks_are_numbered_with_the_lost_ones() -> None:
    valid = np.array([0, 0, 1, 1, 0, 1], bool)
    chunks = split_chunks("Box 1", valid, 382)
    assert [(c.name, c.first, c.end, c.labelled) for c in chunks] == [
        ("Box 1 chunk0", 382, 384, False),
        ("Box 1 chunk1", 384, 386, True),
        ("Box 1 chunk2", 386, 387, False),
        ("Box 1 chunk3", 387, 388, True),
    ]
    assert labelled_frames()["Train/S2"]["Box 1"] == (382, 734)
