"""What people expect of a package: it installs beside others, starts quickly, shows its face."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

import poselift
from poselift.pipeline.clip import calls

HEAVY = ("torch", "cv2", "scipy", "av", "matplotlib", "ai_edge_litert", "pooch")
# What a user's own project may well be called, and what ours are called inside the package.
THEIRS = {"data/__init__.py": "data", "models/net.py": "net", "pipeline.py": "pipeline"}


def python(code: str, *, folder: Path, interpreter: str | Path = sys.executable) -> str:
    """What a program prints that runs in a folder."""
    bare = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [interpreter, "-c", code], cwd=folder, env=bare, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # Of a copy: what an earlier build left in build/ would come into the wheel.
    others = shutil.ignore_patterns(".*", "build", "out", "tests", "benchmarks", "*.egg-info")
    source = shutil.copytree(ROOT, folder / "source", ignore=others, symlinks=True)
    build = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [sys.executable, *build, "--wheel-dir", folder, source], check=True, capture_output=True
    )
    (path,) = folder.glob("poselift-*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the wheel, and what it needs from ours."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    interpreter = folder / "bin" / "python"
    (packages,) = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    # Packages alone: the hook by which ours finds this checkout is not followed from here.
    (packages / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return interpreter


def test_the_wheel_holds_one_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"poselift"}
    for room in ("data", "models", "inference", "pipeline"):
        ours = {f"poselift/{p.relative_to(ROOT)}" for p in (ROOT / room).rglob("*.py")}
        inside = {n for n in names if n.startswith(f"poselift/{room}/") and n.endswith(".py")}
        assert inside == ours
    for kind in ("py.typed", "rigs/cmu_asf.json", "layouts.toml", "experiments.toml"):
        assert [name for name in names if name.endswith(kind)]
    assert f"poselift/checkpoint/{calls.DEFAULT_LIFTER}.safetensors" in names


@pytest.mark.slow
def test_installed_beside_a_users_own_folders(installed: Path, walk: Path, tmp_path: Path) -> None:
    """In a folder whose modules have the names of our rooms both work, in either order."""
    for name, text in (THEIRS | {"run.py": "run", "inference.py": "inference"}).items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"mine = {text!r}\n")
    theirs = "import data, pipeline, run, inference; from models import net\n"
    theirs += "print(data.mine, pipeline.mine, run.mine, inference.mine, net.mine)\n"
    ours = "import poselift; print(poselift.__file__); from poselift.data import errors\n"
    ours += f"print(poselift.run_video({str(walk)!r}, 'out', poselift.RunSettings(end_s=0.3)))\n"
    for code in (theirs + ours, ours + theirs):
        lines = python(code, folder=tmp_path, interpreter=installed).splitlines()
        assert "data pipeline run inference net" in lines
        assert str(installed.parent.parent) in lines[0] + lines[1]
        assert "Poses3D(" in "".join(lines)
    done = subprocess.run(
        [installed, "-m", "poselift", "run", walk, "-o", "out", "--end", "0.3", "--json"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert '"frames": 9' in done.stdout
    alone = [installed, "-m", "poselift.data.prepare_data_2d_custom", "-i", "none", "-o", "x"]
    done = subprocess.run(alone, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.startswith("error: none")


def test_only_the_package_is_importable(installed: Path, tmp_path: Path) -> None:
    code = "import importlib.util as u; print([n for n in NAMES if u.find_spec(n)])"
    names = ("data", "models", "inference", "pipeline", "checkpoint", "run")
    assert python(code.replace("NAMES", repr(names)), folder=tmp_path) == "[]"
    assert (
        python(code.replace("NAMES", repr(names)), folder=tmp_path, interpreter=installed) == "[]"
    )


@pytest.mark.parametrize(
    ("code", "left_out"),
    [
        ("import poselift", (*HEAVY, "numpy")),
        ("import poselift; poselift.PoseliftError, poselift.__all__, dir(poselift)", HEAVY),
        ("import poselift.pipeline.command_line as c; c.parser().format_help()", HEAVY),
    ],
)
def test_what_is_not_used_is_not_loaded(
    code: str, left_out: tuple[str, ...], tmp_path: Path
) -> None:
    loaded = f"import sys; {code}; print([n for n in {left_out} if n in sys.modules])"
    assert python(loaded, folder=tmp_path) == "[]"


def test_the_face_is_what_it_names() -> None:
    for name in poselift.__all__:
        assert getattr(poselift, name) is not None
    assert set(dir(poselift)) == set(poselift.__all__)
    with pytest.raises(AttributeError, match="no attribute 'lift_up'"):
        _ = poselift.lift_up  # type: ignore[attr-defined]
    source = (ROOT / "poselift" / "__init__.py").read_text()
    for_checkers = source.split("if TYPE_CHECKING:")[1].split("__all__")[0]
    named = set(re.findall(r"\b[A-Za-z]\w+(?=,|\n    from|\n\n|$)", for_checkers, re.M))
    assert set(poselift.__all__) - {"__version__"} <= named


def run_examples(text: str, name: str) -> None:
    names = {"poselift": poselift, "np": np}
    test = doctest.DocTestParser().get_doctest(text, names, name, name, 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(test)
    assert runner.tries > 0
    assert not runner.failures


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that looks like the repository, for examples that write beside their clip."""
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize("call", ["detect", "track", "lift"])
def test_examples_of_the_calls(call: str) -> None:
    run_examples(getattr(calls, call).__doc__, call)


@pytest.mark.slow
@pytest.mark.usefixtures("checkout")
def test_every_line_of_the_python_page() -> None:
    page = (ROOT / "INFERENCE.md").read_text().split("## From Python")[1].split("\n## ")[0]
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    assert blocks
    run_examples("\n".join(blocks), "INFERENCE.md")
    for call in (
        "run_video",
        "run_many",
        "detect",
        "track",
        "lift",
        "render",
        "load_poses",
        ".at(",
    ):
        assert call in page


@pytest.mark.parametrize(
    ("keypoints", "more", "words"),
    [
        (np.zeros((5, 17, 3)), {}, "are .T, 17, 2. pixels"),
        (np.zeros((5, 17, 2)), {"confidence": np.ones((4, 17))}, "confidence is"),
        (np.full((5, 17, 2), np.nan), {}, "not finite"),
        (np.zeros((5, 17, 2)), {"fps": None}, "need width, height and fps"),
    ],
)
def test_lift_says_what_it_wants(keypoints: np.ndarray, more: dict, words: str) -> None:
    known = {"width": 640, "height": 480, "fps": 30.0}
    with pytest.raises(ValueError, match=words):
        poselift.lift(keypoints, **(known | more))


def test_lift_marks_what_was_not_seen() -> None:
    xy = np.random.default_rng(0).uniform(100, 400, (20, 17, 2))
    xy[8:11] = np.nan
    poses = poselift.lift(xy, width=640, height=480, fps=25)
    assert poses.interpolated[0].nonzero()[0].tolist() == [8, 9, 10]
    assert np.isfinite(poses.world).all()
