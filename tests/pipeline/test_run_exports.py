"""Exports of a run: cached, and never those of other poses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from test_export_camera import check_on_keypoints

import poselift
from poselift.data.archives.stage_results import load_poses, load_tracks
from poselift.data.exports.settings import ExportSettings
from poselift.pipeline.clip.settings import ENDS, STAGES
from poselift.pipeline.command_line import main
from poselift.pipeline.folders.folder_record import FolderRecord, Origin, locked
from poselift.pipeline.folders.stage_cache import StageCache

KEPT = {
    "detections.npz",
    "page.html",
    "camera.npz",
    "keypoints2d.npz",
    "poses3d.npz",
    "summary.json",
}


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


@pytest.mark.slow
def test_a_runs_exports_are_of_its_poses(
    walk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "walk"

    def run(*options: str) -> set[str]:
        short = ("--start", "0.4", "--end", "0.7", "--render", "none", "--json")
        assert main(["run", str(walk), "-o", str(tmp_path), *short, *options]) == 0
        told = json.loads(capsys.readouterr().out)
        assert set(told["exports"]) <= files(folder)
        return set(told["reused"])

    first = run("--export", "bvh,csv")
    people = [f"person_{i}.bvh" for i in load_poses(folder / "poses3d.npz").person_id]
    assert first == set() and files(folder) == {*KEPT, *people, "joints.csv"}
    assert "export" in run("--export", "bvh,csv")
    written = (folder / "joints.csv").read_bytes()
    assert "export" not in run("--export", "csv", "--force", "export")
    assert (folder / "joints.csv").read_bytes() == written
    assert "export" not in run("--export", "json")
    told = json.loads((folder / "poses.json").read_text())
    check_on_keypoints(told, load_tracks(folder / "keypoints2d.npz").people)
    # By hand, into the run's folder: of the same poses, so they stay with the others.
    assert main(["export", str(folder / "poses3d.npz"), "--to", "trc", "-o", str(folder)]) == 0
    capsys.readouterr()
    run()
    assert {"joints.csv", "poses.json", "person_1.trc", *people} <= files(folder)
    run("--people", "best")  # other poses: nothing is left of these
    assert files(folder) == KEPT


def test_files_of_a_stage_are_made_once(tmp_path: Path) -> None:
    made: list[str] = []

    def content(name: str) -> Callable[[], bytes]:
        return lambda: made.append(name) or name.encode()  # type: ignore[func-returns-value]

    def export(names: str, shapes: dict[str, int], **options: bool) -> str:
        made.clear()
        with locked(tmp_path) as making:
            record = FolderRecord(tmp_path)
            record.claim(Origin("/a", ""))
            cache = StageCache(record, making, (*STAGES, "summary"), ends=ENDS, **options)
            cache.file("lift", "poses3d.npz", {}, lambda part: part.write_text("poses") and None)
            cache.file("render", "overlay.mp4", {}, lambda part: part.write_text("film") and None)
            cache.files("export", {name: content(name) for name in names}, shapes)
        return "".join(made)

    assert export("ab", {}) == "ab"
    assert export("abc", {}) == "c"
    assert export("a", {"fps": 60}) == "a"
    assert files(tmp_path) == {"a", "poses3d.npz", "overlay.mp4"}  # b and c had another rate
    (tmp_path / "a").unlink()
    assert export("a", {"fps": 60}) == "a"
    assert export("a", {"fps": 60}, use=False) == "a"


def test_settings_name_a_format() -> None:
    with pytest.raises(
        poselift.UnknownName, match=r"unknown export format 'fbz'. Known: angles, bvh, "
    ):
        poselift.RunSettings(exports=("fbz",))
    with pytest.raises(poselift.UnknownName, match=r"unknown unit of glb 'cm'. Known: m."):
        poselift.RunSettings(exports=("glb",), export_settings=ExportSettings(units="cm"))
