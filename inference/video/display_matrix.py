"""From a stored frame to the picture that players show: mirrored, turned, square pixels, RGB."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import av
import numpy as np

from poselift.inference.video.tone_mapping import ToneMapper

_UNSPECIFIED = 2


@dataclass(frozen=True)
class Turn:
    """What a stored frame's display matrix asks for, in this order.

    Args:
        mirrored: left and right change places.
        quarters: quarter turns anticlockwise, 0 to 3.
    """

    mirrored: bool = False
    quarters: int = 0

    def applied(self, image: np.ndarray) -> np.ndarray:
        """(H, W, 3) -> (H, W, 3) or (W, H, 3), contiguous."""
        image = image[:, ::-1] if self.mirrored else image
        return np.ascontiguousarray(np.rot90(image, self.quarters))

    def turned(self, degrees: int) -> Turn:
        """The same, and then so far clockwise: 0, 90, 180 or 270."""
        return replace(self, quarters=(self.quarters - degrees // 90) % 4)


def turn_of(frame: av.VideoFrame) -> Turn:
    """The nearest quarter turn; none where the matrix is missing or short.

    A frame that was asked for its side data lives until the garbage collector finds it, so
    ask one of a video.
    """
    try:
        matrix: Any = frame.side_data.get("DISPLAYMATRIX")  # a buffer; PyAV's types leave it out
    except ValueError:  # PyAV does not know other side data, of EXIF say
        return Turn(quarters=round(frame.rotation / 90) % 4)
    numbers = np.frombuffer(bytes(matrix) if matrix is not None else b"", np.int32).tolist()
    if len(numbers) != 9:
        return Turn()
    # A stored (x, y) is shown at (a x + c y, b x + d y), y downwards.
    a, b, _, c, d = numbers[:5]
    mirrored = a * d - b * c < 0
    x, y = (-a, -b) if mirrored else (a, b)  # where the x axis goes once it is mirrored
    return Turn(mirrored, round(math.atan2(-y, x) / (math.pi / 2)) % 4)


def square_size(frame: av.VideoFrame, pixel_aspect: Fraction | None) -> tuple[int, int]:
    """(width, height) in square pixels, not turned yet."""
    stretch = float(pixel_aspect or 1)
    return round(frame.width * stretch) if 0.1 < stretch < 10 else frame.width, frame.height


def upright_rgb(
    frame: av.VideoFrame, turn: Turn, size: tuple[int, int], tone: ToneMapper | None = None
) -> np.ndarray:
    """(H, W, 3) uint8 of the wanted upright size.

    Args:
        tone: of a video in HDR.
    """
    width, height = size[::-1] if turn.quarters % 2 else size
    if tone is not None:
        frame = tone.mapped(frame, width, height)
    # As players do: high-definition video that does not name its colours is BT.709.
    unnamed_hd = frame.colorspace == _UNSPECIFIED and frame.height >= 720
    image = frame.to_ndarray(
        format="rgb24",
        width=width,
        height=height,
        interpolation="BILINEAR",  # swscale widens its filter when it shrinks
        src_colorspace="ITU709" if unnamed_hd else None,
    )
    return turn.applied(image)
