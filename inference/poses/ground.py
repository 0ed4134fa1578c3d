"""The floor as a witness of gravity: feet that stand are on one level plane.

The trajectories say where feet stand before the camera. Everything is weighed in one least-squares
problem: the vote of the people's posture, the lens that is assumed (a longer one makes the floor
look steeper), feet of one person at one height, and people's floors at one height as far as
bodies' sizes are known. Somebody on a container is an outlier and does not pull.

On held-out motion capture (cameras of random pitch, roll and lens; benchmarks/gravity.py) posture
alone errs by 4.3, 3.5 and 3.4 degrees for one, two and three people, with the floor by 3.7, 2.6 and
2.5; where the lens is known by 3.7, 2.1 and 1.8. The lens itself comes out no better than it is
assumed (its logarithm is off by 0.20 in place of 0.22), and is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from poselift.data.cameras import unit_vectors

# How far these are off, one standard deviation: up by posture (per axis), the log of the
# assumed focal length, one foot's height against the person's others (at this share of its
# distance, and at least so much), and the person's size.
VOTE_DEGREES = 4.2
LENS_LOG = 0.35
FOOT_SHARE, FOOT_M = 0.008, 0.03
SIZE_SHARE, FLOOR_M = 0.07, 0.05


@dataclass(frozen=True)
class Ground:
    """What votes and feet say together.

    Args:
        up: (3,) camera space, unit length.
        up_degrees: how far that is off, one standard deviation about the worse of two axes.
    """

    up: np.ndarray
    up_degrees: float


def ground_of(
    vote: np.ndarray,
    feet: Sequence[np.ndarray],
    *,
    lens_known: bool = False,
    one_floor: bool = True,
) -> Ground:
    """Up from a vote of posture and from where feet stand.

    Args:
        vote: (3,) up by posture, unit length.
        feet: for each person (N, 3) places where a foot stood, camera space.
        lens_known: they are placed by a focal length that is known, not assumed.
        one_floor: everybody stands on the same one.
    """
    feet = [points for points in feet if len(points)]
    vote = unit_vectors(vote)
    side = unit_vectors(np.cross(vote, [0.0, 0, 1] if abs(vote[2]) < 0.9 else [0.0, 1, 0]))
    across = np.stack([side, np.cross(vote, side)])
    lens_log = 1e-3 if lens_known else LENS_LOG
    size_share = SIZE_SHARE if one_floor else 10.0
    start = np.zeros(4 + len(feet))
    start[3:-1] = [np.median(points @ vote) for points in feet] if feet else []
    start[-1] = np.median(start[3:-1]) if feet else 0.0

    def residuals(at: np.ndarray) -> np.ndarray:
        """at: tilt (2,) radians, log lens, the floor of each person, the common floor."""
        up = unit_vectors(vote + at[:2] @ across)
        votes = [*(at[:2] / np.radians(VOTE_DEGREES)), at[2] / lens_log]
        stretch = np.array([1, 1, np.exp(at[2])])
        rest = [np.zeros(0)]
        for points, floor in zip(feet, at[3:-1], strict=True):
            off = FOOT_M + FOOT_SHARE * np.linalg.norm(points, axis=1)
            rest.append(_robust(((points * stretch) @ up - floor) / off))
        floors = (at[3:-1] - at[-1]) / (FLOOR_M + size_share * np.abs(start[3:-1]))
        return np.concatenate([votes, *rest, _robust(floors), [1e-3 * (at[-1] - start[-1])]])

    found = least_squares(residuals, start, x_scale="jac", max_nfev=60)
    spread = np.sqrt(np.diag(np.linalg.pinv(found.jac.T @ found.jac)))
    return Ground(
        unit_vectors(vote + found.x[:2] @ across),
        float(np.degrees(spread[:2].max())),
    )


def _robust(residual: np.ndarray) -> np.ndarray:
    """As it is when small; large ones hardly grow (Geman and McClure's, by its root)."""
    return np.asarray(residual / np.sqrt(1 + (residual / 3) ** 2))
