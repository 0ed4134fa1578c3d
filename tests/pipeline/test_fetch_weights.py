"""Published files: fetched from a server of this machine, broken off, resumed, refused."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import re
import socket
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from poselift.data.datasets import published_files as messages
from poselift.data.errors import DownloadError, FormatError, OutputError, UnknownName
from poselift.data.progress import Silent
from poselift.models.reference_checkpoints import read_checkpoint
from poselift.models.registry import published, published_files
from poselift.pipeline.command_line import main
from poselift.pipeline.weights import download, fetch_weights
from poselift.pipeline.weights.fetch_weights import RECORD, fetch, record_of

NAME = "data_2d_h36m_cpn_ft_h36m_dbb.npz"


def archive(seed: int = 0) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr("positions_2d.npy", np.random.default_rng(seed).bytes(300_000))
    return stream.getvalue()


@dataclass
class Site:
    """What the server has, and how it behaves."""

    files: dict[str, bytes] = field(default_factory=lambda: {NAME: archive()})
    tag: str | None = '"first"'
    ranges: bool = True
    cut_at: list[int] = field(default_factory=list)  # one answer each breaks off there
    claims: int | None = None  # Content-Length, if not the true one
    asked: list[str | None] = field(default_factory=list)  # the Range of each request
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    """GET with one open range, If-Range and ETag."""

    def __init__(self, site: Site, *rest: object) -> None:
        self.site = site
        super().__init__(*rest)  # type: ignore[arg-type]

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        site, wanted = self.site, self.headers.get("Range")
        site.asked.append(wanted)
        body = site.files.get(self.path.removeprefix("/"))
        if body is None:
            self.send_error(404)
            return
        begin, end = 0, len(body)
        same = self.headers.get("If-Range") in (None, site.tag)
        if wanted and site.ranges and same:
            begin = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])  # type: ignore[index]
            if begin >= end:
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{end}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(site.claims or end - begin))
        if site.tag:
            self.send_header("ETag", site.tag)
        self.end_headers()
        stop = site.cut_at.pop(0) if site.cut_at else end
        self.wfile.write(body[begin:stop])


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    made = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, made))
    made.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    monkeypatch.setattr(fetch_weights, "SITE", made.url)
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_comes_whole_and_its_checksum_is_kept(site: Site, tmp_path: Path) -> None:
    path, new = fetch(NAME, tmp_path / "made", Silent(), site.url)
    assert new and path.read_bytes() == site.files[NAME]
    note = record_of(path.parent)[NAME]
    assert note["sha256"] == hashlib.sha256(site.files[NAME]).hexdigest()
    assert (note["bytes"], note["url"]) == (len(site.files[NAME]), site.url + NAME)
    assert left_in(path.parent) == {NAME, RECORD}
    assert fetch(NAME, path.parent, Silent(), site.url) == (path, False)
    assert site.asked == [None]


def test_a_broken_download_goes_on_by_itself(site: Site, tmp_path: Path) -> None:
    site.cut_at = [100_000, 200_000]
    path, _ = fetch(NAME, tmp_path, Silent(), site.url)
    assert path.read_bytes() == site.files[NAME]
    assert site.asked == [None, "bytes=100000-", "bytes=200000-"]
    assert left_in(tmp_path) == {NAME, RECORD}


def test_a_part_is_kept_and_the_next_command_goes_on(site: Site, tmp_path: Path) -> None:
    site.cut_at = [1000, 2000, 3000]
    with pytest.raises(DownloadError, match=r"did not come whole \(3000 of \d+ bytes\).*go on"):
        fetch(NAME, tmp_path, Silent(), site.url)
    assert left_in(tmp_path) == {NAME + ".part", NAME + ".part.json"}
    path, _ = fetch(NAME, tmp_path, Silent(), site.url)
    assert site.asked[-1] == "bytes=3000-" and path.read_bytes() == site.files[NAME]


@pytest.mark.parametrize("tag", ['"second"', None])
def test_a_part_of_a_changed_file_is_not_gone_on_from(
    site: Site, tag: str | None, tmp_path: Path
) -> None:
    site.cut_at = [1000, 2000, 3000]
    with pytest.raises(DownloadError):
        fetch(NAME, tmp_path, Silent(), site.url)
    site.files[NAME], site.tag = archive(seed=1), tag
    path, _ = fetch(NAME, tmp_path, Silent(), site.url)
    assert path.read_bytes() == archive(seed=1)


def test_a_server_without_ranges_or_tags_sends_all_again(site: Site, tmp_path: Path) -> None:
    for number, (ranges, tag) in enumerate(((False, '"first"'), (True, None), (True, 'W/"x"'))):
        site.ranges, site.tag, site.cut_at = ranges, tag, [1000]
        path, _ = fetch(NAME, tmp_path / str(number), Silent(), site.url)
        assert path.read_bytes() == site.files[NAME]
    assert site.asked[2:] == [None] * 4


def test_a_finished_part_needs_no_server(site: Site, tmp_path: Path) -> None:
    whole = site.files[NAME]
    (tmp_path / f"{NAME}.part").write_bytes(whole)
    noted = {"tag": '"first"', "num_bytes": len(whole)}
    (tmp_path / f"{NAME}.part.json").write_text(json.dumps(noted))
    assert fetch(NAME, tmp_path, Silent(), site.url)[0].read_bytes() == whole
    assert not site.asked
    (tmp_path / NAME).unlink()
    (tmp_path / f"{NAME}.part").write_bytes(whole + b"more")
    (tmp_path / f"{NAME}.part.json").write_text(json.dumps(noted))
    assert fetch(NAME, tmp_path, Silent(), site.url)[0].read_bytes() == whole


def test_a_wrong_length_is_not_accepted(site: Site, tmp_path: Path) -> None:
    site.claims = len(site.files[NAME]) + 10
    with pytest.raises(DownloadError, match="did not come whole"):
        fetch(NAME, tmp_path, Silent(), site.url)
    site.claims = download.MAX_BYTES + 1
    with pytest.raises(DownloadError, match="which cannot be right"):
        fetch(NAME, tmp_path / "b", Silent(), site.url)
    # Too short: what came is no whole archive.
    site.claims = len(site.files[NAME]) - 10
    with pytest.raises(FormatError, match="is no such file"):
        fetch(NAME, tmp_path / "c", Silent(), site.url)
    assert not list(tmp_path.rglob(NAME)) and not left_in(tmp_path / "c")


def test_another_file_under_the_name_is_refused(site: Site, tmp_path: Path) -> None:
    path, _ = fetch(NAME, tmp_path, Silent(), site.url)
    path.write_bytes(b"altered")
    with pytest.raises(FormatError, match=r"was altered .*Delete it and run: poselift weights"):
        fetch(NAME, tmp_path, Silent(), site.url)
    path.unlink()
    site.files[NAME] = archive(seed=2)
    with pytest.raises(FormatError, match=r"is not what it was \(sha256"):
        fetch(NAME, tmp_path, Silent(), site.url)
    site.files[NAME] = b"<html>Sign in first</html>"
    with pytest.raises(FormatError, match="is no such file"):
        fetch(NAME, tmp_path, Silent(), site.url)
    assert left_in(tmp_path) == {RECORD}


def test_two_at_once_do_not_mix(site: Site, tmp_path: Path) -> None:
    with (
        download.FileLock(tmp_path / f"{NAME}.lock"),
        pytest.raises(OutputError, match="another process"),
    ):
        fetch(NAME, tmp_path, Silent(), site.url)


def test_the_command_says_licence_place_and_failure(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = "pretrained_h36m_cpn.bin"
    assert main(["weights", "fetch", other, NAME, "--to", str(tmp_path)]) == 1
    out, error = capsys.readouterr()
    assert out.index("CC BY-NC 4.0") < out.index("fetched; sha256") and str(tmp_path / NAME) in out
    assert error.count("\n") == 1 and "404" in error
    assert f"get {site.url}{other} and put it at {tmp_path / other}" in error
    assert main(["weights", "fetch", NAME, "--to", str(tmp_path)]) == 0
    assert "is there already, unaltered" in capsys.readouterr().out
    assert main(["weights", "fetch", "alphapose.bin"]) == 1
    assert "unknown published file" in capsys.readouterr().err


def test_offline_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(fetch_weights, "SITE", address)
        assert main(["weights", "fetch", NAME, "--to", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "cannot be reached" in error and "Traceback" not in error
    assert f"get {address}{NAME} and put it at {tmp_path / NAME}" in error


def test_a_silent_server_and_a_wrong_place_are_told(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/a"
        with pytest.raises(DownloadError, match=r"cannot be reached \(.*timed out"):
            download.download(address, tmp_path / "a", Silent(), timeout_s=0.1)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        fetch(NAME, tmp_path / "file", Silent(), site.url)
    assert left_in(tmp_path) == {"file"}


def test_verify_tells_of_fetched_files(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(fetch_weights, "home_of", lambda name: tmp_path)
    path, _ = fetch(NAME, tmp_path, Silent(), site.url)
    by_hand = "data_2d_h36m_detectron_pt_coco.npz"
    (tmp_path / by_hand).write_bytes(archive())
    assert fetch_weights.verify_fetched() == 0
    out = capsys.readouterr().out
    assert f"{NAME}: ok (" in out and f"{by_hand}: checksum not known" in out
    path.write_bytes(archive(seed=3))
    assert fetch_weights.verify_fetched() == 1
    assert "was altered" in capsys.readouterr().err


def test_https_is_not_left() -> None:
    handler = download._SafeRedirects()
    request = download.urllib.request.Request("https://example.org/a")
    with pytest.raises(DownloadError, match="not https"):
        handler.redirect_request(request, io.BytesIO(), 302, "", None, "http://example.org/a")  # type: ignore[arg-type]


def test_the_list_is_one_list() -> None:
    assert set(published_files()) == messages.PUBLISHED
    for name, about in published_files().items():
        assert about["title"] and about["licence"] in fetch_weights.LICENCES
        assert name.endswith(".bin" if about["role"] == "lifter" else ".npz")
        assert f"poselift weights fetch {name}" in messages.where_from(Path(name))
    assert all("layout_in" in about for about in published().values())
    with pytest.raises(UnknownName):
        fetch_weights.home_of("alphapose.bin")


def test_an_old_checkpoint_passes_the_door(site: Site, tmp_path: Path) -> None:
    """The published ones are pickles, not zips; text is neither."""
    name, stream = "pretrained_humaneva15_detectron.bin", io.BytesIO()
    torch.save({"epoch": 1}, stream, _use_new_zipfile_serialization=False)
    site.files[name] = stream.getvalue()
    path, _ = fetch(name, tmp_path / "here", Silent(), site.url)
    assert read_checkpoint(path) == {"epoch": 1}
