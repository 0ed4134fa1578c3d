"""Many clips from inputs to results and a manifest; where they are run is a value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import Protocol

from poselift.data.errors import PoseliftError
from poselift.pipeline.batch.addresses import is_address
from poselift.pipeline.batch.manifest import check_manifest, row_of, write_manifest
from poselift.pipeline.batch.outcome import Clip, Outcome, done, pending
from poselift.pipeline.batch.plan import Plan, plan_of
from poselift.pipeline.batch.processes import Local, Running
from poselift.pipeline.batch.remote import RemoteShelf, known_remote
from poselift.pipeline.batch.shards import Shard
from poselift.pipeline.batch.view import View
from poselift.pipeline.batch.work import Kind, clips_work
from poselift.pipeline.clip.settings import RunSettings
from poselift.pipeline.folders.clip_folders import LocalShelf
from poselift.pipeline.folders.folder_record import FolderRecord
from poselift.pipeline.folders.sources import Known, known_of
from poselift.pipeline.folders.stage_cache import receipt_of

_LOOKED_AT_ONCE = 16  # clips, for file systems that answer slowly


class Place(Protocol):
    """Where clips are run: Local, RayCluster."""

    def running(self, kind: Kind, view: View) -> AbstractContextManager[Running]:
        """Raises: PoseliftError: nothing can be run there."""
        ...


def run_many(
    inputs: str | Path | Sequence[str | Path],
    out: str | Path,
    settings: RunSettings | None = None,
    *,
    on: Place | None = None,
    shard: Shard | None = None,
    view: View | None = None,
) -> Iterator[Outcome]:
    """Run many clips; what becomes of each comes as it does, whatever becomes of the others.

    Results lie in `out`/<clip>/. Clips that are done, and unchanged, come first and are not run
    again. At the end, or when the iterator is closed, `out`/manifest.jsonl says what became of
    every clip; with a shard it is manifest.I-of-N.jsonl.

    Args:
        inputs: videos, folders or globs, or addresses of them that fsspec reads.
        out: a folder, or an address.
        on: Local(jobs=1), or RayCluster(address).
        shard: the share of the clips to run; each is in one share, by a hash of its name.
    Raises: PoseliftError: detector or lifter cannot be had, somebody else's file has the
        manifest's name, or an address cannot be reached.

    >>> for clip in poselift.run_many("data/examples", "out", on=poselift.Local(jobs=1)):
    ...     print(clip.clip, clip.state, clip.frames)
    walk.mp4 done 120
    """
    inputs = [inputs] if isinstance(inputs, str | Path) else inputs
    plan = plan_of(inputs, out, shard)
    check_manifest(str(out), shard)
    settings = settings or RunSettings()
    return run_plan(plan, str(out), settings, on or Local(), shard, view or View())


def run_plan(
    plan: Plan,
    out: str,
    settings: RunSettings,
    on: Place,
    shard: Shard | None,
    view: View,
    kind: Kind | None = None,
) -> Iterator[Outcome]:
    """See run_many; `kind`: other work than running clips."""
    kind = kind or clips_work(settings)
    rows = {clip.name: row_of(pending(clip)) for clip in plan.clips}
    reuse = settings.use_cache and not settings.force
    try:
        for outcome in _outcomes(plan, out, kind, on, view, reuse=reuse):
            rows[outcome.clip] = row_of(outcome)
            yield outcome
    finally:
        view.close()
        write_manifest(out, rows.values(), shard)


def _outcomes(
    plan: Plan, out: str, kind: Kind, on: Place, view: View, *, reuse: bool
) -> Iterator[Outcome]:
    yield from plan.failures
    if not plan.clips:
        return
    view.begin(len(plan.clips))
    with on.running(kind, view) as running:
        todo = []
        for clip, before in done_before(plan.clips, out, running.key if reuse else None):
            if before is None:
                todo.append(clip)
            else:
                view.ended(good=True)
                yield before
        for outcome in running.outcomes(todo):
            view.ended(good=outcome.state == "done")
            yield outcome


def done_before(
    clips: Sequence[Clip], out: str, key: str | None
) -> Iterator[tuple[Clip, Outcome | None]]:
    """Each clip with what became of it before; None: it has to be run.

    Args:
        key: of all that shapes results but the clip; None: everything is run.
    """
    if key is None:
        yield from ((clip, None) for clip in clips)
        return
    shelf = RemoteShelf(out) if is_address(out) else LocalShelf(Path(out))

    def look(clip: Clip) -> Outcome | None:
        if clip.folder.casefold() not in shelf.alike:
            return None
        if isinstance(shelf, RemoteShelf):
            record = shelf.records.get(clip.folder)
        else:
            record = FolderRecord(shelf.out / clip.folder)
        receipt = receipt_of(record) if record else None
        if record is None or receipt is None or receipt.key != key:
            return None
        known = _known(clip.source)
        if known is None or record.origin is None or record.origin.path != known.path:
            return None
        if known.signature != receipt.source:
            return None
        numbers = (receipt.seconds, receipt.frames, receipt.people)
        return done(clip, clip.folder, *numbers, reused=True)

    # An address is asked by many at a time; for files a thread would only be one more step.
    if not any(is_address(clip.source) for clip in clips[:1]):
        yield from ((clip, look(clip)) for clip in clips)
        return
    with ThreadPoolExecutor(_LOOKED_AT_ONCE) as several:
        rest = iter(clips)
        while part := list(islice(rest, 64 * _LOOKED_AT_ONCE)):
            yield from zip(part, several.map(look, part), strict=True)


def _known(source: str) -> Known | None:
    try:
        return known_remote(source) if is_address(source) else known_of(Path(source))
    except PoseliftError:
        return None  # the run says what is wrong with it
