"""Stage results that are reused when, and only when, nothing that shapes them changed.

A stage is up to date when the key of all that shapes it is the one wanted now and its file is
the one that was written then (see folder_record).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from poselift.data import __version__
from poselift.pipeline.folders.folder_record import ASIDE, MAKING, FolderRecord, write_part
from poselift.pipeline.folders.sources import Signature

Value = TypeVar("Value")


@dataclass(frozen=True)
class Stage(Generic[Value]):
    """A stage whose result is one file of this name."""

    name: str
    file: str
    save: Callable[[Path, Value], None]
    load: Callable[[Path], Value]


@dataclass
class StageTimes:
    """Seconds of each stage, and which were up to date and only read."""

    seconds: dict[str, float] = field(default_factory=dict)
    reused: list[str] = field(default_factory=list)


class StageCache:
    """The stages of one run in a locked folder, in their order; each shapes those after it.

    Args:
        making: the folder that unfinished results lie in.
        order: the names of all stages. Before one is made anew, what was made after it goes.
        ends: stages that shape no other stage.
        use: False makes every stage anew. forced: stages to make anew.
        before_record: called before a result is recorded; what it raises keeps it out.
    """

    def __init__(
        self,
        record: FolderRecord,
        making: Path,
        order: Sequence[str],
        *,
        ends: frozenset[str] = frozenset(),
        use: bool = True,
        forced: frozenset[str] = frozenset(),
        before_record: Callable[[], None] = lambda: None,
    ) -> None:
        self.record, self.times = record, StageTimes()
        self._making, self._order, self._ends = making, order, ends
        self._use, self._forced = use, forced
        self._before_record = before_record
        self._key = ""

    def value(
        self, stage: Stage[Value], shapes: Mapping[str, Any], make: Callable[[], Value]
    ) -> Value:
        """The stage's result: read if it is up to date, else made, saved and recorded."""
        made: list[Value] = []

        def write(path: Path) -> None:
            made.append(make())
            stage.save(path, made[0])

        path = self.file(stage.name, stage.file, shapes, write)
        return made[0] if made else stage.load(path)

    def file(
        self, stage: str, name: str, shapes: Mapping[str, Any], write: Callable[[Path], None]
    ) -> Path:
        """The stage's file, written anew unless it is up to date.

        Raises: OutputError: a file of that name is there, and it is not ours.
        """
        begun = time.monotonic()
        key = self._key_of(stage, shapes)
        reuse = self.may_reuse(stage) and self.record.is_fresh(name, key)
        if not reuse:
            self.record.check_replaceable([name])
            self.record.remove(self._after(stage))
            self._put(name, stage, key, write)
        self._took(stage, begun, reuse=reuse)
        return self.record.folder / name

    def files(
        self,
        stage: str,
        made: Mapping[str, Callable[[], bytes]],
        shapes: Mapping[str, Any],
    ) -> list[Path]:
        """A stage of several files, each written anew unless it is up to date.

        Other files of the stage that were shaped otherwise are removed, those without a key
        are kept: a command of its own made them of the results that are here.

        Args:
            made: what makes the content of each file, by its name.
        Raises: OutputError: a file of one of the names is there, and it is not ours.
        """
        begun = time.monotonic()
        key = self._key_of(stage, shapes)
        self.record.check_replaceable(made)
        reuse = self.may_reuse(stage)
        todo = [name for name in made if not (reuse and self.record.is_fresh(name, key))]
        if todo:
            self.record.remove(self._after(stage))
        self.record.remove([stage], but=made, keys={"", key})
        for name in todo:
            self._put(name, stage, key, partial(_write_content, made[name]))
        self._took(stage, begun, reuse=not todo)
        return [self.record.folder / name for name in made]

    def may_reuse(self, stage: str) -> bool:
        """Neither this stage nor one that shapes it is to be made anew, come what may."""
        before = self._order[: self._order.index(stage)]
        shaping = {stage, *(name for name in before if name not in self._ends)}
        return self._use and not self._forced & shaping

    def _after(self, stage: str) -> list[str]:
        """The stages that what is made of this one goes into."""
        after = self._order[self._order.index(stage) + 1 :]
        return [name for name in after if not {stage, name} <= self._ends]

    def _key_of(self, stage: str, shapes: Mapping[str, Any]) -> str:
        key = _digest(stage, shapes, self._key)
        if stage not in self._ends:
            self._key = key
        return key

    def _put(self, name: str, stage: str, key: str, write: Callable[[Path], None]) -> None:
        part = self._making / name
        write(part)
        self._before_record()
        self.record.put(part, name, stage, key)

    def _took(self, stage: str, begun: float, *, reuse: bool) -> None:
        self.times.seconds[stage] = round(time.monotonic() - begun, 3)
        if reuse:
            self.times.reused.append(stage)

    def aside(self) -> Path:
        """Where the stage that is being made may put aside what it has so far."""
        return self.record.folder / MAKING / f"{ASIDE}{self._key[:16]}.npz"

    def drop_aside(self) -> None:
        for leftover in (self.record.folder / MAKING).glob(f"{ASIDE}*"):
            leftover.unlink(missing_ok=True)


def _write_content(content: Callable[[], bytes], part: Path) -> None:
    write_part(part, content())


@dataclass(frozen=True)
class Receipt:
    """That a clip was done, and how it went.

    Args:
        key: of all that shapes the results but the source (see Networks.key).
        source: the source's signature.
        seconds: that it took.
    """

    key: str
    source: Signature
    seconds: float
    frames: int
    people: int


def finish(record: FolderRecord, receipt: Receipt) -> None:
    """Note in a locked folder that a clip was done."""
    files = {}
    for name in record.files:
        with suppress(FileNotFoundError):  # an export, say, that its user removed
            files[name] = _state_of(record.folder / name)
    record.finish({**asdict(receipt), "files": files})


def receipt_of(record: FolderRecord) -> Receipt | None:
    """What is noted in a folder of which every file is as it was left, by size and time."""
    done = dict(record.done or {})
    try:
        if any(_state_of(record.folder / n) != was for n, was in done.pop("files").items()):
            return None
        receipt = Receipt(**done)
    except (KeyError, TypeError, AttributeError, ValueError, OSError):
        return None
    numbers = (receipt.seconds, receipt.frames, receipt.people)
    return receipt if all(isinstance(n, int | float) for n in numbers) else None


def _state_of(file: Path) -> list[int]:
    stat = file.lstat()
    return [stat.st_size, stat.st_mtime_ns]


def _digest(stage: str, shapes: Mapping[str, Any], before: str) -> str:
    """A digest of everything that shapes a stage's result (plain JSON values)."""
    text = json.dumps([__version__, stage, shapes, before], sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} cannot be part of a cache key")
