"""What was measured as files: CSV, and OpenSim's MOT. Units stand in the headers.

A cell is empty where there is no value. MOT cannot have that (OpenSim's Storage stops reading there
and says nothing): values from before and after fill it, and an angle that is never there has no
column.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import fields

import numpy as np

from poselift.data.structures import Poses3D
from poselift.inference.movement.angles import Angles, smoothed_world
from poselift.inference.movement.angles import speeds as speeds_of
from poselift.inference.movement.gait import Contact, Gait
from poselift.inference.movement.walking import SIDES

_OF_SIDES = ("step_s", "step_length_m", "stance_s", "swing_s")
_SUMMARY = (
    *("person", "walks", "steps", "strides", "speed_m_s", "cadence_steps_min"),
    *("stride_mean_s", "stride_sd_s", "stride_length_mean_m", "step_width_mean_m"),
    *(f"{side}_{measure}" for measure in _OF_SIDES for side in SIDES),
    *(f"{side}_stance_percent" for side in SIDES),
    *(f"{measure.rsplit('_', 1)[0]}_symmetry_percent" for measure in _OF_SIDES),
)


def angles_csv(poses: Poses3D, angles: Angles) -> bytes:
    """A row for each person and frame of their life: angles, root and the joints' speeds.

    Args:
        angles: of these poses; root and speeds go through the same low-pass.
    """
    root, speeds = (
        smoothed_world(poses, angles.cutoff_hz)[:, :, 0],
        speeds_of(poses, angles.cutoff_hz),
    )
    header = ["person", "frame", "time_s", "interpolated"]
    header += [f"{name}_deg" for name in angles.names] + [f"root_{axis}_m" for axis in "xyz"]
    header += [f"{joint}_speed_m_s" for joint in poses.layout.joints]
    rows: list[list[object]] = []
    times_s = poses.timeline.times_s.tolist()
    for i, person in enumerate(angles.person_id.tolist()):
        for t in np.flatnonzero(angles.valid[i]).tolist():
            known = [person, t, f"{times_s[t]:.6f}", int(angles.interpolated[i, t])]
            cells = [_cell(value, 3) for value in angles.degrees[i, t].tolist()]
            cells += [_cell(value, 6) for value in root[i, t].tolist()]
            rows.append([*known, *cells, *(_cell(value, 4) for value in speeds[i, t].tolist())])
    return _csv(header, rows)


def gait_csv(gaits: Sequence[Gait]) -> bytes:
    """A row for each person: means over their walks; `walks` is 0 for who does not walk.

    Symmetry is left minus right as a share of their mean.
    """
    return _csv(_SUMMARY, [_summary(gait) for gait in gaits])


def contacts_csv(gaits: Sequence[Gait]) -> bytes:
    """A row for each contact, of everybody who walks; its columns are the fields of Contact."""
    names = [field.name for field in fields(Contact)]
    rows = [
        [gait.person_id, *(_told(getattr(contact, name)) for name in names)]
        for gait in gaits
        for contact in gait.contacts
    ]
    return _csv(["person", *names], rows)


def angles_mot(angles: Angles, person: int, name: str) -> bytes:
    """One person's angles over the time of the clip, for OpenSim.

    Args:
        person: the row in `angles`. name: of the file, which its first line repeats.
    """
    frames = np.flatnonzero(angles.valid[person])
    times_s, degrees = angles.timeline.times_s[frames], angles.degrees[person, frames]
    there = np.isfinite(degrees).any(0)
    names = [known for known, is_there in zip(angles.names, there, strict=True) if is_there]
    columns = [times_s]
    for column in degrees[:, there].T:
        known = np.isfinite(column)
        columns.append(np.interp(times_s, times_s[known], column[known]))
    lines = [name, "version=1", f"nRows={len(frames)}", f"nColumns={len(columns)}"]
    lines += ["inDegrees=yes", "endheader", "\t".join(("time", *names))]
    lines += ["\t".join(f"{value:.6f}" for value in row) for row in np.stack(columns, 1).tolist()]
    return ("\n".join(lines) + "\n").encode("ascii")


def _summary(gait: Gait) -> list[str | int]:
    stride = gait.known("stride_s")
    spread = float(stride.std(ddof=1)) if len(stride) > 1 else float("nan")
    cells: list[str | int] = [gait.person_id, gait.walks, len(gait.known("step_s")), len(stride)]
    cells += [_cell(gait.speed_m_s, 3), _cell(gait.cadence_steps_min, 1)]
    cells += [_cell(gait.mean("stride_s"), 4), _cell(spread, 4)]
    cells += [_cell(gait.mean("stride_length_m"), 3), _cell(gait.mean("step_width_m"), 3)]
    cells += [_cell(gait.mean(measure, side), 4) for measure in _OF_SIDES for side in SIDES]
    cells += [_cell(gait.stance_percent(side), 1) for side in SIDES]
    return cells + [_cell(gait.symmetry_percent(measure), 1) for measure in _OF_SIDES]


def _told(value: str | float | None) -> str:
    """A number without a point is a whole one, and so is a flag."""
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:.4f}" if isinstance(value, float) else str(int(value))


def _cell(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}f}"


def _csv(header: Iterable[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    table.writerows(rows)
    return text.getvalue().encode("ascii")
