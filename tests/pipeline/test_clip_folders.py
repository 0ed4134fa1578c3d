"""A clip's folder: found again, nobody else's, and what lies in it belongs together."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from conftest import MakeVideo

from poselift.data.errors import NoPersonFound, OutputError
from poselift.data.files.whole_file import file_sha256
from poselift.pipeline.clip import run_many
from poselift.pipeline.clip.run_many import run_video
from poselift.pipeline.clip.settings import RunSettings
from poselift.pipeline.folders.clip_folders import clip_folders
from poselift.pipeline.folders.folder_lock import LOCK
from poselift.pipeline.folders.folder_record import (
    MAKING,
    RECORD,
    FolderRecord,
    Origin,
    locked,
    origin_of,
)
from poselift.pipeline.folders.folder_record import RESULTS as ALL_RESULTS
from poselift.pipeline.folders.sources import absolute

RESULTS = {"camera.npz", "detections.npz", "keypoints2d.npz", "poses3d.npz", "summary.json"} | {
    "page.html"
}


def video(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def claim(source: Path, out: Path) -> str:
    """The name of the source's folder, which then holds results of it."""
    folder = clip_folders([source], out)[source]
    folder.mkdir(parents=True, exist_ok=True)
    FolderRecord(folder).claim(Origin(absolute(source), file_sha256(source)))
    return folder.name


def names(sources: list[Path], out: Path) -> list[str]:
    return [folder.name for folder in clip_folders(sources, out).values()]


def test_clips_of_one_name_keep_their_folders(tmp_path: Path) -> None:
    days = [video(tmp_path / day / "cam.mp4", day) for day in ("one", "two", "three", "four")]
    out = tmp_path / "out"
    wanted = ["cam", "cam.mp4", "cam.mp4-2", "cam.mp4-3"]
    assert names(days, out) == wanted
    assert [claim(day, out) for day in days] == wanted
    for day, name in zip(days, wanted, strict=True):
        assert names([day], out) == [name]
    assert names(days[::-1], out) == wanted[::-1]
    shutil.rmtree(out / "cam")
    shutil.rmtree(out / "cam.mp4-2")
    assert names(days[::-1], out) == ["cam.mp4-3", "cam", "cam.mp4", "cam.mp4-2"]


def test_a_changed_and_a_moved_file_find_their_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, old = tmp_path / "out", video(tmp_path / "old" / "walk.mp4", "first")
    assert claim(old, out) == "walk"
    video(old, "encoded again")
    assert claim(old, out) == "walk"
    monkeypatch.chdir(old.parent)
    assert claim(Path("walk.mp4"), out) == "walk"
    moved = old.rename(tmp_path / "walk.mp4")
    assert claim(moved, out) == "walk"
    # The folder went with the file: what comes to its old place is somebody else.
    assert names([video(old, "another")], out) == ["walk.mp4"]
    assert names([old, moved], out) == ["walk.mp4", "walk"]
    twin = video(tmp_path / "twin" / "walk.mp4", "encoded again")
    assert names([twin, moved], out) == ["walk.mp4", "walk"]
    assert names([tmp_path / "gone" / "walk.mp4"], out) == ["walk.mp4"]


def test_a_folder_that_holds_anything_of_others_is_not_taken(tmp_path: Path) -> None:
    walk, out = video(tmp_path / "walk.mp4", "a video"), tmp_path / "out"
    own = {"summary.json": "mine", "overlay.mp4": "film", "poses3d.npz": "", ".hidden": ""}
    for number, (name, text) in enumerate(own.items()):
        folder = out / str(number) / "walk"
        folder.mkdir(parents=True)
        (folder / name).write_text(text)
        assert names([walk], folder.parent) == ["walk.mp4"]
    # Beside the clips: names that files have are taken, too.
    video(tmp_path / "walk", "a file without ending")
    assert names([walk], tmp_path) == ["walk.mp4-2"]


def test_what_is_not_ours_under_our_names_is_kept(tmp_path: Path) -> None:
    walk, out = video(tmp_path / "walk.mp4", "a video"), tmp_path / "out"
    making = out / "walk" / MAKING
    mine = [video(making / "notes.txt", "mine"), video(tmp_path / "elsewhere", "mine")]
    assert names([walk], out) == ["walk.mp4"]
    with locked(out / "walk") as part:
        (part / "overlay.mp4").write_text("unfinished")
        (part / ".detections.x.part.npz").write_text("unfinished")
    assert [path.name for path in making.iterdir()] == ["notes.txt"]
    lock = out / "walk" / LOCK
    lock.symlink_to(mine[1])
    with pytest.raises(OutputError, match="is not ours"), locked(out / "walk"):
        pass
    lock.unlink()
    mine.append(video(lock, "mine"))
    with pytest.raises(OutputError, match="is not ours"), locked(out / "walk"):
        pass
    assert [path.read_text() for path in mine] == ["mine"] * 3


def test_damaged_records_own_nothing(tmp_path: Path) -> None:
    walk = video(tmp_path / "a" / "walk.mp4", "a")
    folder = tmp_path / "out" / "walk"
    folder.mkdir(parents=True)
    origin = {"path": absolute(walk), "sha256": ""}
    entry = {"stage": "lift", "key": "", "sha256": ""}
    for told in (
        *("", [], "[", 3, {"source": 3}, {"source": {}}, {"source": origin}),
        {"source": origin, "files": []},
        {"source": origin, "files": {"a": {}}},
        {"source": origin, "files": {"a": entry | {"sha256": 3}}},
        {"source": origin | {"more": ""}, "files": {}},
    ):
        (folder / RECORD).write_text(told if isinstance(told, str) else json.dumps(told))
        assert origin_of(folder) is None
        assert names([walk], folder.parent) == ["walk.mp4"]
    (folder / RECORD).write_text("[" * 100_000)
    assert origin_of(folder) is None
    # A record cannot name what lies elsewhere.
    named = {"../../a/walk.mp4": entry, "/etc/passwd": entry, "b": entry}
    (folder / RECORD).write_text(json.dumps({"source": origin, "files": named}))
    assert set(FolderRecord(folder).files) == {"b"}


@pytest.fixture
def clip(walk: Path, tmp_path: Path) -> Path:
    """The example under a path where another video can take its place."""
    return Path(shutil.copy(walk, tmp_path))


def results(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


@pytest.mark.slow
def test_a_folder_never_mixes_results(clip: Path, tmp_path: Path, make_video: MakeVideo) -> None:
    out, short = tmp_path / "out", {"start_s": 0.4, "end_s": 0.7}
    run_video(clip, out, RunSettings(**short))
    folder = out / "walk"
    assert results(folder) == RESULTS | {"overlay.mp4"}
    assert results(folder) <= ALL_RESULTS
    before = {path: path.read_bytes() for path in folder.iterdir()}
    (tmp_path / "other").mkdir()
    nobody = make_video("other/walk.mp4", "-c:v", "libx264")
    with pytest.raises(NoPersonFound):
        run_video(nobody, out)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert results(out / "walk.mp4") == {"camera.npz", "detections.npz"}

    run_video(clip, out, RunSettings(people="best", render="none", **short))
    assert results(folder) == RESULTS  # the overlay showed everybody
    nobody.replace(clip)
    with pytest.raises(NoPersonFound):
        run_video(clip, out)
    assert results(folder) == {"camera.npz", "detections.npz"}


@pytest.mark.slow
def test_a_folder_that_another_run_took_meanwhile(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert claim(video(tmp_path / "first" / "walk.mp4", "first"), out) == "walk"
    real, free = run_many.clip_folders, [{clip: out / "walk"}]
    monkeypatch.setattr(
        run_many, "clip_folders", lambda *given: free.pop() if free else real(*given)
    )
    settings = RunSettings(start_s=0.4, end_s=0.7, render="none")
    assert run_video(clip, out, settings).folder == out / "walk.mp4"
    assert results(out / "walk") == set()
