"""manifest.jsonl: every clip, whole or not at all, and nobody else's file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poselift.data.errors import FormatError, OutputError
from poselift.pipeline.batch.manifest import (
    _KEYS,
    check_manifest,
    missing_parts,
    read_manifest,
    row_of,
    write_manifest,
)
from poselift.pipeline.batch.outcome import Clip, done, failed, pending
from poselift.pipeline.batch.shards import Shard
from poselift.pipeline.command_line import main


def clip(name: str, out: Path) -> Clip:
    return Clip(name, f"/clips/{name}", str(out), name.partition(".")[0])


def rows(out: Path, *names: str, state: str = "done") -> list[dict]:
    made = {
        "done": lambda c: done(c, c.folder, 1.5, 30, 2),
        "failed": lambda c: failed(c, "broken"),
        "pending": pending,
    }
    return [row_of(made[state](clip(name, out))) for name in names]


def test_a_line_for_each_clip_by_name(tmp_path: Path) -> None:
    told = [*rows(tmp_path, "b.mp4"), *rows(tmp_path, "a.mp4", state="failed")]
    write_manifest(str(tmp_path), told + rows(tmp_path, "c.mp4", state="pending"))
    lines = (tmp_path / "manifest.jsonl").read_text().splitlines()
    empty = {"seconds": None, "frames": None, "people": None, "error": None}
    assert [json.loads(line) for line in lines] == [
        {"clip": "a.mp4", "folder": "a", "state": "failed"} | empty | {"error": "broken"},
        {"clip": "b.mp4", "folder": "b", "state": "done"}
        | empty
        | {"seconds": 1.5, "frames": 30, "people": 2},
        {"clip": "c.mp4", "folder": "c", "state": "pending"} | empty,
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.jsonl"]


@settings(deadline=None)
@given(st.sets(st.text(st.characters(codec=None), min_size=1), max_size=8))
def test_any_name_is_read_as_it_was_written(tmp_path_factory, names: set[str]) -> None:
    out = tmp_path_factory.mktemp("out")
    write_manifest(str(out), [{**row, "clip": n} for n in names for row in rows(out, "a")])
    assert [row["clip"] for row in read_manifest(out)] == sorted(names)
    assert len((out / "manifest.jsonl").read_bytes().splitlines()) == len(names)


@pytest.mark.parametrize(
    "text",
    [
        *("mine", "[]", "3", '{"clip": "a"}', "\n", '{"a": 1}\n{"a": 2}\n', "[" * 100_000),
        json.dumps(dict.fromkeys(_KEYS)),
    ],
)
def test_files_of_others_are_kept(text: str, tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    path.write_text(text)
    for what in (check_manifest, lambda out: write_manifest(out, rows(tmp_path, "a.mp4"))):
        with pytest.raises(OutputError, match="is not replaced"):
            what(str(tmp_path))
    with pytest.raises(FormatError, match="is no manifest"):
        read_manifest(tmp_path)
    assert path.read_text() == text


def test_its_own_is_replaced_and_links_are_not_followed(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_manifest(str(tmp_path), rows(tmp_path, name))
    assert [row["clip"] for row in read_manifest(tmp_path)] == ["b.mp4"]
    other = tmp_path / "other" / "manifest.jsonl"
    other.parent.mkdir()
    other.symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputError, match="link to nothing"):
        write_manifest(str(other.parent), [])


def test_parts_of_shares_are_put_together(tmp_path: Path, capsys) -> None:
    out = str(tmp_path)
    write_manifest(out, rows(tmp_path, "a.mp4", state="failed"))
    os.utime(tmp_path / "manifest.jsonl", (1, 1))
    write_manifest(out, rows(tmp_path, "a.mp4", "c.mp4"), Shard(1, 3))
    write_manifest(out, rows(tmp_path, "b.mp4", state="failed"), Shard(3, 3))
    assert missing_parts(tmp_path) == ["manifest.2-of-3.jsonl"]
    assert main(["manifest", out]) == 1
    said = capsys.readouterr()
    assert said.out.strip().endswith("manifest.jsonl: 3 clips, 2 done, 1 failed, 0 pending")
    assert "1 of the shares have no manifest yet: manifest.2-of-3.jsonl" in said.err
    write_manifest(out, rows(tmp_path, "d.mp4"), Shard(2, 3))
    assert main(["manifest", out]) == 0
    whole = [json.loads(line) for line in (tmp_path / "manifest.jsonl").open()]
    assert [(row["clip"], row["state"]) for row in whole] == [
        ("a.mp4", "done"), ("b.mp4", "failed"), ("c.mp4", "done"), ("d.mp4", "done"),
    ]  # fmt: skip
    assert len(list(tmp_path.iterdir())) == 4


def test_where_no_manifest_is(tmp_path: Path, capsys) -> None:
    (tmp_path / "manifest.9999999-of-9999999999.jsonl").write_text("")
    assert main(["manifest", str(tmp_path)]) == 1
    assert "holds no manifest.jsonl" in capsys.readouterr().err
