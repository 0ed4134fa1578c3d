"""Readers of files from strangers by class, each with valid files and ways to damage them.

A class makes the input of a number and reads it: the outcome is a value, or a
PoseliftError. Property tests try some of each class; `scripts/fuzz` tries thousands.
"""

from __future__ import annotations

import functools
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import foreign_files
import numpy as np
import torch
from mocap_files import write_amc, write_asf, write_bvh
from mutations import damaged_bytes, damaged_npz, damaged_text, damaged_value
from standing_people import clip

from poselift.data.archives.custom_2d import load_video_detections
from poselift.data.archives.joints_archive import JointsClip, load_joints, save_joints
from poselift.data.archives.keypoint_archive import load_keypoint_archive
from poselift.data.archives.positions_archive import load_positions_archive
from poselift.data.archives.stage_results import (
    load_camera,
    load_detections,
    load_poses,
    load_tracks,
    save_camera,
    save_detections,
    save_poses,
    save_tracks,
)
from poselift.data.datasets.detector_files import read_detector
from poselift.data.errors import PoseliftError
from poselift.data.exports.settings import ExportSettings
from poselift.data.files.plain_pickle import dump_plain
from poselift.data.files.safe_archive import load_object_npz, write_object_npz
from poselift.data.foreign.conversion import convert
from poselift.data.foreign.formats import read_foreign
from poselift.data.foreign.layouts import layout_named, layout_of
from poselift.data.mocap.mocap_source import convert_take
from poselift.data.mocap.rig import FOLDER, known_rigs, load_rig
from poselift.data.scene import CameraPath
from poselift.data.skeletons import COCO17, H36M17
from poselift.data.structures import Detections, FrameDetections, Timeline
from poselift.inference.detectors.zoo_files import read_weights
from poselift.inference.people.tracking import track
from poselift.inference.poses.lifting import Lifter
from poselift.inference.poses.tracks_to_poses import poses_of
from poselift.inference.video.video_reader import VideoReader
from poselift.models.lifters import open_lifter
from poselift.models.outputs import output_rows
from poselift.models.reference_checkpoints import load_reference_checkpoint
from poselift.models.temporal import Architecture, TemporalModel
from poselift.models.weights import LifterWeights, save_lifter
from poselift.pipeline.exports.formats import exports_of
from poselift.pipeline.exports.scene import scene_of
from poselift.pipeline.folders.folder_record import RECORD, FolderRecord
from poselift.pipeline.imports.edited_poses import alone, in_place_of
from poselift.pipeline.imports.reading import read_exported
from poselift.pipeline.mocap.mocap_recipe import read_recipe
from poselift.pipeline.overlay.render import Renderer

ROOT = Path(__file__).resolve().parent.parent
FRAMES = 40
STANDING = np.array([
    (60, 20), (63, 17), (57, 17), (66, 19), (54, 19), (75, 40), (45, 40), (80, 65), (40, 65),
    (82, 90), (38, 90), (70, 90), (50, 90), (70, 120), (50, 120), (70, 150), (50, 150),
], float)  # fmt: skip


@dataclass(frozen=True)
class Input:
    """A valid file, how it is damaged, and how it is read.

    Args:
        beside: valid files that a reader needs next to it.
    """

    path: Path
    damage: Callable[[Random], bytes]
    read: Callable[[Path], Any]
    beside: tuple[Path, ...] = ()


class FuzzClass:
    """The inputs of one class: number -> a damaged file -> its outcome."""

    def __init__(self, name: str, inputs: list[Input]) -> None:
        self.name, self.inputs = name, inputs

    def make(self, seed: int, folder: Path) -> tuple[Input, Path]:
        """Write the input of a number into a folder that is cleared first."""
        random = Random(f"{self.name} {seed}")
        chosen = random.choice(self.inputs)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for path in chosen.beside:
            shutil.copy(path, folder / path.name)
        path = folder / chosen.path.name
        path.write_bytes(chosen.damage(random))
        return chosen, path

    def outcome(self, seed: int, folder: Path) -> str:
        """`value` or `refused`; any other error is the reader's fault, and is raised."""
        chosen, path = self.make(seed, folder)
        try:
            with np.errstate(all="ignore"):
                chosen.read(path)
        except PoseliftError:
            return "refused"
        return "value"


def classes(folder: Path) -> dict[str, Callable[[], FuzzClass]]:
    """The classes by name; their valid files are written into `folder`."""
    makers = {
        "own": _own, "reference": _reference, "checkpoints": _checkpoints, "keypoints": _keypoints,
        "mocap": _mocap, "exports": _exports, "settings": _settings, "video": _video,
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    return {
        name: functools.cache(functools.partial(_made, name, make, folder))
        for name, make in makers.items()
    }


def _made(name: str, make: Callable[[Path], list[Input]], folder: Path) -> FuzzClass:
    return FuzzClass(name, make(folder))


def walking(people: int = 2, frames: int = FRAMES) -> Detections:
    """People who walk to the right, seen in every frame."""
    found = []
    for t in range(frames):
        xy = np.stack(
            [STANDING + np.array([3 * t + 200 * p, 5 * np.sin(t / 5 + p)]) for p in range(people)]
        )
        boxes = np.concatenate([xy.min(1), xy.max(1)], 1)
        ones = np.ones(people, np.float32)
        found.append(
            FrameDetections(
                boxes.astype(np.float32), 0.9 * ones, xy.astype(np.float32),
                np.full((people, 17), 0.8, np.float32),
            )
        )  # fmt: skip
    return Detections(Timeline(640, 360, 25.0, np.arange(frames) / 25), tuple(found), COCO17)


def tiny_lifter() -> LifterWeights:
    torch.manual_seed(4)
    arch = Architecture(18, 3, output_rows("anchored", 17), (3, 3), 8)
    where = Architecture(18, 3, 2, (3, 3), 8)
    return LifterWeights(
        "tiny", "person", COCO17, H36M17, TemporalModel(arch).eval(), TemporalModel(where).eval(),
        "anchored",
    )  # fmt: skip


def _npz(path: Path, read: Callable[[Path], Any]) -> Input:
    with np.load(path) as archive:
        members = {name: archive[name] for name in archive.files}
    content = path.read_bytes()

    def damage(random: Random) -> bytes:
        if random.random() < 0.2:
            return damaged_bytes(content, random)
        return damaged_npz(members, random)

    return Input(path, damage, read)


def _own(folder: Path) -> list[Input]:
    detections, lifter = walking(), Lifter(tiny_lifter())
    tracks = track(detections)
    poses = poses_of(tracks, lifter)
    save_detections(folder / "detections.npz", detections)
    save_tracks(folder / "keypoints2d.npz", tracks)
    shaken = CameraPath("turns", np.tile(np.eye(3), (FRAMES, 1, 1)), *np.ones((2, FRAMES)), (4,))
    save_camera(folder / "camera.npz", shaken)
    save_poses(folder / "poses3d.npz", poses)
    joints = np.random.default_rng(1).normal(0, 0.5, (2, FRAMES, 17, 3)).astype(np.float32)
    save_joints(folder / "joints.npz", [JointsClip(f"c{i}", *joints, 30.0) for i in range(2)])
    image = np.zeros((36, 64, 3), np.uint8)

    def draw(path: Path) -> None:
        found = load_poses(path)
        if len(found.timeline) == len(tracks.timeline):
            Renderer(tracks, found, panel=64).draw(image, 7)

    return [
        _npz(folder / "detections.npz", lambda path: track(load_detections(path))),
        _npz(folder / "keypoints2d.npz", lambda path: poses_of(load_tracks(path), lifter)),
        _npz(folder / "keypoints2d.npz", lambda path: _drawn(path, poses, image)),
        _npz(folder / "camera.npz", load_camera),
        _npz(folder / "poses3d.npz", draw),
        _npz(folder / "joints.npz", load_joints),
    ]


def _drawn(path: Path, poses: Any, image: np.ndarray) -> None:
    found = load_tracks(path)
    if len(found.timeline) == len(poses.timeline):
        Renderer(found, poses, panel=64).draw(image, 7)


def _object_npz(path: Path, members: dict[str, Any], read: Callable[[Path], Any]) -> Input:
    with path.open("wb") as stream:
        write_object_npz(stream, members)
    members = load_object_npz(path)

    def save(stream: io.BytesIO, value: Any) -> None:
        plain = isinstance(value, np.ndarray) and not value.dtype.hasobject
        array = value if plain or isinstance(value, np.ndarray) else _boxed(value)
        np.save(stream, array, allow_pickle=True)

    def damage(random: Random) -> bytes:
        if random.random() < 0.2:
            return damaged_bytes(path.read_bytes(), random)
        return damaged_npz(members, random, save)

    return Input(path, damage, read)


def _boxed(value: Any) -> np.ndarray:
    holder = np.empty((), object)
    holder[()] = value
    return holder


def _reference(folder: Path) -> list[Input]:
    video = load_object_npz(ROOT / "tests" / "assets" / "dance_60.mp4.npz")
    xy = np.stack([STANDING + np.array([t, 0]) for t in range(FRAMES)]).astype(np.float32)
    sides = [list(COCO17.left), list(COCO17.right)]
    about = {"layout_name": "coco", "num_joints": 17, "keypoints_symmetry": sides}
    custom = {
        "positions_2d": {"a.mp4": {"custom": [xy]}},
        "metadata": about | {"video_metadata": {"a.mp4": {"w": 640, "h": 360}}},
    }
    places = {"positions_3d": {"S1": {"Walk": np.zeros((FRAMES, 32, 3), np.float32)}}}
    cpn = {"keypoints": np.ones((FRAMES, 17, 3), np.float32)}
    return [
        _object_npz(folder / "video.mp4.npz", video, load_video_detections),
        _object_npz(folder / "v.mp4.npz", video, _imported),
        _object_npz(folder / "detector.npz", video, read_detector),
        _object_npz(folder / "cpn.npz", cpn, read_detector),
        _object_npz(folder / "data_2d_custom_x.npz", custom, load_keypoint_archive),
        _object_npz(folder / "data_2d_custom_y.npz", custom, _imported),
        _object_npz(folder / "data_3d_h36m.npz", places, load_positions_archive),
    ]


def _imported(path: Path) -> None:
    clip = read_foreign(path)
    timeline = Timeline(1280, 720, 30.0, np.arange(200) / 30)
    convert(clip, layout_of(clip, None), timeline)


def _checkpoints(folder: Path) -> list[Input]:
    weights = tiny_lifter()
    torch.manual_seed(1)
    arch = Architecture(17, 2, 17, (3, 3), 8)
    root = Architecture(17, 2, 1, (3, 3), 8)
    random_state = np.random.RandomState(5)
    state = {
        "epoch": 1, "lr": 1e-3, "random_state": random_state,
        "optimizer": {"state": {0: {"step": 3}}, "param_groups": [{"lr": 1e-3, "params": [0]}]},
        "model_pos": dict(TemporalModel(arch).state_dict()),
        "model_traj": dict(TemporalModel(root).state_dict()),
        "poselift": {"layout_in": "coco", "filter_widths": [3, 3], "causal": False},
    }  # fmt: skip
    save_lifter(folder / "tiny.safetensors", weights)
    zoo = {"model": {"backbone.w": np.ones((3, 4), np.float32)}, "__author__": "x"}
    with (folder / "zoo.pkl").open("wb") as stream:
        dump_plain(zoo, stream)
    torch.save({"model": {"backbone.w": torch.ones(3, 4)}}, folder / "zoo.pth")

    def lifted(path: Path) -> None:
        found, _ = open_lifter(str(path))
        if found.layout_in in (None, COCO17):
            Lifter(found).lift(np.zeros((5, 17, 2)), layout=COCO17)

    def torch_saved(name: str, new: bool) -> Input:
        path = folder / name
        torch.save(state, path, _use_new_zipfile_serialization=new)
        content = path.read_bytes()

        def damage(random: Random) -> bytes:
            if random.random() < 0.4:
                return damaged_bytes(content, random)
            stream = io.BytesIO()
            changed = damaged_checkpoint(state, random)
            torch.save(changed, stream, _use_new_zipfile_serialization=new)
            return stream.getvalue()

        return Input(path, damage, lambda p: (lifted(p), load_reference_checkpoint(p)))

    plain = {path: path.read_bytes() for path in (folder / "zoo.pkl", folder / "zoo.pth")}
    return [
        torch_saved("new.bin", True),
        torch_saved("old.bin", False),
        Input(folder / "tiny.safetensors", _safetensors_damage(folder), lifted),
        *(
            Input(path, functools.partial(damaged_bytes, content), read_weights)
            for path, content in plain.items()
        ),
    ]


def _safetensors_damage(folder: Path) -> Callable[[Random], bytes]:
    path = folder / "tiny.safetensors"
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    about = json.loads(header["__metadata__"]["poselift"])

    def damage(random: Random) -> bytes:
        changed = json.loads(json.dumps(header))
        if random.random() < 0.3:
            return damaged_bytes(content, random)
        if random.random() < 0.5:
            text = _json(changed := damaged_value(changed, random))
        else:
            changed["__metadata__"]["poselift"] = _json(damaged_value(about, random)).decode()
            text = _json(changed)
        return len(text).to_bytes(8, "little") + text + content[8 + length :]

    return damage


def damaged_checkpoint(state: dict[str, Any], random: Random) -> Any:
    """A checkpoint with a tensor or another entry that cannot be."""
    changed = {k: dict(v) if isinstance(v, dict) else v for k, v in state.items()}
    if random.random() < 0.3:
        value = damaged_value(changed, random)
        return value if _savable(value) else {}
    network = changed[random.choice(("model_pos", "model_traj"))]
    name = random.choice(list(network))
    tensor = network[name]
    options: tuple[Callable[[], Any], ...] = (
        lambda: tensor.to(random.choice((torch.float16, torch.float64, torch.int32, torch.bool))),
        lambda: tensor.to(torch.complex64),
        lambda: torch.full_like(tensor, random.choice((0, -1, 3))).float() * float("nan"),
        lambda: tensor.reshape(-1),
        lambda: tensor.reshape(-1)[:1].expand(10**6),
        lambda: tensor.reshape(-1)[:1].expand(3, 10**5, 7),
        lambda: tensor.float().to_sparse(),
        lambda: tensor.to("meta"),
        lambda: tensor[None],
        lambda: tensor.transpose(0, -1) if tensor.ndim else tensor,
        lambda: random.choice((None, 3, "x", [1.0])),
        lambda: -tensor,
    )
    network[name] = random.choice(options)()
    return changed


def _savable(value: Any, depth: int = 0) -> bool:
    if isinstance(value, dict | list | tuple):
        inner = value.values() if isinstance(value, dict) else value
        return depth < 50 and all(_savable(item, depth + 1) for item in inner)
    return True


def _json(value: Any) -> bytes:
    """Also of what is nested too deeply to be written."""
    try:
        return json.dumps(value).encode()
    except RecursionError:
        return b"[" * 100_000


def _text(path: Path, read: Callable[[Path], Any], *beside: Path) -> Input:
    content = path.read_bytes()

    def damage(random: Random) -> bytes:
        if path.suffix == ".json" and random.random() < 0.6:
            return _json(damaged_value(json.loads(content), random))
        if random.random() < 0.6:
            return damaged_text(content, random)
        return damaged_bytes(content, random)

    return Input(path, damage, read, beside)


def _keypoints(folder: Path) -> list[Input]:
    person = np.column_stack([walking(1, 1).frames[0].keypoints[0], np.full(17, 0.9)])
    frames: foreign_files.Frames = [{1: person + np.array([t, 0, 0])} for t in range(FRAMES)]
    paths = []
    for name in ("alphapose", "coco", "mmpose_video", "mmpose_demo", "deeplabcut", "openpose",
                 "joint_table", "shares_table", "trc"):  # fmt: skip
        made = getattr(foreign_files, f"write_{name}")(folder / name, frames)
        paths.append(made if made.is_file() else min(made.iterdir()))
    return [_text(path, _imported) for path in paths]


def _mocap(folder: Path) -> list[Input]:
    rigs = known_rigs()
    bvh = write_bvh(folder / "a.bvh", FRAMES, {"LeftArm": (10, 0, 0)})
    moving = write_bvh(folder / "b.bvh", FRAMES, {}, all_move={})
    asf = write_asf(folder / "c.asf")
    amc = write_amc(folder / "c.amc", FRAMES, {}, (0, 17, 0, 0, 0, 0))

    def take(path: Path) -> None:
        convert_take(path, rigs, fps=60)

    def skeleton(path: Path) -> None:
        convert_take(path.with_suffix(".amc"), rigs, fps=60)

    return [_text(bvh, take), _text(moving, take), _text(amc, take, asf), _text(asf, skeleton, amc)]


def _exports(folder: Path) -> list[Input]:
    """3D poses as they are exported, to be read back."""
    roots = np.cumsum(np.full((2, FRAMES, 2), 0.02), 1) + np.array([[[0, 3]], [[2, 3]]])
    poses = clip(roots)[1]
    scene = scene_of(poses, ExportSettings())
    paths = []
    for name, content in exports_of(scene, ["bvh", "csv", "json", "trc"]).items():
        paths.append(folder / name)
        paths[-1].write_bytes(content())

    def read(path: Path) -> None:
        motions = read_exported([path])
        alone(motions)
        in_place_of(motions, poses)

    return [_text(path, read) for path in paths]


def _settings(folder: Path) -> list[Input]:
    """Rigs, layouts, recipes and the record of a results folder."""
    layout = folder / "mine.toml"
    joints = json.dumps(list(COCO17.joints))
    layout.write_text(f'joints = {joints}\nextra = 2\n[coco]\nnose = ["nose", "left_eye"]\n')
    record = folder / RECORD
    entry = {"stage": "detect", "key": "k", "sha256": "s", "before": ""}
    record.write_text(json.dumps({"source": {"path": "/a.mp4", "sha256": "s"},
                                  "files": {"detections.npz": entry}}))  # fmt: skip
    recipe = folder / "recipe.toml"
    shutil.copy(ROOT / "checkpoint" / "cmu27v4.toml", recipe)
    rig = folder / "mine.json"
    shutil.copy(min(FOLDER.glob("*.json")), rig)
    return [
        _text(rig, load_rig),
        _text(layout, lambda path: layout_named(str(path))),
        _text(recipe, read_recipe),
        Input(record, _text(record.rename(folder / "r.json"), FolderRecord).damage,
              lambda path: FolderRecord(path.parent).entry_of("detections.npz")),
    ]  # fmt: skip


def _video(folder: Path) -> list[Input]:
    content = (ROOT / "tests" / "assets" / "two_people.mp4").read_bytes()

    def read(path: Path) -> None:
        for _frame in VideoReader(path, fit=(64, 64)):
            pass

    return [Input(folder / "clip.mp4", functools.partial(damaged_bytes, content), read)]
