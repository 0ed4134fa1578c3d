"""The overlay as a file: it plays everywhere, and appears whole or not at all."""

from __future__ import annotations

import os
import stat
import time
import tracemalloc
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from standing_people import PAIR, STILL, clip, close_to, grey

from poselift.data.errors import OutputError, VideoError
from poselift.data.progress import Silent
from poselift.pipeline.overlay.look import DARK
from poselift.pipeline.overlay.render import (
    Renderer,
    render_overlay,
)


def test_mp4_is_playable_everywhere(tmp_path):
    tracks, poses = clip(PAIR)
    out = tmp_path / "made" / "overlay.mp4"
    steps = []
    progress = Silent()
    progress.advance = lambda frames=1: steps.append(frames)
    render_overlay(grey(12), tracks, poses, out, progress=progress)
    assert steps == [1] * 12
    with av.open(str(out)) as container:
        video = container.streams.video[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (video.width, video.height) == Renderer(tracks, poses).size
        assert video.average_rate == 30 and not container.streams.audio
        assert len(list(container.decode(video=0))) == 12
        assert container.duration == pytest.approx(0.4e6, abs=1000)
    data = out.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")
    assert [path.name for path in out.parent.iterdir()] == ["overlay.mp4"]


def test_gif_opens_with_the_right_duration(tmp_path):
    tracks, poses = clip(np.tile([0.0, 3.0], (1, 45, 1)))
    out = tmp_path / "overlay.gif"
    render_overlay(grey(45), tracks, poses, out, kind="gif")
    with av.open(str(out)) as container:
        video = container.streams.video[0]
        assert video.width <= 800 and video.height <= 400
        assert container.duration / av.time_base == pytest.approx(1.5, abs=0.08)
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) in (22, 23)
    assert close_to(frames[0], DARK.sides["left"], 40).sum() > 50
    assert [path.name for path in tmp_path.iterdir()] == ["overlay.gif"]


def fake_ffmpeg(monkeypatch, tmp_path: Path, script: str) -> Path:
    """Put a shell script in ffmpeg's place; gives the file with its process ids."""
    pids = tmp_path / "pids"
    exe = tmp_path / "ffmpeg"
    exe.write_text(f"#!/bin/sh\necho $$ >> {pids}\n{script}\n")
    exe.chmod(exe.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(exe))
    return pids


def assert_nothing_left(pids: Path, folder: Path) -> None:
    for pid in pids.read_text().split() if pids.exists() else ():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("kind", ["mp4", "gif"])
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'No space left on device' >&2; exit 1", "No space left on device"),
        ("cat > /dev/null; echo 'disk full at the end' >&2; exit 1", "disk full at the end"),
        ("head -c 100000 > /dev/null; kill -9 $$", "killed by signal 9"),
        ("head -c 2000000 /dev/zero | tr '\\0' 'x\\n' | fold >&2; exit 3", "status 3"),
    ],
    ids=["at once", "at the end", "killed", "talkative"],
)
def test_a_failing_encoder_is_an_output_error(tmp_path, monkeypatch, kind, script, reason):
    pids = fake_ffmpeg(monkeypatch, tmp_path, script)
    folder = tmp_path / "out"
    tracks, poses = clip(np.tile([0.0, 3.0], (1, 40, 1)))
    with pytest.raises(OutputError, match=reason) as error:
        render_overlay(grey(40), tracks, poses, folder / f"overlay.{kind}", kind=kind)
    assert f"overlay.{kind}" in str(error.value)
    assert_nothing_left(pids, folder)


@pytest.mark.parametrize("stuck", [False, True])
def test_an_error_while_drawing_leaves_nothing(tmp_path, monkeypatch, stuck):
    script = "exec sleep 60" if stuck else f'exec {imageio_ffmpeg.get_ffmpeg_exe()} "$@"'
    pids = fake_ffmpeg(monkeypatch, tmp_path, script)
    folder = tmp_path / "out"
    tracks, poses = clip(STILL)
    started = time.monotonic()
    with pytest.raises(VideoError, match="gave 5 frames, its tracks have 12"):
        render_overlay(grey(5), tracks, poses, folder / "overlay.mp4")
    assert time.monotonic() - started < 20
    assert_nothing_left(pids, folder)


def test_an_older_file_survives_a_failure(tmp_path, monkeypatch):
    pids = fake_ffmpeg(monkeypatch, tmp_path, "exit 1")
    out = tmp_path / "out" / "overlay.mp4"
    out.parent.mkdir()
    out.write_bytes(b"older")
    with pytest.raises(OutputError):
        render_overlay(grey(12), *clip(STILL), out)
    assert out.read_bytes() == b"older" and pids.exists()


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"overlay\.mp4"):
        render_overlay(grey(12), *clip(STILL), tmp_path / "file" / "overlay.mp4")


def test_awkward_names_are_only_names(tmp_path):
    out = tmp_path / "-a: %d 'b' $(x).mp4"
    render_overlay(grey(12), *clip(STILL), out)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_memory_does_not_grow_with_the_clip(tmp_path):
    def peak(frames: int) -> int:
        tracks, poses = clip(np.tile([0.0, 3.0], (1, frames, 1)), size=(320, 180))
        tracemalloc.start()
        render_overlay(grey(frames, (320, 180)), tracks, poses, tmp_path / "o.mp4")
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(10)
    assert peak(90) < 1.2 * peak(30)
