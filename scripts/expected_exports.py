#!/usr/bin/env python3
"""Where an export's joints are, for the programs of scripts/test-exports to be compared with.

python scripts/expected_exports.py poses3d.npz EXPECTED.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

import numpy as np  # noqa: E402

import poselift  # noqa: E402
from poselift.pipeline.exports.scene import scene_of  # noqa: E402


def main(poses_file: str, expected: str) -> None:
    poses = poselift.load_poses(poses_file)
    people = [
        {
            "id": motion.person_id,
            "row": row,
            "joints": motion.rig.joints,
            "first_frame": motion.first_frame,
            "times_s": motion.times_s.tolist(),
            "places": motion.positions().tolist(),
            "seen": poses.world[row, np.flatnonzero(poses.valid[row])].astype(float).tolist(),
        }
        for row, motion in enumerate(scene_of(poses, poselift.ExportSettings()).motions)
    ]
    told = {"fps": poses.timeline.fps, "layout": poses.layout.joints, "people": people}
    Path(expected).write_text(json.dumps(told))


main(*sys.argv[1:])
