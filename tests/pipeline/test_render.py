"""The overlay: what is drawn where, and what the written files hold."""

from __future__ import annotations

import os
import stat
import time
import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from poselift.data.errors import OutputError, VideoError
from poselift.data.progress import Silent
from poselift.data.skeletons import COCO17, H36M17
from poselift.data.structures import Keypoints2D, Poses3D, Timeline, Tracks
from poselift.inference.video.constant_rate import pace_of
from poselift.inference.video.video_writer import VideoWriter
from poselift.pipeline.overlay.drawing import SIDE_COLOURS
from poselift.pipeline.overlay.render import (
    Layout,
    Renderer,
    layout_for,
    overlay_size,
    render_overlay,
)
from poselift.pipeline.overlay.scene import Scene
from poselift.pipeline.overlay.scene_camera import camera_for

# A person who stands upright and faces the camera: x right, z up, metres.
STANDING = {
    "hip": (0, 0.95), "right_hip": (-0.13, 0.95), "right_knee": (-0.14, 0.5),
    "right_ankle": (-0.14, 0.08), "left_hip": (0.13, 0.95), "left_knee": (0.14, 0.5),
    "left_ankle": (0.14, 0.08), "spine": (0, 1.2), "thorax": (0, 1.45), "neck": (0, 1.55),
    "head": (0, 1.75), "left_shoulder": (0.18, 1.42), "left_elbow": (0.4, 1.2),
    "left_wrist": (0.6, 1.3), "right_shoulder": (-0.18, 1.42), "right_elbow": (-0.4, 1.2),
    "right_wrist": (-0.6, 1.3), "nose": (0, 1.6), "left_eye": (0.03, 1.63),
    "right_eye": (-0.03, 1.63), "left_ear": (0.08, 1.62), "right_ear": (-0.08, 1.62),
}  # fmt: skip


def clip(
    roots: np.ndarray, times_s: np.ndarray | None = None, size: tuple[int, int] = (640, 360)
) -> tuple[Tracks, Poses3D]:
    """Standing people whose roots are at (P, T, 2) metres; seen 100 pixels to the metre."""
    people, frames = roots.shape[:2]
    times_s = np.arange(frames) / 30 if times_s is None else times_s
    timeline = Timeline(*size, 30.0, times_s)
    flat = np.array([STANDING[joint] for joint in H36M17.joints])
    body = np.stack([flat[:, 0], np.zeros(17), flat[:, 1]], -1)
    world = body + np.concatenate([roots, np.zeros((people, frames, 1))], -1)[:, :, None]
    screen = np.array([STANDING[joint] for joint in COCO17.joints]) * (100, -100)
    always = np.ones(frames, bool)
    everyone = tuple(
        Keypoints2D(
            p + 1,
            screen + (size[0] / 2, size[1] - 60) + roots[p, :, None] * (100, 0),
            np.ones((frames, 17)),
            always,
            np.zeros((frames, 17), bool),
            np.ones(frames),
        )
        for p in range(people)
    )
    poses = Poses3D(
        timeline, np.arange(1, people + 1), world - world[:, :, :1], None, world,
        np.ones((people, frames), bool), np.zeros((people, frames), bool),
        np.array([0.0, -1.0, 0.0]), float("nan"),
    )  # fmt: skip
    return Tracks(timeline, everyone), poses


def grey(count: int, size: tuple[int, int] = (640, 360)) -> Iterator[np.ndarray]:
    for _ in range(count):
        yield np.full((size[1], size[0], 3), 90, np.uint8)


def close_to(image: np.ndarray, colour: tuple[int, int, int], within: int = 24) -> np.ndarray:
    return np.abs(image.astype(int) - colour).max(-1) <= within


STILL = np.tile([0.0, 3.0], (1, 12, 1))
PAIR = np.stack([np.tile([-1.0, 3.0], (12, 1)), np.tile([1.0, 4.5], (12, 1))])


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


# Drawing


def test_left_colour_is_where_the_left_wrist_is():
    tracks, poses = clip(STILL)
    renderer = Renderer(tracks, poses)
    canvas = renderer.draw(next(grey(1)), 0)
    layout = renderer.layout
    for side in ("left", "right"):
        wrist = tracks.people[0].xy[0, COCO17.index(f"{side}_wrist")]
        x, y = np.round(wrist * layout.video_width / 640).astype(int)
        assert close_to(canvas[y - 1 : y + 2, x - 1 : x + 2], SIDE_COLOURS[side]).all()


def test_3d_person_stands_upright_with_both_sides_shown():
    tracks, poses = clip(STILL)
    renderer = Renderer(tracks, poses)
    panel = renderer.draw(next(grey(1)), 0)[:, renderer.layout.left :]
    xy, _ = Scene(poses, *panel.shape[:2]).camera.at(0).project(poses.world[0, 0])
    head, feet = xy[H36M17.index("head")], xy[list(H36M17.indices("left_ankle", "right_ankle"))]
    assert (feet[:, 1] - head[1] > panel.shape[0] * 0.4).all()
    left = np.argwhere(close_to(panel, SIDE_COLOURS["left"]))
    right = np.argwhere(close_to(panel, SIDE_COLOURS["right"]))
    assert len(left) > 100 and len(right) > 100
    assert left[:, 1].mean() > right[:, 1].mean()  # faces us: the left hand on our right


def test_everybody_stays_in_the_3d_panel():
    walk = np.stack([np.linspace((-2, 2), (2, 6), 90), np.linspace((2.5, 3), (-1, 2), 90)])
    _, poses = clip(walk)
    camera = camera_for(poses.world, poses.valid, 30.0, 400, 400)
    for t in range(90):
        xy, depth = camera.at(t).project(poses.world[:, t])
        assert (xy > 0).all() and (xy < 400).all() and (depth > 0).all()


def test_one_glitch_does_not_move_the_camera():
    _, poses = clip(np.tile([0.0, 3.0], (1, 400, 1)))
    before = camera_for(poses.world, poses.valid, 30.0, 400, 400)
    poses.world[0, 200] += (0, 900.0, 0)
    after = camera_for(poses.world, poses.valid, 30.0, 400, 400)
    assert np.abs(before.camera.position - after.camera.position).max() < 0.05


def test_camera_stands_still_unless_people_would_be_tiny():
    _, poses = clip(np.linspace((-1.0, 3), (1.0, 3), 60)[None])
    assert camera_for(poses.world, poses.valid, 30.0, 400, 400).path is None
    rng = np.random.default_rng(0)
    runner = np.linspace((-15.0, 3), (15.0, 3), 150)[None] + rng.normal(0, 0.02, (1, 150, 2))
    _, poses = clip(runner)
    camera = camera_for(poses.world, poses.valid, 30.0, 400, 400)
    assert camera.path is not None
    jolts = np.abs(np.diff(camera.path, n=2, axis=0)).max()
    assert jolts < np.abs(np.diff(runner[0], n=2, axis=0)).max() / 10
    xy = np.stack([camera.at(t).project(poses.world[0, t])[0] for t in range(150)])
    assert (xy > 0).all() and (xy < 400).all()
    assert np.ptp(xy[..., 1], axis=1).min() > 400 * 0.4


def test_background_is_the_same_in_every_frame_of_a_still_camera():
    tracks, poses = clip(PAIR)
    poses.valid[:, 6:] = False
    renderer = Renderer(tracks, poses)
    a, b = (renderer.draw(next(grey(1)), t)[:-40, renderer.layout.left :] for t in (7, 11))
    assert np.array_equal(a, b)


def test_panels_do_not_leak_into_each_other():
    tracks, poses = clip(np.tile([3.1, 3.0], (1, 4, 1)))  # the 2D arm leaves on the right
    renderer = Renderer(tracks, poses)
    nobody = Renderer(Tracks(tracks.timeline, ()), poses)
    left = renderer.layout.left
    a, b = renderer.draw(next(grey(1)), 0), nobody.draw(next(grey(1)), 0)
    assert np.array_equal(a[:, left:], b[:, left:])
    assert not np.array_equal(a[:, :left], b[:, :left])
    assert (b[:, :left] == 90).all()


def test_unsure_and_interpolated_joints_look_different():
    tracks, poses = clip(STILL)
    person = tracks.people[0]
    sure = Renderer(tracks, poses).draw(next(grey(1)), 0)
    person.confidence[:] = 0.1
    faint = Renderer(tracks, poses).draw(next(grey(1)), 0)
    person.confidence[:] = 1.0
    person.interpolated[:] = True
    hollow = Renderer(tracks, poses).draw(next(grey(1)), 0)
    scale = overlay_size(640, 360)[0] / 640
    x, y = np.round(person.xy[0, COCO17.index("left_wrist")] * scale).astype(int)
    colours = [image[y, x].astype(int) for image in (sure, faint, hollow)]
    strength = [np.abs(colour - 90).max() for colour in colours]
    assert 20 < strength[1] < 0.6 * strength[0]
    assert colours[2].max() < 80


def test_ids_are_shown_and_gaps_are_not_drawn():
    tracks, poses = clip(STILL)
    shown = Renderer(tracks, poses).draw(next(grey(1)), 0)
    tracks.people[0].xy[:] = np.nan
    poses.world[:] = np.nan
    poses.valid[:] = False
    gone = Renderer(tracks, poses).draw(next(grey(1)), 0)
    layout = layout_for(640, 360)
    assert (gone[:, : layout.left] == 90).all()
    assert close_to(shown, (255, 214, 92)).sum() > 100  # two pills in the first person's colour
    assert not close_to(gone, (255, 214, 92)).any()


@pytest.mark.parametrize(
    "size", [(1920, 1080), (1080, 1920), (640, 480), (64, 48), (31, 17), (4000, 200), (200, 4000)]
)
@pytest.mark.parametrize("kind", ["mp4", "gif"])
def test_layout_is_even_bounded_and_keeps_the_shape(size, kind):
    layout: Layout = layout_for(*size, kind)
    numbers = (layout.video_width, layout.video_height, layout.left, layout.height)
    assert all(n > 0 and n % 2 == 0 for n in numbers)
    assert layout.width <= 1284 and layout.height <= 600
    assert layout.video_width <= max(2 * size[0], 2) + 2 and layout.video_width <= layout.left
    assert layout.video_height <= layout.height
    assert abs(layout.video_width * size[1] - layout.video_height * size[0]) <= 2 * max(size)


@pytest.mark.parametrize("size", [(64, 48), (1280, 720), (853, 481)])
def test_source_and_prescaled_frames_give_the_same_canvas(size):
    tracks, poses = clip(STILL, size=size)
    renderer = Renderer(tracks, poses)
    full = renderer.draw(next(grey(1, size)), 0)
    scaled = renderer.draw(next(grey(1, overlay_size(*size))), 0)
    assert full.shape[:2] == renderer.size[::-1]
    assert np.array_equal(full, scaled)


# Timing


@pytest.mark.parametrize(
    "fps", [Fraction(25), Fraction(30000, 1001), Fraction(60), Fraction(43, 3)]
)
def test_constant_rate_keeps_every_frame_once(fps):
    times = np.round(np.arange(500) / float(fps), 3) + 4.2  # milliseconds, as Matroska stores
    pace = pace_of(times)
    assert (pace.copies == 1).all()
    assert abs(float(pace.fps / fps) - 1) < 1e-3


def test_variable_rate_stays_within_half_a_frame():
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.choice([1 / 30, 1 / 30, 1 / 15, 0.5, 1 / 60], 400))
    pace = pace_of(times)
    shown_at = np.cumsum(pace.copies) - pace.copies
    error = shown_at / float(pace.fps) - (times - times[0])
    assert np.abs(error).max() <= 0.5 / float(pace.fps) + 1e-6


def test_a_limit_divides_the_rate():
    pace = pace_of(np.arange(100) / 25, max_fps=15)
    assert pace.fps == Fraction(25, 2) and pace.copies.sum() == 50


@pytest.mark.parametrize("times", [[0.0], [3.0, 3.04]])
def test_very_short_clips_have_every_frame(times):
    assert pace_of(np.array(times)).copies.tolist() == [1] * len(times)


# Files


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


def test_colours_survive_the_encoder(tmp_path):
    frame = np.zeros((64, 96, 3), np.uint8)
    frame[:, :48], frame[:, 48:] = SIDE_COLOURS["left"], SIDE_COLOURS["right"]
    out = tmp_path / "c.mp4"
    with VideoWriter(out, 96, 64, np.arange(3) / 30) as writer:
        for t in range(3):
            writer.write(t, frame)
    with av.open(str(out)) as container:
        first = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert close_to(first[16:48, 8:40], SIDE_COLOURS["left"], 6).all()
    assert close_to(first[16:48, 56:88], SIDE_COLOURS["right"], 6).all()


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
    times = start_s + np.arange(30) / 30
    tracks, poses = clip(np.tile([0.0, 3.0], (1, 30, 1)), times, (64, 48))
    render_overlay(grey(30, (64, 48)), tracks, poses, out, audio_source=source)
    with av.open(str(out)) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        assert container.duration / av.time_base == pytest.approx(1.0, abs=0.08)
    assert beep_of(out) == pytest.approx(1.0 - late_s - start_s, abs=0.03)


def test_a_silent_source_gives_a_silent_file(tmp_path):
    silent, out = tmp_path / "silent.mp4", tmp_path / "out.mp4"
    with VideoWriter(silent, 64, 48, np.arange(12) / 30) as writer:
        for t, frame in enumerate(grey(12, (64, 48))):
            writer.write(t, frame)
    tracks, poses = clip(STILL)
    render_overlay(grey(12), tracks, poses, out, audio_source=silent)
    with av.open(str(out)) as container:
        assert not container.streams.audio and len(list(container.decode(video=0))) == 12


def write_with_sound_of(source: Path, out: Path) -> None:
    with VideoWriter(out, 64, 48, np.arange(30) / 30, audio=source) as writer:
        for t, frame in enumerate(grey(30, (64, 48))):
            writer.write(t, frame)


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
    assert close_to(frames[0], SIDE_COLOURS["left"], 40).sum() > 50
    assert [path.name for path in tmp_path.iterdir()] == ["overlay.gif"]


# Failures


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


def test_wrong_frames_are_refused(tmp_path):
    with (
        pytest.raises(ValueError, match="frame is"),
        VideoWriter(tmp_path / "o.mp4", 64, 48, np.arange(3) / 30) as writer,
    ):
        writer.write(0, np.zeros((48, 60, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_resize_matches_area_averaging():
    from poselift.pipeline.overlay.video_panel import shrink

    rng = np.random.default_rng(0)
    frame = cv2.GaussianBlur(rng.integers(0, 255, (720, 1280, 3), dtype=np.uint8), (15, 15), 0)
    fast = np.empty((200, 356, 3), np.uint8)
    shrink(frame, fast)
    slow = cv2.resize(frame, (356, 200), interpolation=cv2.INTER_AREA)
    assert np.abs(fast.astype(int) - slow).mean() < 4
