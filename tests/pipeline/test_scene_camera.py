"""Where the camera of the 3D panel stands: everybody in view, and calm."""

from __future__ import annotations

import numpy as np
from standing_people import clip

from poselift.pipeline.overlay.scene_camera import camera_for


def test_everybody_stays_in_the_3d_panel():
    walk = np.stack([np.linspace((-2, 2), (2, 6), 90), np.linspace((2.5, 3), (-1, 2), 90)])
    _, poses = clip(walk)
    camera = camera_for(poses.world, poses.valid, 30.0, 400, 400)
    for t in range(90):
        xy, depth = camera.at(t).project(poses.world[:, t])
        assert (xy > 0).all() and (xy < 400).all() and (depth > 0).all()


def test_one_glitch_does_not_move_the_camera():
    _, poses = clip(np.tile([0.0, 3.0], (1, 400, 1)))
    before = camera_for(poses.world, poses.valid, 30.0, 400, 400)
    poses.world[0, 200] += (0, 900.0, 0)
    after = camera_for(poses.world, poses.valid, 30.0, 400, 400)
    assert np.abs(before.camera.position - after.camera.position).max() < 0.05


def test_camera_stands_still_unless_people_would_be_tiny():
    _, poses = clip(np.linspace((-1.0, 3), (1.0, 3), 60)[None])
    assert camera_for(poses.world, poses.valid, 30.0, 400, 400).path is None
    rng = np.random.default_rng(0)
    runner = np.linspace((-15.0, 3), (15.0, 3), 150)[None] + rng.normal(0, 0.02, (1, 150, 2))
    _, poses = clip(runner)
    camera = camera_for(poses.world, poses.valid, 30.0, 400, 400)
    assert camera.path is not None
    jolts = np.abs(np.diff(camera.path, n=2, axis=0)).max()
    assert jolts < np.abs(np.diff(runner[0], n=2, axis=0)).max() / 10
    xy = np.stack([camera.at(t).project(poses.world[0, t])[0] for t in range(150)])
    assert (xy > 0).all() and (xy < 400).all()
    assert np.ptp(xy[..., 1], axis=1).min() > 400 * 0.4
