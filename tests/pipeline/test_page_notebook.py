"""A result shows itself in a notebook: one is executed, with a kernel of its own."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from conftest import ROOT
from standing_people import PAIR, clip

from poselift.pipeline.viewer.page import page_of
from poselift.pipeline.viewer.page_video import PageVideo

nbclient = pytest.importorskip("nbclient", reason="needs nbclient and ipykernel")
nbformat = pytest.importorskip("nbformat")


# As run_video gives it, but for the arrays.
RESULT = """
from pathlib import Path
from poselift import ClipResult
result = ClipResult(Path("walk.mp4"), Path(), None, None, None, None, Path("page.html"), {})
result"""


def test_a_notebook_shows_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    page = page_of('a "clip" <b>.mp4', *clip(PAIR), PageVideo(missing="none"))
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    codes = (RESULT, "result.page.unlink()\nresult")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in codes])
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=120, resources=resources).execute()
    first, second = (
        next(out.data for out in cell.outputs if out.output_type == "execute_result")
        for cell in notebook.cells
    )
    frame = r'<iframe srcdoc="([^"]*)" sandbox="allow-scripts"[^<]*></iframe>'
    found = re.fullmatch(frame, first["text/html"])
    assert found is not None and html.unescape(found[1]) == page
    assert first["text/plain"].startswith("ClipResult(") and "text/html" not in second
    nbformat.validate(notebook)
