"""What movement measures, as files: read back, complete, and told where there is nothing."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib
import numpy as np
import pandas
import pytest
from matplotlib.image import imread
from standing_people import PAIR, clip
from walkers import poses_of, walker

import poselift
from poselift.data.archives.stage_results import save_poses
from poselift.data.structures import Poses3D
from poselift.inference.movement.plots import angles_png
from poselift.pipeline.command_line import main

ALL = "angles,gait,plots,mot"
FILES = {
    *("angles.csv", "gait.csv", "contacts.csv", "person_1_angles.mot"),
    *("person_1_angles.png", "person_1_path.png"),
}


@pytest.fixture
def walking() -> Poses3D:
    times_s = np.arange(150) / 30
    poses = poses_of(walker(times_s), times_s)
    poses.interpolated[0, 60:70] = True
    return poses


def export(poses: Poses3D, folder: Path, *options: str) -> int:
    source = folder / "poses3d.npz"
    save_poses(source, poses)
    return main(["export", str(source), "-o", str(folder / "out"), *options])


def mot(path: Path) -> tuple[dict[str, str], pandas.DataFrame]:
    """The header's keys, and the table."""
    head, _, body = path.read_text().partition("endheader\n")
    name, *keys = head.splitlines()
    assert name == path.name
    return dict(key.split("=") for key in keys), pandas.read_csv(io.StringIO(body), sep="\t")


def test_a_walkers_files_are_whole(walking: Poses3D, tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    assert export(walking, tmp_path, "--to", ALL) == 0
    out = tmp_path / "out"
    assert {p.name for p in out.iterdir() if not p.name.startswith(".")} == FILES
    angles = poselift.angles(walking)
    table = pandas.read_csv(out / "angles.csv")
    assert len(table) == 150 and not table.columns.duplicated().any()
    for name in angles.names:
        np.testing.assert_allclose(table[f"{name}_deg"], angles.of(1, name), atol=0.001)
    assert table[table.interpolated == 1].frame.tolist() == list(range(60, 70))
    assert table.root_y_m.diff().mean() * 30 == pytest.approx(1.3, rel=0.01)
    assert table.hip_speed_m_s[20:-20].to_numpy() == pytest.approx(1.3, rel=0.01)
    (gait,) = poselift.gait(walking)
    summary = pandas.read_csv(out / "gait.csv").iloc[0]
    assert summary.walks == 1 and summary.strides == len(gait.known("stride_s"))
    assert summary.speed_m_s == pytest.approx(gait.speed_m_s, abs=0.001)
    assert summary.left_stance_percent == pytest.approx(gait.stance_percent("left"), abs=0.1)
    contacts = pandas.read_csv(out / "contacts.csv")
    assert contacts.side.tolist() == [contact.side for contact in gait.contacts]
    np.testing.assert_allclose(contacts.time_s, [c.time_s for c in gait.contacts], atol=1e-4)
    assert np.isnan(contacts.step_s[0]) and np.isnan(contacts.stride_s.iloc[-1])
    keys, motion = mot(out / "person_1_angles.mot")
    assert keys == {"version": "1", "nRows": "150", "nColumns": "25", "inDegrees": "yes"}
    np.testing.assert_allclose(motion.left_knee, angles.of(1, "left_knee"), atol=1e-3)
    np.testing.assert_allclose(motion.time, walking.timeline.times_s, atol=1e-6)
    assert dict(matplotlib.rcParams) == before


def test_figures_show_feet_and_what_was_not_seen(walking: Poses3D, tmp_path: Path) -> None:
    def share(name: str, colour: tuple[int, int, int]) -> float:
        image = imread(tmp_path / "out" / name)[..., :3] * 255
        return float((np.abs(image - colour).max(-1) < 12).mean())

    blue, vermilion, grey = (0, 114, 178), (213, 94, 0), (228, 228, 228)
    assert export(walking, tmp_path, "--to", "plots") == 0
    angles, path = "person_1_angles.png", "person_1_path.png"
    assert min(share(name, c) for name in (angles, path) for c in (blue, vermilion)) > 0.0003
    assert share(angles, grey) > 0.02
    assert imread(tmp_path / "out" / angles).shape[1] == 1440
    walking.interpolated[:] = False
    seen = angles_png(poselift.angles(walking), 0, poselift.gait(walking)[0])
    (tmp_path / "out" / angles).write_bytes(seen)
    assert share(angles, grey) < 0.005


def test_nobody_walks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    poses = clip(PAIR)[1]  # twelve frames of two who stand
    for places in (poses.world, poses.pose):
        places[1, :4] = np.nan
    poses.valid[1, :4] = False
    assert export(poses, tmp_path, "--to", "angles,gait,mot") == 0
    said = capsys.readouterr().err
    assert "nobody walks a stride" in said
    assert "for a low-pass: person 2 is measured without" in said and said.count("\n") == 2
    table = pandas.read_csv(tmp_path / "out" / "gait.csv")
    assert table.person.tolist() == [1, 2] and table.walks.tolist() == [0, 0]
    assert table.cadence_steps_min.isna().all()
    assert pandas.read_csv(tmp_path / "out" / "contacts.csv").empty
    rows = pandas.read_csv(tmp_path / "out" / "angles.csv")
    assert rows.groupby("person").frame.apply(list).tolist() == [[*range(12)], [*range(4, 12)]]


def test_raw_and_a_person(
    walking: Poses3D, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    walking.world[:] += np.random.default_rng(0).normal(0, 0.01, walking.world.shape)
    assert export(walking, tmp_path, "--to", "angles", "--raw", "--person", "1") == 0
    assert capsys.readouterr().err == ""
    table = pandas.read_csv(tmp_path / "out" / "angles.csv")
    raw = poselift.angles(walking, None).of(1, "trunk")
    np.testing.assert_allclose(table.trunk_deg, raw, atol=0.001)


def test_mot_has_no_holes(walking: Poses3D, tmp_path: Path) -> None:
    """OpenSim's Storage ends at a cell that is no number, without a word."""
    at = walking.layout.index
    for frame in range(50, 60):  # an arm straight out, which has no flexion
        shoulder = walking.world[0, frame, at("left_shoulder")]
        walking.world[0, frame, at("left_elbow")] = shoulder - (0.3, 0, 0)
    walking.world[0, :, at("right_wrist")] = walking.world[0, :, at("right_elbow")]
    assert np.isnan(poselift.angles(walking, None).of(1, "left_shoulder")).sum() == 10
    assert export(walking, tmp_path, "--to", "mot,angles", "--raw") == 0
    keys, table = mot(tmp_path / "out" / "person_1_angles.mot")
    assert np.isfinite(table.to_numpy()).all() and int(keys["nColumns"]) == len(table.columns)
    assert "right_elbow" not in table and "left_shoulder" in table
    csv = pandas.read_csv(tmp_path / "out" / "angles.csv")
    assert csv.left_shoulder_deg.isna().sum() == 10 and csv.right_elbow_deg.isna().all()
