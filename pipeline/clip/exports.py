"""3D poses as files of other programs, in a folder whose other files are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from poselift.data.errors import UnknownName
from poselift.data.exports.bvh import bvh
from poselift.data.exports.glb import glb
from poselift.data.exports.tables import joints_csv, poses_json, trc
from poselift.data.files.whole_file import file_sha256
from poselift.data.structures import Poses3D
from poselift.inference.poses.rigging import rig
from poselift.pipeline.clip.folder_record import FolderRecord, Origin, locked
from poselift.pipeline.clip.sources import absolute

FORMATS = ("bvh", "csv", "glb", "json", "trc")

Made = Mapping[str, Callable[[], bytes]]


def exports_of(poses: Poses3D, formats: Sequence[str]) -> Made:
    """What makes each file's content, by the file's name.

    Args:
        formats: of FORMATS; bvh and trc give a file for each person.
    Raises: UnknownName; LayoutMismatch: a rig cannot be made of these joints.
    """
    for name in formats:
        if name not in FORMATS:
            raise UnknownName("export format", name, FORMATS)
    made: dict[str, Callable[[], bytes]] = {}
    motions = rig(poses) if {"bvh", "glb"} & set(formats) else []
    if "glb" in formats:
        made["people.glb"] = partial(glb, motions)
    if "bvh" in formats:
        fps = poses.timeline.fps
        for motion in motions:
            made[f"person_{motion.person_id}.bvh"] = partial(bvh, motion, fps)
    if "trc" in formats:
        for i, person in enumerate(poses.person_id.tolist()):
            name = f"person_{person}.trc"
            made[name] = partial(trc, poses, i, name)
    if "csv" in formats:
        made["joints.csv"] = partial(joints_csv, poses)
    if "json" in formats:
        made["poses.json"] = partial(poses_json, poses)
    return made


def export_file(
    poses_file: Path, poses: Poses3D, folder: Path, formats: Sequence[str]
) -> list[Path]:
    """Write the exports of a poses file; the paths of what was written.

    What an earlier export wrote is replaced, any other file is kept.

    Raises: UnknownName, LayoutMismatch; OutputError: a file of somebody else has the name of
        one, or the folder cannot be written.
    """
    made = exports_of(poses, formats)
    with locked(folder) as making:
        record = FolderRecord(folder)
        record.check_replaceable(made)
        if record.origin is None:
            record.claim(Origin(absolute(poses_file), file_sha256(poses_file)))
        written = []
        for name, content in made.items():
            part = making / name
            part.write_bytes(content())
            written.append(record.put(part, name, "export", ""))
    return written


def only(poses: Poses3D, people: Sequence[int]) -> Poses3D:
    """The poses of some people, by their ids. Raises: UnknownName: nobody has this id."""
    known = poses.person_id.tolist()
    for person in people:
        if person not in known:
            raise UnknownName("person", str(person), map(str, known))
    rows = [i for i, person in enumerate(known) if person in people]
    return replace(
        poses,
        person_id=poses.person_id[rows],
        pose=poses.pose[rows],
        trajectory=None if poses.trajectory is None else poses.trajectory[rows],
        world=poses.world[rows],
        valid=poses.valid[rows],
        interpolated=poses.interpolated[rows],
    )
