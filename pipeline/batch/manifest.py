"""OUT/manifest.jsonl: every clip of a run and what became of it, one JSON object a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from poselift.data.errors import FormatError, OutputError, reason_of
from poselift.data.files.file_kinds import FileKind, check_output
from poselift.data.files.whole_file import whole_file
from poselift.pipeline.batch.addresses import UNREACHABLE, file_system, is_address, joined
from poselift.pipeline.batch.outcome import Outcome
from poselift.pipeline.batch.shards import Shard

MANIFEST = "manifest.jsonl"
_PART = re.compile(r"manifest\.(\d+)-of-(\d+)\.jsonl")
_KEYS = ("clip", "folder", "state", "seconds", "frames", "people", "error")
_STATES = ("done", "failed", "pending")
_LONGEST_LINE = 1 << 20

Row = dict[str, Any]


def manifest_name(shard: Shard | None) -> str:
    return MANIFEST if shard is None else f"manifest.{shard.index}-of-{shard.count}.jsonl"


def row_of(outcome: Outcome) -> Row:
    return {
        "clip": outcome.clip,
        "folder": outcome.folder or None,
        "state": outcome.state,
        "seconds": outcome.seconds,
        "frames": outcome.frames,
        "people": outcome.people,
        "error": outcome.error,
    }


def check_manifest(out: str, shard: Shard | None = None) -> None:
    """Before any work: nobody else's file has its name. Raises: OutputError."""
    place = joined(out, manifest_name(shard))
    if not is_address(out):
        check_output(Path(place), KIND)
        return
    system, path = file_system(place)
    try:
        content = system.cat_file(path) if system.exists(path) else b""
        list(_checked_rows(content.splitlines()))
    except (*UNREACHABLE, LookupError, TypeError) as error:
        raise OutputError(
            f"{place}: is there already and is not {KIND.name} made by Poselift, so it is not "
            f"replaced ({reason_of(error)}). Move it away, or choose another place."
        ) from error


def write_manifest(out: str, rows: Iterable[Row], shard: Shard | None = None) -> str:
    """Write it whole, or leave what was there; its path or address.

    Raises: OutputError: a file of somebody else is there, or it cannot be written.
    """
    check_manifest(out, shard)
    place = joined(out, manifest_name(shard))
    lines = (json.dumps(row) + "\n" for row in sorted(rows, key=lambda row: str(row["clip"])))
    if is_address(out):
        system, path = file_system(place)
        try:
            system.pipe_file(path, "".join(lines).encode())
        except UNREACHABLE as error:
            raise OutputError(f"{place}: cannot be written ({reason_of(error)}).") from error
        return place
    with whole_file(Path(place)) as part, part.open("w", encoding="utf-8") as stream:
        stream.writelines(lines)
    return place


def read_manifest(out: str | Path) -> list[Row]:
    """Rows of the manifests in a folder of results, by clip.

    There may be a whole one and parts of shares: what was written last stands for a clip.
    Raises: FormatError: there is none, or one is damaged.
    """
    files = [p for p in Path(out).glob("manifest*.jsonl") if p.name == MANIFEST or _share(p)]
    rows: dict[str, Row] = {}
    for path in sorted(files, key=lambda path: (path.stat().st_mtime_ns, path.name)):
        rows.update({row["clip"]: row for row in _rows_of(path)})
    if not files:
        raise FormatError(f"{out}: holds no {MANIFEST}, nor parts of one. Give the -o of a run.")
    return [rows[clip] for clip in sorted(rows)]


def missing_parts(out: str | Path) -> list[str]:
    """Names of the parts that are not there, of the shares of which one is."""
    shares = [share for path in Path(out).glob("manifest.*.jsonl") if (share := _share(path))]
    counts = {share.count for share in shares}
    wanted = [Shard(i, count) for count in sorted(counts) for i in range(1, count + 1)]
    return [manifest_name(share) for share in wanted if share not in shares]


def _share(path: Path) -> Shard | None:
    told = _PART.fullmatch(path.name)
    index, count = map(int, told.groups()) if told else (0, 0)
    # What a name claims is only believed as far as a cluster can be large.
    return Shard(index, count) if 1 <= index <= count <= 1_000_000 else None


def _rows_of(path: Path) -> Iterator[Row]:
    """Raises: FormatError."""
    try:
        with path.open("rb") as stream:
            yield from _checked_rows(iter(lambda: stream.readline(_LONGEST_LINE), b""))
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise FormatError(
            f"{path}: is no manifest that Poselift wrote ({reason_of(error)}). Run again."
        ) from error


def _checked_rows(lines: Iterable[bytes]) -> Iterator[Row]:
    """Raises: ValueError, LookupError, TypeError."""
    for line in lines:
        row = json.loads(line)
        if not isinstance(row, dict) or set(row) != set(_KEYS):
            raise ValueError(f"a line has not the names {', '.join(_KEYS)}")
        if not isinstance(row["clip"], str) or row["state"] not in _STATES:
            raise ValueError("a line has no clip or state")
        yield row


def _is_manifest(path: Path) -> bool:
    try:
        for _ in _rows_of(path):
            pass
    except FormatError:
        return False
    return True


KIND = FileKind("a manifest of clips", (".jsonl",), _is_manifest)
