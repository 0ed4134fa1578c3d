"""Live sources without a camera: files, streams and fakes; what goes out is read by clients."""

from __future__ import annotations

import io
import itertools
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from conftest import ROOT, MakeVideo
from foreign_files import Frames
from live_people import Scripted, detections_of, picture

from poselift.data.archives.stage_results import load_detections, load_poses, load_tracks
from poselift.data.errors import OutputError, VideoError
from poselift.data.structures import FrameDetections
from poselift.inference.live.frames import LiveFrame
from poselift.inference.live.live_poses import LivePoses
from poselift.inference.poses.lifting import Lifter
from poselift.inference.video.video_reader import VideoReader
from poselift.models.lifters import open_lifter
from poselift.pipeline.clip.pages import page_folder
from poselift.pipeline.command_line import main
from poselift.pipeline.live import capture as capture_module
from poselift.pipeline.live import sources as sources_module
from poselift.pipeline.live.capture import Capture, Mailbox, SourceClock
from poselift.pipeline.live.messages import datagrams_of, line_of, table_of
from poselift.pipeline.live.outputs import LARGEST_DATAGRAM, Place, StatusLine, UdpJson
from poselift.pipeline.live.recording import Recording
from poselift.pipeline.live.session import LiveSettings, live, watched
from poselift.pipeline.live.sources import FileSource, Shot, StreamSource, source_of
from poselift.pipeline.live.watching import watch_into

Make = Callable[[LiveSettings], LivePoses]


@pytest.fixture(scope="module")
def causal() -> Lifter:
    return Lifter(open_lifter("body27v5-causal")[0])


@pytest.fixture(scope="module")
def seen(frames: Frames) -> list[FrameDetections]:
    return detections_of(frames)[:20]


@pytest.fixture
def make(causal: Lifter, seen: list[FrameDetections]) -> Make:
    """Poses of dancers who are always there, whatever the picture shows."""
    return lambda _: LivePoses(lambda: Scripted(seen), causal, workers=1)


class Fake:
    """A source that follows a script: seconds to wait before each picture; then its end."""

    name = "fake"

    def __init__(
        self,
        *sessions: Sequence[float],
        lasting: bool = False,
        error: VideoError | None = None,
        sizes: Sequence[tuple[int, int]] = ((640, 360),),
    ) -> None:
        self.lasting, self.opened = lasting, 0
        self._sessions, self._error, self._sizes = sessions, error, sizes

    def shots(self, stop: threading.Event) -> Iterator[Shot]:
        self.opened += 1
        if self.opened > len(self._sessions):
            raise self._error or VideoError("fake: gone")
        for number, pause_s in enumerate(self._sessions[self.opened - 1]):
            if stop.wait(pause_s):
                return
            size = self._sizes[number * len(self._sizes) // len(self._sessions[0])]
            yield Shot(None, lambda size=size: (picture(size), size))  # type: ignore[misc]
        if self._error is not None and self.opened == len(self._sessions):
            raise self._error


def test_only_the_newest_picture_waits_and_the_others_are_counted() -> None:
    box = Mailbox()
    for n in range(5):
        box.put(float(n), 0.0, lambda: (picture(), (640, 360)))
    taken = box.take()
    assert taken is not None
    assert (taken.time_s, taken.dropped) == (4.0, 4)
    assert box.take(0.01) is None and not box.ended
    box.put(5.0, 0.0, lambda: (picture(), (640, 360)))
    box.end(VideoError("gone"))
    assert not box.ended  # one is still to be taken
    assert box.take() is not None and box.ended
    with pytest.raises(VideoError, match="gone"):
        box.take()


def test_the_delay_does_not_grow_with_a_slow_watcher() -> None:
    """200 pictures a second, 20 looked at: each is new, and all are accounted for."""
    ages, last = [], None
    with Capture(Fake([0.005] * 200)) as capture:
        for taken in capture:
            if taken is None:
                continue
            ages.append(time.monotonic() - taken.came_s)
            last = taken
            time.sleep(0.05)
    assert last is not None
    assert len(ages) + last.dropped == 200
    assert len(ages) < 60
    assert np.median(ages[-10:]) < 0.05  # in a queue the last would wait for seconds


def test_a_source_clock_is_ours_without_its_jumps() -> None:
    clock = SourceClock()
    told = [clock.time_of(s, c) for s, c in ((7.0, 100.0), (7.04, 100.05), (7.08, 100.07))]
    assert told == pytest.approx([0, 0.04, 0.08])
    assert clock.time_of(3.0, 100.2) == pytest.approx(0.2)  # begun anew
    assert clock.time_of(3.1, 100.3) == pytest.approx(0.3)
    assert clock.time_of(900.0, 100.4) == pytest.approx(0.4)
    assert clock.time_of(None, 100.5) == pytest.approx(0.5)
    late = SourceClock()  # begun with a burst: the first picture came late
    steps = np.diff([late.time_of(n / 30, max(0.7, n / 30)) for n in range(600)])
    assert (steps > 0).all() and steps[1:].max() < 0.035
    assert abs(late.time_of(20.0, 20.0) - 19.3) < 0.3
    file = SourceClock()  # a file's times are its own, however late a picture is
    told = [file.time_of(n / 20, 100 + n / 20 + 3 * (n > 1), exact=True) for n in range(5)]
    assert told == pytest.approx([n / 20 for n in range(5)], abs=1e-9)
    rising = [clock.time_of(900.1, 100.5) for _ in range(3)]
    assert rising == sorted(set(rising))


def test_a_lost_source_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_module, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(capture_module, "GIVE_UP_S", 0.2)
    said: list[str] = []
    source = Fake([0.01] * 3, [0.01] * 2, lasting=True)
    with Capture(source, said.append) as capture, pytest.raises(VideoError, match="not back for"):
        list(capture)
    assert source.opened > 3
    assert said[0] == "fake: lost; trying to get it again"
    assert said.count("fake: back") == 1


def test_a_source_that_never_comes_is_told_at_once() -> None:
    source = Fake(lasting=True, error=VideoError("fake: cannot be opened"))
    with Capture(source) as capture, pytest.raises(VideoError, match="cannot be opened"):
        list(capture)
    assert source.opened == 1


def test_stalls_size_changes_and_the_end(make: Make) -> None:
    source = Fake([0.0, *[0.03] * 5, 0.7, *[0.03] * 5], sizes=((640, 360), (320, 180)))
    told = list(watched(source, LiveSettings(), make=make))
    assert None in told  # while nothing came, the caller had a turn
    frames = [frame for frame in told if frame is not None]
    assert (frames[-1].width, frames[-1].height) == (320, 180)
    assert all(a.time_s < b.time_s for a, b in itertools.pairwise(frames))
    assert len(frames) + frames[-1].dropped == 12


def test_a_file_is_played_at_its_own_rate(make_video: MakeVideo, make: Make) -> None:
    video = make_video("clip.mp4", seconds=1.0)  # 20 frames
    begun = time.monotonic()
    frames = [f for f in watched(FileSource(video), LiveSettings(), make=make) if f is not None]
    assert time.monotonic() - begun > 0.9
    assert len(frames) + frames[-1].dropped == 20
    assert all(round(frame.time_s * 20, 6) % 1 == 0 for frame in frames)
    assert frames[0].image.shape == (96, 128, 3)
    shorter = LiveSettings(duration_s=0.3)
    few = [f for f in watched(FileSource(video), shorter, make=make) if f is not None]
    assert 0 < len(few) < len(frames)


@pytest.fixture
def stream(walk: Path) -> Iterator[str]:
    """MPEG-TS by UDP, the example again and again, as a camera of the network sends it."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as spare:
        spare.bind(("127.0.0.1", 0))
        address = f"udp://127.0.0.1:{spare.getsockname()[1]}"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-re", "-stream_loop", "-1"]
    command += ["-i", str(walk), "-an", "-vf", "scale=320:-2", "-c:v", "libx264", "-g", "10"]
    command += ["-preset", "ultrafast", "-tune", "zerolatency", "-f", "mpegts", address]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        yield address
    finally:
        process.kill()
        process.wait()


def test_a_stream_of_the_network(stream: str, make: Make) -> None:
    frames = []
    with closing(watched(source_of(stream), LiveSettings(), make=make)) as told:
        for frame in told:
            if frame is not None:
                frames.append(frame)
            if len(frames) == 20:
                break
    assert frames[0].image.shape == (180, 320, 3)
    assert frames[-1].image.std() > 10
    steps = np.diff([frame.time_s for frame in frames])
    assert (steps > 0).all()
    assert [p.person_id for p in frames[-1].people] == [1, 2]


def test_sources_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(source_of("udp://127.0.0.1:5000"), StreamSource)
    secret = source_of("rtsp://me:secret@10.0.0.1/x")
    assert secret.name == "rtsp://10.0.0.1/x"
    for address in ("http://example.org/x", "file:///etc/passwd", "concat://a|b"):
        with pytest.raises(VideoError, match="rtsp://"):
            source_of(address)
    with pytest.raises(VideoError, match="no such file"):
        source_of(str(tmp_path / "nothing.mp4"))
    there = [("/dev/video0", "Built-in"), ("/dev/video2", "Desk camera")]
    monkeypatch.setattr(sources_module, "cameras", lambda: there)
    with pytest.raises(VideoError, match=r"no camera '77'. There are: Built-in \(/dev/video0\)"):
        source_of("77")
    assert source_of("desk").name == "Desk camera"
    monkeypatch.setattr(sources_module, "cameras", list)
    with pytest.raises(VideoError, match="connect one"):
        source_of("desk")


def test_a_stream_that_nobody_sends_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources_module, "OPEN_S", 0.3)
    source = StreamSource("udp://127.0.0.1:9", timeout="300000")
    with pytest.raises(VideoError, match="Check the address"):
        list(source.shots(threading.Event()))


def some_frames(make: Make, count: int = 8) -> list[LiveFrame]:
    with make(LiveSettings()) as poses:
        return [poses.push(picture(), t / 30) for t in range(count)]


def test_datagrams_are_whole_json_and_small(make: Make) -> None:
    frame = some_frames(make)[-1]
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as reader:
        reader.bind(("127.0.0.1", 0))
        reader.settimeout(5)
        output = UdpJson(Place("127.0.0.1", reader.getsockname()[1]))
        output.send(frame)
        parts = [reader.recv(65535) for _ in range(2)]
        output.close()
    assert max(map(len, parts)) <= LARGEST_DATAGRAM
    told = [json.loads(part) for part in parts]
    assert [(t["part"], t["parts"], t["frame"]) for t in told] == [(0, 2, 7), (1, 2, 7)]
    people = [person for t in told for person in t["people"]]
    assert [person["id"] for person in people] == [1, 2]
    np.testing.assert_allclose(people[0]["world"], frame.people[0].world, atol=6e-4)
    together = list(datagrams_of(frame, 10_000))
    assert json.loads(together[0])["people"] == people == table_of(frame)["people"]
    empty = some_frames(make, 1)[0]
    assert [json.loads(part)["people"] for part in datagrams_of(empty, 1400)] == [[]]
    assert len(line_of(table_of(frame))) < 4000


@pytest.mark.parametrize("text", ["9000", "here:", ":9000", "a:70000", "a:b", "127.0.0.1:0"])
def test_places_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="no place"):
        Place.of(text)
    assert str(Place.of("[::1]:9000")) == "[::1]:9000"


def test_datagrams_that_nobody_takes_stop_nothing(make: Make) -> None:
    output = UdpJson(Place("127.0.0.1", 9))
    for frame in some_frames(make, 4):
        output.send(frame)
    output.close()
    with pytest.raises(OutputError, match="Check the name"):
        UdpJson(Place("no such host", 9))


def test_a_recording_goes_on_as_a_clip(make: Make, tmp_path: Path) -> None:
    """Uneven times, two sizes: the video has the frames' own times, and results beside it."""
    recording = Recording(tmp_path / "out")
    times = np.cumsum([0.5, *[0.033, 0.1, 0.033] * 6])
    with make(LiveSettings()) as poses:
        for t, time_s in enumerate(times):
            size = (640, 360) if t < 12 else (320, 180)
            image = np.full((size[1], size[0], 3), 12 * t, np.uint8)
            recording.send(poses.push(image, float(time_s)))
    recording.close()
    video, folder = tmp_path / "out" / "live.mp4", tmp_path / "out" / "live"
    read = list(VideoReader(video))
    np.testing.assert_allclose([frame.time_s for frame in read], times - 0.5, atol=1e-3)
    assert [round(frame.image.mean() / 12) for frame in read] == list(range(19))
    detections, tracks = (
        load_detections(folder / "detections.npz"),
        load_tracks(folder / "keypoints2d.npz"),
    )
    assert [len(frame) for frame in detections.frames][2:12] == [2] * 10
    assert len(tracks.people) >= 2
    assert load_poses(folder / "poses3d.npz").world.shape[1] == 19
    # Pixels are the video's, also where the picture came smaller.
    assert max(frame.keypoints.max() for frame in detections.frames if len(frame)) < 1300
    page = page_folder(folder)
    assert "live.mp4" in page.read_text()
    with pytest.raises(OutputError, match="is there already"):
        Recording(tmp_path / "out")


def test_nobody_in_a_recording_is_followed_across_a_pause(make: Make, tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    with make(LiveSettings()) as poses:
        for t in range(16):
            recording.send(poses.push(picture(), t / 10 + 5 * (t >= 8)))
    recording.close()
    tracks = load_tracks(tmp_path / "live" / "keypoints2d.npz")
    assert (
        sorted((p.span.start, p.span.stop) for p in tracks.people) == [(2, 8)] * 2 + [(10, 16)] * 2
    )


def test_a_recording_that_cannot_be_written_is_told_before(tmp_path: Path) -> None:
    (tmp_path / "live.mp4").write_bytes(b"somebody's")
    with pytest.raises(OutputError, match="not replaced"):
        Recording(tmp_path)
    assert (tmp_path / "live.mp4").read_bytes() == b"somebody's"
    nothing = Recording(tmp_path / "new")
    nothing.close()
    assert nothing.note == "nothing was recorded"
    assert not (tmp_path / "new" / "live.mp4").exists()


def test_outputs_are_closed_when_the_source_breaks_off(make: Make) -> None:
    class Kept:
        frames = closed = 0

        def send(self, frame: LiveFrame) -> None:
            self.frames += 1

        def close(self) -> None:
            self.closed += 1

    kept = [Kept(), Kept()]
    source = Fake([0.01] * 4, error=VideoError("fake: breaks off"))
    with pytest.raises(VideoError, match="breaks off"):
        watch_into(watched(source, LiveSettings(), make=make), kept)
    assert [(k.frames > 0, k.closed) for k in kept] == [(True, 1), (True, 1)]
    source = Fake([0.01] * 40)
    summary = watch_into(watched(source, LiveSettings(), make=make), kept, lambda: True)
    assert summary.frames == 1 and kept[0].closed == 2


def test_the_call_and_the_command(
    walk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the real networks; how many frames it comes to depends on the machine."""
    frames = list(live(walk, duration_s=1.0))
    assert frames and frames[0].image.shape == (720, 1280, 3)
    arguments = ["live", str(walk), "--as-live", "--json", "--duration", "1.5", "--smooth", "light"]
    arguments += ["--udp", "127.0.0.1:9", "--vmc", "127.0.0.1:9", "--serve"]
    assert main([*arguments, "--record", str(tmp_path / "out")]) == 0
    told = capsys.readouterr()
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert [line["frame"] for line in lines] == list(range(len(lines)))
    assert f"walk.mp4: {len(lines)} frame" in told.err
    assert "open http://127.0.0.1:" in told.err
    with av.open(str(tmp_path / "out" / "live.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == len(lines)


def test_the_command_tells_what_is_wrong(walk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["live", str(walk)]) == 1
    assert "--as-live" in capsys.readouterr().err
    assert main(["live", "412"]) == 1
    assert "no camera '412'" in capsys.readouterr().err
    assert main(["live", str(walk), "--as-live", "--lifter", "body27v5"]) == 1
    assert "causal" in capsys.readouterr().err
    for wrong in (
        ["--udp", "nowhere"],
        ["--serve", "a:b"],
        ["--duration", "0"],
        ["--smooth", "much"],
    ):
        with pytest.raises(SystemExit) as ended:
            main(["live", str(walk), "--as-live", *wrong])
        assert ended.value.code == 2
        assert len(capsys.readouterr().err.splitlines()[-1]) < 200


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of POSIX")
@pytest.mark.parametrize("how", ["q", "interrupt"])
def test_q_and_interrupts_end_it_cleanly(how: str, stream: str, tmp_path: Path) -> None:
    """A stream without an end, at a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "poselift", "live", stream, "--json", "--detector", "movenet"]
    with (tmp_path / "lines").open("w+") as lines, (tmp_path / "said").open("w+") as said:
        process = subprocess.Popen(
            [*command, "--record", str(tmp_path / "out")],
            stdin=theirs, stdout=lines, stderr=said, cwd=ROOT, start_new_session=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        limit = time.monotonic() + 60
        while (tmp_path / "lines").stat().st_size < 2000 and time.monotonic() < limit:
            time.sleep(0.1)
        if how == "q":
            os.write(ours, b"xq")
        else:
            process.send_signal(signal.SIGINT)
        status = process.wait(30)
        text = (tmp_path / "said").read_text()
    os.close(ours)
    os.close(theirs)
    assert status == (0 if how == "q" else 130), text
    assert "Traceback" not in text
    assert " frames" in text.splitlines()[-1]  # what was recorded
    with av.open(str(tmp_path / "out" / "live.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) > 0


def test_a_terminal_is_told_what_happens(make: Make) -> None:
    told = io.StringIO()
    line = StatusLine(told)
    with make(LiveSettings()) as poses:
        for t in range(40):
            line.send(poses.push(picture(), t / 10))
    line.close()
    lines = told.getvalue().split("\r")[1:]
    assert len(lines) == 4 and lines[0].startswith("0 people, 0 frames/s")
    assert lines[-1].startswith("2 people, 10 frames/s") and lines[-1].endswith("\n")
