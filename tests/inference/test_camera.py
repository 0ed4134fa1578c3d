"""A moving camera is found from the background, a still one is found to be still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moving_windows import MOVEMENTS, Window, turn_errors
from scipy.spatial.transform import Rotation

from poselift.data.archives.stage_results import load_camera, save_camera
from poselift.data.errors import FormatError
from poselift.data.scene import CameraPath
from poselift.inference.camera.background import Picture
from poselift.inference.camera.turns import MIN_POINTS, projected, turn_between
from poselift.inference.camera.watching import camera_path

SIZE, FPS, FRAMES = (320, 240), 30.0, 40
NOBODY = np.zeros((0, 4))


def scenery(seed: int = 0, size: tuple[int, int] = (480, 360)) -> np.ndarray:
    """(H, W) grey: blots of several sizes, such as a background has."""
    rng = np.random.default_rng(seed)
    layers = []
    for scale in (6, 16, 48):
        small = rng.uniform(0, 255, (size[1] // scale + 2, size[0] // scale + 2)).astype(np.float32)
        layers.append(cv2.resize(small, size, interpolation=cv2.INTER_CUBIC))
    return np.clip(np.mean(layers, axis=0), 0, 255).astype(np.uint8)


def film(
    movement: str, disturb: Callable[[np.ndarray, int], None] = lambda picture, frame: None
) -> tuple[CameraPath, np.ndarray, np.ndarray]:
    """What is found of a window that moves over a scenery, and the true turns and zoom."""
    whole = scenery()
    window = Window((whole.shape[1], whole.shape[0]), SIZE)
    turns, zoom = window.path(MOVEMENTS[movement], FRAMES)

    def pictures() -> Iterator[Picture]:
        for frame, seen in enumerate(window.pictures([whole] * FRAMES, turns, zoom)):
            disturb(seen, frame)
            yield Picture(seen, NOBODY)

    return camera_path(pictures, window.focal_px, FPS), turns, zoom


@pytest.mark.parametrize("movement", [name for name in MOVEMENTS if name != "still"])
def test_a_known_movement_is_found(movement: str) -> None:
    path, turns, zoom = film(movement)
    assert path.kind == "turns" and not path.cuts
    assert turn_errors(path.turns, turns).max() < 0.1
    ratio = path.zoom / zoom
    np.testing.assert_allclose(ratio / ratio.mean(), 1, atol=0.005)
    assert path.quality[1:].min() > 0.7
    # The clip's camera is that of one of its frames.
    assert np.abs(path.turns - np.eye(3)).max((1, 2)).min() < 1e-9 and 1.0 in path.zoom


def crowd(picture: np.ndarray, frame: int) -> None:
    """Two thirds of the picture move to the right, on their own."""
    moving = np.roll(scenery(1, SIZE), 3 * frame, axis=1)
    picture[80:] = moving[80:]


def water(picture: np.ndarray, frame: int) -> None:
    picture[120:] = scenery(100 + frame, SIZE)[120:]


@pytest.mark.parametrize("disturb", [lambda picture, frame: None, crowd, water])
def test_a_still_camera_is_found_to_be_still(disturb: Callable[[np.ndarray, int], None]) -> None:
    path, _, _ = film("still", disturb)
    assert path.kind == "still"
    assert (path.turns == np.eye(3)).all() and (path.zoom == 1).all()


def test_a_wall_says_nothing() -> None:
    wall = np.full((240, 320), 128, np.uint8)
    path = camera_path(lambda: iter([Picture(wall, NOBODY)] * 20), 320.0, FPS)
    assert path.kind == "unknown" and not path.moves


def test_people_are_not_the_background() -> None:
    """What lies within their boxes does not count, however it moves."""

    def pictures() -> Iterator[Picture]:
        for frame in range(20):
            picture = np.full((240, 320), 128, np.uint8)
            picture[40:200, 40 + 2 * frame : 140 + 2 * frame] = scenery(3, (100, 160))
            yield Picture(picture, np.array([[40.0 + 2 * frame, 40, 140 + 2 * frame, 200]]))

    assert camera_path(pictures, 320.0, FPS).kind == "unknown"


def test_another_scene_is_a_cut() -> None:
    first, second = scenery(1, SIZE), 255 - scenery(2, SIZE) // 2
    clip = [Picture(first, NOBODY)] * 17 + [Picture(second, NOBODY)] * 12
    path = camera_path(lambda: iter(clip), 320.0, FPS)
    assert path.cuts == (17,) and path.kind == "still"


def test_a_camera_that_travels_is_told() -> None:
    """Points at many depths, passed by sideways."""
    rng = np.random.default_rng(0)
    points = np.column_stack([rng.uniform(-2, 2, (300, 2)), rng.uniform(2, 12, 300)])
    before, after = (300 * (p := points - [x, 0, 0])[:, :2] / p[:, 2:] for x in (0.0, 0.4))
    assert turn_between(before, after, 300.0).parallax
    turned = Rotation.from_rotvec([0, 0.1, 0]).as_matrix()
    rays = np.column_stack([before, np.full(300, 300.0)]) / 300
    assert not turn_between(before, projected(turned, 300.0, rays), 300.0).parallax


@settings(max_examples=25, deadline=None)
@given(
    angles=st.tuples(st.floats(-12, 12), st.floats(-12, 12), st.floats(-20, 20)),
    zoom=st.floats(0.8, 1.3),
    wrong=st.floats(0, 0.35),
    seed=st.integers(0, 1000),
)
def test_turns_are_found_among_points_that_move_on_their_own(
    angles: tuple[float, float, float], zoom: float, wrong: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    before = rng.uniform((-250, -140), (250, 140), (200, 2))
    rays = np.column_stack([before, np.full(200, 400.0)]) / 400
    after = projected(turn, 400 * zoom, rays) + rng.normal(0, 0.1, (200, 2))
    lost = round(wrong * 200)
    after[:lost] += rng.uniform(-40, 40, (lost, 2))
    found = turn_between(before, after, 400.0)
    off = np.degrees(Rotation.from_matrix(found.rotation @ turn.T).magnitude())
    assert off < 0.1 and abs(found.zoom / zoom - 1) < 0.005
    assert found.share > 0.9 - wrong


def test_few_points_say_nothing() -> None:
    points = np.random.default_rng(0).uniform(-100, 100, (MIN_POINTS - 1, 2))
    assert turn_between(points, points + 5, 300.0).share == 0


def test_a_path_is_read_as_it_was_written(tmp_path: Path) -> None:
    path, _, _ = film("shake")
    path = CameraPath(path.kind, path.turns, path.zoom, path.quality, (5, 9))
    save_camera(tmp_path / "camera.npz", path)
    read = load_camera(tmp_path / "camera.npz")
    assert (read.kind, read.cuts) == (path.kind, path.cuts)
    for name in ("turns", "zoom", "quality"):
        np.testing.assert_allclose(getattr(read, name), getattr(path, name), atol=1e-6)
    part = read.at(slice(4, 8))
    assert part.cuts == (1,) and len(part.zoom) == 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("camera", np.array("flies")),
        ("camera_turns", np.zeros((FRAMES, 3, 3))),
        ("camera_turns", np.zeros((2, 3, 3))),
        ("camera_zoom", np.zeros(FRAMES, np.float32)),
        ("camera_quality", np.full(FRAMES, np.nan, np.float32)),
        ("camera_cuts", np.array([9, 5])),
        ("camera_cuts", np.array([FRAMES])),
        ("frames", np.array(1 << 50)),
    ],
)
def test_a_damaged_path_is_told(tmp_path: Path, name: str, value: np.ndarray) -> None:
    file = tmp_path / "camera.npz"
    save_camera(file, CameraPath.still(FRAMES))
    with np.load(file) as archive:
        arrays = dict(archive)
    np.savez(file, **arrays | {name: value})
    with pytest.raises(FormatError, match=str(file)):
        load_camera(file)
