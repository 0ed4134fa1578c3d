"""Whatever axes a file and its joints have, the same motion gives the same body, face included."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mocap_files import BVH_JOINTS, write_amc, write_asf, write_bvh
from scipy.spatial.transform import Rotation

from poselift.data import prepare_data_mocap
from poselift.data.archives.joints_archive import JointsClip, load_joints
from poselift.data.mocap.mocap_source import read_motion
from poselift.data.mocap.rig import Rig, apply_rig, known_rigs, rig_called, rig_for
from poselift.data.skeletons import H36M17

pytest.importorskip("pybvh")

STAND = {"LeftArm": (-10, 0, 0), "Head": (0, 30, 0)}
# A person who lies on the back: everything turned by the root.
LIE = {"Hips": (0, 0, -90)}
Z_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
ALONG_BONES = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])


def convert(*arguments: object) -> int:
    return prepare_data_mocap.main([str(argument) for argument in arguments])


def converted(path: Path, *arguments: object) -> JointsClip:
    out = path.with_suffix(".npz")
    assert convert(path, "-o", out, *arguments) == 0
    (clip,) = load_joints(out)
    return clip


def heading_removed(joints: np.ndarray) -> np.ndarray:
    """(T, 17, 3) seen from the hips of the first frame: right to left is y."""
    left = joints[0, 4] - joints[0, 1]
    angle = np.arctan2(-left[0], left[1])
    turn = Rotation.from_rotvec([0, 0, -angle]).as_matrix()
    return (joints - joints[0, :1] * (1, 1, 0)) @ turn.T


def check_same(one: JointsClip, other: JointsClip) -> None:
    for layout in ("h36m", "coco"):
        a, b = (getattr(clip, layout) for clip in (one, other))
        if layout == "coco":  # its joints 11 and 12 are the hips
            a, b = (np.concatenate([c.h36m, joints], 1) for c, joints in ((one, a), (other, b)))
        np.testing.assert_allclose(heading_removed(a), heading_removed(b), atol=0.003)


def joint_axes(kind: str) -> dict[str, np.ndarray]:
    if kind == "along the bones":
        return dict.fromkeys(BVH_JOINTS, ALONG_BONES)
    if kind == "aslant":
        return dict.fromkeys(BVH_JOINTS, Rotation.from_euler("xyz", [30, 50, 70], True).as_matrix())
    turns = Rotation.random(len(BVH_JOINTS), random_state=3).as_matrix()
    return dict(zip(BVH_JOINTS, turns, strict=True))


@pytest.mark.parametrize("kind", ["along the bones", "aslant", "each its own"])
@pytest.mark.parametrize("world", ["y", "z"])
def test_axes_of_joints_do_not_matter(kind: str, world: str, tmp_path: Path) -> None:
    turned = Z_UP if world == "z" else np.eye(3)
    pose = STAND | ({"Head": (0, 0, 0)} if kind == "each its own" else {})
    plain = converted(write_bvh(tmp_path / "plain.bvh", 40, pose))
    other = write_bvh(tmp_path / "other.bvh", 40, pose, axes=joint_axes(kind), world=turned)
    check_same(plain, converted(other))
    assert plain.h36m[0, 10, 2] - plain.h36m[0, 0, 2] > 0.7


def test_a_rest_frame_shows_how_the_head_lies(tmp_path: Path) -> None:
    """Joints have axes of their own, and the head is turned but in the first frame."""
    ahead = write_bvh(tmp_path / "a.bvh", 1, {}, axes=joint_axes("each its own"))
    turned = write_bvh(tmp_path / "b.bvh", 40, STAND, axes=joint_axes("each its own"))
    first = ahead.read_text().splitlines()[-1]
    text = turned.read_text().replace("Frames: 40", "Frames: 41")
    head, timing, rows = text.partition("Frame Time: 0.0166667\n")
    turned.write_text(head + timing + first + "\n" + rows)
    found = converted(turned, "--up", "y")
    plain = converted(write_bvh(tmp_path / "c.bvh", 40, STAND))
    a, b = (clip.coco[-1] - clip.h36m[-1, 0] for clip in (found, plain))
    np.testing.assert_allclose(a, b, atol=0.003)


def test_files_with_z_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rest pose stands along z, too, as where a program has turned everything."""
    plain = converted(write_bvh(tmp_path / "y.bvh", 40, STAND))
    whole = dict.fromkeys(BVH_JOINTS, Z_UP.T)
    z_up = write_bvh(tmp_path / "z.bvh", 40, STAND, axes=whole, world=Z_UP)
    capsys.readouterr()
    check_same(plain, converted(z_up))
    assert "by the axis that is up: +z 1" in capsys.readouterr().out


def test_who_lies_is_not_stood_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    low = np.tile([0.0, 10, 200], (40, 1))
    clip = converted(write_bvh(tmp_path / "lies.bvh", 40, LIE, hips=low))
    assert np.ptp(clip.h36m[0, :, 2]) < 0.4 < np.ptp(clip.h36m[0, :, 0])
    capsys.readouterr()
    # Hips at the origin: no floor says which it is.
    unclear = write_bvh(tmp_path / "unclear.bvh", 40, LIE, hips=np.zeros((40, 3)))
    assert convert(unclear, "-o", tmp_path / "out.npz") == 1
    said = capsys.readouterr().err
    assert "unclear.bvh: which way is up is not clear: its rest pose stands along +y" in said
    assert "--up" in said
    clip = converted(unclear, "--up", "y")
    assert np.ptp(clip.h36m[0, :, 2]) < 0.4
    stands_on_its_head = converted(unclear, "--up=+z"), converted(unclear, "--up=-z")
    tops = [clip.h36m[0, 10, 2] - clip.h36m[0, 3, 2] for clip in stands_on_its_head]
    assert tops[0] * tops[1] < 0 and np.abs(tops).min() > 1


def test_an_acclaim_skeleton_with_z_up(tmp_path: Path) -> None:
    write_asf(tmp_path / "y" / "a.asf")
    amc = write_amc(tmp_path / "y" / "a.amc", 40, {"head": (0, 30, 0)}, (0, 17, 0, 0, 0, 0))
    plain = converted(amc, "--fps", 60)
    skeleton = write_asf(tmp_path / "z" / "a.asf")
    assert skeleton.read_text().count("orientation 0 0 0") == 1
    turned = write_amc(tmp_path / "z" / "a.amc", 40, {"head": (0, 30, 0)}, (0, 0, 17, 90, 0, 0))
    check_same(plain, converted(turned, "--fps", 60))
    check_same(plain, converted(turned, "--fps", 60, "--up", "z"))


def test_names_of_other_programs(tmp_path: Path) -> None:
    plain = converted(write_bvh(tmp_path / "plain.bvh", 40, STAND))
    others = {
        "numbered.bvh": lambda name: f"mixamorig1:{name}",
        "character.bvh": lambda name: f"Character1_{name}",
        "spaces.bvh": lambda name: "".join(f" {c}" if c.isupper() else c for c in name).strip(),
        "biped.bvh": lambda name: f"Bip01 {name}",
        "snake.bvh": lambda name: name.replace("Left", "left_").replace("Right", "right_"),
    }
    for file, call in others.items():
        check_same(plain, converted(write_bvh(tmp_path / file, 40, STAND, call=call)))


def test_a_skeleton_in_another_letter_case(tmp_path: Path) -> None:
    write_asf(tmp_path / "Run.asf")
    (tmp_path / "walk.asf").write_text("another's")
    write_amc(tmp_path / "RUN_01.AMC", 40, {}, (0, 17, 0, 0, 0, 0))
    assert len(converted(tmp_path / "RUN_01.AMC", "--fps", 60).h36m) == 40


@pytest.mark.parametrize(
    "rig", [r for r in known_rigs() if not r.fps and not r.bones], ids=lambda rig: rig.name
)
def test_every_rig_by_its_names(rig: Rig, tmp_path: Path) -> None:
    """A file with the rig's names is read by that rig, limbs in place and the face ahead."""
    plain = rig_called("mixamo")
    names = {
        name: next(iter(rig.joints[joint]))
        for joint, mix in plain.joints.items()
        for name in mix
        if len(mix) == 1
    }
    spines = zip(("Spine", "Spine1"), rig.joints["spine"], strict=False)
    names |= {"Head": rig.head_base, **(dict(spines) if len(rig.joints["spine"]) == 2 else {})}
    ours = write_bvh(tmp_path / "a.bvh", 40, STAND, call=lambda name: names.get(name, name))
    motion = read_motion(ours)
    assert rig_for("a", motion, known_rigs()) == rig
    (found, _), (truth, _) = (
        apply_rig("a", motion, rig, "+y"),
        apply_rig("a", read_motion(write_bvh(tmp_path / "b.bvh", 40, STAND)), plain),
    )
    apart = heading_removed(found) - heading_removed(truth)
    limbs = [j for j, name in enumerate(H36M17.joints) if name not in ("spine", "neck", "head")]
    assert np.abs(apart[:, limbs]).max() < 1e-6 and np.abs(apart).max() < 0.08
