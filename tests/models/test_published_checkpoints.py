"""The format in which VideoPose3D published its checkpoints, made small."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from poselift.data.errors import FormatError
from poselift.data.skeletons import COCO17, H36M17, HUMANEVA15
from poselift.inference.poses.lifting import Lifter
from poselift.models.lifters import open_lifter
from poselift.models.reference_checkpoints import load_reference_checkpoint
from poselift.models.temporal import Architecture, TemporalModel


class OldRandomState(np.random.RandomState):
    """Pickles as NumPy did when the checkpoints were published."""

    def __reduce__(self) -> tuple[object, ...]:
        constructor = vars(np.random)["__RandomState_ctor"]
        return constructor, (), self.get_state()


def write_published(path: Path, joints_out: int, *, trajectory: bool) -> Path:
    """A small checkpoint in the published format: an old torch pickle, not a zip."""

    def tensors(outputs: int) -> dict[str, torch.Tensor]:
        return TemporalModel(Architecture(17, 2, outputs, (3, 3, 3), channels=8)).state_dict()

    state = {
        "epoch": 80,
        "lr": 0.0001,
        "random_state": OldRandomState(1234),
        "optimizer": {"state": {}, "param_groups": [{"lr": 0.001, "amsgrad": True}]},
        "model_pos": tensors(joints_out),
    }
    if trajectory:
        state["model_traj"] = tensors(1)
    torch.save(state, path, _use_new_zipfile_serialization=False)
    assert not zipfile.is_zipfile(path)
    return path


@pytest.mark.parametrize(
    ("name", "layout_in", "layout_out", "trajectory"),
    [
        ("pretrained_h36m_cpn.bin", H36M17, H36M17, False),
        ("pretrained_h36m_detectron_coco.bin", COCO17, H36M17, True),
        ("pretrained_humaneva15_detectron.bin", COCO17, HUMANEVA15, False),
    ],
)
def test_published_checkpoints_say_what_they_are(
    name: str, layout_in: object, layout_out: object, trajectory: bool, tmp_path: Path
) -> None:
    joints = layout_out.num_joints  # type: ignore[attr-defined]
    path = write_published(tmp_path / name, joints, trajectory=trajectory)
    weights, _ = open_lifter(str(path))
    assert (weights.layout_in, weights.layout_out) == (layout_in, layout_out)
    assert weights.position.arch.filter_widths == (3, 3, 3) and weights.receptive_field == 27
    assert (weights.trajectory is not None) == trajectory
    lifted = Lifter(weights).lift(np.zeros((5, 17, 2), np.float32), layout=weights.layout_in)
    assert lifted.pose.shape == (5, joints, 3) and np.isfinite(lifted.pose).all()
    with pytest.raises(FormatError, match=r"are 3-3-3, not 3-3-3-3-3; leave -arc out or give"):
        load_reference_checkpoint(path, filter_widths=(3, 3, 3, 3, 3))


def test_an_unknown_number_of_joints_is_told(tmp_path: Path) -> None:
    path = write_published(tmp_path / "odd.bin", 9, trajectory=False)
    with pytest.raises(FormatError, match=r"gives 9 joints; known poses are h36m \(17\)"):
        load_reference_checkpoint(path)
