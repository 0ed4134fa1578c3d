"""Shipped checkpoints and strangers': what is known of them, and what is refused."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from poselift.data.errors import FormatError, LayoutMismatch, UnknownName
from poselift.data.skeletons import COCO17, H36M17
from poselift.inference.poses.lifting import Lifter
from poselift.models import registry
from poselift.models.lifters import open_lifter
from poselift.models.registry import DEFAULT_LIFTER, checkpoint_file, lifter_names, manifest


def test_every_shipped_file_is_described_and_whole() -> None:
    for name in manifest():
        file = checkpoint_file(name)
        assert file.about["licence"] and file.about["source"] and file.about["title"]
    shipped = {path.name for path in (ROOT / "checkpoint").iterdir()}
    assert {name for name in shipped if name.endswith((".tflite", ".safetensors"))} == {*manifest()}
    assert sum((ROOT / "checkpoint" / name).stat().st_size for name in manifest()) < 60e6


def test_the_default_lifter_is_what_its_card_says() -> None:
    weights, sha256 = open_lifter(DEFAULT_LIFTER)
    assert (weights.layout_in, weights.layout_out) == (COCO17, H36M17)
    assert weights.receptive_field == 27 and weights.trajectory is not None
    file = checkpoint_file(lifter_names()[DEFAULT_LIFTER])
    assert file.sha256 == sha256
    assert file.path.stat().st_size < 20e6


@pytest.mark.parametrize("name", lifter_names())
def test_every_lifter_has_a_card_and_says_what_it_is(name: str) -> None:
    weights, _ = open_lifter(name)
    arch = weights.position.arch
    assert weights.name == name and weights.trajectory is not None
    assert str(arch.receptive_field) in name and arch.causal == name.endswith("-causal")
    card = (registry.SHIPPED / f"{name}.md").read_text()
    for word in ("Apache-2.0", "NSF EIA-0196217", "P-MPJPE", "Limits"):
        assert word in card
    assert (registry.SHIPPED / f"{name}.log.jsonl").exists()


def test_an_altered_file_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for path in (ROOT / "checkpoint").iterdir():
        shutil.copy(path, tmp_path)
    name = lifter_names()[DEFAULT_LIFTER]
    content = bytearray((tmp_path / name).read_bytes())
    content[-1] ^= 1
    (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(registry, "SHIPPED", tmp_path)
    with pytest.raises(FormatError, match=r"was altered \(sha256"):
        open_lifter(DEFAULT_LIFTER)
    (tmp_path / name).unlink()
    with pytest.raises(FormatError, match="is missing"):
        open_lifter(DEFAULT_LIFTER)


def test_unknown_lifters_are_told() -> None:
    with pytest.raises(UnknownName, match=r"unknown lifter 'alphapose'\. Known: body27"):
        open_lifter("alphapose")
    with pytest.raises(FormatError, match=r"gone\.bin: no such file"):
        open_lifter("gone.bin")


def test_a_published_checkpoint_for_other_keypoints_is_refused(
    assets: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The CPN checkpoint reads Human3.6M keypoints; MoveNet gives COCO's. Both have 17."""
    cpn = tmp_path / "pretrained_h36m_cpn.bin"
    shutil.copy(assets / "epoch_2_position.bin", cpn)
    weights, _ = open_lifter(str(cpn))
    with pytest.raises(LayoutMismatch, match=r"cpn\.bin: reads 'h36m' keypoints.*are 'coco'"):
        Lifter(weights).lift(np.zeros((30, 17, 2)), layout=COCO17)
    assert Lifter(weights).lift(np.zeros((30, 17, 2)), layout=H36M17).pose.shape == (30, 17, 3)
    with caplog.at_level(logging.WARNING):
        open_lifter(str(assets / "epoch_2_position.bin"))
    assert "does not say which keypoints it reads" in caplog.text
