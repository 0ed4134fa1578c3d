"""Joints of other tools become COCO's, by name or by table."""

from __future__ import annotations

import json
from pathlib import Path

import foreign_files as files
import numpy as np
import pytest
from foreign_files import Frames, imported, refused, write

from poselift.data.errors import LayoutMismatch, PoseliftError
from poselift.data.foreign.layouts import joint_named, known_layouts, layout_named
from poselift.data.skeletons import COCO17

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
    assert set(BY_HAND) == set(known_layouts())
    for name, order in BY_HAND.items():
        layout = known_layouts()[name]
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


def test_mixed_layouts(tmp_path: Path, frames: Frames) -> None:
    folder = files.write_openpose(tmp_path / "clip", frames[:5])
    other = files.write_openpose_coco(tmp_path / "other", frames[:5])
    for t in (3, 4):
        name = f"clip_{t:012d}_keypoints.json"
        (folder / name).write_text((other / name).read_text())
    words = "mixed layouts: 25 keypoints in frame 0, 18 in frame 3"
    refused(folder, words, error=LayoutMismatch)


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
