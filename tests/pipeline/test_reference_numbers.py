"""The reference's checkpoint gives the reference's poses, to 0.1 mm."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from poselift.data.archives.keypoint_archive import load_keypoint_archive
from poselift.data.cameras import normalise_screen
from poselift.data.errors import FormatError, LayoutMismatch
from poselift.data.files.safe_archive import open_npz
from poselift.data.skeletons import COCO17, H36M17, Skeleton
from poselift.inference.poses.lifting import Lifter
from poselift.models.reference_checkpoints import load_reference_checkpoint
from poselift.models.weights import LifterWeights

TOLERANCE_M = 1e-4


@pytest.fixture(scope="module")
def weights(reference: Path) -> LifterWeights:
    return load_reference_checkpoint(reference / "checkpoint" / "epoch_2.bin", causal=False)


def custom_video(reference: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(T, 17, 2) screen units, and the (T, 17, 3) metres that the reference exports."""
    archive = load_keypoint_archive(reference / "expected" / "data_2d_custom_goldvid.npz")
    (xy,) = archive.positions[f"{name}.mp4"]["custom"]
    wanted = np.load(reference / "expected" / f"custom_{name}.npy")
    return normalise_screen(xy, *archive.video_sizes[f"{name}.mp4"]), wanted


def h36m_view(reference: Path) -> tuple[np.ndarray, np.ndarray]:
    archive = load_keypoint_archive(reference / "data" / "data_2d_h36m_gt.npz")
    facts = json.loads((reference / "facts.json").read_text())
    camera = facts["h36m"]["cameras_intrinsic"][2]
    xy = archive.positions["S11"]["Directions"][2]
    wanted = np.load(reference / "expected" / "h36m_S11_Directions_cam2.npy")
    return normalise_screen(xy, camera["res_w"], camera["res_h"]), wanted


@pytest.mark.parametrize("name", ["dance", "hoop", "walk"])
def test_custom_video(name: str, reference: Path, weights: LifterWeights) -> None:
    xy, wanted = custom_video(reference, name)
    lifted = Lifter(weights).lift(xy, layout=COCO17)
    assert lifted.trajectory is not None
    placed = lifted.pose + lifted.trajectory[:, None]
    np.testing.assert_allclose(placed, wanted, rtol=0, atol=TOLERANCE_M)


def test_h36m_view(reference: Path, weights: LifterWeights) -> None:
    xy, wanted = h36m_view(reference)
    lifted = Lifter(weights).lift(xy, layout=H36M17).pose
    np.testing.assert_allclose(lifted, wanted, rtol=0, atol=TOLERANCE_M)


def test_a_chunked_lift_is_the_same(reference: Path, weights: LifterWeights) -> None:
    xy, wanted = h36m_view(reference)
    lifted = Lifter(weights, chunk=32).lift(xy, layout=H36M17).pose
    np.testing.assert_allclose(lifted, wanted, rtol=0, atol=TOLERANCE_M)


def test_a_few_frames_of_the_repositorys_own(assets: Path) -> None:
    """The start of the same view; the reference saw what follows, so the end is left out."""
    weights = load_reference_checkpoint(assets / "epoch_2_position.bin")
    with open_npz(assets / "h36m_60.npz") as archive:
        xy = normalise_screen(archive["xy"], archive["width"].item(), archive["height"].item())
        wanted = archive["pose"]
    assert weights.trajectory is None
    lifted = Lifter(weights).lift(xy, layout=H36M17).pose[: len(wanted)]
    np.testing.assert_allclose(lifted, wanted, rtol=0, atol=TOLERANCE_M)


def test_wrong_widths_and_joints_are_told(assets: Path) -> None:
    path = assets / "epoch_2_position.bin"
    with pytest.raises(FormatError, match=r"epoch_2_position\.bin: .*3-3-3, not 3-3-3-3-3"):
        load_reference_checkpoint(path, filter_widths=(3, 3, 3, 3, 3))
    fifteen = Skeleton("fifteen", tuple(f"joint {i}" for i in range(15)), ())
    with pytest.raises(LayoutMismatch, match="15 joints"):
        Lifter(load_reference_checkpoint(path)).lift(np.zeros((4, 15, 2)), layout=fifteen)
