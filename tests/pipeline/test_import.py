"""Keypoints of other tools: what they say is what we get, and what cannot be is refused."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import foreign_files as files
import numpy as np
import pytest
from conftest import ROOT
from foreign_files import FPS, HEIGHT, WIDTH, Frames

from poselift.data.archives.custom_2d import best_person, build_custom, load_video_detections
from poselift.data.archives.keypoint_archive import save_keypoint_archive
from poselift.data.archives.stage_results import load_detections, load_poses, load_tracks
from poselift.data.errors import FormatError, LayoutMismatch, PoseliftError, UnknownName
from poselift.data.foreign.clip import frame_number
from poselift.data.foreign.formats import format_of, read_foreign
from poselift.data.foreign.layouts import joint_named, layout_named, shipped
from poselift.data.gaps import fill_gaps
from poselift.data.skeletons import COCO17, H36M17
from poselift.inference.poses.lifting import Lifter, lift_person
from poselift.models.lifters import open_lifter
from poselift.models.registry import DEFAULT_LIFTER
from poselift.models.temporal import Architecture, TemporalModel
from poselift.models.weights import LifterWeights
from poselift.pipeline.clip.import_keypoints import ImportedClip, ImportSettings, import_keypoints
from poselift.pipeline.command_line import main

GAP, ALONE, LOST = 20, 30, 5  # frames: nobody seen; only the first person; a wrist not found
WRIST = COCO17.index("left_wrist")
TOLD = {"width": WIDTH, "height": HEIGHT, "fps": FPS}


@pytest.fixture(scope="module")
def frames() -> Frames:
    """A real dancer of 60 frames and, to the right, the same one half a second later."""
    found = load_video_detections(ROOT / "tests" / "assets" / "dance_60.mp4.npz")
    dancer = fill_gaps(best_person(found)).astype(np.float64)
    low, high = dancer.min((0, 1)), dancer.max((0, 1))
    dancer = (dancer - low) / (high - low) * (200, 300) + (50, 30)
    clip: Frames = []
    for t in range(60):
        clip.append({})
        for number, shift, late in ((1, 0, 0), (2, 330, 15)):
            certain = np.full((17, 1), 0.8 + 0.05 * number)
            xy = dancer[min(t + late, 59)] + (shift, 0)
            clip[t][number] = np.concatenate([xy, certain], 1)
    clip[GAP] = {}
    del clip[ALONE][2]
    clip[LOST][1] = clip[LOST][1].copy()
    clip[LOST][1][WRIST] = 0
    return clip


def imported(path: Path, **known: object) -> ImportedClip:
    return import_keypoints(path, ImportSettings(**(TOLD | known)))  # type: ignore[arg-type]


WRITERS = {
    "openpose": (files.write_openpose, "openpose", False),
    "openpose coco": (files.write_openpose_coco, "openpose", False),
    "alphapose": (files.write_alphapose, "alphapose", True),
    "coco": (files.write_coco, "coco", False),
    "mmpose video": (files.write_mmpose_video, "mmpose", False),
    "mmpose demo": (files.write_mmpose_demo, "mmpose", False),
    "mmpose images": (files.write_mmpose_images, "mmpose", False),
    "deeplabcut": (files.write_deeplabcut, "deeplabcut", True),
    "mediapipe json": (files.write_mediapipe_json, "mediapipe", False),
    "mediapipe long": (files.write_mediapipe_long, "mediapipe", True),
    "trc": (files.write_trc, "trc", True),
}


@pytest.mark.parametrize("case", WRITERS)
def test_every_format_gives_the_same_people(case: str, tmp_path: Path, frames: Frames) -> None:
    write, kind, has_ids = WRITERS[case]
    path = write(tmp_path / "clip", frames)
    assert format_of(path) == kind
    clip = imported(path)
    assert clip.kind == kind
    assert (clip.imported.ids is not None) == has_ids
    missing = {"left_eye", "right_eye", "left_ear", "right_ear"} if kind == "trc" else set()
    assert set(clip.imported.layout.missing) == missing
    kept = [j for j, name in enumerate(COCO17.joints) if name not in missing]
    assert [p.person_id for p in clip.tracks.people] == [1, 2]
    assert len(clip.tracks.timeline) == 60
    for person in clip.tracks.people:
        seen = np.array([person.person_id in frame for frame in frames])
        np.testing.assert_array_equal(person.seen, seen)
        assert np.isfinite(person.xy).all()
        truth = np.stack([frame.get(person.person_id, np.zeros((17, 3))) for frame in frames])
        found = seen[:, None] & (truth[..., 2] > 0)
        found[:, [j for j in range(17) if j not in kept]] = False
        np.testing.assert_allclose(person.xy[found], truth[found][:, :2], atol=0.01)
        certain = 1 if kind == "trc" else truth[found][:, 2]
        np.testing.assert_allclose(person.confidence[found], certain, atol=0.001)
        assert person.interpolated[GAP].all() and not person.seen[GAP]
        lost = [j for j in range(17) if j not in kept]
        assert not person.confidence[:, lost].any()


@pytest.mark.parametrize("case", ["openpose", "alphapose", "deeplabcut", "trc"])
def test_a_missing_joint_is_not_at_the_corner(case: str, tmp_path: Path, frames: Frames) -> None:
    """0, 0, 0 is a wrist that was not found: filled in from its neighbours in time, marked."""
    (first, _) = imported(WRITERS[case][0](tmp_path / "clip", frames)).tracks.people
    assert first.interpolated[LOST, WRIST] and not first.interpolated[LOST, 0]
    around = (first.xy[LOST - 1, WRIST] + first.xy[LOST + 1, WRIST]) / 2
    np.testing.assert_allclose(first.xy[LOST, WRIST], around, atol=0.01)
    found = imported(tmp_path / path_of(case)).imported.detections.frames[LOST]
    assert found.confidence[0, WRIST] == 0
    elbow = found.keypoints[0, COCO17.index("left_elbow")]
    np.testing.assert_array_equal(found.keypoints[0, WRIST], elbow)


def path_of(case: str) -> str:
    return {"alphapose": "clip.json", "deeplabcut": "clip.csv"}.get(case, "clip")


def test_mediapipe_rows_and_custom_archive(tmp_path: Path, frames: Frames) -> None:
    """One person a row, sparse; and the reference's data set of two videos, chosen by name."""
    clip = imported(files.write_mediapipe_wide(tmp_path / "wide", frames))
    (person,) = clip.tracks.people
    np.testing.assert_array_equal(np.flatnonzero(~person.seen), [GAP])
    np.testing.assert_allclose(person.xy[3], frames[3][1][:, :2], atol=0.01)
    xy = np.stack([frame[1][:, :2] for frame in frames if 1 in frame and frame[1][WRIST, 2]])
    sizes = {"a.mp4": (WIDTH, HEIGHT), "b.mp4": (WIDTH, HEIGHT)}
    archive = build_custom({name: xy.astype(np.float32) for name in sizes}, sizes)
    path = tmp_path / "data_2d_custom_two.npz"
    save_keypoint_archive(path, archive)
    assert read_foreign(path, video="b.mp4").name == "b.mp4"
    with pytest.raises(FormatError, match=r"holds 2 videos \(a.mp4, b.mp4\).*--video"):
        imported(path)
    save_keypoint_archive(path, build_custom({"a.mp4": xy.astype(np.float32)}, sizes))
    one = imported(path, width=None, height=None)
    np.testing.assert_allclose(one.tracks.people[0].xy, xy, atol=0.01)
    assert one.tracks.timeline.width == WIDTH


def test_one_animal_with_numbered_joints(tmp_path: Path, frames: Frames) -> None:
    """DeepLabCut's human model, labelled by hand: no likelihood, images for frames, one person."""
    layout = shipped()["dlc_human"]
    cells = [(joint, axis) for joint in layout.joints for axis in "xy"]
    rows = [["scorer", "", "", *["me"] * len(cells)]]
    rows += [
        [name, "", "", *row]
        for name, row in zip(("bodyparts", "coords"), zip(*cells, strict=True), strict=True)
    ]
    for t, frame in enumerate(frames[:GAP]):
        xy = files.in_layout(frame[1], "dlc_human")[:, :2]
        cut = [value if value else "" for value in files.flat(xy)]
        rows.append(["labeled-data", "clip", f"img{t:03d}.png", *cut])
    clip = imported(files.write_table(tmp_path / "clip", rows))
    assert clip.imported.layout.missing == ("left_eye", "right_eye", "left_ear", "right_ear")
    (person,) = clip.tracks.people
    knee = COCO17.index("right_knee")
    np.testing.assert_allclose(person.xy[7, knee], frames[7][1][knee, :2], atol=0.01)
    assert person.confidence[7, knee] == 1 and person.confidence[LOST, WRIST] < 1
    assert clip.notes[0] == "derived joints: nose = mean of chin, forehead"


def test_detections_of_the_reference(assets: Path) -> None:
    clip = imported(assets / "dance_60.mp4.npz", width=None, height=None)
    assert clip.kind == "videopose3d" and len(clip.tracks.people) == 2


# The number of each of COCO's joints in the file, from each tool's own documentation.
BY_HAND = {
    "body_25": [0, 16, 15, 18, 17, 5, 2, 6, 3, 7, 4, 12, 9, 13, 10, 14, 11],
    "openpose_coco": [0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10],
    "openpose_mpi": [None] * 5 + [5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10],
    "mediapipe_33": [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28],
    "mpii": [None] * 5 + [13, 12, 14, 11, 15, 10, 3, 2, 4, 1, 5, 0],
    "h36m": [None] * 5 + [11, 14, 12, 15, 13, 16, 4, 1, 5, 2, 6, 3],
    "dlc_human": [(12, 13)] + [None] * 4 + [9, 8, 10, 7, 11, 6, 3, 2, 4, 1, 5, 0],
    **{name: [*range(17)] for name in ("coco", "coco_wholebody", "halpe_26", "halpe_136")},
}
COUNTS = {"body_25": 25, "openpose_coco": 18, "coco_wholebody": 133, "halpe_136": 136}


def test_layouts_by_hand() -> None:
    assert set(BY_HAND) == set(shipped())
    for name, order in BY_HAND.items():
        layout = shipped()[name]
        assert layout.num_joints == COUNTS.get(name, layout.num_joints)
        points = np.arange(layout.num_joints)[:, None] * (10.0, 100.0, 0.001) + (1, 2, 0.1)
        result = layout.to_coco(points)
        for joint, source in zip(COCO17.joints, order, strict=True):
            got = result[COCO17.index(joint)]
            if source is None:
                assert np.isnan(got).all(), (name, joint)
            elif isinstance(source, tuple):
                np.testing.assert_allclose(got[:2], points[list(source), :2].mean(0))
                assert got[2] == points[list(source), 2].min()
            else:
                np.testing.assert_array_equal(got, points[source], err_msg=f"{name} {joint}")


@pytest.mark.parametrize(
    ("name", "joint"),
    [
        ("LShoulder", "left_shoulder"),
        ("shoulder_left", "left_shoulder"),
        ("R.Knee", "right_knee"),
        ("RIGHT_ANKLE", "right_ankle"),
        ("leftWrist", "left_wrist"),
        ("rhip", "right_hip"),
        ("Nose", "nose"),
        ("left_eye_inner", None),
        ("R.Knee.Medial", None),
        ("rear", None),
        ("tailbase", None),
        ("", None),
    ],
)
def test_joints_by_name(name: str, joint: str | None) -> None:
    assert joint_named(name) == joint


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("walk_000000000012_keypoints.json", 12),
        ("12.jpg", 12),
        ("labeled-data/walk2/img0007.png", 7),
        (r"C:\clips\frame_3.jpg", 3),
        (4.0, 4),
        ("frame.0005", 5),
    ],
)
def test_frame_numbers(name: object, number: int) -> None:
    assert frame_number(name) == number


@pytest.mark.parametrize("name", ["walk.mp4", "", None, True, 1.5, "9" * 30])
def test_no_frame_number(name: object) -> None:
    with pytest.raises(ValueError):
        frame_number(name)


def test_a_layout_from_a_table(tmp_path: Path, frames: Frames) -> None:
    """Somebody's own joints: hips are means, the ears are missing, and it is said so."""
    limbs = [j for j in COCO17.joints if "ear" not in j and "hip" not in j]
    joints = [*limbs, "pelvis_l1", "pelvis_l2", "right_hip"]
    table = tmp_path / "mine.toml"
    table.write_text(
        f'joints = {json.dumps(joints)}\n[coco]\nleft_hip = ["pelvis_l1", "pelvis_l2"]\n'
    )
    layout = layout_named(str(table))
    assert layout.missing == ("left_ear", "right_ear")
    hip, offset = COCO17.index("left_hip"), np.array([4.0, 0, 0])
    entries = []
    for t, frame in enumerate(frames):
        for person in frame.values():
            own = {j: person[COCO17.index(j)] for j in joints if j in COCO17.joints}
            own |= {"pelvis_l1": person[hip] - offset, "pelvis_l2": person[hip] + offset}
            keypoints = files.flat(np.stack([own[j] for j in joints]))
            entries.append({"image_id": t, "keypoints": keypoints, "category_id": 1})
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(entries))
    with pytest.raises(LayoutMismatch, match="has 16 keypoints a person, and no layout of coco"):
        imported(path)
    clip = imported(path, layout=str(table))
    person = clip.tracks.people[0]
    np.testing.assert_allclose(person.xy[0, hip], frames[0][1][hip, :2], atol=0.01)
    assert not person.confidence[:, COCO17.index("left_ear")].any()
    said = " ".join(clip.notes)
    assert "left_hip = mean of pelvis_l1, pelvis_l2" in said
    assert "missing joints, confidence 0: left_ear, right_ear" in said


def test_ids_that_do_not_tell_people_apart_are_not_used(tmp_path: Path, frames: Frames) -> None:
    path = files.write_alphapose(tmp_path / "clip", frames)
    entries = json.loads(path.read_text())
    for entry in entries:
        entry["idx"] = 7
    path.write_text(json.dumps(entries))
    clip = imported(path)
    assert clip.imported.ids is None and "do not tell everybody apart" in clip.notes[0]
    for entry in entries:
        entry["idx"] = 0  # AlphaPose without tracking
    path.write_text(json.dumps(entries))
    clip = imported(path)
    assert clip.imported.ids is None and not clip.notes


def test_ids_are_kept_as_they_are(tmp_path: Path, frames: Frames) -> None:
    renamed = [{number * 41: person for number, person in frame.items()} for frame in frames]
    path = files.write_alphapose(tmp_path / "clip", renamed)
    assert [p.person_id for p in imported(path).tracks.people] == [41, 82]
    assert [p.person_id for p in imported(path, people="best").tracks.people] == [82]


def test_frames_keep_their_place_in_the_video(tmp_path: Path, frames: Frames, make_video) -> None:
    """Times are the video's; keypoints may begin late and end early; numbers may be from 1."""
    video = make_video("clip.mp4", size=f"{WIDTH}x{HEIGHT}", seconds=3.5)
    late = [{}, {}, {}, *frames]
    clip = imported(files.write_coco(tmp_path / "late", late), video=video)
    assert len(clip.tracks.timeline) == 70 and clip.tracks.timeline.fps == 20
    assert clip.tracks.people[0].span == slice(3, 63)
    entries = json.loads((tmp_path / "late.json").read_text())
    for entry in entries:
        entry["image_id"] += 8
    (tmp_path / "late.json").write_text(json.dumps(entries))
    assert max(entry["image_id"] for entry in entries) == 70  # so they count from 1
    with pytest.raises(FormatError, match="has a frame 70, but the video has only 70 frames"):
        imported(tmp_path / "late.json", video=video)
    entries.append(entries[0] | {"image_id": 1})
    (tmp_path / "late.json").write_text(json.dumps(entries))
    assert imported(tmp_path / "late.json", video=video).tracks.people[0].span == slice(0, 70)


def test_from_the_command_to_poses(
    tmp_path: Path, frames: Frames, capsys: pytest.CaptureFixture[str]
) -> None:
    """import, then lift with the shipped lifter, and dataset from the detections."""
    source, out = files.write_openpose(tmp_path / "clip", frames), tmp_path / "out"
    told = [f"--{name}={value}" for name, value in TOLD.items()]
    assert main(["import", str(source), "-o", str(out), *told]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(
        "openpose, layout body_25 (25 joints): 60 frames, 2 people (tracked here)"
    )
    assert not said.err
    tracks = out / "keypoints2d.npz"
    assert main(["lift", str(tracks), "-o", str(out / "poses3d.npz"), "--device=cpu"]) == 0
    poses = load_poses(out / "poses3d.npz")
    assert poses.pose.shape == (2, 60, 17, 3) and poses.valid.all()
    head, ankles = poses.layout.index("head"), poses.layout.indices("left_ankle", "right_ankle")
    height = poses.world[:, :, head, 2] - poses.world[:, :, ankles, 2].mean(-1)
    assert (np.median(height, axis=1) > 1).all()
    args = ["dataset", str(out / "detections.npz"), "-o", str(out / "again.npz")]
    assert main(args) == 0
    again = load_tracks(out / "again.npz")
    np.testing.assert_array_equal(again.people[1].xy, load_tracks(tracks).people[1].xy)
    assert len(load_detections(out / "detections.npz").frames[GAP]) == 0


def refused(path: Path, *words: str, error: type[PoseliftError] = FormatError, **known) -> None:
    """The error names the file and says these words."""
    with pytest.raises(error) as caught:
        imported(path, **known)
    message = str(caught.value)
    assert str(path) in message
    for word in words:
        assert word in message
    assert re.search(r"[.)] [A-Z][^.]* .*\.$", message), "evidence, then the next step"


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


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


def test_mixed_layouts(tmp_path: Path, frames: Frames) -> None:
    folder = files.write_openpose(tmp_path / "clip", frames[:5])
    other = files.write_openpose_coco(tmp_path / "other", frames[:5])
    for t in (3, 4):
        name = f"clip_{t:012d}_keypoints.json"
        (folder / name).write_text((other / name).read_text())
    words = "mixed layouts: 25 keypoints in frame 0, 18 in frame 3"
    refused(folder, words, error=LayoutMismatch)


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
    refused(loop, "not a regular file")


def test_joints_in_another_order_are_noticed(tmp_path: Path, frames: Frames) -> None:
    """17 joints may be Human3.6M's too: then hip, legs and knees would be the face."""
    order = [BY_HAND["h36m"].index(j) if j in BY_HAND["h36m"] else 0 for j in range(17)]
    path = tmp_path / "results.json"
    entries = [
        {"image_id": t, "keypoints": files.flat(person[order]), "category_id": 1}
        for t, frame in enumerate(frames)
        for person in frame.values()
    ]
    refused(write(path, entries), "these joints are in another order", error=LayoutMismatch)
    clip = imported(path, layout="h36m")
    ankle = COCO17.index("left_ankle")
    np.testing.assert_allclose(
        clip.tracks.people[0].xy[0, ankle], frames[0][1][ankle, :2], atol=0.01
    )
    assert not clip.tracks.people[0].confidence[:, :5].any()


def test_a_lifter_that_reads_every_joint_refuses_missing_ones(
    tmp_path: Path, frames: Frames
) -> None:
    tracks = imported(files.write_trc(tmp_path / "clip", frames)).tracks
    shipped_lifter = Lifter(open_lifter(DEFAULT_LIFTER)[0])
    assert np.isfinite(lift_person(shipped_lifter, tracks.people[0], WIDTH, HEIGHT).pose).all()
    network = TemporalModel(Architecture(17, 2, 17, (3,), channels=4)).eval()
    lifter = Lifter(LifterWeights("plain", "screen", COCO17, H36M17, network, None))
    with pytest.raises(LayoutMismatch, match="person 1 never has left_eye, right_eye, left_ear"):
        lift_person(lifter, tracks.people[0], WIDTH, HEIGHT)


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
    wide = files.write_mediapipe_wide(tmp_path / "wide", frames[:4])
    text = wide.read_text()
    refused(write(wide, text + text.splitlines()[-1] + "\n"), "has frame 3 twice")
    refused(write(wide, text.replace("x32", "q32")), "none of the formats")
    refused(write(wide, text.replace("x32", "q32")), "neither 33 columns", kind="mediapipe")
    long = files.write_mediapipe_long(tmp_path / "long", frames[:4])
    text = long.read_text()
    refused(write(long, text + text.splitlines()[-1] + "\n"), "twice")
    refused(write(long, text.replace("frame_id", "when")), "no column frame")


def test_hostile_landmarks(tmp_path: Path) -> None:
    point = {"x": 0.5, "y": 0.5, "visibility": 0.9}
    body = [{"x": 0.3 + 0.01 * j, "y": 0.1 + 0.02 * j, "visibility": 0.9} for j in range(33)]
    path = tmp_path / "landmarks.json"
    refused(write(path, [{"frame": 0, "landmarks": [point] * 32}]), "32", error=LayoutMismatch)
    refused(write(path, [{"frame": 0, "landmarks": [*body[:32], {"x": 1}]}]), "no 'y'")
    refused(write(path, [{"frame": 0, "landmarks": body}] * 2), "has frame 0 twice")
    refused(write(path, [{"frame": "x", "landmarks": body}]), "has no frame number")
    refused(write(path, [None, {"frame": 3}]), "without pose_landmarks", kind="mediapipe")
    world = [{"x": p["x"] - 0.5, "y": p["y"] - 0.7} for p in body]
    refused(write(path, [world]), "world landmarks")
    named = dict(zip(shipped()["mediapipe_33"].joints, body, strict=True))
    for fine in ([body], [{"landmarks": body}], [[body]], {"0": body}, [named], body):
        clip = imported(write(path, fine), kind="mediapipe")
        assert clip.tracks.people[0].xy[0, 0] == pytest.approx((0.3 * WIDTH, 0.1 * HEIGHT))
    pixels = [{"x": p["x"] * WIDTH, "y": p["y"] * HEIGHT} for p in body]
    assert "taken to be pixels" in imported(write(path, [pixels])).notes[0]


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
    text, chance = file.read_text(), random.Random(case)
    for _ in range(30):
        at = chance.randrange(len(text))
        file.write_text(text[:at] + chance.choice(JUNK) + text[at + chance.randrange(12) :])
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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("joints = 3", "no list of names"),
        ("joints = [", "not a layout"),
        ('joints = ["nose"]', "has no left_shoulder"),
        ('joints = ["nose"]\n[coco]\nleft_tail = "nose"', "unknown joint of coco 'left_tail'"),
        ('joints = ["nose"]\n[coco]\nleft_hip = "hip"', "left_hip is made of hip"),
        ('joints = ["nose"]\nextra = 1e9', "extra no number"),
    ],
)
def test_hostile_layouts(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "layout.toml"
    path.write_text(text)
    with pytest.raises(PoseliftError, match=words) as caught:
        layout_named(str(path))
    assert str(path) in str(caught.value)


def test_a_refusal_is_one_line_and_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "broken\n.json", '{"people"')
    assert main(["import", str(path), "-o", str(tmp_path / "out")]) == 1
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and "broken" in said.err and not said.out
    assert not (tmp_path / "out").exists()
    for wrong in (["--video=a.mp4", "--fps=3"], ["--width=0"], ["--fps=nan"], ["--people=0"]):
        with pytest.raises(SystemExit) as caught:
            main(["import", str(path), "-o", str(tmp_path / "out"), *wrong])
        assert caught.value.code == 2
