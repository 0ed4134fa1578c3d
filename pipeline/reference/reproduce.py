"""Repeat a published experiment: the files it needs, running it, comparing the errors."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from poselift.data.datasets.motion_datasets import load_motion_dataset
from poselift.data.errors import FormatError
from poselift.data.progress import Progress
from poselift.pipeline.reference.evaluate_keypoints import ErrorTable, judge
from poselift.pipeline.reference.experiments import Published, Recipe
from poselift.pipeline.reference.keypoint_checkpoints import find_checkpoint
from poselift.pipeline.reference.lifter_source import obtain
from poselift.pipeline.reference.settings import StoredLifter


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


def placed(recipe: Recipe, data: Path, checkpoints: Path) -> Recipe:
    """The recipe with archives from `data`, and published checkpoints from `checkpoints`.

    A training writes to a folder of the recipe's name there, and goes on from its last
    checkpoint.
    """
    source, evaluation = recipe.source, replace(recipe.evaluation, data_dir=data)
    if isinstance(source, StoredLifter):
        return replace(recipe, evaluation=evaluation, source=replace(source, folder=checkpoints))
    folder = checkpoints / recipe.name
    last = _last_checkpoint(folder, source.recipe.epochs)
    source = replace(source, folder=folder, resume=last.name if last else "")
    return replace(recipe, evaluation=evaluation, source=source)


def needed_files(recipe: Recipe) -> list[Path]:
    """Archives and checkpoints of a placed recipe, there or not."""
    source, on = recipe.source, recipe.evaluation
    archives = (f"data_3d_{on.dataset}.npz", f"data_2d_{on.dataset}_{on.keypoints}.npz")
    paths = [on.data_dir / name for name in archives]
    if isinstance(source, StoredLifter):
        paths.append(source.folder / source.name)
        with suppress(FormatError):  # it is missing, as the path then tells
            paths[-1] = find_checkpoint(source.folder, source.name)
    return paths


def reproduce(recipe: Recipe, device: str, progress: Progress) -> ErrorTable | None:
    """Train or read, and judge, as a placed recipe says; None where obtain gives None.

    Raises: PoseliftError.
    """
    on = recipe.evaluation
    dataset = load_motion_dataset(on.dataset, on.keypoints, on.data_dir)
    weights = obtain(recipe.source, on, dataset, device, progress)
    return None if weights is None else judge(on, dataset, weights, device, progress)


def compare(recipe: Recipe, table: ErrorTable) -> tuple[Comparison, ...]:
    """Every published number, then the averages for which none is published."""
    numbers = list(recipe.published)
    known = {number.protocol for number in numbers if number.subject is number.action is None}
    whole = [Published(p, None) for p in ("p1", "p2", "p3", "velocity") if p not in known]
    return tuple(Comparison(n, _obtained(table, n)) for n in (*numbers, *whole))


def _obtained(table: ErrorTable, number: Published) -> float | None:
    """None where the data set lacks that subject or action."""
    try:
        return float(getattr(table.of(number.subject, number.action), number.protocol))
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
