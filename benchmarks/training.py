#!/usr/bin/env python3
"""How fast training is fed and how fast it trains, as JSON lines.

    python benchmarks/training.py [--device cuda] [-arc 3,3,3,3,3] [-ch 1024] [-b 1024] [--bf16]

Windows a second of: `loop`, a plain loop over samples in NumPy; `source`, our batches
alone; `model`, the network alone on a batch that is already there; `both`, the training
itself. Made-up sequences; nothing is downloaded.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from poselift.data.archives.keypoint_archive import KeypointArchive  # noqa: E402
from poselift.data.datasets.known_cameras import h36m_cameras  # noqa: E402
from poselift.data.datasets.motion_datasets import MotionDataset, View  # noqa: E402
from poselift.data.skeletons import H36M17  # noqa: E402
from poselift.data.windows import mirror_keypoints  # noqa: E402
from poselift.models.devices import BEST, checked_device  # noqa: E402
from poselift.pipeline.flags.flag_values import positive, widths  # noqa: E402
from poselift.pipeline.reference.keypoint_recipe import KeypointTraining  # noqa: E402
from poselift.pipeline.reference.train_keypoints import KeypointTrainer  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-arc", "--architecture", type=widths, default=(3, 3, 3, 3, 3))
    parser.add_argument("-ch", "--channels", type=positive, default=1024)
    parser.add_argument("-b", "--batch-size", type=positive, default=1024)
    parser.add_argument("--sequences", type=positive, default=60)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--device", default=BEST)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--compile", action="store_true")
    asked = parser.parse_args()
    device = checked_device(asked.device)
    recipe = KeypointTraining(
        filter_widths=asked.architecture,
        channels=asked.channels,
        batch_size=asked.batch_size,
        bf16=asked.bf16,
        compiled=asked.compile,
    )
    views = _views(asked.sequences)
    archive = KeypointArchive({}, "h36m", 17, H36M17.left, H36M17.right)
    dataset = MotionDataset("h36m", H36M17, H36M17, 50, archive, {}, {}, Path("made up"))
    trainer = KeypointTrainer(recipe, dataset, views, device=device)
    rates = {}
    for name, work in _works(trainer, views).items():
        rates[name] = _rate(work, asked.batch_size, asked.seconds, device)
        line = {"what": name, "windows_per_s": round(rates[name])} | _about(asked, device)
        print(json.dumps(line), flush=True)
    shares = {
        "source_over_loop": round(rates["source"] / rates["loop"], 2),
        "source_over_model": round(rates["source"] / rates["model"], 2),
        "both_over_model": round(rates["both"] / rates["model"], 2),
    }
    print(json.dumps({"what": "ratios"} | shares | _about(asked, device)))
    return 0


def _about(asked: argparse.Namespace, device: str) -> dict[str, object]:
    name = torch.cuda.get_device_name() if device.startswith("cuda") else "CPU"
    return {
        "frames": int(np.prod(asked.architecture)),
        "channels": asked.channels,
        "batch": asked.batch_size,
        "bf16": asked.bf16,
        "compile": asked.compile,
        "device": name,
        "threads": torch.get_num_threads(),
    }


def _views(count: int) -> list[View]:
    """Sequences of random numbers, 1000 frames each, as long as Human3.6M's are short."""
    random = np.random.default_rng(0)
    cameras = h36m_cameras()["S1"]
    return [
        View(
            "S1",
            f"Made up {i}",
            random.normal(0, 0.3, (1000, 17, 2)).astype(np.float32),
            random.normal(0, 0.3, (1000, 17, 3)).astype(np.float32) + np.float32([0, 0, 4]),
            cameras[i % 4],
        )
        for i in range(count)
    ]


def _works(trainer: KeypointTrainer, views: list[View]) -> dict[str, Callable[[], None]]:
    samples = min(trainer.recipe.batch_size, len(trainer.labelled))
    random = np.random.default_rng(1)
    ready = trainer.labelled.batch(np.arange(samples))
    gather = trainer.labelled.batch

    def drawn() -> np.ndarray:
        return random.integers(0, len(trainer.labelled), samples)

    def train(batch_of: Callable[[np.ndarray], object]) -> None:
        trainer.labelled.batch = batch_of  # type: ignore[method-assign, assignment]
        trainer.position.train()
        trainer._step(drawn(), None, _Unheard())  # type: ignore[arg-type]

    return {
        "loop": lambda: _loop(views, drawn(), trainer.position.arch.padding),
        "source": lambda: gather(drawn()) and None,  # type: ignore[func-returns-value]
        "model": lambda: train(lambda _: ready),
        "both": lambda: train(gather),
    }


class _Unheard:
    """In the place of the losses' sums."""

    def add(self, name: str, mean: torch.Tensor, count: int) -> None:
        pass


def _loop(views: list[View], samples: np.ndarray, padding: tuple[int, int]) -> None:
    """A batch the plain way: each sample cut, padded and mirrored by itself."""
    before, after = padding
    keypoints = np.empty((len(samples), before + 1 + after, 17, 2))
    target = np.empty((len(samples), 1, 17, 3))
    for i, sample in enumerate(samples):
        sequence, rest = divmod(int(sample), 2000)
        view, (flip, frame) = views[sequence], divmod(rest, 1000)
        low, high = max(frame - before, 0), min(frame + after + 1, len(view))
        window = view.keypoints[low:high]
        short = (low - (frame - before), frame + after + 1 - high)
        if any(short):
            window = np.pad(window, (short, (0, 0), (0, 0)), "edge")
        assert view.target is not None
        pose = view.target[frame : frame + 1]
        if flip:
            window, pose = mirror_keypoints(window, H36M17), mirror_keypoints(pose, H36M17)
        keypoints[i], target[i] = window, pose
    torch.from_numpy(keypoints.astype(np.float32)), torch.from_numpy(target.astype(np.float32))


def _rate(work: Callable[[], None], windows: int, seconds: float, device: str) -> float:
    """Windows a second, after a warm-up."""

    def finished() -> float:
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        return time.perf_counter()

    for _ in range(3):
        work()
    begun, count = finished(), 0
    while count < 3 or finished() - begun < seconds:
        work()
        count += 1
    return count * windows / (finished() - begun)


if __name__ == "__main__":
    sys.exit(main())
