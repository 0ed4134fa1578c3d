"""One page for a clip, in one file: video, people in 3D, who is there when, plots.

The page needs nothing but itself and a browser: no server, no network. Names and numbers
come from files of strangers, so that all text is escaped, and the browser is told to run and
show only what lies in the page (Content-Security-Policy with the hashes of its own parts).
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from poselift.data.structures import Poses3D, Tracks
from poselift.inference.people.quality import Findings
from poselift.pipeline.viewer.html_page import clip_scripts, json_in_html, page_text, text_of
from poselift.pipeline.viewer.page_data import page_data
from poselift.pipeline.viewer.page_video import PageVideo

PAGE = "page.html"
# In this order in the page, each a part of the same function.
SCRIPTS = (
    *("page_data.js", "page_theme.js", "page_clock.js", "page_overlay.js", "page_floor.js"),
    *("page_figures.js", "page_scene.js", "page_measures.js", "page_timeline.js"),
    *("page_plots.js", "page_controls.js", "page_main.js"),
)
# What can lie beside a page, and what it is called there.
FILES = (
    (re.compile(r"overlay\.(mp4|gif)"), "Overlay video"),
    (re.compile(r"people\.glb"), "Everybody, glTF"),
    (re.compile(r"people\.usd[az]?"), "Everybody, USD"),
    (re.compile(r"person_(\d+)\.([a-z0-9]+)"), "Person {0}, {1}"),
    (re.compile(r"person_(\d+)_angles\.([a-z]+)"), "Person {0}, angles, {1}"),
    (re.compile(r"person_(\d+)_path\.([a-z]+)"), "Person {0}, path, {1}"),
    (re.compile(r"(joints|angles|gait|contacts)\.csv"), "Table of {0}"),
    (re.compile(r"joints\.parquet"), "Table of joints, Parquet"),
    (re.compile(r"poses\.json"), "Joints, JSON"),
    (re.compile(r"poses3d\.npz"), "3D poses, NumPy"),
    (re.compile(r"keypoints2d\.npz"), "2D keypoints, NumPy"),
    (re.compile(r"detections\.npz"), "Detections, NumPy"),
    (re.compile(r"camera\.npz"), "Camera's path, NumPy"),
    (re.compile(r"summary\.json"), "Summary"),
)
_MARK = '<meta name="generator" content="Poselift '


def is_page(path: Path) -> bool:
    """Whether a file is a page that was made here. Raises: OSError."""
    with path.open("rb") as stream:
        return _MARK.encode() in stream.read(1000)


def page_of(
    name: str,
    tracks: Tracks,
    poses: Poses3D,
    video: PageVideo,
    files: Sequence[str] = (),
    findings: Findings | None = None,
) -> str:
    """The whole page.

    Args:
        name: what the clip is called; any text.
        files: names of files beside the page that it offers.
        findings: what is to be doubted, where that is known already.
    Raises: FormatError: tracks and poses are not of the same people and frames.
    """
    name = name.encode("utf-8", "replace").decode("utf-8")  # a file's may be no Unicode
    table, numbers = page_data(tracks, poses, findings)
    table |= {"name": name, "video": _video(video), "files": _offered(files)}
    media = "blob:" if video.file else "'self' file:" if video.link else "'none'"
    parts = {
        "table": json_in_html(table),
        "numbers": numbers,
        "film": base64.b64encode(video.content or b"").decode("ascii"),
        "licence": html.escape(text_of("three.LICENSE.txt").strip()),
    }
    scripts = clip_scripts(SCRIPTS)
    return page_text(
        "page.html", name, "page.css", scripts, parts, img_src="data:", media_src=media
    )


def _video(video: PageVideo) -> dict[str, Any] | None:
    if video.missing:
        return {"missing": video.missing}
    return {
        "link": video.link,
        "type": video.media_type,
        "codec": video.codec,
        "rotate": video.rotate,
        "start": video.start_s,
        "first": video.first_s,
        "sound": video.sound,
        "missing": "",
    }


def _offered(names: Sequence[str]) -> list[dict[str, str]]:
    """The files that can be offered, in the order of FILES."""
    offered = []
    for pattern, words in FILES:
        for name in sorted(names, key=lambda n: (len(n), n)):
            if found := pattern.fullmatch(name):
                what = words.format(
                    *(part.upper() if i else part for i, part in enumerate(found.groups()))
                )
                offered.append({"name": name, "link": "./" + quote(name), "what": what})
    return offered
