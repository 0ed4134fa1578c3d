"""Exports read back: what they carry comes back, what they do not comes from the original."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rigged_people import posed, random_motion, seventeen
from standing_people import PAIR, clip

import poselift
from poselift.data.archives.stage_results import load_poses, save_poses
from poselift.data.exports.settings import NAMES, ExportSettings
from poselift.data.skeletons import COCO17, H36M17
from poselift.data.structures import Poses3D, Timeline
from poselift.inference.poses.rigging import rig
from poselift.pipeline.command_line import main
from poselift.pipeline.exports.formats import exports_of
from poselift.pipeline.exports.scene import scene_of
from poselift.pipeline.imports.edited_poses import alone, in_place_of
from poselift.pipeline.imports.reading import read_exported

TABLES = ("csv", "json", "trc")
TILT = np.radians(25)
CAMERA = np.array([[1, 0, 0], [0, -np.sin(TILT), -np.cos(TILT)], [0, np.cos(TILT), -np.sin(TILT)]])


def filmed(poses: Poses3D, times_s: np.ndarray | None = None) -> Poses3D:
    """The same people before a camera that looks down by 25 degrees, from 4 m away."""
    seen = poses.world @ CAMERA.T + (0.3, 0.2, 4.0)
    timeline = poses.timeline if times_s is None else replace(poses.timeline, times_s=times_s)
    return replace(
        poses, timeline=timeline, pose=seen - seen[:, :, :1], trajectory=seen[:, :, 0],
        up=CAMERA[:, 2], focal_px=900.0,
    )  # fmt: skip


@pytest.fixture
def poses() -> Poses3D:
    """Two people of twelve frames who wave; the second comes late and was not seen once."""
    made = clip(PAIR)[1]
    made.world[:, :, 13] += np.sin(np.arange(12) / 3)[:, None] * (0, 0.05, 0.1)
    for i, motion in enumerate(rig(made)):  # whose bones do not grow
        y_up = seventeen(motion)
        made.world[i] = np.stack([y_up[..., 0], -y_up[..., 2], y_up[..., 1]], -1)
    made = filmed(made, np.cumsum([0.5, *[0.03, 0.04] * 5, 0.05]))
    for places in (made.world, made.pose, made.trajectory):
        assert places is not None
        places[1, :3] = np.nan
    made.valid[1, :3] = False
    made.interpolated[1, 5] = True
    return made


def exported(poses: Poses3D, folder: Path, name: str, **asked: object) -> list[Path]:
    paths = []
    scene = scene_of(poses, ExportSettings(**asked))  # type: ignore[arg-type]
    for file, content in exports_of(scene, [name]).items():
        paths.append(folder / file)
        paths[-1].write_bytes(content())
    return paths


def error_mm(one: Poses3D, other: Poses3D) -> float:
    assert (one.valid == other.valid).all()
    return float(1000 * np.nanmax(np.linalg.norm(one.world - other.world, axis=-1)))


def assert_one_camera(poses: Poses3D) -> None:
    """What the camera sees of people is what stands in the world, seen from where it was."""
    assert poses.trajectory is not None
    seen = poses.pose + poses.trajectory[:, :, None]
    expected = poses.world @ CAMERA.T + (0.3, 0.2, 4.0)
    np.testing.assert_allclose(seen, expected, atol=0.002)


@pytest.mark.parametrize("units", ["m", "cm"])
@pytest.mark.parametrize("up", ["y", "z"])
@pytest.mark.parametrize("name", ["bvh", *TABLES])
def test_there_and_back(poses: Poses3D, tmp_path: Path, name: str, up: str, units: str) -> None:
    if name == "trc" and up == "z":
        up = "y"  # it has no other
    motions = read_exported(exported(poses, tmp_path, name, units=units, up=up))
    assert [motion.person_id for motion in motions] == [1, 2]
    back = in_place_of(motions, poses)
    assert back.notes == () and error_mm(back.poses, poses) < (1 if name == "bvh" else 0.02)
    assert back.poses.timeline is poses.timeline and back.poses.focal_px == 900
    assert (back.poses.interpolated == poses.interpolated).all()
    assert_one_camera(back.poses)


@pytest.mark.parametrize("name", TABLES)
def test_without_the_original(poses: Poses3D, tmp_path: Path, name: str) -> None:
    back = alone(read_exported(exported(poses, tmp_path, name)), (640, 360))
    np.testing.assert_allclose(back.timeline.times_s, poses.timeline.times_s, atol=1e-6)
    assert error_mm(back, poses) < 0.02 and back.trajectory is None
    assert back.interpolated.any() == (name != "trc")
    save_poses(tmp_path / "back.npz", back)
    assert load_poses(tmp_path / "back.npz").timeline.width == 640
    np.testing.assert_allclose(back.pose[..., 1], -(back.world - back.world[:, :, :1])[..., 2])


@pytest.mark.parametrize("names", NAMES)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), fps=st.sampled_from([24, 30, 59.94, 120]))
def test_rigs_of_all_names_and_any_movement(names: str, seed: int, fps: float) -> None:
    made = posed(random_motion(seed, 30), 30)
    made = replace(made, timeline=Timeline(640, 360, fps, np.arange(30) / fps))
    with TemporaryDirectory() as folder:
        back = alone(read_exported(exported(made, Path(folder), "bvh", names=names)))
    assert error_mm(back, made) < 1
    np.testing.assert_allclose(back.timeline.times_s, made.timeline.times_s, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), name=st.sampled_from(TABLES), units=st.sampled_from(["m", "cm"]))
def test_tables_of_any_places(seed: int, name: str, units: str) -> None:
    rng = np.random.default_rng(seed)
    made = clip(PAIR)[1]
    made.world[:] += rng.normal(0, 0.2, made.world.shape)
    made = filmed(made, np.cumsum(rng.uniform(0.01, 0.1, 12)))
    with TemporaryDirectory() as folder:
        motions = read_exported(exported(made, Path(folder), name, units=units))
        assert error_mm(in_place_of(motions, made).poses, made) < 0.05
        assert error_mm(alone(motions), made) < 0.05


def test_an_edit_is_carried_and_others_stay(poses: Poses3D, tmp_path: Path) -> None:
    (path,) = exported(poses, tmp_path, "trc", people=(2,))
    lines = path.read_text().split("\n")
    row = lines[6 + 4].split("\t")  # her frame 4, the clip's 7
    assert row[0] == "8"
    column = 2 + 3 * H36M17.index("left_wrist") + 1
    row[column] = f"{float(row[column]) + 0.25:.6f}"
    lines[10] = "\t".join(row)
    path.write_text("\n".join(lines))
    back = in_place_of(read_exported([path]), poses).poses
    change = back.world - poses.world
    np.testing.assert_allclose(change[1, 7, H36M17.index("left_wrist")], (0, 0, 0.25), atol=1e-4)
    change[1, 7, H36M17.index("left_wrist")] = 0
    assert np.nanmax(np.abs(change)) < 1e-4
    np.testing.assert_array_equal(back.pose[0], poses.pose[0].astype(np.float32))
    assert_one_camera(back)


def test_another_rate_is_taken_by_its_times(poses: Poses3D, tmp_path: Path) -> None:
    even = replace(poses, timeline=replace(poses.timeline, times_s=2 + np.arange(12) / 30))
    for name in ("bvh", "csv"):
        motions = read_exported(exported(even, tmp_path, name, fps=120))
        assert len(motions[0].times_s) == 45
        back = in_place_of(motions, even)
        assert back.notes == () and error_mm(back.poses, even) < 1
        assert back.poses.interpolated.nonzero()[1].tolist() == [5]


def test_a_longer_motion_is_cut_and_a_shorter_life_ends(poses: Poses3D, tmp_path: Path) -> None:
    even = replace(poses, timeline=replace(poses.timeline, times_s=np.arange(12) / 30))
    (path, _) = exported(even, tmp_path, "bvh")
    content = path.read_text().replace("Frames: 12", "Frames: 40")
    path.write_text(content + (content.splitlines()[-1] + "\n") * 28)
    back = in_place_of(read_exported([path]), even)
    assert back.notes == ("person 1 goes on 0.93 s outside the clip; that is left out",)
    assert error_mm(back.poses, even) < 1
    (table,) = exported(even, tmp_path, "csv")
    rows = table.read_text().splitlines()
    kept = [row for row in rows if row.split(",")[:2] not in (["1", "11"], ["1", "4"])]
    table.write_text("\n".join(kept) + "\n")
    motions = read_exported([table])
    for found in (in_place_of(motions, even).poses, alone(motions)):
        assert found.valid[0].tolist() == [True] * 11 + [False]
        assert np.abs(found.world[0, 4] - even.world[0, 4]).max() < 0.01
    assert alone(motions).interpolated[0].nonzero()[0].tolist() == [4]


def test_a_rate_that_is_given_and_an_odd_id(poses: Poses3D, tmp_path: Path) -> None:
    motion = read_exported(exported(poses, tmp_path, "csv", people=(2,)))[0]
    back = alone([motion.of(0)], fps=50)
    assert back.timeline.fps == 50 and back.person_id.tolist() == [0]
    np.testing.assert_allclose(back.timeline.times_s, np.arange(12) / 50)
    with pytest.raises(poselift.LayoutMismatch, match="'coco'"):
        in_place_of([motion], replace(poses, layout=COCO17))


def test_the_command(poses: Poses3D, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_poses(tmp_path / "poses3d.npz", poses)
    paths = exported(poses, tmp_path, "bvh")
    output = tmp_path / "edited.npz"
    like = ["--like", str(tmp_path / "poses3d.npz")]
    for _ in range(2):  # again, over its own
        assert main(["import", *map(str, paths), "-o", str(output), *like]) == 0
    told = capsys.readouterr()
    assert told.err == "" and told.out.endswith(f"2 people, 12 frames -> {output}\n")
    assert error_mm(load_poses(output), poses) < 1
    walk = tmp_path / "walk.bvh"
    paths[0].rename(walk)
    whose = ["import", str(walk), "-o", str(output), *like]
    assert main(whose) == 1 and "does not say whose motion it is" in capsys.readouterr().err
    assert main([*whose, "--person", "2"]) == 0
    assert "person 2 goes on 0.07 s outside the clip" in capsys.readouterr().err
    np.testing.assert_allclose(load_poses(output).world[1, 3], poses.world[0, 0], atol=1e-3)
    assert main(["import", str(walk), "-o", str(output), "--width", "640", "--height", "360"]) == 0
    told = capsys.readouterr()
    assert "nothing is known of the camera" in told.err and "640x360" in told.err
    assert told.err.count("\n") == 1 and load_poses(output).person_id.tolist() == [1]


def refused(text: Callable[[str], str], name: str) -> Callable[[Poses3D, Path], Path]:
    """A first export whose text was changed."""

    def make(poses: Poses3D, folder: Path) -> Path:
        path = exported(poses, folder, name)[0]
        path.write_text(text(path.read_text()))
        return path

    return make


def in_json(change: Callable[[dict], object]) -> Callable[[str], str]:
    def text(content: str) -> str:
        told = json.loads(content)
        change(told)
        return json.dumps(told)

    return text


DEEP = "[" * 100_000
BAD = {
    "a place that is none": (
        refused(lambda t: re.sub(r"hip,[^,]*,", "hip,nan,", t), "csv"), "no places"),
    "a frame that is none": (refused(lambda t: t.replace("\n1,0,", "\n1,0.5,"), "csv"), "frame"),
    "one joint twice": (refused(lambda t: t.replace("spine", "thorax"), "csv"), "exactly one row"),
    "a joint of others": (refused(lambda t: t.replace("spine", "tail"), "csv"), "joint 'tail'"),
    "a row less": (refused(lambda t: t.rpartition("\n2,")[0], "csv"), "exactly one row"),
    "frames by the million": (
        refused(lambda t: t.replace("\n1,11,", "\n1,999999,"), "csv"), "few of them"),
    "a table of one column": (refused(lambda t: t.replace(",", ""), "csv"), "x_m"),
    "nested": (refused(lambda t: DEEP, "json"), "nested too deeply"),
    "another program's": (refused(in_json(lambda t: t.update(format="x")), "json"), "format"),
    "the camera's": (
        refused(in_json(lambda t: t.update(axes=t["axes"] + ", the camera at the origin")), "json"),
        "--space world"),
    "ragged": (
        refused(in_json(lambda t: t["people"][0]["positions"][0].pop()), "json"), "numbers belong"),
    "texts": (
        refused(in_json(lambda t: t["people"][0]["positions"][0].__setitem__(0, "ab")), "json"),
        "numbers belong"),
    "times backwards": (
        refused(in_json(lambda t: t["frame_times_s"].reverse()), "json"), "do not rise"),
    "after the end": (
        refused(in_json(lambda t: t["people"][0].update(first_frame=10**9)), "json"), "12 times"),
    "a rate of none": (refused(in_json(lambda t: t.update(fps=None)), "json"), "frames a second"),
    "far away": (
        refused(in_json(lambda t: t["people"][0]["positions"][0][0].__setitem__(0, 1e30)), "json"),
        "no places"),
    "an empty cell": (
        refused(lambda t: re.sub(r"\n1\t(\S+)\t\S+", r"\n1\t\1\t", t), "trc"), "empty cells"),
    "inches": (refused(lambda t: t.replace("\tm\t", "\tinches\t"), "trc"), "Units"),
    "markers of others": (refused(lambda t: t.replace("spine", "C7"), "trc"), "joint spine"),
    "a rig of others": (refused(lambda t: t.replace("LeftUpLeg", "L_Hip"), "bvh"), "none of those"),
    "a motion that is none": (refused(lambda t: t.partition("MOTION")[0], "bvh"), "no MOTION"),
    "legs of a giant": (
        refused(lambda t: t.replace("OFFSET 0.000000 -", "OFFSET 0.000000 -9999"), "bvh"),
        "in no unit"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_export_is_one_line(
    poses: Poses3D, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    make, words = BAD[case]
    path, output = make(poses, tmp_path), tmp_path / "out.npz"
    assert main(["import", str(path), "-o", str(output)]) == 1
    said = capsys.readouterr().err
    assert words in said and str(path) in said and said.count("\n") == 1
    assert not output.exists()


@pytest.mark.parametrize(
    ("arguments", "words", "status"),
    [
        ("{0}/person_1.bvh -o {0}/out", "Name the file that they become: -o poses3d.npz", 1),
        ("{0}/person_1.bvh -o {0}/joints.npz --video x.mp4", "--video is of keypoints", 2),
        ("{0}/person_1.bvh -o {0}/out.npz --like {0}/p.npz --fps 9", "--like says --width", 2),
        ("{0}/person_1.bvh -o {0}/out.npz --like {0}/p.npz --person 7", "unknown person '7'", 1),
        ("{0}/person_1.bvh {0}/person_1.bvh -o {0}/out.npz", "somebody is there twice", 1),
        ("{0}/person_1.bvh {0}/person_2.bvh -o {0}/out.npz --person 1", "but 2 were read", 1),
        ("{0}/walk.c3d -o {0}/out.npz", "3D poses are read back from .bvh, .csv, .json, .trc", 1),
        ("{0}/none.bvh -o {0}/out.npz", "no such file", 1),
        ("{0}/none.json -o {0}/out --like {0}/p.npz", "--like is of exported poses", 2),
        ("{0}/a.json {0}/b.json -o {0}/out", "keypoints are one file", 2),
        ("{0}/person_1.bvh -o {0}/mine.npz", "not a file of 3D poses made by Poselift", 1),
        ("{0}/person_1.bvh -o {0}/p.npz --like {0}/p.npz", "is what is read", 1),
    ],
)
def test_a_mistake_is_told(
    poses: Poses3D, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: str, words: str,
    status: int,
) -> None:  # fmt: skip
    exported(poses, tmp_path, "bvh")
    save_poses(tmp_path / "p.npz", poses)
    before = (tmp_path / "p.npz").read_bytes()
    (tmp_path / "mine.npz").write_text("mine")
    try:
        found = main(["import", *(part.format(tmp_path) for part in arguments.split())])
    except SystemExit as error:
        found = int(str(error.code))
    assert found == status and words in capsys.readouterr().err
    assert (tmp_path / "p.npz").read_bytes() == before
    assert (tmp_path / "mine.npz").read_text() == "mine" and not (tmp_path / "out.npz").exists()


@pytest.mark.parametrize("name", ["bvh", *TABLES])
def test_poses_are_not_taken_for_keypoints(
    poses: Poses3D, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = exported(poses, tmp_path, name)[0]
    assert main(["import", str(path), "-o", str(tmp_path / "out")]) == 1
    assert "holds 3D poses, not keypoints" in capsys.readouterr().err


def test_an_edited_motion_is_rendered(poses: Poses3D, tmp_path: Path, walk: Path) -> None:
    """The overlay of the edit differs from that of the original, on the right side only."""
    tracks = clip(PAIR, size=(1280, 720))[0]
    tracks = replace(tracks, timeline=replace(tracks.timeline, times_s=np.arange(12) / 30))
    original = replace(poses, timeline=tracks.timeline)
    motions = read_exported(exported(original, tmp_path, "bvh", people=(1,)))
    motions[0].world[:, H36M17.index("left_wrist"), 2] += 0.4
    edited = in_place_of(motions, original).poses
    for name, of in (("a", original), ("b", edited)):
        assert poselift.render(walk, tracks, of, tmp_path / f"{name}.gif").stat().st_size
    assert (tmp_path / "a.gif").read_bytes() != (tmp_path / "b.gif").read_bytes()
