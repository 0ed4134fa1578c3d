"""What the summaries of result folders say; they may be damaged, or made by anybody."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poselift.inference.video.views import ROTATIONS

SUMMARY = "summary.json"
FORMAT = "poselift-summary/"
LARGEST_BYTES = 8 << 20
MOST_PEOPLE, MOST_FINDINGS, LONGEST_TEXT = 1000, 50, 300


@dataclass(frozen=True)
class Summary:
    """What is shown of a clip; what a file leaves out or garbles is None or empty.

    Args:
        source: path of the video, as it was given.
        seconds: length of the clip.
        findings: one line for each thing that is to be doubted.
    """

    source: str
    frames: int | None
    seconds: float | None
    people: int | None
    width: int | None
    height: int | None
    rotate: int
    findings: tuple[str, ...]


def summary_in(folder: Path) -> Summary | None:
    """Of a result folder; None: it has none, or something else of that name."""
    told = read_json(folder / SUMMARY)
    if not isinstance(told, dict) or not str(told.get("format", "")).startswith(FORMAT):
        return None
    people = told.get("people")
    people = people[:MOST_PEOPLE] if isinstance(people, list) else None
    video = told.get("video")
    video = video if isinstance(video, dict) else {}
    frames, fps = whole(told.get("frames")), positive(told.get("fps"))
    rotate = told.get("rotate")
    return Summary(
        source=text(told.get("source")),
        frames=frames,
        seconds=frames / fps if frames is not None and fps else None,
        people=None if people is None else len(people),
        width=whole(video.get("width")),
        height=whole(video.get("height")),
        rotate=rotate if type(rotate) is int and rotate in ROTATIONS else 0,
        findings=tuple(_findings(people or []))[:MOST_FINDINGS],
    )


def read_json(path: Path) -> Any:
    """The value in a file; None: not there, too large, or no JSON."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_BYTES:
            return None
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def whole(value: Any) -> int | None:
    """A count; None: it is no whole number from 0 that a clip can have."""
    return value if type(value) is int and 0 <= value < 1 << 40 else None


def positive(value: Any) -> float | None:
    """None: no finite number above 0."""
    if type(value) not in (int, float) or not 0 < value < 1e12 or not math.isfinite(value):
        return None
    return float(value)


def text(value: Any, longest: int = LONGEST_TEXT) -> str:
    """One line of text that can be shown; anything else is empty."""
    if not isinstance(value, str):
        return ""
    shown = "".join(c if c.isprintable() else "?" for c in value[: 4 * longest])
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def _findings(people: list[Any]) -> list[str]:
    lines = []
    for person in people:
        found = person.get("findings") if isinstance(person, dict) else None
        number = whole(person.get("id")) if isinstance(person, dict) else None
        for one in found[:MOST_FINDINGS] if isinstance(found, list) else []:
            said = text(one.get("text")) if isinstance(one, dict) else ""
            if said:
                lines.append(f"person {'?' if number is None else number}: {said}")
    return lines
