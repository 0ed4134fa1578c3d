"""Recipes of the published experiments: complete, as published, and run on a stand-in."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
from conftest import ROOT
from stand_in import write_h36m, write_humaneva

from poselift.data.datasets.published_files import COMMANDS, PUBLISHED, where_from
from poselift.data.errors import FormatError
from poselift.data.progress import Silent
from poselift.pipeline.command_line import main
from poselift.pipeline.commands import reproduce_command
from poselift.pipeline.reference.evaluate_keypoints import Errors, ErrorTable
from poselift.pipeline.reference.experiments import (
    RECIPES,
    Published,
    Recipe,
    load_recipes,
    recipe_named,
)
from poselift.pipeline.reference.reproduce import compare, needed_files, placed, reproduce
from poselift.pipeline.reference.settings import Evaluation, StoredLifter, Training

SMALL = {"filter_widths": (3, 3), "channels": 8, "batch_size": 64, "dropout": 0.1}
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


def made_recipe(
    source: Training | StoredLifter,
    evaluation: Evaluation,
    published: tuple[Published, ...] = (),
    note: str = "",
) -> Recipe:
    return Recipe("small", "A small one", source, evaluation, published, note)


@pytest.mark.parametrize("name", load_recipes())
def test_a_recipe_says_what_where_and_how(name: str) -> None:
    recipe = placed(recipe_named(name), Path("nowhere"), Path("c"))
    source, evaluation = recipe.source, recipe.evaluation
    trained = isinstance(source, Training)
    assert source.folder == (Path("c") / name if trained else Path("c"))
    assert recipe.title and recipe.published
    assert evaluation.by_subject == any(number.subject for number in recipe.published)
    for number in recipe.published:
        assert number.mm is None or "VideoPose3D" in number.source
        assert number.subject is None or number.subject in evaluation.subjects
        assert number.action is None or number.action.startswith(evaluation.actions or ())
    *archives, last = needed_files(recipe)
    assert {path.parent for path in archives} == {Path("nowhere")}
    assert trained == (last.parent == Path("nowhere"))
    for path in (*archives, last):
        assert path.name in PUBLISHED or path.name.startswith(tuple(COMMANDS))
        assert re.search(r"poselift weights fetch|python data/prepare_data_", where_from(path))


def test_every_published_row_has_its_recipe() -> None:
    rows, semi, judged, alone = {}, {}, set(), set()
    for recipe in load_recipes().values():
        source, evaluation = recipe.source, recipe.evaluation
        averages = {n.protocol: n.mm for n in recipe.published if n.action is None}
        if evaluation.dataset == "humaneva15":
            alone.add(evaluation.actions)
        if isinstance(source, StoredLifter):
            judged.add(source.name)
        elif source.subset == 0.1:
            semi[source.unlabelled] = averages["p1"]
            wanted = (source.labelled, source.recipe.epochs, source.recipe.lr_decay)
            assert (*wanted, source.recipe.batch_size) == (("S1",), 200, 0.98, 64)
        elif evaluation.dataset == "h36m":
            frames = math.prod(source.recipe.filter_widths)
            rows[evaluation.keypoints, frames] = (averages["p1"], averages["p2"])
            assert source.recipe.epochs == 80
        else:
            schedule = source.recipe
            assert (schedule.epochs, schedule.batch_size, schedule.lr_decay) == (1000, 128, 0.996)
    assert rows == TABLE
    assert semi == {("S5", "S6", "S7", "S8"): 65.2, (): 80.7}
    assert judged == {name for name in PUBLISHED if name.endswith(".bin")}
    cells = {
        (n.subject, n.action) for n in recipe_named("humaneva-three-actions").published if n.action
    }
    wanted = ("Walking", "Jog", "Box")
    assert cells == {(f"Validate/S{s}", action) for s in (1, 2, 3) for action in wanted}
    assert {("Walk",), ("Jog",), ("Box",), ("Walk", "Jog", "Box")} == alone


def test_recipes_of_the_projects_facts(reference: Path) -> None:
    facts = json.loads((reference / "facts.json").read_text())
    rows = {(row["p1"], row["p2"]) for row in facts["published_h36m_mm"]}
    assert rows == set(TABLE.values())
    others = set(facts["published_other_mm"].values())
    ours = {n.mm for recipe in load_recipes().values() for n in recipe.published}
    assert others <= ours


def test_a_dry_run_tells_the_files_and_does_nothing(
    h36m: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--data-dir", str(h36m), "--checkpoint-dir", str(tmp_path / "c"), "--device", "cpu"]
    assert main(["reproduce", "h36m-gt-243", "--dry-run", *where]) == 0
    assert main(["reproduce", "h36m-cpn-243-published", "--dry-run", *where]) == 0
    out = capsys.readouterr().out
    assert f"file: {h36m / 'data_2d_h36m_gt.npz'}: present" in out
    assert "pretrained_h36m_cpn.bin: missing. Get it (CC BY-NC): poselift weights fetch" in out
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


@pytest.mark.parametrize("told", [[], ["--list"]])
def test_the_list_names_every_recipe(told: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", *told]) == 0
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
    training = Training.of(
        labelled=("S1", "S5"), epochs=2, checkpoint_frequency=1, validated=False, **SMALL
    )
    evaluation = Evaluation(keypoints="gt", subjects=("S9",))
    recipe = made_recipe(training, evaluation, published, "Small.")
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
    (tmp_path / "small" / "epoch_3.bin").touch()  # of a longer training
    assert main(told) == 0
    again = capsys.readouterr().out
    assert "[2] time" in again and "[1] time" not in again
    second = json.loads(result.read_text())
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
    training = Training.of(labelled=("Train/S1",), epochs=1, validated=False, **SMALL)
    evaluation = Evaluation(
        "humaneva15", "gt", subjects=("Validate/S1",), actions=("Walk", "Jog"), by_subject=True
    )
    recipe = placed(made_recipe(training, evaluation, published), tmp_path, tmp_path)
    table = reproduce(recipe, "cpu", Silent())
    assert table is not None
    comparisons = compare(recipe, table)
    whole, walking, jog, absent, p1, *rest = comparisons
    assert walking.obtained_mm is not None and jog.obtained_mm is not None
    assert whole.obtained_mm == pytest.approx((walking.obtained_mm + jog.obtained_mm) / 2)
    assert (absent.obtained_mm, absent.difference_mm) == (None, None)
    assert jog.difference_mm is None and p1.obtained_mm is not None
    assert [row.published.protocol for row in rest] == ["p1", "p3", "velocity"]
    text = "\n".join(reproduce_command.table_lines(recipe, comparisons))
    assert re.search(r"^Validate/S3 Walking P-MPJPE +20\.0 +no data$", text, re.M)


def test_the_references_own_checkpoint(reference: Path) -> None:
    """A published checkpoint's recipe, with the checkpoint that we have."""
    wanted = json.loads((reference / "expected" / "expected.json").read_text())["evaluate"]
    numbers = tuple(Published(p, wanted[p], "a run") for p in ("p1", "p2", "p3", "velocity"))
    recipe = made_recipe(StoredLifter("epoch_2.bin"), Evaluation(keypoints="gt"), numbers)
    recipe = placed(recipe, reference / "data", reference / "checkpoint")
    table = reproduce(recipe, "cpu", Silent())
    assert table is not None and len(compare(recipe, table)) == 4
    for row in compare(recipe, table):
        assert row.difference_mm is not None and abs(row.difference_mm) < 0.051


def test_compare_takes_the_mean_over_subjects() -> None:
    subjects = {
        name: {"Walking": Errors(mm, 0, 0, 0), "Jog": Errors(mm + 2, 0, 0, 0)}
        for name, mm in (("A", 9.0), ("B", 19.0))
    }
    table = ErrorTable("c", "d", "k", subjects)
    recipe = made_recipe(Training(), Evaluation(), (Published("p1", 12.0, "a"),))
    (first, *_) = compare(recipe, table)
    assert (first.obtained_mm, first.difference_mm) == (15.0, 3.0)
    assert table.to_dict()["by_subject"]["B"]["p1"] == 20.0
    assert table.of("A", "Jog").p1 == 11.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('protocol = "p1"', 'protocol = "p9"', "h36m-cpn-243-published: protocol 'p9'"),
        ('mm = 46.8, source = "table"', "mm = 46.8", "h36m-cpn-243-published: 'source'"),
        ('source = "table"', 'source = "hearsay"', "'hearsay'"),
        ("epochs = 80", "epohcs = 80", "h36m-cpn-243: .*'epohcs'"),
        ("evaluation = {", "evaulation = {", "h36m-cpn-243-published: 'evaluation'"),
        ("note =", "noet =", "humaneva-published: .*'noet'"),
        ("[sources]", "[sources", "cannot be read"),
    ],
)
def test_a_damaged_recipe_is_told(old: str, new: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "recipes.toml"
    path.write_text(RECIPES.read_text().replace(old, new, 1))
    with pytest.raises(FormatError, match=message):
        load_recipes(path)


def test_recipes_are_shipped() -> None:
    assert "*.toml" in (ROOT / "setup.cfg").read_text()
