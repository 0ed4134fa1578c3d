"""Exports as other programs read them back, and a folder whose other files are kept."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pybvh
import pytest
from standing_people import PAIR, clip

from poselift.data.archives.stage_results import save_poses
from poselift.data.exports.rotations import matrices_of
from poselift.data.exports.settings import ExportSettings
from poselift.data.structures import Poses3D
from poselift.pipeline.command_line import main
from poselift.pipeline.exports.formats import FILES as EXPORTS
from poselift.pipeline.exports.formats import FORMATS
from poselift.pipeline.exports.scene import scene_of

NAMES = {
    *(f"person_{i}.{ending}" for i in (1, 2) for ending in ("bvh", "trc")),
    *("joints.csv", "poses.json"),
}


@pytest.fixture
def poses() -> Poses3D:
    """Two people who wave; the second comes late and was not seen once."""
    made = clip(PAIR)[1]
    made.world[:, :, 13] += np.sin(np.arange(12) / 3)[:, None] * (0, 0.05, 0.1)
    for places in (made.world, made.pose):
        places[1, :3] = np.nan
    made.valid[1, :3] = False
    made.interpolated[1, 5] = True
    return made


@pytest.fixture
def source(poses: Poses3D, tmp_path: Path) -> Path:
    save_poses(tmp_path / "poses3d.npz", poses)
    return tmp_path / "poses3d.npz"


def export(source: Path, folder: Path, formats: str = "bvh,trc,csv,json", *more: str) -> int:
    return main(["export", str(source), "--to", formats, "-o", str(folder), *more])


def test_every_file_is_read_back(source: Path, poses: Poses3D, tmp_path: Path) -> None:
    folder = tmp_path / "b\N{SNOWMAN} {x} 'y'"
    assert export(source, folder) == 0
    assert {p.name for p in folder.iterdir() if not p.name.startswith(".")} == NAMES
    for i, motion in enumerate(scene_of(poses, ExportSettings()).motions):
        read = pybvh.read_bvh_file(str(folder / f"person_{i + 1}.bvh"))
        names = list(read.joint_names)
        places = np.asarray(read.joint_positions())[:, [names.index(n) for n in motion.rig.joints]]
        assert np.abs(places / 100 - motion.positions()).max() < 0.0005
        assert read.fps == pytest.approx(30, abs=1e-9)
    table = pandas.read_csv(folder / "joints.csv")
    wrist = table[(table.person == 2) & (table.joint == "left_wrist")]
    assert wrist.frame.tolist() == list(range(3, 12))
    assert wrist[wrist.interpolated == 1].frame.tolist() == [5]
    np.testing.assert_allclose(wrist[["x_m", "y_m", "z_m"]], poses.world[1, 3:, 13], atol=1e-5)
    told = json.loads((folder / "poses.json").read_text())
    assert told["people"][1]["first_frame"] == 3 and told["fps"] == 30
    assert told["people"][1]["interpolated_frames"] == [5]
    np.testing.assert_allclose(told["people"][0]["positions"], poses.world[0], atol=1e-5)


def test_trc_is_y_up_and_counts_frames_of_the_clip(
    source: Path, poses: Poses3D, tmp_path: Path
) -> None:
    assert export(source, tmp_path, "trc") == 0
    lines = (tmp_path / "person_2.trc").read_text().split("\n")
    assert lines[2].split("\t") == ["30", "30", "9", "17", "m", "30", "4", "9"]
    assert lines[3].split("\t")[2::3] == [*poses.layout.joints, ""] and lines[5] == ""
    rows = np.array([line.split("\t") for line in lines[6:-1]], float)
    assert rows[:, 0].tolist() == list(range(4, 13))
    places = rows[:, 2:].reshape(9, 17, 3)
    np.testing.assert_allclose(places[..., 1], poses.world[1, 3:, :, 2], atol=1e-5)
    np.testing.assert_allclose(places[..., 2], -poses.world[1, 3:, :, 1], atol=1e-5)


def test_exports_that_were_being_made_are_known(poses: Poses3D) -> None:
    scene = scene_of(poses, ExportSettings())
    for kind in FORMATS.values():
        assert all(EXPORTS.fullmatch(name) for name in kind.made(scene))


def test_one_person_and_again(source: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert export(source, tmp_path / "one", "bvh,csv", "--person", "2") == 0
    found = {p.name for p in (tmp_path / "one").iterdir() if not p.name.startswith(".")}
    assert found == {"person_2.bvh", "joints.csv"}


def test_files_of_others_are_kept(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine" / "person_1.bvh"
    mine.parent.mkdir()
    mine.write_text("my own")
    assert export(source, mine.parent) == 1
    assert "is not ours" in capsys.readouterr().err
    assert mine.read_text() == "my own" and not (mine.parent / "joints.csv").exists()


@pytest.mark.parametrize(
    ("formats", "more", "words"),
    [
        ("fbz", (), "unknown export format 'fbz'. Known: angles, bvh, c3d, csv, "),
        ("csv", ("--person", "3"), "unknown person '3'. Known: 1, 2."),
    ],
)
def test_a_mistake_is_one_line(
    source: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    formats: str,
    more: tuple[str, ...],
    words: str,
) -> None:
    assert export(source, tmp_path / "out", formats, *more) == 1
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1


def test_a_glb_moves_as_the_rig_does(source: Path, poses: Poses3D, tmp_path: Path) -> None:
    assert export(source, tmp_path / "out", "glb") == 0
    motions = scene_of(poses, ExportSettings()).motions
    told, buffer = glb_parts((tmp_path / "out" / "people.glb").read_bytes())

    def rows(accessor: int) -> np.ndarray:
        about = told["accessors"][accessor]
        view = told["bufferViews"][about["bufferView"]]
        kind = {5126: np.float32, 5121: np.uint8}[about["componentType"]]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}[about["type"]]
        read = np.frombuffer(buffer, kind, about["count"] * width, view["byteOffset"])
        return read.reshape(about["count"], width).astype(float)

    names = [node["name"] for node in told["nodes"]]
    assert len(set(names)) == len(names)
    parent = {c: i for i, node in enumerate(told["nodes"]) for c in node.get("children", [])}
    channels, samplers = (told["animations"][0][part] for part in ("channels", "samplers"))
    moved = {(c["target"]["node"], c["target"]["path"]): samplers[c["sampler"]] for c in channels}
    for motion, skin in zip(motions, told["skins"], strict=True):
        person = f"person_{motion.person_id}"
        about = told["nodes"][names.index(person)]["extras"]
        unseen = np.flatnonzero(motion.interpolated) + motion.first_frame
        assert about["interpolated_frames"] == unseen.tolist()
        root = moved[names.index(f"{person}_{motion.rig.joints[0]}"), "translation"]
        np.testing.assert_allclose(rows(root["input"])[:, 0], motion.times_s, atol=1e-6)
        places: dict[int, np.ndarray] = {}
        axes: dict[int, np.ndarray] = {}
        expected = motion.positions()
        for j, joint in enumerate(motion.rig.joints):
            node = names.index(f"{person}_{joint}")
            local = matrices_of(rows(moved[node, "rotation"]["output"]))
            if j == 0:
                places[node], axes[node] = rows(root["output"]), local
            else:
                above, offset = parent[node], np.array(told["nodes"][node]["translation"])
                places[node] = places[above] + axes[above] @ offset
                axes[node] = axes[above] @ local
            assert np.abs(places[node] - expected[:, j]).max() < 1e-5
        rest = dict(zip(skin["joints"], rows(skin["inverseBindMatrices"]), strict=True))
        for node in skin["joints"][1:]:
            offset = rest[parent[node]][12:15] - rest[node][12:15]
            np.testing.assert_allclose(offset, told["nodes"][node]["translation"], atol=1e-6)
        assert max(-matrix[13] for matrix in rest.values()) > 1.2  # stands, and on the floor
        assert min(-matrix[13] for matrix in rest.values()) == pytest.approx(0, abs=1e-6)


def glb_parts(content: bytes) -> tuple[dict[str, Any], bytes]:
    """A GLB's JSON and its buffer, by the lengths that it says."""
    magic, version, whole = struct.unpack_from("<4sII", content)
    assert (magic, version, whole) == (b"glTF", 2, len(content))
    length, kind = struct.unpack_from("<I4s", content, 12)
    assert kind == b"JSON" and length % 4 == 0
    told = json.loads(content[20 : 20 + length])
    size, kind = struct.unpack_from("<I4s", content, 20 + length)
    assert kind == b"BIN\0" and size == told["buffers"][0]["byteLength"]
    return told, content[28 + length :]
