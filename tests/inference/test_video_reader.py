"""Video in: every container and oddity gives upright frames at their times."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from conftest import MakeVideo, ffmpeg

from poselift.data.errors import VideoError
from poselift.inference.video.video_reader import VideoReader, is_video_name


def frames_that_ffmpeg_decodes(path: Path) -> int:
    raw = path.with_suffix(".raw")
    ffmpeg("-i", path, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", raw)
    return raw.stat().st_size // (128 * 96)


def images(path: Path, **options: object) -> list[np.ndarray]:
    return [frame.image for frame in VideoReader(path, **options)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp4", ["-c:v", "libx264", "-pix_fmt", "yuv420p"]),
        ("a.mov", ["-c:v", "mpeg4"]),
        ("a.mkv", ["-c:v", "libx264", "-pix_fmt", "yuv420p10le"]),
        ("a.avi", ["-c:v", "mjpeg"]),
        ("a.webm", ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"]),
        ("a.gif", []),
        ("b.mkv", ["-c:v", "ffv1", "-pix_fmt", "gray16le"]),
        ("c.mp4", ["-c:v", "libx265", "-x265-params", "log-level=error"]),
        ("d.mkv", ["-c:v", "ffv1", "-pix_fmt", "bgra"]),
        ("e.mp4", ["-c:v", "libaom-av1", "-cpu-used", "8"]),
    ],
)
def test_containers_and_pixel_formats(name: str, options: list[str], make_video: MakeVideo) -> None:
    path = make_video(name, *options)
    reader = VideoReader(path)
    frames = list(reader)
    assert len(frames) == 20
    assert {frame.image.shape for frame in frames} == {(96, 128, 3)}
    assert {frame.image.dtype for frame in frames} == {np.dtype(np.uint8)}
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(20) / 20, atol=0.011)
    assert reader.info.fps == pytest.approx(20, rel=0.02)
    assert frames[0].image.std() > 30  # a picture, not a grey field


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_metadata_is_applied(degrees: int, make_video: MakeVideo, tmp_path: Path) -> None:
    plain = make_video("plain.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p")
    turned = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", str(degrees), "-i", plain, "-c", "copy", turned)
    # ffmpeg's own decoder turns the picture upright too: the truth to compare with.
    upright = tmp_path / "upright.mkv"
    ffmpeg("-i", turned, "-c:v", "ffv1", "-pix_fmt", "yuv420p", upright)
    assert VideoReader(turned).info.rotation == degrees
    ours, truth = images(turned)[7], images(upright)[7]
    assert ours.shape == truth.shape == ((96, 128, 3) if degrees == 180 else (128, 96, 3))
    assert np.abs(ours.astype(int) - truth).mean() < 4


@pytest.mark.parametrize("flip", [["-display_hflip"], ["-display_vflip"]])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_mirrored_video_is_shown_as_players_do(
    flip: list[str], degrees: int, make_video: MakeVideo, tmp_path: Path
) -> None:
    plain = make_video("plain.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p")
    mirrored, upright = tmp_path / "mirrored.mp4", tmp_path / "upright.mkv"
    ffmpeg("-display_rotation", str(degrees), *flip, "-i", plain, "-c", "copy", mirrored)
    ffmpeg("-i", mirrored, "-c:v", "ffv1", "-pix_fmt", "yuv420p", upright)
    ours, truth = images(mirrored)[7], images(upright)[7]
    assert ours.shape == truth.shape == ((128, 96, 3) if degrees % 180 else (96, 128, 3))
    assert np.abs(ours.astype(int) - truth).mean() < 4


def test_odd_sizes_and_stretched_pixels(make_video: MakeVideo) -> None:
    odd = make_video("odd.mkv", "-vf", "format=rgb24,scale=131:77,setsar=1", "-c:v", "ffv1")
    assert images(odd)[0].shape == (77, 131, 3)
    wide = make_video("dv.mp4", "-c:v", "libx264", "-vf", "setsar=3/2")
    assert VideoReader(wide).info.width == 192
    assert images(wide)[0].shape == (96, 192, 3)


def test_variable_frame_rate_keeps_its_times(make_video: MakeVideo) -> None:
    # Every frame of the first half second, then every fourth.
    keep = "select='lt(n,10)+not(mod(n,4))'"
    path = make_video("vfr.mp4", "-vf", keep, "-fps_mode", "vfr", "-c:v", "libx264", seconds=2)
    times = [frame.time_s for frame in VideoReader(path)]
    wanted = [n / 20 for n in range(40) if n < 10 or n % 4 == 0]
    np.testing.assert_allclose(times, wanted, atol=0.002)


def test_start_and_end(make_video: MakeVideo) -> None:
    path = make_video("long.mp4", "-c:v", "libx264", "-g", "30", seconds=4)
    everything = list(VideoReader(path))
    part = list(VideoReader(path, start_s=2.1, end_s=2.6))
    assert [frame.time_s for frame in part] == pytest.approx([2.1 + n / 20 for n in range(10)])
    assert [frame.index for frame in part] == list(range(10))
    np.testing.assert_array_equal(part[0].image, everything[42].image)
    with pytest.raises(VideoError, match=r"long\.mp4: no frame between 9 s and its end.*4\.00 s"):
        list(VideoReader(path, start_s=9))


@pytest.mark.parametrize("name", ["a.gif", "a.mp4", "a.mkv"])
def test_whole_files_are_not_taken_for_broken_ones(name: str, make_video: MakeVideo) -> None:
    path = make_video(name, "-vf", "select='not(mod(n,7))+lt(n,9)'", "-fps_mode", "vfr", seconds=3)
    whole = VideoReader(path)
    count = len(list(whole))
    assert whole.promised_frames in {None, count}
    for stretch in ({"start_s": 0.7}, {"end_s": 1.9}, {"start_s": 0.7, "end_s": 1.9}):
        part = VideoReader(path, **stretch)
        assert 0 < len(list(part)) < count
        assert part.promised_frames is None


def test_fit_scales_down_never_up(make_video: MakeVideo) -> None:
    path = make_video("a.mp4", "-c:v", "libx264")
    assert images(path, fit=(64, 64))[0].shape == (48, 64, 3)
    assert images(path, fit=(640, 640))[0].shape == (96, 128, 3)


def test_truncated_file_gives_what_decodes(make_video: MakeVideo) -> None:
    path = make_video("cut.mp4", "-c:v", "libx264", "-movflags", "+faststart", seconds=4)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    reader = VideoReader(path)
    frames = list(reader)
    assert reader.promised_frames == 80
    assert 10 < len(frames) < 70
    assert len(frames) == frames_that_ffmpeg_decodes(path)
    assert (np.diff([frame.time_s for frame in frames]) > 0).all()


def test_damaged_middle_does_not_end_the_video(make_video: MakeVideo) -> None:
    path = make_video("hurt.mkv", "-c:v", "libx264", "-g", "5", seconds=4)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 300] = b"\xff" * 300
    path.write_bytes(content)
    assert list(VideoReader(path))[-1].time_s > 3.5


def test_not_videos(tmp_path: Path, make_video: MakeVideo) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("these are not the frames you are looking for\n" * 50)
    empty = tmp_path / "empty.mp4"
    empty.touch()
    sound = tmp_path / "sound.mp4"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", sound)
    headless = make_video("headless.mp4", "-c:v", "libx264")  # its index is at the end
    headless.write_bytes(headless.read_bytes()[: headless.stat().st_size // 2])
    playlist = tmp_path / "list.mp4"
    playlist.write_text(f"#EXTM3U\n#EXTINF:1,\n{headless}\n#EXT-X-ENDLIST\n")
    for path, reason in [
        (tmp_path / "gone.mp4", "no such file"),
        (tmp_path, "is a folder"),
        (text, "cannot be read as a video"),
        (empty, "is empty"),
        (sound, "has no video stream"),
        (headless, "cannot be read as a video"),
        (playlist, "cannot be read as a video"),
    ]:
        with pytest.raises(VideoError, match=reason) as caught:
            list(VideoReader(path))
        assert str(path) in str(caught.value)


def test_memory_does_not_grow_with_length(make_video: MakeVideo) -> None:
    def peak(path: Path) -> int:
        tracemalloc.start()
        for _ in VideoReader(path):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    short = peak(make_video("short.mp4", "-c:v", "libx264", size="640x480", seconds=1))
    long = peak(make_video("long.mp4", "-c:v", "libx264", size="640x480", seconds=8))
    assert long < short + 2 * 640 * 480 * 3


def test_names() -> None:
    assert is_video_name(Path("a/B.MP4"))
    assert not is_video_name(Path("a/.hidden.mp4"))
    assert not is_video_name(Path("a/mp4"))
