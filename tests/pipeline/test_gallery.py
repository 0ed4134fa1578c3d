"""The index of a folder of results: what is on it, what it refuses, and that it runs nothing."""

from __future__ import annotations

import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from standing_people import PAIR, clip

from poselift.data.archives.stage_results import save_poses
from poselift.data.errors import OutputError
from poselift.pipeline.command_line import main
from poselift.pipeline.commands.show_commands import renew_index
from poselift.pipeline.overlay.render import render_overlay
from poselift.pipeline.viewer.gallery import INDEX, gallery_of, is_index, write_gallery
from poselift.pipeline.viewer.html_page import filled, json_in_html
from poselift.pipeline.viewer.posters import MOST_BYTES, is_poster, poster_of
from poselift.pipeline.viewer.summaries import summary_in

EVIL = "<img src=x onerror=alert(1)>"
FINDING = {"kind": "fast", "frames": [[1, 2]], "share": 0.1, "text": "fast, likely blurred"}


def summary(people: int = 2, frames: int = 90, **more: Any) -> dict[str, Any]:
    return {
        "format": "poselift-summary/1",
        "source": "/films/walk.mp4",
        "video": {"width": 640, "height": 360},
        "rotate": 0,
        "frames": frames,
        "fps": 30.0,
        "people": [{"id": p + 1, "findings": []} for p in range(people)],
    } | more


def result(out: Path, name: str, told: Any = None) -> Path:
    folder = out / name
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(json.dumps(summary() if told is None else told))
    return folder


def cards(out: Path) -> dict[str, dict[str, Any]]:
    found = re.search(
        r'<script type="application/json" id="clips">(.*?)</script>',
        (out / INDEX).read_text(),
        re.DOTALL,
    )
    assert found
    return {card["name"]: card for card in json.loads(found[1])}


class Elements(HTMLParser):
    """The start tags of a page, with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_a_card_for_each_result_and_each_failure(tmp_path: Path, capsys) -> None:
    doubted = [{"id": 3, "findings": [FINDING]}]
    for name, told in {
        "walk": None,
        "flip": summary(people=doubted and 0) | {"people": doubted},
    }.items():
        result(tmp_path, name, told)
    (tmp_path / "walk" / "page.html").write_text("page")
    (tmp_path / "walk" / "overlay.mp4").write_text("no film")
    (tmp_path / "notes").mkdir()
    path, count = write_gallery(tmp_path, {"gone.mp4": "gone.mp4: no such file."})
    assert (path.name, count) == (INDEX, 3)
    found = cards(tmp_path)
    assert set(found) == {"walk", "flip", "gone.mp4"}
    walk, gone = found["walk"], found["gone.mp4"]
    assert (walk["people"], walk["seconds"], walk["frames"]) == (2, 3.0, 90)
    assert walk["links"] == [
        *(["Page", "./walk/page.html"], ["Overlay", "./walk/overlay.mp4"]),
        ["Summary", "./walk/summary.json"],
    ]
    assert found["flip"]["findings"] == ["person 3: fast, likely blurred"]
    assert (gone["state"], gone["error"], gone["links"]) == (
        "failed",
        "gone.mp4: no such file.",
        [],
    )
    assert main(["gallery", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"2 clips -> {path}\n"


def test_a_manifest_tells_of_clips_without_results(tmp_path: Path) -> None:
    result(tmp_path, "a/walk")
    result(tmp_path, "by hand")
    lines: list[Any] = [
        {"clip": "a/walk.mp4", "folder": "a/walk", "state": "pending", "people": 9},
        {"clip": "a/walk.mp4", "folder": "a/walk", "state": "done", "seconds": 2.5, "people": 9},
        {"clip": "b.mp4", "folder": "b", "state": "failed", "error": "b.mp4: is empty."},
        {"clip": "c.mp4", "folder": None, "state": "pending", "frames": 12},
        {"clip": "up", "folder": "../../etc", "state": "done"},
        {"clip": "root", "folder": "/etc", "state": "done"},
        {"clip": ["x"], "folder": {}, "state": "done"},
        {"clip": "odd", "state": "exploded"},
        *([1, 2], None, "text", {"clip": "d", "state": "done", "people": 10**400, "error": 7}),
    ]
    text = "\n".join(json.dumps(line) for line in lines) + '\n{"clip": "broken o'
    (tmp_path / "manifest.jsonl").write_text(text + "\n" + "[" * 100_000)
    write_gallery(tmp_path, {"b.mp4": "told twice"})
    found = cards(tmp_path)
    assert set(found) == {"a/walk.mp4", "b.mp4", "c.mp4", "up", "root", "d", "by hand"}
    assert (found["a/walk.mp4"]["state"], found["a/walk.mp4"]["people"]) == ("done", 2)
    assert found["b.mp4"]["error"] == "b.mp4: is empty."
    assert (found["c.mp4"]["state"], found["c.mp4"]["frames"]) == ("pending", 12)
    assert not found["up"]["links"] and not found["root"]["links"]
    assert found["d"]["people"] is None and found["d"]["error"] == ""


@pytest.mark.parametrize(
    "told",
    [
        *(
            [],
            "text",
            None,
            3,
            {"format": "poselift-summary/1"},
            {"format": ["poselift-summary/1"]},
        ),
        summary() | {"people": {"a": 1}, "frames": -3, "fps": "fast", "video": [1]},
        summary()
        | {"people": [7, None, {"id": "x", "findings": [1, {"text": 5}, {"text": EVIL}]}]},
        summary() | {"frames": True, "fps": float("nan"), "source": {"a": []}},
        summary() | {"frames": 10**300, "fps": 1e-320, "rotate": "90", "people": 1e400},
    ],
)
def test_summaries_of_any_shape_are_read(tmp_path: Path, told: Any) -> None:
    result(tmp_path, "walk", told)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "summary.json").write_text("[" * 100_000)
    write_gallery(tmp_path)
    page = (tmp_path / INDEX).read_text()
    assert "NaN" not in page and EVIL not in page
    assert set(cards(tmp_path)) <= {"walk"}


def test_names_and_texts_are_only_that(tmp_path: Path) -> None:
    out = tmp_path / f"{EVIL}&amp;"
    script = "</script><script>alert(2)</script><!--"
    names = [EVIL, "javascript:alert(3)", "a b#c?d%e", "\u2028\u202e"]
    for name in names:
        told = summary() | {"source": script, "people": [{"id": 1, "findings": [{"text": script}]}]}
        result(out, name, told)
    write_gallery(out, {script: script})
    page = (out / INDEX).read_text()
    plain = Elements(page)
    usual = Elements(gallery_of("plain", []).decode())
    assert [tag for tag, _ in plain.found] == [tag for tag, _ in usual.found]
    assert "<img src=x" not in page and "alert(2)</script>" not in page
    found = cards(out)
    assert found["javascript:alert(3)"]["links"][0][1] == "./javascript%3Aalert%283%29/summary.json"
    assert found["a b#c?d%e"]["links"][0][1] == "./a%20b%23c%3Fd%25e/summary.json"
    assert found[script]["error"] == script


def test_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    result(tmp_path, os.fsdecode(b"caf\xe9"))
    write_gallery(tmp_path)
    (card,) = cards(tmp_path).values()
    assert card["name"] == "caf?" and card["links"] == [["Summary", "./caf%E9/summary.json"]]


def test_the_page_may_run_itself_alone(tmp_path: Path) -> None:
    write_gallery(tmp_path)
    page = Elements((tmp_path / INDEX).read_text())
    policy = next(a["content"] for t, a in page.found if a.get("http-equiv"))
    assert policy is not None and "default-src 'none'" in policy and "img-src data:" in policy
    assert (
        "unsafe" not in policy and "http" not in policy and len(re.findall("sha256-", policy)) == 2
    )
    for _, attributes in page.found:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        addresses = [attributes.get(name) for name in ("src", "href")]
        assert all(address is None or address.startswith("data:") for address in addresses)


def test_what_is_not_ours_is_kept(tmp_path: Path, capsys) -> None:
    index = tmp_path / INDEX
    for theirs in (b"<h1>mine</h1>", b"", gallery_of("copied", []).replace(b"copied", b"edited")):
        index.write_bytes(theirs)
        with pytest.raises(OutputError, match="not an index of results"):
            write_gallery(tmp_path)
        assert index.read_bytes() == theirs
    assert main(["gallery", str(tmp_path)]) == 1
    assert "Move it away" in capsys.readouterr().err
    index.unlink()
    write_gallery(tmp_path)
    assert is_index(index)
    write_gallery(tmp_path)
    index.unlink()
    index.symlink_to(tmp_path / "elsewhere.html")
    with pytest.raises(OutputError):
        write_gallery(tmp_path)
    assert not (tmp_path / "elsewhere.html").exists()
    assert main(["gallery", str(tmp_path / "none")]) == 1
    assert "no such folder" in capsys.readouterr().err


def test_a_run_renews_the_index_of_several_clips(tmp_path: Path, capsys) -> None:
    result(tmp_path, "walk")
    renew_index(tmp_path, {}, several=False)
    assert not (tmp_path / INDEX).exists()
    renew_index(tmp_path, {"films/b.mp4": "films/b.mp4: is empty."}, several=True)
    assert set(cards(tmp_path)) == {"walk", "films/b.mp4"}
    result(tmp_path, "b")
    renew_index(tmp_path, {}, several=False)
    assert set(cards(tmp_path)) == {"walk", "b"}
    (tmp_path / INDEX).write_text("mine")
    renew_index(tmp_path, {}, several=True)
    assert (tmp_path / INDEX).read_text() == "mine"
    assert "poselift: no index of the clips: " in capsys.readouterr().err


def test_posters_are_small_and_made_once(tmp_path: Path, monkeypatch) -> None:
    """Of the overlay, or, without one, of the people in 3D."""
    tracks, poses = clip(PAIR)
    drawn, plain = result(tmp_path, "drawn"), result(tmp_path, "plain")
    result(tmp_path, "none")
    noise = (np_noise(t) for t in range(4))
    render_overlay(noise, tracks.at(slice(4)), poses.at(slice(4)), drawn / "overlay.mp4")
    save_poses(plain / "poses3d.npz", poses)
    write_gallery(tmp_path)
    first = {name: card["poster"] for name, card in cards(tmp_path).items()}
    assert is_poster(first["drawn"]) and is_poster(first["plain"]) and first["none"] == ""
    assert all(len(poster) <= 8192 for poster in first.values())
    monkeypatch.setattr("poselift.pipeline.viewer.gallery.poster_of", lambda *_: "made again")
    write_gallery(tmp_path)
    kept = {name: card["poster"] for name, card in cards(tmp_path).items()}
    assert kept == first | {"none": "made again"}
    save_poses(plain / "poses3d.npz", poses.at(slice(0, 6)))
    write_gallery(tmp_path)
    assert cards(tmp_path)["plain"]["poster"] == "made again"


def test_no_poster_of_what_is_no_overlay_of_ours(tmp_path: Path) -> None:
    folder = result(tmp_path, "walk")
    (folder / "overlay.mp4").write_bytes(b"\0" * 1000)
    (folder / "poses3d.npz").write_bytes(b"PK")
    told = summary_in(folder)
    assert told is not None and poster_of(folder, told) == ""
    evil = 'data:image/jpeg;base64,AA==" onerror="x'
    assert not is_poster(evil) and not is_poster("data:text/html;base64,AA==") and not is_poster(5)
    assert not is_poster("data:image/jpeg;base64," + "A" * 2 * MOST_BYTES)


def test_parts_are_put_in_once() -> None:
    assert filled("{{a}} {{b}}", {"a": "{{b}}", "b": "<i>"}) == "{{b}} <i>"
    assert "<" not in json_in_html(["</script>", "<!--", "\u2028"])
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_in_html([float("nan")])


def np_noise(seed: int) -> Any:

    return np.random.default_rng(seed).integers(0, 255, (360, 640, 3), np.uint8)
