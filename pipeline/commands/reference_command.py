"""run.py: train or evaluate a lifter on a data set, then judge it or show a take."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from poselift.data.errors import PoseliftError, one_line
from poselift.data.files.whole_file import whole_file
from poselift.pipeline.commands.reference_flags import parser, settings
from poselift.pipeline.progress import Printing

if TYPE_CHECKING:
    from poselift.data.datasets.motion_datasets import MotionDataset
    from poselift.inference.poses.lifting import Lifter


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 something failed, 2 wrong usage, 130 interrupted."""
    command = parser()
    asked = command.parse_args(arguments)
    if asked.render and not (asked.viz_subject and asked.viz_action):
        command.error("--render needs --viz-subject and --viz-action")
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        return run(command, asked)
    except PoseliftError as error:
        print(f"run.py: {one_line(error)}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read the lines has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("run.py: interrupted", file=sys.stderr)
        return 130


def run(command: argparse.ArgumentParser, asked: argparse.Namespace) -> int:
    """Of `poselift train` and `evaluate`, too. Raises: PoseliftError."""
    source, evaluation = settings(command, asked)
    from poselift.data.datasets.motion_datasets import load_motion_dataset
    from poselift.inference.poses.lifting import Lifter
    from poselift.models.devices import checked_device
    from poselift.pipeline.reference.evaluate_keypoints import judge
    from poselift.pipeline.reference.lifter_source import obtain

    device, progress = checked_device(asked.device), Printing()
    dataset = load_motion_dataset(evaluation.dataset, evaluation.keypoints, evaluation.data_dir)
    weights = obtain(source, evaluation, dataset, device, progress)
    if weights is None:  # another process of the group reports
        return 0
    if getattr(asked, "render", False):
        _show(asked, dataset, Lifter(weights, device), flip=evaluation.flip)
        return 0
    table = judge(evaluation, dataset, weights, device, progress)
    if asked.json is not None:
        with whole_file(asked.json) as part:
            part.write_text(json.dumps(table.to_dict(), indent=1) + "\n", encoding="utf-8")
    return 0


def _show(asked: argparse.Namespace, dataset: MotionDataset, lifter: Lifter, *, flip: bool) -> None:
    """--render: export and draw one take."""
    from poselift.pipeline.reference.render_view import ViewChoice, export_view, render_view

    choice = ViewChoice(
        asked.viz_subject,
        asked.viz_action,
        asked.viz_camera,
        flip=flip,
        skip=asked.viz_skip,
        limit=asked.viz_limit if asked.viz_limit > 0 else None,
        downsample=asked.viz_downsample,
    )
    print("Rendering...")
    if asked.viz_export is not None:
        export_view(lifter, dataset, choice, asked.viz_export)
        print(f"Exporting joint positions to {asked.viz_export}")
    if asked.viz_output is not None:
        render_view(
            lifter,
            dataset,
            choice,
            asked.viz_output,
            video=asked.viz_video,
            height=100 * asked.viz_size,
            bitrate_kbps=asked.viz_bitrate,
            ground_truth=not asked.viz_no_ground_truth,
        )
        print(f"Saved {asked.viz_output}")
