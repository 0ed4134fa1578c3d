"""DeepLabCut's tables in HDF5, as pandas writes them, and files that only seem to be such."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import foreign_files as files
import numpy as np
import pytest
from foreign_files import Frames, imported, refused

from poselift.data.errors import MissingDependency
from poselift.data.files import guarded_reader
from poselift.data.foreign.formats import read_foreign

h5py = pytest.importorskip("h5py")


def test_a_table_that_pandas_wrote(assets: Path) -> None:
    """Two people; the first is not seen in frame 2."""
    clip = read_foreign(assets / "deeplabcut_table.h5")
    assert clip.format == "deeplabcut" and clip.id_names == {1: "ann", 2: "bob"}
    assert [[p.person_id for p in people] for people in clip.frames.values()] == [
        [1, 2], [1, 2], [2], [1, 2],
    ]  # fmt: skip
    assert clip.joints is not None and clip.joints[-1] == "right_ankle"
    np.testing.assert_allclose(clip.frames[3][1].points[-1], (303, 283, 0.9))


def test_labels_that_pandas_wrote(assets: Path) -> None:
    """Rows are called by the path of a picture; there is no likelihood."""
    clip = read_foreign(assets / "deeplabcut_labels.h5")
    assert list(clip.frames) == [0, 1, 2, 3] and clip.id_names is None
    np.testing.assert_allclose(clip.frames[2][0].points[1], (152, 57, 1))


def test_damage_of_what_pandas_wrote(assets: Path, tmp_path: Path) -> None:
    whole = (assets / "deeplabcut_labels.h5").read_bytes()
    for end in (0, 8, 100, 4000, len(whole) - 10):
        (tmp_path / "a.h5").write_bytes(whole[:end])
        refused(tmp_path / "a.h5", "is empty" if end == 0 else "damaged")


class Command:
    """A pickle that would make a file."""

    def __init__(self, made: Path) -> None:
        self.made = made

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.made),)


def test_names_that_run_a_program(tmp_path: Path, frames: Frames) -> None:
    path = files.write_deeplabcut_h5(tmp_path / "a", frames[:3])
    made = tmp_path / "made"
    with h5py.File(path, "r+") as file:
        attack = np.bytes_(pickle.dumps([Command(made)], protocol=0))
        file["df_with_missing/table"].attrs["values_block_0_kind"] = attack
    refused(path, "asks for posix.mkdir" if os.name == "posix" else "asks for")
    assert not made.exists()


def test_a_table_that_lies_in_another_file(tmp_path: Path, frames: Frames) -> None:
    path = files.write_deeplabcut_h5(tmp_path / "a", frames[:3])
    other = shutil.copy(path, tmp_path / "other.h5")
    with h5py.File(path, "r+") as file:
        del file["df_with_missing/table"]
        file["df_with_missing/table"] = h5py.ExternalLink(other, "df_with_missing/table")
    refused(path, "no data set 'table' of its own")
    with h5py.File(path, "w") as file:
        file["df_with_missing"] = h5py.ExternalLink(other, "df_with_missing")
    refused(path, "pandas wrote no table into it")


def test_a_table_that_claims_too_much(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    kind = [("index", "<i8"), ("values_block_0", "<f8", (60,))]
    with h5py.File(path, "w") as file:
        group = file.create_group("df")
        group.attrs["pandas_type"] = np.bytes_(b"frame_table")
        group.create_dataset("table", (1 << 30,), np.dtype(kind), chunks=(1024,), compression=1)
    assert path.stat().st_size < 100_000
    refused(path, "claims an array of shape")


def test_hdf5_of_other_programs(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["tracks"] = np.zeros((2, 3))
    refused(tmp_path / "a.h5", "pandas wrote no table into it")


def test_without_h5py(tmp_path: Path, frames: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is asked for by name; here a folder without it stands before the others."""
    path = files.write_deeplabcut_h5(tmp_path / "a", frames[:3])
    (tmp_path / "h5py.py").write_text("raise ImportError('no h5py')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert guarded_reader.WORKER.exists()
    with pytest.raises(MissingDependency, match="needs 'h5py', which is not installed: pip"):
        imported(path)
