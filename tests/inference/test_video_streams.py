"""Which stream of a file is the video, and what is none at all."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import MakeVideo, ffmpeg

from poselift.data.archives.stage_results import load_detections
from poselift.data.errors import FormatError, PoseliftError, VideoError
from poselift.data.files.source_files import read_bounded, source_files
from poselift.data.foreign.formats import read_foreign
from poselift.data.mocap.rig import load_rig
from poselift.inference.video import video_file
from poselift.inference.video.containers import best_video
from poselift.inference.video.video_reader import SUFFIXES, VideoReader, is_video_name
from poselift.models.lifters import open_lifter
from poselift.pipeline.mocap.mocap_recipe import read_recipe

H264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p"]


def cover(folder: Path) -> Path:
    path = folder / "cover.png"
    ffmpeg("-f", "lavfi", "-i", "color=red:size=640x640", "-frames:v", "1", path)
    return path


def size_of(path: Path) -> tuple[int, int]:
    reader = VideoReader(path)
    assert len(list(reader)) == 20
    return reader.info.width, reader.info.height


def test_a_cover_before_the_video_is_not_the_video(make_video: MakeVideo, tmp_path: Path) -> None:
    video, out = make_video("plain.mp4", *H264), tmp_path / "covered.mp4"
    first = ["-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic"]
    ffmpeg("-i", cover(tmp_path), "-i", video, *first, out)
    assert size_of(out) == (128, 96)


def test_a_small_or_short_preview_is_not_the_video(make_video: MakeVideo, tmp_path: Path) -> None:
    video, out = make_video("plain.mp4", *H264), tmp_path / "a.mkv"
    small = make_video("small.mp4", *H264, size="64x48")
    short = make_video("short.mp4", *H264, size="256x192", seconds=0.2)
    copied = [word for n in range(3) for word in ("-map", str(n))] + ["-c", "copy"]
    for name in ("a.mp4", "a.mkv", "a.ts"):
        out = tmp_path / name
        inputs = [word for path in (small, video) for word in ("-i", path)]
        ffmpeg(*inputs, *copied[:4], "-c", "copy", out)
        assert size_of(out) == (128, 96)
    ffmpeg("-i", small, "-i", short, "-i", video, *copied, tmp_path / "three.mp4")
    assert size_of(tmp_path / "three.mp4") == (128, 96)


def test_sound_with_a_cover_is_told(tmp_path: Path) -> None:
    song = tmp_path / "song.mp4"
    attached = ["-disposition:v:0", "attached_pic"]
    tone = ["-f", "lavfi", "-i", "sine=duration=1"]
    ffmpeg(*tone, "-i", cover(tmp_path), "-map", "0", "-map", "1", "-c:v", "copy", *attached, song)
    with pytest.raises(VideoError, match=r"song\.mp4: holds sound with cover art, and no video"):
        VideoReader(song)


def stand_in(**stream: object) -> SimpleNamespace:
    """A container as PyAV shows it, of one video stream."""
    defaults = {"disposition": 0, "duration": None, "time_base": None, "frames": 0}
    video = SimpleNamespace(**{"codec_context": None, **defaults, **stream})
    streams = SimpleNamespace(video=[video], audio=[])
    return SimpleNamespace(
        streams=streams, duration=None, format=SimpleNamespace(name="mpegts"), video=video
    )


def test_a_stream_that_nobody_can_decode_is_told() -> None:
    with pytest.raises(VideoError, match=r"a\.ts: there is no decoder for its video"):
        best_video(stand_in(), Path("a.ts"))


@pytest.mark.parametrize("unknown", [None, Fraction(0, 1)])
def test_rates_and_times_that_are_not_known(unknown: Fraction | None) -> None:
    """None until PyAV 18, 0/1 from PyAV 19 on."""
    rates = {"average_rate": unknown, "guessed_rate": unknown, "time_base": unknown}
    codec = SimpleNamespace(width=8, height=6)
    container = stand_in(codec_context=codec, duration=90, start_time=9, **rates)
    stream = best_video(container, Path("a.ts"))
    assert stream is container.video
    assert video_file._claimed_fps(container, stream) == 25
    assert video_file._claimed_duration_s(container, stream) is None
    assert video_file._origin_s(stream) == 0
    size = video_file.square_size(SimpleNamespace(width=8, height=6), unknown)
    assert size == (8, 6)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.m2ts", H264),
        ("a.mts", H264),
        ("a.ts", H264),
        ("a.vob", ["-c:v", "mpeg2video"]),
        ("a.flv", H264),
        ("a.f4v", ["-f", "mp4", *H264]),
        ("a.ogv", ["-c:v", "libtheora"]),
        ("a.asf", ["-c:v", "wmv2"]),
        ("a.mxf", ["-c:v", "mpeg2video"]),
        ("a.y4m", ["-pix_fmt", "yuv420p"]),
        ("a.3g2", H264),
        ("a.divx", ["-f", "avi", "-c:v", "mpeg4"]),
    ],
)
def test_containers_of_cameras_and_of_the_web(
    name: str, options: list[str], make_video: MakeVideo
) -> None:
    # MXF takes the rates of television only.
    rate = ["-r", "25"] if name in {"a.mxf", "a.vob"} else []
    path = make_video(name, *options, *rate, size="192x144")
    assert is_video_name(path) and path.suffix in SUFFIXES
    reader = VideoReader(path)
    frames = list(reader)
    assert len(frames) == (25 if rate else 20)
    assert frames[0].image.shape == (144, 192, 3) and frames[0].image.std() > 30


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe, door = tmp_path / "pipe", tmp_path / "door"
    os.mkfifo(pipe)
    readers: dict[str, Callable[[Path], object]] = {
        "video": VideoReader,
        "archive": load_detections,
        "bytes": read_bounded,
        "keypoints": lambda path: read_foreign(path, "mmpose"),
        "rig": load_rig,
        "recipe": read_recipe,
        "data set": lambda path: list(source_files(path, ".*")),
    }
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(door))
        for path, kind in [(pipe, "a pipe"), (door, "a socket"), (Path("/dev/zero"), "a device")]:
            for read in readers.values():
                with pytest.raises(PoseliftError, match=rf"{path}: is {kind}, not "):
                    read(path)
    for suffix in (".safetensors", ".bin"):
        os.mkfifo(tmp_path / f"net{suffix}")
        with pytest.raises(FormatError, match=r"net.*: is a pipe, not a checkpoint"):
            open_lifter(str(tmp_path / f"net{suffix}"))


def test_names_too_long_are_told() -> None:
    with pytest.raises(VideoError, match=r"cannot be read .*too long"):
        VideoReader(Path("a" * 300 + ".mp4"))
