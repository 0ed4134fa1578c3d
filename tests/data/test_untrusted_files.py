"""Archives and checkpoints from strangers: read as data, refused, or called damaged."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from poselift.data.archives.custom_2d import (
    load_video_detections,
)
from poselift.data.archives.keypoint_archive import load_keypoint_archive
from poselift.data.errors import FormatError, UnsafeFile
from poselift.data.files import safe_archive
from poselift.data.files.safe_archive import load_object_npz, open_npz
from poselift.models.reference_checkpoints import read_checkpoint


class Python2Pickler(pickle._Pickler):  # type: ignore[name-defined]
    """Spells text and bytes alike, as Python 2 did."""

    def save_text(self, text: str | bytes) -> None:
        content = text.encode("latin1") if isinstance(text, str) else text
        self.write(b"T" + struct.pack("<I", len(content)) + content)
        self.memoize(text)

    dispatch = pickle._Pickler.dispatch | {str: save_text, bytes: save_text}  # type: ignore[attr-defined]


def write_members(path: Path, dump: Callable[[Any, io.BytesIO], None], **members: Any) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in members.items():
            stream = io.BytesIO()
            header = np.lib.format.header_data_from_array_1_0(value)
            np.lib.format.write_array_header_1_0(stream, header)
            dump(value, stream)
            archive.writestr(f"{name}.npy", stream.getvalue())
    return path


def boxed(value: Any) -> np.ndarray:
    holder = np.empty((), object)
    holder[()] = value
    return holder


class Calls:
    """Unpickles into a call."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def hostile_values(marker: Path) -> dict[str, Any]:
    touch = Calls(os.system, f"touch {marker}")
    deep = np.empty((1, 2), object)
    deep[0, 0], deep[0, 1] = [], [touch]
    return {
        "system": touch,
        "eval": Calls(builtins.eval, f"open({str(marker)!r}, 'w')"),
        "open": Calls(open, str(marker), "w"),
        "getattr": Calls(getattr, "x", "join"),
        "memmap": Calls(np.memmap, str(marker), "u1", "w+", 0, (4,)),
        "nested": {"w": 640, "h": 360, "deeper": {"still": deep}},
    }


@pytest.mark.parametrize("attack", list(hostile_values(Path("x"))))
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_nothing_in_an_archive_runs(attack: str, protocol: int, tmp_path: Path) -> None:
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


class Forged:
    """An array whose dtype lies: objects, flagged as plain bytes (addresses of choice)."""

    def __reduce__(self) -> Any:
        class Dtype:
            def __reduce__(self) -> Any:
                return np.dtype, ("O8", False, True), (3, "|", None, None, None, -1, -1, 0)

        rebuild = np.zeros(0).__reduce__()[0]
        return rebuild, (np.ndarray, (0,), b"b"), (1, (2,), Dtype(), False, b"A" * 16)


def test_bytes_cannot_pose_as_objects(tmp_path: Path) -> None:
    path = write_members(
        tmp_path / "forged.npz", lambda value, stream: pickle.dump(Forged(), stream),
        boxes=np.empty(2, object),
    )  # fmt: skip
    with pytest.raises(FormatError, match=r"forged\.npz: 'boxes\.npy' is damaged"):
        load_object_npz(path)


def test_structured_arrays_are_refused(tmp_path: Path) -> None:
    record = np.zeros(2, [("a", "f4"), ("b", "O")])
    np.savez(tmp_path / "a.npz", boxes=boxed([record]))
    with pytest.raises(UnsafeFile, match=r"a\.npz: refused"):
        load_object_npz(tmp_path / "a.npz")


def test_a_list_that_holds_itself_is_damage(tmp_path: Path) -> None:
    endless: list[Any] = []
    endless.append(endless)
    np.savez(tmp_path / "a.npz", boxes=boxed(endless))
    with pytest.raises(FormatError, match="contains itself"):
        load_object_npz(tmp_path / "a.npz")


def test_what_is_shared_unfolds_once(tmp_path: Path) -> None:
    billions: list[Any] = ["lol"]
    for _ in range(60):
        billions = [billions, billions]
    np.savez(tmp_path / "a.npz", boxes=boxed(billions))
    assert len(load_object_npz(tmp_path / "a.npz")["boxes"]) == 2


def test_a_hostile_checkpoint_is_refused(tmp_path: Path) -> None:
    marker, path = tmp_path / "executed", tmp_path / "epoch_1.bin"
    torch.save({"model_pos": {}, "epoch": Calls(os.system, f"touch {marker}")}, path)
    with pytest.raises(UnsafeFile, match=r"epoch_1\.bin: refused"):
        read_checkpoint(path)
    assert not marker.exists()


@pytest.mark.parametrize("keep", [0, 1, 30, 200, 0.5, 0.99])
def test_a_truncated_archive_is_an_error(keep: float, assets: Path, tmp_path: Path) -> None:
    whole = (assets / "dance_60.mp4.npz").read_bytes()
    path = tmp_path / "cut.npz"
    path.write_bytes(whole[: keep if isinstance(keep, int) else int(len(whole) * keep)])
    for read in (load_video_detections, load_keypoint_archive):
        with pytest.raises(FormatError, match=r"cut\.npz: not a NumPy archive"):
            read(path)
    with pytest.raises(FormatError, match=r"cut\.npz: not a NumPy archive"), open_npz(path):
        pass


def test_text_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "text.npz"
    path.write_text("hello\n" * 100)
    with pytest.raises(FormatError, match=r"text\.npz: not a NumPy archive"):
        load_video_detections(path)


@pytest.mark.parametrize("shape", [(10**12,), (10**6, 10**6, 10**6), (2**62, 4), (10**9,)])
def test_a_header_cannot_claim_more_than_there_is(shape: tuple[int, ...], tmp_path: Path) -> None:
    path = tmp_path / "huge.npz"
    header = io.BytesIO()
    claims = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, claims)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("boxes.npy", header.getvalue() + bytes(64))
    with pytest.raises(FormatError, match=r"huge\.npz: 'boxes.npy' is damaged \(claims shape"):
        load_object_npz(path)
    with pytest.raises(FormatError, match=r"huge\.npz: .*claims shape"), open_npz(path):
        pass


def test_a_pickled_array_cannot_claim_more_than_there_is(tmp_path: Path) -> None:
    huge = Calls(np.ndarray, (10**12,))
    np.savez(tmp_path / "huge.npz", boxes=boxed(huge))
    with pytest.raises(FormatError, match=r"huge\.npz"):
        load_object_npz(tmp_path / "huge.npz")


def test_zip_bombs_stay_folded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_archive, "HARMLESS_BYTES", 1 << 20)
    np.savez_compressed(tmp_path / "bomb.npz", boxes=np.zeros(1 << 20))
    with pytest.raises(FormatError, match=r"bomb\.npz: .*would unfold"):
        load_object_npz(tmp_path / "bomb.npz")
    monkeypatch.setattr(safe_archive, "physical_memory", lambda: 1 << 23)
    with pytest.raises(FormatError, match=r"bomb\.npz: .*would unfold to 0\.0 GB, more than half"):
        open_npz(tmp_path / "bomb.npz").__enter__()


def test_our_archives_may_be_mostly_nan(tmp_path: Path) -> None:
    """Hundreds of people, each there for a moment of a long clip: over 256 MB of NaN."""
    empty = np.full((300, 18_000, 17), np.nan, np.float32)
    np.savez_compressed(tmp_path / "long.npz", pose=empty)
    with open_npz(tmp_path / "long.npz") as archive:
        assert np.isnan(archive["pose"][17, 17]).all()


def test_detectron1_files_are_read(tmp_path: Path) -> None:
    """Python-2 pickles; lists of arrays; None where no keypoints were looked for."""
    random = np.random.default_rng(5)
    found_boxes = random.uniform(1, 99, (2, 5)).astype(np.float32)
    found_keypoints = random.uniform(1, 99, (2, 4, 17)).astype(np.float32)
    boxes, keypoints = np.empty(2, object), np.empty(2, object)
    boxes[0], keypoints[0] = [[], found_boxes], [[], list(found_keypoints)]
    boxes[1], keypoints[1] = [[], np.zeros((0, 5), np.float32)], None

    def dump(value: Any, stream: io.BytesIO) -> None:
        pickled = io.BytesIO()
        Python2Pickler(pickled, protocol=2).dump(value)
        stream.write(pickled.getvalue().replace(b"numpy._core", b"numpy.core"))

    path = write_members(tmp_path / "old.mp4.npz", dump, boxes=boxes, keypoints=keypoints,
                         metadata=boxed({"w": 640, "h": 360}))  # fmt: skip
    found = load_video_detections(path)
    assert found.keypoints[0].tobytes() == found_keypoints.tobytes()
    assert [len(rows) for rows in found.boxes] == [2, 0]
