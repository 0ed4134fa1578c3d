"""Many clips: the same results wherever they are run, done once, in shares, at addresses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from conftest import ROOT, ffmpeg

import poselift
from poselift.data.errors import MissingDependency, OutputError, PoseliftError
from poselift.data.files.whole_file import file_sha256
from poselift.data.progress import Silent
from poselift.pipeline.batch import addresses, ray_cluster
from poselift.pipeline.batch.addresses import last_part
from poselift.pipeline.batch.many import done_before, run_many
from poselift.pipeline.batch.outcome import done
from poselift.pipeline.batch.plan import plan_of
from poselift.pipeline.batch.remote import RemoteShelf, find_remote, known_remote, sent
from poselift.pipeline.batch.work import ClipWork
from poselift.pipeline.clip.settings import RunSettings
from poselift.pipeline.command_line import main
from poselift.pipeline.folders.folder_record import MAKING, RECORD, FolderRecord, Origin, locked
from poselift.pipeline.folders.sources import known_of
from poselift.pipeline.folders.stage_cache import Receipt, finish


@pytest.fixture(scope="module")
def clips(walk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips of six small frames, and one that is none."""
    folder = tmp_path_factory.mktemp("clips")
    ffmpeg("-i", walk, "-frames:v", "6", "-vf", "scale=640:-2", "-an", folder / "0.mp4")
    shutil.copy(folder / "0.mp4", folder / "1.mp4")
    (folder / "bad.mp4").write_text("no video")
    return folder


def results(out: Path) -> dict[str, object]:
    """Content of every result by its path; of summaries all but the times."""
    found: dict[str, object] = {}
    for path in sorted(out.glob("*/*")):
        if path.name == "summary.json":
            told = json.loads(path.read_text())
            del told["seconds"], told["reused"]
            found[str(path.relative_to(out))] = told
        elif not path.name.startswith("."):
            found[str(path.relative_to(out))] = file_sha256(path)
    return found


def manifest(out: Path) -> dict[str, str]:
    return {row["clip"]: row["state"] for row in map(json.loads, (out / "manifest.jsonl").open())}


@pytest.mark.slow
def test_processes_give_the_bytes_that_one_gives(clips: Path, tmp_path: Path, capsys) -> None:
    one, two, share = tmp_path / "one", tmp_path / "two", tmp_path / "share"
    assert main(["run", str(clips), "-o", str(one)]) == 1
    found = {o.clip: o for o in poselift.run_many(clips, two, on=poselift.Local(jobs=2))}
    assert {path.partition("/")[0] for path in results(one)} == {"0", "1"}
    assert results(one) == results(two)
    states = {"0.mp4": "done", "1.mp4": "done", "bad.mp4": "failed"}
    assert {name: o.state for name, o in found.items()} == manifest(one) == manifest(two) == states
    assert found["0.mp4"].summary()["frames"] == found["0.mp4"].frames == 6
    assert poselift.load_poses(Path(found["0.mp4"].place) / "poses3d.npz").world.shape[1] == 6
    capsys.readouterr()

    # Done once; what changed is done again, and nothing else.
    before = {path: path.stat().st_mtime_ns for path in two.glob("*/*.npz")}
    (two / "1" / "overlay.mp4").unlink()
    assert main(["run", str(clips), "-o", str(two), "--jobs", "2"]) == 1
    said = capsys.readouterr()
    assert "2 clips done (1 up to date), 1 failed ->" in said.out
    assert "1 of 3 inputs failed" in said.err
    assert {path: path.stat().st_mtime_ns for path in two.glob("*/*.npz")} == before
    assert results(one) == results(two)

    main(["run", str(clips), "-o", str(share), "--shard", "1/2", "--render", "none"])
    mine = {name for name in states if poselift.Shard(1, 2).holds(name)}
    rows = map(json.loads, (share / "manifest.1-of-2.jsonl").open())
    assert {row["clip"]: row["state"] for row in rows} == {name: states[name] for name in mine}


def test_a_receipt_stands_for_a_clip_that_nothing_changed(tmp_path: Path) -> None:
    source, out = tmp_path / "a.mp4", tmp_path / "out"
    source.write_text("a video")
    with locked(out / "a") as making:
        record = FolderRecord(out / "a")
        record.claim(Origin(str(source), ""))
        (making / "poses3d.npz").write_text("poses")
        record.put(making / "poses3d.npz", "poses3d.npz", "lift", "")
        finish(record, Receipt("key", known_of(source).signature, 2.5, 30, 1))

    def known(key: str | None = "key") -> list:
        return [was for _, was in done_before(plan_of([source], out).clips, str(out), key)]

    (clip,) = plan_of([source], out).clips
    assert known() == [done(clip, "a", 2.5, 30, 1, reused=True)]
    assert known("other") == known(None) == [None]
    was = (out / "a" / RECORD).read_bytes()
    for damage in ("source", "result", "gone", "record"):
        if damage == "source":
            os.utime(source, (5, 5))
        elif damage == "result":
            (out / "a" / "poses3d.npz").write_text("others")
        elif damage == "gone":
            (out / "a" / "poses3d.npz").unlink()
        else:
            told = json.loads(was)
            (out / "a" / RECORD).write_text(json.dumps(told | {"done": {"files": [], "key": 3}}))
        assert known() == [None], damage


def test_a_manifest_of_somebody_else_stops_the_run_before_its_work(tmp_path: Path, capsys) -> None:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).touch()
    mine = tmp_path / "out" / "manifest.jsonl"
    mine.parent.mkdir()
    mine.write_text("mine")
    for more in ([], ["--jobs", "2"]):
        assert main(["run", str(tmp_path), "-o", str(mine.parent), *more]) == 1
        assert "is not replaced" in capsys.readouterr().err
    with pytest.raises(OutputError, match="is not replaced"):
        run_many(tmp_path, mine.parent)
    assert mine.read_text() == "mine" and len(list(mine.parent.iterdir())) == 1


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--shard", "3/2"], "a share is I/N"),
        (["--clip-timeout", "0"], "above 0"),
        (["--jobs", "0"], "--jobs"),
        (["--ray-cpus", "2"], "need --ray"),
        (["--ray", "auto", "--jobs", "2"], "--jobs is for this machine"),
    ],
)
def test_flags_that_mean_nothing(flags: list[str], words: str, capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["run", "a.mp4", "-o", "out", *flags])
    assert words in capsys.readouterr().err


def test_packages_that_are_not_installed(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(ray_cluster.importlib, "import_module", missing)
    monkeypatch.setattr(addresses.importlib, "import_module", missing)
    with pytest.raises(MissingDependency, match=r"pip install 'poselift\[ray\]'"):
        ray_cluster._ray()
    assert main(["run", "s3://bucket/clips", "-o", "out"]) == 1
    (line,) = capsys.readouterr().err.splitlines()[:1]
    assert "pip install 'poselift[remote]'" in line


# Addresses


@pytest.fixture
def memory() -> Iterator[str]:
    """An address that holds nothing yet."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield "memory://bucket"
    system.store.clear()


def put(address: str, content: bytes) -> None:
    system, path = fsspec.core.url_to_fs(address)
    system.pipe_file(path, content)


@pytest.mark.slow
def test_clips_and_results_at_addresses(clips: Path, memory: str, tmp_path: Path) -> None:
    for name in ("0.mp4", "bad.mp4"):
        put(f"{memory}/clips/{name}", (clips / name).read_bytes())
    work = ClipWork(RunSettings(render="none"), 2)
    plan = plan_of([f"{memory}/clips"], f"{memory}/out")
    good, bad = (work.run(clip, Silent()) for clip in plan.clips)
    assert (good.state, good.folder, good.frames) == ("done", "0", 6)
    sources = [address for address, _ in find_remote(f"{memory}/clips")]
    assert str(bad.error).startswith(f"{sources[1]}: cannot be read as a video")
    assert good.summary()["source"] == good.source == sources[0]
    (before, _) = (was for _, was in done_before(plan.clips, f"{memory}/out", work.key))
    assert before == done(plan.clips[0], "0", good.seconds or 0, 6, 2, reused=True)
    assert plan_of([f"{memory}/clips"], f"{memory}/out") == plan
    # As on this machine.
    alone = next(run_many(clips / "0.mp4", tmp_path, RunSettings(render="none")))
    system = fsspec.filesystem("memory")
    for name in ("detections.npz", "keypoints2d.npz", "poses3d.npz"):
        assert system.cat(f"/bucket/out/0/{name}") == (Path(alone.place) / name).read_bytes()
    # Stages are gone on from, and what is not wanted any more goes.
    put(f"{memory}/out/0/notes.txt", b"mine")
    both = ClipWork(RunSettings(render="mp4", people="best"), 2).run(plan.clips[0], Silent())
    assert "detect" in both.summary()["reused"] and "track" not in both.summary()["reused"]
    assert system.exists("/bucket/out/0/overlay.mp4")
    work.run(plan.clips[0], Silent())
    assert not system.exists("/bucket/out/0/overlay.mp4")
    assert system.cat("/bucket/out/0/notes.txt") == b"mine"
    # A file of somebody else has a result's name.
    put(f"{memory}/out/0/poses3d.npz", b"mine")
    refused = work.run(plan.clips[0], Silent())
    assert f"{memory}/out/0/poses3d.npz: was changed" in str(refused.error)
    assert system.cat("/bucket/out/0/poses3d.npz") == b"mine"


class Broken(Exception):
    """The connection breaks off."""


def test_results_are_known_wherever_sending_breaks_off(memory: str, monkeypatch) -> None:
    """After every single step: each file at the address is one that the record there knows."""
    system = type(fsspec.filesystem("memory"))
    place = f"{memory}/out/a"

    def work(version: str) -> None:
        with sent(place) as folder, locked(folder) as making:
            record = FolderRecord(folder)
            record.claim(Origin("memory://bucket/a.mp4", ""))
            if version == "2":
                record.remove(["render"])
            for name in ("poses3d.npz", "summary.json", *(["overlay.mp4"] * (version == "1"))):
                (making / name).write_text(name + version)
                stage = "render" if name == "overlay.mp4" else "lift"
                record.put(making / name, name, stage, version)
            finish(record, Receipt(version, [], 1.0, 1, 1))

    def step(name: str, real: object, left: list[int]) -> object:
        def act(self: object, *given: object, **more: object) -> object:
            if not left[0]:
                raise Broken
            left[0] -= 1
            return real(self, *given, **more)  # type: ignore[operator]

        return act

    steps = 0
    for steps in range(20):
        fsspec.filesystem("memory").store.clear()
        work("1")
        left = [steps]
        with monkeypatch.context() as patched:
            for name in ("pipe_file", "put_file", "rm_file"):
                patched.setattr(system, name, step(name, getattr(system, name), left))
            try:
                work("2")
            except Broken:
                pass
            else:
                break
        with sent(place) as folder:
            record = FolderRecord(folder)
            for path in folder.glob("[!.]*"):
                assert record.entry_of(path.name) is not None, (steps, path.name)
        shelf = RemoteShelf(f"{memory}/out")
        assert shelf.records["a"].done is None or shelf.records["a"].done["key"] == "1"
        work("2")
        assert RemoteShelf(f"{memory}/out").records["a"].done["key"] == "2"
    assert steps > 3


def test_what_an_address_names(memory: str) -> None:
    for name in ("a.mp4", "b/c.mov", "b/.hidden.mp4", "notes.txt", "odd name?.mp4"):
        put(f"{memory}/clips/{name}", b"x")
    assert [name for _, name in find_remote(f"{memory}/clips")] == ["a.mp4", "odd name?.mp4"]
    assert [name for _, name in find_remote(f"{memory}/clips/**/*.mov")] == ["b/c.mov"]
    (first, _), *_ = find_remote(f"{memory}/clips/")
    assert known_remote(first).signature[0][:2] == ["a.mp4", 1]
    plan = plan_of([f"{memory}/none", f"{memory}/clips/b", "nowhere://x/y"], "out")
    assert [clip.folder for clip in plan.clips] == ["c", "none"]
    assert ["nowhere" in str(outcome.error) for outcome in plan.failures] == [True]
    with pytest.raises(PoseliftError, match="cannot be read"):
        known_remote(f"{memory}/none")
    # No name of somebody's leads out of the folder of results.
    odd = [f"{memory}/clips/..", f"{memory}/clips/.", f"{memory}/b/..", "s3://x/a\0/../.."]
    assert {clip.folder for clip in plan_of(odd[:3], "out").clips} == {"clip", "clip-2", "clip-3"}
    assert last_part(odd[3]) == "clip"


def test_files_beside_results_are_no_leftovers(tmp_path: Path) -> None:
    with locked(tmp_path / "a") as making:
        assert making.parent.name == MAKING
        (making / "poses3d.npz").touch()
    assert not list((tmp_path / "a").iterdir())


# What the documents show


def blocks(name: str, language: str) -> list[str]:
    text = (ROOT / name).read_text()
    return [part.split("```")[0] for part in text.split(f"```{language}\n")[1:]]


def test_scripts_in_the_documents_are_whole(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    (batch,) = [text for text in blocks("DOCUMENTATION.md", "bash") if "#SBATCH" in text]
    script = tmp_path / "job.sbatch"
    script.write_text(batch)
    subprocess.run(["bash", "-n", script], check=True)
    assert batch.startswith("#!/bin/bash\n") and "--array=1-" in batch
    (job,) = [yaml.safe_load(text) for text in blocks("DOCUMENTATION.md", "yaml")]
    spec = job["spec"]
    assert job["kind"] == "Job" and spec["completionMode"] == "Indexed"
    (container,) = spec["template"]["spec"]["containers"]
    counted = f'/{spec["completions"]}"'
    # Shares count from 1, indices of Kubernetes from 0.
    line = container["args"][-1]
    assert counted in line and "JOB_COMPLETION_INDEX + 1" in line
    subprocess.run(["bash", "-n", "-c", line], check=True)
    for text in (batch, line):
        assert "poselift run" in text and "--shard" in text


def test_driver_and_workers_load_only_what_they_use() -> None:
    code = "import sys, poselift.pipeline.batch.worker, poselift.pipeline.batch.manifest"
    code += "; print([n for n in ('torch', 'cv2', 'scipy') if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
