"""Recipes as files, what a lifter may start from, and the anchored output."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import ROOT
from mocap_bodies import walking
from torch import Tensor

from poselift.data.errors import FormatError
from poselift.data.skeletons import COCO17, H36M17
from poselift.models.lifters import open_lifter
from poselift.models.outputs import output_rows, pose_of
from poselift.models.registry import DEFAULT_LIFTER
from poselift.models.weights import LifterWeights, load_lifter, save_lifter
from poselift.pipeline.mocap.mocap_recipe import MocapTraining, read_recipe
from poselift.pipeline.mocap.train_mocap import MocapTrainer

SMALL = MocapTraining(steps=4, batch=2, frames=4, channels=16, trajectory_channels=8)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_the_shipped_recipe_is_the_shipped_network() -> None:
    recipe = read_recipe(ROOT / "checkpoint" / f"{DEFAULT_LIFTER}.toml")
    weights, _ = open_lifter(DEFAULT_LIFTER)
    assert weights.output_kind == "anchored"
    assert weights.position.arch == recipe.position_network()
    assert weights.trajectory is not None
    assert weights.trajectory.arch == recipe.trajectory_network()


def test_a_recipe_says_only_what_differs(tmp_path: Path) -> None:
    text = "steps = 7\nfilter_widths = [3, 3]\nlearning_rate = 1\n[views]\nfps = [25, 30.0]\n"
    recipe = read_recipe(write(tmp_path / "a.toml", text))
    assert (recipe.steps, recipe.filter_widths, recipe.learning_rate) == (7, (3, 3), 1)
    assert recipe.views == replace(MocapTraining().views, fps=(25, 30.0))
    assert recipe.noise == MocapTraining().noise


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("stepz = 7", r"knows no 'stepz'; known are steps, batch"),
        ("steps = 'many'", r"'steps' is 'many', but should be like"),
        ("steps = true", r"'steps' is True"),
        ("bf16 = 1", r"'bf16' is 1"),
        ("[noise]\nlevel = 0.1", r"'level' is 0\.1"),
        ("views = 3", r"'views' is 3"),
        ("[noise]\nloud = 1", r"knows no 'loud'"),
        ("batch = 0", r"'batch' is 0, but is at least 1"),
        ("frames = 1", r"'frames' is 1, but is at least 2"),
        ("validate_every = 0", r"'validate_every' is 0"),
        ("filter_widths = [3, 2]", r"'filter_widths' are \(3, 2\), but are odd"),
        ("learning_rate = nan", r"'learning_rate' is nan"),
        ("adamw_rate = 0", r"'adamw_rate' is 0"),
        ("weight_decay = -0.1", r"'weight_decay' is -0\.1"),
        ("[views]\nfps = [25]", r"'fps' is \[25\], but should be like"),
        ("[views]\nfocal = [0.0, 1.0]", r"'focal' of \[views\] is \(0\.0, 1\.0\)"),
        ("averaging = 1.0", r"'averaging' is 1\.0, but is below 1"),
        ("archive_weights = 2", r"'archive_weights' is 2"),
        ("[archive_weights]\ncmu = 0", r"'cmu' of \[archive_weights\] is 0"),
        ("[motion]\nwild = 1.0", r"knows no 'wild'"),
        ("= =", r"no recipe \("),
        ("steps = " + 10_000 * "[", r"no recipe \("),
    ],
)
def test_a_wrong_recipe_is_told(text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"r\.toml: " + reason):
        read_recipe(write(tmp_path / "r.toml", text))
    with pytest.raises(FormatError, match=r"gone\.toml: no such file"):
        read_recipe(tmp_path / "gone.toml")


def trained(tmp_path: Path, recipe: MocapTraining) -> LifterWeights:
    trainer = MocapTrainer(recipe, [walking("walk")])
    return trainer.run(tmp_path, lambda line: None, lambda weights: {})


def test_a_longer_network_starts_as_the_shorter_one(tmp_path: Path) -> None:
    short = trained(tmp_path, SMALL)
    path = tmp_path / "short.safetensors"
    save_lifter(path, short)
    assert load_lifter(path).output_kind == "anchored"
    longer = replace(SMALL, filter_widths=(3, 3, 3, 3), start_from=str(path))
    grown = MocapTrainer(longer, [walking("walk")]).weights()
    inputs = torch.randn(2, 90, 18, 3)
    with torch.inference_mode():
        by_short, by_grown = short.position(inputs), grown.position(inputs)
    spare = by_short.shape[1] - by_grown.shape[1]
    torch.testing.assert_close(by_grown, by_short[:, spare // 2 : -spare // 2])
    causal = MocapTrainer(replace(SMALL, causal=True, start_from=str(path)), [walking("walk")])
    assert torch.equal(causal.position.shrink.weight, short.position.shrink.weight)


def test_weights_are_the_average_of_the_last_steps(tmp_path: Path) -> None:
    last, average = (trained(tmp_path, replace(SMALL, averaging=part)) for part in (0.0, 0.9))
    first = MocapTrainer(SMALL, [walking("walk")]).position.shrink.weight
    way = [(of.position.shrink.weight - first).norm() for of in (last, average)]
    assert 0 < way[1] < way[0]


def test_another_network_is_nothing_to_start_from(tmp_path: Path) -> None:
    wide = replace(SMALL, channels=24, start_from=str(tmp_path / "s.safetensors"))
    save_lifter(tmp_path / "s.safetensors", trained(tmp_path, SMALL))
    MocapTrainer(replace(wide, channels=16), [walking("walk")])
    with pytest.raises(FormatError, match=r"s\.safetensors: no network like this one"):
        MocapTrainer(wide, [walking("walk")])


@pytest.fixture
def said() -> tuple[Tensor, Tensor]:
    """(output, inputs) of 5 of 9 frames."""
    torch.manual_seed(3)
    rows = output_rows("anchored", H36M17.num_joints)
    return 0.3 * torch.randn(2, 5, rows, 3), torch.randn(2, 9, 18, 3)


def test_a_silent_network_repeats_the_keypoints(said: tuple[Tensor, Tensor]) -> None:
    output, inputs = torch.zeros_like(said[0]), said[1]
    pose = pose_of("anchored", output, inputs, 2)
    assert not pose[..., 2].any()
    seen = inputs[:, 2:7, :17, :2]
    hip = seen[:, :, COCO17.indices("left_hip", "right_hip")].mean(2, keepdim=True)
    for joint in ("left_wrist", "right_knee"):
        expected = 0.5 * (seen[:, :, [COCO17.index(joint)]] - hip)
        torch.testing.assert_close(pose[:, :, [H36M17.index(joint)], :2], expected)
    assert pose_of("metres", output, inputs, 2) is output


def test_the_last_row_is_the_scale(said: tuple[Tensor, Tensor]) -> None:
    output, inputs = said
    larger = output.clone()
    larger[:, :, -1, 0] += torch.log(torch.tensor(2.0))
    twice = pose_of("anchored", larger, inputs, 2)
    torch.testing.assert_close(twice, 2 * pose_of("anchored", output, inputs, 2))


def test_the_mirror_image_of_everything_is_the_mirror_image(said: tuple[Tensor, Tensor]) -> None:
    output, inputs = said
    flip = torch.tensor([-1.0, 1.0, 1.0])
    rows = [*H36M17.mirror, 17]
    mirrored_output = output[:, :, rows] * flip
    mirrored_output[:, :, -1] = output[:, :, -1]
    mirrored_inputs = inputs[:, :, [*COCO17.mirror, 17]] * flip
    mirrored = pose_of("anchored", mirrored_output, mirrored_inputs, 2)
    torch.testing.assert_close(
        mirrored, pose_of("anchored", output, inputs, 2)[:, :, list(H36M17.mirror)] * flip
    )
