"""What a user knows of a scene is used, written down and read back."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import MakeVideo
from hypothesis import given, settings
from hypothesis import strategies as st
from moving_windows import MOVEMENTS, Window
from scipy.spatial.transform import Rotation

from poselift.data.archives.stage_results import load_poses, save_poses
from poselift.data.cameras import unit_vectors
from poselift.data.errors import FormatError, LayoutMismatch, UnknownName
from poselift.data.scene import NOTHING_KNOWN, CameraPath, KnownScene
from poselift.data.skeletons import COCO17, H36M17
from poselift.data.structures import Keypoints2D, Poses3D, Timeline, Tracks
from poselift.inference.poses.ground import ground_of
from poselift.inference.poses.lifting import Lifter
from poselift.inference.poses.tracks_to_poses import poses_of
from poselift.inference.poses.world import standing_height, up_of, world_with
from poselift.inference.video.lens import EQUIVALENT, focal_px_of
from poselift.inference.video.video_reader import VideoReader
from poselift.models.lifters import open_lifter
from poselift.models.registry import DEFAULT_LIFTER
from poselift.models.temporal import Architecture, TemporalModel
from poselift.models.weights import LifterWeights
from poselift.pipeline.flags.scene_flags import heights
from poselift.pipeline.mocap.standing_bodies import straight_body

WIDTH, HEIGHT, FRAMES, FOCAL = 1280, 720, 40, 1280.0
PLACES = np.array([[-0.8, 0.0, 4.0], [0.9, 0.0, 6.0]])


def people(camera: CameraPath | None = None, raised_m: float = 0.0) -> Tracks:
    """Two straight people who sway, before a level camera 1 m above the floor.

    Args:
        camera: how it moves; its turns are from each frame's camera to that of PLACES.
        raised_m: how much higher the second stands.
    """
    body = straight_body(20.0, COCO17)[:, [1, 2, 0]] * (1, -1, -1)  # left, down, away
    sway = 0.1 * np.sin(np.arange(FRAMES) / 5)[:, None, None] * [1.0, 0, 0]
    tracked = []
    for number, (place, up) in enumerate(zip(PLACES, (0.0, raised_m), strict=True), start=1):
        points = body + place + [0, 1.0 - up, 0] + sway * np.abs(body[:, 1:2])
        zoom = np.ones(FRAMES)
        if camera is not None:
            points = np.einsum("tji,tkj->tki", camera.turns, points)  # to each frame's camera
            zoom = camera.zoom
        xy = FOCAL * zoom[:, None, None] * points[..., :2] / points[..., 2:]
        seen = np.ones(FRAMES, bool)
        tracked.append(
            Keypoints2D(
                number,
                (xy + np.array([WIDTH, HEIGHT]) / 2).astype(np.float32),
                np.ones((FRAMES, 17)),
                seen,
                np.zeros((FRAMES, 17), bool),
                np.ones(FRAMES),
            )
        )
    return Tracks(Timeline(WIDTH, HEIGHT, 30.0, np.arange(FRAMES) / 30), tuple(tracked))


@pytest.fixture(scope="module")
def shipped_lifter() -> Lifter:
    weights, _ = open_lifter(DEFAULT_LIFTER)
    return Lifter(weights)


@pytest.fixture(scope="module")
def plain(shipped_lifter: Lifter) -> Poses3D:
    return poses_of(people(), shipped_lifter)


def test_people_are_as_tall_as_they_are_said_to_be(shipped_lifter: Lifter, plain: Poses3D) -> None:
    known = KnownScene(height_m=1.9, heights_m=((2, 1.5),))
    poses = poses_of(people(), shipped_lifter, known=known)
    for person, height in ((0, 1.9), (1, 1.5)):
        assert standing_height(poses.pose[person], H36M17) == pytest.approx(height, abs=1e-3)
        # The same picture: whoever is larger is as much further away.
        assert poses.trajectory is not None and plain.trajectory is not None
        larger = (height - 0.05) / (standing_height(plain.pose[person], H36M17) - 0.05)
        np.testing.assert_allclose(poses.pose[person], plain.pose[person] * larger, atol=1e-4)
        ratio = poses.trajectory[person, :, 2] / plain.trajectory[person, :, 2]
        np.testing.assert_allclose(np.median(ratio), larger, rtol=0.01)
    with pytest.raises(UnknownName, match=r"'7'.*1, 2"):
        poses_of(people(), shipped_lifter, known=KnownScene(heights_m=((7, 1.8),)))


def test_a_known_lens_sets_the_distance(shipped_lifter: Lifter, plain: Poses3D) -> None:
    longer = poses_of(people(), shipped_lifter, known=KnownScene(focal_px=2 * FOCAL))
    assert longer.focal_px == 2 * FOCAL and plain.focal_px == FOCAL
    assert longer.trajectory is not None and plain.trajectory is not None
    ratio = np.median(longer.trajectory[..., 2] / plain.trajectory[..., 2], axis=1)
    assert ((ratio > 1.7) & (ratio < 2.3)).all()
    # 53.13 degrees across the width are a focal length of one width.
    wide = KnownScene(fov=float(np.degrees(2 * np.arctan(0.5))))
    same = poses_of(people(), shipped_lifter, known=wide)
    assert same.focal_px == pytest.approx(FOCAL)
    np.testing.assert_allclose(same.pose, plain.pose, atol=1e-5)


def test_a_lifter_with_a_camera_of_its_own_takes_no_lens() -> None:
    network = TemporalModel(Architecture(17, 2, 17, (3,), channels=4)).eval()
    lifter = Lifter(LifterWeights("plain", "screen", COCO17, H36M17, network, None))
    with pytest.raises(LayoutMismatch, match="lens of 900 pixels"):
        poses_of(people(), lifter, known=KnownScene(focal_px=900))


@pytest.mark.parametrize(("roll", "pitch"), [(0.0, 0.0), (10.0, None), (None, 20.0), (-5.0, 12.0)])
def test_a_known_turn_of_the_camera_is_kept(
    shipped_lifter: Lifter, plain: Poses3D, roll: float | None, pitch: float | None
) -> None:
    poses = poses_of(people(), shipped_lifter, known=KnownScene(roll=roll, pitch=pitch))
    right, down, ahead = poses.up
    if roll is not None:
        assert np.degrees(np.arctan2(-right, -down)) == pytest.approx(roll, abs=1e-6)
    if pitch is not None:
        assert -np.degrees(np.arcsin(ahead)) == pytest.approx(pitch, abs=1e-6)
    assert (poses.up_degrees == 0) == (roll is not None and pitch is not None)
    np.testing.assert_array_equal(poses.pose, plain.pose)


@given(roll=st.floats(-179, 179), pitch=st.floats(-89, 89))
def test_up_is_a_direction_and_says_roll_and_pitch(roll: float, pitch: float) -> None:
    up = up_of(roll, pitch)
    assert np.linalg.norm(up) == pytest.approx(1)
    assert -np.degrees(np.arcsin(up[2])) == pytest.approx(pitch, abs=1e-5)
    # Turned clockwise, the camera's right hand is lower.
    assert np.sign(-up[0]) == np.sign(np.sin(np.radians(roll))) or abs(up[0]) < 1e-9
    axes = world_with(np.array([0.0, -1, 0]), roll, pitch).axes
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-9)


def test_whose_floor(shipped_lifter: Lifter) -> None:
    """On a box half a metre high: by `own` the second stands there, by `shared` beside it."""
    low: dict[str, np.ndarray] = {}
    for floor in ("shared", "own"):
        scene = KnownScene(roll=0.0, pitch=0.0, focal_px=FOCAL, floor=floor)  # type: ignore[arg-type]
        poses = poses_of(people(raised_m=0.5), shipped_lifter, known=scene)
        low[floor] = np.median(poses.world[..., 2].min(2), axis=1)
    np.testing.assert_allclose(low["shared"], 0.05, atol=0.02)
    assert low["own"].min() == pytest.approx(0.05, abs=0.03)
    assert low["own"][1] - low["own"][0] == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize("movement", ["pan", "roll", "zoom", "shake"])
def test_people_stay_where_they_are_while_the_camera_moves(
    shipped_lifter: Lifter, plain: Poses3D, movement: str
) -> None:
    turns, zoom = Window((WIDTH, HEIGHT), (WIDTH, HEIGHT)).path(MOVEMENTS[movement], FRAMES)
    path = CameraPath("turns", turns.transpose(0, 2, 1), zoom, np.ones(FRAMES))
    poses = poses_of(people(path), shipped_lifter, camera=path)
    np.testing.assert_allclose(poses.pose, plain.pose, atol=2e-3)
    np.testing.assert_allclose(poses.world, plain.world, atol=5e-3)
    without = poses_of(people(path), shipped_lifter)
    assert np.abs(without.world - plain.world).max() > 0.1


def test_a_camera_that_turns_too_far_for_one_picture(
    shipped_lifter: Lifter, plain: Poses3D
) -> None:
    """By 120 degrees in all: poses are turned back one by one."""
    angles = np.radians(np.linspace(-60, 60, FRAMES))[:, None] * [0, 1, 0]
    turns = Rotation.from_rotvec(angles).as_matrix()
    path = CameraPath("turns", turns, np.ones(FRAMES), np.ones(FRAMES))
    poses = poses_of(people(path), shipped_lifter, camera=path)
    # Before each frame's camera the person turns, and yet stands still in the world.
    away = np.linalg.norm(poses.pose[0] - plain.pose[0], axis=-1)[8:-8]
    assert away.mean() < 0.12
    alone = poses_of(people(path), shipped_lifter)
    assert away.mean() < np.linalg.norm(alone.pose[0] - plain.pose[0], axis=-1)[8:-8].mean() / 2


def test_scenes_have_worlds_of_their_own(shipped_lifter: Lifter) -> None:
    """Two scenes, each with one person: both stand about the origin of their own."""
    whole, half = people(), FRAMES // 2

    def during(person: Keypoints2D, frames: slice) -> Keypoints2D:
        there = np.zeros(FRAMES, bool)
        there[frames] = True
        return replace(
            person,
            xy=np.where(there[:, None, None], person.xy, np.nan),
            confidence=person.confidence * there[:, None],
            seen=there,
            scores=person.scores * there,
        )

    first, second = whole.people
    cut = Tracks(whole.timeline, (during(first, slice(0, half)), during(second, slice(half, None))))
    path = replace(CameraPath.still(FRAMES), cuts=(half,))
    poses = poses_of(cut, shipped_lifter, camera=path)
    np.testing.assert_allclose(np.nanmedian(poses.world[:, :, 0, :2], axis=1), 0, atol=1e-3)
    together = poses_of(cut, shipped_lifter)
    assert np.abs(np.nanmedian(together.world[:, :, 0, :2], axis=1)).max() > 0.3


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 4))
def test_the_floor_does_not_lead_a_vote_astray(seed: int, count: int) -> None:
    """How much nearer it comes is measured by benchmarks/gravity.py."""
    rng = np.random.default_rng(seed)
    up = up_of(float(rng.normal(0, 3)), float(rng.normal(10, 8)))
    axes = world_with(up).axes
    feet = []
    for _ in range(count):
        middle = np.array([rng.uniform(-2, 2), rng.uniform(4, 9), -1.6])
        steps = rng.uniform(-1.5, 1.5, (12, 3)) * (1, 1, 0) + rng.normal(0, 0.02, (12, 3))
        feet.append((middle + steps) @ axes)
    tilt = Rotation.from_rotvec(np.radians(rng.normal(0, 3, 3))).as_matrix()
    vote = unit_vectors(tilt @ up)
    found = ground_of(vote, feet, lens_known=True)
    before, after = (np.degrees(np.arccos(np.clip(v @ up, -1, 1))) for v in (vote, found.up))
    assert after < max(2.5, before) and 0 < found.up_degrees < 4.3
    if count > 2:
        raised = ground_of(vote, [feet[0] + 1.2 * up, *feet[1:]], lens_known=True)
        assert np.degrees(np.arccos(np.clip(raised.up @ found.up, -1, 1))) < 4


def test_without_feet_the_vote_stands() -> None:
    vote = up_of(4.0, 12.0)
    found = ground_of(vote, [np.zeros((0, 3))])
    np.testing.assert_allclose(found.up, vote, atol=1e-6)
    assert found.up_degrees == pytest.approx(4.2, abs=0.05)


def test_what_is_known_is_read_as_it_was_written(plain: Poses3D, tmp_path: Path) -> None:
    file = tmp_path / "poses3d.npz"
    known = KnownScene(heights_m=((2, 1.65),), focal_px=900.0, roll=-3.0, floor="own")
    moving = replace(CameraPath.still(FRAMES), kind="turns", zoom=np.full(FRAMES, 1.5))
    save_poses(file, replace(plain, known=known, camera=moving, up_degrees=2.5))
    read = load_poses(file)
    assert read.known == known and read.up_degrees == 2.5
    assert read.camera is not None and read.camera.moves and (read.camera.zoom == 1.5).all()
    part = read.at(slice(3, 9))
    assert part.camera is not None and len(part.camera.zoom) == 6
    with np.load(file) as archive:
        arrays = dict(archive)
    wrong = {"floor": "sea", "known_height_m": np.full(2, 9.0), "known_roll": 999.0}
    for name, value in wrong.items():
        np.savez(file, **arrays | {name: np.asarray(value)})
        with pytest.raises(FormatError, match=name):
            load_poses(file)
    new = ("known", "camera", "floor", "up_degrees")
    np.savez(file, **{name: array for name, array in arrays.items() if not name.startswith(new)})
    before = load_poses(file)
    assert before.known == NOTHING_KNOWN and before.camera is None and np.isnan(before.up_degrees)


@pytest.mark.parametrize(
    "known",
    [
        {"height_m": 0.1}, {"height_m": float("nan")}, {"heights_m": ((1, 1.7), (1, 1.8))},
        {"fov": 0.0}, {"fov": 60.0, "focal_px": 900.0}, {"focal_px": -3.0}, {"roll": 200.0},
        {"pitch": float("inf")}, {"floor": "sea"}, {"camera": "flies"},
    ],
)  # fmt: skip
def test_what_cannot_be_is_told(known: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"not|twice|same"):
        KnownScene(**known)  # type: ignore[arg-type]


def test_a_file_names_its_lens(make_video: MakeVideo) -> None:
    """As phones write it, on the file or on the track; a user's own word counts more."""
    note = ("-metadata", f"{EQUIVALENT}=26", "-movflags", "use_metadata_tags")
    info = VideoReader(make_video("phone.mov", "-c:v", "libx264", *note)).info
    diagonal = np.hypot(info.width, info.height)
    assert info.focal_px == pytest.approx(26 / np.hypot(36, 24) * diagonal)
    scene = NOTHING_KNOWN.by_file(info.focal_px)
    assert (scene.focal_px, scene.focal_from) == (info.focal_px, "file")
    given = KnownScene(fov=50.0)
    assert given.by_file(info.focal_px) is given and NOTHING_KNOWN.by_file(None) is NOTHING_KNOWN
    assert VideoReader(make_video("plain.mp4", "-c:v", "libx264")).info.focal_px is None
    for wrong in ("0", "nan", "wide", "1e9", ""):
        assert focal_px_of(100, 100, {EQUIVALENT: wrong}) is None
    assert focal_px_of(100, 100, {EQUIVALENT: "no"}, {EQUIVALENT: "28"}) is not None


def test_heights_on_the_command_line() -> None:
    assert heights("1.78") == (1.78, ())
    assert heights("1:1.78,2:1.65") == (None, ((1, 1.78), (2, 1.65)))
    for wrong in ("tall", "1:1.7,2", "1:2:3", ""):
        with pytest.raises(argparse.ArgumentTypeError):
            heights(wrong)
