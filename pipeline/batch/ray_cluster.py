"""Clips on a Ray cluster: one task each, in a process that the node's Ray worker keeps loaded."""

from __future__ import annotations

import functools
import importlib
import logging
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from poselift.data.errors import MissingDependency, PoseliftError, one_line, reason_of, told
from poselift.pipeline.batch.outcome import Clip, Outcome, failed
from poselift.pipeline.batch.processes import Local, Pool, Running
from poselift.pipeline.batch.view import View
from poselift.pipeline.batch.work import Kind

# Tasks that wait on the cluster, so that it grows where it can; more would only take memory.
_LEAST_WAITING = 256
_WAITING_EACH = 4  # for each clip that can be run at once


@dataclass(frozen=True)
class RayCluster:
    """A Ray cluster whose nodes have Poselift, and see the files that are named.

    Args:
        address: `host:port`, `auto` (the one that this machine is part of), or `local`, which
            begins one on this machine for this run.
        cpus, gpus: of a node, for each clip; gpus may be a part of one.
        clip_timeout_s: a clip that takes longer is ended.
        retries: how often a clip is given to another worker when its own, or its node, is lost.
    """

    address: str = "local"
    cpus: float = 1.0
    gpus: float = 0.0
    clip_timeout_s: float | None = None
    retries: int = 3

    @contextmanager
    def running(self, kind: Kind, view: View) -> Iterator[Running]:
        """Raises: MissingDependency; PoseliftError: no such cluster, or nothing can be run."""
        ray = _ray()
        begun_here = not ray.is_initialized()
        if begun_here:
            self._begin(ray, debug=kind.debug)
        try:
            yield _Cluster(ray, kind, self, view)
        finally:
            if begun_here:
                ray.shutdown()

    def _begin(self, ray: Any, *, debug: bool) -> None:
        more = {"include_dashboard": False} if self.address == "local" else {}
        here = threading.current_thread() is threading.main_thread()
        before = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(address=self.address, log_to_driver=debug, logging_level=logging.ERROR, **more)
        except (OSError, RuntimeError, ValueError) as error:
            raise PoseliftError(
                f"no Ray cluster at '{self.address}' ({reason_of(error)}). Begin one with "
                "`ray start --head`, or run with --ray local."
            ) from error
        finally:
            if here and before is not None:
                signal.signal(signal.SIGTERM, before)  # Ray sets its own


class _Cluster:
    """The cluster while clips are run on it."""

    def __init__(self, ray: Any, kind: Kind, asked: RayCluster, view: View) -> None:
        self.ray, self.asked = ray, asked
        cores = max(1, int(asked.cpus))
        self._given = ray.put((kind, Local(1, asked.clip_timeout_s, cores)))
        self._task = ray.remote(run_on_node).options(
            num_cpus=asked.cpus, num_gpus=asked.gpus, max_retries=asked.retries
        )
        if not any(self._fits(node) for node in ray.nodes() if node["Alive"]):
            view.say(
                f"no node has {asked.cpus:g} CPUs and {asked.gpus:g} GPUs; waiting for one. "
                "See --ray-cpus and --ray-gpus."
            )
        answer = self._answer(self._task.remote(self._given, None))
        if "key" not in answer:
            raise PoseliftError(answer["error"])
        self.key: str = answer["key"]

    def outcomes(self, clips: Iterable[Clip]) -> Iterator[Outcome]:
        todo, waiting = iter(clips), dict[Any, Clip]()
        slots = self.ray.cluster_resources().get("CPU", 1.0) / max(self.asked.cpus, 0.01)
        most = max(_LEAST_WAITING, int(_WAITING_EACH * slots))
        try:
            while True:
                for clip in islice(todo, most - len(waiting)):
                    waiting[self._task.remote(self._given, clip)] = clip
                if not waiting:
                    return
                ready, _ = self.ray.wait(list(waiting), num_returns=1)
                more, _ = self.ray.wait(list(waiting), num_returns=len(waiting), timeout=0)
                for ref in {*ready, *more}:
                    yield self._outcome(ref, waiting.pop(ref))
        finally:
            for ref in waiting:
                with suppress(Exception):  # it ended meanwhile, or the cluster is gone
                    self.ray.cancel(ref, force=True)

    def _fits(self, node: dict[str, Any]) -> bool:
        has = node["Resources"]
        return has.get("CPU", 0) >= self.asked.cpus and has.get("GPU", 0) >= self.asked.gpus

    def _outcome(self, ref: Any, clip: Clip) -> Outcome:
        answer = self._answer(ref)
        if "outcome" in answer:
            return Outcome(**answer["outcome"])
        return failed(clip, f"{one_line(clip.source)}: {answer['error']}")

    def _answer(self, ref: Any) -> dict[str, Any]:
        """What a task gives; of one that was lost, why."""
        try:
            answer: dict[str, Any] = self.ray.get(ref)
        except self.ray.exceptions.RayError as error:
            why = one_line(str(error).strip().splitlines()[-1] if str(error).strip() else error)
            times = f"after {self.asked.retries + 1} tries at most"
            return {"error": f"was lost on the cluster {times} ({type(error).__name__}: {why})."}
        return answer


def run_on_node(given: tuple[Kind, Local], clip: Clip | None) -> dict[str, Any]:
    """The task: a clip's outcome, or for no clip the key; what went wrong is a value, too."""
    kind, local = given
    try:
        pool = _node().pool(kind, local)
        if clip is None:
            return {"key": pool.key}
        (outcome,) = pool.outcomes([clip])
    except Exception as error:
        return {"error": told(error)}
    return {"outcome": asdict(outcome)}


class _Node:
    """What a Ray worker keeps from task to task: a process in which everything is loaded.

    Ray may give other GPUs to the next task; then another one is begun.
    """

    def __init__(self) -> None:
        self._made: tuple[tuple[Any, ...], Pool] | None = None

    def pool(self, kind: Kind, local: Local) -> Pool:
        wanted = (kind, local, os.environ.get("CUDA_VISIBLE_DEVICES"))
        if self._made is None or self._made[0] != wanted:
            if self._made is not None:
                self._made[1].close()
            self._made = None
            self._made = wanted, Pool(kind, local, View())
        return self._made[1]


@functools.cache
def _node() -> _Node:
    return _Node()


def _ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise MissingDependency(
            "--ray needs 'ray', which is not installed: pip install 'poselift[ray]', on this "
            "machine and on the nodes."
        ) from error
