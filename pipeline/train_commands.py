"""`poselift train` and `poselift evaluate`: mocap here, the others in keypoint_commands."""

from __future__ import annotations

import argparse
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
    command.add_argument("--steps", type=int, default=18_000)
    command.add_argument("--batch", type=int, default=32, help="views a step")
    command.add_argument("--frames", type=int, default=64, help="predicted frames a view")
    command.add_argument("-arc", "--architecture", default="3,3,3", metavar="WIDTHS")
    command.add_argument("-ch", "--channels", type=int, default=512)
    command.add_argument("--trajectory-channels", type=int, default=256)
    command.add_argument("-lr", "--learning-rate", type=float, default=1e-3)
    command.add_argument("--causal", action="store_true")
    command.add_argument("--bf16", action="store_true", help="faster where the processor has it")
    command.add_argument("--seed", type=int, default=1234)
    command.add_argument("--validate", default=VALIDATION, metavar="PREFIXES")
    command.add_argument("--validate-every", type=int, default=1000, metavar="STEPS")
    command.add_argument("--device", default="cpu")
    command.set_defaults(handler=_train)
    keypoint_commands.add_trainings(what)

    evaluate = commands.add_parser("evaluate", help="judge weights")
    what = evaluate.add_subparsers(dest="data", metavar="DATA", required=True)
    command = what.add_parser("mocap", help="a lifter on the test clips and virtual cameras")
    _add_archives(command)
    command.add_argument("--lifter", required=True, metavar="NAME")
    command.add_argument("--views", type=int, default=2048)
    command.add_argument("--device", default="cpu")
    command.set_defaults(handler=_evaluate)
    keypoint_commands.add_evaluations(what)


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
    from pipeline.train_mocap import MocapTraining, train_mocap

    rest, _ = _clips(asked)
    training, validation = split_clips(rest, asked.validate.split(","))
    if not training or not validation:
        raise FormatError(
            f"{len(training)} clips to train on and {len(validation)} to validate with "
            f"(--validate {asked.validate}); both are needed."
        )
    recipe = MocapTraining(
        steps=asked.steps,
        batch=asked.batch,
        frames=asked.frames,
        learning_rate=asked.learning_rate,
        filter_widths=tuple(int(width) for width in asked.architecture.split(",")),
        channels=asked.channels,
        trajectory_channels=asked.trajectory_channels,
        causal=asked.causal,
        seed=asked.seed,
        bf16=asked.bf16,
        validate_every=asked.validate_every,
    )
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
    from data.detector_noise import NoiseRanges
    from models.registry import open_lifter
    from pipeline.evaluate_mocap import evaluate_views

    _, test = _clips(asked)
    if not test:
        raise FormatError(f"{asked.archives[0]}: holds none of the clips of {asked.test_clips}.")
    weights, _ = open_lifter(asked.lifter)
    if weights.input_kind != "person":
        raise FormatError(f"{asked.lifter}: only lifters trained on mocap can be judged on it.")
    for keypoints, noise in (("exact", None), ("detector-like", NoiseRanges())):
        errors = evaluate_views(weights, test, noise, views=asked.views, device=asked.device)
        rounded = {name: round(value, 2) for name, value in errors.items()}
        print(json.dumps({"lifter": weights.name, "keypoints": keypoints} | rounded), flush=True)
    return 0
