"""The joints themselves, without a rig: CSV, Parquet, JSON and TRC."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from poselift.data import __version__
from poselift.data.exports.camera import Camera
from poselift.data.exports.settings import WORDS, Axes
from poselift.data.files.optional_packages import optional_package
from poselift.data.structures import Poses3D

Z_UP, Y_UP = Axes("m", "z"), Axes("m", "y")


def joints_csv(poses: Poses3D, axes: Axes = Z_UP) -> bytes:
    """A row for each joint of each person in each frame; its own are metres, z up."""
    columns = joint_columns(poses, axes)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(columns)
    told = [_texts(values) for values in columns.values()]
    rows.writerows(zip(*told, strict=True))
    return text.getvalue().encode("utf-8")


def joints_parquet(poses: Poses3D, axes: Axes = Z_UP) -> bytes:
    """The same table for pandas and its kin; the schema's metadata `poselift` is JSON.

    Raises: MissingDependency: pyarrow is not installed.
    """
    pyarrow = optional_package("pyarrow", "Writing Parquet files", "exports")
    parquet = optional_package("pyarrow.parquet", "Writing Parquet files", "exports")
    columns = joint_columns(poses, axes)
    columns["joint"] = pyarrow.array(columns["joint"]).dictionary_encode()
    told = json.dumps(_about(poses, axes))
    table = pyarrow.table(columns, metadata={"poselift": told})
    content = io.BytesIO()
    parquet.write_table(table, content)
    return content.getvalue()


def joint_columns(poses: Poses3D, axes: Axes) -> dict[str, Any]:
    """(N,) each: a row for each joint of each person in each frame."""
    people, frames = np.nonzero(poses.valid)
    joints = len(poses.layout.joints)
    places = axes.points(poses.world[people, frames]).reshape(-1, 3)
    columns = {
        "person": np.repeat(poses.person_id[people], joints),
        "frame": np.repeat(frames, joints),
        "time_s": np.repeat(poses.timeline.times_s[frames], joints),
        "interpolated": np.repeat(poses.interpolated[people, frames], joints),
        "joint": np.tile(poses.layout.joints, len(frames)),
    }
    return columns | {f"{axis}_{axes.units}": places[:, i] for i, axis in enumerate("xyz")}


def _texts(values: np.ndarray) -> list[Any]:
    """As a cell of CSV has them: numbers with six digits, yes and no as 1 and 0."""
    if values.dtype == float:
        return [f"{value:.6f}" for value in values.tolist()]
    return (values.astype(int) if values.dtype == bool else values).tolist()


def _about(poses: Poses3D, axes: Axes) -> dict[str, Any]:
    """What the numbers of a file mean."""
    return {
        "generator": f"Poselift {__version__}",
        "units": WORDS[axes.units],
        "axes": axes.text,
        "fps": poses.timeline.fps,
        "joints": list(poses.layout.joints),
        "bones": [list(bone) for bone in poses.layout.bones],
    }


def poses_json(poses: Poses3D, axes: Axes = Z_UP, cameras: Sequence[Camera] = ()) -> bytes:
    """All that Poses3D says of its world, with what its axes and units are."""
    everyone = [_person(poses, i, axes) for i in range(len(poses.person_id))]
    for person, camera in itertools.zip_longest(everyone, cameras):
        person["camera"] = camera and _camera(camera, axes)
    told = {"format": "poselift-export/1", **_about(poses, axes)}
    told |= {
        "frames": len(poses.timeline),
        "frame_times_s": poses.timeline.times_s.tolist(),
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


def _camera(camera: Camera, axes: Axes) -> dict[str, Any]:
    """Where it stands and what it sees; directions are those of the picture, in the file's axes.

    Where it moves, directions and focal length are lists, of each frame of the clip.
    """
    place, turned = camera.posed(axes)
    right, up, back = np.moveaxis(turned, -1, 0)  # (T, 3) each

    def told(values: np.ndarray) -> Any:
        return (values[0] if camera.path is None else np.round(values, 9)).tolist()

    return {
        "moves": camera.path is not None,
        "width": camera.width,
        "height": camera.height,
        "focal_px": told(camera.focals_px),
        "principal_point_px": [camera.width / 2, camera.height / 2],
        "position": (np.round(place, 6) + 0.0).tolist(),
        "right": told(right),
        "down": told(-up),
        "forward": told(-back),
        "median_off_px": round(camera.off_px[0], 3),
        "largest_off_px": round(camera.off_px[1], 3),
    }


def trc(poses: Poses3D, person: int, name: str, axes: Axes = Y_UP) -> bytes:
    """One person's joints as markers, for OpenSim: y up, its own are metres, frames counted from 1.

    Args:
        person: the row in `poses`. name: of the file, which its first line repeats.
    """
    frames = np.flatnonzero(poses.valid[person])
    rows = axes.points(poses.world[person, frames]).reshape(len(frames), -1)
    fps, count = f"{poses.timeline.fps:.10g}", len(frames)
    joints = ["".join(name.split()) for name in poses.layout.joints]  # blanks part columns
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
