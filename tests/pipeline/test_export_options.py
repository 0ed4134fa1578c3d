"""Units, axes, rate, place and names: formats keep to what is asked, or say that they cannot."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas
import pybvh
import pytest
from standing_people import clip
from test_export import glb_parts

import poselift
from poselift.data.archives.stage_results import save_poses
from poselift.data.exports.naming import NAMINGS, named
from poselift.data.exports.settings import NAMES, Axes, ExportSettings
from poselift.data.skeletons import H36M17
from poselift.data.structures import Poses3D
from poselift.inference.poses.reworked import smoothed
from poselift.inference.poses.rigging import rig
from poselift.pipeline.command_line import main
from poselift.pipeline.exports.formats import FORMATS, exports_of
from poselift.pipeline.exports.scene import Scene, scene_of

FRAMES = 40


@pytest.fixture(scope="module")
def poses() -> Poses3D:
    """Somebody who walks to the right and away, and waves; 30 frames a second, seen by a camera."""
    t = np.arange(FRAMES) / 30
    made = clip(np.stack([t, 3 + 0.5 * t], -1)[None])[1]
    made.world[0, :, 13] += np.stack([0 * t, 0.1 * np.sin(9 * t), 0.2 * np.sin(9 * t)], -1)
    axes = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # rows: the camera's in the world
    seen = (made.world - (0, 0, 1.5)) @ axes.T
    made.pose[:] = seen - seen[:, :, :1]
    return Poses3D(
        made.timeline, made.person_id, made.pose, seen[:, :, 0], made.world, made.valid,
        made.interpolated, made.up, 640.0,
    )  # fmt: skip


def bvh(scene: Scene, folder: Path) -> tuple[np.ndarray, list[str], float]:
    """What pybvh reads: joints, their names, the rate."""
    (content,) = exports_of(scene, ["bvh"]).values()
    (folder / "a.bvh").write_bytes(content())
    read = pybvh.read_bvh_file(str(folder / "a.bvh"))
    return np.asarray(read.joint_positions()), list(read.joint_names), float(read.fps)


def table(scene: Scene) -> pandas.DataFrame:
    return pandas.read_csv(io.BytesIO(exports_of(scene, ["csv"])["joints.csv"]()))


def test_units_and_axes(poses: Poses3D, tmp_path: Path) -> None:
    own = scene_of(poses, ExportSettings())
    places, names, _ = bvh(own, tmp_path)
    y_up = own.motions[0].positions()[:, own.motions[0].rig.index("LeftHand")]
    np.testing.assert_allclose(places[:, names.index("LeftHand")], 100 * y_up, atol=0.001)
    asked = scene_of(poses, ExportSettings(units="m", up="z"))
    places, _, _ = bvh(asked, tmp_path)
    z_up = np.stack([y_up[..., 0], -y_up[..., 2], y_up[..., 1]], -1)
    np.testing.assert_allclose(places[:, names.index("LeftHand")], z_up, atol=1e-5)
    found = table(scene_of(poses, ExportSettings(units="cm", up="y")))
    head = found[found.joint == "head"]
    np.testing.assert_allclose(head.y_cm, 100 * poses.world[0, :, 10, 2], atol=1e-4)
    trc = exports_of(scene_of(poses, ExportSettings(units="cm")), ["trc"])["person_1.trc"]()
    assert trc.split(b"\n")[2].split(b"\t")[4] == b"cm"
    assert float(trc.split(b"\n")[6].split(b"\t")[3]) == pytest.approx(95)  # the hip's height


def test_camera_space_is_what_the_camera_sees(poses: Poses3D, tmp_path: Path) -> None:
    scene = scene_of(poses, ExportSettings(space="camera"))
    found = table(scene)
    wrist = found[found.joint == "left_wrist"][["x_m", "y_m", "z_m"]].to_numpy()
    assert poses.trajectory is not None
    seen = poses.pose[0, :, 13] + poses.trajectory[0]
    np.testing.assert_allclose(wrist, seen[:, [0, 2, 1]] * (1, 1, -1), atol=1e-5)
    told = json.loads(exports_of(scene, ["json"])["poses.json"]())
    assert told["axes"].endswith("z up, the camera at the origin")
    rigged = scene.motions[0].positions()[:, 0]
    np.testing.assert_allclose(rigged, poses.trajectory[0] * (1, -1, -1), atol=1e-3)
    blind = scene_of(poses, ExportSettings(in_place=True)).poses
    with pytest.raises(poselift.FormatError, match="no trajectory"):
        scene_of(blind, ExportSettings(space="camera"))


def test_another_rate(poses: Poses3D, tmp_path: Path) -> None:
    twice = scene_of(poses, ExportSettings(fps=60))
    once = scene_of(poses, ExportSettings())
    assert len(twice.poses.timeline) == 2 * FRAMES - 1
    np.testing.assert_allclose(twice.poses.world[0, ::2], poses.world[0], atol=1e-6)
    places = twice.motions[0].positions()
    np.testing.assert_allclose(places[::2], once.motions[0].positions(), atol=1e-6)
    moved = np.linalg.norm(places[1::2] - twice.motions[0].positions()[2::2], axis=-1)
    assert moved.max() < 0.05
    assert bvh(twice, tmp_path)[2] == pytest.approx(60, abs=1e-6)
    slow = scene_of(poses, ExportSettings(fps=0.5))
    assert len(slow.poses.timeline) == 1 and len(slow.motions[0].times_s) == 1
    with pytest.raises(poselift.FormatError, match="Ask for a lower rate"):
        years = np.arange(FRAMES) * 1e6
        old = Poses3D(
            poselift.Timeline(640, 360, 30.0, years), poses.person_id, poses.pose, None,
            poses.world, poses.valid, poses.interpolated, poses.up, 1.0,
        )  # fmt: skip
        scene_of(old, ExportSettings(fps=1000))


def test_a_short_life_between_two_frames_is_kept(poses: Poses3D) -> None:
    late = poses.at(slice(None))
    world, valid = late.world.copy(), np.zeros_like(late.valid)
    valid[:, 5:7] = True
    world[~valid] = np.nan
    short = Poses3D(
        late.timeline, late.person_id, np.where(valid[..., None, None], late.pose, np.nan), None,
        world, valid, late.interpolated, late.up, float("nan"),
    )  # fmt: skip
    scene = scene_of(short, ExportSettings(fps=2))
    assert scene.poses.valid.sum() == 1 and len(scene.motions[0].times_s) == 1
    assert np.isfinite(scene.poses.world[scene.poses.valid]).all()


def test_in_place_keeps_heights(poses: Poses3D) -> None:
    scene = scene_of(poses, ExportSettings(in_place=True))
    root, before = scene.motions[0].root, scene_of(poses, ExportSettings()).motions[0].root
    assert not root[:, [0, 2]].any() and np.ptp(before[:, 0]) > 1
    np.testing.assert_allclose(root[:, 1], before[:, 1])
    assert not scene.poses.world[0, :, 0, :2].any()
    np.testing.assert_array_equal(scene.poses.world[..., 2], poses.world[..., 2])
    with pytest.raises(ValueError, match="a floor"):
        ExportSettings(in_place=True, space="camera")


@pytest.mark.parametrize("names", NAMES)
def test_names_move_no_joint(names: str, poses: Poses3D) -> None:
    (ours,) = rig(poses)
    motion = named(ours, names)  # type: ignore[arg-type]
    places, before = motion.positions(), ours.positions()
    for row, (joint, parent, own, half_way) in enumerate(NAMINGS[names]):  # type: ignore[index]
        assert motion.rig.joints[row] == joint
        assert parent == (motion.rig.joints[motion.rig.parents[row]] if row else "")
        if not half_way:
            moved = np.abs(places[:, row] - before[:, ours.rig.index(own)])
            assert moved.max() < 1e-6
    for end, place in motion.tips().items():
        own = NAMINGS[names][motion.rig.index(end)][2]  # type: ignore[index]
        np.testing.assert_allclose(place, ours.tips()[own], atol=1e-6)
    leaves = [j for j, name in enumerate(motion.rig.joints) if not motion.rig.children(j)]
    assert {motion.rig.joints[j] for j in leaves} == set(motion.rig.ends)


@pytest.mark.parametrize(
    ("names", "bones"),
    [
        ("mixamo", "Hips>Spine>Spine1>Spine2>Neck>Head"),
        ("mixamo", "Spine2>LeftShoulder>LeftArm>LeftForeArm>LeftHand"),
        ("mixamo", "Hips>RightUpLeg>RightLeg>RightFoot"),
        ("unreal", "pelvis>spine_01>spine_02>spine_03>neck_01>head"),
        ("unreal", "spine_03>clavicle_r>upperarm_r>lowerarm_r>hand_r"),
        ("unreal", "pelvis>thigh_l>calf_l>foot_l"),
        ("vrm", "hips>spine>chest>neck>head"),
        ("vrm", "chest>leftShoulder>leftUpperArm>leftLowerArm>leftHand"),
        ("vrm", "hips>rightUpperLeg>rightLowerLeg>rightFoot"),
        ("h36m", "hip>waist>spine>thorax>neck"),
        ("h36m", "thorax>left_collar>left_shoulder>left_elbow>left_wrist"),
        ("h36m", "hip>right_hip>right_knee>right_ankle"),
    ],
)
def test_parents_are_those_of_the_target(names: str, bones: str) -> None:
    parents = {row[0]: row[1] for row in NAMINGS[names]}  # type: ignore[index]
    chain = bones.split(">")
    assert [parents[joint] for joint in chain[1:]] == chain[:-1]


def test_left_is_left_in_every_naming(poses: Poses3D) -> None:
    """Who faces the camera has the left hand on the picture's right."""
    for names, hand in (
        ("mixamo", "LeftHand"), ("unreal", "hand_l"), ("vrm", "leftHand"), ("h36m", "left_wrist"),
    ):  # fmt: skip
        motion = scene_of(poses, ExportSettings(names=names)).motions[0]  # type: ignore[arg-type]
        places = motion.positions()[0]
        assert places[motion.rig.index(hand), 0] > places[0, 0] + 0.3


def test_names_of_targets(poses: Poses3D, tmp_path: Path) -> None:
    unreal = bvh(scene_of(poses, ExportSettings(names="unreal")), tmp_path)[1]
    assert {"pelvis", "spine_03", "clavicle_l", "lowerarm_r", "calf_l", "foot_r"} <= set(unreal)
    h36m = NAMINGS["h36m"]
    assert {row[0] for row in h36m} >= set(H36M17.joints) - {"head"}
    told, _ = glb_parts(
        exports_of(scene_of(poses, ExportSettings(names="vrm")), ["glb"])["people.glb"]()
    )
    nodes = {node["name"] for node in told["nodes"]}
    assert {"hips", "leftUpperArm", "rightLowerLeg", "person_1", "person_1_body"} <= nodes


def test_smoothing_takes_out_what_is_fast(poses: Poses3D) -> None:
    t = np.arange(300) / 30
    still = clip(np.tile([0.0, 3.0], (1, 300, 1)))[1]
    slow, fast = 0.1 * np.sin(2 * np.pi * t), 0.1 * np.sin(2 * np.pi * 12 * t)
    still.world[0, :, 13, 0] += slow + fast
    found = smoothed(still, 6).world[0, 20:-20, 13, 0]
    np.testing.assert_allclose(found, 0.6 + slow[20:-20], atol=0.006)  # without lag
    cut = np.sin(2 * np.pi * 6 * t)
    still.world[0, :, 12, 0] = cut
    share = smoothed(still, 6).world[0, 60:-60, 12, 0].std() / cut[60:-60].std()
    assert share == pytest.approx(0.5, abs=0.02)
    assert smoothed(still, 15) is still
    assert np.isfinite(smoothed(poses.at(slice(0, 2)), 3).world).all()


def test_every_format_takes_every_option(poses: Poses3D) -> None:
    options = {"space": "camera", "fps": 25, "names": "unreal", "smooth_hz": 6, "people": (1,)}
    for changed in (*({name: value} for name, value in options.items()), {"in_place": True}):
        scene = scene_of(poses, ExportSettings(**changed))  # type: ignore[arg-type]
        slow = set() if "smooth_hz" in changed else {"plots"}  # which heed nothing else
        for name in FORMATS.keys() - {"fbx"} - slow:
            assert all(content() for content in FORMATS[name].made(scene).values()), name


def test_axes_say_what_they_are() -> None:
    assert Axes("cm", "y").text == "x right, y up, z towards the camera, the floor at y = 0"
    assert Axes("m", "z", "camera").text == (
        "x right, y away from the camera, z up, the camera at the origin"
    )


@pytest.mark.parametrize(
    ("options", "words", "status"),
    [
        ("--to glb --units cm", "unknown unit of glb 'cm'. Known: m.", 1),
        ("--to trc --up z", "unknown axis that points up in trc 'z'. Known: y.", 1),
        ("--to bvh --units inch", "invalid choice: 'inch'", 2),
        ("--to bvh --smooth 0", "'0' is not a frequency in Hz", 2),
        ("--to bvh --fps nan", "'nan' is not a number of frames a second", 2),
        ("--to bvh --fps 0.01", "fps is a number from 0.1 to 1000", 2),
        ("--to bvh --in-place --space camera", "in place is above a floor", 2),
    ],
)
def test_a_mistake_is_told(
    poses: Poses3D, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: str, words: str,
    status: int,
) -> None:  # fmt: skip
    save_poses(tmp_path / "p.npz", poses)
    try:
        found = main(
            ["export", str(tmp_path / "p.npz"), "-o", str(tmp_path / "o"), *options.split()]
        )
    except SystemExit as error:
        found = int(str(error.code))
    assert found == status and words in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
