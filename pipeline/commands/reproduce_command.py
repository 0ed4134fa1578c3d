"""`poselift reproduce NAME`: a published experiment again, its numbers beside the printed ones."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poselift.data.datasets.published_files import where_from
from poselift.data.errors import FormatError
from poselift.data.files.file_kinds import FileKind, json_keys
from poselift.data.files.places import archives_folder
from poselift.data.files.whole_file import check_writable, whole_file
from poselift.pipeline.flags.shared_flags import add_device
from poselift.pipeline.progress import Printing
from poselift.pipeline.reference.experiments import NOT_RECORDED, Recipe, load_recipes, recipe_named
from poselift.pipeline.reference.settings import CHECKPOINTS

if TYPE_CHECKING:
    from poselift.pipeline.reference.evaluate_keypoints import ErrorTable
    from poselift.pipeline.reference.reproduce import Comparison

RESULT_FILE = FileKind(
    "a result of poselift reproduce",
    (),
    lambda path: {"recipe", "title", "rows", "errors"} <= json_keys(path),
)


def add(commands: Any) -> None:
    """`reproduce`, to the subparsers of `poselift`."""
    command = commands.add_parser("reproduce", help="repeat an experiment of VideoPose3D")
    add = command.add_argument
    add("name", nargs="?", metavar="NAME", help="of the experiment; without it they are listed")
    add("--list", action="store_true", help="names and published numbers")
    add("--dry-run", action="store_true", help="print the files it needs, and how to get them")
    add("--data-dir", type=Path, default=archives_folder(), metavar="FOLDER",
        help="where the archives lie")  # fmt: skip
    add("--checkpoint-dir", type=Path, default=CHECKPOINTS, metavar="FOLDER",
        help="of published checkpoints; trainings go to FOLDER/NAME")  # fmt: skip
    add_device(command)
    add("--json", type=Path, metavar="FILE", help="write the result as data")
    command.set_defaults(handler=_reproduce)


def _reproduce(asked: argparse.Namespace) -> int:
    """Raises: PoseliftError."""
    if asked.list or asked.name is None:
        for recipe in load_recipes().values():
            print(f"{recipe.name:<26} {recipe.title} ({_in_print(recipe)})")
        return 0
    recipe = recipe_named(asked.name)
    from poselift.models.devices import checked_device
    from poselift.pipeline.reference.reproduce import compare, needed_files, placed, reproduce

    recipe = placed(recipe, asked.data_dir, asked.checkpoint_dir)
    files = needed_files(recipe)
    if asked.dry_run:
        print(f"{recipe.name}: {recipe.title}")
        for path in files:
            state = "present" if path.is_file() else f"missing. {where_from(path)}"
            print(f"file: {path}: {state}")
        return 0
    missing = [path for path in files if not path.is_file()]
    if missing:
        for path in missing:
            print(f"missing: {path}. {where_from(path)}", file=sys.stderr)
        raise FormatError(
            f"{recipe.name}: {len(missing)} of {len(files)} files missing, listed above."
        )
    if asked.json is not None:
        check_writable(asked.json, RESULT_FILE, files)
    table = reproduce(recipe, checked_device(asked.device), Printing())
    if table is None:  # another process of the group reports
        return 0
    comparisons = compare(recipe, table)
    for line in table_lines(recipe, comparisons):
        print(line)
    if asked.json is not None:
        result = _result(recipe, comparisons, table)
        with whole_file(asked.json) as part:
            part.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


def table_lines(recipe: Recipe, rows: Sequence[Comparison]) -> Iterator[str]:
    """Published, obtained and the difference, and where the published ones stand."""
    yield recipe.title
    yield f"{'mm':<32} {'published':>12} {'obtained':>10} {'difference':>11}"
    for row in rows:
        digits = 2 if row.published.protocol == "velocity" else 1
        published = _number(row.published.mm, digits, NOT_RECORDED)
        obtained = _number(row.obtained_mm, digits, "no data")
        difference = "" if row.difference_mm is None else f"{row.difference_mm:+.{digits}f}"
        name = row.published.what
        yield f"{name:<32} {published:>12} {obtained:>10} {difference:>11}".rstrip()
    for source in dict.fromkeys(row.published.source for row in rows if row.published.source):
        yield f"published: {source}"
    if recipe.note:
        yield f"note: {recipe.note}"


def _number(value: float | None, digits: int, without: str) -> str:
    return without if value is None else f"{value:.{digits}f}"


def _in_print(recipe: Recipe) -> str:
    """The published averages, in a few words."""
    averages = [n for n in recipe.published if n.mm is not None and n.action is None]
    return ", ".join(f"{n.what} {n.mm} mm" for n in averages) or f"average {NOT_RECORDED}"


def _result(recipe: Recipe, rows: Sequence[Comparison], table: ErrorTable) -> dict[str, Any]:
    """--json: the comparison, and all errors."""
    about = {"recipe": recipe.name, "title": recipe.title, "note": recipe.note}
    compared = [
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
        for row in rows
    ]
    return about | {"rows": compared, "errors": table.to_dict()}
