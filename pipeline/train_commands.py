"""`poselift train` and `poselift evaluate`: mocap here, the others in keypoint_commands."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import sys
from pathlib import Path
from typing import Any

from data.errors import FormatError
from data.joints_archive import JointsClip, load_joints, split_clips
from pipeline import keypoint_commands

TEST_CLIPS = Path(__file__).resolve().parent.parent / "data" / "cmu_test_clips.txt"
VALIDATION = "cmu_03,cmu_08,cmu_43,cmu_49"


def add(commands: Any) -> None:
    train = commands.add_parser("train", help="make weights")
    what = train.add_subparsers(dest="data", metavar="DATA", required=True)
    command = what.add_parser("mocap", help="a lifter from joints archives and virtual cameras")
    _add_archives(command)
    command.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    command.add_argument("--name", default="mocap", help="of the lifter (default: mocap)")
    command.add_argument(
        "--recipe", type=Path, metavar="FILE", help="TOML file of the training (see checkpoint/)"
    )
    _add_recipe_overrides(command.add_argument_group("in place of what the recipe says"))
    command.add_argument("--validate", default=VALIDATION, metavar="PREFIXES")
    command.add_argument("--device", default="cpu")
    command.set_defaults(handler=_train)
    keypoint_commands.add_trainings(what)

    evaluate = commands.add_parser("evaluate", help="judge weights")
    what = evaluate.add_subparsers(dest="data", metavar="DATA", required=True)
    command = what.add_parser("mocap", help="a lifter on the test clips and virtual cameras")
    _add_archives(command)
    command.add_argument("--lifter", required=True, metavar="NAME")
    command.add_argument("--views", type=int, default=1024)
    command.add_argument("--device", default="cpu")
    command.set_defaults(handler=_evaluate)
    keypoint_commands.add_evaluations(what)


def _add_recipe_overrides(group: Any) -> None:
    add = functools.partial(group.add_argument, default=None)
    add("--steps", type=int, help="each predicts batch x frames poses")
    add("--batch", type=int, help="views a step")
    add("--frames", type=int, help="predicted frames a view")
    add("-arc", "--architecture", dest="filter_widths", type=_widths, metavar="WIDTHS")
    add("-ch", "--channels", type=int)
    add("--trajectory-channels", type=int)
    add("-lr", "--learning-rate", type=float)
    add("--start-from", metavar="LIFTER", help="take over its tensors where they fit")
    add("--causal", action="store_true", help="see only the past")
    add("--bf16", action="store_true", help="faster where the processor has it")
    add("--seed", type=int)
    add("--validate-every", type=int, metavar="STEPS")


def _widths(text: str) -> tuple[int, ...]:
    widths = tuple(int(width) for width in text.split(","))
    if any(width < 1 or width % 2 == 0 for width in widths):
        raise ValueError("filter widths are odd")
    return widths


def _add_archives(command: argparse.ArgumentParser) -> None:
    command.add_argument("archives", nargs="+", type=Path, metavar="ARCHIVE", help="joints .npz")
    command.add_argument(
        "--test-clips",
        type=Path,
        default=TEST_CLIPS,
        metavar="FILE",
        help="clip names that are never trained on (default: the CMU test split)",
    )


def _clips(asked: argparse.Namespace) -> tuple[list[JointsClip], list[JointsClip]]:
    """(clips to train on, test clips). Raises: FormatError."""
    try:
        test_names = asked.test_clips.read_text().split()
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{asked.test_clips}: cannot be read ({error}).") from error
    clips = [clip for path in asked.archives for clip in load_joints(path)]
    return split_clips(clips, test_names) if test_names else (clips, [])


def _train(asked: argparse.Namespace) -> int:
    from pipeline.mocap_recipe import MocapTraining, read_recipe
    from pipeline.train_mocap import train_mocap

    rest, _ = _clips(asked)
    training, validation = split_clips(rest, asked.validate.split(","))
    if not training or not validation:
        raise FormatError(
            f"{len(training)} clips to train on and {len(validation)} to validate with "
            f"(--validate {asked.validate}); both are needed."
        )
    recipe = read_recipe(asked.recipe) if asked.recipe else MocapTraining()
    names = {part.name for part in dataclasses.fields(recipe)}
    given = {k: v for k, v in vars(asked).items() if k in names and v is not None}
    recipe = dataclasses.replace(recipe, **given)
    print(f"{len(training)} clips to train on, {len(validation)} to validate with", file=sys.stderr)
    path = train_mocap(
        recipe,
        training,
        validation,
        asked.output,
        device=asked.device,
        name=asked.name,
        report=lambda line: print(json.dumps(line), flush=True),
    )
    print(path)
    return 0


def _evaluate(asked: argparse.Namespace) -> int:
    from models.registry import open_lifter
    from pipeline.evaluate_mocap import CONDITIONS, judge, means

    _, test = _clips(asked)
    if not test:
        raise FormatError(f"{asked.archives[0]}: holds none of the clips of {asked.test_clips}.")
    weights, _ = open_lifter(asked.lifter)
    for keypoints, condition in CONDITIONS.items():
        errors = means(judge(weights, test, condition, views=asked.views, device=asked.device))
        rounded = {name: round(value, 2) for name, value in errors.items()}
        print(json.dumps({"lifter": weights.name, "keypoints": keypoints} | rounded), flush=True)
    return 0
