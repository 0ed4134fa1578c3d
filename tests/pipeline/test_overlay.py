"""The overlay of a frame: what is drawn where."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from standing_people import PAIR, STILL, clip, close_to, grey

from poselift.data.skeletons import COCO17, H36M17
from poselift.data.structures import Tracks
from poselift.pipeline.overlay.canvas import canvas_for, overlay_size
from poselift.pipeline.overlay.look import DARK, LIGHT, Look
from poselift.pipeline.overlay.render import Renderer
from poselift.pipeline.overlay.scene import Scene
from poselift.pipeline.overlay.video_panel import shrink


def test_left_colour_is_where_the_left_wrist_is():
    tracks, poses = clip(STILL)
    renderer = Renderer(tracks, poses)
    image = renderer.draw(next(grey(1)), 0)
    for side in ("left", "right"):
        wrist = tracks.people[0].xy[0, COCO17.index(f"{side}_wrist")]
        x, y = np.round(wrist * renderer.canvas.video.width / 640).astype(int)
        assert close_to(image[y - 1 : y + 2, x - 1 : x + 2], DARK.sides[side]).all()


def test_3d_person_stands_upright_with_both_sides_shown():
    tracks, poses = clip(STILL)
    renderer = Renderer(tracks, poses)
    panel = renderer.draw(next(grey(1)), 0)[:, renderer.canvas.frame.width :]
    xy, _ = Scene(poses, *panel.shape[:2], Look()).camera.at(0).project(poses.world[0, 0])
    head, feet = xy[H36M17.index("head")], xy[list(H36M17.indices("left_ankle", "right_ankle"))]
    assert (feet[:, 1] - head[1] > panel.shape[0] * 0.4).all()
    left = np.argwhere(close_to(panel, DARK.sides["left"]))
    right = np.argwhere(close_to(panel, DARK.sides["right"]))
    assert len(left) > 100 and len(right) > 100
    assert left[:, 1].mean() > right[:, 1].mean()  # faces us: the left hand on our right


def test_background_is_the_same_in_every_frame_of_a_still_camera():
    tracks, poses = clip(PAIR)
    poses.valid[:, 6:] = False
    renderer = Renderer(tracks, poses)
    a, b = (renderer.draw(next(grey(1)), t)[:-40, renderer.canvas.frame.width :] for t in (7, 11))
    assert np.array_equal(a, b)


def test_panels_do_not_leak_into_each_other():
    tracks, poses = clip(np.tile([3.1, 3.0], (1, 4, 1)))  # the 2D arm leaves on the right
    renderer = Renderer(tracks, poses)
    nobody = Renderer(Tracks(tracks.timeline, ()), poses)
    left = renderer.canvas.frame.width
    a, b = renderer.draw(next(grey(1)), 0), nobody.draw(next(grey(1)), 0)
    assert np.array_equal(a[:, left:], b[:, left:])
    assert not np.array_equal(a[:, :left], b[:, :left])
    assert (b[:, :left] == 90).all()


def test_unsure_and_interpolated_joints_look_different():
    tracks, poses = clip(STILL)
    person = tracks.people[0]
    sure = Renderer(tracks, poses).draw(next(grey(1)), 0)
    person.confidence[:] = 0.1
    faint = Renderer(tracks, poses).draw(next(grey(1)), 0)
    person.confidence[:] = 1.0
    person.interpolated[:] = True
    hollow = Renderer(tracks, poses).draw(next(grey(1)), 0)
    scale = overlay_size(640, 360)[0] / 640
    x, y = np.round(person.xy[0, COCO17.index("left_wrist")] * scale).astype(int)
    colours = [image[y, x].astype(int) for image in (sure, faint, hollow)]
    strength = [np.abs(colour - 90).max() for colour in colours]
    assert 20 < strength[1] < 0.6 * strength[0]
    assert colours[2].max() < 80


def test_ids_are_shown_and_gaps_are_not_drawn():
    tracks, poses = clip(STILL)
    shown = Renderer(tracks, poses).draw(next(grey(1)), 0)
    tracks.people[0].xy[:] = np.nan
    poses.world[:] = np.nan
    poses.valid[:] = False
    gone = Renderer(tracks, poses).draw(next(grey(1)), 0)
    assert (gone[:, : canvas_for(640, 360).frame.width] == 90).all()
    assert close_to(shown, (255, 214, 92)).sum() > 100  # two pills in the first person's colour
    assert not close_to(gone, (255, 214, 92)).any()


@pytest.mark.parametrize(
    "size", [(1920, 1080), (1080, 1920), (640, 480), (64, 48), (31, 17), (4000, 200), (200, 4000)]
)
@pytest.mark.parametrize("kind", ["mp4", "gif"])
def test_canvas_is_even_bounded_and_keeps_the_shape(size, kind):
    canvas = canvas_for(*size, kind)
    boxes = (canvas.video, canvas.frame, *canvas.scenes)
    assert all(n >= 0 and n % 2 == 0 for box in boxes for n in (box.width, box.height))
    assert all(box.width > 0 and box.height > 0 for box in boxes)
    widest, highest = (1284, 600) if kind == "mp4" else (804, 400)
    assert canvas.width % 2 == 0 and canvas.width <= widest and canvas.height <= highest
    video, frame = canvas.video, canvas.frame
    assert video.width <= max(2 * size[0], 2) + 2 and video.x + video.width <= frame.width
    assert video.y + video.height <= frame.height
    assert abs(video.width * size[1] - video.height * size[0]) <= 2 * max(size)


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (640, 480), (2560, 640)])
def test_the_3d_panel_is_large_whatever_the_shape_of_the_video(size):
    canvas = canvas_for(*size)
    (scene,) = canvas.scenes
    assert min(scene.width, scene.height) >= 300
    assert scene.width * scene.height >= 0.3 * canvas.width * canvas.height
    assert canvas.width >= 1100
    below = size[0] >= 3 * size[1]
    assert (scene.y == canvas.video.height) == below and (scene.x == canvas.frame.width) != below


def test_light_and_dark_differ_in_the_3d_panel_alone():
    tracks, poses = clip(STILL)
    dark, light = (
        Renderer(tracks, poses, look=Look(style=style)).draw(next(grey(1)), 0)
        for style in ("dark", "light")
    )
    left = canvas_for(640, 360).frame.width
    assert np.array_equal(dark[:, :left], light[:, :left])
    assert dark[:, left:].mean() < 80 and light[:, left:].mean() > 200
    assert close_to(light[:, left:], LIGHT.sides["left"]).sum() > 100


@pytest.mark.parametrize("size", [(64, 48), (1280, 720), (853, 481)])
def test_source_and_prescaled_frames_give_the_same_canvas(size):
    tracks, poses = clip(STILL, size=size)
    renderer = Renderer(tracks, poses)
    full = renderer.draw(next(grey(1, size)), 0)
    scaled = renderer.draw(next(grey(1, overlay_size(*size))), 0)
    assert full.shape[:2] == renderer.size[::-1]
    assert np.array_equal(full, scaled)


def test_resize_matches_area_averaging():
    rng = np.random.default_rng(0)
    frame = cv2.GaussianBlur(rng.integers(0, 255, (720, 1280, 3), dtype=np.uint8), (15, 15), 0)
    fast = np.empty((200, 356, 3), np.uint8)
    shrink(frame, fast)
    slow = cv2.resize(frame, (356, 200), interpolation=cv2.INTER_AREA)
    assert np.abs(fast.astype(int) - slow).mean() < 4
