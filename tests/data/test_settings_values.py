"""Rigs, layouts and recipes of users: every entry of the right kind and size, or named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from poselift.data.errors import FormatError, PoseliftError
from poselift.data.foreign.layouts import layout_named
from poselift.data.mocap.rig import FOLDER, load_rig
from poselift.data.skeletons import COCO17
from poselift.pipeline.mocap.mocap_recipe import read_recipe

RIGS: list[tuple[str, Any, str]] = [
    ("up", 3, "up is 3, not a name"),
    ("up", ["+y"], r"up is \['\+y'\], not a name"),
    ("forward", "+y", "no two axes"),
    ("fps", "30", "fps is '30', not a number"),
    ("fps", float("nan"), "fps is nan, not a number"),
    ("fps", -30, "fps is -30"),
    ("fps", True, "fps is True, not a number"),
    ("up", 0, "up is 0, not a name"),
    ("head", None, "head is None, not a table"),
    ("head.turned_by", 0.0, "turned_by is 0.0, not a name"),
    ("head.base", {}, "base is {}, not a name"),
    ("head.offset_m", [0, 1], r"offset_m is \[0, 1\], not three numbers"),
    ("head.offset_m", [0, 1, "x"], "offset_m is 'x', not a number"),
    ("head.offset_m", [0, 1, 1e300], "offset_m is 1e\\+300, not a number"),
    ("joints", [], r"joints is \[\], not a table"),
    ("joints.hip", 7, "hip is 7, not a table"),
    ("joints.hip", {"a": None}, "hip is None, not a number"),
    ("joints.hip", {"a": float("nan")}, "hip is nan, not a number"),
    ("joints.hip", {"a": 10**400}, "hip is 1000.*, not a number"),
    ("joints.hip", {"a": 0.7}, "weights add up to 0.7"),
    ("coco", {"hip": "a"}, "coco: hip"),
]


@pytest.mark.parametrize(("entry", "value", "said"), RIGS)
def test_a_rig_that_cannot_be(entry: str, value: Any, said: str, tmp_path: Path) -> None:
    about = json.loads(min(FOLDER.glob("*.json")).read_text())
    *tables, last = entry.split(".")
    table = about
    for name in tables:
        table = table[name]
    table[last] = value
    (tmp_path / "mine.json").write_text(json.dumps(about))
    with pytest.raises(FormatError, match=rf"mine\.json: does not describe a rig: .*{said}"):
        load_rig(tmp_path / "mine.json")


@pytest.mark.parametrize("text", ["[]", "3", "null", '"x"', "{", "\x00", "", "[" * 100_000])
def test_a_rig_that_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(text)
    with pytest.raises(FormatError, match=r"mine\.json: does not describe a rig"):
        load_rig(tmp_path / "mine.json")


JOINTS = f"joints = {json.dumps(list(COCO17.joints))}\n"


@pytest.mark.parametrize(
    "text",
    [
        "joints = 3", "joints = []", "joints = [1, 2]", 'joints = "nose"', "joints = [[]]",
        JOINTS + "extra = -1", JOINTS + "extra = 1.5", JOINTS + "extra = true",
        JOINTS + "used_by = 3", JOINTS + "used_by = [3]", JOINTS + 'used_by = "coco"',
        JOINTS + "coco = 3", JOINTS + "[coco]\nnose = 3", JOINTS + "[coco]\nnose = [[]]",
        JOINTS + '[coco]\nnose = ["gone"]', JOINTS + '[coco]\ntail = ["nose"]',
        JOINTS + "[coco]\nnose = []", "x = " + "[" * 50_000, "\x00", "a = 1979-13-99",
        "joints = 9" + "9" * 5000,
    ],
)  # fmt: skip
def test_a_layout_that_cannot_be(text: str, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(PoseliftError, match=r"mine\.toml: "):
        layout_named(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("steps = 1.5", "'steps' is 1.5"),
        ("steps = true", "'steps' is True"),
        (f"batch = {10**12}", "'batch' is 1000000000000, but is at most"),
        (f"frames = {10**9}", "'frames' is 1000000000, but is at most"),
        ("channels = 1000000", "channels must be a whole number from 1 to 16384"),
        (f"filter_widths = {[3] * 20}", "filter widths"),
        ("filter_widths = [99999]", "it would look at 99999 frames"),
        ("learning_rate = nan", "'learning_rate' is nan"),
        ("learning_rate = inf", "'learning_rate' is inf"),
        (f"learning_rate = {10**320}", "'learning_rate' is 1000"),
        ("views = 3", "'views' is 3, but should be a table"),
        ("noise.longest_fill = -4", "'longest_fill' is -4"),
        ("noise.level = [0.1]", "'level' is"),
    ],
)
def test_a_recipe_that_cannot_be(line: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(line)
    with pytest.raises(FormatError, match=rf"mine\.toml: {said}"):
        read_recipe(tmp_path / "mine.toml")


def test_the_shipped_recipes_are_read(tmp_path: Path) -> None:
    for recipe in (ROOT / "checkpoint").glob("*.toml"):
        shutil.copy(recipe, tmp_path / recipe.name)
        read_recipe(tmp_path / recipe.name)
