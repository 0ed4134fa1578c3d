"""When frames are shown: clocks that jump, seeks that miss, rates that are not true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from conftest import MakeVideo, ffmpeg

from poselift.data.structures import Timeline
from poselift.inference.video.constant_rate import pace_of
from poselift.inference.video.frame_times import FrameClock, fps_of
from poselift.inference.video.video_reader import VideoFrame, VideoReader

H264 = ("-c:v", "libx264", "-g", "25", "-pix_fmt", "yuv420p")  # B-frames: stored out of order


def timeline_of(path: Path, **stretch: float) -> Timeline:
    reader = VideoReader(path, **stretch)  # type: ignore[arg-type]
    return reader.timeline([frame.time_s for frame in reader])


def read(path: Path, **stretch: float) -> list[VideoFrame]:
    return list(VideoReader(path, **stretch))  # type: ignore[arg-type]


# Stretches


CONTAINERS = ["a.ts", "a.mts", "a.mpg", "a.avi", "a.h264", "a.mp4", "a.mov", "a.mkv", "a.webm"]


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_stretch_loses_no_frames(name: str, make_video: MakeVideo) -> None:
    codec = {".mpg": ("-c:v", "mpeg2video", "-bf", "2", "-r", "25", "-g", "25")}
    codec[".webm"] = ("-c:v", "libvpx", "-deadline", "realtime", "-g", "25")
    path = make_video(name, *codec.get(Path(name).suffix, H264), seconds=4)
    everything = read(path)
    for start_s in (0.5, 1.24, 3.0, everything[-5].time_s):
        wanted = [frame for frame in everything if frame.time_s >= start_s - 1e-6]
        part = read(path, start_s=start_s)
        assert [frame.time_s for frame in part] == pytest.approx([w.time_s for w in wanted])
        np.testing.assert_array_equal(part[0].image, wanted[0].image)
        # `poselift render` asks for the time of the first frame that was looked at.
        again = read(path, start_s=part[0].time_s)
        assert len(again) == len(part)
        np.testing.assert_array_equal(again[0].image, part[0].image)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm"])
def test_containers_with_an_index_are_not_read_from_the_start(
    name: str, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = ("-c:v", "libvpx", "-g", "25") if name == "a.webm" else H264
    path = make_video(name, *codec, seconds=8)
    clock, seen = FrameClock.time_of, []

    def counted(*arguments: Any) -> float:
        seen.append(arguments)
        return clock(*arguments)

    monkeypatch.setattr(FrameClock, "time_of", counted)
    assert len(read(path, start_s=7)) == 20
    assert len(seen) < 20 + 60  # the keyframe a second before, at the worst


# Clocks


@pytest.mark.parametrize("starts_s", [(0, 0), (0, 600), (0, 95_000), (600, 0, 300)])
def test_parts_whose_clocks_differ_follow_one_another(
    starts_s: tuple[int, ...],
    make_video: MakeVideo,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    part, joined = make_video("part.mp4", *H264, seconds=4), tmp_path / "joined.ts"
    content = b""
    for start_s in starts_s:
        piece = tmp_path / "piece.ts"
        ffmpeg("-i", part, "-c", "copy", "-output_ts_offset", str(start_s), piece)
        content += piece.read_bytes()
    joined.write_bytes(content)
    timeline = timeline_of(joined)
    frames = 80 * len(starts_s)
    np.testing.assert_allclose(timeline.times_s, np.arange(frames) / 20, atol=1e-3)
    assert timeline.lost_frames == 0
    assert pace_of(timeline.times_s).copies.tolist() == [1] * frames
    (said,) = (record.getMessage() for record in caplog.records)
    assert said.startswith(f"{joined}: its clock jumps after 3.95 s;") and "\n" not in said
    # A stretch is counted by these times, wherever in the file it lies.
    late = read(joined, start_s=5, end_s=6)
    np.testing.assert_allclose([frame.time_s for frame in late], 5 + np.arange(20) / 20, atol=1e-3)


def test_sound_that_begins_late_in_a_file(make_video: MakeVideo, tmp_path: Path) -> None:
    silent, joined = make_video("silent.ts", *H264, seconds=4), tmp_path / "joined.ts"
    sounds = [part for n in range(6) for part in ("-f", "lavfi", "-i", f"sine={200 + n}:d=4")]
    maps = [part for n in range(7) for part in ("-map", str(n))]
    heard = tmp_path / "heard.ts"
    ffmpeg("-i", silent, *sounds, *maps, "-c:v", "copy", "-c:a", "aac", heard)
    joined.write_bytes(silent.read_bytes() * 3 + heard.read_bytes())
    assert len(timeline_of(joined)) == 4 * 80


def test_avi_gives_even_times_in_spite_of_reordering(make_video: MakeVideo) -> None:
    timeline = timeline_of(make_video("a.avi", *H264, seconds=4))
    np.testing.assert_allclose(np.diff(timeline.times_s), 0.05, atol=2e-3)


def test_no_gap_makes_an_endless_overlay() -> None:
    assert pace_of(np.array([0, 0.04, 1e6, 1e6 + 0.04])).copies.sum() < 25 * 20


# Rates


def test_a_false_rate_of_an_avi_is_not_believed(make_video: MakeVideo, tmp_path: Path) -> None:
    copied = tmp_path / "copied.avi"
    ffmpeg("-i", make_video("a.mp4", *H264, seconds=4), "-c", "copy", copied)
    with av.open(str(copied)) as container:
        assert container.streams.video[0].average_rate > 200  # ticks, not frames
    reader = VideoReader(copied)
    assert reader.expected_frames == 80
    timeline = reader.timeline([frame.time_s for frame in reader])
    assert timeline.fps == pytest.approx(20, rel=0.03)
    assert reader.promised_frames == len(timeline) == 80


@pytest.mark.parametrize("name", ["a.mkv", "a.webm"])
@pytest.mark.parametrize(
    ("times", "frames"),
    [("if(lt(N,60),N/240,0.25+(N-60)/30)", 200), ("if(lt(N,10),N/5,2+(N-10)/30)", 150)],
    ids=["fast first", "slow first"],
)
def test_a_rate_guessed_from_the_first_frames_is_measured(
    name: str, times: str, frames: int, make_video: MakeVideo
) -> None:
    filters = ("-vf", f"settb=1/1000,setpts='({times})/TB'", "-enc_time_base", "1:1000")
    codec = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8")
    path = make_video(
        name, *filters, "-fps_mode", "passthrough", *codec, size="64x48", seconds=frames / 20
    )
    timeline = timeline_of(path)
    mean = (len(timeline) - 1) / np.ptp(timeline.times_s)
    assert len(timeline) == frames
    assert abs(VideoReader(path).info.fps / mean - 1) > 0.05
    assert timeline.fps == pytest.approx(mean)
    assert timeline.lost_frames == 0
    assert pace_of(timeline.times_s).duration_s == pytest.approx(timeline.times_s[-1], abs=0.1)


def test_a_true_rate_is_kept_to_the_letter() -> None:
    times = np.round(np.arange(90) / 29.97, 3)
    assert fps_of(times, 30000 / 1001) == 30000 / 1001
    assert fps_of(times[:1], 30.0) == fps_of(np.zeros(2), 30.0) == 30.0


# What was promised


@pytest.mark.parametrize("start_s", [0.35, 1.5])
def test_a_lossless_trim_is_whole(start_s: float, make_video: MakeVideo, tmp_path: Path) -> None:
    trim = tmp_path / "trim.mp4"
    source = make_video("a.mp4", *H264, seconds=4)
    ffmpeg("-ss", str(start_s), "-i", source, "-c", "copy", "-movflags", "+faststart", trim)
    reader = VideoReader(trim)
    timeline = reader.timeline([frame.time_s for frame in reader])
    assert reader.info.frame_count > len(timeline) + 4  # hidden by the edit list
    assert reader.expected_frames == pytest.approx(len(timeline), abs=1)
    assert timeline.lost_frames == 0
    trim.write_bytes(trim.read_bytes()[: trim.stat().st_size // 2])
    assert timeline_of(trim).lost_frames > 10


def test_frames_that_fail_in_the_middle_are_missed(make_video: MakeVideo) -> None:
    path = make_video("hurt.mp4", *H264, "-movflags", "+faststart", seconds=4)
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        for index, packet in enumerate(container.demux(video=0)):
            if 25 <= index < 50 and packet.size:
                content[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    path.write_bytes(content)
    timeline = timeline_of(path)
    assert timeline.expected_frames == 80 and timeline.lost_frames == 80 - len(timeline) > 20
