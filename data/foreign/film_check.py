"""Signs that keypoints are of another film than the one given, or of its stored pictures.

A telephone stores its pictures lying and says how players turn them. Tools that do not
listen see people who lie; their keypoints are of that picture, not of the one shown.
"""

from __future__ import annotations

import numpy as np

from poselift.data.foreign.clip import ForeignClip
from poselift.data.skeletons import COCO17

UP = np.array([0.0, -1.0])
# Mean directions from hips to shoulders: of people who stand, and at most of those who lie.
STANDING, LYING = 0.7, 0.4
# Frames that may be missing at the end: where all are listed, programs count differently by
# a few; where only those with people are, people may have left.
LISTED_SHARE, SEEN_SHARE = 0.01, 0.1


def end_notes(clip: ForeignClip, last: int, total: int) -> list[str]:
    """Says so when the keypoints end long before the film's `total` frames."""
    missing = total - 1 - last
    if missing <= total * (LISTED_SHARE if clip.every_frame else SEEN_SHARE):
        return []
    return [
        f"the keypoints end at frame {last + 1} of {total}: are they of another film, or was "
        "their run cut short?"
    ]


def turn_notes(xy: np.ndarray, found: np.ndarray, rotation: int) -> list[str]:
    """Says so when people lie who would stand if turned as the stored pictures are.

    Args:
        xy, found: (N, 17, 2) and (N, 17), of COCO.
        rotation: degrees anticlockwise from the stored picture to the shown one.
    """
    shoulders, hips = (
        list(COCO17.indices(f"left_{part}", f"right_{part}")) for part in ("shoulder", "hip")
    )
    whole = found[:, shoulders + hips].all(-1)
    if rotation % 360 == 0 or not whole.any():
        return []
    trunks = xy[whole][:, shoulders].mean(1) - xy[whole][:, hips].mean(1)
    trunks /= np.maximum(np.linalg.norm(trunks, axis=-1, keepdims=True), 1e-6)
    mean = trunks.mean(0)
    if mean @ UP > LYING or _turned(mean, rotation) @ UP < STANDING:
        return []
    return [
        f"people lie or stand on their heads, and would stand upright if turned by {rotation} "
        f"degrees, as the video's stored pictures are: {_advice(rotation)}"
    ]


def turn_advice(size: tuple[int, int], high: np.ndarray, rotation: int) -> str | None:
    """What to do where keypoints outside the shown picture are inside the stored one.

    Args:
        size: (width, height) as shown.
        high: (2,) the largest x and y.
    """
    inside = (high <= 1.1 * np.array(size[::-1])).all()
    if rotation % 180 == 0 or not inside:
        return None
    return f"They fit the video's stored picture, before its rotation: {_advice(rotation)}."


def _turned(direction: np.ndarray, rotation: int) -> np.ndarray:
    """A direction in a picture, y down, after an anticlockwise turn of the picture."""
    for _ in range(rotation // 90 % 4):
        direction = np.array([direction[1], -direction[0]])
    return direction


def _advice(rotation: int) -> str:
    return (
        "detect them in the picture as it is shown, or show it as they have it with "
        f"--rotate {rotation % 360}"
    )
