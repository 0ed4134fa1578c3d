"""Folders of motion capture files, BVH or ASF/AMC, as joints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from poselift.data.archives.joints_archive import JointsClip
from poselift.data.errors import FormatError
from poselift.data.mocap.asf_amc import AcclaimSkeleton, read_amc, read_asf
from poselift.data.mocap.bvh import read_bvh
from poselift.data.mocap.kinematics import Motion
from poselift.data.mocap.mocap_cleaning import MIN_FRAMES, clean_takes
from poselift.data.mocap.rig import Rig, apply_rig, rig_for, up_of
from poselift.data.structures import count_of

SUFFIXES = (".amc", ".bvh")


@dataclass(frozen=True)
class TakeJoints:
    """What became of one file.

    Args:
        clips: its usable pieces.
        rig: name of the rig that was used.
        up: the file's axis that was taken for it, such as "+y".
        frames: that the pieces have, at most 60 a second.
        cut: how many of them were glitches or in pieces too short.
    """

    clips: tuple[JointsClip, ...]
    rig: str
    up: str
    frames: int
    cut: int


def motion_files(sources: Sequence[Path]) -> Iterator[Path]:
    """The .bvh and .amc files given, and those of folders with their folders, in order.

    Raises: FormatError: one does not exist, or a folder holds none.
    """
    for source in sources:
        if source.is_file():
            yield source
            continue
        if not source.is_dir():
            raise FormatError(f"{source}: no such file or folder.")
        found = sorted(path for path in source.rglob("*") if _is(path, *SUFFIXES))
        if not found:
            raise FormatError(f"{source}: holds no motion capture (*.bvh, *.amc with *.asf).")
        yield from found


def clip_names(paths: Sequence[Path], prefix: str = "") -> list[str]:
    """The files' names without suffix, and with their folder's where two are the same."""
    count = Counter(path.stem for path in paths)
    return [
        prefix + (path.stem if count[path.stem] == 1 else f"{path.parent.name}_{path.stem}")
        for path in paths
    ]


def convert_take(
    path: Path,
    rigs: Sequence[Rig],
    *,
    name: str | None = None,
    fps: float | None = None,
    up: str | None = None,
) -> TakeJoints:
    """The joints of one file.

    Args:
        rigs: the first that fits best is used.
        name: of the clip; the file's, without its suffix, by default.
        fps: of the file, where neither it nor its rig says or both are wrong.
        up: axis of the file, such as "+y"; found by default.
    Raises: FormatError, MissingDependency.
    """
    motion = read_motion(path)
    rig = rig_for(str(path), motion, rigs)
    rate = fps or motion.fps or rig.fps
    if rate is None:
        raise FormatError(f"{path}: does not say its frame rate, nor does its rig. Give --fps.")
    up = up or up_of(str(path), motion, rig)
    h36m, coco = apply_rig(str(path), motion, rig, up)
    clips, cut = clean_takes(name or path.stem, h36m, coco, rate)
    if not clips:
        raise FormatError(
            f"{path}: {count_of(len(motion.positions), 'frame')}, but nowhere {MIN_FRAMES} in "
            "a row that are usable. Check its rig (--rig) and its frame rate (--fps)."
        )
    return TakeJoints(tuple(clips), rig.name, up, int(np.sum([len(c.h36m) for c in clips])), cut)


def read_motion(path: Path) -> Motion:
    """Raises: FormatError: neither a readable BVH nor an AMC beside its ASF."""
    suffix = path.suffix.lower()
    if suffix == ".bvh":
        return read_bvh(path)
    if suffix == ".amc":
        return read_amc(path, _skeleton(skeleton_file(path)))
    raise FormatError(f"{path}: is neither .bvh nor .amc.")


def skeleton_file(amc: Path) -> Path:
    """The .asf of an .amc: in the same folder, the only one or the longest that begins its name.

    Raises: FormatError: there is none, or it is not clear which.
    """
    there = [path for path in amc.parent.iterdir() if _is(path, ".asf")]
    # Files from Windows differ in letter case: RUN.AMC goes with Run.asf.
    named = [path for path in there if amc.stem.casefold().startswith(path.stem.casefold())]
    if named:
        return max(named, key=lambda path: (len(path.stem), amc.stem.startswith(path.stem)))
    if len(there) != 1:
        found = ", ".join(sorted(path.name for path in there)) or "none"
        raise FormatError(f"{amc}: needs its skeleton, one .asf beside it; found: {found}.")
    return there[0]


def _is(path: Path, *suffixes: str) -> bool:
    """Not what systems hide beside files, such as `._walk.bvh`."""
    return path.suffix.lower() in suffixes and not path.name.startswith(".")


@cache
def _skeleton(path: Path) -> AcclaimSkeleton:
    return read_asf(path)
