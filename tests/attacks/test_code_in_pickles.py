"""Files that would run code: nothing in a pickle is called, whatever it names."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hostile import Calls, Forged, boxed, hostile_values, pickled_member, write_members

from poselift.data.archives.custom_2d import load_video_detections
from poselift.data.archives.keypoint_archive import load_keypoint_archive
from poselift.data.archives.stage_results import load_poses
from poselift.data.errors import FormatError, UnsafeFile
from poselift.data.files.safe_archive import load_object_npz
from poselift.inference.detectors.zoo_files import read_weights
from poselift.models.reference_checkpoints import read_checkpoint


@pytest.mark.parametrize("attack", list(hostile_values(Path("x"))))
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_code_in_an_archive_of_the_reference(attack: str, protocol: int, tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    rows = np.empty((1, 2), object)
    rows[0, 0], rows[0, 1] = [], []

    def dump(value: Any, stream: io.BytesIO) -> None:
        pickle.dump(value, stream, protocol=protocol)

    path = write_members(
        tmp_path / "evil.mp4.npz",
        dump,
        boxes=rows,
        keypoints=rows,
        metadata=boxed(hostile_values(marker)[attack]),
    )
    for read in (load_video_detections, load_keypoint_archive, load_object_npz):
        with pytest.raises(UnsafeFile, match=r"evil\.mp4\.npz: refused, 'metadata.npy'"):
            read(path)
    assert not marker.exists()


def test_code_in_an_archive_of_ours(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    touch = boxed(Calls(os.system, f"touch {marker}"))
    np.savez(tmp_path / "poses3d.npz", format=touch, pose=touch)
    with pytest.raises(FormatError, match=r"poses3d\.npz: 'format' is damaged"):
        load_poses(tmp_path / "poses3d.npz")
    assert not marker.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_checkpoint(zipped: bool, tmp_path: Path) -> None:
    marker, path = tmp_path / "executed", tmp_path / "epoch_1.bin"
    state = {"model_pos": {}, "epoch": Calls(os.system, f"touch {marker}")}
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(UnsafeFile, match=r"epoch_1\.bin: refused"):
        read_checkpoint(path)
    assert not marker.exists()


@pytest.mark.parametrize("name", ["zoo.pkl", "zoo.pth"])
def test_code_in_the_weights_of_a_detector(name: str, tmp_path: Path) -> None:
    marker, path = tmp_path / "executed", tmp_path / name
    path.write_bytes(pickle.dumps({"model": Calls(os.system, f"touch {marker}")}, 2))
    with pytest.raises(FormatError):
        read_weights(path)
    assert not marker.exists()


def test_bytes_that_pose_as_objects_in_an_archive(tmp_path: Path) -> None:
    """NumPy would follow them as addresses."""
    path = write_members(
        tmp_path / "forged.npz", lambda value, stream: pickle.dump(Forged(), stream),
        boxes=np.empty(2, object),
    )  # fmt: skip
    with pytest.raises(FormatError, match=r"forged\.npz: 'boxes\.npy' is damaged"):
        load_object_npz(path)


def test_bytes_that_pose_as_objects_in_a_checkpoint(tmp_path: Path) -> None:
    torch.save({"model_pos": {}, "random_state": Forged()}, tmp_path / "forged.bin")
    with pytest.raises(FormatError, match=r"forged\.bin: not a torch checkpoint"):
        read_checkpoint(tmp_path / "forged.bin")


def test_a_random_state_that_points_outside(tmp_path: Path) -> None:
    """The twister would read beyond its 624 words."""
    random = np.random.RandomState(3)
    state = random.get_state(legacy=False)
    state["state"]["pos"] = 2**30

    class Wild:
        def __reduce__(self) -> Any:
            return random.__reduce__()[0], ("MT19937",), state

    torch.save({"model_pos": {}, "random_state": Wild()}, tmp_path / "wild.bin")
    with pytest.raises(FormatError, match="random state"):
        read_checkpoint(tmp_path / "wild.bin")


def test_arrays_with_fields(tmp_path: Path) -> None:
    record = np.zeros(2, [("a", "f4"), ("b", "O")])
    np.savez(tmp_path / "a.npz", boxes=boxed([record]))
    with pytest.raises(UnsafeFile, match=r"a\.npz: refused"):
        load_object_npz(tmp_path / "a.npz")


def test_a_stand_in_given_attributes(tmp_path: Path) -> None:
    """A pickle may set the state of what it named: no function of ours is changed by it."""
    content = b"cnumpy.core.multiarray\n_reconstruct\n(N}(V__defaults__\n(I1\ntuttb."
    path = pickled_member(tmp_path / "a.npz", content)
    with pytest.raises(FormatError):
        load_object_npz(path)


def test_a_list_that_holds_itself(tmp_path: Path) -> None:
    endless: list[Any] = []
    endless.append(endless)
    np.savez(tmp_path / "a.npz", boxes=boxed(endless))
    with pytest.raises(FormatError, match="contains itself"):
        load_object_npz(tmp_path / "a.npz")
