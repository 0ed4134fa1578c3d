"""Marks on an image: capsules, joints, labels and soft shadows, all anti-aliased.

Images are (H, W, 3) uint8 RGB and are drawn on in place; a view of a larger canvas
serves. Positions are float pixels, held to 1/16.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import cv2
import numpy as np

from poselift.data.skeletons import Side, Skeleton
from poselift.pipeline.overlay.look import DARK, Colour

ACCENTS: tuple[Colour, ...] = (
    (255, 214, 92), (94, 214, 160), (240, 128, 184), (170, 148, 255),
    (160, 222, 92), (255, 140, 120), (110, 220, 230), (214, 190, 160),
)  # fmt: skip
INK: Colour = (20, 22, 27)

SHIFT = 4
FAR = 1 << 14  # px; lines that run further off the image than this are left out

_TURN = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=-1)


def accent(person_id: int) -> Colour:
    return ACCENTS[(person_id - 1) % len(ACCENTS)]


def bone_colours(layout: Skeleton, colour_of: Mapping[Side, Colour] = DARK.sides) -> list[Colour]:
    """One per bone: the side of its far end, or of its near end when that has one."""
    sides = [(layout.side(parent), layout.side(child)) for parent, child in layout.bones]
    return [
        colour_of[child if parent in (child, "centre") else "centre"] for parent, child in sides
    ]


def joint_colours(layout: Skeleton, colour_of: Mapping[Side, Colour] = DARK.sides) -> list[Colour]:
    return [colour_of[layout.side(joint)] for joint in layout.joints]


def mix(colour: Colour, other: Colour, share: float) -> Colour:
    """`share` of `colour`, the rest of `other`."""
    r, g, b = (round(c * share + o * (1 - share)) for c, o in zip(colour, other, strict=True))
    return r, g, b


def fixed(xy: np.ndarray) -> tuple[int, int]:
    """A position as OpenCV's fixed-point integers."""
    return round(float(xy[0]) * (1 << SHIFT)), round(float(xy[1]) * (1 << SHIFT))


def on_canvas(xy: np.ndarray) -> np.ndarray:
    """(...) bool: the (..., 2) positions are numbers that OpenCV can draw to."""
    return (np.abs(xy) < FAR).all(-1)


def capsule(image: np.ndarray, a: np.ndarray, b: np.ndarray, colour: Colour, width: int) -> None:
    """A line with round ends."""
    cv2.line(image, fixed(a), fixed(b), colour, max(width, 1), cv2.LINE_AA, SHIFT)


def disc(image: np.ndarray, at: np.ndarray, radius: float, colour: Colour) -> None:
    """A filled disc; cv2.circle makes a diamond of one this small."""
    rim = np.rint((at + radius * _CIRCLE) * (1 << SHIFT)).astype(np.int32)
    cv2.fillConvexPoly(image, rim, colour, cv2.LINE_AA, SHIFT)


def text(image: np.ndarray, words: str, x: int, y: int, height: float, colour: Colour) -> None:
    """One line whose baseline starts at (x, y); `height` is that of its capitals, pixels."""
    scale = height / 21
    cv2.putText(image, words, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)


def text_width(words: str, height: float) -> int:
    (width, _), _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, height / 21, 1)
    return int(width)


def label(image: np.ndarray, words: str, bottom: np.ndarray, height: int, colour: Colour) -> None:
    """A pill whose lower middle is at `bottom`, moved to stay within the image."""
    sprite, alpha = _pill(words, height, colour)
    rows, columns = alpha.shape[:2]
    if rows > image.shape[0] or columns > image.shape[1]:
        return
    x = int(np.clip(round(float(bottom[0]) - columns / 2), 0, image.shape[1] - columns))
    y = int(np.clip(round(float(bottom[1]) - rows), 0, image.shape[0] - rows))
    below = image[y : y + rows, x : x + columns]
    below[:] = cv2.blendLinear(sprite, np.ascontiguousarray(below), alpha, 1 - alpha)


@lru_cache(maxsize=256)
def _pill(words: str, height: int, colour: Colour) -> tuple[np.ndarray, np.ndarray]:
    """(sprite, alpha), drawn at four times the size and reduced."""
    big = height * 4
    letters = big * 0.5
    width = max(text_width(words, letters) + round(big * 0.5), big)
    width += -width % 4
    sprite = np.full((big, width, 3), colour, np.uint8)
    alpha = np.zeros((big, width), np.float32)
    radius = big / 2 - 1
    cv2.line(
        alpha, (big // 2, big // 2), (width - big // 2, big // 2), 1.0, int(2 * radius), cv2.LINE_8
    )
    x = (width - text_width(words, letters)) // 2
    at = (x, round(big / 2 + letters / 2))
    cv2.putText(sprite, words, at, cv2.FONT_HERSHEY_SIMPLEX, letters / 21, INK, 6, cv2.LINE_AA)
    size = (width // 4, height)
    return (
        cv2.resize(sprite, size, interpolation=cv2.INTER_AREA),
        cv2.resize(alpha, size, interpolation=cv2.INTER_AREA),
    )
