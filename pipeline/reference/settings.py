"""What run.py, `poselift train`, `evaluate` and `reproduce` are asked for, checked once.

A lifter comes from a Training or is a StoredLifter; an Evaluation judges it. The defaults
are the reference's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from poselift.data.files.places import archives_folder
from poselift.pipeline.reference.keypoint_recipe import KeypointTraining

CHECKPOINTS = Path("checkpoint")


@dataclass(frozen=True)
class Evaluation:
    """Which takes a lifter is judged on, and how.

    Args:
        dataset, keypoints: which archives of `data_dir`.
        actions: beginnings of their names; None takes all. Training keeps to them, too.
        downsample: take every N-th frame, training as well.
        by_subject: judge each subject for itself.
        flip: test-time augmentation by the mirror image.
    """

    dataset: str = "h36m"
    keypoints: str = "cpn_ft_h36m_dbb"
    data_dir: Path = field(default_factory=archives_folder)
    subjects: tuple[str, ...] = ("S9", "S11")
    actions: tuple[str, ...] | None = None
    downsample: int = 1
    by_subject: bool = False
    flip: bool = True


@dataclass(frozen=True)
class StoredLifter:
    """A lifter that was trained before: a file of `folder`, or a shipped one.

    Args:
        filter_widths, channels: that it must have; None takes what it says itself.
        causal, dense: what a file of the reference does not say.
    """

    name: str
    folder: Path = CHECKPOINTS
    filter_widths: tuple[int, ...] | None = None
    channels: int | None = None
    causal: bool = False
    dense: bool = False


@dataclass(frozen=True)
class Training:
    """A lifter that is yet to be trained.

    Args:
        labelled, unlabelled: subjects; with unlabelled ones it is semi-supervised.
        subset: share of the labelled frames.
        folder: of checkpoints, log and curves. `resume`: a file of it to go on from.
        validated: measure losses after each epoch.
    """

    recipe: KeypointTraining = field(default_factory=KeypointTraining)
    labelled: tuple[str, ...] = ("S1", "S5", "S6", "S7", "S8")
    unlabelled: tuple[str, ...] = ()
    subset: float = 1.0
    folder: Path = CHECKPOINTS
    checkpoint_frequency: int = 10
    resume: str = ""
    validated: bool = True
    curves: bool = False

    def __post_init__(self) -> None:
        """Raises: ValueError."""
        if self.curves and not self.validated:
            raise ValueError("--export-training-curves needs what --no-eval leaves out")

    def saves(self, epoch: int) -> bool:
        """Whether there is a checkpoint after this epoch."""
        return epoch % self.checkpoint_frequency == 0 or epoch == self.recipe.epochs

    def checkpoint(self, epoch: int) -> Path:
        return self.folder / f"epoch_{epoch}.bin"

    @classmethod
    def of(cls, **given: Any) -> Training:
        """From its own fields and those of its recipe. Raises: TypeError, ValueError."""
        names = {part.name for part in fields(KeypointTraining)}
        recipe = KeypointTraining(**{name: given.pop(name) for name in names & given.keys()})
        return cls(recipe, **given)
