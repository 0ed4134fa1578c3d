"""Names of points, as programs vary them: `mixamorig1:LeftUpLeg`, `Bip01 L Thigh`, `left_hip`."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from poselift.data.mocap.kinematics import Motion


def found_points(names: Sequence[str], wanted: Collection[str]) -> dict[str, int]:
    """Which of the points are there, and where among the names.

    Spaces, other signs and letter case do not count, nor does what stands before all of
    the names; the prefix that finds most counts, of two equal names the first.
    """
    plain: dict[str, int] = {}
    for number, name in enumerate(names):
        plain.setdefault(_plain(name), number)
    asked = {point: _plain(point) for point in wanted}
    prefixes = {
        name.removesuffix(point)
        for name in plain
        for point in asked.values()
        if point and name.endswith(point)
    }
    found: dict[str, int] = {}
    for prefix in sorted(prefixes, key=lambda prefix: (len(prefix), prefix)):
        here = {p: plain[prefix + end] for p, end in asked.items() if prefix + end in plain}
        found = here if len(here) > len(found) else found
    return found


def renamed(motion: Motion, wanted: Collection[str]) -> Motion:
    """The motion with those of the points that it has called as they are in `wanted`."""
    names = [f"other {name}" if name in wanted else name for name in motion.names]
    for point, number in found_points(motion.names, wanted).items():
        names[number] = point
    rest = motion.rest and replace(motion.rest, names=tuple(names))
    return replace(motion, names=tuple(names), rest=rest)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()
