"""Files on another figure's bones: CMU's takes for Daz, against the archive that was trained on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from poselift.data.errors import FormatError
from poselift.data.mocap.kinematics import Motion
from poselift.data.mocap.mocap_source import read_motion
from poselift.data.mocap.rig import FOLDER, apply_rig, known_rigs, load_rig, rig_for
from poselift.data.mocap.rig_bones import Bone, with_bones
from poselift.data.skeletons import H36M17

TAKE = ROOT / "tests" / "assets" / "cmu_35_18.bvh"
# The archive's clip looks along its -y, with its left along x.
TO_ARCHIVE = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])


def test_a_daz_take_gives_the_archives_clip() -> None:
    motion = read_motion(TAKE)
    rig = rig_for("take", motion, known_rigs())
    assert rig.name == "cmu_daz"
    joints = apply_rig("take", motion, rig)
    with np.load(TAKE.with_name("cmu_35_18_expected.npz")) as archive:
        clip = [archive[layout] / 1000 for layout in ("h36m", "coco")]
    start = clip[0][0, 0] - TO_ARCHIVE @ joints[0][0, 0]
    for ours, theirs in zip(joints, clip, strict=True):
        # Millimetres: what is left is the archive's rounding and the head's fit.
        apart = 1000 * np.linalg.norm(ours @ TO_ARCHIVE.T + start - theirs, axis=-1)
        assert apart.max() < 5 and apart.mean() < 3


def test_bones_of_the_figure_itself_would_be_wrong() -> None:
    motion = read_motion(TAKE)
    shoulders = motion.point("lShldr") - motion.point("rShldr")
    thigh = motion.point("lShin") - motion.point("lThigh")
    narrow = np.linalg.norm(shoulders, axis=1) / np.linalg.norm(thigh, axis=1)
    joints, _ = apply_rig("take", motion, rig_for("take", motion, known_rigs()))
    left, right = (joints[:, j] for j in H36M17.indices("left_shoulder", "right_shoulder"))
    assert (narrow < 0.7).all() and (np.linalg.norm(left - right, axis=1) / 0.45 > 0.85).all()


def test_a_bone_turns_with_its_point() -> None:
    quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    motion = Motion(("root",), np.array([[[1.0, 2, 3]]]), quarter[None, None], 60.0)
    bones = {"b": Bone("a", "root", (0, 2, 0)), "a": Bone("root", "root", (1, 0, 0))}
    grown = with_bones(motion, bones, femur=10)
    np.testing.assert_allclose(grown.point("a"), [[1, 12, 3]])
    np.testing.assert_allclose(grown.point("b"), [[-19, 12, 3]])
    assert grown.names == ("b", "a", "root")


@pytest.mark.parametrize(
    ("bone", "reason"),
    [
        ({"start": "lknee", "turned_by": "hip", "offset": [0, 0, 0]}, "begins at its own end"),
        ({"start": "hip", "turned_by": "hip", "offset": [0, 0]}, "not enough values"),
        ({"start": "hip", "turned_by": "hip"}, "no 'offset'"),
    ],
)
def test_wrong_bones_are_told(bone: dict[str, object], reason: str, tmp_path: Path) -> None:
    about = json.loads((FOLDER / "cmu_daz.json").read_text())
    about["bones"]["lhip"] = bone
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(about))
    with pytest.raises(FormatError, match=reason):
        load_rig(path)
