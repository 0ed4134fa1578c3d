"""Filling frames in which nothing was seen."""

from __future__ import annotations

import numpy as np

from poselift.data.errors import NoPersonFound


def fill_gaps(values: np.ndarray) -> np.ndarray:
    """Linearly interpolate the missing frames of a sequence.

    Args:
        values: (T, ...) float; a missing frame is NaN in every entry.
    Returns:
        A copy without NaN; the ends hold the nearest frame seen.
    Raises:
        NoPersonFound: no frame was seen.
    Source: rule of VideoPose3D's custom data-set builder.
    """
    flat = values.reshape(len(values), -1)
    seen = ~np.isnan(flat[:, 0])
    if not seen.any():
        raise NoPersonFound(f"nobody is seen in any of the {len(values)} frames.")
    time, known = np.arange(len(flat)), np.flatnonzero(seen)
    filled = flat.copy()
    for column in range(flat.shape[1]):
        filled[~seen, column] = np.interp(time[~seen], known, flat[known, column])
    return filled.reshape(values.shape)
