"""Recipes of the published experiments: complete, true to run.py, and run on a stand-in."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT
from stand_in import write_h36m, write_humaneva

from poselift.data.datasets.published_files import COMMANDS, PUBLISHED
from poselift.data.errors import FormatError
from poselift.pipeline.command_line import main
from poselift.pipeline.commands import reproduce_command
from poselift.pipeline.reference.experiments import (
    RECIPES,
    Published,
    Recipe,
    load_recipes,
    recipe_named,
)
from poselift.pipeline.reference.reference_flags import parse
from poselift.pipeline.reference.reproduce import (
    Place,
    arguments_of,
    command_of,
    compare,
    cost_of,
    needed_files,
    reproduce,
)

SPEEDS = {9: 1000.0}
SMALL = "-arc 3,3 -ch 8 -b 64 -drop 0.1"
# Detections, frames -> P1, P2: the table of the README.
TABLE = {
    ("cpn_ft_h36m_dbb", 243): (46.8, 36.5),
    ("cpn_ft_h36m_gtbb", 243): (47.1, 36.8),
    ("cpn_ft_h36m_dbb", 81): (47.7, 37.2),
    ("cpn_ft_h36m_dbb", 27): (48.8, 38.0),
    ("detectron_ft_h36m", 243): (51.6, 40.3),
    ("gt", 243): (37.2, 27.2),
}


@pytest.fixture(scope="module")
def h36m(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("h36m")
    write_h36m(folder)
    return folder


def made_recipe(run: str, published: tuple[Published, ...] = (), **fields: object) -> Recipe:
    recipe = Recipe("small", "A small one", tuple(run.split()), published, 100, 50, SPEEDS)
    return replace(recipe, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", load_recipes())
def test_a_recipe_is_a_command_of_run_py(name: str) -> None:
    recipe = recipe_named(name)
    asked = parse(arguments_of(recipe, Place(Path("d"), Path("c"), "cpu")))
    assert (asked.data_dir, asked.device) == (Path("d"), "cpu")
    assert asked.checkpoint == (Path("c") if asked.evaluate else Path("c") / name)
    assert recipe.title and recipe.published and recipe.test_frames
    assert bool(recipe.train_frames) != bool(asked.evaluate)
    assert asked.by_subject == any(number.subject for number in recipe.published)
    for number in recipe.published:
        assert number.mm is None or "VideoPose3D" in number.source
        assert number.subject is None or number.subject in asked.subjects_test
        assert number.action is None or number.action.startswith(asked.actions)
    for file in needed_files(recipe, Place(Path("nowhere"), Path("nowhere"))):
        assert not file.present and str(file.path.parent) == "nowhere"
        assert file.path.name in PUBLISHED or file.path.name.startswith(tuple(COMMANDS))
        assert re.search(r"poselift weights fetch|python data/prepare_data_", file.how)


def test_every_published_row_has_its_recipe() -> None:
    rows, semi = {}, {}
    for recipe in load_recipes().values():
        asked = parse(recipe.arguments)
        averages = {n.protocol: n.mm for n in recipe.published if n.action is None}
        if asked.subset == 0.1:
            semi[asked.subjects_unlabeled] = averages["p1"]
        elif asked.dataset == "h36m" and not asked.evaluate:
            frames = math.prod(asked.architecture)
            rows[asked.keypoints, frames] = (averages["p1"], averages["p2"])
            assert asked.epochs == 80
    assert rows == TABLE
    assert semi == {("S5", "S6", "S7", "S8"): 65.2, (): 80.7}
    judged = {parse(recipe.arguments).evaluate for recipe in load_recipes().values()} - {""}
    assert judged == {name for name in PUBLISHED if name.endswith(".bin")}
    cells = {
        (n.subject, n.action) for n in recipe_named("humaneva-three-actions").published if n.action
    }
    wanted = ("Walking", "Jog", "Box")
    assert cells == {(f"Validate/S{s}", action) for s in (1, 2, 3) for action in wanted}
    alone = {parse(r.arguments).actions for r in load_recipes().values() if "humaneva" in r.name}
    assert {("Walk",), ("Jog",), ("Box",), ("Walk", "Jog", "Box")} == alone


def test_recipes_of_the_projects_facts(reference: Path) -> None:
    facts = json.loads((reference / "facts.json").read_text())
    rows = {(row["p1"], row["p2"]) for row in facts["published_h36m_mm"]}
    assert rows == set(TABLE.values())
    others = set(facts["published_other_mm"].values())
    ours = {n.mm for recipe in load_recipes().values() for n in recipe.published}
    assert others <= ours


def test_costs_are_the_papers(capsys: pytest.CaptureFixture[str]) -> None:
    """The README tells of 24, 11 and 6 hours."""
    hours = {n: cost_of(recipe_named(f"h36m-cpn-{n}")).hours for n in (243, 81, 27)}
    assert hours == pytest.approx({243: 24, 81: 11, 27: 6}, abs=0.6)
    semi, alone = (cost_of(recipe_named(f"h36m-gt-s1-10-{n}")) for n in ("semi", "supervised"))
    assert semi.windows == alone.windows == round(24837.6) * 2 * 200
    assert semi.hours > alone.hours
    judged = cost_of(recipe_named("h36m-cpn-243-published"))
    assert (judged.windows, judged.judged_frames) == (0, 2 * 543344)


def test_a_dry_run_tells_all_and_does_nothing(
    h36m: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--data-dir", str(h36m), "--checkpoint-dir", str(tmp_path / "c"), "--device", "cpu"]
    plan = tmp_path / "plan.json"
    assert main(["reproduce", "h36m-gt-243", "--dry-run", *where, "--json", str(plan)]) == 0
    out = capsys.readouterr().out
    assert f"python run.py -e 80 -k gt -arc 3,3,3,3,3 --data-dir {h36m}" in out
    assert f"file: {h36m / 'data_2d_h36m_gt.npz'}: present" in out
    assert "249,560,320 windows" in out and "2,900 windows/s assumed" in out and "24 h" in out
    table = json.loads(plan.read_text())
    assert all(file["present"] for file in table["files"]) and table["cost"]["epochs"] == 80
    assert not (tmp_path / "c").exists()


def test_missing_files_are_named_with_their_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = ["--data-dir", str(tmp_path), "--checkpoint-dir", str(tmp_path / "c")]
    assert main(["reproduce", "h36m-cpn-243-published", *told]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4 and lines[3].endswith("3 of 3 files missing, listed above.")
    assert "prepare_data_h36m.py" in lines[0]
    assert f"fetch data_2d_h36m_cpn_ft_h36m_dbb.npz --to {tmp_path}," in lines[1]
    assert f"fetch pretrained_h36m_cpn.bin --to {tmp_path / 'c'}," in lines[2]
    assert main(["reproduce", "alphapose"]) == 1
    assert "unknown recipe 'alphapose'. Known: h36m-coco-243-published" in capsys.readouterr().err
    with pytest.raises(FormatError, match="3 files are missing"):
        reproduce(recipe_named("h36m-cpn-243-published"), Place(tmp_path, tmp_path))


def test_the_list_names_every_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "--list"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in out] == [*load_recipes()]
    assert "MPJPE 46.8 mm, P-MPJPE 36.5 mm" in out[0]


def test_a_training_is_run_compared_and_gone_on_from(
    h36m: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    published = (Published("p1", 40.0, "a table"), Published("p2", None))
    run = f"-k gt -str S1,S5 -ste S9 -e 2 --checkpoint-frequency 1 --no-eval {SMALL}"
    recipe = made_recipe(run, published, note="Small.")
    monkeypatch.setattr(reproduce_command, "recipe_named", lambda name: recipe)
    result = tmp_path / "result.json"
    told = ["reproduce", "small", "--data-dir", str(h36m), "--device", "cpu"]
    told += ["--checkpoint-dir", str(tmp_path), "--json", str(result)]
    assert main(told) == 0
    first, out = json.loads(result.read_text()), capsys.readouterr().out
    row = first["rows"][0]
    assert row["source"] == "a table" and row["protocol"] == "p1"
    assert row["obtained_mm"] == first["errors"]["average"]["p1"]
    assert row["difference_mm"] == pytest.approx(row["obtained_mm"] - 40)
    assert [r["what"] for r in first["rows"]] == ["MPJPE", "P-MPJPE", "N-MPJPE", "MPJVE"]
    shown = f"{row['obtained_mm']:.1f}", f"{row['difference_mm']:+.1f}"
    assert re.search(rf"^MPJPE +40\.0 +{shown[0]} +{re.escape(shown[1])}$", out, re.M)
    assert re.search(r"^P-MPJPE +not recorded +\d+\.\d$", out, re.M)
    assert "published: a table" in out and "note: Small." in out
    # Killed after the first epoch, the same command goes on, to the same numbers.
    (tmp_path / "small" / "epoch_2.bin").unlink()
    assert main(told) == 0
    second = json.loads(result.read_text())
    assert "-r epoch_1.bin" in second["command"]
    assert second["errors"]["average"] == pytest.approx(first["errors"]["average"], rel=1e-5)


def test_by_subject_and_cells(tmp_path: Path) -> None:
    write_humaneva(tmp_path)
    published = (
        Published("p2", 30.0, "a table"),
        Published("p2", 20.0, "a table", "Validate/S1", "Walking"),
        Published("p2", None, "", "Validate/S1", "Jog"),
        Published("p2", 20.0, "a table", "Validate/S3", "Walking"),
        Published("p1", None, "", "Validate/S1"),
    )
    run = "-d humaneva15 -k gt -str Train/S1 -ste Validate/S1 -a Walk,Jog --by-subject"
    recipe = made_recipe(f"{run} -e 1 --no-eval {SMALL}", published)
    outcome = reproduce(recipe, Place(tmp_path, tmp_path, "cpu"))
    assert outcome is not None
    whole, walking, jog, absent, p1, *rest = outcome.comparisons
    assert walking.obtained_mm is not None and jog.obtained_mm is not None
    assert whole.obtained_mm == pytest.approx((walking.obtained_mm + jog.obtained_mm) / 2)
    assert (absent.obtained_mm, absent.difference_mm) == (None, None)
    assert jog.difference_mm is None and p1.obtained_mm is not None
    assert [row.published.protocol for row in rest] == ["p1", "p3", "velocity"]
    text = "\n".join(reproduce_command.table_lines(recipe, outcome.comparisons))
    assert re.search(r"^Validate/S3 Walking P-MPJPE +20\.0 +no data$", text, re.M)


def test_the_references_own_checkpoint(reference: Path) -> None:
    """A published checkpoint's recipe, with the checkpoint that we have."""
    wanted = json.loads((reference / "expected" / "expected.json").read_text())["evaluate"]
    numbers = tuple(Published(p, wanted[p], "a run") for p in ("p1", "p2", "p3", "velocity"))
    recipe = made_recipe("-k gt --evaluate epoch_2.bin", numbers)
    place = Place(reference / "data", reference / "checkpoint", "cpu")
    outcome = reproduce(recipe, place)
    assert outcome is not None and len(outcome.comparisons) == 4
    for row in outcome.comparisons:
        assert row.difference_mm is not None and abs(row.difference_mm) < 0.051


def test_compare_takes_the_mean_over_subjects() -> None:
    table = {"by_subject": {"A": {"p1": 10.0}, "B": {"p1": 20.0}}, "by_action": {"A": {}, "B": {}}}
    (first, *_) = compare(made_recipe("-k gt", (Published("p1", 12.0, "a"),)), table)
    assert (first.obtained_mm, first.difference_mm) == (15.0, 3.0)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('protocol = "p1"', 'protocol = "p9"', "h36m-cpn-243-published: protocol 'p9'"),
        ('mm = 46.8, source = "table"', "mm = 46.8", "h36m-cpn-243-published: 'source'"),
        ('source = "table"', 'source = "hearsay"', "'hearsay'"),
        ("test_frames", "tset_frames", "has tset_frames, which means nothing"),
        ("[sources]", "[sources", "cannot be read"),
    ],
)
def test_a_damaged_recipe_is_told(old: str, new: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "recipes.toml"
    path.write_text(RECIPES.read_text().replace(old, new, 1))
    with pytest.raises(FormatError, match=re.escape(message)):
        load_recipes(path)


def test_recipes_are_shipped() -> None:
    assert "*.toml" in (ROOT / "setup.cfg").read_text()
    assert command_of(recipe_named("h36m-gt-243"), Place()).startswith("python run.py -e 80 -k gt")
