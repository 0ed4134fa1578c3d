"""Which smoothing takes out jitter without adding error or lag.

    python benchmarks/smoothing.py ARCHIVE... [--lifter NAME] [--views 512]

Noisy views of the validation clips at 30 frames/s, through the Lifter of the main job, with
nothing done, with Savitzky-Golay filters and with One-Euro filters (Casiez et al., CHI 2012),
on the 3D poses or on the keypoints before lifting. One JSON line each: errors, `jitter_mm`
(acceleration that the truth has not, mm/frame^2) and `lag_frames`; `ratio` is the
acceleration error against nothing done.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from scipy.signal import savgol_filter

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)

from poselift.data.archives.joints_archive import load_joints, split_clips  # noqa: E402
from poselift.inference.poses.lifting import LiftedPose  # noqa: E402
from poselift.models.lifters import open_lifter  # noqa: E402
from poselift.models.registry import DEFAULT_LIFTER  # noqa: E402
from poselift.pipeline.commands.train_commands import TEST_CLIPS, VALIDATION  # noqa: E402
from poselift.pipeline.mocap.evaluate_mocap import CONDITIONS, FPS, judge, means  # noqa: E402

T = TypeVar("T")
Smoothing = Callable[[np.ndarray], np.ndarray]


def one_euro(values: np.ndarray, cutoff: float, beta: float) -> np.ndarray:
    """(T, ...) through a One-Euro filter: low-pass, less so where it moves fast."""

    def share(frequency: np.ndarray | float) -> np.ndarray | float:
        return 1 / (1 + FPS / (2 * np.pi * frequency))

    smooth, speed = [values[0]], np.zeros_like(values[0])
    for value in values[1:]:
        speed = speed + share(1.0) * ((value - smooth[-1]) * FPS - speed)
        smooth.append(smooth[-1] + share(cutoff + beta * np.abs(speed)) * (value - smooth[-1]))
    return np.stack(smooth)


def savitzky_golay(values: np.ndarray, frames: int) -> np.ndarray:
    return np.asarray(savgol_filter(values, frames, polyorder=2, axis=0, mode="nearest"))


def _as_it_is(value: T) -> T:
    return value


SMOOTHINGS: dict[str, Smoothing] = {
    "none": _as_it_is,
    **{
        f"Savitzky-Golay {frames} frames": functools.partial(savitzky_golay, frames=frames)
        for frames in (5, 7, 9, 13)
    },
    **{
        f"One-Euro {cutoff} Hz, beta {beta}": functools.partial(one_euro, cutoff=cutoff, beta=beta)
        for cutoff, beta in ((1.0, 1.0), (2.0, 1.0), (2.0, 5.0), (4.0, 2.0))
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archives", nargs="+", type=Path, help="joints archives (DATASETS.md)")
    parser.add_argument("--lifter", default=DEFAULT_LIFTER)
    parser.add_argument("--views", type=int, default=512)
    asked = parser.parse_args()
    weights, _ = open_lifter(asked.lifter)
    clips = [clip for path in asked.archives for clip in load_joints(path)]
    rest, _ = split_clips(clips, TEST_CLIPS.read_text().split())
    _, validation = split_clips(rest, VALIDATION.split(","))
    baseline = None
    for where in ("poses", "keypoints"):
        for name, smoothing in SMOOTHINGS.items():
            if name == "none" and where == "keypoints":
                continue
            errors = means(
                judge(
                    weights,
                    validation,
                    CONDITIONS["noisy"],
                    views=asked.views,
                    smooth=smoothing if where == "keypoints" else _as_it_is,
                    steady=functools.partial(_steadied, smoothing=smoothing)
                    if where == "poses"
                    else _as_it_is,
                )
            )
            baseline = baseline or errors["acceleration_mm"]
            figure = {
                "benchmark": "smoothing",
                "lifter": weights.name,
                "smoothing": name,
                "of": where,
                **{k: round(v, 2) for k, v in errors.items()},
                "ratio": round(errors["acceleration_mm"] / baseline, 3),
            }
            print(json.dumps(figure), flush=True)


def _steadied(lifted: LiftedPose, smoothing: Smoothing) -> LiftedPose:
    return replace(lifted, pose=smoothing(lifted.pose))


if __name__ == "__main__":
    main()
