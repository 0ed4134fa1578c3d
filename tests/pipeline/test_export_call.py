"""`poselift.export`: values or arrays in, a folder or a stream out, whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from standing_people import PAIR, clip
from test_export import glb_parts

import poselift
from poselift.pipeline.folders.folder_record import MAKING


def test_into_a_folder_and_again(tmp_path: Path) -> None:
    _, poses = clip(PAIR)
    for _ in range(2):
        files = poselift.export(poses, tmp_path / "out", ["bvh", "csv"], people=(2,))
        assert [path.name for path in files] == ["person_2.bvh", "joints.csv"]
        assert all(path.is_file() for path in files)
    (tmp_path / "out" / "people.glb").write_text("mine")
    with pytest.raises(poselift.OutputError, match="is not ours"):
        poselift.export(poses, str(tmp_path / "out"), "glb,json")
    assert not (tmp_path / "out" / "poses.json").exists()


def test_arrays_and_streams(tmp_path: Path) -> None:
    _, poses = clip(PAIR)
    one, both = io.BytesIO(), io.BytesIO()
    assert poselift.export(poses.world[0], one, "glb", video_fps=30) == []
    poselift.export(poses.world, both, "glb", video_fps=30)
    assert len(glb_parts(one.getvalue())[0]["skins"]) == 1
    assert len(glb_parts(both.getvalue())[0]["skins"]) == 2
    with pytest.raises(ValueError, match="a stream takes one file"):
        poselift.export(poses, io.BytesIO(), "bvh")
    with pytest.raises(ValueError, match="need video_fps"):
        poselift.export(poses.world, tmp_path, "bvh")
    with pytest.raises(ValueError, match=r"not \(2, 12, 16, 3\)"):
        poselift.export(poses.world[:, :, 1:], tmp_path, "bvh", video_fps=30)
    with pytest.raises(ValueError, match="somebody has no frame"):
        poselift.export(np.full((2, 9, 17, 3), np.nan), tmp_path, "bvh", video_fps=30)
    assert not list(tmp_path.iterdir())


def test_a_writer_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, poses = clip(PAIR)
    before = poselift.export(poses, tmp_path, "csv")[0].read_bytes()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(poselift.OutputError, match=r"joints.csv: .*\(No space left on device\)"):
        poselift.export(poses, tmp_path, "csv,json", units="cm")
    assert (tmp_path / "joints.csv").read_bytes() == before
    assert not (tmp_path / "poses.json").exists() and not (tmp_path / MAKING).exists()
