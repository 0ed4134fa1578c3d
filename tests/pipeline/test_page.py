"""The page as a file: what is in it, what it may do, and when it is made."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, MakeVideo
from scipy.spatial.transform import Rotation
from standing_people import PAIR, clip

from poselift.data.archives.stage_results import save_poses, save_tracks
from poselift.data.errors import FormatError, OutputError, UnknownName, VideoError
from poselift.data.scene import CameraPath
from poselift.data.structures import Poses3D, Tracks
from poselift.inference.poses.world import world_with
from poselift.pipeline.clip.pages import page_folder
from poselift.pipeline.clip.settings import RunSettings
from poselift.pipeline.command_line import main
from poselift.pipeline.folders.folder_record import FolderRecord, Origin
from poselift.pipeline.folders.sources import absolute, content_sha256
from poselift.pipeline.viewer.page import SCRIPTS, is_page, page_of
from poselift.pipeline.viewer.page_camera import camera_of
from poselift.pipeline.viewer.page_data import CONFIDENCE_STEPS, FILLED, page_data
from poselift.pipeline.viewer.page_frame import framed
from poselift.pipeline.viewer.page_video import PageVideo, link_to, page_video

ROOM = ROOT / "pipeline" / "viewer"
NOTHING = PageVideo(missing="none")
HOSTILE = "<img src=x onerror=hit()></script><!--{{script}}{{table}}&\"'\u2028\u2029.mp4"


def between(page: str, begin: str, end: str) -> list[str]:
    return re.findall(re.escape(begin) + "(.*?)" + re.escape(end), page, re.S)


def table_of(page: str) -> dict:
    (text,) = between(page, '<script type="application/json" id="table">', "</script>")
    return json.loads(text)


def moving() -> tuple[Tracks, Poses3D]:
    """Two people who move, one of them for a part of the clip and not always seen."""
    tracks, poses = clip(PAIR)
    random = np.random.default_rng(0)
    first, second = tracks.people
    xy = second.xy + random.normal(0, 3, second.xy.shape)
    xy[:3] = np.nan
    seen = np.arange(12) >= 3
    seen[6:8] = False
    filled = np.zeros((12, 17), bool)
    filled[6:8] = True
    confidence = random.uniform(0, 1, (12, 17))
    second = replace(second, xy=xy, seen=seen, interpolated=filled, confidence=confidence)
    world = poses.world + random.normal(0, 0.05, poses.world.shape)
    world[1, :3] = np.nan
    poses = replace(poses, world=world, pose=world - world[:, :, :1])
    poses = replace(poses, valid=np.isfinite(world).all((2, 3)))
    return replace(tracks, people=(first, second)), poses


def test_numbers_come_out_as_they_went_in() -> None:
    """Read as page_data.js does: to a tenth of a pixel and half a millimetre."""
    tracks, poses = moving()
    table, text = page_data(tracks, poses)
    content = zlib.decompress(base64.b64decode(text))
    times, content = np.frombuffer(content[:96], "<f8"), content[96:]
    np.testing.assert_array_equal(times, tracks.timeline.times_s)

    def taken(rows: int, columns: int, changes: int) -> np.ndarray:
        nonlocal content
        size = rows * columns
        low, high = np.frombuffer(content[: 2 * size], np.uint8).reshape(2, columns, rows)
        values = (low + (high.astype(np.uint16) << 8)).view(np.int16)
        for _ in range(changes):
            values = np.cumsum(values, axis=1, dtype=np.int16)
        content = content[2 * size :]
        return values.T.astype(float)

    for i, (person, told) in enumerate(zip(tracks.people, table["people"], strict=True)):
        span, rows = person.span, told["count"]
        assert (told["id"], told["first"]) == (person.person_id, span.start)
        xy = taken(rows, 34, 1).reshape(rows, 17, 2) * table["pixel"]
        world = taken(rows, 51, 2).reshape(rows, 17, 3) * table["metre"]
        assert np.abs(xy - person.xy[span]).max() <= 0.1001
        assert np.abs(world - poses.world[i, span]).max() <= 0.000501
        marks = np.frombuffer(content[: 17 * rows], np.uint8).reshape(17, rows).T
        seen = np.frombuffer(content[17 * rows : 18 * rows], np.uint8)
        content = content[18 * rows :]
        np.testing.assert_array_equal(marks >= FILLED, person.interpolated[span])
        sure = marks % FILLED / CONFIDENCE_STEPS
        assert np.abs(sure - person.confidence[span]).max() <= 0.5001 / CONFIDENCE_STEPS
        np.testing.assert_array_equal(seen, person.seen[span])
    assert content == b""


def test_people_far_apart_are_told_more_coarsely() -> None:
    tracks, poses = moving()
    far = replace(poses, world=poses.world * 1000)
    table, _ = page_data(tracks, far)
    assert np.nanmax(np.abs(far.world)) / table["metre"] == pytest.approx(32767)


def test_what_does_not_belong_together_is_told() -> None:
    tracks, poses = moving()
    others = replace(poses, person_id=np.array([1, 3]))
    for keypoints, lifted in ((tracks, others), (tracks.at(slice(0, 9)), poses)):
        with pytest.raises(FormatError, match="Lift these keypoints again"):
            page_data(keypoints, lifted)


def test_people_are_as_they_were_filmed() -> None:
    """Each seen from the camera that they tell of, whatever became of them on the floor."""
    random = np.random.default_rng(3)
    pose = random.normal(0, 0.4, (2, 12, 17, 3))
    pose[:, :, 0] = 0
    trajectory = random.normal(0, 0.5, (2, 12, 3)) + np.array([0, 0, 5])
    trajectory[1, :, 2] += 4
    moved = np.array([[1.0, -4.0, 1.3], [1.0, -4.0, 2.6]])  # the second is on a wall
    filmed = pose + trajectory[:, :, None]
    worlds = [world_with(np.array([0.1, -0.95, z])) for z in (-0.25, 0.1)]  # after a cut
    world = np.stack([w.rotate(filmed[i]) + moved[i] for i, w in enumerate(worlds)])
    tracks, poses = clip(PAIR)
    poses = replace(poses, pose=pose, trajectory=trajectory, world=world, focal_px=900.0)
    camera = camera_of(poses)
    assert camera is not None and camera.prominent == [0, 1]
    np.testing.assert_allclose(camera.places, moved, atol=1e-6)
    for i in range(2):
        seen = (world[i] - camera.places[i]) @ camera.axes[i].T
        np.testing.assert_allclose(seen, filmed[i], atol=1e-6)
    assert camera_of(replace(poses, trajectory=None)) is None
    assert camera_of(replace(poses, focal_px=float("nan"))) is None
    # One that turns: its path is the last of the numbers.
    turns = Rotation.random(12, random_state=1).as_matrix()
    path = CameraPath("turns", turns, np.linspace(1, 2, 12), np.ones(12), cuts=(6,))
    table, text = page_data(tracks, replace(poses, camera=path))
    assert table["camera"]["moves"] and table["camera"]["cuts"]
    numbers = np.frombuffer(zlib.decompress(base64.b64decode(text))[-480:], "<f4").reshape(12, 10)
    np.testing.assert_allclose(numbers[:, :9], turns.reshape(12, 9), atol=1e-6)
    np.testing.assert_allclose(numbers[:, 9], path.zoom, atol=1e-6)


def test_names_are_escaped_and_nothing_is_filled_in_twice() -> None:
    page = page_of(HOSTILE, *moving(), NOTHING, ["person_1.bvh", "notes<b>.txt"])
    assert page.isascii() or "\u2028" not in page.replace(html.escape(HOSTILE), "")
    for tag, text in (("title", HOSTILE + " – Poselift"), ('h1 id="name"', HOSTILE)):
        (inside,) = between(page, f"<{tag}>", "</")
        assert html.unescape(inside) == text and "<" not in inside
    table = table_of(page)
    assert table["name"] == HOSTILE
    assert [file["link"] for file in table["files"]] == ["./person_1.bvh"]
    (text,) = between(page, 'id="table">', "</script>")
    assert not set(text) & set("<>&\u2028\u2029")
    assert page.count("<script") - text.count("<script") == 5


def test_only_the_pages_own_parts_may_run(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"film")
    film = PageVideo(file=tmp_path / "film.mp4", media_type="video/mp4")
    page = page_of("walk.mp4", *moving(), film)
    (policy,) = between(page, 'http-equiv="Content-Security-Policy" content="', '"')
    rules = dict(rule.strip().split(" ", 1) for rule in html.unescape(policy).split(";"))
    assert rules["default-src"] == "'none'" and rules["media-src"] == "blob:"
    assert "unsafe" not in policy and "http" not in policy
    parts = [*between(page, "<script>", "</script>"), *between(page, "<style>", "</style>")]
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()}'"
        for part in parts
    ]
    assert len(parts) == 3
    assert rules["script-src"].split() == hashes[:2] and rules["style-src"] == hashes[2]
    assert not re.findall(r"<[^>]*\s(?:on\w+|style)=", page.split("<script>")[0])
    assert "\r" not in page
    linked = page_of("walk.mp4", *moving(), PageVideo(link="./walk.mp4", media_type="video/mp4"))
    assert "media-src 'self' file:\"" in html.unescape(linked)
    assert "media-src 'none'\"" in html.unescape(page_of("walk.mp4", *moving(), NOTHING))


def test_how_a_video_gets_into_a_page(make_video: MakeVideo, tmp_path: Path) -> None:
    video = make_video("a clip.mp4", "-c:v", "libx264")
    film = page_video(video, tmp_path / "out", "embed", rotate=90)
    assert film.content == video.read_bytes() and film.link is None and film.rotate == 90
    film = page_video(video, tmp_path / "out", "link")
    assert film.content is None and film.link == "./../a%20clip.mp4"
    assert "without the video" in page_video(video, tmp_path, "none").missing
    avi = make_video("old.avi", "-c:v", "mpeg4")
    assert page_video(avi, tmp_path, "embed").missing == "Browsers do not play .avi files."
    with pytest.raises(VideoError, match="no such file"):
        page_video(tmp_path / "gone.mp4", tmp_path, "embed")


def test_a_large_video_is_linked(
    make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = make_video("walk.mp4", "-c:v", "libx264")
    monkeypatch.setattr("poselift.pipeline.viewer.page_video.LARGEST_EMBEDDED", 1000)
    film = page_video(video, tmp_path, "embed")
    assert film.content is None and film.link == "./walk.mp4"


def test_a_link_names_no_protocol(tmp_path: Path) -> None:
    assert link_to(tmp_path / "javascript:alert(1).mp4", tmp_path).startswith("./javascript%3A")
    assert link_to(tmp_path / "a b#c?d%e.mp4", tmp_path) == "./a%20b%23c%3Fd%25e.mp4"
    assert link_to(tmp_path / "caf\udce9.mp4", tmp_path) == "./caf%E9.mp4"


def test_a_name_that_is_no_unicode() -> None:
    page = page_of("caf\udce9.mp4", *moving(), PageVideo(missing="caf\udce9.mp4 is gone"))
    assert "<title>caf?.mp4" in page
    assert page.encode("utf-8")


def test_every_export_is_offered() -> None:
    names = ["person_1.c3d", "person_2_angles.mot", "person_1_path.png", "people.usda"]
    names += ["contacts.csv", "joints.parquet", "index.html", "notes.txt", ".poselift.json"]
    offered = table_of(page_of("walk.mp4", *moving(), NOTHING, names))["files"]
    assert sorted(file["name"] for file in offered) == sorted(names[:6])


@pytest.fixture
def results(tmp_path: Path, make_video: MakeVideo) -> Path:
    """A folder of results whose record names the video that they are of."""
    video = make_video("walk.mp4", "-c:v", "libx264", size="128x72")
    folder = tmp_path / "out" / "walk"
    folder.mkdir(parents=True)
    tracks, poses = moving()
    save_tracks(folder / "keypoints2d.npz", tracks)
    save_poses(folder / "poses3d.npz", poses)
    record = FolderRecord(folder)
    record.claim(Origin(absolute(video), content_sha256(video)))
    part = folder / "part"
    part.write_text("detections")
    record.put(part, "detections.npz", "detect", "")
    return folder


def test_a_page_of_results_that_are_there(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["page", str(results)]) == 0
    assert capsys.readouterr().out.strip() == str(results / "page.html")
    page = (results / "page.html").read_text(encoding="utf-8")
    assert is_page(results / "page.html")
    table = table_of(page)
    assert table["name"] == "walk.mp4" and table["video"]["missing"] == ""
    assert [file["name"] for file in table["files"]] == ["detections.npz", "summary.json"]
    (film,) = between(page, 'id="film-data">', "</script>")
    assert base64.b64decode(film) == (results.parent.parent / "walk.mp4").read_bytes()
    assert main(["page", str(results), "--page-video", "link"]) == 0
    table = table_of((results / "page.html").read_text(encoding="utf-8"))
    assert table["video"]["link"] == "./../../walk.mp4"


def test_the_turn_is_what_the_summary_says(results: Path) -> None:
    for told, wanted in (('{"rotate": 270}', 270), ('{"rotate": "<b>"}', 0), ("[", 0), ("[]", 0)):
        (results / "summary.json").write_text(told)
        page = page_folder(results).read_text(encoding="utf-8")
        assert table_of(page)["video"]["rotate"] == wanted


def test_another_video_is_not_shown(results: Path, make_video: MakeVideo) -> None:
    video = results.parent.parent / "walk.mp4"
    moved = Path(shutil.copy(video, video.with_name("moved.mp4")))
    video.write_bytes(b"another")
    page = page_folder(results).read_text(encoding="utf-8")
    assert "is not the video any more" in table_of(page)["video"]["missing"]
    video.unlink()
    page = page_folder(results).read_text(encoding="utf-8")
    assert table_of(page)["video"]["missing"] == "walk.mp4 is not where it was."
    assert table_of(page_folder(results, moved).read_text("utf-8"))["video"]["missing"] == ""
    other = make_video("other.mp4", "-c:v", "libx264", size="128x72", seconds=0.5)
    with pytest.raises(VideoError, match="is not the video that these results are of"):
        page_folder(results, other)
    with pytest.raises(VideoError, match="--rotate"):
        page_folder(results, moved, rotate=90)


def test_somebody_elses_page_is_kept(results: Path) -> None:
    mine = results / "page.html"
    mine.write_text("mine")
    with pytest.raises(OutputError, match=r"page\.html: is not ours"):
        page_folder(results)
    assert mine.read_text() == "mine"


def test_results_that_cannot_be_read(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, poses = moving()
    save_poses(results / "poses3d.npz", replace(poses, person_id=np.array([1, 9])))
    assert main(["page", str(results)]) == 1
    (results / "keypoints2d.npz").unlink()
    assert main(["page", str(results)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert "poses3d.npz: the poses are of other people" in lines[0]
    assert "keypoints2d.npz: no such file" in lines[1] and len(lines) == 2


def test_a_way_that_is_not_known() -> None:
    with pytest.raises(UnknownName, match="embed, link, none"):
        RunSettings(page_video="stream")  # type: ignore[arg-type]


def test_a_frame_holds_the_page_and_nothing_gets_out(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(page_of('"><script>', *moving(), NOTHING), encoding="utf-8")
    frame = framed(page)
    (inside,) = between(frame, 'srcdoc="', '" sandbox="allow-scripts"')
    assert html.unescape(inside) == page.read_text(encoding="utf-8")
    assert '"' not in inside and "<" not in inside


def test_every_script_is_one() -> None:
    """Of the page's own sources each stands alone, and the page has all of them."""
    assert {path.name for path in ROOM.glob("page_*.js")} == set(SCRIPTS)
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    for name in SCRIPTS:
        text = (ROOM / name).read_text(encoding="utf-8")
        assert "</script" not in text and "<!--" not in text
    code = "for (const f of process.argv.slice(1)) new vm.Script(fs.readFileSync(f, 'utf8'), f)"
    command = [node, "-e", code, *(str(ROOM / name) for name in SCRIPTS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_licence_of_three_goes_with_it() -> None:
    assert "three.js authors" in (ROOM / "three.LICENSE.txt").read_text(encoding="utf-8")
    page = page_of("walk.mp4", *moving(), NOTHING)
    assert "Copyright © 2010-2026 three.js authors" in page
    assert "three.bundle.js" in (ROOT / "NOTICE").read_text()
