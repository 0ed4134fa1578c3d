"""Human3.6M in each of its original formats, small, becomes the reference's archives."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from poselift.data import prepare_data_h36m
from poselift.data.archives.keypoint_archive import load_keypoint_archive
from poselift.data.archives.positions_archive import load_positions_archive
from poselift.data.datasets.h36m_source import ACTIONS, SUBJECTS, canonical_action
from poselift.data.datasets.h36m_views import project_views
from poselift.data.datasets.motion_datasets import load_motion_dataset
from poselift.data.errors import FormatError
from poselift.data.files.guarded_reader import GuardedReader
from poselift.data.files.matrix_files import read_arrays
from poselift.data.files.safe_archive import load_object_npz

cdflib = pytest.importorskip("cdflib")
h5py = pytest.importorskip("h5py")
scipy_io = pytest.importorskip("scipy.io")
from cdflib.cdfwrite import CDF as CdfWriter  # noqa: E402

PUBLISHED = {"Photo": "TakingPhoto", "WalkDog": "WalkingDog"}
CAMERAS = ("54138969", "55011271", "58860488", "60457274")


def pose_mm(frames: int, seed: int = 0) -> np.ndarray:
    """(T, 96) float32: somebody within a metre of the room's middle."""
    draw = np.random.default_rng(seed).uniform(-1000, 1000, (frames, 96))
    return draw.astype(np.float32)


def write_cdf(path: Path, pose: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "Variable": "Pose",
        "Data_Type": 44,  # CDF_FLOAT
        "Num_Elements": 1,
        "Rec_Vary": True,
        "Dim_Sizes": list(pose.shape),
    }
    with CdfWriter(path, delete=True) as cdf:
        cdf.write_var(about, var_data=pose[None])


def write_mat(path: Path, pose: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cell = np.empty((1, 1), object)
    cell[0, 0] = pose
    scipy_io.savemat(path, {"data": cell})


def write_h5(path: Path, key: str, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file[key] = values


def source_path(root: Path, subject: str, take: str, suffix: str) -> Path:
    return root / subject / "MyPoseFeatures" / "D3_Positions" / f"{take}{suffix}"


def all_takes() -> list[tuple[str, str]]:
    """(subject, file name without suffix) of a whole copy: 30 each, as published."""
    return [
        (subject, PUBLISHED.get(action, action) + number)
        for subject in SUBJECTS
        for action in ACTIONS
        for number in ("", " 1")
    ]


def main(*arguments: object, into: Path) -> int:
    return prepare_data_h36m.main([*map(str, arguments), "--data-dir", str(into)])


def test_a_whole_copy_in_cdf(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, (subject, take) in enumerate(all_takes()):
        write_cdf(source_path(tmp_path / "pose", subject, take, ".cdf"), pose_mm(2, number))
    assert main("--from-source-cdf", tmp_path / "pose", into=tmp_path / "out") == 0
    positions = load_positions_archive(tmp_path / "out" / "data_3d_h36m.npz")
    assert list(positions) == list(SUBJECTS)
    assert {s: len(takes) for s, takes in positions.items()} == dict.fromkeys(SUBJECTS, 30) | {
        "S11": 29
    }
    assert "Directions" not in positions["S11"]
    assert "Directions 1" in positions["S11"]
    assert {"Photo", "WalkDog 1"} <= set(positions["S1"])
    number = all_takes().index(("S9", "WalkingDog 1"))
    expected = pose_mm(2, number).reshape(2, 32, 3) / 1000
    assert positions["S9"]["WalkDog 1"].dtype == np.float32
    assert np.allclose(positions["S9"]["WalkDog 1"], expected, atol=1e-7)
    views = load_keypoint_archive(tmp_path / "out" / "data_2d_h36m_gt.npz")
    assert [camera.shape for camera in views.positions["S9"]["WalkDog 1"]] == [(2, 17, 2)] * 4
    assert capsys.readouterr().err == ""
    dataset = load_motion_dataset("h36m", "gt", tmp_path / "out")
    assert len(dataset.views("S11", "Walking")) == 4


WRITERS: dict[str, tuple[str, Callable[[Path, np.ndarray], None], str]] = {
    "cdf": ("--from-source-cdf", write_cdf, ".cdf"),
    "mat": ("--from-source", write_mat, ".cdf.mat"),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_cdf_and_mat_say_the_same(kind: str, tmp_path: Path) -> None:
    option, write, suffix = WRITERS[kind]
    write(source_path(tmp_path, "S1", "Eating 2", suffix), pose_mm(5))
    assert main(option, tmp_path, "--allow-missing", into=tmp_path) == 0
    positions = load_positions_archive(tmp_path / "data_3d_h36m.npz")
    assert np.allclose(positions["S1"]["Eating 2"], pose_mm(5).reshape(5, 32, 3) / 1000, atol=1e-7)


@pytest.mark.parametrize("pack", ["folder", "zip", "tar.gz"])
def test_the_h5_archive_is_read_in_place(pack: str, tmp_path: Path) -> None:
    inner = Path("h36m/S5/MyPoses/3D_positions/WalkingDog_1.h5")
    write_h5(tmp_path / inner, "3D_positions", pose_mm(5).T)
    source = tmp_path / "h36m"
    if pack == "zip":
        source = tmp_path / "h36m.zip"
        with zipfile.ZipFile(source, "w") as archive:
            archive.write(tmp_path / inner, str(inner))
            archive.writestr(f"__MACOSX/{inner.parent}/._{inner.name}", b"hidden")
    elif pack == "tar.gz":
        source = tmp_path / "h36m.tar.gz"
        with tarfile.open(source, "w:gz") as archive:
            archive.add(tmp_path / inner, str(inner))
    assert main("--from-archive", source, "--allow-missing", into=tmp_path / "out") == 0
    positions = load_positions_archive(tmp_path / "out" / "data_3d_h36m.npz")
    assert np.allclose(positions["S5"]["WalkDog 1"], pose_mm(5).reshape(5, 32, 3) / 1000, atol=1e-7)


def test_the_reference_s_views(reference: Path) -> None:
    positions = load_positions_archive(reference / "data" / "data_3d_h36m.npz")
    theirs = load_object_npz(reference / "data" / "data_2d_h36m_gt.npz")
    ours = project_views(positions)
    for subject, actions in theirs["positions_2d"].items():
        assert set(actions) == set(ours.positions[subject])
        for action, cameras in actions.items():
            for xy, expected in zip(ours.positions[subject][action], cameras, strict=True):
                assert xy.dtype == expected.dtype
                # Both sides round in float32: about 1e-6 of the picture's 1000 pixels.
                assert np.abs(xy - expected).max() < 1e-3
    symmetry = theirs["metadata"]["keypoints_symmetry"]
    assert [list(ours.left), list(ours.right)] == symmetry


def test_a_partial_copy_is_listed_then_converted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for subject, take in all_takes():
        if subject != "S7" and (subject, take) != ("S5", "Eating 1"):
            write_mat(source_path(tmp_path / "pose", subject, take, ".cdf.mat"), pose_mm(1))
    assert main("--from-source", tmp_path / "pose", into=tmp_path) == 1
    said = capsys.readouterr().err
    assert "missing: S7: everything (30 takes)\n" in said
    assert "missing: S5 Eating: 1 of 2 takes\n" in said
    assert said.count("missing:") == 2 and "--allow-missing" in said
    assert not (tmp_path / "data_3d_h36m.npz").exists()
    assert main("--from-source", tmp_path / "pose", "--allow-missing", into=tmp_path) == 0
    assert capsys.readouterr().err.count("missing:") == 2
    positions = load_positions_archive(tmp_path / "data_3d_h36m.npz")
    assert len(positions["S5"]) == 29 and "S7" not in positions


def test_damaged_takes_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def place(take: str) -> Path:
        return source_path(tmp_path, "S1", take, ".cdf")

    write_cdf(place("Eating"), pose_mm(3))
    write_cdf(place("Posing"), pose_mm(3)[:, :93])
    broken = pose_mm(3)
    broken[1, 5] = np.nan
    write_cdf(place("Waiting"), broken)
    whole = place("Eating").read_bytes()
    place("Smoking").write_bytes(whole[: len(whole) // 2])
    place("Sitting").write_bytes(b"not a CDF")
    assert main("--from-source-cdf", tmp_path, "--allow-missing", into=tmp_path) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("damaged:")]
    assert len(said) == 4
    assert all(str(tmp_path) in line for line in said)
    assert any("Waiting" in line and "1 of 3 frames" in line for line in said)
    assert any("Posing" in line and "(1, 3, 93)" in line for line in said)
    assert list(load_positions_archive(tmp_path / "data_3d_h36m.npz")["S1"]) == ["Eating"]


def test_truncated_files_never_crash(tmp_path: Path) -> None:
    write_cdf(tmp_path / "a.cdf", pose_mm(3))
    write_mat(tmp_path / "a.mat", pose_mm(3))
    write_h5(tmp_path / "a.hdf5", "3D_positions", pose_mm(3).T)

    for kind, variable in {"cdf": "Pose", "mat": "data", "hdf5": "3D_positions"}.items():
        name = f"a.{kind}"
        content = (tmp_path / name).read_bytes()
        assert read_arrays(kind, name, content, variable)[0].size == 3 * 96
        for length in range(0, len(content), max(1, len(content) // 40)):
            try:
                read_arrays(kind, name, content[:length], variable)
            except FormatError as error:
                assert name in str(error)


def test_a_file_that_hangs_its_reader_is_damaged(tmp_path: Path) -> None:
    """cdflib reads as many dimensions as a header claims, here two thousand million."""
    write_cdf(tmp_path / "a.cdf", pose_mm(3))
    content = (tmp_path / "a.cdf").read_bytes()
    claim = int.from_bytes(content[20:28], "big") + 56
    endless = content[:claim] + b"\x7f\xff\xff\xff" + content[claim + 4 :]
    with GuardedReader(limit_s=2) as reader:
        with pytest.raises(FormatError, match=r"a\.cdf: "):
            reader("cdf", "a.cdf", endless, "Pose")
        # The next file has a fresh reader.
        assert reader("cdf", "b.cdf", content, "Pose")[0].shape == (1, 3, 96)


def test_hdf5_does_not_read_other_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret.h5"
    write_h5(secret, "3D_positions", pose_mm(3).T)
    linked = tmp_path / "linked.h5"
    with h5py.File(linked, "w") as file:
        file["3D_positions"] = h5py.ExternalLink(str(secret), "3D_positions")
    raw = tmp_path / "raw.h5"
    with h5py.File(raw, "w") as file:
        file.create_dataset("3D_positions", (96, 3), "f4", external=str(secret))
    for path in (linked, raw):
        with pytest.raises(FormatError, match=path.name):
            read_arrays("hdf5", str(path), path.read_bytes(), "3D_positions")


def test_bombs_are_not_unfolded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    huge = tmp_path / "huge.h5"
    with h5py.File(huge, "w") as file:
        file.create_dataset("3D_positions", (96, 10**9), "f4", chunks=(96, 1000))
    source = tmp_path / "h36m.zip"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(huge, "S1/MyPoses/3D_positions/Eating.h5")
        archive.writestr("S1/MyPoses/3D_positions/Posing.h5", bytes(65 << 20))
    assert main("--from-archive", source, "--allow-missing", into=tmp_path) == 1
    said = capsys.readouterr().err
    assert "Eating.h5" in said and "1000000000" in said
    assert "Posing.h5" in said and "65 MiB" in said


def test_a_missing_source_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["--from-source-cdf", tmp_path / "nowhere"],
        ["--from-archive", tmp_path / "nowhere.zip"],
        ["--from-source", tmp_path],
    ):
        assert main(*arguments, into=tmp_path) == 1
        said = capsys.readouterr().err
        assert said.startswith("error: ") and str(tmp_path) in said and said.count("\n") == 1


def test_runs_from_anywhere_without_being_installed(tmp_path: Path) -> None:
    script = Path(prepare_data_h36m.__file__)
    run = subprocess.run(
        [sys.executable, str(script), "--from-archive", "nowhere.zip"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr == "error: nowhere.zip: no such file or folder.\n"


def test_names_of_actions() -> None:
    assert canonical_action("TakingPhoto 1") == "Photo 1"
    assert canonical_action("WalkingDog") == "WalkDog"
    assert canonical_action("Walking_1") == "Walking 1"
