"""Clips side by side in processes: nothing that becomes of one touches the others."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT
from fake_work import fake_kind

from poselift.data.errors import PoseliftError
from poselift.inference.detecting import default_workers
from poselift.pipeline.batch.many import run_plan
from poselift.pipeline.batch.outcome import Outcome
from poselift.pipeline.batch.plan import Plan, plan_of
from poselift.pipeline.batch.processes import Local
from poselift.pipeline.batch.view import Shown, View
from poselift.pipeline.clip.settings import RunSettings


def plan(folder: Path, *names: str) -> Plan:
    for name in names:
        (folder / f"{name}.mp4").touch()
    return plan_of([folder], folder / "out")


def run(plan: Plan, on: Local, view: View | None = None, **settings: object) -> dict[str, Outcome]:
    out = plan.clips[0].out
    kind = fake_kind(**settings)
    outcomes = run_plan(plan, out, RunSettings(), on, None, view or View(), kind)
    return {outcome.clip.removesuffix(".mp4"): outcome for outcome in outcomes}


def gone(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def test_processes_load_once_and_share_the_cores(tmp_path: Path) -> None:
    names = [f"clip_{number}" for number in range(12)]
    outcomes = run(plan(tmp_path, *names), Local(jobs=2), takes_s=0.1)
    assert set(outcomes) == set(names)
    assert all(outcome.state == "done" for outcome in outcomes.values())
    processes = {outcome.frames for outcome in outcomes.values()}
    assert len(processes) == 2 and os.getpid() not in processes
    assert {o.people for o in outcomes.values()} == {max(1, default_workers() // 2)}
    assert all(gone(process) for process in processes)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_process_that_dies_takes_no_clip_with_it(jobs: int, tmp_path: Path) -> None:
    names = ["a", "exits", "killed", "once", "fails", "z"]
    stream = io.StringIO()
    outcomes = run(plan(tmp_path, *names), Local(jobs=jobs), Shown(stream))
    states = {name: outcome.state for name, outcome in outcomes.items()}
    assert states == dict.fromkeys(("a", "once", "z"), "done") | dict.fromkeys(
        ("exits", "killed", "fails"), "failed"
    )
    assert "ended with status 9, twice" in str(outcomes["exits"].error)
    assert "was ended by SIGKILL, twice" in str(outcomes["killed"].error)
    assert outcomes["fails"].error == "fails.mp4: is broken"
    assert stream.getvalue().count("trying once more") == 3
    rows = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").open()]
    assert {row["clip"]: row["state"] for row in rows} == {f"{n}.mp4": states[n] for n in names}


def test_a_clip_that_hangs_is_ended(tmp_path: Path) -> None:
    begun = time.monotonic()
    outcomes = run(plan(tmp_path, "a", "hangs", "z"), Local(jobs=2, clip_timeout_s=1))
    assert time.monotonic() - begun < 300  # it would take twice as long
    assert [outcomes[name].state for name in ("a", "hangs", "z")] == ["done", "failed", "done"]
    assert "took longer than 1 s and was ended" in str(outcomes["hangs"].error)


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"unusable": True}, "no such network"), ({"stillborn": True}, "while it was loading")],
)
def test_what_cannot_be_loaded_is_told_once(settings: dict, words: str, tmp_path: Path) -> None:
    with pytest.raises(PoseliftError, match=words):
        run(plan(tmp_path, "a", "b"), Local(jobs=2), **settings)
    rows = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").open()]
    assert [row["state"] for row in rows] == ["pending", "pending"]


def test_an_iterator_that_is_closed_ends_its_processes(tmp_path: Path) -> None:
    todo = plan(tmp_path, "a", "slow_1", "slow_2")
    outcomes = run_plan(
        todo, todo.clips[0].out, RunSettings(), Local(jobs=2), None, View(), fake_kind()
    )
    first = next(outcomes)
    outcomes.close()
    assert first.frames is not None and gone(first.frames)
    rows = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").open()]
    assert [row["state"] for row in rows] == ["done", "pending", "pending"]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_a_run_that_is_ended_leaves_no_process(name: str, tmp_path: Path) -> None:
    """What is at work clears up; after SIGKILL, too, of which the processes are not told."""
    plan(tmp_path, "slow_1", "slow_2")
    code = f"""
from fake_work import fake_kind
from poselift.data.process import ended
from poselift.pipeline.batch import processes
from poselift.pipeline.batch.many import run_plan
from poselift.pipeline.batch.plan import plan_of
from poselift.pipeline.batch.processes import Local, Worker
from poselift.pipeline.batch.view import Shown
from poselift.pipeline.clip.settings import RunSettings
import sys
plan = plan_of([{str(tmp_path)!r}], {str(tmp_path / "out")!r})
real = Worker.give
def give(self, clip):
    real(self, clip)
    print(self.process.pid, flush=True)
Worker.give = give
def work():
    list(run_plan(plan, {str(tmp_path / "out")!r}, RunSettings(), Local(2), None, Shown(sys.stderr), fake_kind()))
    return 0
sys.exit(ended("poselift", work))
"""  # noqa: E501
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    driver = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": paths},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert driver.stdout is not None
    processes = [int(driver.stdout.readline()) for _ in range(2)]
    time.sleep(0.3)
    number = getattr(signal, name)
    driver.send_signal(number)
    _, said = driver.communicate(timeout=120)
    assert driver.returncode == (-number if name == "SIGKILL" else 128 + number)
    assert "Traceback" not in said
    limit = time.monotonic() + 60
    while not all(map(gone, processes)) and time.monotonic() < limit:
        time.sleep(0.05)
    assert all(map(gone, processes))
    assert len(list(tmp_path.glob("*.cleared"))) == 2
    assert (tmp_path / "out" / "manifest.jsonl").exists() == (name != "SIGKILL")


@pytest.mark.parametrize(("jobs", "limit"), [(0, None), (1, 0), (1, -1), (1, float("nan"))])
def test_numbers_that_mean_nothing(jobs: int, limit: float | None) -> None:
    with pytest.raises(ValueError, match=r"at least 1|above 0"):
        Local(jobs, limit)
