"""Files that lead elsewhere: to other files, out of a folder, to the network."""

from __future__ import annotations

import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from poselift.data.archives.custom_2d import custom_archive_path
from poselift.data.errors import FormatError, LayoutMismatch, VideoError
from poselift.data.files.safe_archive import load_object_npz
from poselift.data.files.source_files import source_files
from poselift.data.files.whole_file import file_sha256
from poselift.data.foreign.clip import ForeignClip, ForeignPerson
from poselift.data.foreign.layouts import layout_of
from poselift.inference.video.video_reader import VideoReader
from poselift.pipeline.folders.folder_record import RECORD, FolderRecord


@pytest.mark.parametrize("name", ["../film.mp4", "/etc/passwd", "sub/film.mp4", "..", ""])
def test_a_record_that_names_files_elsewhere(name: str, tmp_path: Path) -> None:
    """Nothing outside the folder is removed or taken for a result, whatever its checksum."""
    film, folder = tmp_path / "film.mp4", tmp_path / "out"
    (folder / "sub").mkdir(parents=True)
    film.write_bytes(b"film")
    (folder / "sub" / "film.mp4").write_bytes(b"film")
    entry = {"stage": "render", "key": "", "sha256": file_sha256(film), "before": ""}
    told = {"source": {"path": str(film), "sha256": ""}, "files": {name: entry}}
    (folder / RECORD).write_text(json.dumps(told))
    record = FolderRecord(folder)
    assert record.entry_of(name) is None
    record.remove(["render"])
    assert film.exists() and (folder / "sub" / "film.mp4").exists()


@pytest.mark.parametrize(
    "told",
    [
        "[]", "{}", "null", '{"source": 1, "files": {}}', "[" * 100_000, "\x00", "",
        '{"source": {"path": "a", "sha256": "s"}, "files": {"a": {"stage": 1}}}',
        '{"source": {"path": "a", "sha256": "s"}, "files": []}',
        '{"source": {"path": "a", "sha256": "s", "more": "x"}, "files": {}}',
    ],
)  # fmt: skip
def test_a_record_that_is_no_record(told: str, tmp_path: Path) -> None:
    """It says nothing, so that nothing there counts as ours."""
    (tmp_path / RECORD).write_text(told)
    record = FolderRecord(tmp_path)
    assert record.origin is None and record.files == {}


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_a_result_that_is_a_link(tmp_path: Path) -> None:
    film, folder = tmp_path / "film.mp4", tmp_path / "out"
    folder.mkdir()
    film.write_bytes(b"film")
    (folder / "overlay.mp4").symlink_to(film)
    entry = {"stage": "render", "key": "", "sha256": file_sha256(film), "before": ""}
    told = {"source": {"path": "a", "sha256": "s"}, "files": {"overlay.mp4": entry}}
    (folder / RECORD).write_text(json.dumps(told))
    record = FolderRecord(folder)
    record.remove(["render"])
    assert film.read_bytes() == b"film" and (folder / "overlay.mp4").is_symlink()


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_data_set_whose_members_lead_out(kind: str, tmp_path: Path) -> None:
    """Archives are read in place: a name is a name."""
    source = tmp_path / f"data.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(source, "w") as archive:
            archive.writestr("../../evil.cdf", "x")
    else:
        with tarfile.open(source, "w") as archive:
            info = tarfile.TarInfo("../../evil.cdf")
            info.size = 1
            archive.addfile(info, io.BytesIO(b"x"))
            link = tarfile.TarInfo("link.cdf")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(link)
    before = set(tmp_path.rglob("*"))
    found = [(str(file.path), file.read()) for file in source_files(source, r".*\.cdf")]
    assert found == [("../../evil.cdf", b"x")]
    assert set(tmp_path.rglob("*")) == before


def test_members_of_an_npz_that_lead_out(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **{"../../evil": np.zeros(3)})
    assert list(load_object_npz(tmp_path / "a.npz")) == ["../../evil"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize("name", ["../evil", "a/b", "", "C:evil", "a\nb"])
def test_a_data_set_whose_name_leads_out(name: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot be part of a file's name"):
        custom_archive_path(tmp_path, name)


def test_a_layout_that_is_a_path(tmp_path: Path) -> None:
    """A file's word for its layout is a name, never a file that is opened."""
    person = ForeignPerson(np.ones((17, 3)))
    clip = ForeignClip(Path("a"), "x", {0: [person]}, layout="../../etc/evil.toml")
    with pytest.raises(LayoutMismatch, match="which is none of"):
        layout_of(clip, None)


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{}'\n",
    "dash": "<MPD><Period><AdaptationSet><Representation><BaseURL>{}</BaseURL>"
    "</Representation></AdaptationSet></Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\ns={}\n",
}


@pytest.mark.parametrize("ending", ["mp4", "m3u8", "avi", "mkv"])
@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("target", ["https://127.0.0.1:9/x.ts", "/etc/passwd", "beside.mp4"])
def test_a_playlist_in_place_of_a_video(
    kind: str, ending: str, target: str, tmp_path: Path, assets: Path
) -> None:
    (tmp_path / "beside.mp4").write_bytes((assets / "two_people.mp4").read_bytes())
    (tmp_path / f"list.{ending}").write_text(PLAYLISTS[kind].format(target))
    with pytest.raises(VideoError, match=r"list\."):
        next(iter(VideoReader(tmp_path / f"list.{ending}")))


def test_a_video_whose_name_is_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("https://127.0.0.1:9/x.mp4", "tcp:127.0.0.1:9", "concat:a.mp4|b.mp4", "data:x"):
        with pytest.raises(VideoError, match="no such file"):
            VideoReader(Path(name))
