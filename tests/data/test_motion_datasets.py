"""Data sets as views of cameras."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from stand_in import H36M_TAKES, write_h36m, write_humaneva

from poselift.data.cameras import project
from poselift.data.datasets.motion_datasets import load_motion_dataset, select_views, subset_stretch
from poselift.data.errors import FormatError, UnknownName
from poselift.data.skeletons import H36M17, HUMANEVA15


def test_views_of_human36m(tmp_path: Path) -> None:
    write_h36m(tmp_path)
    dataset = load_motion_dataset("h36m", "gt", tmp_path)
    assert (dataset.layout, dataset.layout_in, dataset.fps) == (H36M17, H36M17, 50)
    views = select_views(dataset, ["S1"])
    assert len(views) == 4 * len(H36M_TAKES["S1"])
    for view in views:
        joints = view.target.copy()
        joints[:, 1:] += joints[:, :1]
        assert (joints[..., 2] > 2).all(), "everybody stands in front of the camera"
        np.testing.assert_allclose(
            project(joints, view.camera.intrinsics), view.keypoints, rtol=0, atol=1e-5
        )
        assert not view.root_relative[:, 0].any() and view.target[:, 0].all()


def test_actions_are_chosen_by_their_beginning(tmp_path: Path) -> None:
    write_h36m(tmp_path)
    dataset = load_motion_dataset("h36m", "gt", tmp_path)
    chosen = select_views(dataset, ["S1", "S9"], ["Walk"])
    assert {(v.subject, v.action) for v in chosen} == {
        ("S1", "Walking"), ("S1", "Walking 1"), ("S9", "Walking 1"), ("S9", "Walking 2"),
    }  # fmt: skip
    with pytest.raises(UnknownName, match="S7"):
        select_views(dataset, ["S7"])


def test_downsampling_and_subsets(tmp_path: Path) -> None:
    write_h36m(tmp_path)
    dataset = load_motion_dataset("h36m", "gt", tmp_path)
    whole = select_views(dataset, ["S1"])[0]
    half = select_views(dataset, ["S1"], downsample=2)[0]
    np.testing.assert_array_equal(half.keypoints, whole.keypoints[::2])
    np.testing.assert_array_equal(half.target, whole.target[::2])
    part = select_views(dataset, ["S1"], downsample=2, subset=0.5)[0]
    stretch = subset_stretch(len(whole), 0.5, 2)
    np.testing.assert_array_equal(part.keypoints, whole.keypoints[stretch][::2])


def _drawn(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little") / (2**32 - 1)


def test_subset_stretches_are_the_published_rule() -> None:
    # SHA-256 of "100" begins ad 57 36 68, little endian.
    start = int(0x683657AD / 0xFFFFFFFF * (100 - 25 + 1))
    assert subset_stretch(100, 0.25) == slice(start, start + 25)
    assert subset_stretch(101, 0.25, 4) == slice(
        int(_drawn("101") * 78), int(_drawn("101") * 78) + 24
    )


def test_longer_2d_is_cut_and_shorter_2d_refused(tmp_path: Path) -> None:
    write_h36m(tmp_path / "a", {"S1": {"Walking": 30}})
    write_h36m(tmp_path / "b", {"S1": {"Walking": 25}})
    three = "data_3d_h36m.npz"
    longer, shorter = tmp_path / "b", tmp_path / "a"
    (tmp_path / "keep").write_bytes((longer / three).read_bytes())
    (longer / "data_2d_h36m_gt.npz").replace(tmp_path / "short.npz")
    (longer / "data_2d_h36m_gt.npz").write_bytes((shorter / "data_2d_h36m_gt.npz").read_bytes())
    assert len(select_views(load_motion_dataset("h36m", "gt", longer), ["S1"])[0]) == 25
    (tmp_path / "short.npz").replace(shorter / "data_2d_h36m_gt.npz")
    with pytest.raises(FormatError, match="25 frames of 2D for 30 of 3D"):
        select_views(load_motion_dataset("h36m", "gt", shorter), ["S1"])


def test_humaneva_has_unplaced_cameras(tmp_path: Path) -> None:
    write_humaneva(tmp_path)
    dataset = load_motion_dataset("humaneva15", "gt", tmp_path)
    assert (dataset.layout, dataset.fps) == (HUMANEVA15, 60)
    known = select_views(dataset, ["Train/S1"], ["Walk", "Jog"])
    assert len(known) == 6 and all(view.target is not None for view in known)
    unknown = select_views(dataset, ["Unlabeled/Train/S4"])
    assert len(unknown) == 3 and all(view.target is None for view in unknown)


@pytest.mark.parametrize(
    ("name", "keypoints", "words"),
    [
        ("h36m", "gt", ["data_3d_h36m.npz", "prepare_data_h36m.py"]),
        ("humaneva15", "detectron_pt_coco", ["data_3d_humaneva15.npz", "prepare_data_humaneva"]),
        ("custom", "mine", ["data_2d_custom_mine.npz", "prepare_data_2d_custom.py -i"]),
    ],
)
def test_a_missing_archive_says_where_to_get_it(
    name: str, keypoints: str, words: list[str], tmp_path: Path
) -> None:
    with pytest.raises(FormatError) as told:
        load_motion_dataset(name, keypoints, tmp_path)
    assert all(word in str(told.value) for word in words)


def test_published_detections_are_told_with_their_address(tmp_path: Path) -> None:
    write_h36m(tmp_path)
    with pytest.raises(FormatError, match=r"https://dl\.fbaipublicfiles.*cpn_ft_h36m_dbb\.npz"):
        load_motion_dataset("h36m", "cpn_ft_h36m_dbb", tmp_path)
