"""Published networks of detectors: the one file out of a zip, fetched from this machine."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_fetch_weights import Site, left_in, site  # noqa: F401

from poselift.data.errors import FormatError
from poselift.data.files.places import fetched_folder
from poselift.data.progress import Silent
from poselift.models.registry import detector_files, published_files
from poselift.pipeline.weights import weight_files
from poselift.pipeline.weights.fetch_weights import fetch
from poselift.pipeline.weights.weight_files import LICENCES, RECORD, home_of, record_of

NAME = "yolox_m_8xb8-300e_humanart-c2c7a14a.onnx"


def packed(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for name in names:
            made.writestr(name, f"network {name}" * 100)
    return stream.getvalue()


@pytest.fixture
def served(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:  # noqa: F811
    about: dict[str, Any] = {**detector_files()[NAME], "url": f"{site.url}yolox.zip"}
    monkeypatch.setattr(weight_files, "detector_files", lambda: {NAME: about})
    site.files["yolox.zip"] = packed("export/detail.json", "export/end2end.onnx")
    return site


def test_the_network_out_of_the_zip(served: Site, tmp_path: Path) -> None:
    file = fetch(NAME, tmp_path, Silent())
    path = file.path
    assert file.new and path.read_bytes() == b"network export/end2end.onnx" * 100
    assert left_in(tmp_path) == {NAME, RECORD}
    assert record_of(tmp_path)[NAME]["url"] == f"{served.url}yolox.zip"
    assert fetch(NAME, tmp_path, Silent()) == replace(file, new=False)
    path.write_bytes(b"altered")
    with pytest.raises(FormatError, match="was altered"):
        fetch(NAME, tmp_path, Silent())


@pytest.mark.parametrize("names", [("a/other.onnx",), ("a/end2end.onnx", "b/end2end.onnx")])
def test_a_zip_without_the_one_network(
    served: Site, tmp_path: Path, names: tuple[str, ...]
) -> None:
    served.files["yolox.zip"] = packed(*names)
    with pytest.raises(FormatError, match=r"holds [02] files end2end\.onnx"):
        fetch(NAME, tmp_path, Silent())
    assert left_in(tmp_path) == set()


def test_a_damaged_zip(served: Site, tmp_path: Path) -> None:
    whole = served.files["yolox.zip"]
    at = whole.index(b"export/end2end.onnx") + 30
    served.files["yolox.zip"] = whole[:at] + b"\xff" * 8 + whole[at + 8 :]
    with pytest.raises(FormatError, match="damaged archive"):
        fetch(NAME, tmp_path, Silent())
    assert left_in(tmp_path) == set()


def test_every_network_has_an_address_and_a_licence() -> None:
    assert not detector_files().keys() & published_files().keys()
    for name, about in detector_files().items():
        assert about["url"].startswith("https://")
        assert home_of(name) == fetched_folder()
        assert about["licence"] in LICENCES
        assert about["url"].endswith(".zip") == ("member" in about)
