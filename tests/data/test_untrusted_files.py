"""Archives from others: read as they were written, or called damaged."""

from __future__ import annotations

import io
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile import boxed, write_members

from poselift.data.archives.custom_2d import load_video_detections
from poselift.data.archives.keypoint_archive import load_keypoint_archive
from poselift.data.errors import FormatError
from poselift.data.files.safe_archive import open_npz


class Python2Pickler(pickle._Pickler):  # type: ignore[name-defined]
    """Spells text and bytes alike, as Python 2 did."""

    def save_text(self, text: str | bytes) -> None:
        content = text.encode("latin1") if isinstance(text, str) else text
        self.write(b"T" + struct.pack("<I", len(content)) + content)
        self.memoize(text)

    dispatch = pickle._Pickler.dispatch | {str: save_text, bytes: save_text}  # type: ignore[attr-defined]


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
