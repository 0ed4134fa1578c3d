"""The main job on a real clip: what it writes, what it reuses, how it fails."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from conftest import ROOT, MakeVideo

from poselift.data.archives.stage_results import load_detections, load_poses, load_tracks
from poselift.data.skeletons import COCO17, H36M17
from poselift.inference import detecting, infer_video
from poselift.inference.movement.gait import gait
from poselift.pipeline.clip import run_clip
from poselift.pipeline.clip.run_many import run_video
from poselift.pipeline.clip.settings import RunSettings
from poselift.pipeline.command_line import main
from poselift.pipeline.folders.folder_record import MAKING

pytestmark = pytest.mark.slow

POSELIFT = [sys.executable, "-B", "-m", "poselift"]
SHORT = ["--start", "0.4", "--end", "1.0"]


def poselift(*arguments: str | Path) -> int:
    return main([str(argument) for argument in arguments])


def errors(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line for line in capsys.readouterr().err.splitlines() if line.startswith("poselift:")]


@pytest.fixture(scope="module")
def whole(walk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run over the whole example clip."""
    out = tmp_path_factory.mktemp("whole")
    assert poselift("run", walk, "-o", out, "--quiet") == 0
    return out / "walk"


def test_files_are_what_their_names_say(whole: Path) -> None:
    detections, tracks, poses = (
        load_detections(whole / "detections.npz"),
        load_tracks(whole / "keypoints2d.npz"),
        load_poses(whole / "poses3d.npz"),
    )
    assert len(detections.frames) == 120
    people = len(tracks.people)
    assert people >= 2
    with np.load(whole / "poses3d.npz", allow_pickle=False) as archive:
        shapes = {name: archive[name].shape for name in archive.files}
        assert str(archive["format"]) == "poselift-poses3d/1"
        assert archive["joint_names"].tolist() == list(H36M17.joints)
        assert float(archive["fps"]) == pytest.approx(30)
    assert shapes["pose"] == shapes["world"] == (people, 120, 17, 3)
    assert shapes["trajectory"] == (people, 120, 3)
    assert shapes["valid"] == shapes["interpolated"] == (people, 120)
    assert shapes["person_id"] == (people,)
    assert shapes["frame_times_s"] == (120,)
    np.testing.assert_allclose(poses.timeline.times_s, np.arange(120) / 30, atol=0.002)
    for person, valid, pose in zip(tracks.people, poses.valid, poses.pose, strict=True):
        np.testing.assert_array_equal(person.valid, valid)
        np.testing.assert_array_equal(np.isfinite(pose).all((1, 2)), valid)


def test_the_walker_walks(whole: Path) -> None:
    """Upright, feet on the floor, legs in turn, towards the left of the image."""
    tracks, poses = load_tracks(whole / "keypoints2d.npz"), load_poses(whole / "poses3d.npz")
    travel = [np.ptp(p.xy[p.valid][:, 0, 0]) for p in tracks.people]
    walker = int(np.argmax(travel))
    world = poses.world[walker, poses.valid[walker]]
    z = {joint: world[:, i, 2] for i, joint in enumerate(H36M17.joints)}
    assert 1.3 < np.median(z["head"]) < 2.0
    assert (z["head"] > z["hip"]).all() and (z["hip"] > z["left_ankle"]).all()
    lowest = np.minimum(z["left_ankle"], z["right_ankle"])
    assert np.abs(np.median(lowest) - 0.05) < 0.08
    assert lowest.min() > -0.15
    root = world[:, 0]
    assert root[-1, 0] - root[0, 0] < -2.0  # x is to the image's right; she walks left
    assert np.ptp(root[:, 2]) < 0.35
    # One ankle is ahead, then the other: at least three changes in four seconds.
    stride = world[:, H36M17.index("left_ankle"), 0] - world[:, H36M17.index("right_ankle"), 0]
    assert (np.diff(np.sign(stride[np.abs(stride) > 0.1])) != 0).sum() >= 3
    speed = np.linalg.norm(np.diff(poses.pose[walker, poses.valid[walker]], axis=0), axis=-1) * 30
    assert np.percentile(speed, 99) < 8  # metres a second: nothing jumps
    bones = np.linalg.norm(world[:, 2] - world[:, 1], axis=1)
    assert 0.33 < bones.mean() < 0.55
    found = gait(poses)[walker]
    assert found.walks == 1 and len(found.known("stride_s")) >= 3
    assert found.speed_m_s == pytest.approx(1.35, abs=0.1)
    assert found.cadence_steps_min == pytest.approx(99, abs=3)
    assert found.known("stride_s") == pytest.approx(1.22, abs=0.04)
    assert 55 < found.stance_percent("left") < 68


def test_overlay_and_summary(whole: Path) -> None:
    with av.open(str(whole / "overlay.mp4")) as container:
        video = container.streams.video[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert video.frames == 120
        assert len(container.streams.audio) == 1
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    left = frames[60][:, : frames[60].shape[1] // 2]
    assert left.std() > 30
    right = np.stack([frame[:, -400:] for frame in frames[::20]]).astype(int)
    assert np.abs(np.diff(right, axis=0)).max() > 100  # somebody moves in 3D too
    summary = json.loads((whole / "summary.json").read_text())
    assert summary["frames"] == 120
    assert set(summary["seconds"]) == {"detect", "camera", "track", "lift", "render", "page"}
    assert summary["lifter"]["trajectory"] is True
    assert all(p["frames_seen"] > 0 for p in summary["people"])


def test_python_interface(walk: Path, tmp_path: Path) -> None:
    result = run_video(walk, tmp_path, RunSettings(render="none", people="best", end_s=0.5))
    assert result.poses.world.shape == (1, 15, 17, 3)
    assert result.overlay is None
    assert result.tracks.people[0].layout == COCO17


def test_stages_are_reused_only_when_nothing_changed(
    walk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def reused(*options: str) -> set[str]:
        assert poselift("run", walk, "-o", tmp_path, *SHORT, "--json", *options) == 0
        return set(json.loads(capsys.readouterr().out)["reused"])

    everything = {"detect", "camera", "track", "lift", "render", "page"}
    assert reused() == set()
    assert reused() == everything
    assert reused("--people", "best") == {"detect", "camera"}
    assert reused("--people", "best", "--force", "lift") == {"detect", "camera", "track"}
    assert reused("--people", "best", "--no-cache") == set()
    assert reused("--people", "best", "--page-video", "link") == everything - {"page"}
    assert reused("--people", "best", "--no-page") == everything - {"page"}
    assert reused("--people", "best", "--style", "light") == everything - {"render", "page"}
    assert reused("--people", "best", "--view", "side") == everything - {"render"}
    assert reused("--people", "best", "--render", "none") == everything - {"render"}
    assert reused("--people", "best", "--end", "0.9") == set()
    # A file that is not the one that was written is neither believed nor replaced.
    poses = tmp_path / "walk" / "poses3d.npz"
    changed = poses.read_bytes()[:-1] + b"?"
    poses.write_bytes(changed)
    assert poselift("run", walk, "-o", tmp_path, *SHORT, "--people", "best", "--end", "0.9") == 1
    assert "poses3d.npz: was changed since Poselift wrote it" in capsys.readouterr().err
    assert poses.read_bytes() == changed
    poses.unlink()
    assert reused("--people", "best", "--end", "0.9") == {"detect", "camera", "track"}
    load_poses(poses)


def test_stages_alone_give_the_same(walk: Path, tmp_path: Path) -> None:
    assert poselift("run", walk, "-o", tmp_path, *SHORT, "--render", "none", "--quiet") == 0
    d, k, p, o = (tmp_path / name for name in ("d.npz", "k.npz", "p.npz", "o.gif"))
    assert poselift("detect", walk, "-o", d, *SHORT) == 0
    assert poselift("dataset", d, "-o", k) == 0
    assert poselift("lift", k, "-o", p) == 0
    assert poselift("render", walk, k, p, "-o", o) == 0
    whole, single = load_poses(tmp_path / "walk" / "poses3d.npz"), load_poses(p)
    np.testing.assert_array_equal(whole.world, single.world)
    assert o.read_bytes()[:6] == b"GIF89a"


def test_kill_at_any_moment_leaves_whole_files_and_the_next_run_resumes(
    walk: Path, tmp_path: Path
) -> None:
    command = [*POSELIFT, "run", str(walk), "-o", str(tmp_path), "--end", "1"]
    folder = tmp_path / "walk"
    for awaited in ("detections.npz", "keypoints2d.npz", "poses3d.npz"):
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
            limit = time.monotonic() + 60
            while not (folder / awaited).exists() and time.monotonic() < limit:
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
        load_detections(folder / "detections.npz")
        assert not (folder / "overlay.mp4").exists() or awaited == "poses3d.npz"
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("overlay.mp4")
    summary = json.loads((folder / "summary.json").read_text())
    assert "detect" in summary["reused"]
    assert not (folder / MAKING).exists()
    with av.open(str(folder / "overlay.mp4")) as container:
        assert container.streams.video[0].frames == 30


def test_detections_put_aside_are_gone_on_from(
    walk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that stops while it detects keeps what it saw so far."""
    monkeypatch.setattr(run_clip, "SAVE_EVERY_S", 0.2)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(run_clip, "save_detections", _then(run_clip.save_detections, stop))
        assert poselift("run", walk, "-o", tmp_path, "--end", "1.5", "--render", "none") == 130
    assert not (tmp_path / "walk" / "detections.npz").exists()
    assert poselift("run", walk, "-o", tmp_path, "--end", "1.5", "--render", "none") == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "going on after" in line]
    assert 0 < int(line.split("after ")[1].split()[0]) < 45
    resumed = load_poses(tmp_path / "walk" / "poses3d.npz")
    assert poselift("run", walk, "-o", tmp_path, "--end", "1.5", "--no-cache", "--quiet") == 0
    whole = load_poses(tmp_path / "walk" / "poses3d.npz")
    np.testing.assert_array_equal(resumed.world, whole.world)
    assert not (tmp_path / "walk" / MAKING).exists()


def _then(first: Callable[..., None], second: Callable[..., None]) -> Callable[..., None]:
    def both(*arguments: object) -> None:
        first(*arguments)
        second(*arguments)

    return both


def test_two_runs_at_once_do_not_spoil_each_other(walk: Path, tmp_path: Path) -> None:
    command = [*POSELIFT, "run", str(walk), "-o", str(tmp_path), *SHORT]
    both = [
        subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert "overlay.mp4" in out
    load_poses(tmp_path / "walk" / "poses3d.npz")


def test_several_inputs_and_one_failure(
    walk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    shutil.copy(walk, videos / "b.mp4")
    (videos / "a.mp4").write_text("no video")
    out = tmp_path / "out"
    assert poselift("run", videos, "-o", out, *SHORT, "--render", "none") == 1
    printed = capsys.readouterr()
    assert "b.mp4: 18 frames" in printed.out
    assert "a.mp4: cannot be read as a video" in printed.err
    assert "1 of 2 inputs failed" in printed.err
    assert (out / "b" / "poses3d.npz").exists()


def test_errors_are_one_line_with_status_1(
    make_video: MakeVideo, tmp_path: Path, walk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = make_video("nobody.mp4", "-c:v", "libx264")
    still = make_video("still.mp4", "-c:v", "libx264", seconds=0.05)
    text = tmp_path / "text.mp4"
    text.write_text("hello")
    folder = tmp_path / "nothing here"
    folder.mkdir()
    file = tmp_path / "a file"
    file.touch()
    for arguments, reason in [
        ([tmp_path / "gone.mp4"], "gone.mp4: no such file"),
        ([folder], "nothing here: holds no videos"),
        ([tmp_path / "*.webm"], "matches no file"),
        ([text], "text.mp4: cannot be read as a video"),
        ([nobody], "nobody.mp4: no person in any of its 20 frames"),
        ([still], "still.mp4: has one frame only"),
        ([walk, "--start", "99"], "walk.mp4: no frame between 99 s and its end"),
        (
            [walk, "--detector", "openpose"],
            "unknown detector 'openpose'. Known: detectron2, mediapipe, movenet",
        ),
        ([walk, "--lifter", "best"], "unknown lifter 'best'. Known: body27"),
        ([walk, "--lifter", text.with_suffix(".bin")], "text.bin: no such file"),
        ([walk, "--device", "tpu9"], "device 'tpu9' cannot be used"),
    ]:
        assert poselift("run", *arguments, "-o", tmp_path / "out") == 1, reason
        lines = errors(capsys)
        assert len(lines) == 1 and reason in lines[0], lines
    assert poselift("run", walk, "-o", file / "out", "--end", "0.3") == 1
    assert "cannot be written" in errors(capsys)[0]


@pytest.mark.parametrize(
    "options",
    [["--people", "0"], ["--people", "some"], ["--start", "2", "--end", "1"], ["--render", "avi"],
     ["--force", "everything"], ["--no-such-option"], ["--workers", "0"], ["--workers", "-1"]],
)  # fmt: skip
def test_wrong_usage_has_status_2(
    options: list[str], walk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        poselift("run", walk, "-o", tmp_path, *options)
    assert stopped.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_detect_proves_its_output_first(
    walk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong place is told before the video is looked at, and nothing is left there."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError("looked at the video")

    monkeypatch.setattr(detecting, "detect_whole", never)
    monkeypatch.setattr(infer_video, "detect_whole", never)
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.touch()
    folder.mkdir()
    for output, reason in ((file / "d.npz", "cannot be written"), (folder, "is a folder")):
        assert poselift("detect", walk, "-o", output) == 1
        (line,) = errors(capsys)
        assert str(output) in line and reason in line
    assert infer_video.main(["--output-dir", str(file), str(walk)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {file}") and "cannot be written" in line
    assert not list(folder.iterdir())


def test_no_workers_is_wrong_usage(walk: Path, tmp_path: Path) -> None:
    for workers in ("0", "-1"):
        with pytest.raises(SystemExit) as stopped:
            poselift("detect", walk, "-o", tmp_path / "d.npz", "--workers", workers)
        assert stopped.value.code == 2
        with pytest.raises(ValueError, match=f"from 1, not {workers}"):
            RunSettings(workers=int(workers))


def test_no_space_left(walk: Path, tmp_path: Path) -> None:
    """A file-size limit stands for a full disk: the write fails half-way."""

    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    done = subprocess.run(
        [*POSELIFT, "run", walk, "-o", tmp_path, "--end", "0.3"],
        cwd=ROOT, capture_output=True, text=True, preexec_fn=small_files, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("poselift:")]
    assert "detections.npz: cannot be written" in line and "Traceback" not in done.stderr
    assert not (tmp_path / "walk" / "detections.npz").exists()


def test_truncated_clip_is_used_as_far_as_it_goes(
    walk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(walk.read_bytes()[: walk.stat().st_size // 2])
    assert poselift("run", cut, "-o", tmp_path, "--render", "none") == 0
    printed = capsys.readouterr()
    assert "cut.mp4: breaks off;" in printed.err and "of 120 frames decode" in printed.err
    summary = json.loads((tmp_path / "cut" / "summary.json").read_text())
    assert 30 < summary["frames"] < 100
    assert summary["frames_lost"] == 120 - summary["frames"]


def test_tools(capsys: pytest.CaptureFixture[str]) -> None:
    assert poselift("weights", "verify") == 0
    assert poselift("weights", "list") == 0
    assert "Apache-2.0" in capsys.readouterr().out
    assert poselift("doctor") == 0
    assert "movenet: works" in capsys.readouterr().out
