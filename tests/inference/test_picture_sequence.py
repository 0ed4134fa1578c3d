"""Numbered pictures as a video: found, in order, whole, and told apart."""

from __future__ import annotations

import logging
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from conftest import MakeVideo, ffmpeg

from poselift.data.errors import VideoError
from poselift.inference.video.picture_sequence import is_sequence, pictures_of, sequence_sha256
from poselift.inference.video.video_reader import VideoReader


def pictures(video: Path, pattern: str, *options: str) -> Path:
    """All frames of a video as pictures; their folder."""
    folder = video.parent / "frames"
    folder.mkdir(exist_ok=True)
    ffmpeg("-i", video, *options, folder / pattern)
    return folder


def lossless(make_video: MakeVideo) -> Path:
    return make_video("a.mkv", "-c:v", "ffv1", "-pix_fmt", "bgr0")


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "tif"])
def test_pictures_are_the_video_they_were_made_of(suffix: str, make_video: MakeVideo) -> None:
    video = lossless(make_video)
    single = ["-c:v", "libwebp", "-f", "image2"] if suffix == "webp" else []
    quality = ["-q:v", "90" if single else "2"]
    folder = pictures(video, f"f_%d.{suffix}", *single, *quality)  # f_10 comes after f_9
    truth = list(VideoReader(video))
    for source in (folder, folder / f"f_%d.{suffix}"):
        reader = VideoReader(source, fps=20)
        frames = list(reader)
        assert [frame.time_s for frame in frames] == pytest.approx(np.arange(20) / 20)
        assert (reader.info.width, reader.info.height, reader.expected_frames) == (128, 96, 20)
        assert reader.info.frame_count == reader.promised_frames == 20
        assert reader.info.duration_s == pytest.approx(1) and not reader.info.has_audio
        assert reader.timeline([frame.time_s for frame in frames]).fps == 20
        for ours, theirs in zip(frames, truth, strict=True):
            assert np.abs(ours.image.astype(int) - theirs.image).mean() < 8


def test_a_stretch_and_a_turn(make_video: MakeVideo) -> None:
    folder = pictures(lossless(make_video), "%05d.png")
    whole = list(VideoReader(folder, fps=10))
    part = list(VideoReader(folder, fps=10, start_s=0.5, end_s=0.8, rotate=90))
    assert [frame.time_s for frame in part] == pytest.approx([0.5, 0.6, 0.7])
    np.testing.assert_array_equal(part[0].image, np.rot90(whole[5].image, -1))


@pytest.mark.parametrize(("orientation", "turned"), [(1, 0), (3, 180), (6, 270), (8, 90)])
def test_photographs_are_turned_as_they_say(
    orientation: int, turned: int, make_video: MakeVideo
) -> None:
    folder = pictures(lossless(make_video), "%d.jpg")
    entry = b"\x01\x12\0\x03\0\0\0\x01\0" + bytes([orientation]) + b"\0\0"
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + entry + b"\0\0\0\0"
    for path in folder.iterdir():
        content = path.read_bytes()
        segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
        path.write_bytes(content[:2] + segment + content[2:])
    info = VideoReader(folder, fps=20).info
    assert info.rotation == turned
    assert (info.width, info.height) == ((96, 128) if turned % 180 else (128, 96))


def test_which_files_are_a_sequence(make_video: MakeVideo, tmp_path: Path) -> None:
    folder = pictures(lossless(make_video), "%05d.png")
    for name in ("._00001.png", "poster.png", "notes.txt", "00007.txt"):
        (folder / name).write_text("no picture of the clip")
    assert [path.name for path in pictures_of(folder)] == [f"{n:05d}.png" for n in range(1, 21)]
    assert is_sequence(folder / "%05d.png") and not is_sequence(folder / "00001.png")
    literal = tmp_path / "take_%d.mp4"
    literal.touch()
    assert not is_sequence(literal)
    (folder / "left_1.png").touch()
    with pytest.raises(VideoError, match=r"2 series of pictures \(%d\.png, left_%d\.png\)\. Name"):
        pictures_of(folder)
    assert len(pictures_of(folder / "%05d.png")) == 20


def test_what_is_wrong_with_pictures_is_told(
    make_video: MakeVideo, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = pictures(lossless(make_video), "%d.png")
    with pytest.raises(VideoError, match=r"frames: pictures do not say .* Give --fps, 25 say"):
        VideoReader(folder)
    with pytest.raises(ValueError, match="pictures a second"):
        VideoReader(folder, fps=0)
    with pytest.raises(VideoError, match=r"g_%d\.png: matches no picture"):
        VideoReader(folder / "g_%d.png", fps=25)
    with pytest.raises(VideoError, match=r"gone.%d\.png: matches no picture"):
        VideoReader(tmp_path / "gone" / "%d.png", fps=25)
    ffmpeg("-f", "lavfi", "-i", "color=red:size=64x64", "-frames:v", "1", folder / "7.png")
    with pytest.raises(VideoError, match=r"7\.png: is 64x64, the pictures before it 128x96"):
        list(VideoReader(folder, fps=25))
    (folder / "7.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    with pytest.raises(VideoError, match=r"7\.png: cannot be read as a picture"):
        list(VideoReader(folder, fps=25))
    (folder / "7.png").unlink()
    with caplog.at_level(logging.WARNING):
        assert len(list(VideoReader(folder, fps=25))) == 19
    assert "one number is missing between 1 and 20" in caplog.text


def test_a_small_file_of_a_huge_picture_is_refused(tmp_path: Path) -> None:
    """A quarter of a gigapixel of black, in 33 kB."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    side = 16_000
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * (side // 8 + 1) * side)
    parts = [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
    content = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)
    picture = tmp_path / "1.png"
    picture.write_bytes(content)
    with pytest.raises(VideoError, match=r"1\.png: cannot be read as a picture"):
        VideoReader(tmp_path, fps=25)
    ffmpeg("-i", picture, "-c", "copy", tmp_path / "one.mkv")
    with pytest.raises(VideoError, match=r"one\.mkv: no frame can be decoded"):
        VideoReader(tmp_path / "one.mkv")


def test_its_digest_tells_sequences_apart(make_video: MakeVideo) -> None:
    folder = pictures(lossless(make_video), "%05d.png")
    digest = sequence_sha256(folder)
    moved = folder.rename(folder.parent / "moved")
    assert sequence_sha256(moved) == sequence_sha256(moved / "%05d.png") == digest
    first, second, spare = moved / "00001.png", moved / "00002.png", moved / "spare"
    for path, place in [(first, spare), (second, first), (spare, second)]:
        path.rename(place)
    assert sequence_sha256(moved) != digest
