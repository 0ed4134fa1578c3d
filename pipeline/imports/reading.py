"""Which reader a file that was exported goes to, and whose the motions are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from poselift.data.errors import FormatError
from poselift.data.exports.settings import Units, Up
from poselift.pipeline.imports.joint_tables import FORMAT, read_csv, read_json, read_trc
from poselift.pipeline.imports.motions import MAX_PEOPLE, EditedMotion
from poselift.pipeline.imports.rig_motion import read_rig

Read = Callable[[Path, Units | None, Up | None], list[EditedMotion]]
READERS: dict[str, Read] = {
    ".bvh": read_rig,
    ".csv": read_csv,
    ".json": read_json,
    ".trc": read_trc,
}


def is_exported(path: Path) -> bool:
    """Whether a file is one of 3D joints that `poselift export` writes, by how it begins."""
    if path.suffix.lower() == ".bvh":
        return True
    try:
        with path.open("rb") as stream:
            start = stream.read(4096)
    except OSError:
        return False
    table, markers = b"person,frame,time_s,interpolated,joint,", b"\thip\t\t\tright_hip\t"
    is_trc = start.startswith(b"PathFileType") and markers in start
    return FORMAT.encode() in start or start.startswith(table) or is_trc


def read_exported(
    paths: Sequence[Path],
    *,
    person: int | None = None,
    units: Units | None = None,
    up: Up | None = None,
) -> list[EditedMotion]:
    """The motions in files that `poselift export` wrote; each person once.

    Args:
        person: whose motion it is, of a file of one person.
        units, up: see the readers; None: what the file says, or its people.
    Raises: FormatError, LayoutMismatch, MissingDependency.
    """
    found: list[EditedMotion] = []
    for path in paths:
        reader = READERS.get(path.suffix.lower())
        if reader is None:
            raise FormatError(
                f"{path}: 3D poses are read back from {', '.join(READERS)}. Export them as one of "
                "these."
            )
        found += reader(path, units, up)
    if person is not None:
        if len(found) != 1:
            raise FormatError(
                f"{paths[0]}: --person says whose a motion is, but {len(found)} were read. Give "
                "the file of one person, or leave it out."
            )
        found = [found[0].of(person)]
    free = (number for number in range(1, MAX_PEOPLE + 2))
    known = [motion.person_id for motion in found if motion.person_id is not None]
    if len(set(known)) < len(known) or len(found) > MAX_PEOPLE:
        raise FormatError(
            f"{paths[-1]}: somebody is there twice, or more than {MAX_PEOPLE} people are. Give "
            "each person once."
        )
    if len(found) == 1:
        return found
    return [
        motion
        if motion.person_id is not None
        else motion.of(next(number for number in free if number not in known))
        for motion in found
    ]
