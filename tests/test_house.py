"""The house keeps its shape: directions of imports, names and sizes of rooms."""

from __future__ import annotations

import ast
import fnmatch
import importlib
from pathlib import Path

import pytest
from conftest import ROOT

# From the ground up; a line's rooms stand side by side and do not know each other. A module
# imports what lies below it, and its own room. What is not named here fails.
STOREYS = (
    "data",
    "data.files",
    "data.archives",
    "data.datasets data.exports data.foreign data.mocap",
    "data.prepare_*",
    "models",
    "inference",
    "inference.camera inference.detectors inference.movement inference.people inference.poses"
    " inference.video",
    "inference.detecting",
    "inference.live",
    "inference.infer_video",
    "pipeline",
    "pipeline.exports pipeline.imports pipeline.mocap pipeline.overlay",
    "pipeline.folders",
    "pipeline.viewer",
    "pipeline.clip pipeline.reference pipeline.weights",
    "pipeline.batch pipeline.live",
    "pipeline.flags",
    "pipeline.commands",
    "pipeline.command_line",
)
FLOORS = ("data", "models", "inference", "pipeline")
MODULES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))
MOST_MODULES, MOST_LINES = 16, 310


def name_of(path: Path) -> str:
    """data/files/places.py -> data.files.places."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def storey_of(module: str) -> tuple[int, str]:
    """The height of a module and its room. Raises: KeyError: it has none."""
    for height, rooms in reversed(list(enumerate(STOREYS))):
        for room in rooms.split():
            if module == room or fnmatch.fnmatchcase(module, room):
                return height, room
            if room.count(".") == module.count(".") - 1 and module.startswith(room + "."):
                return height, room
    raise KeyError(module)


def imported(source: str) -> set[str]:
    """Modules of the package that a source imports, anywhere in it: data.files.places."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # `from poselift.data.files import places` may name a module, too.
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            names |= {n for n in whole if _is_module(n)} or {node.module}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.removeprefix("poselift.") for name in names if name.startswith("poselift.")}


def wrong_imports(module: str, source: str) -> list[str]:
    height, room = storey_of(module)
    wrong = []
    for name in sorted(imported(source)):
        other, where = storey_of(name)
        if other > height or (other == height and where != room):
            wrong.append(f"{module} imports {name}")
    return wrong


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split(".")[1:])
    return path.is_dir() or path.with_suffix(".py").is_file()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path: Path) -> None:
    assert not wrong_imports(name_of(path), path.read_text())


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("data.errors", "from poselift.data.files.places import SHIPPED"),
        ("data.mocap.rig", "from poselift.data.foreign.clip import ForeignClip"),
        ("models.weights", "import poselift.inference.detecting"),
        ("inference.poses.world", "from poselift.pipeline import progress"),
        ("pipeline.overlay.render", "from poselift.pipeline.folders.stage_cache import Cache"),
        (
            "pipeline.progress",
            "def late():\n    from poselift.pipeline.commands import run_command",
        ),
    ],
)
def test_an_import_against_the_direction_is_noticed(module: str, line: str) -> None:
    assert wrong_imports(module, line)


def test_modules_name_the_package_in_full() -> None:
    """A top-level `data` or `pipeline` would be a user's own."""
    for path in (*MODULES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            named = [node.module or "."] if isinstance(node, ast.ImportFrom) else []
            named += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not {name.split(".")[0] for name in named} & {*FLOORS, "checkpoint", "run", ""}


def test_benchmarks_and_scripts_import_what_is_there() -> None:
    """Inside their functions, too, which no other test runs."""
    scripts = [path for path in (ROOT / "scripts").iterdir() if b"python" in path.read_bytes()[:40]]
    missing = []
    for path in (*(ROOT / "benchmarks").glob("*.py"), *scripts):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("poselift"):
                room = importlib.import_module(str(node.module))
                names = [alias.name for alias in node.names]
                missing += [
                    f"{path.name}: {node.module}.{n}" for n in names if not hasattr(room, n)
                ]
    assert not missing


def test_rooms_are_not_crowded() -> None:
    folders = {path.parent for path in MODULES}
    counts = {name_of(folder): len(list(folder.glob("*.py"))) for folder in folders}
    assert {name: count for name, count in counts.items() if not 2 < count <= MOST_MODULES} == {}
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in MODULES}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_test_clips_are_the_published_list() -> None:
    lines = (ROOT / "data" / "mocap" / "cmu_test_clips.txt").read_text().split()
    assert len(lines) == len(set(lines)) == 45
