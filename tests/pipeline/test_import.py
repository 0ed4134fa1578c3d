"""`poselift import`: the people of a clip, in step with its video, ready to be lifted."""

from __future__ import annotations

import json
from pathlib import Path

import foreign_files as files
import numpy as np
import pytest
from conftest import ffmpeg
from foreign_files import GAP, HEIGHT, TOLD, WIDTH, Frames, imported, write

from poselift.data.archives.stage_results import load_detections, load_poses, load_tracks
from poselift.data.errors import FormatError, LayoutMismatch
from poselift.data.skeletons import COCO17, H36M17
from poselift.inference.poses.lifting import Lifter
from poselift.inference.poses.person_lifting import lift_person
from poselift.inference.video.video_reader import VideoReader
from poselift.models.lifters import open_lifter
from poselift.models.registry import DEFAULT_LIFTER
from poselift.models.temporal import Architecture, TemporalModel
from poselift.models.weights import LifterWeights
from poselift.pipeline.command_line import main


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


def test_keypoints_of_the_stored_picture_are_noticed(
    tmp_path: Path, frames: Frames, make_video
) -> None:
    """A telephone's film is stored lying; tools that ignore it see everybody lie."""
    video = make_video("stored.mp4", size=f"{WIDTH}x{WIDTH}", seconds=3)
    shown = tmp_path / "shown.mp4"
    ffmpeg("-display_rotation:v:0", "90", "-i", video, "-c", "copy", shown)
    assert VideoReader(shown).info.rotation == 90
    upright = files.write_coco(tmp_path / "upright", frames)
    assert not imported(upright, video=shown).notes
    # What is shown at (x, y) is stored at (width - y, x).
    lying = [
        {n: np.column_stack([WIDTH - p[:, 1], p[:, 0], p[:, 2]]) for n, p in frame.items()}
        for frame in frames
    ]
    (note,) = imported(files.write_coco(tmp_path / "lying", lying), video=shown).notes
    assert "would stand upright if turned by 90 degrees" in note and "as it is shown" in note
    assert not imported(tmp_path / "lying.json", video=video).notes  # these do lie


def test_keypoints_outside_the_shown_picture(tmp_path: Path, frames: Frames, make_video) -> None:
    """Most are beyond the edge of a film that is shown upright: its stored picture is wide."""
    video, shown = make_video("a.mp4", size=f"{WIDTH}x120", seconds=3), tmp_path / "shown.mp4"
    ffmpeg("-display_rotation:v:0", "90", "-i", video, "-c", "copy", shown)
    low = [{n: p * (1, 0.3, 1) for n, p in frame.items()} for frame in frames]
    path = files.write_coco(tmp_path / "wide", low)
    with pytest.raises(FormatError, match=r"outside a picture of 120x640\. They fit the video's"):
        imported(path, video=shown)


def test_keypoints_that_end_early_are_noted(tmp_path: Path, frames: Frames, make_video) -> None:
    video = make_video("clip.mp4", size=f"{WIDTH}x{HEIGHT}", seconds=3.5)
    ends = "the keypoints end at frame 60 of 70"
    for write_clip in (files.write_openpose, files.write_coco):
        path = write_clip(tmp_path / write_clip.__name__, frames)
        assert any(ends in note for note in imported(path, video=video).notes)
    whole = [*frames, *[{}] * 10]
    assert not imported(files.write_openpose(tmp_path / "c", whole), video=video).notes
    short = make_video("short.mp4", size=f"{WIDTH}x{HEIGHT}", seconds=3.2)
    assert not imported(files.write_coco(tmp_path / "d", frames), video=short).notes


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


def test_a_lifter_that_reads_every_joint_refuses_missing_ones(
    tmp_path: Path, frames: Frames
) -> None:
    tracks = imported(files.write_trc(tmp_path / "clip", frames)).tracks
    shipped_lifter = Lifter(open_lifter(DEFAULT_LIFTER)[0])
    assert np.isfinite(lift_person(shipped_lifter, tracks.people[0], tracks.timeline).pose).all()
    network = TemporalModel(Architecture(17, 2, 17, (3,), channels=4)).eval()
    lifter = Lifter(LifterWeights("plain", "screen", COCO17, H36M17, network, None))
    with pytest.raises(LayoutMismatch, match="person 1 never has left_eye, right_eye, left_ear"):
        lift_person(lifter, tracks.people[0], tracks.timeline)


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


def test_keypoints_of_the_picture_before_it_is_turned_are_told(
    tmp_path: Path, frames: Frames, make_video
) -> None:
    """A phone's video is stored lying, and shown upright; some tools look at it as stored."""
    stored = make_video("plain.mp4", "-c:v", "libx264", size=f"{HEIGHT}x{WIDTH}", seconds=3)
    phone = tmp_path / "phone.mov"
    ffmpeg("-display_rotation", "90", "-i", stored, "-c", "copy", phone)
    upright = imported(files.write_coco(tmp_path / "upright", frames), video=phone)
    assert not upright.notes and upright.tracks.timeline.width == WIDTH
    stored_at = np.array([[0, 0.6, 0], [-0.6, 0, 0], [0, 0, 1]])  # small, to fit either picture
    lying = [
        {number: person @ stored_at + (HEIGHT, 0, 0) for number, person in frame.items()}
        for frame in frames
    ]
    path = files.write_coco(tmp_path / "lying", lying)
    notes = imported(path, video=phone).notes
    assert "would stand upright if turned by 90 degrees" in notes[-1]
    assert "--rotate 90" in notes[-1]
    assert not imported(path, video=phone, rotate=90).notes
