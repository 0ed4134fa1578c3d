"""The published experiments as data: `recipes.toml`, read and checked.

Source of the numbers: each names its own.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poselift.data.errors import FormatError, UnknownName
from poselift.data.files.toml_text import parse_toml

RECIPES = Path(__file__).with_name("experiments.toml")
NOT_RECORDED = "not recorded"
PROTOCOLS = {"p1": "MPJPE", "p2": "P-MPJPE", "p3": "N-MPJPE", "velocity": "MPJVE"}


@dataclass(frozen=True)
class Published:
    """A number in print.

    Args:
        protocol: a key of PROTOCOLS.
        mm: millimetres (velocity: per frame); None where we know of a number, not which.
        source: where it stands; empty where mm is None.
        subject, action: of a cell of a table; None for an average over them.
    """

    protocol: str
    mm: float | None
    source: str = ""
    subject: str | None = None
    action: str | None = None

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise ValueError(f"protocol '{self.protocol}' is none of {', '.join(PROTOCOLS)}")
        if (self.mm is None) != (not self.source):
            raise ValueError("a number needs a source, and only a number")

    @property
    def what(self) -> str:
        """`MPJPE`, or `Validate/S3 Walking P-MPJPE`."""
        words = (self.subject, self.action, PROTOCOLS[self.protocol])
        return " ".join(word for word in words if word)


@dataclass(frozen=True)
class Recipe:
    """One experiment.

    Args:
        arguments: of run.py.
        train_frames: labelled frames of all cameras before --subset; 0 where it only judges.
        test_frames: frames of all cameras that are judged.
        windows_per_s: assumed speed of a training, by receptive field.
    """

    name: str
    title: str
    arguments: tuple[str, ...]
    published: tuple[Published, ...]
    train_frames: int
    test_frames: int
    windows_per_s: Mapping[int, float]
    note: str = ""


def load_recipes(path: Path = RECIPES) -> dict[str, Recipe]:
    """All recipes by name, in the file's order. Raises: FormatError, naming the recipe."""
    try:
        table = parse_toml(path.read_text(encoding="utf-8"))
        sources = table["sources"]
        speeds = {int(frames): float(speed) for frames, speed in table["windows_per_s"].items()}
        entries = table["recipes"].items()
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise FormatError(f"{path}: cannot be read ({error}). Reinstall Poselift.") from error
    recipes = {}
    for name, entry in entries:
        try:
            recipes[name] = _recipe(name, entry, sources, speeds)
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"{path}: recipe {name}: {error}. Correct it.") from error
    return recipes


def recipe_named(name: str) -> Recipe:
    """Raises: UnknownName."""
    recipes = load_recipes()
    if name not in recipes:
        raise UnknownName("recipe", name, recipes)
    return recipes[name]


def _recipe(
    name: str,
    entry: Mapping[str, Any],
    sources: Mapping[str, str],
    speeds: Mapping[int, float],
) -> Recipe:
    """Raises: KeyError, TypeError, ValueError."""
    known = {"title", "run", "published", "train_frames", "test_frames", "note"}
    if not set(entry) <= known:
        raise ValueError(f"has {', '.join(sorted(set(entry) - known))}, which means nothing")
    return Recipe(
        name=name,
        title=entry["title"],
        arguments=tuple(shlex.split(entry["run"])),
        published=tuple(_published(cell, sources) for cell in entry["published"]),
        train_frames=entry.get("train_frames", 0),
        test_frames=entry["test_frames"],
        windows_per_s=speeds,
        note=entry.get("note", ""),
    )


def _published(cell: Mapping[str, Any], sources: Mapping[str, str]) -> Published:
    recorded = cell["mm"] != NOT_RECORDED
    return Published(
        protocol=cell["protocol"],
        mm=float(cell["mm"]) if recorded else None,
        source=sources[cell["source"]] if recorded else "",
        subject=cell.get("subject"),
        action=cell.get("action"),
    )
