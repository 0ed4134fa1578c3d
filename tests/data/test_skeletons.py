"""Skeletons, mirrors and cameras: the laws they obey."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from poselift.data.cameras import (
    camera_to_world,
    image_coordinates,
    normalise_screen,
    project,
    quaternion_inverse,
    quaternion_rotate,
    world_to_camera,
)
from poselift.data.errors import UnknownName
from poselift.data.skeletons import COCO17, H36M17, SKELETONS, Skeleton, skeleton_named
from poselift.data.windows import mirror_keypoints, pad_edges

POINTS = arrays(np.float64, (4, 17, 2), elements=st.floats(-10, 10))


@pytest.mark.parametrize("layout", SKELETONS.values(), ids=SKELETONS)
def test_mirror_swaps_twins(layout: Skeleton) -> None:
    for joint, twin in enumerate(layout.mirror):
        assert layout.mirror[twin] == joint
        name = layout.joints[joint]
        swapped = name.replace("left_", "?").replace("right_", "left_").replace("?", "right_")
        assert layout.joints[twin] == swapped


def test_h36m_is_the_published_tree() -> None:
    assert H36M17.parents == (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15)
    assert H36M17.left == (4, 5, 6, 11, 12, 13)
    assert H36M17.right == (1, 2, 3, 14, 15, 16)
    assert COCO17.left == (1, 3, 5, 7, 9, 11, 13, 15)


def test_unknown_names_are_told() -> None:
    with pytest.raises(UnknownName, match=r"unknown keypoint layout 'cocoa'\. Known: .*coco"):
        skeleton_named("cocoa")
    with pytest.raises(UnknownName, match="joint of coco"):
        COCO17.index("tail")


@given(POINTS)
def test_mirrored_twice_is_the_same(points: np.ndarray) -> None:
    twice = mirror_keypoints(mirror_keypoints(points, COCO17), COCO17)
    np.testing.assert_array_equal(twice, points)


@given(POINTS, st.integers(1, 4000), st.integers(1, 4000))
def test_screen_units_and_back(points: np.ndarray, width: int, height: int) -> None:
    back = image_coordinates(normalise_screen(points, width, height), width, height)
    np.testing.assert_allclose(back, points, atol=1e-9)


def test_screen_units_keep_the_aspect() -> None:
    corners = np.array([[0.0, 0.0], [1920.0, 1080.0]])
    np.testing.assert_allclose(normalise_screen(corners, 1920, 1080), [[-1, -0.5625], [1, 0.5625]])


@given(arrays(np.float64, 4, elements=st.floats(-1, 1)).filter(lambda q: np.linalg.norm(q) > 0.1))
def test_rotations_keep_lengths_and_invert(quaternion: np.ndarray) -> None:
    quaternion = quaternion / np.linalg.norm(quaternion)
    points = np.random.default_rng(0).normal(size=(5, 3))
    turned = quaternion_rotate(quaternion, points)
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), np.linalg.norm(points, axis=1))
    back = quaternion_rotate(quaternion_inverse(quaternion), turned)
    np.testing.assert_allclose(back, points, atol=1e-9)
    place = np.array([1.0, 2.0, 3.0])
    seen = world_to_camera(points, quaternion, place)
    np.testing.assert_allclose(camera_to_world(seen, quaternion, place), points, atol=1e-9)


def test_projection_by_hand_and_in_both_libraries() -> None:
    point = np.array([[0.5, -0.25, 2.0]])
    plain = np.array([2.0, 2.0, 0.1, 0.0, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(project(point, plain), [[0.6, -0.25]])
    lens = np.array([2.0, 2.0, 0.0, 0.0, 0.1, 0.0, 0.0, 0.01, 0.02])
    ray = np.array([0.25, -0.125])
    r2 = (ray**2).sum()
    by_hand = 2 * (ray * (1 + 0.1 * r2 + 0.01 * 0.25 - 0.02 * 0.125) + [0.01 * r2, 0.02 * r2])
    np.testing.assert_allclose(project(point, lens), by_hand[None])
    torches = project(torch.from_numpy(point), torch.from_numpy(lens))
    np.testing.assert_allclose(torches.numpy(), project(point, lens))
    np.testing.assert_allclose(project(point, lens, distort=False), 2 * ray[None])


def test_edges_are_repeated() -> None:
    padded = pad_edges(np.arange(3.0)[:, None], 2, 1)
    np.testing.assert_array_equal(padded[:, 0], [0, 0, 0, 1, 2, 2])
