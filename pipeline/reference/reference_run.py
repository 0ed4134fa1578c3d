"""What run.py does once its flags are read: train or evaluate, then judge or show."""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from poselift.data.datasets.motion_datasets import MotionDataset, load_motion_dataset
from poselift.data.errors import FormatError, PoseliftError, one_line
from poselift.data.files.whole_file import whole_file
from poselift.inference.poses.lifting import Lifter
from poselift.models.devices import checked_device
from poselift.models.lifters import open_lifter
from poselift.models.reference_checkpoints import ABOUT, load_reference_checkpoint, read_checkpoint
from poselift.models.registry import lifter_names
from poselift.models.weights import LifterWeights
from poselift.pipeline.reference.evaluate_keypoints import Errors, average, evaluate_dataset
from poselift.pipeline.reference.keypoint_checkpoints import find_checkpoint
from poselift.pipeline.reference.reference_flags import parse
from poselift.pipeline.reference.render_view import ViewChoice, export_view, render_view


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 something failed, 2 wrong usage, 130 interrupted."""
    asked = parse(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        return run(asked)
    except PoseliftError as error:
        print(f"run.py: {one_line(error)}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read the lines has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("run.py: interrupted", file=sys.stderr)
        return 130


def run(asked: argparse.Namespace) -> int:
    """Raises: PoseliftError."""
    device = checked_device(asked.device)
    dataset = load_motion_dataset(asked.dataset, asked.keypoints, asked.data_dir)
    if asked.evaluate:
        weights = open_checkpoint(asked)
    else:
        from poselift.pipeline.reference.train_run import train

        trained = train(asked, dataset, device)
        if trained is None:  # another process of the group reports
            return 0
        weights = trained
    if asked.render:
        show(asked, dataset, Lifter(weights, device))
    else:
        # Where a person stands is not judged: their trajectory need not be predicted.
        judge(asked, dataset, Lifter(replace(weights, trajectory=None), device))
    return 0


def open_checkpoint(asked: argparse.Namespace) -> LifterWeights:
    """The file that --evaluate names, under -c or the project's folder of that name.

    The name of a shipped lifter needs no file. Our own lifters (.safetensors) are taken as they
    are.

    Raises: FormatError: it is missing, damaged, or not of the architecture that was given.
    """
    if asked.evaluate in lifter_names():
        return open_lifter(asked.evaluate)[0]
    path = find_checkpoint(asked.checkpoint, asked.evaluate)
    print(f"Loading checkpoint {path}")
    if path.suffix == ".safetensors":
        return open_lifter(str(path))[0]
    given = asked.architecture
    if asked.dense and given is None:
        given = dense_widths(path)
    weights = load_reference_checkpoint(path, causal=asked.causal, filter_widths=given)
    found = weights.position.arch.channels
    if asked.channels not in (None, found):
        raise FormatError(
            f"{path}: has {found} channels, not {asked.channels}; "
            f"leave -ch out or give -ch {found}."
        )
    print(f"INFO: Receptive field: {weights.receptive_field} frames")
    return weights


def dense_widths(path: Path) -> tuple[int, ...] | None:
    """Filter widths of a checkpoint whose kernels are full ones; None if it says itself.

    A dense kernel has (width - 1) * dilation + 1 taps.
    Raises: FormatError.
    """
    state = read_checkpoint(path)
    tensors = state.get("model_pos")
    if ABOUT in state or not isinstance(tensors, Mapping):
        return None
    names = ["expand_conv.weight"]
    names += [f"layers_conv.{i}.weight" for i in range(0, len(tensors), 2)]
    found: list[int] = []
    for name in names:
        if getattr(tensors.get(name), "ndim", 0) == 3:
            found.append((tensors[name].shape[2] - 1) // math.prod(found) + 1)
    return tuple(found)


def judge(asked: argparse.Namespace, dataset: MotionDataset, lifter: Lifter) -> None:
    """Print the protocols as the reference does, and write --json."""
    table: dict[str, Any] = {"checkpoint": lifter.weights.name, "dataset": dataset.name}
    table |= {"keypoints": asked.keypoints, "unit": "mm", "by_action": {}}
    print("Evaluating...")
    if asked.by_subject:
        table["by_subject"] = {}
        for subject in asked.subjects_test:
            print(f"Evaluating on subject {subject}")
            actions = _judge(asked, dataset, lifter, [subject])
            table["by_action"][subject] = {name: e.table() for name, e in actions.items()}
            table["by_subject"][subject] = average(actions).table()
            print()
    else:
        actions = _judge(asked, dataset, lifter, asked.subjects_test)
        table["by_action"] = {name: e.table() for name, e in actions.items()}
        table["average"] = average(actions).table()
    if asked.json is not None:
        with whole_file(asked.json) as part:
            part.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def _judge(
    asked: argparse.Namespace, dataset: MotionDataset, lifter: Lifter, subjects: Sequence[str]
) -> dict[str, Errors]:
    flip = asked.test_time_augmentation

    def each(action: str, errors: Errors) -> None:
        print(f"----{action}----")
        print("Test time augmentation:", flip)
        print("Protocol #1 Error (MPJPE):", errors.p1, "mm")
        print("Protocol #2 Error (P-MPJPE):", errors.p2, "mm")
        print("Protocol #3 Error (N-MPJPE):", errors.p3, "mm")
        print("Velocity Error (MPJVE):", errors.velocity, "mm")
        print("----------", flush=True)

    results = evaluate_dataset(
        lifter,
        dataset,
        subjects,
        asked.actions,
        flip=flip,
        downsample=asked.downsample,
        each=each,
    )
    for line in average(results).lines():
        print(line)
    return results


def show(asked: argparse.Namespace, dataset: MotionDataset, lifter: Lifter) -> None:
    """--render: export and draw one take."""
    choice = ViewChoice(
        asked.viz_subject,
        asked.viz_action,
        asked.viz_camera,
        flip=asked.test_time_augmentation,
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
