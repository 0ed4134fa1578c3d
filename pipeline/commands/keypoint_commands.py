"""`poselift train` and `poselift evaluate` on Human3.6M and HumanEva.

The same code as run.py, and its flags; only the defaults suit each data set.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from poselift.pipeline.reference import reference_flags as flags

_HUMANEVA = {
    "keypoints": "detectron_pt_coco",
    "subjects_train": ("Train/S1", "Train/S2", "Train/S3"),
    "subjects_test": ("Validate/S1", "Validate/S2", "Validate/S3"),
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
        _finish(command, name, defaults)


def add_evaluations(what: Any) -> None:
    """`poselift evaluate NAME CHECKPOINT`, to the subparsers of `evaluate`."""
    for name, defaults in DEFAULTS.items():
        command = what.add_parser(name, help=f"a lifter on the test subjects of {name}")
        command.add_argument("evaluate", metavar="CHECKPOINT", help="file, or a shipped lifter")
        _finish(command, name, defaults | {"checkpoint": Path()})


def _finish(command: argparse.ArgumentParser, name: str, defaults: dict[str, Any]) -> None:
    flags.add_data(command.add_argument_group("data and evaluation"))
    flags.add_model(command.add_argument_group("model"))
    own = {action.dest for action in command._actions}
    others = vars(flags.parser().parse_args([])) | defaults | {"dataset": name}
    command.set_defaults(
        **{key: others[key] for key in others if key not in own or key in defaults}
    )
    command.set_defaults(handler=lambda asked: _run(command, asked))


def _run(command: argparse.ArgumentParser, asked: argparse.Namespace) -> int:
    from poselift.pipeline.reference.reference_run import run

    flags.refuse(command, asked)
    return run(asked)
