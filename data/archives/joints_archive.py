"""Motion capture as joints: archives that `poselift train mocap` reads.

Per clip, `<clip>/h36m` and `<clip>/coco`, both (T, 17, 3) int16 millimetres, z up,
and `<clip>/fps`. See DATASETS.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poselift.data.archives.stage_results import save_arrays
from poselift.data.archives.typed_archive import TypedArchive, open_typed
from poselift.data.errors import FormatError
from poselift.data.files.file_kinds import FileKind, npz_members
from poselift.data.skeletons import COCO17, H36M17
from poselift.data.structures import MAX_FPS, MIN_FPS

# int16 millimetres end at 32.767 m.
MAX_METRES = 32.7
MEMBERS = ("h36m", "coco", "fps")
_INT16 = (-(1 << 15), (1 << 15) - 1)
JOINTS_FILE = FileKind(
    "an archive of joints",
    (".npz",),
    lambda path: {name.rsplit("/", 1)[-1] for name in npz_members(path)} == set(MEMBERS),
)


@dataclass(frozen=True)
class JointsClip:
    """One take of one person.

    Args:
        h36m: (T, 17, 3) float32, metres, z up.
        coco: (T, 17, 3) float32, metres, z up: the same body as COCO keypoints.
        weight: how many times more often than its length says it is drawn in training.
    """

    name: str
    h36m: np.ndarray
    coco: np.ndarray
    fps: float
    weight: float = 1.0

    def __post_init__(self) -> None:
        frames = self.h36m.shape[0]
        for layout, joints in ((H36M17, self.h36m), (COCO17, self.coco)):
            if joints.shape != (frames, layout.num_joints, 3):
                raise FormatError(
                    f"clip {self.name}: {layout.name} joints have shape {joints.shape}, "
                    f"expected ({frames}, {layout.num_joints}, 3)."
                )


def load_joints(path: Path) -> list[JointsClip]:
    """All clips of an archive, in the order of their names.

    Raises: FormatError: not such an archive, or a clip is incomplete.
    """
    with open_typed(path, growth=3) as a:
        names = sorted({key.rpartition("/")[0] for key in a.names})
        if not names or not all(names) or len(a.names) != len(MEMBERS) * len(names):
            raise FormatError(
                f"{path}: holds no clips, or more than <clip>/h36m, <clip>/coco and <clip>/fps. "
                "Convert the source again."
            )
        return [_clip(a, name) for name in names]


def _clip(a: TypedArchive, name: str) -> JointsClip:
    h36m = a.wholes(f"{name}/h36m", None, H36M17.num_joints, 3, within=_INT16, dtype=np.int16)
    coco = a.wholes(f"{name}/coco", len(h36m), COCO17.num_joints, 3, within=_INT16, dtype=np.int16)
    fps = a.number(f"{name}/fps", (MIN_FPS, MAX_FPS))
    if not len(h36m):
        raise a.wrong(f"{name}/h36m", "has no frames")
    return JointsClip(name, _metres(h36m), _metres(coco), fps)


def _metres(stored: np.ndarray) -> np.ndarray:
    return stored.astype(np.float32) / 1000


def can_be_stored(joints: np.ndarray) -> bool:
    """Whether all of (T, J, 3) metres are numbers within MAX_METRES of the origin's planes."""
    return bool(np.abs(joints).max() < MAX_METRES)


def save_joints(path: Path, clips: Iterable[JointsClip]) -> None:
    """Write what load_joints reads, rounded to millimetres.

    Raises:
        FormatError: two clips have one name, or somebody is further away than int16 holds.
        OutputError: it cannot be written.
    """
    arrays: dict[str, np.ndarray | str | float | int] = {}
    for clip in clips:
        if f"{clip.name}/fps" in arrays:
            raise FormatError(f"two clips are called {clip.name}. Convert them apart.")
        for layout, joints in (("h36m", clip.h36m), ("coco", clip.coco)):
            if not can_be_stored(joints):
                raise FormatError(f"clip {clip.name}: leaves the {MAX_METRES} m that are stored.")
            arrays[f"{clip.name}/{layout}"] = np.rint(joints * 1000).astype(np.int16)
        arrays[f"{clip.name}/fps"] = clip.fps
    save_arrays(path, arrays)


def split_clips(
    clips: Iterable[JointsClip], prefixes: Iterable[str]
) -> tuple[list[JointsClip], list[JointsClip]]:
    """(clips whose name starts with none of the prefixes, clips whose name starts with one)."""
    starts = tuple(prefixes)
    kept: list[JointsClip] = []
    held_out: list[JointsClip] = []
    for clip in clips:
        (held_out if clip.name.startswith(starts) else kept).append(clip)
    return kept, held_out
