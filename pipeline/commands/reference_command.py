"""run.py: train or evaluate a lifter on a data set, then judge it or show a take."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from poselift.data.errors import one_line
from poselift.data.files.whole_file import check_writable, whole_file
from poselift.data.process import ended
from poselift.pipeline.flags.reference_flags import check_usage, parser, settings
from poselift.pipeline.progress import Printing

if TYPE_CHECKING:
    from poselift.data.datasets.motion_datasets import MotionDataset
    from poselift.inference.poses.lifting import Lifter
    from poselift.pipeline.reference.render_view import ViewChoice
    from poselift.pipeline.reference.settings import Evaluation, StoredLifter, Training


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 2 for wrong usage, else see `ended`."""
    arguments = sys.argv[1:] if arguments is None else arguments
    return ended("run.py", lambda: _run_parsed(arguments), debug="--debug" in arguments)


def _run_parsed(arguments: Sequence[str]) -> int:
    command = parser()
    asked = command.parse_args(arguments)
    check_usage(command, asked)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    return run(command, asked)


def run(command: argparse.ArgumentParser, asked: argparse.Namespace) -> int:
    """Of `poselift train` and `evaluate`, too. Raises: PoseliftError."""
    source, evaluation = settings(command, asked)
    from poselift.data.datasets.motion_datasets import load_motion_dataset
    from poselift.inference.poses.lifting import Lifter
    from poselift.models.devices import checked_device
    from poselift.pipeline.reference.evaluate_keypoints import judge
    from poselift.pipeline.reference.lifter_source import obtain

    _check_outputs(asked, source, evaluation)
    device, progress = checked_device(asked.device), Printing()
    dataset = load_motion_dataset(evaluation.dataset, evaluation.keypoints, evaluation.data_dir)
    choice = _choice(asked, dataset, flip=evaluation.flip)
    weights = obtain(source, evaluation, dataset, device, progress)
    if weights is None:  # another process of the group reports
        return 0
    if choice is not None:
        _show(asked, dataset, Lifter(weights, device), choice)
        return 0
    table = judge(evaluation, dataset, weights, device, progress)
    if asked.json is not None:
        with whole_file(asked.json) as part:
            part.write_text(json.dumps(table.to_dict(), indent=1) + "\n", encoding="utf-8")
    return 0


def _check_outputs(
    asked: argparse.Namespace, source: Training | StoredLifter, evaluation: Evaluation
) -> None:
    """Raises: OutputError: what is asked for would replace something else."""
    from poselift.inference.video.own_videos import OVERLAY
    from poselift.pipeline.reference.evaluate_keypoints import TABLE_FILE
    from poselift.pipeline.reference.render_view import EXPORT_FILE
    from poselift.pipeline.reference.settings import StoredLifter

    name, folder = evaluation.dataset, evaluation.data_dir
    archives = f"data_2d_{name}_{evaluation.keypoints}.npz", f"data_3d_{name}.npz"
    checkpoint = source.name if isinstance(source, StoredLifter) else source.resume
    inputs = [*(folder / archive for archive in archives), source.folder / checkpoint]
    if asked.json is not None:
        check_writable(asked.json, TABLE_FILE, inputs)
    if not getattr(asked, "render", False):
        return
    inputs += [] if asked.viz_video is None else [asked.viz_video]
    if asked.viz_export is not None:
        check_writable(_export_path(asked.viz_export), EXPORT_FILE, inputs)
    if asked.viz_output is not None:
        check_writable(asked.viz_output, OVERLAY, inputs)


def _export_path(given: Path) -> Path:
    """As NumPy, and so the reference, a name without ending gets one."""
    return given if given.suffix else given.with_name(given.name + ".npy")


def _choice(asked: argparse.Namespace, dataset: MotionDataset, *, flip: bool) -> ViewChoice | None:
    """What --render is to show, if anything; says what is odd about it. Raises: PoseliftError."""
    if not getattr(asked, "render", False):
        return None
    from poselift.pipeline.reference.render_view import ViewChoice, check_view

    choice = ViewChoice(
        asked.viz_subject,
        asked.viz_action,
        asked.viz_camera,
        flip=flip,
        skip=asked.viz_skip,
        limit=asked.viz_limit if asked.viz_limit > 0 else None,
        downsample=asked.viz_downsample,
    )
    notes = list(check_view(dataset, choice, asked.viz_video))
    if asked.viz_output is None and asked.viz_export is None:
        notes.append("--render without --viz-output or --viz-export shows nothing")
    for note in notes:
        print(f"run.py: {one_line(note)}", file=sys.stderr)
    return choice


def _show(
    asked: argparse.Namespace, dataset: MotionDataset, lifter: Lifter, choice: ViewChoice
) -> None:
    """--render: export and draw one take."""
    from poselift.pipeline.reference.render_view import export_view, render_view

    print("Rendering...")
    if asked.viz_export is not None:
        path = _export_path(asked.viz_export)
        export_view(lifter, dataset, choice, path)
        print(f"Exporting joint positions to {path}")
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
