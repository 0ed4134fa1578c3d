"""Flags that several commands take."""

from __future__ import annotations

import argparse

from poselift.inference.detectors import BACKENDS
from poselift.inference.detectors.choice import add_detector_flags
from poselift.inference.video.views import ROTATIONS
from poselift.models.devices import BEST
from poselift.models.registry import DEFAULT_LIFTER
from poselift.pipeline.flags.flag_values import frame_rate, positive
from poselift.pipeline.overlay.look import STYLES, VIEWS


def add_detector(command: argparse.ArgumentParser) -> None:
    """The detector, its options, and how many."""
    add_detector_flags(command, BACKENDS)
    command.add_argument(
        "--workers",
        type=positive,
        metavar="N",
        help="detectors at work at once (default: one per core)",
    )


def add_lifter(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--lifter",
        default=DEFAULT_LIFTER,
        metavar="NAME",
        help=f"a shipped lifter or the path of a checkpoint (default: {DEFAULT_LIFTER})",
    )
    add_device(command)


def add_device(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--device", default=BEST, metavar="NAME", help="cpu, cuda, mps (default: a GPU if any)"
    )


def add_view(command: argparse.ArgumentParser) -> None:
    add_rotate(command)
    command.add_argument(
        "--fps", type=frame_rate, metavar="N", help="pictures a second, of numbered pictures"
    )


def add_rotate(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--rotate",
        type=int,
        choices=ROTATIONS[1:],
        default=0,
        help="turn the shown picture so many degrees clockwise",
    )


def add_look(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--view", choices=VIEWS, default="auto", help="of the people in 3D (default: auto)"
    )
    command.add_argument(
        "--style", choices=STYLES, default="dark", help="of the people in 3D (default: dark)"
    )


def add_stretch(command: argparse.ArgumentParser) -> None:
    command.add_argument("--start", type=float, metavar="S", help="seconds; skip what is before")
    command.add_argument("--end", type=float, metavar="S", help="seconds; stop there")
