"""The published experiments as data: `experiments.toml`, read and checked.

Source of the numbers: each names its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poselift.data.errors import FormatError, UnknownName
from poselift.data.files.toml_text import parse_toml
from poselift.pipeline.reference.settings import Evaluation, StoredLifter, Training

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
    """One experiment: where its lifter comes from, what it is judged on, what was published."""

    name: str
    title: str
    source: Training | StoredLifter
    evaluation: Evaluation
    published: tuple[Published, ...]
    note: str = ""


def load_recipes(path: Path = RECIPES) -> dict[str, Recipe]:
    """All recipes by name, in the file's order. Raises: FormatError, naming the recipe."""
    try:
        table = parse_toml(path.read_text(encoding="utf-8"))
        sources, entries = table["sources"], table["recipes"].items()
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise FormatError(f"{path}: cannot be read ({error}). Reinstall Poselift.") from error
    recipes = {}
    for name, entry in entries:
        try:
            recipes[name] = _recipe(name, entry, sources)
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"{path}: recipe {name}: {error}. Correct it.") from error
    return recipes


def recipe_named(name: str) -> Recipe:
    """Raises: UnknownName."""
    recipes = load_recipes()
    if name not in recipes:
        raise UnknownName("recipe", name, recipes)
    return recipes[name]


def _recipe(name: str, entry: Mapping[str, Any], sources: Mapping[str, str]) -> Recipe:
    """Raises: KeyError, TypeError, ValueError."""
    given = {key: value for key, value in entry.items() if key != "training"}
    if "checkpoint" in given:
        source: Training | StoredLifter = StoredLifter(**_tuples(given.pop("checkpoint")))
    else:
        source = Training.of(**_tuples(entry["training"]))
    evaluation = Evaluation(**_tuples(given.pop("evaluation")))
    published = tuple(_published(cell, sources) for cell in given.pop("published"))
    return Recipe(name=name, source=source, evaluation=evaluation, published=published, **given)


def _tuples(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in table.items()}


def _published(cell: Mapping[str, Any], sources: Mapping[str, str]) -> Published:
    recorded = cell["mm"] != NOT_RECORDED
    return Published(
        protocol=cell["protocol"],
        mm=float(cell["mm"]) if recorded else None,
        source=sources[cell["source"]] if recorded else "",
        subject=cell.get("subject"),
        action=cell.get("action"),
    )
