"""Published files: fetched from a server of this machine, cut off, kept to, refused."""

from __future__ import annotations

import functools
import hashlib
import io
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import requests
import torch
from conftest import ROOT

from poselift.data.errors import DownloadError, FormatError, OutputError
from poselift.data.progress import Silent
from poselift.models.reference_checkpoints import read_checkpoint
from poselift.models.registry import published_files
from poselift.pipeline.command_line import main
from poselift.pipeline.weights import download, fetch_weights, weight_files
from poselift.pipeline.weights.fetch_weights import LOCK, Fetched, fetch
from poselift.pipeline.weights.weight_files import RECORD, record_of, verify

NAME = "data_2d_h36m_cpn_ft_h36m_dbb.npz"


def archive(seed: int = 0, num_bytes: int = 300_000) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr("positions_2d.npy", np.random.default_rng(seed).bytes(num_bytes))
    return stream.getvalue()


@dataclass
class Site:
    """What the server has, and how it behaves."""

    files: dict[str, bytes] = field(default_factory=lambda: {NAME: archive()})
    claims: str | None = None  # Content-Length, if not the true one; empty: none
    packed: str | None = None  # Content-Encoding
    moved: dict[str, str] = field(default_factory=dict)
    stop_after: int | None = None  # it sends so many bytes and then nothing more
    stopped: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    """GET, with the faults of Site."""

    def __init__(self, site: Site, *rest: object) -> None:
        self.site = site
        super().__init__(*rest)  # type: ignore[arg-type]

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        site, name = self.site, self.path.removeprefix("/")
        site.asked.append(name)
        if name in site.moved:
            self.send_response(302)
            self.send_header("Location", site.moved[name])
            self.end_headers()
            return
        body = site.files.get(name)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        if site.claims != "":
            self.send_header("Content-Length", site.claims or str(len(body)))
        if site.packed:
            self.send_header("Content-Encoding", site.packed)
        self.end_headers()
        self.wfile.write(body[: site.stop_after])
        if site.stop_after is not None:
            site.stopped.wait(60)


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
    made.stopped.set()
    server.shutdown()
    thread.join()
    server.server_close()


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {LOCK}


def test_a_file_comes_whole_and_its_checksum_is_kept(site: Site, tmp_path: Path) -> None:
    path, sha256 = tmp_path / "made" / NAME, hashlib.sha256(site.files[NAME]).hexdigest()
    assert fetch(NAME, path.parent, Silent()) == Fetched(path, sha256, new=True)
    assert path.read_bytes() == site.files[NAME]
    note = record_of(path.parent)[NAME]
    assert note["sha256"] == sha256
    assert (note["bytes"], note["url"]) == (len(site.files[NAME]), site.url + NAME)
    assert left_in(path.parent) == {NAME, RECORD}
    assert path.stat().st_mode & 0o044, "others may read it, as any file"
    assert fetch(NAME, path.parent, Silent()) == Fetched(path, sha256, new=False)
    assert site.asked == [NAME]


def test_progress_counts_megabytes_once(site: Site, tmp_path: Path) -> None:
    site.files[NAME] = archive(num_bytes=3_300_000)
    told = Mock(spec=Silent)
    fetch(NAME, tmp_path, told)
    told.begin.assert_called_once_with(NAME, "download", 3)
    assert sum(call.args[0] for call in told.advance.call_args_list) == 3
    told.end.assert_called_once()


def test_what_breaks_off_leaves_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site.claims = str(len(site.files[NAME]) + 10)
    with pytest.raises(DownloadError, match=r"did not come whole .*By hand: get http"):
        fetch(NAME, tmp_path, Silent())
    site.claims, site.stop_after = None, 1000
    short = functools.partial(download.download, timeout_s=0.1)
    monkeypatch.setattr(fetch_weights, "download", short)
    with pytest.raises(DownloadError, match=r"did not come whole \(.*timed out"):
        fetch(NAME, tmp_path, Silent())
    assert left_in(tmp_path) == set()


def test_a_kill_leaves_nothing_under_the_name(site: Site, tmp_path: Path) -> None:
    site.files[NAME], site.stop_after = archive(num_bytes=1_000_000), 600_000
    code = (
        "import sys; from pathlib import Path; from poselift.pipeline.progress import Silent\n"
        "from poselift.pipeline.weights import fetch_weights\n"
        "fetch_weights.SITE = sys.argv[1]\n"
        "fetch_weights.fetch(sys.argv[2], Path(sys.argv[3]), Silent())"
    )
    command = [sys.executable, "-c", code, site.url, NAME, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        while not any(path.stat().st_size > 500_000 for path in tmp_path.iterdir()):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert NAME not in left_in(tmp_path) and RECORD not in left_in(tmp_path)
    site.stop_after = None
    assert fetch(NAME, tmp_path, Silent()).path.read_bytes() == site.files[NAME]


@pytest.mark.parametrize(
    ("claims", "packed", "told"),
    [
        ("", None, "does not say how long"),
        (None, "gzip", "does not say how long"),
        ("0", None, "which cannot be right"),
        (str(download.MAX_BYTES + 1), None, "which cannot be right"),
    ],
)
def test_the_length_is_told_and_bounded(
    site: Site, tmp_path: Path, claims: str | None, packed: str | None, told: str
) -> None:
    site.claims, site.packed = claims, packed
    with pytest.raises(DownloadError, match=told):
        fetch(NAME, tmp_path, Silent())
    assert left_in(tmp_path) == set()


def test_another_file_under_the_name_is_refused(site: Site, tmp_path: Path) -> None:
    path = fetch(NAME, tmp_path, Silent()).path
    path.write_bytes(b"altered")
    with pytest.raises(FormatError, match=r"was altered .*Delete it and run: poselift weights"):
        fetch(NAME, tmp_path, Silent())
    path.unlink()
    site.files[NAME] = archive(seed=2)
    with pytest.raises(FormatError, match=r"is not what it was \(sha256"):
        fetch(NAME, tmp_path, Silent())
    for sent in (b"<html>Sign in first</html>", archive()[:-10]):
        site.files[NAME] = sent
        with pytest.raises(FormatError, match="is no such file"):
            fetch(NAME, tmp_path, Silent())
    assert left_in(tmp_path) == {RECORD}


def test_a_published_checksum_counts_from_the_first_time(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    entry = {**published_files()[NAME], "sha256": hashlib.sha256(archive(seed=5)).hexdigest()}
    monkeypatch.setattr(weight_files, "published_files", lambda: {NAME: entry})
    with pytest.raises(FormatError, match="is not what it was"):
        fetch(NAME, tmp_path, Silent())
    assert left_in(tmp_path) == set()
    site.files[NAME] = archive(seed=5)
    assert fetch(NAME, tmp_path, Silent()).sha256 == entry["sha256"]


def test_fetches_at_once_do_not_spoil_each_other(site: Site, tmp_path: Path) -> None:
    names = [name for name in published_files() if name.endswith(".npz")]
    site.files = {name: archive(seed) for seed, name in enumerate(names)}
    with ThreadPoolExecutor(8) as pool:
        both = [*pool.map(lambda name: fetch(name, tmp_path, Silent()), [*names, *names])]
    assert left_in(tmp_path) == {*names, RECORD} and set(record_of(tmp_path)) == {*names}
    assert all(verify(file.path) == file.sha256 for file in both)


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


def test_a_silent_server_and_a_wrong_place_are_told(site: Site, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/a"
        with pytest.raises(DownloadError, match=r"cannot be reached \(.*timed out"):
            download.download(address, tmp_path / "a", "a", Silent(), timeout_s=0.1)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        fetch(NAME, tmp_path / "file", Silent())


def test_a_redirect_is_followed_but_not_out_of_https(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site.moved["old.npz"] = f"/{NAME}"
    download.download(f"{site.url}old.npz", tmp_path / "a", "a", Silent())
    assert (tmp_path / "a").read_bytes() == site.files[NAME]
    site.asked.clear()

    def answer(_: object, request: requests.PreparedRequest, **__: object) -> requests.Response:
        """What a server with https would say: go to ours, which has none."""
        made = requests.Response()
        made.status_code, made.url, made.request = 302, str(request.url), request
        made.headers["Location"], made.raw = f"{site.url}{NAME}", io.BytesIO()
        return made

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", answer)
    with pytest.raises(DownloadError, match=r"leads to http://127\S+, which is not https"):
        download.download("https://example.org/a", tmp_path / "b", "b", Silent())
    assert not site.asked


def test_an_old_checkpoint_passes_the_door(site: Site, tmp_path: Path) -> None:
    """The published ones are pickles, not zips; text is neither."""
    name, stream = "pretrained_humaneva15_detectron.bin", io.BytesIO()
    torch.save({"epoch": 1}, stream, _use_new_zipfile_serialization=False)
    site.files[name] = stream.getvalue()
    assert read_checkpoint(fetch(name, tmp_path, Silent()).path) == {"epoch": 1}
