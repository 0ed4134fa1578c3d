"""Metrics: zero for the same pose, blind to what they should be blind to."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from poselift.models.metrics import (
    mpjpe,
    n_mpjpe,
    p_mpjpe,
    procrustes_aligned,
    velocity_error,
)

POSES = np.random.default_rng(3).normal(size=(6, 17, 3))


def test_mpjpe_by_hand() -> None:
    moved = POSES + np.array([0.3, 0.0, 0.4])
    np.testing.assert_allclose(mpjpe(moved, POSES), np.full(6, 0.5))
    np.testing.assert_allclose(velocity_error(moved, POSES), np.zeros(5), atol=1e-12)


@given(
    st.floats(0.2, 5),
    st.tuples(*[st.floats(-3, 3)] * 3),
    st.tuples(*[st.floats(-3, 3)] * 3),
)
def test_procrustes_undoes_any_similarity(
    scale: float, turn: tuple[float, ...], shift: tuple[float, ...]
) -> None:
    moved = scale * POSES @ Rotation.from_rotvec(turn).as_matrix().T + np.array(shift)
    np.testing.assert_allclose(p_mpjpe(moved, POSES), 0, atol=1e-7)
    np.testing.assert_allclose(procrustes_aligned(moved, POSES), POSES, atol=1e-7)


def test_procrustes_does_not_reflect() -> None:
    mirrored = POSES * np.array([-1.0, 1.0, 1.0])
    assert p_mpjpe(mirrored, POSES).min() > 0.1


def test_n_mpjpe_forgives_scale_only() -> None:
    np.testing.assert_allclose(n_mpjpe(3 * POSES, POSES), 0, atol=1e-12)
    assert n_mpjpe(POSES + 1, POSES).min() > 0.1
