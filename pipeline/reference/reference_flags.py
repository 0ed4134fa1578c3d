"""The flags of run.py: the reference's, under its names and with its defaults, and ours."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from poselift.data.datasets.motion_datasets import FOLDER, LAYOUTS
from poselift.models.devices import BEST
from poselift.pipeline.flag_values import names, positive, prefixes, share, widths

DEFAULT_WIDTHS = (3, 3, 3)
DEFAULT_CHANNELS = 1024


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags as a namespace; wrong usage ends the program with status 2."""
    command = parser()
    asked = command.parse_args(arguments)
    refuse(command, asked)
    return asked


def refuse(command: argparse.ArgumentParser, asked: argparse.Namespace) -> None:
    """End the program with status 2 when flags contradict each other."""
    if asked.resume and asked.evaluate:
        command.error("--resume and --evaluate exclude each other")
    if asked.export_training_curves and asked.no_eval:
        command.error("--export-training-curves needs what --no-eval leaves out")
    if asked.render and not (asked.viz_subject and asked.viz_action):
        command.error("--render needs --viz-subject and --viz-action")
    if asked.batch_size < asked.stride:
        command.error("--batch-size counts predicted frames: it is at least --stride")


def parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(
        prog="run.py",
        description="Train, evaluate and show 3D poses lifted from 2D keypoints.",
        allow_abbrev=False,
    )
    add = command.add_argument
    add("-d", "--dataset", default="h36m", metavar="NAME", help=", ".join(LAYOUTS))
    add("--evaluate", default="", metavar="FILE", help="judge a file of -c")
    add("--render", action="store_true", help="show one take")
    add_data(command.add_argument_group("data and evaluation"))
    add_model(command.add_argument_group("model"))
    add_training(command.add_argument_group("training"))
    _add_visualisation(command.add_argument_group("visualisation"))
    return command


def add_data(group: argparse._ArgumentGroup) -> None:
    """Which keypoints of whom, and where they lie."""
    add = group.add_argument
    add("-k", "--keypoints", default="cpn_ft_h36m_dbb", metavar="NAME", help="2D detections")
    add("-ste", "--subjects-test", type=names, default=("S9", "S11"), metavar="LIST")
    add("-a", "--actions", type=prefixes, default=None, metavar="LIST", help="* is all")
    add("--downsample", type=positive, default=1, metavar="N", help="take every N-th frame")
    add("--by-subject", action="store_true", help="evaluate each subject for itself")
    add("-no-tta", "--no-test-time-augmentation", dest="test_time_augmentation",
        action="store_false")  # fmt: skip
    add("--data-dir", type=Path, default=FOLDER, metavar="FOLDER", help="where the archives lie")
    add("--json", type=Path, metavar="FILE", help="write the table of errors as data")
    add("--device", default=BEST, metavar="NAME", help="cpu, cuda, mps (default: a GPU if any)")


def add_model(group: argparse._ArgumentGroup) -> None:
    """What the network is."""
    add = group.add_argument
    add("-arc", "--architecture", type=widths, metavar="WIDTHS",
        help="filter widths (default: 3,3,3; evaluating, what the checkpoint says)")  # fmt: skip
    add("--causal", action="store_true", help="see only the past")
    add("-ch", "--channels", type=positive, metavar="N",
        help="(default: 1024; evaluating, what the checkpoint says)")  # fmt: skip
    add("--dense", action="store_true", help="full kernels in place of dilated ones")


def add_training(group: argparse._ArgumentGroup) -> None:
    """How it is trained, and where the checkpoints go."""
    add = group.add_argument
    train = ("S1", "S5", "S6", "S7", "S8")
    add("-str", "--subjects-train", type=names, default=train, metavar="LIST")
    add("-sun", "--subjects-unlabeled", type=names, default=(), metavar="LIST")
    add("-c", "--checkpoint", type=Path, default=Path("checkpoint"), metavar="FOLDER")
    add("--checkpoint-frequency", type=positive, default=10, metavar="N", help="epochs")
    add("-r", "--resume", default="", metavar="FILE", help="go on from a file of -c")
    add("-s", "--stride", type=positive, default=1, metavar="N", help="frames a sample predicts")
    add("-e", "--epochs", type=positive, default=60, metavar="N")
    add("-b", "--batch-size", type=positive, default=1024, metavar="N", help="predicted frames")
    add("-drop", "--dropout", type=float, default=0.25, metavar="P")
    add("-lr", "--learning-rate", type=float, default=0.001, metavar="LR")
    add("-lrd", "--lr-decay", type=float, default=0.95, metavar="LR", help="factor an epoch")
    add("-no-da", "--no-data-augmentation", dest="data_augmentation", action="store_false")
    add("--subset", type=share, default=1.0, metavar="F", help="share of the labelled frames")
    add("--warmup", type=int, default=1, metavar="N", help="epochs before unlabelled data joins")
    add("--no-eval", action="store_true", help="no evaluation after each epoch")
    add("--export-training-curves", action="store_true", help="as .png beside the checkpoints")
    add("--disable-optimizations", action="store_true", help="train without the strided twin")
    add("--linear-projection", action="store_true", help="leave the lens distortion out")
    add("--no-bone-length", dest="bone_length_term", action="store_false")
    add("--no-proj", action="store_true", help="no projection term")
    add("--bf16", action="store_true", help="train with bfloat16 where it is safe")
    add("--compile", action="store_true", help="train a compiled model")
    add("--seed", type=int, default=1234, help="of the first weights and dropout")


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
