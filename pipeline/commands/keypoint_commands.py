"""`poselift train` and `poselift evaluate` on Human3.6M and HumanEva.

The same code as run.py, and its flags; only the defaults suit each data set.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from poselift.pipeline.commands.reference_command import run
from poselift.pipeline.flags import reference_flags as flags

_HUMANEVA = {
    "keypoints": "detectron_pt_coco",
    "labelled": ("Train/S1", "Train/S2", "Train/S3"),
    "subjects": ("Validate/S1", "Validate/S2", "Validate/S3"),
    "actions": ("Walk", "Jog", "Box"),
    "batch_size": 128,
    "epochs": 1000,
    "lr_decay": 0.996,
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "h36m": {},
    "humaneva15": _HUMANEVA,
    "humaneva20": _HUMANEVA,
}


def add_trainings(what: Any) -> None:
    """`poselift train NAME`, to the subparsers of `train`."""
    for name, defaults in DEFAULTS.items():
        command = what.add_parser(name, help=f"a lifter from the 2D and 3D archives of {name}")
        flags.add_training(command.add_argument_group("training"))
        _finish(command, defaults | {"dataset": name})


def add_evaluations(what: Any) -> None:
    """`poselift evaluate NAME CHECKPOINT`, to the subparsers of `evaluate`."""
    for name, defaults in DEFAULTS.items():
        command = what.add_parser(name, help=f"a lifter on the test subjects of {name}")
        command.add_argument("evaluate", metavar="CHECKPOINT", help="file, or a shipped lifter")
        _finish(command, defaults | {"dataset": name, "folder": Path()})


def _finish(command: argparse.ArgumentParser, defaults: dict[str, Any]) -> None:
    flags.add_data(command.add_argument_group("data and evaluation"))
    flags.add_model(command.add_argument_group("model"))
    command.set_defaults(**defaults, handler=lambda asked: run(command, asked))
