"""The lens that a video file names: what phones write beside their pictures.

Apple's cameras note the focal length that a 35 mm film camera would need for the same field of
view (QuickTime metadata, `com.apple.quicktime.camera.focal_length.35mm_equivalent`). By CIPA's
DCG-001 the two fields are the same along the diagonal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

EQUIVALENT = "com.apple.quicktime.camera.focal_length.35mm_equivalent"
FILM_DIAGONAL_MM = math.hypot(36.0, 24.0)
# From fish-eyes to the longest lens; anything else is no number of millimetres.
MM = (6.0, 1200.0)


def focal_px_of(width: int, height: int, *metadata: Mapping[str, str]) -> float | None:
    """Focal length in pixels of a picture; None: nothing says it, or nothing that can be.

    Args:
        metadata: of the file and of its streams; the first that says something counts.
    """
    for tags in metadata:
        try:
            mm = float(tags[EQUIVALENT])
        except (KeyError, ValueError):
            continue
        if MM[0] <= mm <= MM[1]:
            return mm / FILM_DIAGONAL_MM * math.hypot(width, height)
    return None
