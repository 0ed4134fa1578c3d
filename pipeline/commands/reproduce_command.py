"""`poselift reproduce NAME`: a published experiment again, its numbers beside the printed ones."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from poselift.data.datasets.motion_datasets import FOLDER
from poselift.data.errors import FormatError
from poselift.data.files.whole_file import whole_file
from poselift.models.devices import BEST
from poselift.pipeline.reference import reproduce
from poselift.pipeline.reference.experiments import NOT_RECORDED, Recipe, load_recipes, recipe_named
from poselift.pipeline.reference.reproduce import Comparison, Place


def add(commands: Any) -> None:
    """`reproduce`, to the subparsers of `poselift`."""
    command = commands.add_parser("reproduce", help="repeat an experiment of VideoPose3D")
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument("name", nargs="?", metavar="NAME", help="see --list")
    which.add_argument("--list", action="store_true", help="names and published numbers")
    command.add_argument("--dry-run", action="store_true", help="print what it needs and costs")
    command.add_argument("--data-dir", type=Path, default=FOLDER, metavar="FOLDER",
        help="where the archives lie")  # fmt: skip
    command.add_argument("--checkpoint-dir", type=Path, default=Path("checkpoint"),
        metavar="FOLDER", help="of published checkpoints; trainings go to FOLDER/NAME")  # fmt: skip
    command.add_argument("--device", default=BEST, metavar="NAME",
        help="cpu, cuda, mps (default: a GPU if any)")  # fmt: skip
    command.add_argument("--json", type=Path, metavar="FILE", help="write the result as data")
    command.set_defaults(handler=_reproduce)


def _reproduce(asked: argparse.Namespace) -> int:
    """Raises: PoseliftError."""
    if asked.list:
        for recipe in load_recipes().values():
            print(f"{recipe.name:<26} {recipe.title} ({_in_print(recipe)})")
        return 0
    recipe = recipe_named(asked.name)
    place = Place(asked.data_dir, asked.checkpoint_dir, asked.device)
    plan = reproduce.described(recipe, place)
    _print_plan(recipe, plan)
    if asked.dry_run:
        _write(asked.json, plan)
        return 0
    missing = [file for file in plan["files"] if not file["present"]]
    if missing:
        for file in missing:
            print(f"missing: {file['path']}. {file['how']}", file=sys.stderr)
        needed = len(plan["files"])
        raise FormatError(f"{recipe.name}: {len(missing)} of {needed} files missing, listed above.")
    outcome = reproduce.reproduce(recipe, place)
    if outcome is None:  # another process of the group reports
        return 0
    for line in table_lines(recipe, outcome.comparisons):
        print(line)
    rows = [
        {
            "what": row.published.what,
            "protocol": row.published.protocol,
            "subject": row.published.subject,
            "action": row.published.action,
            "published_mm": row.published.mm,
            "source": row.published.source or NOT_RECORDED,
            "obtained_mm": row.obtained_mm,
            "difference_mm": row.difference_mm,
        }
        for row in outcome.comparisons
    ]
    seconds = round(outcome.seconds, 1)
    _write(asked.json, plan | {"rows": rows, "errors": outcome.table, "seconds": seconds})
    return 0


def table_lines(recipe: Recipe, rows: Sequence[Comparison]) -> list[str]:
    """Published, obtained and the difference, and where the published ones stand."""
    lines = [recipe.title, f"{'mm':<32} {'published':>12} {'obtained':>10} {'difference':>11}"]
    for row in rows:
        digits = 2 if row.published.protocol == "velocity" else 1
        published = _number(row.published.mm, digits, NOT_RECORDED)
        obtained = _number(row.obtained_mm, digits, "no data")
        difference = "" if row.difference_mm is None else f"{row.difference_mm:+.{digits}f}"
        name = row.published.what
        lines.append(f"{name:<32} {published:>12} {obtained:>10} {difference:>11}".rstrip())
    sources = dict.fromkeys(row.published.source for row in rows if row.published.source)
    lines += [f"published: {source}" for source in sources]
    if recipe.note:
        lines.append(f"note: {recipe.note}")
    return lines


def _number(value: float | None, digits: int, without: str) -> str:
    return without if value is None else f"{value:.{digits}f}"


def _in_print(recipe: Recipe) -> str:
    """The published averages, in a few words."""
    averages = [n for n in recipe.published if n.mm is not None and n.action is None]
    return ", ".join(f"{n.what} {n.mm} mm" for n in averages) or f"average {NOT_RECORDED}"


def _print_plan(recipe: Recipe, plan: dict[str, Any]) -> None:
    cost = plan["cost"]
    print(f"{recipe.name}: {recipe.title}")
    print(f"command: {plan['command']}")
    for file in plan["files"]:
        state = "present" if file["present"] else f"missing. {file['how']}"
        print(f"file: {file['path']}: {state}")
    if cost["windows"]:
        print(
            f"training: {cost['epochs']} epochs, {cost['windows']:,} windows in all; "
            f"{cost['assumed_windows_per_s']:,.0f} windows/s assumed (one GPU of 2018)"
        )
    print(
        f"judging: {cost['judged_frames']:,} frames with their mirror images; "
        f"{cost['assumed_judged_frames_per_s']:,} frames/s assumed (two processor cores)"
    )
    print(f"time: about {_duration(cost['hours'])}", flush=True)


def _duration(hours: float) -> str:
    return f"{hours:.0f} h" if hours >= 2 else f"{max(1, round(hours * 60))} min"


def _write(path: Path | None, content: dict[str, Any]) -> None:
    """Raises: OutputError."""
    if path is not None:
        with whole_file(path) as part:
            part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
