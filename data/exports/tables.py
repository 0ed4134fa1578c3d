"""The joints themselves, without a rig: CSV, JSON and TRC."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np

from poselift.data import __version__
from poselift.data.exports.settings import WORDS, Axes
from poselift.data.structures import Poses3D

HEADER = ("person", "frame", "time_s", "interpolated", "joint")
Z_UP, Y_UP = Axes("m", "z"), Axes("m", "y")


def joints_csv(poses: Poses3D, axes: Axes = Z_UP) -> bytes:
    """A row for each joint of each person in each frame; its own are metres, z up."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow((*HEADER, *(f"{axis}_{axes.units}" for axis in "xyz")))
    times_s = poses.timeline.times_s.tolist()
    for i, person in enumerate(poses.person_id.tolist()):
        for frame in np.flatnonzero(poses.valid[i]).tolist():
            known = (person, frame, f"{times_s[frame]:.6f}", int(poses.interpolated[i, frame]))
            places = axes.points(poses.world[i, frame]).tolist()
            for joint, place in zip(poses.layout.joints, places, strict=True):
                rows.writerow((*known, joint, *(f"{value:.6f}" for value in place)))
    return text.getvalue().encode("ascii")


def poses_json(poses: Poses3D, axes: Axes = Z_UP) -> bytes:
    """All that Poses3D says of its world, with what its axes and units are."""
    everyone = [_person(poses, i, axes) for i in range(len(poses.person_id))]
    told: dict[str, Any] = {
        "format": "poselift-export/1",
        "generator": f"Poselift {__version__}",
        "units": WORDS[axes.units],
        "axes": axes.text,
        "fps": poses.timeline.fps,
        "frames": len(poses.timeline),
        "frame_times_s": poses.timeline.times_s.tolist(),
        "joints": list(poses.layout.joints),
        "bones": [list(bone) for bone in poses.layout.bones],
        "people": everyone,
    }
    return (json.dumps(told, separators=(",", ":"), allow_nan=False) + "\n").encode("ascii")


def _person(poses: Poses3D, i: int, axes: Axes) -> dict[str, Any]:
    """The frames of a life are without gaps: the first, and a row for each."""
    frames = np.flatnonzero(poses.valid[i])
    return {
        "id": int(poses.person_id[i]),
        "first_frame": int(frames[0]),
        "interpolated_frames": np.flatnonzero(poses.interpolated[i] & poses.valid[i]).tolist(),
        "positions": np.round(axes.points(poses.world[i, frames]), 6).tolist(),
    }


def trc(poses: Poses3D, person: int, name: str, axes: Axes = Y_UP) -> bytes:
    """One person's joints as markers, for OpenSim: y up, its own are metres, frames counted from 1.

    Args:
        person: the row in `poses`. name: of the file, which its first line repeats.
    """
    frames = np.flatnonzero(poses.valid[person])
    rows = axes.points(poses.world[person, frames]).reshape(len(frames), -1)
    fps, count, joints = f"{poses.timeline.fps:.10g}", len(frames), poses.layout.joints
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame"
        "\tOrigNumFrames",
        f"{fps}\t{fps}\t{count}\t{len(joints)}\t{axes.units}\t{fps}\t{frames[0] + 1}\t{count}",
        "Frame#\tTime\t" + "\t\t\t".join(joints) + "\t\t\t",
        "\t\t" + "\t".join(f"X{i}\tY{i}\tZ{i}" for i in range(1, len(joints) + 1)) + "\t",
        "",
    ]
    times_s = poses.timeline.times_s
    for frame, row in zip(frames.tolist(), rows.tolist(), strict=True):
        numbers = "\t".join(f"{value:.6f}" for value in row)
        lines.append(f"{frame + 1}\t{times_s[frame]:.6f}\t{numbers}")
    return ("\n".join(lines) + "\n").encode("utf-8")
