"""run.py: the reference's flags and lines, on its files and on a stand-in data set."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from conftest import ROOT
from stand_in import write_h36m, write_humaneva

from poselift.data.datasets.motion_datasets import LAYOUTS
from poselift.models.reference_checkpoints import load_reference_checkpoint, read_checkpoint
from poselift.models.registry import DEFAULT_LIFTER
from poselift.models.weights import save_lifter
from poselift.pipeline.command_line import main as poselift
from poselift.pipeline.commands.reference_command import main
from poselift.pipeline.flags.reference_flags import parser, settings
from poselift.pipeline.reference.settings import Evaluation, StoredLifter, Training

SMALL = "-arc 3,3 -ch 8 -b 64 -drop 0.1 --device cpu"


@pytest.fixture
def two_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def h36m(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stand-in data set with a checkpoint trained on it for one epoch."""
    folder = tmp_path_factory.mktemp("h36m")
    write_h36m(folder)
    told = f"-k gt -str S1 -sun S5 -ste S9 -e 1 --warmup 0 --no-eval {SMALL}"
    assert main([*told.split(), "--data-dir", str(folder), "-c", str(folder / "own")]) == 0
    return folder


def averages(text: str) -> list[list[float]]:
    """The four figures of each block, as a script would read them."""
    lines = re.findall(
        r"^(?:Protocol #[123] +\([PN-]*MPJPE\)|Velocity +\(MPJVE\)) action-wise average: "
        r"(\S+) mm$", text, re.M,
    )  # fmt: skip
    return [[float(x) for x in lines[i : i + 4]] for i in range(0, len(lines), 4)]


def test_evaluation_prints_the_references_numbers(
    reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = json.loads((reference / "expected" / "expected.json").read_text())
    where = ["-c", str(reference / "checkpoint"), "--data-dir", str(reference / "data")]
    told = "--evaluate epoch_2.bin -k gt -arc 3,3,3 -ch 64 --device cpu"
    table = tmp_path / "table.json"
    assert main([*told.split(), *where, "--json", str(table)]) == 0
    wanted = expected["evaluate"]
    names = ("p1", "p2", "p3", "velocity")
    assert averages(capsys.readouterr().out) == [[wanted[name] for name in names]]
    assert round(json.loads(table.read_text())["average"]["p1"], 1) == wanted["p1"]
    assert main([*told.split(), *where, "--by-subject", "-a", "Directions"]) == 0
    printed = capsys.readouterr().out
    by_subject = expected["evaluate_by_subject"]
    assert re.findall(r"^Evaluating on subject (\S+)$", printed, re.M) == ["S9", "S11"]
    assert averages(printed) == [[by_subject[s][n] for n in names] for s in ("S9", "S11")]


@pytest.mark.parametrize("name", ["dance", "walk", "hoop"])
def test_custom_exports_are_the_references(name: str, reference: Path, tmp_path: Path) -> None:
    archive = "data_2d_custom_goldvid.npz"
    (tmp_path / archive).write_bytes((reference / "expected" / archive).read_bytes())
    export = tmp_path / "out.npy"
    told = f"-d custom -k goldvid -arc 3,3,3 -ch 64 --evaluate epoch_2.bin --render \
        --viz-subject {name}.mp4 --viz-action custom --viz-camera 0 --device cpu"
    where = ["-c", str(reference / "checkpoint"), "--data-dir", str(tmp_path)]
    assert main([*told.split(), *where, "--viz-export", str(export)]) == 0
    wanted = np.load(reference / "expected" / f"custom_{name}.npy")
    np.testing.assert_allclose(np.load(export), wanted, rtol=0, atol=1e-4)


def test_losses_are_the_references(reference: Path, tmp_path: Path, two_threads: None) -> None:
    """Predicted depths near zero magnify rounding: the digits are those of two threads."""
    (tmp_path / "epoch_1.bin").write_bytes((reference / "checkpoint/epoch_1.bin").read_bytes())
    told = "-k gt --subjects-train S1 --subset 0.5 --subjects-unlabeled S5,S6 -e 2 -lrd 0.98 \
        -arc 3,3,3 -ch 64 --warmup 1 -b 256 -drop 0 -r epoch_1.bin --no-eval --device cpu \
        -ste S9 -a *"
    told += " --render --viz-subject S9 --viz-action Greeting"  # leaves the last evaluation out
    where = ["-c", str(tmp_path), "--data-dir", str(reference / "data")]
    assert main([*told.split(), *where]) == 0
    expected = json.loads((reference / "expected" / "expected.json").read_text())
    (entry,) = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
    wanted = expected["resume_semi_supervised"]["3d_train"]
    # Another processor rounds otherwise; noise of one bit spreads by 0.3 %.
    assert entry["train"]["3d"] * 1000 == pytest.approx(wanted, rel=4e-3)


def asked_for(told: str) -> tuple[Training | StoredLifter, Evaluation]:
    command = parser()
    return settings(command, command.parse_args(told.split()))


def test_every_published_flag_is_known() -> None:
    told = "-d custom -k k -str S1 -ste S9 -sun S5 -a Walk -c c --checkpoint-frequency 2 -r f \
        --render --by-subject --export-training-curves -s 2 -e 3 -b 4 -drop 0 -lr 1 -lrd 2 \
        -no-da -no-tta -arc 3,5 --causal -ch 8 --subset 0.5 --downsample 2 --warmup 3 \
        --dense --disable-optimizations --linear-projection --no-bone-length --no-proj \
        --viz-subject S --viz-action A --viz-camera 1 --viz-video v --viz-skip 1 --viz-output o \
        --viz-export e --viz-bitrate 10 --viz-no-ground-truth --viz-limit 5 --viz-downsample 2 \
        --viz-size 3"
    training, evaluation = asked_for(told)
    assert evaluation == Evaluation(
        "custom", "k", Evaluation().data_dir, ("S9",), ("Walk",), 2, by_subject=True, flip=False
    )
    assert training == Training.of(
        labelled=("S1",), unlabelled=("S5",), subset=0.5, folder=Path("c"),
        checkpoint_frequency=2, resume="f", curves=True, filter_widths=(3, 5), channels=8,
        dropout=0.0, causal=True, dense=True, epochs=3, batch_size=4, stride=2, learning_rate=1.0,
        lr_decay=2.0, mirrored=False, warmup=3, strided=False, bone_length=False,
        projection=False, distort=False,
    )  # fmt: skip
    assert asked_for("--no-eval -a *") == (Training(validated=False), Evaluation())
    stored = StoredLifter("f", Path("c"), (3, 5), 8, causal=True, dense=True)
    told = "--evaluate f -c c -arc 3,5 -ch 8 --causal --dense"
    assert asked_for(told) == (stored, Evaluation())


def test_the_defaults_are_the_references() -> None:
    training, evaluation = asked_for("")
    assert isinstance(training, Training)
    assert evaluation.subjects == ("S9", "S11") and evaluation.flip
    assert (evaluation.dataset, evaluation.keypoints) == ("h36m", "cpn_ft_h36m_dbb")
    assert training.labelled == ("S1", "S5", "S6", "S7", "S8") and not training.unlabelled
    recipe = training.recipe
    assert (recipe.epochs, recipe.batch_size, recipe.dropout) == (60, 1024, 0.25)
    assert (recipe.learning_rate, recipe.lr_decay, recipe.warmup) == (0.001, 0.95, 1)
    assert (recipe.filter_widths, recipe.channels, recipe.stride) == ((3, 3, 3), 1024, 1)
    named = parser().format_help().split("--dataset NAME")[1].split("--evaluate")[0]
    assert all(name in named for name in LAYOUTS)


@pytest.mark.parametrize(
    "told",
    ["-r a --evaluate b", "--no-eval --export-training-curves", "-arc 3,4", "--subset 0",
     "-b 2 -s 3", "-drop 1", "--render --viz-subject S1", "-d custom -k x", "-k some/where",
     "-d custom -k x --evaluate f", "--evaluate f --render --viz-subject a --viz-action b"],
)  # fmt: skip
def test_contradictions_are_refused(told: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(told.split())
    assert ended.value.code == 2


def test_errors_are_one_line_with_status_1(
    h36m: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = ["-k", "gt", "--data-dir", str(h36m), "-c", str(h36m / "own"), "--device", "cpu"]
    both = ["-str", "S1", "-ste", "S9"]
    for told, words in (
        (["--evaluate", "pretrained_h36m_cpn.bin"], "https://dl.fbaipublicfiles.com"),
        (["--evaluate", "epoch_1.bin", "-arc", "3,3,3"], "leave -arc out"),
        (["--evaluate", "epoch_1.bin", "-ch", "9"], "has 8 channels"),
        (["--evaluate", "epoch_1.bin", "-ste", "S4"], "S4"),
        (["--evaluate", "epoch_1.bin", "-ste", "S9", "-a", "Flying"], "nothing to evaluate"),
        (["-r", "epoch_1.bin", "-arc", "3,3", "-ch", "8", *both], "semi-supervised"),
        ([*both, "--device", "cuda:99"], "cuda:99"),
    ):
        capsys.readouterr()
        assert main([*own, *told]) == 1
        said = capsys.readouterr().err
        assert words in said and said.count("\n") == 1, said


def test_our_checkpoints_say_how_they_were_built(h36m: Path, tmp_path: Path) -> None:
    own = ["-k", "gt", "--data-dir", str(h36m), "-ste", "S9", "--device", "cpu"]
    told = f"-str S5 -e 1 --causal {SMALL} -s 5 --no-eval --json {tmp_path / 'trained.json'}"
    assert main([*own, *told.split(), "-c", str(tmp_path)]) == 0
    told = f"--evaluate epoch_1.bin --json {tmp_path / 'read.json'}"
    assert main([*own, *told.split(), "-c", str(tmp_path)]) == 0
    trained, read = (json.loads((tmp_path / n).read_text()) for n in ("trained.json", "read.json"))
    for name, value in trained["average"].items():
        assert read["average"][name] == pytest.approx(value, rel=1e-6)
    told = f"evaluate h36m {tmp_path / 'epoch_1.bin'} --json {tmp_path / 'modern.json'}"
    assert poselift([*told.split(), *own]) == 0
    assert json.loads((tmp_path / "modern.json").read_text())["average"] == read["average"]


def test_our_own_format_is_a_file_of_the_checkpoint_folder(
    h36m: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_lifter(tmp_path / "own.safetensors", load_reference_checkpoint(h36m / "own/epoch_1.bin"))
    told = ["-k", "gt", "--data-dir", str(h36m), "-ste", "S9", "--device", "cpu", "--evaluate"]
    tables = []
    for name, folder in (("own.safetensors", tmp_path), ("epoch_1.bin", h36m / "own")):
        tables.append(tmp_path / f"{name}.json")
        assert main([*told, name, "-c", str(folder), "--json", str(tables[-1])]) == 0
    ours, theirs = (json.loads(table.read_text())["average"] for table in tables)
    assert ours == pytest.approx(theirs, rel=1e-6)
    capsys.readouterr()
    for name, reason in (
        ("gone.safetensors", f"{tmp_path / 'gone.safetensors'}: no such file"),
        (DEFAULT_LIFTER, "reads 'coco' keypoints"),  # a shipped one is found without -c
    ):
        assert main([*told, name, "-c", str(tmp_path)]) == 1
        assert reason in capsys.readouterr().err


@pytest.mark.parametrize("flags", ["--dense", "--dense -arc 3,3,3", "-arc 3,3,3"])
def test_dense_checkpoints_of_the_reference(flags: str, h36m: Path, tmp_path: Path) -> None:
    """They do not say that they are dense; a flag or the widths do."""
    own = ["-k", "gt", "--data-dir", str(h36m), "-ste", "S9", "--device", "cpu"]
    told = f"-str S5 -e 1 --dense -arc 3,3,3 -ch 8 --no-eval --json {tmp_path / 'own.json'}"
    assert main([*own, *told.split(), "-c", str(tmp_path)]) == 0
    state = read_checkpoint(tmp_path / "epoch_1.bin")
    del state["poselift"], state["poselift_resume"]
    torch.save(state, tmp_path / "theirs.bin")
    told = f"--evaluate theirs.bin {flags} --json {tmp_path / 'theirs.json'}"
    assert main([*own, *told.split(), "-c", str(tmp_path)]) == 0
    ours, theirs = (json.loads((tmp_path / f"{n}.json").read_text()) for n in ("own", "theirs"))
    for name, value in ours["average"].items():
        assert theirs["average"][name] == pytest.approx(value, rel=1e-6)


def test_another_layout_is_refused(
    h36m: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], reference: Path
) -> None:
    (tmp_path / "data_2d_custom_x.npz").write_bytes(
        (reference / "expected" / "data_2d_custom_goldvid.npz").read_bytes()
    )
    told = "-d custom -k x --evaluate epoch_1.bin --render --viz-subject walk.mp4 \
        --viz-action custom --device cpu"
    where = ["-c", str(h36m / "own"), "--data-dir", str(tmp_path), "--viz-export", "never.npy"]
    assert main([*told.split(), *where]) == 1
    assert "reads 'h36m' keypoints" in capsys.readouterr().err


def test_rendering_shows_the_truth_too(h36m: Path, tmp_path: Path) -> None:
    own = f"-k gt --data-dir {h36m} -c {h36m / 'own'} --evaluate epoch_1.bin --device cpu --render \
        --viz-subject S9 --viz-action Eating --viz-camera 1 --viz-size 2 --viz-skip 3"
    for name, more, size, frames in (
        ("both.mp4", "--viz-limit 12", (600, 200), 12),
        ("alone.mp4", "--viz-no-ground-truth --viz-downsample 3 --viz-bitrate 500", (400, 200), 7),
        ("both.gif", "--viz-downsample 4", (600, 200), 6),
    ):
        out = tmp_path / name
        assert main([*own.split(), *more.split(), "--viz-output", str(out)]) == 0
        with av.open(str(out)) as video:
            shown = list(video.decode(video=0))
        assert (shown[0].width, shown[0].height) == size and len(shown) == frames
        picture = shown[-1].to_ndarray(format="rgb24")
        for left in range(0, size[0], 200):
            assert np.ptp(picture[:, left : left + 200]) > 100, "every panel shows somebody"


def test_frames_of_the_video_are_drawn_on(
    h36m: Path, tmp_path: Path, make_video, capsys: pytest.CaptureFixture[str]
) -> None:
    video, out = make_video("card.mp4", size="100x100"), tmp_path / "out.mp4"
    own = f"-k gt --data-dir {h36m} -c {h36m / 'own'} --evaluate epoch_1.bin --device cpu --render \
        --viz-subject S9 --viz-action Eating --viz-size 2"
    told = [*own.split(), "--viz-video", str(video), "--viz-output", str(out)]
    assert main(told) == 0
    with av.open(str(out)) as film:
        shown = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(shown) == 20 and shown[0][:, :200].mean() > 60
    assert main([*told[:-1], str(tmp_path / "out.avi")]) == 1
    assert ".mp4 or .gif" in capsys.readouterr().err
    assert main([*told, "--viz-skip", "500"]) == 1


def test_a_video_that_is_not_the_takes_is_told_before_the_work(
    h36m: Path, tmp_path: Path, make_video, capsys: pytest.CaptureFixture[str]
) -> None:
    own = f"-k data_2d_h36m_gt.npz --data-dir {h36m} -c {h36m / 'own'} --device cpu --render \
        --viz-subject S9 --viz-action Eating --viz-size 2 --viz-output {tmp_path / 'out.gif'}"
    wide, gone = make_video("wide.mp4"), tmp_path / "gone.mp4"
    for video, reason in ((wide, "of 1000x1002"), (gone, "no such file")):
        told = [*own.split(), "--viz-video", str(video), "--evaluate", "nowhere.bin"]
        assert main(told) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"run.py: {video}: ") and reason in line
    small = make_video("small.mp4", size="500x500")
    assert main([*own.split(), "--viz-video", str(small), "--evaluate", "epoch_1.bin"]) == 0
    said = capsys.readouterr().err
    assert "has 500x500 pixels" in said and "has 20 frames" in said
    export = tmp_path / "positions"  # NumPy, and so the reference, gives it an ending
    assert main([*own.split(), "--evaluate", "epoch_1.bin", "--viz-export", str(export)]) == 0
    assert np.load(tmp_path / "positions.npy").shape == (24, 17, 3)


def test_humaneva_from_training_to_evaluation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_humaneva(tmp_path)
    told = f"train humaneva15 -k gt -str Train/S1 -ste Validate/S1 -a Walk,Jog -e 1 {SMALL} \
        --by-subject --data-dir {tmp_path} -c {tmp_path / 'own'}"
    assert poselift(told.split()) == 0
    printed = capsys.readouterr().out
    assert len(averages(printed)) == 1 and "----Jog----" in printed
    assert "Gestures" not in printed
    assert re.search(r"^\[1\] time \d+\.\d\d lr 0\.001000 3d_train \d+\.\d{6} 3d_eval \d+\.\d{6} "
                     r"3d_valid \d+\.\d{6}$", printed, re.M)  # fmt: skip
    assert poselift([*told.split(), "-sun", "Unlabeled/Train/S4"]) == 1
    assert "lenses" in capsys.readouterr().err


def test_reading_flags_loads_no_work() -> None:
    code = """if True:
        import sys
        from poselift.pipeline.commands import keypoint_commands
        from poselift.pipeline.flags import reference_flags
        from poselift.pipeline.reference.experiments import load_recipes
        reference_flags.parser().parse_args(["-e", "3"]), load_recipes()
        print(*{"torch", "numpy", "cv2", "scipy", "av"} & {*sys.modules})"""
    told = [sys.executable, "-c", code]
    ran = subprocess.run(told, check=True, cwd=ROOT, capture_output=True, text=True)
    assert ran.stdout.split() == []


def test_the_script_runs_from_any_directory(h36m: Path, tmp_path: Path) -> None:
    told = f"-k gt -ste S9 -a Eating --data-dir {h36m} -c {h36m / 'own'} --evaluate epoch_1.bin"
    ran = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *told.split(), "--device", "cpu"],
        check=False, cwd=tmp_path, capture_output=True, text=True, env={"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert len(averages(ran.stdout)) == 1
