"""Training on keypoints: losses, schedules, resuming, and several processes as one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT
from stand_in import write_h36m

from poselift.data.cameras import project
from poselift.data.datasets.motion_datasets import MotionDataset, load_motion_dataset, select_views
from poselift.models.reference_checkpoints import read_checkpoint
from poselift.pipeline.commands.reference_command import main
from poselift.pipeline.reference.keypoint_checkpoints import resume, save_checkpoint
from poselift.pipeline.reference.keypoint_recipe import KeypointTraining
from poselift.pipeline.reference.train_keypoints import KeypointTrainer, reference_parameters
from poselift.pipeline.reference.training_log import TrainingLog, epoch_line

RECIPE = KeypointTraining(
    filter_widths=(3, 3), channels=8, dropout=0.0, epochs=4, batch_size=50, warmup=1
)
SEMI = "-k gt -str S1 -sun S5 -ste S9 -arc 3,3 -ch 8 -b 50 --warmup 1 --device cpu --no-eval"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("h36m")
    write_h36m(place)
    return place


@pytest.fixture(scope="module")
def dataset(folder: Path) -> MotionDataset:
    return load_motion_dataset("h36m", "gt", folder)


def trainer(
    dataset: MotionDataset, recipe: KeypointTraining = RECIPE, *, semi: bool = False
) -> KeypointTrainer:
    unlabelled = select_views(dataset, ["S5"]) if semi else None
    return KeypointTrainer(recipe, dataset, select_views(dataset, ["S1"]), unlabelled)


def test_training_learns(dataset: MotionDataset) -> None:
    own = trainer(dataset, replace(RECIPE, epochs=8, learning_rate=0.01))
    losses = [own.train_epoch()["3d"] for _ in range(8)]
    assert losses[-1] < 0.6 * losses[0]


def test_the_first_step_by_the_definition(dataset: MotionDataset) -> None:
    """All terms of the semi-supervised loss, from the formulas, on one batch."""
    own = trainer(dataset, replace(RECIPE, batch_size=10_000, warmup=0), semi=True)
    assert own.trajectory is not None and own.unlabelled is not None
    labelled = own.labelled.batch(np.arange(len(own.labelled)))
    semi = own.unlabelled.batch(np.arange(len(own.unlabelled)))
    assert labelled.target is not None and semi.intrinsics is not None
    seen = torch.cat([labelled.keypoints, semi.keypoints])
    with torch.no_grad():
        own.position.train(), own.trajectory.train()
        pose, root = own.position(seen), own.trajectory(seen)
    count = len(labelled.keypoints)
    body, true_root = labelled.target.clone(), labelled.target[:, :, :1]
    body[:, :, 0] = 0
    flat = project(pose[count:] + root[count:], semi.intrinsics[:, None, None])
    found = own.train_epoch()
    assert found["3d"] == pytest.approx(float((pose[:count] - body).norm(dim=-1).mean()), rel=1e-5)
    weighted = (root[:count] - true_root).norm(dim=-1) / true_root[..., 2]
    assert found["trajectory"] == pytest.approx(float(weighted.mean()), rel=1e-5)
    middle = semi.keypoints[:, 4:5]
    assert found["2d"] == pytest.approx(float((flat - middle).norm(dim=-1).mean()), rel=1e-5)


def test_schedules(dataset: MotionDataset) -> None:
    own = trainer(dataset)
    assert own.position.expand_bn.momentum == pytest.approx(0.1)
    for epoch in range(1, 5):
        own.train_epoch()
        assert own.position.layers_bn[1].momentum == pytest.approx(0.1 * 0.01 ** (epoch / 4))
        assert own.optimizer.param_groups[0]["lr"] == pytest.approx(0.001 * 0.95**epoch)


def test_parameters_are_counted_as_the_reference_does(dataset: MotionDataset) -> None:
    network = trainer(dataset).position
    names = {id(p): name for name, p in network.named_parameters()}
    ordered = [names[id(p)] for p in reference_parameters(network)]
    assert ordered[:6] == [
        "expand_bn.weight", "expand_bn.bias", "shrink.weight", "shrink.bias",
        "expand_conv.weight", "layers_conv.0.weight",
    ]  # fmt: skip


@pytest.mark.parametrize("semi", [False, True], ids=["supervised", "semi-supervised"])
def test_killed_and_resumed_is_uninterrupted(
    semi: bool, dataset: MotionDataset, tmp_path: Path
) -> None:
    recipe = replace(RECIPE, dropout=0.2)
    whole = trainer(dataset, recipe, semi=semi)
    losses = []
    for epoch in range(4):
        losses.append(whole.train_epoch())
        if epoch == 1:
            save_checkpoint(tmp_path / "epoch_2.bin", whole)
    torch.manual_seed(99)
    again = trainer(dataset, recipe, semi=semi)
    resume(tmp_path / "epoch_2.bin", again)
    assert again.epoch == 2
    assert [again.train_epoch() for _ in range(2)] == losses[2:]
    for name, value in whole.position.state_dict().items():
        assert torch.equal(value, again.position.state_dict()[name]), name


def test_a_resumed_command_is_an_uninterrupted_one(folder: Path, tmp_path: Path) -> None:
    where = ["--data-dir", str(folder), "-c", str(tmp_path)]
    told = [*SEMI.split(), *where, "-e", "3", "--checkpoint-frequency", "1"]
    assert main(told) == 0
    whole = TrainingLog(tmp_path).entries()
    wanted = read_checkpoint(tmp_path / "epoch_3.bin")
    (tmp_path / "epoch_3.bin").unlink()
    assert main([*told, "-r", "epoch_1.bin"]) == 0
    assert [e["train"] for e in TrainingLog(tmp_path).entries()] == [e["train"] for e in whole]
    found = read_checkpoint(tmp_path / "epoch_3.bin")
    assert found["lr"] == wanted["lr"] == pytest.approx(0.001 * 0.95**3)
    for role in ("model_pos", "model_traj"):
        for name, value in wanted[role].items():
            assert torch.equal(value, found[role][name]), name


def test_checkpoints_hold_what_the_reference_reads(dataset: MotionDataset, tmp_path: Path) -> None:
    own = trainer(dataset, semi=True)
    own.train_epoch()
    save_checkpoint(tmp_path / "epoch_1.bin", own)
    state = read_checkpoint(tmp_path / "epoch_1.bin")
    assert state["epoch"] == 1 and state["lr"] == pytest.approx(0.00095)
    for name in ("random_state", "random_state_semi"):
        assert isinstance(state[name], np.random.RandomState)
    assert set(state["optimizer"]) == {"state", "param_groups"}
    assert "expand_bn.running_mean" in state["model_pos"] and "shrink.bias" in state["model_traj"]
    supervised = trainer(dataset)
    save_checkpoint(tmp_path / "plain.bin", supervised)
    plain = read_checkpoint(tmp_path / "plain.bin")
    assert plain["model_traj"] is None and plain["random_state_semi"] is None


def test_the_strided_twin_trains_what_the_dilated_one_evaluates(dataset: MotionDataset) -> None:
    own = trainer(dataset)
    own.train_epoch()
    own.position.eval()
    views = select_views(dataset, ["S1"])[:1]
    (whole,) = (own.weights().position(torch.from_numpy(v.keypoints)[None]) for v in views)
    batch = own.labelled.batch(np.arange(len(views[0])))
    np.testing.assert_allclose(
        own.position(batch.keypoints)[4:-4, 0].detach(), whole[0].detach(), atol=1e-5
    )


def test_variants_train(dataset: MotionDataset) -> None:
    for changed in (
        {"stride": 7},
        {"dense": True},
        {"causal": True},
        {"strided": False},
        {"mirrored": False},
        {"bf16": True},
        {"projection": False, "bone_length": False},
        {"distort": False},
    ):
        own = trainer(dataset, replace(RECIPE, warmup=0, **changed), semi=True)
        assert all(np.isfinite(value) for value in own.train_epoch().values()), changed


def test_curves_and_lines(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = SEMI.replace("--no-eval", "--export-training-curves -e 2")
    assert main([*told.split(), "--data-dir", str(folder), "-c", str(tmp_path)]) == 0
    lines = [x for x in capsys.readouterr().out.splitlines() if x.startswith("[")]
    assert [line.split()[0] for line in lines] == ["[1]", "[2]"]
    assert lines[1].split()[1::2] == [
        "time", "lr", "3d_train", "3d_eval", "traj_eval", "3d_valid", "traj_valid",
        "2d_train_sup", "2d_train_unsup", "2d_valid",
    ]  # fmt: skip
    assert lines[1].split()[4] == "0.000950"
    for name in ("loss_3d.png", "loss_traj.png", "loss_2d.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_the_line_without_evaluation() -> None:
    entry = {"epoch": 3, "minutes": 0.5, "lr": 0.001, "train": {"3d": 0.0512}}
    assert epoch_line(entry) == "[3] time 0.50 lr 0.001000 3d_train 51.200000"


def test_two_processes_train_as_one(folder: Path, tmp_path: Path) -> None:
    told = f"{SEMI} -drop 0 -e 2 --warmup 1 -s 3 --data-dir {folder}".split()
    assert main([*told, "-c", str(tmp_path / "one")]) == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    # What torchrun tells the processes that it starts.
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    command = [sys.executable, str(ROOT / "run.py"), *told, "-c", str(tmp_path / "two")]
    running = [
        subprocess.Popen(
            command,
            env=os.environ | meeting | {"OMP_NUM_THREADS": "1", "RANK": rank},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ("0", "1")
    ]
    told_by = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0], told_by
    assert "[2] time" in told_by[0][0] and told_by[1][0] == ""
    one, two = (read_checkpoint(tmp_path / name / "epoch_2.bin") for name in ("one", "two"))
    logs = [TrainingLog(tmp_path / name).entries() for name in ("one", "two")]
    for first, second in zip(*logs, strict=True):
        assert first["train"] == pytest.approx(second["train"], rel=2e-3), json.dumps(logs)
    assert logs[0][0]["train"] == pytest.approx(logs[1][0]["train"], rel=1e-4)
    for name, value in one["model_pos"].items():
        np.testing.assert_allclose(two["model_pos"][name], value, atol=5e-3, err_msg=name)
