"""How many clips an hour, and what it costs to keep thousands of them in order.

    python benchmarks/scale.py [--clips 100000] [--nodes 100] [--no-video]

One JSON line per figure. `clips an hour`: copies of the example, one after the other, by one
process and by two. The rest without any video: a cluster whose nodes sleep in place of working, the
processes and (where it is installed) Ray with work that is over at once, and a run again of what
is done. Memory is the peak of the process that
drives, `cpu_s` its time on a processor, which other work on the machine does not change.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import queue
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)
EXAMPLE = ROOT / "data" / "examples" / "walk.mp4"

from poselift.data.progress import Progress  # noqa: E402
from poselift.pipeline.batch.manifest import read_manifest  # noqa: E402
from poselift.pipeline.batch.many import Place, run_plan  # noqa: E402
from poselift.pipeline.batch.outcome import Clip, Outcome, done  # noqa: E402
from poselift.pipeline.batch.plan import Plan, plan_of  # noqa: E402
from poselift.pipeline.batch.processes import Local, Running  # noqa: E402
from poselift.pipeline.batch.ray_cluster import RayCluster  # noqa: E402
from poselift.pipeline.batch.view import View  # noqa: E402
from poselift.pipeline.batch.work import Kind  # noqa: E402
from poselift.pipeline.clip.settings import RunSettings  # noqa: E402
from poselift.pipeline.folders.folder_record import RECORD, FolderRecord, Origin  # noqa: E402
from poselift.pipeline.folders.sources import known_of  # noqa: E402
from poselift.pipeline.folders.stage_cache import Receipt  # noqa: E402

KEY = "simulated"
FEW = 1000  # clips of processes and Ray, whose cost is per clip


class NoWork:
    """Over at once."""

    key = KEY

    def __init__(self, settings: None, cores: int, *, debug: bool = False) -> None:
        pass

    def run(self, clip: Clip, progress: Progress) -> Outcome:
        return done(clip, clip.folder, 0.0, 1, 1)


@dataclass(frozen=True)
class Sleeping:
    """A cluster whose nodes sleep so many seconds for each clip."""

    nodes: int
    takes_s: float

    @contextmanager
    def running(self, kind: Kind, view: View) -> Iterator[Running]:
        yield _Nodes(self)


class _Nodes:
    key = KEY

    def __init__(self, cluster: Sleeping) -> None:
        self.cluster = cluster

    def outcomes(self, clips: Iterable[Clip]) -> Iterator[Outcome]:
        todo: queue.Queue[Clip | None] = queue.Queue(2 * self.cluster.nodes)
        over: queue.Queue[Outcome | None] = queue.Queue()

        def node() -> None:
            while (clip := todo.get()) is not None:
                time.sleep(self.cluster.takes_s)
                over.put(done(clip, clip.folder, self.cluster.takes_s, 1, 1))
            over.put(None)

        def feed() -> None:
            for clip in clips:
                todo.put(clip)
            for _ in range(self.cluster.nodes):
                todo.put(None)

        for work in (feed, *[node] * self.cluster.nodes):
            threading.Thread(target=work, daemon=True).start()
        left = self.cluster.nodes
        while left:
            outcome = over.get()
            if outcome is None:
                left -= 1
            else:
                yield outcome


def run(plan: Plan, place: Place, out: Path) -> tuple[float, int]:
    """Seconds, and how many clips had been done before."""
    kind, begun = Kind("benchmarks.scale:NoWork", None), time.perf_counter()
    outcomes = run_plan(plan, str(out), RunSettings(), place, None, View(), kind)
    reused = sum(outcome.reused for outcome in outcomes)
    return time.perf_counter() - begun, reused


def write_receipts(plan: Plan) -> None:
    """As runs leave them, but for results."""
    for clip in plan.clips:
        folder = Path(clip.place)
        folder.mkdir(parents=True)
        record = FolderRecord(folder)
        known = known_of(Path(clip.source))
        record.origin = Origin(known.path, "")
        receipt = Receipt(KEY, known.signature, 1.0, 100, 2)
        record.done = {**asdict(receipt), "files": {}}
        (folder / RECORD).write_text(record.text())


# Each figure, made in a process of its own


def planning(folder: Path, nodes: int) -> dict[str, Any]:
    begun = time.perf_counter()
    plan = plan_of([folder / "clips"], folder / "out")
    return {"clips": len(plan.clips), "seconds": round(time.perf_counter() - begun, 1)}


def scheduling(folder: Path, nodes: int) -> dict[str, Any]:
    plan, takes_s = plan_of([folder / "clips"], folder / "out"), 0.1
    seconds, _ = run(plan, Sleeping(nodes, takes_s), folder / "out")
    ideal_s = len(plan.clips) * takes_s / nodes
    told = {"clips": len(plan.clips), "nodes": nodes, "seconds": round(seconds, 1)}
    told["asleep_s"] = round(ideal_s, 1)
    return told | {"overhead_ms_per_clip": round(1000 * (seconds - ideal_s) / len(plan.clips), 3)}


def again(folder: Path, nodes: int) -> dict[str, Any]:
    begun = time.perf_counter()
    plan = plan_of([folder / "clips"], folder / "out")
    _, reused = run(plan, Sleeping(nodes, 0.0), folder / "out")
    seconds = round(time.perf_counter() - begun, 1)
    return {"clips": len(plan.clips), "up_to_date": reused, "seconds": seconds}


def reading_the_manifest(folder: Path, nodes: int) -> dict[str, Any]:
    begun = time.perf_counter()
    rows = read_manifest(folder / "out")
    seconds = round(time.perf_counter() - begun, 1)
    size = (folder / "out" / "manifest.jsonl").stat().st_size / 2**20
    return {"clips": len(rows), "seconds": seconds, "file_mib": round(size, 1)}


def processes(folder: Path, nodes: int) -> dict[str, Any]:
    return _few(folder, Local(jobs=2))


def ray(folder: Path, nodes: int) -> dict[str, Any]:
    return _few(folder, RayCluster("local"))


def _few(folder: Path, place: Place) -> dict[str, Any]:
    clips = plan_of([folder / "clips"], folder / "few").clips[:FEW]
    seconds, _ = run(Plan(clips, ()), place, folder / "few")
    told = {"clips": len(clips), "seconds": round(seconds, 1)}
    return told | {"ms_per_clip": round(1000 * seconds / len(clips), 2)}


FIGURES: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "planning": planning,
    "scheduling": scheduling,
    "again": again,
    "reading the manifest": reading_the_manifest,
    "processes": processes,
    "ray": ray,
}


def clips_an_hour(folder: Path, count: int) -> Iterator[dict[str, Any]]:
    """Whole runs of the command, with loading, over copies of the example."""
    videos = folder / "videos"
    videos.mkdir()
    for number in range(count):
        shutil.copy(EXAMPLE, videos / f"{number}.mp4")
    for name, flags in (("one after the other", []), ("1", ["1"]), ("2", ["2"])):
        out = folder / f"hour-{name}"
        command = [sys.executable, "-m", "poselift", "run", str(videos), "-o", str(out), "--quiet"]
        begun = time.perf_counter()
        subprocess.run([*command, *(["--jobs", *flags] if flags else [])], check=True, cwd=ROOT)
        seconds = time.perf_counter() - begun
        hour = {"figure": "clips an hour", "jobs": name, "clips": count}
        yield hour | {"seconds": round(seconds, 1), "clips_per_h": round(3600 * count / seconds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--no-video", action="store_true", help="leave out the clips an hour")
    parser.add_argument("--videos", type=int, default=4, help="copies of the example")
    parser.add_argument("--figure", choices=FIGURES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.figure:
        begun = time.process_time()
        told = FIGURES[asked.figure](asked.folder, asked.nodes)
        told["cpu_s"] = round(time.process_time() - begun, 1)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        told["peak_mib"] = round(peak / (2**20 if sys.platform == "darwin" else 2**10))
        print(json.dumps({"figure": asked.figure} | told), flush=True)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "clips").mkdir()
        for number in range(asked.clips):
            (folder / "clips" / f"{number:06}.mp4").touch()
        for figure in FIGURES:
            if figure == "ray" and importlib.util.find_spec("ray") is None:
                continue
            if figure == "again":
                write_receipts(plan_of([folder / "clips"], folder / "out"))
            command = [sys.executable, __file__, "--figure", figure, "--folder", name]
            subprocess.run([*command, "--nodes", str(asked.nodes)], check=True)
        if not asked.no_video:
            for told in clips_an_hour(folder, asked.videos):
                print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
