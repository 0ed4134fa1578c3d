"""How far a lifter is from the truth on a data set: the four protocols, per action.

Within an action every frame weighs the same; actions weigh the same in the average.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from poselift.data.datasets.motion_datasets import MotionDataset, View, select_views
from poselift.data.errors import FormatError, LayoutMismatch
from poselift.data.files.file_kinds import FileKind, json_keys
from poselift.data.progress import Progress
from poselift.data.skeletons import Skeleton
from poselift.inference.poses.lifting import Lifter
from poselift.models.metrics import mpjpe, n_mpjpe, p_mpjpe, velocity_error
from poselift.models.weights import LifterWeights
from poselift.pipeline.reference.settings import Evaluation

TABLE_FILE = FileKind(
    "a table of errors",
    (),
    lambda path: {"checkpoint", "dataset", "keypoints", "unit", "by_action"} <= json_keys(path),
)


@dataclass(frozen=True)
class Errors:
    """Millimetres; `velocity` millimetres per frame.

    Args:
        p1: MPJPE. p2: after a similarity alignment per frame. p3: after the best scale.
    """

    p1: float
    p2: float
    p3: float
    velocity: float

    @classmethod
    def mean(cls, errors: Iterable[Errors], weights: Sequence[float] | None = None) -> Errors:
        """Raises: ZeroDivisionError: no errors."""
        table = [list(asdict(error).values()) for error in errors]
        return cls(*(float(value) for value in np.average(table, axis=0, weights=weights)))

    def lines(self) -> tuple[str, ...]:
        """As the reference prints an average; scripts read these."""
        return (
            f"Protocol #1   (MPJPE) action-wise average: {round(self.p1, 1)} mm",
            f"Protocol #2 (P-MPJPE) action-wise average: {round(self.p2, 1)} mm",
            f"Protocol #3 (N-MPJPE) action-wise average: {round(self.p3, 1)} mm",
            f"Velocity      (MPJVE) action-wise average: {round(self.velocity, 2)} mm",
        )


@dataclass(frozen=True)
class ErrorTable:
    """What an evaluation found.

    Args:
        errors: errors[subject][action]; the subject is None where all were judged together.
    """

    checkpoint: str
    dataset: str
    keypoints: str
    errors: Mapping[str | None, Mapping[str, Errors]]

    def of(self, subject: str | None = None, action: str | None = None) -> Errors:
        """Of a subject, of an action, of both, or of everything: the mean of means.

        Raises: KeyError: it was not judged.
        """
        if action is not None:
            return self.errors[subject][action]
        if subject is not None:
            return Errors.mean(self.errors[subject].values())
        return Errors.mean(Errors.mean(actions.values()) for actions in self.errors.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings: run.py's --json."""
        about = {"checkpoint": self.checkpoint, "dataset": self.dataset}
        about |= {"keypoints": self.keypoints, "unit": "mm"}
        if None in self.errors:
            actions = self.errors[None]
            by_action = {name: asdict(errors) for name, errors in actions.items()}
            return about | {"by_action": by_action, "average": asdict(self.of())}
        return about | {
            "by_action": {
                subject: {name: asdict(errors) for name, errors in actions.items()}
                for subject, actions in self.errors.items()
            },
            "by_subject": {subject: asdict(self.of(subject)) for subject in self.errors},
        }


def judge(
    evaluation: Evaluation,
    dataset: MotionDataset,
    weights: LifterWeights,
    device: str,
    progress: Progress,
) -> ErrorTable:
    """Errors by action; the reference's lines are said as they come.

    Raises:
        LayoutMismatch: the lifter reads other keypoints or gives other joints.
        FormatError: nothing to judge. UnknownName: no such subject.
    """
    # Where a person stands is not judged: their trajectory need not be predicted.
    lifter = Lifter(replace(weights, trajectory=None), device)
    progress.say("Evaluating...")
    errors: dict[str | None, dict[str, Errors]] = {}
    if not evaluation.by_subject:
        errors[None] = _judged(evaluation, dataset, lifter, evaluation.subjects, progress)
    for subject in evaluation.subjects if evaluation.by_subject else ():
        progress.say(f"Evaluating on subject {subject}")
        errors[subject] = _judged(evaluation, dataset, lifter, [subject], progress)
        progress.say("")
    return ErrorTable(weights.name, dataset.name, evaluation.keypoints, errors)


def _judged(
    evaluation: Evaluation,
    dataset: MotionDataset,
    lifter: Lifter,
    subjects: Sequence[str],
    progress: Progress,
) -> dict[str, Errors]:
    """Errors of each action; take numbers are dropped, `Walking 1` counts as `Walking`."""
    results = {}
    for action, views in _by_action(evaluation, dataset, lifter, subjects).items():
        errors = results[action] = Errors.mean(
            (_errors_of(lifter, view, dataset.layout_in, evaluation.flip) for view in views),
            weights=[len(view) for view in views],
        )
        for line in (
            f"----{action}----",
            f"Test time augmentation: {evaluation.flip}",
            f"Protocol #1 Error (MPJPE): {errors.p1} mm",
            f"Protocol #2 Error (P-MPJPE): {errors.p2} mm",
            f"Protocol #3 Error (N-MPJPE): {errors.p3} mm",
            f"Velocity Error (MPJVE): {errors.velocity} mm",
            "----------",
        ):
            progress.say(line)
    for line in Errors.mean(results.values()).lines():
        progress.say(line)
    return results


def _by_action(
    evaluation: Evaluation, dataset: MotionDataset, lifter: Lifter, subjects: Sequence[str]
) -> dict[str, list[View]]:
    """The views of known pose. Raises: LayoutMismatch, FormatError, UnknownName."""
    if lifter.weights.layout_out != dataset.layout:
        raise LayoutMismatch(
            f"{lifter.weights.name}: gives {lifter.weights.layout_out.name} poses, "
            f"the data set has {dataset.layout.name}. Choose another -d or checkpoint."
        )
    actions = evaluation.actions
    groups: dict[str, list[View]] = {}
    for view in select_views(dataset, subjects, actions, downsample=evaluation.downsample):
        if view.target is not None and len(view):
            groups.setdefault(view.action.split(" ")[0], []).append(view)
    if not groups:
        chosen = "" if actions is None else f", actions {', '.join(actions)}"
        raise FormatError(
            f"{dataset.source}: nothing to evaluate for subjects {', '.join(subjects)}{chosen}: "
            "no known poses. Choose others with -ste and -a."
        )
    return groups


def _errors_of(lifter: Lifter, view: View, layout: Skeleton, flip: bool) -> Errors:
    predicted = lifter.lift(view.keypoints, layout=layout, flip=flip).pose
    truth = view.root_relative
    frame_errors = [metric(predicted, truth) for metric in (mpjpe, p_mpjpe, n_mpjpe)]
    # A single frame has no velocity.
    frame_errors.append(velocity_error(predicted, truth) if len(view) > 1 else np.zeros(1))
    return Errors(*(float(error.mean()) * 1000 for error in frame_errors))
