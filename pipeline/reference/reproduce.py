"""Repeat a published experiment: what it needs and costs, running it, comparing the errors.

The work is run.py's: a recipe is its arguments, and the errors come from its table.
"""

from __future__ import annotations

import json
import math
import re
import shlex
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poselift.data.datasets.motion_datasets import FOLDER
from poselift.data.datasets.published_files import where_from
from poselift.data.errors import FormatError
from poselift.models.devices import BEST
from poselift.pipeline.reference.experiments import Published, Recipe
from poselift.pipeline.reference.keypoint_checkpoints import find_checkpoint
from poselift.pipeline.reference.reference_flags import DEFAULT_WIDTHS, parse
from poselift.pipeline.reference.reference_run import run

# Frames lifted a second while judging, mirror images included: what two cores do at least.
JUDGED_FRAMES_PER_S = 1000
# A semi-supervised step trains two networks on two batches.
SEMI_SUPERVISED_FACTOR = 4


@dataclass(frozen=True)
class Place:
    """Where a recipe runs.

    Args:
        data: the folder of the archives.
        checkpoints: where published checkpoints lie; trainings write to a folder of the
            recipe's name in it, and go on from there when they were stopped.
    """

    data: Path = FOLDER
    checkpoints: Path = Path("checkpoint")
    device: str = BEST


@dataclass(frozen=True)
class NeededFile:
    """A file without which a recipe cannot run, and how to get it."""

    path: Path
    present: bool
    how: str


@dataclass(frozen=True)
class Cost:
    """An estimate.

    Args:
        epochs, windows: of the whole training (frames seen, mirrored ones included); 0
            where it only judges.
        windows_per_s: assumed.
        judged_frames: of the final evaluation.
    """

    epochs: int
    windows: int
    windows_per_s: float
    judged_frames: int

    @property
    def hours(self) -> float:
        training = self.windows / self.windows_per_s if self.windows else 0.0
        return (training + self.judged_frames / JUDGED_FRAMES_PER_S) / 3600


@dataclass(frozen=True)
class Comparison:
    """A published number beside ours, millimetres; None where one is not known."""

    published: Published
    obtained_mm: float | None

    @property
    def difference_mm(self) -> float | None:
        if self.obtained_mm is None or self.published.mm is None:
            return None
        return self.obtained_mm - self.published.mm


@dataclass(frozen=True)
class Outcome:
    """What a recipe gave.

    Args:
        table: run.py's table of errors (its --json).
    """

    comparisons: tuple[Comparison, ...]
    table: Mapping[str, Any]
    seconds: float


def arguments_of(recipe: Recipe, place: Place) -> tuple[str, ...]:
    """run.py's arguments: the recipe's, where, and the checkpoint to go on from."""
    asked, where = parse(recipe.arguments), place.checkpoints
    added = ["--data-dir", str(place.data)]
    if not asked.evaluate:
        where = place.checkpoints / recipe.name
        last = _last_checkpoint(where, asked.epochs)
        added += ["-r", last.name] if last is not None else []
    return (*recipe.arguments, *added, "-c", str(where), "--device", place.device)


def command_of(recipe: Recipe, place: Place) -> str:
    """The same as a line for the shell."""
    return shlex.join(["python", "run.py", *arguments_of(recipe, place)])


def needed_files(recipe: Recipe, place: Place) -> tuple[NeededFile, ...]:
    """Archives and checkpoints, those that are there and those that are not."""
    asked = parse(recipe.arguments)
    archives = (f"data_3d_{asked.dataset}.npz", f"data_2d_{asked.dataset}_{asked.keypoints}.npz")
    paths = [place.data / name for name in archives]
    if asked.evaluate:
        with suppress(FormatError):  # it is missing, which is told below
            paths.append(place.checkpoints / asked.evaluate)
            paths[-1] = find_checkpoint(place.checkpoints, asked.evaluate)
    return tuple(NeededFile(path, path.is_file(), where_from(path)) for path in paths)


def cost_of(recipe: Recipe) -> Cost:
    """Of the whole recipe, as if nothing of it were done yet."""
    asked = parse(recipe.arguments)
    mirrored = 2 if asked.test_time_augmentation else 1
    judged = recipe.test_frames // asked.downsample * mirrored
    if asked.evaluate:
        return Cost(0, 0, 1.0, judged)
    frames = recipe.train_frames * asked.subset / asked.downsample
    windows = round(frames / asked.stride) * (2 if asked.data_augmentation else 1) * asked.epochs
    speed = _speed(recipe, math.prod(asked.architecture or DEFAULT_WIDTHS))
    if asked.subjects_unlabeled:
        speed /= SEMI_SUPERVISED_FACTOR
    return Cost(asked.epochs, windows, speed, judged)


def reproduce(recipe: Recipe, place: Place) -> Outcome | None:
    """Train or judge as the recipe says; run.py's lines are printed.

    Returns: None in processes of a group that do not lead it.

    Raises: FormatError: files are missing. PoseliftError: as run.py.
    """
    gaps = [file for file in needed_files(recipe, place) if not file.present]
    if gaps:
        ways = " ".join(f"{file.path}: {file.how}" for file in gaps)
        raise FormatError(f"{recipe.name}: {len(gaps)} files are missing. {ways}")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "errors.json"
        run(parse([*arguments_of(recipe, place), "--json", str(result)]))
        if not result.is_file():
            return None
        table = json.loads(result.read_text(encoding="utf-8"))
    return Outcome(compare(recipe, table), table, time.monotonic() - begun)


def compare(recipe: Recipe, table: Mapping[str, Any]) -> tuple[Comparison, ...]:
    """Every published number, then the averages for which none is published."""
    numbers = list(recipe.published)
    known = {number.protocol for number in numbers if number.subject is number.action is None}
    whole = [Published(p, None) for p in ("p1", "p2", "p3", "velocity") if p not in known]
    return tuple(Comparison(n, _obtained(table, n)) for n in (*numbers, *whole))


def _obtained(table: Mapping[str, Any], number: Published) -> float | None:
    """None where the data set lacks that subject or action."""
    try:
        if number.action is not None:
            actions = table["by_action"]
            own = actions[number.subject] if number.subject is not None else actions
            return float(own[number.action][number.protocol])
        if number.subject is not None:
            return float(table["by_subject"][number.subject][number.protocol])
        if "average" in table:
            return float(table["average"][number.protocol])
        subjects = table["by_subject"].values()
        return float(sum(errors[number.protocol] for errors in subjects) / len(subjects))
    except KeyError:
        return None


def _last_checkpoint(folder: Path, epochs: int) -> Path | None:
    """The newest `epoch_N.bin` that the training would write, too."""
    found: dict[int, Path] = {}
    for path in folder.glob("epoch_*.bin"):
        number = re.fullmatch(r"epoch_(\d+)\.bin", path.name)
        if number is not None and int(number[1]) <= epochs:
            found[int(number[1])] = path
    return found[max(found)] if found else None


def _speed(recipe: Recipe, receptive_field: int) -> float:
    """Of the nearest receptive field that is known."""
    nearest = min(recipe.windows_per_s, key=lambda frames: abs(math.log(frames / receptive_field)))
    return recipe.windows_per_s[nearest]


def described(recipe: Recipe, place: Place) -> dict[str, Any]:
    """The plan as data: what --dry-run shows."""
    cost = cost_of(recipe)
    return {
        "recipe": recipe.name,
        "title": recipe.title,
        "note": recipe.note,
        "command": command_of(recipe, place),
        "files": [
            {"path": str(file.path), "present": file.present, "how": file.how}
            for file in needed_files(recipe, place)
        ],
        "cost": {
            "epochs": cost.epochs,
            "windows": cost.windows,
            "assumed_windows_per_s": cost.windows_per_s,
            "judged_frames": cost.judged_frames,
            "assumed_judged_frames_per_s": JUDGED_FRAMES_PER_S,
            "hours": cost.hours,
        },
    }
