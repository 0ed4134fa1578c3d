"""Every format: what a file of another tool says is what we get."""

from __future__ import annotations

from pathlib import Path

import foreign_files as files
import numpy as np
import pytest
from foreign_files import GAP, HEIGHT, LOST, WIDTH, WRIST, WRITERS, Frames, imported

from poselift.data.archives.custom_2d import build_custom
from poselift.data.archives.keypoint_archive import save_keypoint_archive
from poselift.data.errors import FormatError
from poselift.data.foreign.clip import frame_number
from poselift.data.foreign.formats import format_of, read_foreign
from poselift.data.foreign.layouts import known_layouts
from poselift.data.skeletons import COCO17


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


def test_a_custom_archive_of_two_videos(tmp_path: Path, frames: Frames) -> None:
    """The reference's data set; the video is chosen by name."""
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
    layout = known_layouts()["dlc_human"]
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
