"""Detections in Human3.6M's videos, in each of their formats, become 2D archives."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from poselift.data import prepare_data_2d_h36m_generic, prepare_data_2d_h36m_sh
from poselift.data.archives.keypoint_archive import load_keypoint_archive
from poselift.data.datasets.h36m_detections import CAMERA_IDS
from poselift.data.datasets.h36m_source import ACTIONS, SUBJECTS
from poselift.data.files.safe_archive import write_object_npz
from poselift.data.skeletons import COCO17, H36M17, MPII16

h5py = pytest.importorskip("h5py")


def keypoints(frames: int, rows: int, seed: int = 0) -> np.ndarray:
    """(T, rows, 17) float32."""
    draw = np.random.default_rng(seed).uniform(0, 1000, (frames, rows, 17))
    return draw.astype(np.float32)


def write_detectron(path: Path, people: Sequence[Sequence[tuple[float, np.ndarray]]]) -> None:
    """Per frame a list of (box score, (rows, 17)) people."""
    boxes, joints = np.empty((len(people), 2), object), np.empty((len(people), 2), object)
    for frame, seen in enumerate(people):
        boxes[frame, 0], joints[frame, 0] = [], []
        boxes[frame, 1] = np.array([[0, 0, 9, 9, score] for score, _rows in seen]) if seen else []
        joints[frame, 1] = np.stack([rows for _score, rows in seen]) if seen else []
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        write_object_npz(
            stream, {"boxes": boxes, "keypoints": joints, "metadata": {"w": 1, "h": 1}}
        )


def write_cpn(path: Path, xy_score: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, keypoints=xy_score)


def generic(*arguments: object, into: Path) -> int:
    return prepare_data_2d_h36m_generic.main([*map(str, arguments), "--data-dir", str(into)])


def hourglass(*arguments: object, into: Path) -> int:
    return prepare_data_2d_h36m_sh.main([*map(str, arguments), "--data-dir", str(into)])


def test_detectron_takes_the_refined_rows_of_the_best_person(tmp_path: Path) -> None:
    first, second = keypoints(1, 6, 1)[0], keypoints(1, 6, 2)[0]
    for camera in CAMERA_IDS:
        write_detectron(
            tmp_path / "in" / "S2" / f"TakingPhoto 1.{camera}.mp4.npz",
            [[(0.5, first), (0.9, second)], [], [(0.3, first)]],
        )
    (tmp_path / "in" / "S2" / "TakingPhoto 1._ALL.mp4.npz").write_bytes(b"all four cameras")
    assert generic("-i", tmp_path / "in", "-o", "detectron_ft_h36m", into=tmp_path) == 0
    archive = load_keypoint_archive(tmp_path / "data_2d_h36m_detectron_ft_h36m.npz")
    (views,) = archive.positions["S2"].values()
    assert list(archive.positions["S2"]) == ["Photo 1"] and len(views) == 4
    assert archive.layout_name == "h36m" and archive.left == H36M17.left
    assert np.array_equal(views[0], [second[4:6].T, second[4:6].T, first[4:6].T])


def test_our_own_detections_have_four_rows(tmp_path: Path) -> None:
    person = keypoints(1, 4)[0]
    for camera in CAMERA_IDS:
        write_detectron(tmp_path / "S9" / f"Eating.{camera}.mp4.npz", [[], [(1.0, person)]])
    assert generic("-i", tmp_path, "-o", "detectron_pt_coco", into=tmp_path) == 0
    archive = load_keypoint_archive(tmp_path / "data_2d_h36m_detectron_pt_coco.npz")
    assert np.array_equal(archive.positions["S9"]["Eating"][3], [person[:2].T] * 2)
    assert archive.layout_name == "coco" and archive.left == COCO17.left


def test_cpn_has_one_person_as_x_y_score(tmp_path: Path) -> None:
    for number, camera in enumerate(CAMERA_IDS):
        joints = keypoints(3, 3, number).transpose(0, 2, 1)
        write_cpn(tmp_path / "S11" / f"WalkingDog.{camera}.mp4.npz", joints)
        write_cpn(tmp_path / "S11" / f"Directions.{camera}.mp4.npz", joints)
    assert generic("-i", tmp_path, "-o", "cpn_ft_h36m_dbb", into=tmp_path) == 0
    archive = load_keypoint_archive(tmp_path / "data_2d_h36m_cpn_ft_h36m_dbb.npz")
    assert list(archive.positions["S11"]) == ["WalkDog"]  # S11 Directions is damaged at its source
    expected = keypoints(3, 3, 2).transpose(0, 2, 1)[:, :, :2]
    assert np.array_equal(archive.positions["S11"]["WalkDog"][2], expected)


def test_a_camera_that_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for camera in CAMERA_IDS:
        write_cpn(tmp_path / "S1" / f"Eating.{camera}.mp4.npz", keypoints(2, 17)[..., :3])
        if camera != "55011271":
            write_cpn(tmp_path / "S1" / f"Posing.{camera}.mp4.npz", keypoints(2, 17)[..., :3])
    assert generic("-i", tmp_path, "-o", "cpn_h36m", into=tmp_path) == 1
    said = capsys.readouterr().err
    assert "missing: S1 Posing: camera 55011271\n" in said and "--allow-missing" in said
    assert generic("-i", tmp_path, "-o", "cpn_h36m", "--allow-missing", into=tmp_path) == 0
    archive = load_keypoint_archive(tmp_path / "data_2d_h36m_cpn_h36m.npz")
    assert list(archive.positions["S1"]) == ["Eating"]


def test_damaged_detections_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [tmp_path / "S1" / f"Eating.{camera}.mp4.npz" for camera in (*CAMERA_IDS, "1234")]
    write_detectron(names[0], [[], []])
    write_cpn(names[1], keypoints(2, 16)[..., :3])
    write_cpn(names[2], np.full((2, 17, 3), np.nan, np.float32))
    names[3].write_bytes(names[1].read_bytes()[:-40])
    write_cpn(names[4], keypoints(2, 17)[..., :3])
    assert generic("-i", tmp_path, "-o", "cpn_ft_h36m", "--allow-missing", into=tmp_path) == 1
    said = capsys.readouterr().err
    damaged = [line for line in said.splitlines() if line.startswith("damaged:")]
    assert len(damaged) == 5
    assert all(any(str(name) in line for line in damaged) for name in names)
    assert "nobody is seen" in said and "16" in said and "no numbers" in said
    assert not (tmp_path / "data_2d_h36m_cpn_ft_h36m.npz").exists()


def test_names_must_say_the_layout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generic("-i", tmp_path, "-o", "mine", into=tmp_path) == 1
    assert "coco, h36m" in capsys.readouterr().err
    assert generic("-i", tmp_path / "nowhere", "-o", "cpn_ft_h36m", into=tmp_path) == 1
    assert generic("-i", tmp_path, "-o", "cpn_ft_h36m", into=tmp_path) == 1
    assert "holds no detections" in capsys.readouterr().err


def write_hourglass(root: Path, folder: str, poses: np.ndarray) -> None:
    """A whole copy: 7 subjects, 30 takes, 4 cameras."""
    for subject in SUBJECTS:
        (root / subject / folder).mkdir(parents=True)
        for action in ACTIONS:
            for number in ("", "_1"):
                for camera in CAMERA_IDS:
                    if (subject, action, number, camera) != ("S11", "Directions", "", "54138969"):
                        name = f"{action}{number}.{camera}.h5"
                        with h5py.File(root / subject / folder / name, "w") as file:
                            file["poses"] = poses


def test_stacked_hourglass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    poses = keypoints(1, 32)[..., :1].reshape(1, 16, 2)
    write_hourglass(tmp_path / "h36m", "StackedHourglass", poses)
    assert hourglass("-pt", tmp_path / "h36m", into=tmp_path) == 0
    archive = load_keypoint_archive(tmp_path / "data_2d_h36m_sh_pt_mpii.npz")
    counts = {subject: len(actions) for subject, actions in archive.positions.items()}
    assert counts == dict.fromkeys(SUBJECTS, 30) | {"S11": 29}
    assert np.array_equal(archive.positions["S8"]["WalkTogether 1"][1], poses)
    assert archive.layout_name == "mpii" and archive.num_joints == 16
    assert archive.left == MPII16.left
    assert capsys.readouterr().err == ""


def test_fine_tuned_hourglass_of_one_subject(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    poses = np.ones((2, 16, 2), np.float32)
    folder = tmp_path / "S5" / "StackedHourglassFineTuned240"
    folder.mkdir(parents=True)
    source = tmp_path / "stacked_hourglass_fined_tuned_240.tar.gz"
    with tarfile.open(source, "w:gz") as archive:
        for camera in CAMERA_IDS:
            name = f"SittingDown_1.{camera}.h5"
            with h5py.File(folder / name, "w") as file:
                file["poses"] = poses
            archive.add(folder / name, f"S5/StackedHourglassFineTuned240/{name}")
    assert hourglass("-ft", source, into=tmp_path) == 1
    said = capsys.readouterr().err
    assert "missing: S1: everything (30 takes)" in said
    assert "missing: S5 SittingDown: 1 of 2 takes" in said
    assert hourglass("-ft", source, "--allow-missing", into=tmp_path) == 0
    written = load_keypoint_archive(tmp_path / "data_2d_h36m_sh_ft_h36m.npz")
    assert {s: list(a) for s, a in written.positions.items()} == {"S5": ["SittingDown 1"]}
