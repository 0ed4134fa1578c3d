"""The camera of an export sees the joints where the video did."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pxr import Gf, Usd, UsdGeom
from test_export import glb_parts

from poselift.data.exports.rotations import about, matrices_of
from poselift.data.exports.settings import Axes, ExportSettings
from poselift.data.scene import CameraPath
from poselift.data.skeletons import COCO17, H36M17
from poselift.data.structures import Keypoints2D, Poses3D, Timeline
from poselift.inference.poses.world import world_with
from poselift.pipeline.exports.formats import exports_of
from poselift.pipeline.exports.scene import scene_of

FRAMES = 10
SIZE, FOCAL = (640, 360), 700.0


def seen(joints: np.ndarray) -> np.ndarray:
    """(..., 3) camera space -> (..., 2) pixels of the clip."""
    flat = FOCAL * joints[..., :2] / joints[..., 2:]
    return np.asarray(flat + np.array(SIZE) / 2)


@pytest.fixture(scope="module")
def poses() -> Poses3D:
    """Two people of random limbs before a tilted camera; the second stands on a roof, 2 m up."""
    rng = np.random.default_rng(0)
    up = np.array([0.05, -1, 0.2]) / np.linalg.norm([0.05, -1, 0.2])
    pose = np.cumsum(rng.normal(0, 0.03, (2, FRAMES, 17, 3)), 1) + rng.normal(0, 0.3, (2, 1, 17, 3))
    pose -= pose[:, :, :1]
    trajectory = np.array([[0.5, 0.2, 6], [-1, -1.5, 7]])[:, None] + np.linspace(0, 1, FRAMES)[
        :, None
    ] * (0.5, 0, 1)
    world = (pose + trajectory[:, :, None]) @ world_with(up).axes.T
    world += np.array([[0.3, -7, 1.5], [0.3, -7, -0.5]])[:, None, None]
    always = np.ones((2, FRAMES), bool)
    timeline = Timeline(*SIZE, 30.0, np.arange(FRAMES) / 30)
    return Poses3D(timeline, np.array([1, 2]), pose, trajectory, world, always, ~always, up, FOCAL)


def through(camera: dict[str, object], places: np.ndarray) -> np.ndarray:
    """As a reader of poses.json projects."""
    rows = np.array([camera[name] for name in ("right", "down", "forward")])
    flat = (places - np.array(camera["position"])) @ rows.T
    middle = np.array(camera["principal_point_px"])
    return np.asarray(float(str(camera["focal_px"])) * flat[..., :2] / flat[..., 2:] + middle)


@pytest.mark.parametrize(
    "options", [{}, {"up": "y", "units": "cm"}, {"space": "camera"}, {"space": "camera", "up": "y"}]
)
def test_joints_of_the_json_fall_on_the_picture(poses: Poses3D, options: dict[str, str]) -> None:
    scene = scene_of(poses, ExportSettings(**options))  # type: ignore[arg-type]
    told = json.loads(exports_of(scene, ["json"])["poses.json"]())
    assert poses.trajectory is not None
    expected = seen(poses.pose + poses.trajectory[:, :, None])
    for person, where in zip(told["people"], expected, strict=True):
        found = through(person["camera"], np.array(person["positions"]))
        assert np.abs(found - where).max() < 0.01
        assert person["camera"]["largest_off_px"] < 0.01
    assert ("camera" in options.values()) == (
        told["people"][0]["camera"]["position"] == told["people"][1]["camera"]["position"]
    )


def test_the_camera_of_a_glb(poses: Poses3D) -> None:
    assert poses.trajectory is not None
    expected = seen(poses.trajectory)
    for space, names in (
        ("world", ["person_1_camera", "person_2_camera"]),
        ("camera", ["camera", "camera"]),
    ):
        scene = scene_of(poses, ExportSettings(space=space))  # type: ignore[arg-type]
        told, _ = glb_parts(exports_of(scene, ["glb"])["people.glb"]())
        nodes = {node["name"]: node for node in told["nodes"]}
        for name, world, where in zip(names, scene.poses.world, expected, strict=True):
            node = nodes[name]
            assert told["nodes"].index(node) in told["scenes"][0]["nodes"]
            lens = told["cameras"][node["camera"]]["perspective"]
            assert lens["aspectRatio"] == pytest.approx(16 / 9)
            x, y, z, w = node["rotation"]
            turned = np.array(Gf.Matrix3d(Gf.Quatd(w, x, y, z)))  # rows: the camera's axes
            flat = (Axes().points(world[:, 0]) - node["translation"]) @ turned.T
            half = np.tan(lens["yfov"] / 2)
            screen = flat[:, :2] / -flat[:, 2:] / (half * lens["aspectRatio"], half)
            found = (screen * (1, -1) + 1) / 2 * SIZE
            assert np.abs(found - where).max() < 0.01
            assert (flat[:, 2] < 0).all()  # before the camera


@pytest.mark.parametrize("options", [{}, {"up": "z", "units": "cm"}])
def test_the_camera_of_a_usd(poses: Poses3D, options: dict[str, str], tmp_path: Path) -> None:
    scene = scene_of(poses, ExportSettings(**options))  # type: ignore[arg-type]
    (tmp_path / "a.usda").write_bytes(exports_of(scene, ["usd"])["people.usda"]())
    stage = Usd.Stage.Open(str(tmp_path / "a.usda"))
    assert poses.trajectory is not None
    for i, place in enumerate(scene.poses.world):
        camera = UsdGeom.Camera(stage.GetPrimAtPath(f"/clip/person_{i + 1}_camera")).GetCamera()
        matrix = camera.frustum.ComputeViewMatrix() * camera.frustum.ComputeProjectionMatrix()
        hip = place[:, 0]
        there = hip * 100 if options else np.stack([hip[:, 0], hip[:, 2], -hip[:, 1]], -1)
        screen = np.array([matrix.Transform(Gf.Vec3d(*point)) for point in there.tolist()])
        found = (screen[:, :2] * (1, -1) + 1) / 2 * SIZE
        assert np.abs(found - seen(poses.trajectory[i])).max() < 0.01


def moving(poses: Poses3D) -> tuple[Poses3D, np.ndarray]:
    """The same, by a camera that pans, tilts and zooms; and where each frame's picture has them."""
    t = np.linspace(-1, 1, FRAMES)
    turns = about(np.array([0, 1.0, 0]), 0.2 * t) @ about(np.array([1.0, 0, 0]), 0.05 * t)
    zoom = 1.2 + 0.2 * t
    camera = CameraPath("turns", turns, zoom, np.ones(FRAMES))
    assert poses.trajectory is not None
    own = (poses.pose + poses.trajectory[:, :, None]) @ turns  # the inverse turn
    flat = FOCAL * zoom[:, None, None] * own[..., :2] / own[..., 2:]
    return replace(poses, camera=camera), flat + np.array(SIZE) / 2


@pytest.mark.parametrize("options", [{}, {"up": "y"}, {"space": "camera"}])
def test_a_camera_that_moves(poses: Poses3D, options: dict[str, str], tmp_path: Path) -> None:
    turning, expected = moving(poses)
    scene = scene_of(turning, ExportSettings(**options))  # type: ignore[arg-type]
    told = json.loads(exports_of(scene, ["json"])["poses.json"]())
    for person, where in zip(told["people"], expected, strict=True):
        camera = person["camera"]
        assert camera["moves"] and camera["largest_off_px"] < 0.01
        for frame, places in enumerate(person["positions"]):
            changing = ("right", "down", "forward", "focal_px")
            now = camera | {name: camera[name][frame] for name in changing}
            assert np.abs(through(now, np.array(places)) - where[frame]).max() < 0.01
    if options.get("up"):
        return
    path = tmp_path / "a.usda"
    path.write_bytes(exports_of(scene, ["usd"])["people.usda"]())
    stage = Usd.Stage.Open(str(path))
    name = "camera" if options else "person_2_camera"
    for frame, hip in enumerate(Axes().points(scene.poses.world[1, :, 0])):
        seen_by = UsdGeom.Camera(stage.GetPrimAtPath(f"/clip/{name}")).GetCamera(frame)
        matrix = seen_by.frustum.ComputeViewMatrix() * seen_by.frustum.ComputeProjectionMatrix()
        screen = np.array(matrix.Transform(Gf.Vec3d(*hip.tolist())))[:2]
        assert np.abs((screen * (1, -1) + 1) / 2 * SIZE - expected[1, frame, 0]).max() < 0.01
    glb, blob = glb_parts(exports_of(scene, ["glb"])["people.glb"]())
    (node,) = (i for i, one in enumerate(glb["nodes"]) if one["name"] == name)
    assert glb["nodes"][node]["extras"]["zoom"] == pytest.approx(turning.camera.zoom)  # type: ignore[union-attr]
    (channel,) = (c for c in glb["animations"][0]["channels"] if c["target"]["node"] == node)
    output = glb["accessors"][glb["animations"][0]["samplers"][channel["sampler"]]["output"]]
    view = glb["bufferViews"][output["bufferView"]]
    read = np.frombuffer(blob, np.float32, output["count"] * 4, view["byteOffset"]).reshape(-1, 4)
    turned = scene.cameras[1].posed(Axes())[1]
    np.testing.assert_allclose(matrices_of(read.astype(float)), turned, atol=1e-6)


def test_a_camera_that_moves_at_another_rate(poses: Poses3D) -> None:
    turning, _ = moving(poses)
    twice = scene_of(turning, ExportSettings(fps=60)).cameras[0]
    once = scene_of(turning, ExportSettings()).cameras[0]
    assert twice.path is not None and once.path is not None
    assert len(twice.path.zoom) == 2 * FRAMES - 1
    np.testing.assert_allclose(twice.path.turns[::2], once.path.turns, atol=1e-6)
    halves = (once.path.zoom[1:] + once.path.zoom[:-1]) / 2
    np.testing.assert_allclose(twice.path.zoom[1::2], halves, atol=1e-6)
    cut = replace(turning, camera=replace(once.path, cuts=(4,)))
    path = scene_of(cut, ExportSettings(fps=60)).cameras[0].path
    assert path is not None and path.cuts == (8,)
    np.testing.assert_allclose(path.turns[7], once.path.turns[3], atol=1e-6)


def test_no_camera_where_none_is_known(poses: Poses3D) -> None:
    scene = scene_of(poses, ExportSettings(in_place=True))
    told = json.loads(exports_of(scene, ["json"])["poses.json"]())
    assert [person["camera"] for person in told["people"]] == [None, None]
    glb, _ = glb_parts(exports_of(scene, ["glb"])["people.glb"]())
    assert "cameras" not in glb
    assert b"Camera" not in exports_of(scene, ["usd"])["people.usda"]()


def check_on_keypoints(told: dict[str, object], people: tuple[Keypoints2D, ...]) -> None:
    """A run's exported joints fall on its keypoints, by a tenth of a person's height."""
    common = [joint for joint in COCO17.joints if joint in H36M17.joints]
    ours, theirs = H36M17.indices(*common), COCO17.indices(*common)
    for person, track in zip(told["people"], people, strict=True):  # type: ignore[call-overload]
        found = through(person["camera"], np.array(person["positions"]))[:, ours]
        there = track.xy[track.valid][:, theirs]
        height = np.ptp(track.xy[track.valid][..., 1], axis=1).mean()
        off = np.linalg.norm(found - there, axis=-1)
        assert np.median(off) < 0.1 * height
        assert np.median(off) < person["camera"]["largest_off_px"] + 0.05 * height
