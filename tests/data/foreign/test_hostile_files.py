"""Files of other tools that cannot be are refused, each by an error that names it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import foreign_files as files
import numpy as np
import pytest
from foreign_files import FPS, HEIGHT, WIDTH, WRITERS, Frames, imported, refused, write

from poselift.data.archives.custom_2d import build_custom
from poselift.data.archives.keypoint_archive import save_keypoint_archive
from poselift.data.errors import FormatError, LayoutMismatch, PoseliftError, UnknownName

GOOD = [v for j in range(25) for v in (100 + 5 * j, 50 + 9 * j, 0.9)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ('{"people": [', "breaks off"),
        ("[" * 100_000, "nested too deeply"),
        ("\udcff".encode("utf-8", "surrogateescape").decode("latin1"), "not JSON"),
        ({"people": 3}, "a list of people"),
        ({"people": [[1, 2]]}, "a person"),
        ({"people": [{"pose": []}]}, "without pose_keypoints_2d"),
        ({"people": [{"pose_keypoints_2d": GOOD[:-1]}]}, "three for each keypoint"),
        ({"people": [{"pose_keypoints_2d": [*GOOD[:-1], "x"]}]}, "'x' where a number belongs"),
        ({"people": [{"pose_keypoints_2d": [*GOOD[:-1], True]}]}, "True where a number"),
        ({"people": [{"pose_keypoints_2d": [[1, 2, 3]]}]}, "where a number belongs"),
        ({"people": [{"pose_keypoints_2d": [10**400, *GOOD[1:]]}]}, "300 digits"),
        ({"people": [{"pose_keypoints_2d": [float("inf"), *GOOD[1:]]}]}, "no x, y and conf"),
        ({"people": [{"pose_keypoints_2d": [1e30, *GOOD[1:]]}]}, "no x, y and confidence"),
        ({"people": [{"pose_keypoints_2d": [1, 1, 541, *GOOD[3:]]}]}, "no x, y and confidence"),
        ({"people": [{"pose_keypoints_2d": GOOD, "person_id": ["a"]}]}, "no whole number"),
        ({"people": [{"pose_keypoints_2d": GOOD, "person_id": [-7]}]}, "person id -7 is below 0"),
        ({"people": [{"pose_keypoints_2d": GOOD}] * 300}, "300 people"),
        ({"people": []}, "shows nobody in any of its 2 frames"),
        ({"people": [{"pose_keypoints_2d": []}]}, "shows nobody"),
        ({"people": [{"pose_keypoints_2d": [0] * 75}]}, "nobody has 3 joints"),
        ({"people": [{"pose_keypoints_2d": [float("nan")] * 75}]}, "nobody has 3 joints"),
        ({"people": [{"pose_keypoints_2d": [v / 999 for v in GOOD]}]}, "these are no pixels"),
        ({"people": [{"pose_keypoints_2d": [-v for v in GOOD]}]}, "nobody has 3 joints"),
        ({"people": [{"pose_keypoints_2d": [3 * v for v in GOOD]}]}, "outside a picture of 640"),
    ],
)
def test_hostile_frames(content: object, words: str, tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    write(folder / "c_0_keypoints.json", {"people": []})
    write(folder / "c_1_keypoints.json", content)
    with pytest.raises(PoseliftError, match=words) as caught:
        imported(folder, kind="openpose")
    assert str(folder) in str(caught.value)


def test_folders(tmp_path: Path, frames: Frames) -> None:
    refused(tmp_path / "none", "no such file or folder")
    empty = tmp_path / "empty"
    empty.mkdir()
    refused(empty, "holds no .json files")
    (empty / "frame.json").write_text("{}")
    refused(empty, "has no frame number")
    (empty / "frame.json").unlink()
    (empty / "frame1.json").write_text("{}")
    refused(empty, "none of the formats")
    two = files.write_openpose(tmp_path / "two", frames[:3])
    content = (two / "clip_000000000001_keypoints.json").read_text()
    (two / "other_000000000001_keypoints.json").write_text(content)
    refused(two, "are the same frame")
    (two / "other_000000000001_keypoints.json").rename(two / "other_000000000009_keypoints.json")
    refused(two, "holds files of 2 clips")
    loop = tmp_path / "loop"
    loop.mkdir()
    (loop / "c_0.json").symlink_to(loop / "c_0.json")
    refused(loop, "c_0.json")
    (loop / "c_0.json").unlink()
    (loop / "c_0.json").symlink_to("/dev/zero")
    refused(loop, "is a device, not a file")


def test_hostile_results(tmp_path: Path) -> None:
    entry = {"image_id": 0, "category_id": 1, "keypoints": GOOD[:51], "score": 0.9}
    path = tmp_path / "results.json"
    cases: list[tuple[object, str]] = [
        ([], "none of the formats"),
        ({"a": 1}, "none of the formats"),
        ([entry, 3], "entry 1 has 3 where a person"),
        ([entry, {"image_id": 1}], "entry 1 has no 'keypoints'"),
        ([entry | {"image_id": -4}], "frame number -4"),
        ([entry, entry | {"image_id": 1 << 40}], f"frame number {1 << 40}"),
        ([entry, entry | {"image_id": 581929}], "no frames of one video"),
        ([entry | {"image_id": "a.jpg"}], "'a.jpg' has no frame number"),
        (
            [entry | {"image_id": "a1.jpg"}, entry | {"image_id": "b1.jpg"}],
            "another image with the frame number 1",
        ),
        ([entry | {"category_id": 17}], "none of its 1 entries is a person"),
        ([entry | {"score": "high"}], "where a number belongs"),
        ([entry | {"keypoints": None}], "where a list of numbers belongs"),
    ]
    for content, words in cases:
        refused(write(path, content), words)
    refused(write(path, [entry]), "does not say how many frames a second", fps=None)
    refused(write(path, [entry]), "how large the picture is and how many", fps=None, width=None)
    refused(write(path, [entry]), "'body_25' has 25", error=LayoutMismatch, layout="body_25")
    for about in ({"kind": "dance"}, {"layout": "dance"}):
        with pytest.raises(UnknownName, match="dance"):
            imported(path, **about)


def test_hostile_tables(tmp_path: Path, frames: Frames) -> None:
    path = files.write_deeplabcut(tmp_path / "dlc", frames[:4])
    whole = path.read_text()
    lines = whole.splitlines()
    refused(write(path, whole.replace("left_hip", "right_hip")), "one body part twice")
    refused(write(path, "\n".join([*lines, lines[-1]])), "has frame 3 twice")
    refused(write(path, "\n".join([*lines, "4,1,2"])), "frame 4 has 3 columns, expected 103")
    refused(write(path, "\n".join([*lines, "x" + lines[-1][1:]])), "has no frame number")
    refused(write(path, whole.replace("0.85", "much", 1)), "could not convert")
    refused(write(path, "\n".join(lines[:4])), "shows nobody")
    refused(write(path, whole.replace("left_hip", "tail")), "has no left_hip", error=LayoutMismatch)
    refused(write(path, whole.replace("nose", "lhip")), "may be the left_hip", error=LayoutMismatch)
    refused(write(path, whole[:100]), "not a DeepLabCut table")
    refused(write(path, "a,b\n1,2\n"), "none of the formats")


def test_results_in_3d_are_refused_as_such(tmp_path: Path, frames: Frames) -> None:
    """MMPose's pose lifter writes x, y, z for each joint."""
    content = json.loads(files.write_mmpose_video(tmp_path / "a", frames[:3]).read_text())
    for frame in content:
        for about in frame["instances"]:
            about["keypoints"] = [[*point, 0.1] for point in about["keypoints"]]
    refused(write(tmp_path / "a.json", content), "keypoints in 3D", "2D predictions")


def test_hostile_markers(tmp_path: Path, frames: Frames) -> None:
    refused(files.write_trc(tmp_path / "m", frames[:9], scale=0.005), "metres or in 3D")
    folder = files.write_trc(tmp_path / "px", frames[:9])
    path = folder / "clip_px_person01.trc"
    text = path.read_text()
    refused(write(path, text.replace("\t0.000\t", "\t7.000\t")), "metres or in 3D")
    refused(write(path, text[:200]), "not a TRC file")
    refused(write(path, text.replace("\n8\t", "\n7\t")), "has frame 7 twice")
    refused(write(path, text.replace("RHip", "LHip", 1)), "two have the same")
    refused(write(path, text.replace(str(FPS), "nan")), "DataRate")
    path.write_text(text.replace("RHip", "RHipJoint", 1))
    with pytest.raises(FormatError, match="has other markers"):
        imported(folder)


JUNK = ["", "null", "NaN", "-1", "1e999", '"x"', "[", "]}", ",,", "\t", "\x00", "9" * 40, "true"]


@pytest.mark.parametrize("case", WRITERS)
def test_damage_is_read_or_refused(case: str, tmp_path: Path, frames: Frames) -> None:
    """Whatever is written over a file, nothing but our own errors comes out, and no NaN."""
    write_clip, kind, _ = WRITERS[case]
    source = write_clip(tmp_path / "clip", frames[:6])
    file = sorted(source.iterdir())[0] if source.is_dir() else source
    whole, chance = file.read_bytes(), random.Random(case)
    for _ in range(8 if file.suffix == ".h5" else 30):  # each HDF5 file takes its own process
        at = chance.randrange(len(whole))
        junk = chance.choice(JUNK).encode()
        file.write_bytes(whole[:at] + junk + whole[at + chance.randrange(12) :])
        try:
            tracks = imported(source, kind=chance.choice([kind, "auto"])).tracks
        except PoseliftError as error:
            assert str(source) in str(error)
            continue
        for person in tracks.people:
            assert np.isfinite(person.xy[person.valid]).all() and person.valid.any()
            assert ((person.confidence >= 0) & (person.confidence <= 1)).all()


def test_our_own_and_foreign_archives(tmp_path: Path, frames: Frames) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, format="poselift-detections/1")
    refused(path, "Poselift's own")
    np.savez(path, something=np.zeros(3))
    refused(path, "is no data_2d_custom archive")
    refused(write(path, "PK no"), "not a NumPy archive")
    xy = np.stack([frame[1][:, :2] for frame in frames[:15]]).astype(np.float32)
    archive = build_custom({"a": xy}, {"a": (WIDTH, HEIGHT)})
    for layout in ("dance", "/etc/layout.toml"):
        object.__setattr__(archive, "layout_name", layout)
        save_keypoint_archive(path, archive)
        refused(path, f"'{layout}', which is none of", error=LayoutMismatch)
