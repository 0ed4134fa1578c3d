"""The house keeps its shape: directions of imports, names of files."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from conftest import ROOT

FLOORS = ("data", "models", "inference", "pipeline")
MODULES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Top-level packages that a module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
        elif isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    floor = FLOORS.index(path.relative_to(ROOT).parts[0])
    upstairs = {*FLOORS[floor + 1 :], "run"}
    assert not imported(path) & upstairs


def test_scripts_do_not_shadow_the_standard_library() -> None:
    # `python data/prepare_x.py` puts data/ first on sys.path.
    names = {path.stem for path in MODULES if path.parent.name in {"data", "inference"}}
    assert not (names - {"__init__"}) & sys.stdlib_module_names


def test_test_clips_are_the_published_list() -> None:
    lines = (ROOT / "data" / "cmu_test_clips.txt").read_text().split()
    assert len(lines) == len(set(lines)) == 45
