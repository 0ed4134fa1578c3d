"""What OpenSim and py-c3d make of TRC, MOT and C3D files; see scripts/test-exports.

    python check_in_opensim.py EXPECTED.json FOLDER

Prints how far their markers are from the poses' joints, in mm; of a MOT, that it is read. Exit
status 1 past half a millimetre.
"""

import json
import sys
from pathlib import Path

import c3d
import numpy as np
import opensim

LARGEST_MM = 0.5


def in_opensim(path, person):
    """As its inverse kinematics reads it: metres, y up."""
    data = opensim.MarkerData(str(path))
    data.convertToUnits(opensim.Units("m"))
    read = np.array(
        [
            [data.getFrame(t).getMarker(j).to_numpy() for j in range(data.getNumMarkers())]
            for t in range(data.getNumFrames())
        ]
    )
    seen = np.array(person["seen"])
    there = np.stack([seen[..., 0], seen[..., 2], -seen[..., 1]], -1)
    times = np.array([data.getFrame(t).getFrameTime() for t in range(data.getNumFrames())])
    assert np.abs(times - person["times_s"]).max() < 1e-5, "other times"
    return 1000 * np.linalg.norm(read - there, axis=-1).max()


def in_c3d(path, person, layout):
    with path.open("rb") as stream:
        reader = c3d.Reader(stream)
        labels = [label.strip() for label in reader.point_labels]
        read = np.array([points[:, :3] for _, points, _ in reader.read_frames()])
    assert labels == list(layout), labels
    assert reader.first_frame == person["first_frame"] + 1, reader.first_frame
    return np.linalg.norm(read - 1000 * np.array(person["seen"]), axis=-1).max()


def main(expected, folder):
    told, worst = json.loads(Path(expected).read_text()), []
    for person in told["people"]:
        stem = Path(folder) / f"person_{person['id']}"
        for program, suffix, found in (
            (f"OpenSim {opensim.GetVersion()[:3]}", ".trc", in_opensim),
            ("py-c3d", ".c3d", lambda path, person: in_c3d(path, person, told["layout"])),
        ):
            worst.append(found(stem.with_suffix(suffix), person))
            print(f"{program}: {stem.name}{suffix}: largest error {worst[-1]:.4f} mm", flush=True)
        for path in sorted(Path(folder).glob(f"{stem.name}*.mot")):
            table = opensim.TimeSeriesTable(str(path))
            size = f"read, {table.getNumRows()} rows, {table.getNumColumns()} columns"
            print(f"OpenSim {opensim.GetVersion()[:3]}: {path.name}: {size}", flush=True)
    return 0 if worst and max(worst) <= LARGEST_MM else 1


sys.exit(main(*sys.argv[1:]))
