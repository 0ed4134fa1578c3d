"""index.html of a folder of results: a card for each clip, found, sorted and filtered in the page.

The file holds everything, posters too, asks nobody for anything, and ends with the checksum of
what comes before: so one that was made here is told from any other, and from one that was
changed since; those are never replaced.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from poselift.data.errors import OutputError, reason_of
from poselift.data.files.file_kinds import FileKind, check_output
from poselift.data.files.whole_file import whole_file
from poselift.pipeline.viewer.html_page import json_in_html, page_text, text_of
from poselift.pipeline.viewer.posters import OVERLAYS, is_poster, poster_key, poster_of
from poselift.pipeline.viewer.summaries import summary_in, text, whole

INDEX, PAGE = "index.html", "page.html"
MANIFESTS = ("manifest.jsonl", "manifest.*-of-*.jsonl")  # of all clips, or of shares of them
STATES = ("done", "failed", "pending")
LARGEST_MANIFEST, MOST_CLIPS = 64 << 20, 100_000
LONGEST_ERROR = 1000
_END = re.compile(rb"<!-- poselift-index ([0-9a-f]{64}) -->\n\Z")
_DATA = re.compile(r'<script type="application/json" id="clips">(.*?)</script>', re.DOTALL)


def is_index(path: Path) -> bool:
    """Whether a file is an index that was made here, and as it was made. Raises: OSError."""
    return _own_content(path) is not None


INDEX_FILE = FileKind("an index of results", (".html",), is_index)


@dataclass(frozen=True)
class Clip:
    """What became of a clip.

    Args:
        name: of its video, or of its folder.
        folder: of its results, relative to the index; None: it has none.
        state: of STATES.
        error: why it failed.
    """

    name: str
    folder: str | None
    state: str
    error: str = ""
    frames: int | None = None
    people: int | None = None


def write_gallery(out: Path, failures: Mapping[str, str] | None = None) -> tuple[Path, int]:
    """Write OUT/index.html; its path, and how many clips are on it.

    Args:
        failures: what a run could not do and why, by the clip's name, where no manifest says it.
    Raises: OutputError: a file of that name is there that is not ours, or cannot be written.
    """
    path = out / INDEX
    if not out.is_dir():
        raise OutputError(f"{out}: no such folder. Give the OUT of a run.")
    check_output(path, INDEX_FILE)
    clips = clips_in(out, failures or {})
    known = _known_posters(path)
    cards = [_card(out, clip, known) for clip in clips]
    page = gallery_of(_name_of(out), cards)
    with whole_file(path) as part:
        part.write_bytes(page)
    return path, len(cards)


def clips_in(out: Path, failures: Mapping[str, str]) -> list[Clip]:
    """The clips of a folder of results: those of its manifest, and all other results in it."""
    clips = list(_of_manifests(out))
    if not clips:
        clips += [
            Clip(text(name), None, "failed", text(why, LONGEST_ERROR))
            for name, why in failures.items()
        ]
    listed = {clip.folder for clip in clips}
    try:
        names = sorted(os.listdir(out))  # noqa: PTH208
    except OSError as error:
        raise OutputError(f"{out}: cannot be read ({reason_of(error)}).") from error
    for name in names:
        if name not in listed and not name.startswith(".") and (out / name).is_dir():
            summary = summary_in(out / name)
            if summary is not None:
                clips.append(Clip(name, name, "done"))
    return clips[:MOST_CLIPS]


def gallery_of(name: str, cards: Sequence[Mapping[str, Any]]) -> bytes:
    """The whole file.

    Args:
        name: what the folder is called; any text.
        cards: see _card.
    """
    scripts, parts = {"script": text_of("gallery.js")}, {"clips": json_in_html(cards)}
    page = page_text("gallery.html", name, "gallery.css", scripts, parts, img_src="data:").encode(
        "utf-8"
    )
    return page + f"<!-- poselift-index {hashlib.sha256(page).hexdigest()} -->\n".encode()


def _card(out: Path, clip: Clip, known: Mapping[str, str]) -> dict[str, Any]:
    """Plain JSON values: what the page shows of a clip. Links are relative, and encoded."""
    folder = None if clip.folder is None else out / clip.folder
    summary = None if folder is None else summary_in(folder)
    card: dict[str, Any] = {
        "name": text(clip.name) or "?",
        "state": clip.state,
        "error": clip.error,
        "seconds": None if summary is None else summary.seconds,
        "frames": clip.frames if summary is None else summary.frames,
        "people": clip.people if summary is None else summary.people,
        "findings": [],
        "source": "" if summary is None else summary.source,
        "links": [],
        "poster": "",
        "key": "",
    }
    if clip.folder is None or folder is None or summary is None:
        return card
    card["findings"] = list(summary.findings)
    card["links"] = list(_links(folder, clip.folder))
    card["key"] = key = text(f"{poster_key(folder)} {clip.folder}", LONGEST_ERROR)
    card["poster"] = known.get(key) or poster_of(folder, summary)
    return card


def _links(folder: Path, relative: str) -> Iterator[list[str]]:
    """[what, address] of the files that can be looked at, the best first."""
    start = "./" + quote(os.fsencode(relative))
    for name, what in ((PAGE, "Page"), *((name, "Overlay") for name in OVERLAYS)):
        if (folder / name).is_file():
            yield [what, f"{start}/{name}"]
    yield ["Summary", f"{start}/summary.json"]


def _of_manifests(out: Path) -> Iterator[Clip]:
    """The clips that manifests tell of; what was written last stands for a clip.

    Lines that are damaged are left out.
    """
    files = [path for pattern in MANIFESTS for path in out.glob(pattern) if path.is_file()]
    found: dict[str, Clip] = {}
    for path in sorted(files, key=lambda path: (path.stat().st_mtime_ns, path.name)):
        if path.stat().st_size > LARGEST_MANIFEST:
            continue
        for line in path.read_bytes().split(b"\n")[:MOST_CLIPS]:
            try:
                told = json.loads(line)
            except (ValueError, RecursionError):
                continue
            clip = _clip(told) if isinstance(told, dict) else None
            if clip is not None:
                found[clip.name] = clip
    yield from found.values()


def _clip(told: dict[str, Any]) -> Clip | None:
    name, state, folder = text(told.get("clip")), told.get("state"), told.get("folder")
    if not name or state not in STATES:
        return None
    return Clip(
        name=name,
        folder=folder if isinstance(folder, str) and _is_within(folder) else None,
        state=str(state),
        error=text(told.get("error"), LONGEST_ERROR),
        frames=whole(told.get("frames")),
        people=whole(told.get("people")),
    )


def _is_within(folder: str) -> bool:
    """A path that leads to a folder below the index, whatever it holds."""
    path = PurePosixPath(folder)
    plain = not {"\0", "\\"} & set(folder) and len(folder) < 1000
    return plain and bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def _known_posters(path: Path) -> dict[str, str]:
    """Posters of the index that is there, by their keys, so that none is made twice."""
    content = _own_content(path)
    found = _DATA.search(content.decode("utf-8", "replace")) if content else None
    try:
        cards = json.loads(found[1]) if found else []
    except (ValueError, RecursionError):
        return {}
    return {
        card["key"]: card["poster"]
        for card in (cards if isinstance(cards, list) else [])
        if isinstance(card, dict)
        and isinstance(card.get("key"), str)
        and is_poster(card.get("poster"))
    }


def _own_content(path: Path) -> bytes | None:
    """Of an index that was made here and not changed; None: it is something else."""
    if not path.is_file() or path.is_symlink():
        return None
    content = path.read_bytes()
    end = _END.search(content[-200:])
    if end is None:
        return None
    page = content[: len(content) - len(end[0])]
    return page if hashlib.sha256(page).hexdigest().encode() == end[1] else None


def _name_of(out: Path) -> str:
    return text(out.resolve().name) or "Results"
