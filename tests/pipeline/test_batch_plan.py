"""Which clips there are, whose they are, and where their results lie."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poselift.pipeline.batch.plan import plan_of
from poselift.pipeline.batch.shards import Shard, shard_of
from poselift.pipeline.folders.folder_record import FolderRecord, Origin

NAMES = st.sets(st.text(st.characters(codec=None), min_size=1), max_size=40)
COUNTS = st.integers(1, 9)


def shares(names: set[str], count: int) -> list[set[str]]:
    return [{n for n in names if Shard(i, count).holds(n)} for i in range(1, count + 1)]


@settings(deadline=None)
@given(NAMES, COUNTS)
def test_each_clip_is_in_one_share(names: set[str], count: int) -> None:
    parts = shares(names, count)
    assert set().union(*parts) == names
    assert sum(map(len, parts)) == len(names)


@settings(deadline=None)
@given(NAMES, NAMES, COUNTS)
def test_clips_stay_in_their_shares_when_others_come(
    names: set[str], more: set[str], count: int
) -> None:
    before, after = shares(names, count), shares(names | more, count)
    assert all(part <= larger for part, larger in zip(before, after, strict=True))
    assert [part & names for part in after] == before


def test_shares_are_of_like_size_and_stay_what_they_are() -> None:
    names = {f"day/{number:05}.mp4" for number in range(10_000)}
    sizes = [len(part) for part in shares(names, 10)]
    assert min(sizes) > 900 and max(sizes) < 1100
    # Results of another version, or machine, must not be divided otherwise.
    assert [Shard(i, 3).holds("walk.mp4") for i in (1, 2, 3)] == [False, False, True]
    assert Shard(1, 2).holds("caf\udce9.mp4") != Shard(2, 2).holds("caf\udce9.mp4")


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "a/b", "1/0", "-1/2", "1/2/3", "1 / 2"])
def test_what_is_no_share(text: str) -> None:
    with pytest.raises(ValueError, match="a share is I/N"):
        shard_of(text)


def test_names_are_relative_to_the_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a/walk.mp4", "a/notes.txt", "b/walk.mp4", "b/c/run.mov"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    def names(*inputs: str) -> list[str]:
        return [clip.name for clip in plan_of(inputs, "out").clips]

    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path / "b", "b", "./b", "../" + tmp_path.name + "/b"):
        assert names(str(folder)) == ["walk.mp4"]
    assert names("*/*.mp4") == ["a/walk.mp4", "b/walk.mp4"]
    assert names("b/**/*.m*") == ["c/run.mov", "walk.mp4"]
    assert names(str(tmp_path / "b" / "*" / "*.mov")) == ["c/run.mov"]
    assert names("a/walk.mp4", "a") == ["walk.mp4"]
    # Two of one name are told apart by their paths.
    assert names("a", "b", "b/c") == ["a/walk.mp4", "b/walk.mp4", "run.mov"]
    monkeypatch.chdir(tmp_path / "a")
    assert names(".") == ["walk.mp4"]


def test_inputs_that_name_nothing_fail_alone(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / "empty").mkdir()
    plan = plan_of([tmp_path, tmp_path / "empty", f"{tmp_path}/*.mov", "x" * 300], "out")
    assert [clip.name for clip in plan.clips] == ["a.mp4"]
    errors = [str(outcome.error) for outcome in plan.failures if outcome.state == "failed"]
    for error, words in zip(
        errors, ("holds no videos", "matches no file", "File name too long"), strict=True
    ):
        assert words in error


def test_no_two_shares_want_one_folder(tmp_path: Path) -> None:
    for number in range(12):
        path = tmp_path / str(number) / "cam.mp4"
        path.parent.mkdir()
        path.touch()
    out, every = tmp_path / "out", [f"{tmp_path}/*/cam.mp4"]
    plans = [plan_of(every, out, Shard(i, 3)) for i in (1, 2, 3)]
    folders = [clip.folder for plan in plans for clip in plan.clips]
    assert sorted(folders) == sorted({"cam", "cam.mp4", *(f"cam.mp4-{i}" for i in range(2, 12))})
    # Each finds its own again, in whatever order the others come.
    mine = {clip.source: clip.folder for plan in plans for clip in plan.clips}
    for source, folder in mine.items():
        (out / folder).mkdir(parents=True)
        FolderRecord(out / folder).claim(Origin(source, ""))
    (tmp_path / "0" / "cam.mp4").unlink()
    again = {clip.source: clip.folder for clip in plan_of(every, out).clips}
    assert again == {s: f for s, f in mine.items() if "/0/" not in s} and len(again) == 11


def test_thousands_of_clips_of_one_name_are_placed_at_once(tmp_path: Path) -> None:
    """Each listing and record is read once: by pairs, this would take minutes."""
    out, count = tmp_path / "out", 600
    for number in range(count):
        folder = out / (f"cam.mp4-{number}" if number > 1 else ("cam", "cam.mp4")[number])
        folder.mkdir(parents=True)
        FolderRecord(folder).claim(Origin(f"{tmp_path}/{number}/cam.mp4", ""))
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "cam.mp4").touch()
    placed = {c.source: c.folder for c in plan_of([f"{tmp_path}/*/cam.mp4"], out).clips}
    assert placed[f"{tmp_path}/599/cam.mp4"] == "cam.mp4-599"
    assert placed[f"{tmp_path}/0/cam.mp4"] == "cam" and len(set(placed.values())) == count
