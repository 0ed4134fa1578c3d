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
from poselift.data.errors import FormatError
from poselift.data.files.safe_archive import open_npz
from poselift.data.skeletons import COCO17, H36M17

# int16 millimetres end at 32.767 m.
MAX_METRES = 32.7


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
    with open_npz(path) as archive:
        names = sorted({key.rsplit("/", 1)[0] for key in archive.files if "/" in key})
        if not names:
            raise FormatError(f"{path}: holds no clips (<clip>/h36m, <clip>/coco, <clip>/fps).")
        try:
            return [
                JointsClip(
                    name,
                    archive[f"{name}/h36m"].astype(np.float32) / 1000,
                    archive[f"{name}/coco"].astype(np.float32) / 1000,
                    float(archive[f"{name}/fps"]),
                )
                for name in names
            ]
        except KeyError as error:
            raise FormatError(f"{path}: {error.args[0]}. Convert the source again.") from error


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
