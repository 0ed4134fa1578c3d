"""The documented table of keypoints that any program can write."""

from __future__ import annotations

import re
from pathlib import Path

import foreign_files as files
import numpy as np
import pytest
from conftest import ROOT
from foreign_files import FPS, GAP, Frames, imported, refused, write

from poselift.data.archives.stage_results import load_detections
from poselift.data.errors import LayoutMismatch
from poselift.data.foreign.layouts import known_layouts
from poselift.data.skeletons import COCO17
from poselift.pipeline.command_line import main


def test_the_documented_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of INFERENCE.md, by the command that stands below it."""
    page = (ROOT / "INFERENCE.md").read_text()
    (table,) = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    (command,) = re.findall(r"^poselift (import keypoints\.csv .*)$", page, re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "keypoints.csv", table)
    assert main(command.split()) == 0
    (frame,) = load_detections(tmp_path / "out" / "detections.npz").frames
    heights = dict(zip(COCO17.joints, frame.keypoints[0, :, 1], strict=True))
    assert heights["nose"] < heights["left_hip"] < heights["left_ankle"]


@pytest.mark.parametrize("layout", known_layouts())
def test_joints_of_any_layout(layout: str, tmp_path: Path, frames: Frames) -> None:
    clip = imported(files.write_joint_table(tmp_path / "clip", frames, layout))
    assert set(clip.imported.layout.missing) == set(known_layouts()[layout].missing)
    ankle = COCO17.index("right_ankle")
    found = clip.imported.detections.frames[7].keypoints[:, ankle]
    truth = np.stack([person[ankle, :2] for person in frames[7].values()])
    np.testing.assert_allclose(found, truth, atol=0.01)


def test_times_of_the_table_are_those_of_the_clip(tmp_path: Path, frames: Frames) -> None:
    """Without a rate the table's times count, also those of frames that it leaves out."""
    path = files.write_shares_table(tmp_path / "clip", [{}, {}, *frames])
    timeline = imported(path, fps=None).tracks.timeline
    assert timeline.fps == pytest.approx(FPS)
    np.testing.assert_allclose(timeline.times_s, np.arange(62) / FPS, atol=1e-6)
    np.testing.assert_allclose(imported(path, fps=20.0).tracks.timeline.times_s[-1], 61 / 20)


def test_without_people_and_confidence(tmp_path: Path, frames: Frames) -> None:
    """Everything is one person's and certain; empty cells are joints not found."""
    path = files.write_joint_table(tmp_path / "clip", [{1: f[1]} if f else {} for f in frames])
    lines = [line.split(",") for line in path.read_text().splitlines()]
    (person,) = imported(
        write(path, "\n".join(",".join([t, j, x, y]) for t, _, j, x, y, _ in lines))
    ).tracks.people
    np.testing.assert_array_equal(np.flatnonzero(~person.seen), [GAP])
    assert person.confidence[3].min() == 1
    lines[1][3:] = ["", "", ""]
    (person,) = imported(write(path, "\n".join(map(",".join, lines)))).tracks.people
    assert person.confidence[0].min() == 0


def test_what_cannot_be_is_refused(tmp_path: Path, frames: Frames) -> None:
    path = files.write_joint_table(tmp_path / "clip", frames[:4])
    text = path.read_text()
    last = text.splitlines()[-1]
    cases = [
        (text + last + "\n", "frame 3 has the joint 'right_ankle' twice"),
        (text + "4,1,nose\n", "has 3 cells, expected 6"),
        (text.replace("x,y", "u,v", 1), "needs columns frame, joint, and either x and y"),
        (text.replace("frame,person", "x_share,frame", 1), "needs columns"),
        (text.replace("person", "x", 1), "two columns of one name"),
        (text.replace("\n3,2,", "\n3,anna,"), "could not convert string to float: 'anna'"),
        (text.replace("\n3,2,", "\n3,,"), "person id 'nan' is no whole number"),
        (text.replace("\n3,2,", "\n3,1.5,"), "person id '1.5' is no whole number"),
        (text.replace("\n3,2,", "\n3.5,2,"), "no frame number"),
        (text.replace("\n3,2,", "\n-3,2,"), "frame number -3"),
        (text.replace("nose", "", 1), "a joint without name"),
        (text.replace("0.85", "much", 1), "could not convert"),
        (text.replace("0.85", '"1,234"', 1), "decimal points and decimal commas"),
        (text.replace("x,y", "x_share,y_share", 1), "Call the columns x and y"),
        (text.splitlines()[0], "shows nobody"),
        (text.replace("frame", "when", 1), "none of the formats"),
    ]
    for content, words in cases:
        refused(write(path, content), words)
    no_hip = text.replace("left_hip", "tail")
    refused(write(path, no_hip), "has no left_hip", error=LayoutMismatch)
    shares = files.write_shares_table(tmp_path / "shares", frames[:4]).read_text(encoding="utf-8")
    refused(write(path, shares.replace("_share", "")), "these are no pixels", "x_share and y_share")
    refused(write(path, shares.replace("0,1;3;", "0,0;3;")), "times that do not rise")
    refused(write(path, shares.replace("0,1;3;NOSE", "0,2;3;NOSE", 1)), "several times")


def test_few_rows_do_not_fill_the_memory(tmp_path: Path) -> None:
    rows = [f"{t},joint{t},1,1" for t in range(1000)]
    refused(
        write(tmp_path / "a.csv", "\n".join(["frame,joint,x,y", *rows])),
        "1000 different joints in 1000 rows",
    )
