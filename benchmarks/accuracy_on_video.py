"""Our 3D poses beside MediaPipe's own on real clips, which have no ground truth.

    python -m benchmarks.accuracy_on_video VIDEO... --bundle pose_landmarker_full.task

One JSON line for each clip and source (`ours`: the main job with the shipped detector and
lifter; `ours, not steadied`: the lifter's own output; `mediapipe`: world landmarks of the
same person, frame by frame), over the limb joints in frames that all of them have:

- `acceleration_mm`: mean length of second differences, per frame: jitter and true movement;
  `ratio` against MediaPipe's;
- `bones_percent`: how much the length of a limb bone varies over the clip (deviation over mean);
- `apart_mm`: P-MPJPE between it and MediaPipe's pose. This is disagreement, not error.

scripts/test-mediapipe shows how to get mediapipe and a bundle.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from poselift.data.skeletons import H36M17
from poselift.data.structures import Keypoints2D
from poselift.inference.detectors.blazepose import BlazePose
from poselift.inference.detectors.landmarks33 import to_h36m
from poselift.inference.poses.lifting import Lifter
from poselift.inference.poses.tracks_to_poses import poses_of
from poselift.inference.similarity import keypoint_similarity
from poselift.inference.video.video_reader import VideoReader
from poselift.models.lifters import open_lifter
from poselift.models.metrics import p_mpjpe
from poselift.models.registry import DEFAULT_LIFTER
from poselift.pipeline.clip.run_many import run_video
from poselift.pipeline.clip.settings import RunSettings

LIMBS = [j for j, joint in enumerate(H36M17.joints) if H36M17.side(joint) != "centre"]
BONES = [(H36M17.parents[j], j) for j in LIMBS if H36M17.parents[j] in LIMBS]
SAME = 0.5  # similarity from which two detections are of one person


def landmarks_of(video: Path, person: Keypoints2D, bundle: Path) -> np.ndarray:
    """(T, 17, 3) MediaPipe's pose of a person in H36M joints; nan where it has none."""
    poses = np.full((len(person.seen), H36M17.num_joints, 3), np.nan)
    blazepose = BlazePose(bundle)
    for frame in VideoReader(video):
        if not person.seen[frame.index]:
            continue
        found = blazepose.look(frame.image)
        xy = person.xy[frame.index]
        alike = [keypoint_similarity(xy, other) for other in found.people.keypoints]
        if alike and max(alike) > SAME:
            poses[frame.index] = to_h36m(found.world[int(np.argmax(alike))])
    return poses


def figures(poses: np.ndarray, common: np.ndarray, baseline: np.ndarray) -> dict[str, Any]:
    """See the top. Poses are (T, 17, 3), nan where there is none; common is (T,) bool."""
    rooted = poses - poses[:, :1]
    running = common[:-2] & common[1:-1] & common[2:]
    acceleration = np.linalg.norm(np.diff(rooted[:, LIMBS], n=2, axis=0)[running], axis=-1)
    lengths = np.stack(
        [np.linalg.norm(poses[common, a] - poses[common, b], axis=-1) for a, b in BONES]
    )
    apart = p_mpjpe(poses[common][:, LIMBS], baseline[common][:, LIMBS])
    return {
        "frames": int(common.sum()),
        "acceleration_mm": round(1000 * float(acceleration.mean()), 2),
        "bones_percent": round(100 * float((lengths.std(1) / lengths.mean(1)).mean()), 2),
        "apart_mm": round(1000 * float(apart.mean()), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--bundle", type=Path, required=True, help="MediaPipe's .task file")
    parser.add_argument("--lifter", default=DEFAULT_LIFTER)
    asked = parser.parse_args()
    lifter = Lifter(open_lifter(asked.lifter)[0])
    for video in asked.videos:
        with tempfile.TemporaryDirectory() as out:
            settings = RunSettings(render="none", people="best", lifter=asked.lifter)
            run = run_video(video, out, settings)
        person = run.tracks.people[0]
        theirs = landmarks_of(video, person, asked.bundle)
        sources = {
            "mediapipe": theirs,
            "ours, not steadied": poses_of(run.tracks, lifter, steady=False).pose[0],
            "ours": run.poses.pose[0],
        }
        common = ~np.any([np.isnan(poses).any((1, 2)) for poses in sources.values()], axis=0)
        if not common.any():
            print(json.dumps({"benchmark": "accuracy_on_video", "clip": video.name, "frames": 0}))
            continue
        about = {"benchmark": "accuracy_on_video", "clip": video.name}
        first = None
        for source, poses in sources.items():
            row = about | {"source": source} | figures(poses, common, theirs)
            first = first or row["acceleration_mm"]
            print(json.dumps(row | {"ratio": round(row["acceleration_mm"] / first, 2)}), flush=True)


if __name__ == "__main__":
    main()
