"""Virtual views, noise, and a tiny training run that learns, stops and goes on."""

from __future__ import annotations

import json
import resource
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from mocap_bodies import walking
from torch import Tensor

from benchmarks import accuracy
from poselift.data.archives.joints_archive import JointsClip, load_joints, split_clips
from poselift.data.errors import FormatError, OutputError, UnsafeFile
from poselift.data.mocap.detector_noise import NoiseRanges, detect_like
from poselift.data.mocap.virtual_views import Views, ViewSampler
from poselift.data.skeletons import COCO17, H36M17
from poselift.models.inputs import network_input, person_frame, person_from_root, root_from_person
from poselift.models.lifters import open_lifter
from poselift.models.registry import DEFAULT_LIFTER
from poselift.pipeline.command_line import main
from poselift.pipeline.mocap.evaluate_mocap import CONDITIONS
from poselift.pipeline.mocap.train_mocap import MocapTrainer, MocapTraining

TINY = MocapTraining(
    steps=8, batch=4, frames=8, channels=16, trajectory_channels=8, validate_every=4, warmup=2
)


@pytest.fixture(scope="module")
def clips() -> list[JointsClip]:
    return [walking("walk_01"), walking("walk_02", speed=1.5), walking("held_01", speed=0.8)]


@pytest.fixture(scope="module")
def views(clips: list[JointsClip]) -> Views:
    return ViewSampler(clips, seed=7).sample(200, 9)


def test_views_are_bodies_seen_by_cameras(views: Views) -> None:
    assert views.keypoints.shape == (200, 9, 17, 2)
    assert not views.pose[:, :, 0].any()
    # The image of the body is the projection of its pose: hips project between the hips.
    placed = views.pose + views.root[:, :, None]
    image = views.focal[:, None, None, None] * placed[..., :2] / placed[..., 2:]
    for joint in ("left_wrist", "right_ankle", "left_knee"):
        ours = image[:, :, H36M17.index(joint)]
        coco = views.keypoints[:, :, COCO17.index(joint)]
        torch.testing.assert_close(ours, coco, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(views.up.norm(dim=1), torch.ones(200))
    # Bodies are upright in the world, so along `up` in the camera.
    spine = views.pose[:, :, H36M17.index("head")] - views.pose[:, :, H36M17.index("right_ankle")]
    cosine = torch.nn.functional.cosine_similarity(spine, views.up[:, None], dim=-1)
    assert cosine.min() > 0.85
    assert views.inside.float().mean() > 0.8
    assert (views.up[:, 2] < 0).float().mean() > 0.3  # most cameras look down


def test_equal_seeds_draw_equal_views(clips: list[JointsClip]) -> None:
    a, b, c = (ViewSampler(clips, seed=s).sample(3, 5).keypoints for s in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_noise_is_what_it_says(clips: list[JointsClip], views: Views) -> None:
    sampler = ViewSampler(clips, seed=3)
    size = person_frame(views.keypoints, torch.ones(200, 9, 17)).size
    noisy, confidence = detect_like(views.keypoints, views.inside, size, sampler, NoiseRanges())
    error = ((noisy - views.keypoints) / size).norm(dim=-1)
    found = confidence > 0
    assert 0.02 < error[found].median() < 0.15
    assert 0.02 < (~found).float().mean() < 0.3
    assert (confidence <= 1).all()
    # Confidence says something: sure joints err less than unsure ones.
    honest = (confidence < 0.99) & found
    assert (
        error[honest & (confidence > 0.6)].mean() < 0.7 * error[honest & (confidence < 0.3)].mean()
    )


def test_input_does_not_depend_on_place_and_size_but_for_the_last_row(views: Views) -> None:
    certain = torch.ones(200, 9, 17)
    inputs = network_input("person", views.keypoints, certain)
    moved = network_input("person", 0.5 * views.keypoints + 0.2, certain)
    assert inputs.shape == (200, 9, 18, 3)
    torch.testing.assert_close(inputs[:, :, :17], moved[:, :, :17], atol=1e-3, rtol=1e-3)
    assert not torch.allclose(inputs[:, :, 17], moved[:, :, 17])


def test_missing_joints_are_zero(views: Views) -> None:
    confidence = torch.ones(200, 9, 17)
    confidence[:, :, 9] = 0
    far = views.keypoints.clone()
    far[:, :, 9] = 1e3
    for keypoints in (views.keypoints, far):
        inputs = network_input("person", keypoints, confidence)
        assert not inputs[:, :, 9].any()


def test_root_and_back(views: Views) -> None:
    frame = person_frame(views.keypoints, torch.ones(200, 9, 17))
    focal = views.focal[:, None, None]
    head = person_from_root(views.root, frame, focal)
    torch.testing.assert_close(
        root_from_person(head, frame, focal), views.root, atol=1e-3, rtol=1e-3
    )


def test_training_learns(clips: list[JointsClip], tmp_path: Path) -> None:
    recipe = MocapTraining(
        steps=120, batch=16, frames=8, channels=32, trajectory_channels=16, warmup=10,
        validate_every=40, learning_rate=3e-3,
    )  # fmt: skip
    trainer = MocapTrainer(recipe, clips)
    lines: list[dict[str, float]] = []
    trainer.run(tmp_path, lines.append, lambda weights: {})
    assert lines[-1]["loss"] < 0.6 * lines[0]["loss"]


def test_killed_and_resumed_equals_uninterrupted(clips: list[JointsClip], tmp_path: Path) -> None:
    for folder in ("whole", "cut"):
        (tmp_path / folder).mkdir()
    whole = MocapTrainer(TINY, clips)
    whole.run(tmp_path / "whole", lambda line: None, lambda weights: {})
    first = MocapTrainer(TINY, clips)

    class Killed(Exception):
        pass

    def kill(line: dict[str, float]) -> None:
        raise Killed

    with pytest.raises(Killed):
        first.run(tmp_path / "cut", kill, lambda weights: {})
    second = MocapTrainer(TINY, clips)
    second.resume(tmp_path / "cut" / "last.pt")
    assert second.step == 4
    second.run(tmp_path / "cut", lambda line: None, lambda weights: {})
    for name, tensor in whole.position.state_dict().items():
        assert torch.equal(tensor, second.position.state_dict()[name]), name


def test_another_recipe_does_not_resume(clips: list[JointsClip], tmp_path: Path) -> None:
    trainer = MocapTrainer(TINY, clips)
    trainer.run(tmp_path, lambda line: None, lambda weights: {})
    other = MocapTrainer(MocapTraining(steps=9, batch=4, frames=8, channels=16), clips)
    with pytest.raises(FormatError, match=r"last\.pt: was trained by another recipe"):
        other.resume(tmp_path / "last.pt")


def save(path: Path, clips: list[JointsClip]) -> Path:
    arrays: dict[str, np.ndarray] = {}
    for clip in clips:
        arrays[f"{clip.name}/h36m"] = (clip.h36m * 1000).round().astype(np.int16)
        arrays[f"{clip.name}/coco"] = (clip.coco * 1000).round().astype(np.int16)
        arrays[f"{clip.name}/fps"] = np.array(clip.fps, np.float32)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    return path


def test_command_trains_evaluates_and_ships(
    clips: list[JointsClip], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = save(tmp_path / "joints.npz", clips)
    held = tmp_path / "test.txt"
    held.write_text("held_01\n")
    common = [str(archive), "--test-clips", str(held)]
    status = main(
        ["train", "mocap", *common, "-o", str(tmp_path / "run"), "--name", "tiny", "--steps", "6",
         "--batch", "4", "--frames", "8", "-ch", "16", "--trajectory-channels", "8",
         "--validate", "walk_02", "--validate-every", "3"]
    )  # fmt: skip
    assert status == 0
    path = tmp_path / "run" / "tiny.safetensors"
    weights, _ = open_lifter(str(path))
    assert weights.layout_in == COCO17 and weights.trajectory is not None
    assert weights.receptive_field == 27
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [3, 6]
    *said, last = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in said] == log and last == str(path)
    assert main(["evaluate", "mocap", *common, "--lifter", str(path), "--views", "64"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["keypoints"] for row in rows] == list(CONDITIONS)
    assert all(0 < row["p_mpjpe_mm"] < row["mpjpe_mm"] for row in rows)


TRAIN = ["--steps", "2", "--batch", "2", "--frames", "4", "-ch", "8", "--trajectory-channels", "8",
         "--validate", "walk_02"]  # fmt: skip


@pytest.fixture
def train(clips: list[JointsClip], tmp_path: Path) -> list[str]:
    """The command of a training that would work, but for its folder."""
    archive = save(tmp_path / "joints.npz", clips)
    held = tmp_path / "test.txt"
    held.write_text("held_01\n")
    return ["train", "mocap", str(archive), "--test-clips", str(held), *TRAIN]


@pytest.mark.parametrize(
    "told",
    ["--steps 0", "--batch 0", "--frames 0", "--frames 1", "-ch 0", "--trajectory-channels -8",
     "--validate-every 0", "-arc 3,2", "-lr nan", "-lr -1", "--seed 99999999999999999999"],
)  # fmt: skip
def test_what_no_training_can_have_is_wrong_usage(
    told: str, train: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*train, "-o", str(tmp_path / "run"), *told.split()])
    assert stopped.value.code == 2
    assert "error:" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_mistakes_are_told_before_the_training(
    train: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("trained")

    monkeypatch.setattr(MocapTrainer, "run", never)
    file, run, broken = tmp_path / "file", tmp_path / "run", tmp_path / "broken"
    file.touch()
    broken.mkdir()
    recipe = replace(TINY, steps=2, batch=2, frames=4, channels=8, validate_every=1000, warmup=200)
    torch.save({"recipe": recipe.to_dict()}, broken / "last.pt")
    for told, reason in (
        (["-o", str(run), "--device", "nodev"], "device 'nodev' cannot be used"),
        (["-o", str(run), "--name", "../../escape/x"], "'../../escape/x' cannot name a lifter"),
        (["-o", str(run), "--name", ".."], "'..' cannot name a lifter"),
        (["-o", str(run), "--name", 300 * "x"], "cannot be written"),
        (["-o", str(file)], f"{file / 'mocap.safetensors'}: cannot be written"),
        (["-o", str(broken)], f"{broken / 'last.pt'}: cannot be resumed ('position')"),
    ):
        assert main([*train, *told]) == 1
        lines = capsys.readouterr().err.splitlines()
        assert lines[-1].startswith("poselift: ") and reason in lines[-1], lines
    assert not (tmp_path / "escape").exists()
    judge = ["evaluate", *train[1:5], "--lifter", DEFAULT_LIFTER]
    assert main([*judge, "--device", "nodev"]) == 1
    assert "device 'nodev' cannot be used" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*judge, "--views", "0"])


def test_a_full_disk_is_told(clips: list[JointsClip], tmp_path: Path) -> None:
    """A file-size limit stands for it; what was saved before stays."""
    trainer = MocapTrainer(TINY, clips)
    (tmp_path / "last.pt").write_text("before")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        with pytest.raises(OutputError, match=r"last\.pt: cannot be written"):
            trainer.run(tmp_path, lambda line: None, lambda weights: {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]
    assert (tmp_path / "last.pt").read_text() == "before"


def test_bodies_as_captured_keep_their_bones(clips: list[JointsClip]) -> None:
    def thighs(condition: str) -> Tensor:
        views = ViewSampler(clips, seed=3, ranges=CONDITIONS[condition].ranges).sample(20, 4)
        knee, hip = views.pose[:, :, H36M17.index("left_knee")], H36M17.index("left_hip")
        return (knee - views.pose[:, :, hip]).norm(dim=-1)

    straight = 0.45
    captured = thighs("captured")
    assert captured.min() > straight - 1e-3 and captured.max() < 0.5
    assert thighs("exact").std() > 2 * captured.std()


def test_archives_from_strangers(tmp_path: Path, clips: list[JointsClip]) -> None:
    assert [c.name for c in load_joints(save(tmp_path / "a.npz", clips))] == [
        "held_01", "walk_01", "walk_02",
    ]  # fmt: skip
    np.savez(tmp_path / "half.npz", **{"x/h36m": np.zeros((5, 17, 3), np.int16)})
    with pytest.raises(FormatError, match=r"half\.npz.*coco"):
        load_joints(tmp_path / "half.npz")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(FormatError, match="holds no clips"):
        load_joints(tmp_path / "other.npz")
    np.savez(tmp_path / "object.npz", **{"x/h36m": np.array([{}], object)})
    with pytest.raises((FormatError, UnsafeFile), match=r"object\.npz"):
        load_joints(tmp_path / "object.npz")


def test_splits(clips: list[JointsClip]) -> None:
    kept, held = split_clips(clips, ["held_"])
    assert [c.name for c in held] == ["held_01"]
    assert len(kept) == 2


def test_the_accuracy_table_sets_lifters_side_by_side(
    clips: list[JointsClip],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive = str(save(tmp_path / "joints.npz", clips))
    command = ["accuracy.py", archive, "--every", "1", "--views", "9"]
    causal = f"{DEFAULT_LIFTER}-causal"
    monkeypatch.setattr("sys.argv", [*command, "--lifter", DEFAULT_LIFTER, "--lifter", causal])
    accuracy.main()
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["lifter"] for row in rows} == {DEFAULT_LIFTER, causal}
    first, *_, last = (row for row in rows if row["of"] == "all" and row["keypoints"] == "exact")
    assert first["ratio"] == 1.0
    assert last["ratio"] == pytest.approx(last["p_mpjpe_mm"] / first["p_mpjpe_mm"], abs=2e-3)
    assert {"walk", "held", "roll 10 to 20", "front"} <= {row["of"] for row in rows}
    monkeypatch.setattr("sys.argv", [*command, "--straight-limbs", "--markdown"])
    accuracy.main()
    tables = capsys.readouterr().out
    assert f"| {DEFAULT_LIFTER} | gappy | " in tables
    assert f"| {DEFAULT_LIFTER} | all sides | " in tables
    assert len({line.count("|") for line in tables.split("\n\n")[-1].splitlines()}) == 1
