"""How far a lifter is from the truth on a data set: the four protocols, per action.

Within an action every frame weighs the same; actions weigh the same in the average.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from poselift.data.datasets.motion_datasets import MotionDataset, View, select_views
from poselift.data.errors import FormatError, LayoutMismatch
from poselift.data.skeletons import Skeleton
from poselift.inference.poses.lifting import Lifter
from poselift.models.metrics import mpjpe, n_mpjpe, p_mpjpe, velocity_error


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

    def table(self) -> dict[str, float]:
        return asdict(self)


def evaluate_dataset(
    lifter: Lifter,
    dataset: MotionDataset,
    subjects: Sequence[str],
    actions: Sequence[str] | None = None,
    *,
    flip: bool = True,
    downsample: int = 1,
    each: Callable[[str, Errors], None] = lambda action, errors: None,
) -> dict[str, Errors]:
    """Errors of each action; take numbers are dropped, `Walking 1` counts as `Walking`.

    Args:
        actions: prefixes of the names to judge; None takes all.
        flip: test-time augmentation by the mirror image.
        each: told of every action as it is done.
    Raises:
        LayoutMismatch: the lifter reads other keypoints or gives other joints.
        FormatError: nothing to judge. UnknownName: no such subject.
    """
    if lifter.weights.layout_out != dataset.layout:
        raise LayoutMismatch(
            f"{lifter.weights.name}: gives {lifter.weights.layout_out.name} poses, "
            f"the data set has {dataset.layout.name}. Choose another -d or checkpoint."
        )
    views = select_views(dataset, subjects, actions, downsample=downsample)
    groups: dict[str, list[View]] = {}
    for view in views:
        if view.target is not None and len(view):
            groups.setdefault(view.action.split(" ")[0], []).append(view)
    if not groups:
        chosen = "" if actions is None else f", actions {', '.join(actions)}"
        raise FormatError(
            f"{dataset.source}: nothing to evaluate for subjects {', '.join(subjects)}{chosen}: "
            "no known poses. Choose others with -ste and -a."
        )
    results = {}
    for action, group in groups.items():
        results[action] = view_errors(lifter, group, dataset.layout_in, flip=flip)
        each(action, results[action])
    return results


def view_errors(lifter: Lifter, views: Sequence[View], layout: Skeleton, *, flip: bool) -> Errors:
    """Errors over views of known pose, weighted by their frames."""
    return Errors.mean(
        (_errors_of(lifter, view, layout, flip) for view in views),
        weights=[len(view) for view in views],
    )


def average(results: Mapping[str, Errors]) -> Errors:
    """Every action weighs the same."""
    return Errors.mean(results.values())


def _errors_of(lifter: Lifter, view: View, layout: Skeleton, flip: bool) -> Errors:
    predicted = lifter.lift(view.keypoints, layout=layout, flip=flip).pose
    truth = view.root_relative
    frame_errors = [metric(predicted, truth) for metric in (mpjpe, p_mpjpe, n_mpjpe)]
    # A single frame has no velocity.
    frame_errors.append(velocity_error(predicted, truth) if len(view) > 1 else np.zeros(1))
    return Errors(*(float(error.mean()) * 1000 for error in frame_errors))
