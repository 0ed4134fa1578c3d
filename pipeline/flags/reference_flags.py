"""The flags of run.py: the reference's, under its names and with its defaults, and ours.

What is not given is left out of the namespace: the defaults stand in the settings.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from poselift.models.devices import BEST
from poselift.pipeline.flags.flag_values import names, positive, prefixes, share, widths
from poselift.pipeline.reference.keypoint_recipe import KeypointTraining
from poselift.pipeline.reference.settings import Evaluation, StoredLifter, Training


def settings(
    command: argparse.ArgumentParser, asked: argparse.Namespace
) -> tuple[Training | StoredLifter, Evaluation]:
    """What was asked for; flags that contradict each other end the program with status 2."""
    given = dict(vars(asked))
    name = given.get("evaluate")
    try:
        if "keypoints" in given:
            dataset = given.get("dataset", Evaluation.dataset)
            given["keypoints"] = _keypoints_named(given["keypoints"], dataset)
        if name and given.get("resume"):
            raise ValueError("--resume and --evaluate exclude each other")
        training = Training.of(**_those(given, Training, KeypointTraining))
        stored = StoredLifter(name, **_those(given, StoredLifter)) if name else None
        return stored or training, Evaluation(**_those(given, Evaluation))
    except ValueError as error:
        command.error(str(error))


def check_usage(command: argparse.ArgumentParser, asked: argparse.Namespace) -> None:
    """Of run.py alone: what cannot come to anything ends the program with status 2."""
    if getattr(asked, "dataset", "") == "custom":
        if not asked.evaluate:
            command.error("-d custom has no poses to train on: give --evaluate FILE")
        if not asked.render:
            command.error("-d custom has no true poses to judge by: give --render")
    if asked.render:
        if not (asked.viz_subject and asked.viz_action):
            command.error("--render needs --viz-subject and --viz-action")
        if asked.evaluate and not (asked.viz_output or asked.viz_export):
            command.error("nothing to write: give --viz-output or --viz-export")


def _keypoints_named(told: str, dataset: str) -> str:
    """The name of an archive is as good as its keypoints'. Raises: ValueError."""
    name = told.removesuffix(".npz").removeprefix(f"data_2d_{dataset}_")
    if not name or not name.isprintable() or any(mark in name for mark in "/\\"):
        raise ValueError(
            f"-k is the NAME of data_2d_{dataset}_NAME.npz, not {told!r}; --data-dir is its folder"
        )
    return name


def _those(given: Mapping[str, Any], *kinds: type) -> dict[str, Any]:
    """The flags that are fields of these kinds."""
    known = {part.name for kind in kinds for part in fields(kind)}
    return {name: value for name, value in given.items() if name in known}


def parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(
        prog="run.py",
        description="Train, evaluate and show 3D poses lifted from 2D keypoints.",
        allow_abbrev=False,
    )
    add = command.add_argument
    add("-d", "--dataset", default=argparse.SUPPRESS, metavar="NAME",
        help="h36m, humaneva15, humaneva20, custom")  # fmt: skip
    add("--evaluate", metavar="FILE", help="judge a file of -c")
    add("--render", action="store_true", help="show one take")
    add("--debug", action="store_true", help="show where an error came from")
    add_data(command.add_argument_group("data and evaluation"))
    add_model(command.add_argument_group("model"))
    add_training(command.add_argument_group("training"))
    _add_visualisation(command.add_argument_group("visualisation"))
    return command


def add_data(group: argparse._ArgumentGroup) -> None:
    """Which keypoints of whom, and where they lie."""
    add = _without_default(group)
    add("-k", "--keypoints", metavar="NAME", help="2D detections")
    add("-ste", "--subjects-test", dest="subjects", type=names, metavar="LIST")
    add("-a", "--actions", type=prefixes, metavar="LIST", help="* is all")
    add("--downsample", type=positive, metavar="N", help="take every N-th frame")
    add("--by-subject", action="store_true", help="evaluate each subject for itself")
    add("-no-tta", "--no-test-time-augmentation", dest="flip", action="store_false")
    add("--data-dir", type=Path, metavar="FOLDER", help="where the archives lie")
    group.add_argument(
        "--json", type=Path, metavar="FILE", help="write the table of errors as data"
    )
    group.add_argument(
        "--device", default=BEST, metavar="NAME", help="cpu, cuda, mps (default: a GPU if any)"
    )


def add_model(group: argparse._ArgumentGroup) -> None:
    """What the network is."""
    add = _without_default(group)
    add("-arc", "--architecture", dest="filter_widths", type=widths, metavar="WIDTHS",
        help="filter widths (default: 3,3,3; evaluating, what the checkpoint says)")  # fmt: skip
    add("--causal", action="store_true", help="see only the past")
    add("-ch", "--channels", type=positive, metavar="N",
        help="(default: 1024; evaluating, what the checkpoint says)")  # fmt: skip
    add("--dense", action="store_true", help="full kernels in place of dilated ones")


def add_training(group: argparse._ArgumentGroup) -> None:
    """How it is trained, and where the checkpoints go."""
    add = _without_default(group)
    add("-str", "--subjects-train", dest="labelled", type=names, metavar="LIST")
    add("-sun", "--subjects-unlabeled", dest="unlabelled", type=names, metavar="LIST")
    add("-c", "--checkpoint", dest="folder", type=Path, metavar="FOLDER")
    add("--checkpoint-frequency", type=positive, metavar="N", help="epochs")
    add("-r", "--resume", metavar="FILE", help="go on from a file of -c")
    add("-s", "--stride", type=positive, metavar="N", help="frames a sample predicts")
    add("-e", "--epochs", type=positive, metavar="N")
    add("-b", "--batch-size", type=positive, metavar="N", help="predicted frames")
    add("-drop", "--dropout", type=float, metavar="P")
    add("-lr", "--learning-rate", type=float, metavar="LR")
    add("-lrd", "--lr-decay", type=float, metavar="LR", help="factor an epoch")
    add("-no-da", "--no-data-augmentation", dest="mirrored", action="store_false")
    add("--subset", type=share, metavar="F", help="share of the labelled frames")
    add("--warmup", type=int, metavar="N", help="epochs before unlabelled data joins")
    add("--no-eval", dest="validated", action="store_false", help="no evaluation after each epoch")
    add("--export-training-curves", dest="curves", action="store_true",
        help="as .png beside the checkpoints")  # fmt: skip
    add("--disable-optimizations", dest="strided", action="store_false",
        help="train without the strided twin")  # fmt: skip
    add("--linear-projection", dest="distort", action="store_false",
        help="leave the lens distortion out")  # fmt: skip
    add("--no-bone-length", dest="bone_length", action="store_false")
    add("--no-proj", dest="projection", action="store_false", help="no projection term")
    add("--bf16", action="store_true", help="train with bfloat16 where it is safe")
    add("--compile", dest="compiled", action="store_true", help="train a compiled model")
    add("--seed", type=int, help="of the first weights and dropout")


def _add_visualisation(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--viz-subject", metavar="NAME")
    add("--viz-action", metavar="NAME")
    add("--viz-camera", type=int, default=0, metavar="N")
    add("--viz-video", type=Path, metavar="FILE")
    add("--viz-skip", type=int, default=0, metavar="N", help="frames at the start")
    add("--viz-output", type=Path, metavar="FILE", help=".mp4 or .gif")
    add("--viz-export", type=Path, metavar="FILE", help="(T, J, 3) metres as .npy")
    add("--viz-bitrate", type=positive, default=3000, metavar="N", help="kbit/s of an .mp4")
    add("--viz-no-ground-truth", action="store_true")
    add("--viz-limit", type=int, default=-1, metavar="N", help="frames at most; -1: all")
    add("--viz-downsample", type=positive, default=1, metavar="N", help="show every N-th frame")
    add("--viz-size", type=positive, default=5, metavar="N", help="height / 100 pixels")


def _without_default(group: argparse._ArgumentGroup) -> Any:
    return functools.partial(group.add_argument, default=argparse.SUPPRESS)
