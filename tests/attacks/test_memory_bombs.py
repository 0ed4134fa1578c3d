"""Small files that would take all memory: what they claim is weighed before it is believed."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT
from hostile import Calls, boxed, headed_member, pickled_member
from safetensors.torch import save_file

from poselift.data.archives.custom_2d import load_video_detections
from poselift.data.archives.keypoint_archive import load_keypoint_archive
from poselift.data.archives.stage_results import load_detections, load_poses
from poselift.data.errors import FormatError, PoseliftError
from poselift.data.files import memory_budget
from poselift.data.files.safe_archive import load_object_npz, open_npz
from poselift.data.foreign.formats import read_foreign
from poselift.data.mocap.bvh import read_bvh
from poselift.data.mocap.rig import load_rig
from poselift.data.skeletons import COCO17
from poselift.models.lifters import open_lifter
from poselift.models.reference_checkpoints import load_reference_checkpoint, read_checkpoint


@pytest.mark.parametrize("shape", [(10**12,), (10**6, 10**6, 10**6), (2**62, 4), (10**9,)])
def test_a_header_that_claims_more_than_there_is(shape: tuple[int, ...], tmp_path: Path) -> None:
    path = headed_member(tmp_path / "huge.npz", shape)
    with pytest.raises(FormatError, match=r"huge\.npz: 'boxes.npy' is damaged \(claims shape"):
        load_object_npz(path)
    with open_npz(path) as archive, pytest.raises(FormatError, match="claims shape"):
        archive["boxes"]


def test_a_pickled_array_that_claims_more_than_there_is(tmp_path: Path) -> None:
    np.savez(tmp_path / "huge.npz", boxes=boxed(Calls(np.ndarray, (10**12,))))
    with pytest.raises(FormatError, match=r"huge\.npz"):
        load_object_npz(tmp_path / "huge.npz")


def test_a_zip_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_budget, "SMALL_BUDGET", 1 << 20)
    np.savez_compressed(tmp_path / "bomb.npz", boxes=np.zeros(1 << 20))
    with pytest.raises(FormatError, match=r"bomb\.npz: .*unfolds to would take"):
        load_object_npz(tmp_path / "bomb.npz")
    with pytest.raises(FormatError, match=r"bomb\.npz: .*unfolds to would take"):
        open_npz(tmp_path / "bomb.npz").__enter__()


def test_a_zip_bomb_in_many_members(tmp_path: Path) -> None:
    """Each is harmless; the sum over the archive's members counts."""
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(8):
            archive.writestr(f"m{i}.npy", bytes(60_000_000))
    assert (tmp_path / "bomb.npz").stat().st_size < 1_000_000
    for read in (load_object_npz, load_poses):
        with pytest.raises(FormatError, match="unfolds to would take"):
            read(tmp_path / "bomb.npz")


@pytest.mark.parametrize("compression", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_compression_that_asks_for_a_dictionary_of_gigabytes(
    compression: int, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", compression) as archive:
        archive.writestr("boxes.npy", bytes(1000))
    for read in (load_object_npz, load_poses):
        with pytest.raises(FormatError, match="unusual compression"):
            read(tmp_path / "a.npz")


@pytest.mark.parametrize("dtype", ["u1", "i2"])
def test_bytes_that_would_become_floats(dtype: str, tmp_path: Path) -> None:
    rows = np.zeros((1, 2, 6_000_000, 5), dtype)
    about = boxed({"w": 640, "h": 360})
    np.savez_compressed(
        tmp_path / "v.mp4.npz", boxes=rows, keypoints=rows[:, :, :0], metadata=about
    )
    with pytest.raises(FormatError, match="would take"):
        load_video_detections(tmp_path / "v.mp4.npz")


def test_a_memo_of_two_hundred_million_entries(tmp_path: Path) -> None:
    """The table that a pickle's references are kept in is as long as the largest number."""
    content = b"]r" + struct.pack("<I", 200_000_000) + b"."
    with pytest.raises(FormatError, match="remembers number 200000000 of 2 objects"):
        load_object_npz(pickled_member(tmp_path / "memo.npz", content))
    (tmp_path / "memo.bin").write_bytes(content)
    with pytest.raises(FormatError, match="remembers number"):
        read_checkpoint(tmp_path / "memo.bin")


def test_millions_of_empty_lists(tmp_path: Path) -> None:
    content = b"\x80\x02](" + b"]" * 3_000_000 + b"e."
    with pytest.raises(FormatError, match=r"a pickle of 30000\d\d steps would take"):
        load_object_npz(pickled_member(tmp_path / "lists.npz", content))


def test_a_byte_array_of_gigabytes(tmp_path: Path) -> None:
    content = b"\x80\x05\x96" + struct.pack("<Q", 1 << 40) + b"."
    with pytest.raises(FormatError, match=r"a\.npz: 'metadata.npy' is damaged"):
        load_object_npz(pickled_member(tmp_path / "a.npz", content))
    torch.save({"model_pos": {}, "x": Calls(bytearray, 1 << 33)}, tmp_path / "x.bin")
    with pytest.raises(FormatError, match="bytearray"):
        read_checkpoint(tmp_path / "x.bin")


def test_lists_that_unfold_to_billions(tmp_path: Path) -> None:
    """What is shared is made once."""
    billions: list[Any] = ["lol"]
    for _ in range(60):
        billions = [billions, billions]
    np.savez(tmp_path / "a.npz", boxes=boxed(billions))
    assert len(load_object_npz(tmp_path / "a.npz")["boxes"]) == 2


@pytest.mark.parametrize("joints", [0, -3, 10**9])
def test_a_skeleton_of_a_billion_joints(joints: int, tmp_path: Path) -> None:
    about = {"layout_name": "coco", "num_joints": joints, "keypoints_symmetry": [[], []]}
    np.savez(tmp_path / "data_2d_x.npz", positions_2d=boxed({}), metadata=boxed(about))
    with pytest.raises(FormatError, match=f"num_joints is {joints}"):
        load_keypoint_archive(tmp_path / "data_2d_x.npz")


def test_a_wide_tensor_over_a_small_storage(tmp_path: Path) -> None:
    wide = torch.zeros(1).expand(40_000, 34, 3)
    state = {"expand_conv.weight": wide, "shrink.weight": torch.zeros(51, 40_000, 1)[:, :1]}
    torch.save({"model_pos": state}, tmp_path / "wide.bin")
    with pytest.raises(FormatError, match=r"a tensor of \(40000, 34, 3\) numbers in a storage of"):
        load_reference_checkpoint(tmp_path / "wide.bin")


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.zeros(2, 3).to("meta"),
        lambda: torch.zeros(2, 3).to_sparse(),
        lambda: torch.quantize_per_tensor(torch.zeros(2, 3), 1.0, 0, torch.quint8),
        lambda: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]),
    ],
    ids=["meta", "sparse", "quantized", "nested"],
)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_a_tensor_that_is_no_plain_one(make: Callable[[], Any], tmp_path: Path) -> None:
    torch.save({"model_pos": {"w": make()}}, tmp_path / "odd.bin")
    with pytest.raises(FormatError, match=r"odd\.bin: "):
        read_checkpoint(tmp_path / "odd.bin")


def test_many_tensors_over_one_storage(tmp_path: Path) -> None:
    """Each would be copied when it is made precise."""
    shared = torch.zeros(1_000_000, dtype=torch.half)
    torch.save({"model_pos": {f"w{i}": shared for i in range(200)}}, tmp_path / "one.bin")
    read_checkpoint(tmp_path / "one.bin")  # one tensor, said 200 times
    views = {f"w{i}": shared[: 999_000 + i] for i in range(200)}
    torch.save({"model_pos": views}, tmp_path / "many.bin")
    with pytest.raises(FormatError, match="would take"):
        read_checkpoint(tmp_path / "many.bin")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_storage_that_claims_more_than_there_is(zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "short.bin"
    torch.save({"a": torch.zeros(77)}, path, _use_new_zipfile_serialization=zipped)
    assert read_checkpoint(path)["a"].shape == (77,)
    number, larger = b"K\x4d", b"K\x7f"  # the storage's length, and the tensor's
    content = path.read_bytes()
    assert content.count(number) == 2
    path.write_bytes(_without_checksums(content.replace(number, larger)))
    with pytest.raises(FormatError, match=r"short\.bin: not a torch checkpoint"):
        read_checkpoint(path)


def test_a_lifter_of_a_million_frames(tmp_path: Path) -> None:
    text = (
        '{"format": "poselift-lifter/1", "name": "x", "input": "screen", "layout_in": "coco", '
        '"layout_out": "h36m", "architectures": {"position": {"joints_in": 17, "features_in": 2, '
        '"joints_out": 17, "channels": 1, "filter_widths": [%s]}}}'
    )
    for widths in ("3, " * 14 + "3", "3, " * 5000 + "3", "true", "2.0", '"3"', "1000000007"):
        save_file({"x": torch.zeros(1)}, tmp_path / "x.safetensors", {"poselift": text % widths})
        with pytest.raises(FormatError, match=r"x\.safetensors: its description is .* wrong"):
            open_lifter(str(tmp_path / "x.safetensors"))


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, "[" * 990 + "]" * 990])
def test_json_nested_without_end(text: str, tmp_path: Path) -> None:
    for read in (load_rig, read_foreign):
        (tmp_path / "deep.json").write_text(text)
        with pytest.raises(PoseliftError, match=r"deep\.json"):
            read(tmp_path / "deep.json")


def test_a_motion_of_few_numbers_and_many_points(tmp_path: Path) -> None:
    ends = "End Site\n{\nOFFSET 0 1 0\n}\n" * 1000
    head = (
        f"HIERARCHY\nROOT a\n{{\nOFFSET 0 0 0\nCHANNELS 3 Xrotation Yrotation Zrotation\n{ends}}}\n"
    )
    motion = "MOTION\nFrames: 40000\nFrame Time: 0.03\n" + "0 0 0\n" * 40_000
    (tmp_path / "many.bvh").write_text(head + motion)
    with pytest.raises(FormatError, match=r"many\.bvh: claims 4000. frames of 1001 points"):
        read_bvh(tmp_path / "many.bvh")


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as Linux does")
def test_a_million_frames_with_somebody_in_each(tmp_path: Path) -> None:
    """Within a gigabyte, whatever becomes of it."""
    count = 1_000_000
    np.savez_compressed(
        tmp_path / "detections.npz", format="poselift-detections/1", layout="coco",
        joint_names=np.array(COCO17.joints), width=640, height=360, fps=25.0, expected_frames=-1,
        frame_times_s=np.arange(count, dtype=float), frame=np.arange(count),
        boxes=np.zeros((count, 4), "f4"), scores=np.ones(count, "f4"),
        keypoints=np.zeros((count, 17, 2), "f4"), confidence=np.ones((count, 17), "f4"),
    )  # fmt: skip
    with pytest.raises(FormatError, match=r"detections\.npz: "):
        load_detections(tmp_path / "detections.npz")
    code = (
        "import resource, sys; from pathlib import Path; import poselift\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))\n"
        "try: poselift.load_detections(Path(sys.argv[1]))\n"
        "except poselift.FormatError: print('refused')"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "detections.npz")]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "refused\n", done.stderr


def _without_checksums(content: bytes) -> bytes:
    """A zip archive whose members were changed, written anew so that its sums fit."""
    if not content.startswith(b"PK"):
        return content
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(changed, "w") as new:
        for info in old.infolist():
            member = old.open(info)
            member._expected_crc = None  # type: ignore[attr-defined]
            new.writestr(info.filename, member.read())
    return changed.getvalue()
