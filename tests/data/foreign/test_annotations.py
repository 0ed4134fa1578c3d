"""COCO's annotation files and Ultralytics' labels: marks, classes, tracks, and what cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import foreign_files as files
import numpy as np
from foreign_files import GAP, HEIGHT, WIDTH, Frames, imported, refused, write

from poselift.data.errors import LayoutMismatch
from poselift.data.foreign.formats import read_foreign


def test_marks_of_annotators_are_confidence(tmp_path: Path, frames: Frames) -> None:
    """0 is not there, 1 hidden, 2 seen."""
    path = files.write_coco_annotations(tmp_path / "a", frames)
    about = json.loads(path.read_text())
    people = [entry for entry in about["annotations"] if "keypoints" in entry]
    for entry in people:
        entry["keypoints"][2::3] = [0, 1, *[2] * 15]
    found = read_foreign(write(path, about)).frames[1][0].points[:, 2]
    assert found.tolist() == [0, 0.5, *[1] * 15]
    clip = imported(path, width=None, height=None)  # the images say how large they are
    assert (clip.tracks.timeline.width, clip.tracks.timeline.height) == (WIDTH, HEIGHT)


def test_annotations_that_cannot_be(tmp_path: Path, frames: Frames) -> None:
    path = files.write_coco_annotations(tmp_path / "a", frames[:4])
    text = path.read_text()
    cases = [
        (text.replace('"image_id": 99', '"image_id": 5'), "of an image 5 not listed"),
        (text.replace('"id": 99', '"id": 98'), "two images have the id 98"),
        (text.replace("00002.jpg", "00001.jpg"), "several images have one frame number"),
        (text.replace("v/00002.jpg", "second.jpg"), "has no frame number"),
        (text.replace(f'"width": {WIDTH}', '"width": 64', 1), "images are of several sizes"),
        (text.replace(f'"width": {WIDTH}', '"width": [1]', 1), "an image has a width of [1]"),
        (text.replace('"person"', '"cat"'), "categories is called 'person'"),
        (text.replace('"category_id": 7', '"category_id": 3'), "has keypoints of people"),
        (text.replace("0.85", '"high"', 1), "where a number belongs"),
        (text.replace('"image_id"', '"image"'), "has no 'image_id'"),
        (text.replace('"images": [', '"images": [3, '), "3 where an image belongs"),
    ]
    for content, words in cases:
        refused(write(path, content), words)
    refused(write(path, text.replace("left_hip", "tail")), "no left_hip", error=LayoutMismatch)


def label(points: np.ndarray, *behind: float, shape: int = 3) -> str:
    shares = (points / (WIDTH, HEIGHT, 1))[:, :shape].ravel()
    return " ".join(f"{v:g}" for v in (0, 0.5, 0.5, 0.2, 0.5, *shares, *behind))


def test_labels_of_every_kind(tmp_path: Path, frames: Frames) -> None:
    """Keypoints with and without marks; behind them a confidence, a track, both or neither."""
    one, two = frames[0].values()
    kinds: dict[str, tuple[list[str], list[float | None], list[int | None]]] = {
        "bare": ([label(one), label(two)], [None, None], [None, None]),
        "places": ([label(one, shape=2)], [None], [None]),
        "scores": ([label(one, 0.5), label(two, 0.75)], [0.5, 0.75], [None, None]),
        "tracks": ([label(one, 4), label(two, 1)], [None, None], [4, 1]),
        "one_untracked": ([label(one, 4), label(two)], [None, None], [4, None]),
        "both": ([label(one, 0.5, 4), label(two, 1, 7)], [0.5, 1], [4, 7]),
        "both_untracked": ([label(one, 0.5, 4), label(two, 1)], [0.5, 1], [4, None]),
        "another_class": ([label(one, 0.5), "3" + label(two, 0.75)[1:]], [0.5], [None]),
    }
    for name, (rows, scores, ids) in kinds.items():
        folder = tmp_path / name
        folder.mkdir()
        write(folder / "walk_3.txt", "\n".join(rows))
        write(folder / "classes.txt", "person\n")
        clip = read_foreign(folder)
        people = clip.frames[3]
        assert clip.format == "ultralytics" and clip.normalised and clip.from_one
        assert [person.score for person in people] == scores, name
        assert [person.person_id for person in people] == ids, name
        places = people[0].points[:, :2] * (WIDTH, HEIGHT)
        np.testing.assert_allclose(places, one[:, :2], atol=0.01)
        np.testing.assert_allclose(people[0].points[:, 2], 1 if name == "places" else one[:, 2])


def test_labels_of_a_video_count_from_one(tmp_path: Path, frames: Frames) -> None:
    """The first frames show nobody, so there are no labels of them; pictures count as called."""
    folder = files.write_labels(tmp_path / "a", [{}, {}, *frames])
    assert imported(folder).tracks.people[0].span == slice(2, 62)
    for file in folder.iterdir():
        file.rename(folder / f"{int(file.stem[5:]):06d}.txt")
    assert imported(folder).tracks.people[0].span == slice(3, 63)


def test_labels_that_cannot_be(tmp_path: Path, frames: Frames) -> None:
    folder = files.write_labels(tmp_path / "a", frames[:3])
    path = folder / "a_1.txt"
    (folder / "clip_1.txt").rename(path)
    refused(folder, "files of 2 clips")
    path.rename(folder / "clip_1.txt")
    path = folder / "clip_2.txt"
    text = path.read_text()
    cases = [
        (text.replace("0.85", "much", 1), "clip_2.txt: not a label of Ultralytics"),
        ("0 0.5 0.5 0.2 0.5\n", "clip_2.txt: has rows of boxes without keypoints"),
        (text + text.strip().split("\n")[0] + " 1 2 3\n", "rows of 58 and of 61 numbers"),
        (text.replace("0.875 1", "0.875 1.5"), "no whole number"),
    ]
    for content, words in cases:
        refused(folder, words) if path.write_text(content) else None
    for file in folder.iterdir():
        write(file, file.read_text().replace("\n0 ", "\n1 ").replace("0 ", "1 ", 1))
    refused(folder, "is of a person (class 0)")
    refused(write(tmp_path / "notes.txt", "walk, take 2"), "not a label of Ultralytics")


def test_results_that_cannot_be(tmp_path: Path, frames: Frames) -> None:
    path = files.write_ultralytics(tmp_path / "a", frames[:3])
    text = path.read_text()
    cases = [
        (text.replace('"visible": [', '"visible": [1, '), "17 x, 17 y and 18 marks"),
        (text.replace('"track_id": 1', '"track_id": "a"'), "no whole number"),
        (text.replace('"x": [', '"x": ["b", '), "where a number belongs"),
        (
            text.replace('"keypoints"', '"points"', 2).replace('"points"', '"keypoints"', 1),
            "has no",
        ),
    ]
    for content, words in cases:
        refused(write(path, content), words, kind="ultralytics")


def test_results_of_one_picture_each(tmp_path: Path, frames: Frames) -> None:
    """A folder with the results of each frame, in shares of the picture."""
    content = json.loads(files.write_ultralytics(tmp_path / "a", frames).read_text())
    folder = tmp_path / "frames"
    folder.mkdir()
    for t, people in enumerate(content):
        for person in people:
            for axis, size in (("x", WIDTH), ("y", HEIGHT)):
                person["keypoints"][axis] = [v / size for v in person["keypoints"][axis]]
        write(folder / f"{t:04d}.json", people)
    first, _ = imported(folder).tracks.people
    truth = frames[0][1][:, :2]
    np.testing.assert_allclose(first.xy[0], truth, atol=0.01)
    assert not first.seen[GAP]
