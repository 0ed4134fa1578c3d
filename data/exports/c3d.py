"""C3D: one person's joints as points, for biomechanics; millimetres, by the library ezc3d.

POINT:X_SCREEN and Y_SCREEN say which axis points right and which up, and the rate is not
rounded. A group POSELIFT says who it is and which frames were interpolated.
Source: the C3D file format, https://www.c3d.org.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from poselift.data import __version__
from poselift.data.errors import FormatError
from poselift.data.exports.settings import Axes
from poselift.data.files.optional_packages import optional_package
from poselift.data.structures import Poses3D

OWN = Axes("mm", "z")
LAST_FRAME = (1 << 16) - 1
# A parameter's side holds so many numbers: longer lists go on in another (as LABELS2 does).
_MOST = 254


def c3d(poses: Poses3D, person: int, axes: Axes = OWN) -> bytes:
    """One person's joints, in frames that the format takes as evenly spaced, counted from 1.

    Args:
        person: the row in `poses`.
    Raises: MissingDependency: ezc3d is not installed; FormatError: a frame's number is too high.
    """
    ezc3d = optional_package("ezc3d", "Writing C3D files", "exports")
    frames = np.flatnonzero(poses.valid[person])
    if frames[-1] + 1 > LAST_FRAME:
        raise FormatError(
            f"person {poses.person_id[person]} is in frame {frames[-1] + 1}, and C3D counts to "
            f"{LAST_FRAME}. Ask for a lower rate with --fps, or for another format."
        )
    places = axes.points(poses.world[person, frames])  # (T, J, 3)
    points = np.ones((4, places.shape[1], len(frames)))
    points[:3] = places.transpose(2, 1, 0)
    file = ezc3d.c3d()
    point = file["parameters"]["POINT"]
    point["RATE"]["value"] = [poses.timeline.fps]
    point["LABELS"]["value"] = [
        name.encode("ascii", "replace").decode() for name in poses.layout.joints
    ]
    point["UNITS"]["value"] = [axes.units]
    file.add_parameter("POINT", "X_SCREEN", ["+X"])
    file.add_parameter("POINT", "Y_SCREEN", [f"+{axes.up.upper()}"])
    file.add_parameter("POSELIFT", "GENERATOR", [f"Poselift {__version__}"])
    file.add_parameter("POSELIFT", "AXES", [axes.text])
    file.add_parameter("POSELIFT", "PERSON", [float(poses.person_id[person])])
    unseen = np.flatnonzero(poses.interpolated[person] & poses.valid[person]) + 1.0
    for i, start in enumerate(range(0, len(unseen), _MOST)):
        name = f"INTERPOLATED{i + 1 if i else ''}"
        file.add_parameter("POSELIFT", name, unseen[start : start + _MOST].tolist())
    file["data"]["points"] = points
    file["header"]["points"]["first_frame"] = int(frames[0])
    with tempfile.TemporaryDirectory(prefix="poselift-") as folder:
        path = Path(folder) / "person.c3d"
        file.write(str(path))
        return path.read_bytes()
