"""BVH and ASF/AMC files with known angles become joints at the places these angles mean."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from mocap_files import write_amc, write_asf, write_bvh

from poselift.data import prepare_data_mocap
from poselift.data.archives.joints_archive import JointsClip, load_joints, save_joints
from poselift.data.errors import FormatError, PoseliftError
from poselift.data.mocap.asf_amc import read_amc, read_asf
from poselift.data.mocap.bvh import read_bvh
from poselift.data.mocap.mocap_cleaning import clean_takes
from poselift.data.mocap.rig import FOLDER, known_rigs, load_rig
from poselift.data.skeletons import COCO17, H36M17

pytest.importorskip("pybvh")

# A left thigh raised forwards, its shank hanging; the left arm up; the head turned left.
POSE_ZYX = {
    "LeftUpLeg": (0, 0, -90),
    "LeftLeg": (0, 0, 90),
    "LeftArm": (90, 0, 90),
    "Head": (0, 90, 0),
}


def main(*arguments: object) -> int:
    return prepare_data_mocap.main([str(argument) for argument in arguments])


def from_hip(clip: JointsClip) -> dict[str, np.ndarray]:
    """Joints of the first frame relative to the hip: forward, left, up; metres."""
    coco = dict(zip(COCO17.joints, clip.coco[0] - clip.h36m[0, 0], strict=True))
    return coco | dict(zip(H36M17.joints, clip.h36m[0] - clip.h36m[0, 0], strict=True))


def check_places(clip: JointsClip, **places: tuple[float, float, float]) -> None:
    found = from_hip(clip)
    for joint, place in places.items():
        assert found[joint] == pytest.approx(place, abs=0.0011), joint


def test_a_bvh_pose_computed_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_bvh(tmp_path / "in" / "pose.bvh", 40, POSE_ZYX, prefix="mixamorig:")
    assert main(tmp_path / "in", "-o", tmp_path / "out.npz", "--prefix", "my_") == 0
    (clip,) = load_joints(tmp_path / "out.npz")
    assert clip.name == "my_pose" and clip.h36m.shape == (40, 17, 3) and clip.fps == 60
    check_places(
        clip,
        left_hip=(0, 0.10, 0), left_knee=(0.45, 0.10, 0), left_ankle=(0.45, 0.10, -0.45),
        right_hip=(0, -0.10, 0), right_knee=(0, -0.10, -0.45), right_ankle=(0, -0.10, -0.90),
        spine=(0, 0, 0.20), thorax=(0, 0, 0.50),
        left_shoulder=(0, 0.18, 0.48), left_elbow=(0, 0.18, 0.76), left_wrist=(0, 0.18, 1.01),
        right_wrist=(0, -0.71, 0.48),
        neck=(0, 0.04, 0.65), head=(0, 0.04, 0.836), nose=(0, 0.13, 0.691),
        left_eye=(-0.033, 0.114, 0.732), right_ear=(0.075, 0.017, 0.713),
    )  # fmt: skip
    assert clip.h36m[0, 0] == pytest.approx((0, 0, 0.95), abs=0.001)  # ankles 5 cm up
    assert "1 clip, 40 frames" in capsys.readouterr().out


def test_joints_that_move_by_themselves(tmp_path: Path) -> None:
    same = read_bvh(write_bvh(tmp_path / "a.bvh", 3, POSE_ZYX))
    all_move = read_bvh(write_bvh(tmp_path / "b.bvh", 3, POSE_ZYX, all_move={}))
    assert same.names == all_move.names
    assert np.allclose(same.positions, all_move.positions, atol=1e-4)
    longer = {"LeftLeg": (0, -50, 0)}
    moved = read_bvh(write_bvh(tmp_path / "c.bvh", 3, POSE_ZYX, all_move=longer))
    assert np.allclose(moved.point("LeftLeg") - moved.point("LeftUpLeg"), (0, 0, 50), atol=1e-4)
    assert np.allclose(moved.point("RightLeg"), same.point("RightLeg"), atol=1e-4)


def test_an_acclaim_pose_computed_by_hand(tmp_path: Path) -> None:
    """Thigh 8 units: 45 cm, so a unit is 5.625 cm."""
    write_asf(tmp_path / "07" / "07.asf")
    angles = {"lfemur": (-90, 0, 0), "ltibia": (90,), "head": (0, 90, 0)}
    write_amc(tmp_path / "07" / "07_01.amc", 80, angles, (1, 17, 2, 0, 0, 0))
    assert main(tmp_path, "-o", tmp_path / "out.npz", "--prefix", "cmu_") == 0
    (clip,) = load_joints(tmp_path / "out.npz")
    assert clip.name == "cmu_07_01" and clip.h36m.shape == (40, 17, 3) and clip.fps == 60
    # The thigh turns by -90 degrees about an axis that itself is x turned by 20 degrees:
    # what lies along the axis stays, (0, -1, 0) . axis = -sin 20.
    sin, cos = np.sin(np.radians(20)), np.cos(np.radians(20))
    hip, shank = np.array([0, 0.1125, 0]), np.array([0, 0, -0.45])
    thigh = 0.45 * np.array([cos, -sin * cos, -sin * sin])  # forward, left, up
    check_places(
        clip,
        left_hip=(0, 0.1125, 0), left_knee=tuple(thigh + hip),
        left_ankle=tuple(thigh + hip + shank),
        right_ankle=(0, -0.1125, -0.90),
        spine=(0, 0, 0.140625), thorax=(0, 0, 0.45),
        left_shoulder=(0, 0.16875, 0.3375), left_wrist=(0, 0.675, 0.3375),
        neck=(0, 0.03, 0.6025), nose=(0, 0.12, 0.6435),
    )  # fmt: skip


def test_the_root_of_an_acclaim_take_turns_everything(tmp_path: Path) -> None:
    skeleton = read_asf(write_asf(tmp_path / "a.asf"))
    # First x by 90 degrees, then z by 90: up goes to forward and stays; left goes to up.
    motion = read_amc(write_amc(tmp_path / "a.amc", 1, {}, (0, 0, 0, 90, 0, 90)), skeleton)
    assert np.allclose(motion.point("lowerback")[0], (0, 0, 2), atol=1e-9)
    assert np.allclose(motion.point("lhipjoint")[0], (0, 2, 0), atol=1e-9)


def test_glitches_are_cut_and_rates_reduced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hips = np.tile([0.0, 95, 0], (240, 1))
    hips[:, 2] = np.arange(240)  # 1.2 m/s
    hips[100] += [0, 60, 0]  # a spike of one frame, 36 m/s
    hips[220:] += [300, 0, 0]  # somewhere else, and too short
    write_bvh(tmp_path / "walk.bvh", 240, {}, hips=hips, fps=120)
    assert main(tmp_path / "walk.bvh", "-o", tmp_path / "out.npz") == 0
    first, second = load_joints(tmp_path / "out.npz")
    assert (first.name, len(first.h36m)) == ("walka", 50)
    assert (second.name, len(second.h36m)) == ("walkb", 59)
    assert first.fps == second.fps == 60
    assert first.h36m[0, 0] == pytest.approx((0, 0, 0.95), abs=0.001)
    assert second.h36m[0, 0] == pytest.approx((0, 0, 0.95), abs=0.001)
    assert "11 frames cut" in capsys.readouterr().out


def test_a_long_take_does_not_lose_the_others(tmp_path: Path) -> None:
    """Two pieces of 30 m each, the second far from where the first begins."""
    hips = np.tile([0.0, 95, 0], (720, 1))
    hips[:, 2] = np.arange(720) * 8.4  # 5 m/s
    hips[360] += [0, 60, 0]
    write_bvh(tmp_path / "in" / "run.bvh", 720, {}, hips=hips)
    write_bvh(tmp_path / "in" / "stand.bvh", 40, {})
    assert main(tmp_path / "in", "-o", tmp_path / "out.npz") == 0
    clips = load_joints(tmp_path / "out.npz")
    assert [clip.name for clip in clips] == ["runa", "runb", "stand"]
    for clip in clips:
        assert clip.h36m[0, 0] == pytest.approx((0, 0, 0.95), abs=0.001)


def test_two_files_of_one_name_do_not_lose_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hips = np.tile([0.0, 95, 0], (100, 1))
    hips[50] += [0, 60, 0]  # cuts walk into walka and walkb
    write_bvh(tmp_path / "in" / "walk.bvh", 100, {}, hips=hips)
    write_bvh(tmp_path / "in" / "walka.bvh", 40, {})
    assert main(tmp_path / "in", "-o", tmp_path / "out.npz") == 1
    assert [c.name for c in load_joints(tmp_path / "out.npz")] == ["walka", "walkb"]
    assert "walka.bvh: left out, as another file's clip is called walka" in capsys.readouterr().err


def test_only_a_piece_that_leaves_the_archives_space_is_cut() -> None:
    body = np.random.default_rng(0).uniform(-1, 1, (17, 3))
    far = np.zeros((280, 1, 3))
    far[40:, :, 0] += 100
    far[80:, :, 0] += 100 + np.arange(200)[:, None] * 0.2  # 40 m at 10 m/s
    clips, cut = clean_takes("x", body + far, body + far, 50.0)
    assert [(clip.name, len(clip.h36m)) for clip in clips] == [("xa", 40), ("xb", 40)]
    assert cut == 200
    high = np.tile(body + np.array([0, 0, 40]), (40, 1, 1))
    clips, cut = clean_takes("x", high, high, 50.0)
    assert [clip.name for clip in clips] == ["x"] and cut == 0


def test_a_bone_that_grows_is_cut() -> None:
    still = np.random.default_rng(0).uniform(-1, 1, (17, 3))
    h36m, coco = np.tile(still, (100, 1, 1)), np.tile(still, (100, 1, 1))
    wrist, elbow = H36M17.indices("left_wrist", "left_elbow")
    h36m[40:45, wrist] += 0.5 * (still[wrist] - still[elbow])
    clips, cut = clean_takes("x", h36m, coco, 50.0)
    assert [len(clip.h36m) for clip in clips] == [40, 55] and cut == 5


def test_one_bad_file_does_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write_bvh(tmp_path / "in" / "good.bvh", 40, {})
    text = good.read_text()
    bad = {
        "short.bvh": text[: len(text) * 2 // 3],
        "lies.bvh": text.replace("Frames: 40", "Frames: 4000000"),
        "nan.bvh": text.replace("95.000000", "nan", 5),
        "text.bvh": "a letter",
        "other.bvh": text.replace("LeftUpLeg", "Tail"),
        "alone.amc": "1\nroot 0 0 0 0 0 0\n",
        "few.bvh": write_bvh(tmp_path / "few.bvh", 5, {}).read_text(),
    }
    for name, content in bad.items():
        (tmp_path / "in" / name).write_text(content)
    assert main(tmp_path / "in", "-o", tmp_path / "out.npz") == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == len(bad) and all(line.startswith("error: ") for line in said)
    assert all(any(name in line for line in said) for name in bad)
    assert any("LeftUpLeg" in line and "--rig" in line for line in said if "other" in line)
    assert [clip.name for clip in load_joints(tmp_path / "out.npz")] == ["good"]


def test_broken_files_are_named_wherever_they_end(tmp_path: Path) -> None:
    asf, bvh = write_asf(tmp_path / "a.asf"), write_bvh(tmp_path / "a.bvh", 2, POSE_ZYX)
    skeleton = read_asf(asf)
    amc = write_amc(tmp_path / "a.amc", 2, {}, (0,) * 6)
    readers = {asf: read_asf, bvh: read_bvh, amc: lambda path: read_amc(path, skeleton)}
    for path, read in readers.items():
        whole = path.read_bytes()
        broken = path.with_stem("broken")
        for length in range(0, len(whole) - 2, max(1, len(whole) // 60)):
            for ending in (b"", b" \xff{ } 1e999 nan ROOT\n"):
                broken.write_bytes(whole[:length] + ending)
                try:
                    read(broken)
                except FormatError as error:
                    assert "broken" in str(error)


def test_takes_of_one_name(tmp_path: Path) -> None:
    for folder in ("ann", "bob"):
        write_bvh(tmp_path / "in" / folder / "walk.bvh", 40, {})
    assert main(tmp_path / "in", "-o", tmp_path / "out.npz") == 0
    assert [clip.name for clip in load_joints(tmp_path / "out.npz")] == ["ann_walk", "bob_walk"]


def test_a_skeleton_that_is_its_own_parent(tmp_path: Path) -> None:
    path = write_asf(tmp_path / "a.asf")
    path.write_text(path.read_text().replace("    head", "    head root\n    head"))
    text = path.read_text().replace("lfemur ltibia", "lfemur ltibia lhipjoint")
    path.write_text(text)
    with pytest.raises(FormatError, match="twice"):
        read_asf(path)


def test_own_rigs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    about = json.loads((FOLDER / "mixamo.json").read_text())
    about["coco"] = {"left_hip": {"LeftUpLeg": 0.8, "Hips": 0.2}}
    rig = tmp_path / "mine.json"
    rig.write_text(json.dumps(about))
    write_bvh(tmp_path / "in" / "pose.bvh", 40, {})
    assert main(tmp_path / "in", "-o", tmp_path / "out.npz", "--rig", rig) == 0
    (clip,) = load_joints(tmp_path / "out.npz")
    assert clip.coco[0, COCO17.index("left_hip"), 1] == pytest.approx(0.08, abs=0.001)
    assert clip.h36m[0, H36M17.index("left_hip"), 1] == pytest.approx(0.10, abs=0.001)
    capsys.readouterr()
    for key, value in {"up": "up", "joints": {}, "head": None, "coco": {"tail": "Hips"}}.items():
        rig.write_text(json.dumps(about | {key: value}))
        assert main(tmp_path / "in", "-o", tmp_path / "out.npz", "--rig", rig) == 1
        said = capsys.readouterr().err
        assert said.startswith("error: ") and str(rig) in said and said.count("\n") == 1
    assert main(tmp_path / "in", "-o", tmp_path / "out.npz", "--rig", "nobody") == 1


def test_every_rig_is_whole() -> None:
    for rig in known_rigs():
        assert np.allclose(rig.axes @ rig.axes.T, np.eye(3)), rig.name
        assert np.linalg.det(rig.axes) == pytest.approx(1), rig.name
        assert load_rig(FOLDER / f"{rig.name}.json") == rig


def test_archives_hold_millimetres(tmp_path: Path) -> None:
    joints = np.random.default_rng(1).normal(0, 1, (5, 17, 3)).astype(np.float32)
    save_joints(tmp_path / "a.npz", [JointsClip("x", joints, joints + 1, 29.97)])
    (clip,) = load_joints(tmp_path / "a.npz")
    assert np.abs(clip.h36m - joints).max() <= 0.00051
    assert np.abs(clip.coco - joints - 1).max() <= 0.00051 and clip.fps == 29.97
    with np.load(tmp_path / "a.npz") as archive:
        assert archive["x/h36m"].dtype == np.int16
    far = JointsClip("far", joints + 40, joints, 60.0)
    with pytest.raises(PoseliftError, match="far"):
        save_joints(tmp_path / "b.npz", [far])
