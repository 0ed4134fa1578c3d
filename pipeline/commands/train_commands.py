"""`poselift train` and `poselift evaluate`: mocap here, the others in keypoint_commands."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poselift.data.errors import FormatError
from poselift.data.files.places import ROOMS
from poselift.data.files.source_files import read_bounded
from poselift.pipeline.commands import keypoint_commands
from poselift.pipeline.flags.flag_values import positive, widths
from poselift.pipeline.flags.shared_flags import add_device
from poselift.pipeline.progress import Printing

if TYPE_CHECKING:
    from poselift.data.archives.joints_archive import JointsClip

TEST_CLIPS = ROOMS / "data" / "mocap" / "cmu_test_clips.txt"
VALIDATION = "cmu_03,cmu_08,cmu_43,cmu_49"


def add(commands: Any) -> None:
    _add_training(commands.add_parser("train", help="make weights"))
    _add_evaluation(commands.add_parser("evaluate", help="judge weights"))


def _add_training(train: argparse.ArgumentParser) -> None:
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
    add_device(command)
    command.set_defaults(handler=lambda asked: _train(asked, command))
    keypoint_commands.add_trainings(what)


def _add_evaluation(evaluate: argparse.ArgumentParser) -> None:
    what = evaluate.add_subparsers(dest="data", metavar="DATA", required=True)
    command = what.add_parser("mocap", help="a lifter on the test clips and virtual cameras")
    _add_archives(command)
    command.add_argument("--lifter", required=True, metavar="NAME")
    command.add_argument("--views", type=positive, default=1024)
    add_device(command)
    command.set_defaults(handler=_evaluate)
    keypoint_commands.add_evaluations(what)


def _add_recipe_overrides(group: Any) -> None:
    add = functools.partial(group.add_argument, default=None)
    add("--steps", type=positive, help="each predicts batch x frames poses")
    add("--batch", type=positive, help="views a step")
    add("--frames", type=positive, help="predicted frames a view")
    add("-arc", "--architecture", dest="filter_widths", type=widths, metavar="WIDTHS")
    add("-ch", "--channels", type=positive)
    add("--trajectory-channels", type=positive)
    add("-lr", "--learning-rate", type=float)
    add("--start-from", metavar="LIFTER", help="take over its tensors where they fit")
    add("--causal", action="store_true", help="see only the past")
    add("--bf16", action="store_true", help="faster where the processor has it")
    add("--seed", type=int)
    add("--validate-every", type=positive, metavar="STEPS")


def _add_archives(command: argparse.ArgumentParser) -> None:
    command.add_argument("archives", nargs="+", type=Path, metavar="ARCHIVE", help="joints .npz")
    command.add_argument(
        "--test-clips",
        type=Path,
        default=TEST_CLIPS,
        metavar="FILE",
        help="clip names that are never trained on (default: the CMU test split)",
    )


def _clips(
    asked: argparse.Namespace, weights: Mapping[str, float] | None = None
) -> tuple[list[JointsClip], list[JointsClip]]:
    """(clips to train on, test clips). Raises: FormatError."""
    from poselift.data.archives.joints_archive import load_joints, split_clips

    try:
        test_names = read_bounded(asked.test_clips).decode().split()
    except UnicodeDecodeError as error:
        raise FormatError(f"{asked.test_clips}: cannot be read ({error}).") from error
    clips = [
        dataclasses.replace(clip, weight=(weights or {}).get(path.stem, 1.0))
        for path in asked.archives
        for clip in load_joints(path)
    ]
    return split_clips(clips, test_names) if test_names else (clips, [])


def _train(asked: argparse.Namespace, command: argparse.ArgumentParser) -> int:
    from poselift.data.archives.joints_archive import split_clips
    from poselift.models.devices import checked_device
    from poselift.pipeline.mocap.mocap_recipe import MocapTraining, read_recipe
    from poselift.pipeline.mocap.train_mocap import lifter_path, train_mocap

    recipe = read_recipe(asked.recipe) if asked.recipe else MocapTraining()
    names = {part.name for part in dataclasses.fields(recipe)}
    given = {k: v for k, v in vars(asked).items() if k in names and v is not None}
    try:
        recipe = dataclasses.replace(recipe, **given)
    except ValueError as error:
        command.error(str(error))
    device = checked_device(asked.device)
    start_from = [Path(recipe.start_from)] if recipe.start_from else []
    lifter_path(asked.output, asked.name, [*asked.archives, *start_from])
    rest, _ = _clips(asked, recipe.archive_weights)
    training, validation = split_clips(rest, asked.validate.split(","))
    if not training or not validation:
        raise FormatError(
            f"{len(training)} clips to train on and {len(validation)} to validate with "
            f"(--validate {asked.validate}); both are needed."
        )
    print(f"{len(training)} clips to train on, {len(validation)} to validate with", file=sys.stderr)
    path = train_mocap(
        recipe,
        training,
        validation,
        asked.output,
        device=device,
        name=asked.name,
        progress=Printing(),
    )
    print(path)
    return 0


def _evaluate(asked: argparse.Namespace) -> int:
    from poselift.models.devices import checked_device
    from poselift.models.lifters import open_lifter
    from poselift.pipeline.mocap.evaluate_mocap import CONDITIONS, judge, means

    device = checked_device(asked.device)
    _, test = _clips(asked)
    if not test:
        raise FormatError(f"{asked.archives[0]}: holds none of the clips of {asked.test_clips}.")
    weights, _ = open_lifter(asked.lifter)
    for keypoints, condition in CONDITIONS.items():
        errors = means(judge(weights, test, condition, views=asked.views, device=device))
        rounded = {name: round(value, 2) for name, value in errors.items()}
        print(json.dumps({"lifter": weights.name, "keypoints": keypoints} | rounded), flush=True)
    return 0
