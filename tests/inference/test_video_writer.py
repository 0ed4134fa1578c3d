"""What a written file shows and lets hear, and when."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from standing_people import close_to, grey

from poselift.inference.video.constant_rate import pace_of
from poselift.inference.video.video_writer import VideoWriter
from poselift.pipeline.overlay.look import DARK


def shades(path: Path) -> list[tuple[float, int]]:
    """(time in seconds, grey level of the middle) of each frame of a file."""
    with av.open(str(path)) as container:
        frames = [(f.time, f.to_ndarray(format="gray")) for f in container.decode(video=0)]
    return [(float(t or 0), int(f[f.shape[0] // 2, f.shape[1] // 2])) for t, f in frames]


def source_with_beep(path: Path, beep_s: float, video_late_s: float = 0.0) -> None:
    """Two seconds of black video, with silence but for a tone of 0.2 s."""
    rate = 16000
    with av.open(str(path), "w") as out:
        video = out.add_stream("mpeg4", rate=30)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = out.add_stream("aac", rate=rate, layout="mono")
        for t in range(60):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            frame.pts, frame.time_base = t + round(video_late_s * 30), Fraction(1, 30)
            out.mux(video.encode(frame))
        out.mux(video.encode())
        time_s = np.arange(2 * rate) / rate
        tone = np.sin(time_s * 2 * np.pi * 440) * ((time_s >= beep_s) & (time_s < beep_s + 0.2))
        for start in range(0, len(tone), 1024):
            samples = tone[None, start : start + 1024].astype(np.float32)
            sound = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            sound.sample_rate, sound.pts, sound.time_base = rate, start, Fraction(1, rate)
            out.mux(audio.encode(sound))
        out.mux(audio.encode())


def beep_of(path: Path) -> float:
    """When the tone begins, seconds."""
    with av.open(str(path)) as container:
        for sound in container.decode(audio=0):
            loud = np.abs(sound.to_ndarray()).max(0) > 0.2
            if loud.any():
                return float(sound.time or 0) + int(loud.argmax()) / sound.sample_rate
    raise AssertionError("no tone")


def write_with_sound_of(source: Path, out: Path, start_s: float = 0.0) -> None:
    with VideoWriter(out, 64, 48, start_s + np.arange(30) / 30, audio=source) as writer:
        for t, frame in enumerate(grey(30, (64, 48))):
            writer.write(t, frame)


def test_colours_survive_the_encoder(tmp_path):
    frame = np.zeros((64, 96, 3), np.uint8)
    frame[:, :48], frame[:, 48:] = DARK.sides["left"], DARK.sides["right"]
    out = tmp_path / "c.mp4"
    with VideoWriter(out, 96, 64, np.arange(3) / 30) as writer:
        for t in range(3):
            writer.write(t, frame)
    with av.open(str(out)) as container:
        first = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert close_to(first[16:48, 8:40], DARK.sides["left"], 6).all()
    assert close_to(first[16:48, 56:88], DARK.sides["right"], 6).all()


def test_odd_sizes_are_padded(tmp_path):
    out = tmp_path / "odd.mp4"
    with VideoWriter(out, 101, 67, np.arange(2) / 30) as writer:
        for t in range(2):
            writer.write(t, np.full((67, 101, 3), 80, np.uint8))
    with av.open(str(out)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (102, 68)


def test_variable_rate_is_kept_in_the_file(tmp_path):
    times = np.array([0, 1 / 30, 2 / 30, 0.5, 0.5 + 1 / 30, 1.2, 1.2 + 1 / 30]) + 7.0
    levels = np.linspace(30, 220, len(times)).astype(int)
    out = tmp_path / "vfr.mp4"
    with VideoWriter(out, 64, 64, times) as writer:
        for t, level in enumerate(levels):
            writer.write(t, np.full((64, 64, 3), level, np.uint8))
    half = 0.5 / float(pace_of(times).fps)
    changes = {}
    for time_s, shade in shades(out):
        changes.setdefault(int(np.abs(levels - shade).argmin()), time_s)
    assert sorted(changes) == list(range(len(times)))
    assert all(abs(changes[t] - (times[t] - 7.0)) <= half + 1e-3 for t in changes)


@pytest.mark.parametrize("late_s", [0.0, 0.3])
def test_sound_is_kept_in_step(tmp_path, late_s):
    source, out = tmp_path / "source.mp4", tmp_path / "out.mp4"
    source_with_beep(source, beep_s=1.0, video_late_s=late_s)
    start_s = 0.5
    write_with_sound_of(source, out, start_s)
    with av.open(str(out)) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        assert container.duration / av.time_base == pytest.approx(1.0, abs=0.08)
    assert beep_of(out) == pytest.approx(1.0 - late_s - start_s, abs=0.03)


def test_a_silent_source_gives_a_silent_file(tmp_path):
    silent, out = tmp_path / "silent.mp4", tmp_path / "out.mp4"
    with VideoWriter(silent, 64, 48, np.arange(12) / 30) as writer:
        for t, frame in enumerate(grey(12, (64, 48))):
            writer.write(t, frame)
    write_with_sound_of(silent, out)
    with av.open(str(out)) as container:
        assert not container.streams.audio and len(list(container.decode(video=0))) == 30


def test_a_relative_name_with_a_colon_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source_with_beep(Path("take.mp4"), beep_s=0.5)
    source = Path("take.mp4").rename("take:1.mp4")
    write_with_sound_of(source, Path("out.mp4"))
    assert beep_of(Path("out.mp4")) == pytest.approx(0.5, abs=0.03)


def test_sound_without_a_decoder_leaves_a_silent_picture(tmp_path, caplog):
    source, out = tmp_path / "spatial.mp4", tmp_path / "out.mp4"
    source_with_beep(source, beep_s=0.5)
    content = source.read_bytes().replace(b"mp4a", b"apac").replace(b"esds", b"free")
    source.write_bytes(content)  # nobody decodes APAC
    write_with_sound_of(source, out)
    assert [record.getMessage() for record in caplog.records] == [
        f"{source}: no decoder for its sound; the overlay is silent."
    ]
    assert len(shades(out)) == 30
    with av.open(str(out)) as container:
        assert not container.streams.audio


def test_sound_that_is_noise_does_not_cost_the_picture(tmp_path):
    source, out = tmp_path / "hurt.mp4", tmp_path / "out.mp4"
    source_with_beep(source, beep_s=0.5)
    content, noise = bytearray(source.read_bytes()), np.random.default_rng(0)
    with av.open(str(source)) as container:
        for packet in container.demux(audio=0):
            if packet.size:
                content[packet.pos : packet.pos + packet.size] = noise.bytes(packet.size)
    source.write_bytes(content)
    write_with_sound_of(source, out)
    assert len(shades(out)) == 30


def test_wrong_frames_are_refused(tmp_path):
    with (
        pytest.raises(ValueError, match="frame is"),
        VideoWriter(tmp_path / "o.mp4", 64, 48, np.arange(3) / 30) as writer,
    ):
        writer.write(0, np.zeros((48, 60, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []
