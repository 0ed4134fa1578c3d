#!/usr/bin/env python3
"""The checks of scripts/test-scale, which see: a line each, status 1 if one went wrong."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)

import imageio_ffmpeg  # noqa: E402
from fake_work import fake_kind  # noqa: E402

from poselift.pipeline.batch.many import run_plan  # noqa: E402
from poselift.pipeline.batch.outcome import Outcome  # noqa: E402
from poselift.pipeline.batch.plan import plan_of  # noqa: E402
from poselift.pipeline.batch.processes import Local  # noqa: E402
from poselift.pipeline.batch.ray_cluster import RayCluster  # noqa: E402
from poselift.pipeline.batch.view import View  # noqa: E402
from poselift.pipeline.clip.settings import RunSettings  # noqa: E402
from poselift.pipeline.folders.folder_lock import is_lock  # noqa: E402
from poselift.pipeline.folders.folder_record import MAKING, RECORD, FolderRecord  # noqa: E402

FILM = ROOT / "data" / "examples" / "walk.mp4"
POSELIFT = [sys.executable, "-m", "poselift"]
QUICK = ["--render", "none", "--quiet"]
STORE_BYTES = 80_000_000


def fake_clips(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / f"{name}.mp4").touch()
    return folder


def real_clips(folder: Path, count: int) -> Path:
    """Four small frames of the example, each a file of its own."""
    folder.mkdir()
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(FILM)]
    first = folder / "000.mp4"
    small = ["-frames:v", "4", "-vf", "scale=320:-2", "-an", str(first)]
    subprocess.run([*command, *small], check=True, stdin=subprocess.DEVNULL)
    for number in range(1, count):
        shutil.copy(first, folder / f"{number:03}.mp4")
    return folder


def driven(clips: Path, out: Path, place: Any, **settings: Any) -> dict[str, Outcome]:
    plan = plan_of([clips], out)
    kind = fake_kind(**settings)
    outcomes = run_plan(plan, str(out), RunSettings(), place, None, View(), kind)
    return {outcome.clip.removesuffix(".mp4"): outcome for outcome in outcomes}


def manifest(out: Path) -> Counter[str]:
    return Counter(json.loads(line)["state"] for line in (out / "manifest.jsonl").open())


def wrong_in(out: Path) -> list[str]:
    """What is not as the records say: every result is whole, and nothing unfinished is left."""
    wrong = []
    for folder in (path for path in out.iterdir() if path.is_dir()):
        record = FolderRecord(folder)
        for path in folder.iterdir():
            if path.name == RECORD or path.name == MAKING or is_lock(path):
                continue
            if record.entry_of(path.name) is None:
                wrong.append(str(path))
    return wrong


@contextmanager
def cluster(nodes: int) -> Iterator[Any]:
    """A head and `nodes` more, of one CPU each; ended by handle."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": STORE_BYTES}
    made = Cluster(initialize_head=True, head_node_args=head)
    made.more = [made.add_node(num_cpus=1, object_store_memory=STORE_BYTES) for _ in range(nodes)]
    try:
        yield made
    finally:
        made.shutdown()


def ray_loses_a_node(folder: Path) -> str:
    """It goes once both nodes have done something, in the midst of its next clip."""
    out, kind = folder / "out", fake_kind(takes_s=1.0)
    plan = plan_of([fake_clips(folder / "in", *(f"a_{n:02}" for n in range(40)))], out)
    found: list[Outcome] = []
    with cluster(1) as made:
        place, gone_after = RayCluster(made.address), 0
        for outcome in run_plan(plan, str(out), RunSettings(), place, None, View(), kind):
            found.append(outcome)
            if not gone_after and len({o.frames for o in found}) > 1:
                made.remove_node(made.more[0])
                gone_after = len(found)
    assert gone_after and {o.state for o in found} == {"done"} and len(found) == 40, found
    assert manifest(out) == {"done": 40}
    return f"40 of 40 clips done, one of two nodes taken away after {gone_after}"


def ray_workers_die(folder: Path) -> str:
    names = ["a", "exits", "killed", "once", "fails", "hangs", "z"]
    with cluster(1) as made:
        place = RayCluster(made.address, clip_timeout_s=3)
        outcomes = driven(fake_clips(folder / "in", *names), folder / "out", place)
    states = {name: outcome.state for name, outcome in outcomes.items()}
    good = {"a", "once", "z"}
    assert states == {n: "done" if n in good else "failed" for n in names}, outcomes
    assert "took longer than 3 s" in str(outcomes["hangs"].error)
    return "3 done, 4 failed: os._exit, SIGKILL, a broken clip, one that hung"


def local_workers_die(folder: Path) -> str:
    names = ["a", "exits", "killed", "once", "fails", "hangs", "z"]
    place = Local(jobs=2, clip_timeout_s=3)
    outcomes = driven(fake_clips(folder / "in", *names), folder / "out", place)
    assert Counter(o.state for o in outcomes.values()) == {"done": 3, "failed": 4}, outcomes
    return "3 done, 4 failed"


def drivers_are_killed(folder: Path) -> str:
    """Each is killed sooner than it can end; the next goes on; a node's worker ends itself."""
    clips, out = real_clips(folder / "in", 12), folder / "out"
    kills = done = 0
    command = [*POSELIFT, "run", str(clips), "-o", str(out), *QUICK]
    with cluster(0) as made:
        for way in (["--jobs", "2"], ["--ray", made.address]) * 3:
            before = len(list(out.glob("*/summary.json")))
            run = subprocess.Popen([*command, *way], cwd=ROOT)
            limit = time.monotonic() + 120
            while time.monotonic() < limit and run.poll() is None:
                if len(list(out.glob("*/summary.json"))) >= before + 2:
                    run.send_signal(signal.SIGKILL)
                time.sleep(0.05)
            kills += run.wait() == -signal.SIGKILL
            assert not (bad := wrong_in(out)), bad
        run = subprocess.run([*command, "--ray", made.address], cwd=ROOT, check=False)
        assert run.returncode == 0
    done = len(list(out.glob("*/summary.json")))
    assert done == 12 and manifest(out) == {"done": 12}
    return f"{kills} drivers killed, 12 of 12 clips done"


def half_done(folder: Path) -> str:
    """200 clips, of which a share is done: the rest only is run, and all is as if run at once."""
    clips, out = real_clips(folder / "in", 200), folder / "out"
    command = [*POSELIFT, "run", str(clips), "-o", str(out), "--jobs", "2", "--render", "none"]
    subprocess.run([*command, "--shard", "1/2", "--quiet"], cwd=ROOT, check=True)
    before = {path: path.stat().st_mtime_ns for path in out.glob("*/poses3d.npz")}
    begun = time.monotonic()
    said = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    seconds = time.monotonic() - begun
    assert f"200 clips done ({len(before)} up to date), 0 failed" in said, said[-300:]
    assert all(path.stat().st_mtime_ns == was for path, was in before.items())
    assert manifest(out) == {"done": 200} and not wrong_in(out)
    begun = time.monotonic()
    subprocess.run([*command, "--quiet"], cwd=ROOT, check=True)
    again = time.monotonic() - begun
    return (
        f"{len(before)} had been done, {200 - len(before)} in {seconds:.0f} s, again {again:.0f} s"
    )


def a_folder_fills_up(folder: Path) -> str:
    """Files may not grow as they should: each is told, none is half, and later it works."""
    clips, out = real_clips(folder / "in", 3), folder / "out"
    command = [*POSELIFT, "run", str(clips), "-o", str(out), "--jobs", "2", *QUICK]
    for kilobytes in (1, 2, 3):
        limited = ["bash", "-c", f'ulimit -f {kilobytes}; exec "$@"', "limited", *command]
        run = subprocess.run(limited, cwd=ROOT, check=False, stderr=subprocess.PIPE, text=True)
        lines = [x for x in run.stderr.splitlines() if x.startswith("poselift:")]
        assert run.returncode == 1 and len(lines) >= 3, run.stderr
        assert "Traceback" not in run.stderr and not wrong_in(out), run.stderr
        assert not list(out.rglob("*.part*"))
    subprocess.run(command, cwd=ROOT, check=True)
    assert manifest(out) == {"done": 3} and not wrong_in(out)
    return "limits of 1, 2 and 3 KiB a file were told; then 3 of 3 done"


def two_runs_on_one_folder(folder: Path) -> str:
    """Without shares, as if somebody began the job twice: each clip is made once."""
    clips, out = real_clips(folder / "in", 12), folder / "out"
    command = [*POSELIFT, "run", str(clips), "-o", str(out), *QUICK, "--jobs", "1"]
    runs = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
    assert [run.wait() for run in runs] == [0, 0]
    assert len(list(out.glob("*/poses3d.npz"))) == len(list(out.glob("*/"))) == 12
    assert manifest(out) == {"done": 12} and not wrong_in(out)
    return "12 clips in 12 folders"


def s3(folder: Path) -> str:
    import s3fs
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    access = {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    os.environ.update(access, AWS_ENDPOINT_URL=f"http://{host}:{port}")
    try:
        system = s3fs.S3FileSystem()
        system.mkdir("bucket")
        for path in real_clips(folder / "in", 5).iterdir():
            system.put_file(str(path), f"bucket/clips/{path.name}")
        system.pipe("bucket/clips/bad.mp4", b"none")
        system.pipe("bucket/out/001/notes.txt", b"mine")  # a folder of somebody else
        command = [
            *POSELIFT,
            "run",
            "s3://bucket/clips",
            "-o",
            "s3://bucket/out",
            "--render",
            "none",
        ]
        said = []
        for way in (["--jobs", "2"], ["--ray", "local"]):
            run = subprocess.run(
                [*command, *way], cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True
            )
            assert run.returncode == 1
            said.append(run.stdout.splitlines()[-1])
        assert "5 clips done (0 up to date), 1 failed" in said[0], said
        assert "5 clips done (5 up to date), 1 failed" in said[1], said
        system.invalidate_cache()
        assert system.cat("bucket/out/001/notes.txt") == b"mine"
        assert system.ls("bucket/out/001") == ["bucket/out/001/notes.txt"]
        assert system.exists("bucket/out/001.mp4/poses3d.npz")
        rows = [json.loads(x) for x in system.cat("bucket/out/manifest.jsonl").splitlines()]
        assert Counter(row["state"] for row in rows) == {"done": 5, "failed": 1}
    finally:
        server.stop()
    return "5 clips from s3:// to s3:// by processes, up to date by Ray; a file of others kept"


CHECKS: tuple[Callable[[Path], str], ...] = (
    local_workers_die,
    ray_workers_die,
    ray_loses_a_node,
    drivers_are_killed,
    two_runs_on_one_folder,
    a_folder_fills_up,
    s3,
    half_done,
)


def main() -> int:
    chosen, bad = sys.argv[1:], 0
    for check in CHECKS:
        if chosen and check.__name__ not in chosen:
            continue
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            try:
                told = check(Path(folder))
            except Exception:
                traceback.print_exc()
                told, bad = "WENT WRONG", bad + 1
        print(f"{check.__name__}: {told} ({time.monotonic() - begun:.0f} s)", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
