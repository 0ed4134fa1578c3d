"""How the shipped detector errs on real video, beside the noise that lifters are trained with.

    python -m benchmarks.detector_noise ARCHIVE VIDEO... [--every 10]

Measured on tracked people of ordinary videos, in % of the person's size in the image (root
mean square distance of the keypoints, about half a metre on the body):

- `jitter`: distance from a Savitzky-Golay fit over 0.2 s, by joint and by confidence;
- `error`: distance from the careful look of benchmarks/detector.py, by confidence. What both
  looks do wrong alike (a hip placed too high) stays hidden, so this is a lower bound;
- `confidence`: its mean by joint, and the share of each range.

The same figures follow for keypoints of motion capture (ARCHIVE, 30 frames/s) with the noise
of data/mocap/detector_noise.py, whose ranges were chosen to span the measured ones. One JSON line
for each source.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.signal import savgol_filter

from benchmarks.detector import careful_looks
from poselift.data.archives.joints_archive import load_joints
from poselift.data.mocap.detector_noise import NoiseRanges, detect_like
from poselift.data.mocap.virtual_views import ViewRanges, ViewSampler
from poselift.data.skeletons import COCO17
from poselift.data.structures import Keypoints2D
from poselift.inference.similarity import keypoint_similarity
from poselift.inference.video.video_reader import VideoReader
from poselift.models.inputs import person_frame
from poselift.pipeline.clip.run_many import run_video
from poselift.pipeline.clip.settings import RunSettings

CONFIDENCES = (0.05, 0.2, 0.4, 0.6, 0.8, 1.01)
JITTER_WINDOW_S = 0.2


@dataclass(frozen=True)
class Sample:
    """Distances in units of the person's size and the confidences they came with.

    Args:
        confidence: (N, 17).
        jitter: (N, 17), nan where not known.
        error: (N, 17), nan where not known.
    """

    confidence: np.ndarray
    jitter: np.ndarray
    error: np.ndarray

    def figures(self) -> dict[str, Any]:
        found = self.confidence > CONFIDENCES[0]
        by_confidence = {}
        for low, high in itertools.pairwise(CONFIDENCES):
            chosen = (self.confidence >= low) & (self.confidence < high)
            by_confidence[f"{low} to {min(high, 1.0)}"] = {
                "share": round(float(chosen.mean()), 3),
                "jitter": _percent(self.jitter[chosen]),
                "error": _percent(self.error[chosen]),
            }
        joints = {
            joint: {
                "confidence": round(float(self.confidence[:, j].mean()), 2),
                "jitter": _percent(self.jitter[found[:, j], j]),
                "error": _percent(self.error[found[:, j], j]),
            }
            for j, joint in enumerate(COCO17.joints)
        }
        return {
            "frames": len(self.confidence),
            "missing": round(float((~found).mean()), 4),
            "jitter": _percent(self.jitter[found]),
            "error": _percent(self.error[found]),
            "by_confidence": by_confidence,
            "by_joint": joints,
        }


def _percent(distances: np.ndarray) -> dict[str, float] | None:
    known = 100 * distances[np.isfinite(distances)]
    if not known.size:
        return None
    return {
        "median": round(float(np.median(known)), 2),
        "rms": round(float(np.sqrt((known**2).mean())), 2),
    }


def _jitter(xy: np.ndarray, size: np.ndarray, fps: float) -> np.ndarray:
    """(T, J, 2), (T,) -> (T, J) distance from a smooth fit."""
    window = max(5, 2 * round(JITTER_WINDOW_S * fps / 2) + 1)
    smooth = savgol_filter(xy, window, polyorder=2, axis=0)
    return np.asarray(np.linalg.norm(xy - smooth, axis=-1) / size[:, None])


def filmed(video: Path, every: int) -> list[Sample]:
    """The tracked people of a video."""
    with tempfile.TemporaryDirectory() as out:
        run = run_video(video, out, RunSettings(render="none"))
    people = [person for person in run.tracks.people if person.seen.sum() > 30]
    errors = {person.person_id: np.full(person.confidence.shape, np.nan) for person in people}
    for frame in VideoReader(video):
        if frame.index % every:
            continue
        for pose, _ in careful_looks(frame.image):
            for person in people:
                own = person.xy[frame.index]
                if person.seen[frame.index] and keypoint_similarity(own, pose) > 0.5:
                    errors[person.person_id][frame.index] = np.linalg.norm(own - pose, axis=-1)
    return [_of(person, errors[person.person_id], run.tracks.timeline.fps) for person in people]


def _of(person: Keypoints2D, error: np.ndarray, fps: float) -> Sample:
    span = person.span
    xy, confidence = person.xy[span], person.confidence[span]
    frame = person_frame(torch.from_numpy(xy), torch.from_numpy(confidence))
    size = frame.size[:, 0, 0].numpy()
    own = person.seen[span][:, None] & ~person.interpolated[span]
    jitter = np.where(own, _jitter(xy, size, fps), np.nan)
    error = np.where(own, error[span] / size[:, None], np.nan)
    seen = person.seen[span]
    return Sample(confidence[seen], jitter[seen], error[seen])


def modelled(archive: Path, views: int = 200, frames: int = 60) -> Sample:
    """Motion capture with the noise of training."""
    sampler = ViewSampler(load_joints(archive), seed=1, ranges=ViewRanges(fps=(30.0, 30.0)))
    seen = sampler.sample(views, frames)
    size = person_frame(seen.keypoints, torch.ones(seen.keypoints.shape[:3])).size
    ranges = replace(NoiseRanges(), exact=0.0, filled_body=0.0, filled_limb=0.0)
    noisy, confidence = detect_like(seen.keypoints, seen.inside, size, sampler, ranges)
    error = ((noisy - seen.keypoints) / size).norm(dim=-1)
    jitter = [
        _jitter(xy, s, 30.0) for xy, s in zip(noisy.numpy(), size[:, :, 0, 0].numpy(), strict=True)
    ]
    return Sample(
        confidence.flatten(0, 1).numpy(), np.concatenate(jitter), error.flatten(0, 1).numpy()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path, help="joints archive (DATASETS.md)")
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--every", type=int, default=10, help="careful look at every Nth frame")
    asked = parser.parse_args()
    everybody: list[Sample] = []
    for video in asked.videos:
        everybody += filmed(video, asked.every)
    together = Sample(
        *(
            np.concatenate([getattr(sample, name) for sample in everybody])
            for name in ("confidence", "jitter", "error")
        )
    )
    for source, sample in (("filmed", together), ("modelled", modelled(asked.archive))):
        print(json.dumps({"benchmark": "detector_noise", "source": source} | sample.figures()))


if __name__ == "__main__":
    main()
