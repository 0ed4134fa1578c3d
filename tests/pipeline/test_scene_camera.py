"""Where the camera of the 3D panel stands: everybody in view, apart, large, and calm."""

from __future__ import annotations

import numpy as np
import pytest
from standing_people import clip

from poselift.data.errors import UnknownName
from poselift.data.structures import Poses3D
from poselift.pipeline.overlay.look import Look, View
from poselift.pipeline.overlay.scene_camera import SceneCamera
from poselift.pipeline.overlay.view_choice import camera_for, overlap_of

PANEL = 400
FPS = 30.0


def camera_of(poses: Poses3D, view: View = "auto") -> SceneCamera:
    return camera_for(poses.world, poses.valid, poses.timeline.fps, PANEL, PANEL, view)


def boxes(poses: Poses3D, camera: SceneCamera) -> np.ndarray:
    """(T, P, 4) of the people on the panel, pixels; all must be before the camera."""
    seen = [camera.at(t).project(poses.world[:, t]) for t in range(len(poses.timeline))]
    assert all((depth > 0).all() for _, depth in seen)
    xy = np.stack([flat for flat, _ in seen])
    return np.concatenate([xy.min(2), xy.max(2)], -1)


def hidden(poses: Poses3D, camera: SceneCamera) -> float:
    found = boxes(poses, camera)
    return float(overlap_of(found, np.ones(found.shape[:2], bool)).mean())


def walks(*ends: tuple[tuple[float, float], tuple[float, float]], frames: int = 90) -> np.ndarray:
    return np.stack([np.linspace(start, end, frames) for start, end in ends])


LINE = walks(*(((0.0, y), (0.1, y)) for y in (2.5, 3.7, 4.9)))
CROWD = walks(((-2, 2), (2, 6)), ((2.5, 3), (-1, 2)), ((0, 8), (3, 4)))
RUN = walks(((-15.0, 3), (15.0, 3)), frames=150)


@pytest.mark.parametrize("view", ["auto", "front", "side"])
@pytest.mark.parametrize("roots", [LINE, CROWD, RUN], ids=["line", "crowd", "run"])
def test_everybody_stays_in_the_3d_panel(roots: np.ndarray, view: View) -> None:
    _, poses = clip(roots)
    found = boxes(poses, camera_of(poses, view))
    assert (found > 0).all() and (found < PANEL).all()


def test_three_people_in_a_line_are_apart() -> None:
    _, poses = clip(LINE)
    assert hidden(poses, camera_of(poses, "front")) > 0.5
    assert hidden(poses, camera_of(poses)) < 0.05


def test_who_walks_past_somebody_hides_them_as_little_as_can_be() -> None:
    _, poses = clip(walks(((-2, 3), (2, 3)), ((0, 4), (0, 4))))
    views: list[View] = ["front", "auto"]
    front, auto = (hidden(poses, camera_of(poses, view)) for view in views)
    assert auto < 0.5 * front


def test_two_people_who_walk_far_apart_are_large() -> None:
    """Each is a third of the panel high, where one steady usual view makes them a fifth."""
    _, poses = clip(walks(((-4, 3), (1.5, 3)), ((2, 4.5), (-1.5, 4)), frames=120))
    found = boxes(poses, camera_of(poses))
    assert np.median(found[..., 3] - found[..., 1]) > 0.33 * PANEL
    usual = boxes(poses, camera_of(poses, "front"))
    assert np.median(usual[..., 3] - usual[..., 1]) < np.median(found[..., 3] - found[..., 1])


def test_one_who_walks_across_is_in_view_and_seen_to_walk() -> None:
    _, poses = clip(walks(((-1.2, 3), (1.2, 3)), frames=60))
    camera = camera_of(poses)
    assert camera.path is None
    found = boxes(poses, camera)
    assert np.ptp(found[:, 0, 0]) > 0.3 * PANEL
    assert (found[:, 0, 3] - found[:, 0, 1] > 0.3 * PANEL).all()


def test_one_who_lies_is_seen_at_length() -> None:
    _, poses = clip(np.tile([0.0, 3.0], (1, 30, 1)))
    flat = poses.world[..., [2, 1, 0]] - np.array([0.95, 0, 0])
    poses.world[:] = flat + np.array([0, 0, 0.15])
    found = boxes(poses, camera_of(poses))
    assert (found > 0).all() and (found < PANEL).all()
    assert (found[..., 2] - found[..., 0] > 0.5 * PANEL).all()


def test_a_jump_stays_a_jump() -> None:
    """The camera does not rise with who leaves the floor."""
    _, poses = clip(np.tile([0.0, 3.0], (1, 90, 1)))
    height = 0.5 * np.clip(1 - (np.linspace(-3, 3, 90)) ** 2, 0, None)
    poses.world[..., 2] += height[None, :, None]
    camera = camera_of(poses)
    hip = np.array([camera.at(t).project(poses.world[0, t, 0])[0] for t in (0, 45)])
    standing = boxes(poses, camera)[0, 0]
    assert hip[0, 1] - hip[1, 1] > 0.25 * (standing[3] - standing[1])


def test_one_glitch_does_not_move_the_camera() -> None:
    _, poses = clip(np.tile([0.0, 3.0], (1, 400, 1)))
    before = camera_of(poses)
    poses.world[0, 200] += (0, 900.0, 0)
    after = camera_of(poses)
    assert np.abs(before.camera.position - after.camera.position).max() < 0.05


def test_camera_stands_still_unless_people_would_be_tiny() -> None:
    _, poses = clip(np.linspace((-1.0, 3), (1.0, 3), 60)[None])
    assert camera_of(poses).path is None
    rng = np.random.default_rng(0)
    runner = RUN + rng.normal(0, 0.02, RUN.shape)
    _, poses = clip(runner)
    camera = camera_of(poses, "front")
    assert camera.path is not None
    jolts = np.abs(np.diff(camera.path, n=2, axis=0)).max()
    assert jolts < np.abs(np.diff(runner[0], n=2, axis=0)).max() / 10
    found = boxes(poses, camera)
    assert (found > 0).all() and (found < PANEL).all()
    assert np.min(found[..., 3] - found[..., 1]) > PANEL * 0.4


def test_a_moving_camera_never_shakes_nor_turns() -> None:
    """Two people run apart and one is gone: what stands on the floor glides over the panel."""
    rng = np.random.default_rng(1)
    roots = walks(((-1, 3), (-12, 3)), ((1, 3), (12, 4)), frames=180)
    _, poses = clip(roots + rng.normal(0, 0.02, roots.shape))
    poses.valid[1, 120:] = False
    camera = camera_of(poses, "front")
    assert camera.path is not None
    for t in range(1, 179):
        spot = camera.focus_at(t)
        seen = [camera.at(t + step).project(spot)[0] for step in (-1, 0, 1)]
        assert np.abs(np.diff(seen, axis=0)).max() < 0.04 * PANEL
        assert np.abs(np.diff(seen, n=2, axis=0)).max() < 0.003 * PANEL
    assert all(np.array_equal(camera.at(t).axes, camera.camera.axes) for t in (0, 90, 179))


def test_side_looks_from_the_right_of_the_video() -> None:
    """What is further away in the video is further to the right."""
    _, poses = clip(walks(((0, 2), (0, 2)), ((0, 4), (0, 4))))
    near, far = boxes(poses, camera_of(poses, "side"))[0]
    assert far[0] > near[2]
    front = boxes(poses, camera_of(poses, "front"))[0]
    assert abs(front[0, [0, 2]].mean() - front[1, [0, 2]].mean()) < 2


def test_the_choice_depends_on_the_poses_alone() -> None:
    _, poses = clip(CROWD)
    first, second = camera_of(poses), camera_of(poses)
    assert np.array_equal(first.camera.axes, second.camera.axes)
    poses.world[~poses.valid] = np.nan
    swapped = camera_for(poses.world[::-1], poses.valid[::-1], FPS, PANEL, PANEL)
    assert np.allclose(swapped.camera.axes, first.camera.axes)


def test_nobody_and_unknown_views() -> None:
    _, poses = clip(LINE)
    poses.valid[:] = False
    assert np.isfinite(camera_of(poses).camera.position).all()
    with pytest.raises(UnknownName, match="auto, front, side"):
        Look(view="top")  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="dark, light"):
        Look(style="pink")  # type: ignore[arg-type]


def test_overlap_is_of_boxes_that_are_there() -> None:
    found = np.array([[(0, 0, 10, 10), (5, 0, 15, 10), (5, 0, 15, 10)]], float)
    here = np.array([[True, True, False]])
    assert overlap_of(found, here) == pytest.approx([0.5])
    assert overlap_of(found, ~here) == pytest.approx([0.0])
