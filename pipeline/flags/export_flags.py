"""The flags of an export, of `poselift export` and, with a prefix, of `poselift run`."""

from __future__ import annotations

import argparse

from poselift.data.exports.settings import NAMES, SPACES, UNITS, UPS, ExportSettings
from poselift.pipeline.flags.flag_values import frame_rate, frequency


def add_export_flags(command: argparse.ArgumentParser, prefix: str = "--") -> None:
    """Args: prefix: `--export-` where other flags have the short names."""

    def add(name: str, **told: object) -> None:
        command.add_argument(prefix + name, dest=f"export_{name.replace('-', '_')}", **told)  # type: ignore[arg-type]

    add("units", choices=UNITS, help="of lengths (default: the format's own)")
    add("up", choices=UPS, help="the axis that points up (default: the format's own)")
    add("space", choices=SPACES, default="world", help="the floor's, or the camera's")
    add("fps", type=frame_rate, metavar="N", help="frames a second (default: the video's frames)")
    add("in-place", action="store_true", help="everybody stays above the origin")
    add("person", type=int, action="append", metavar="ID", help="this person only; may be repeated")
    add("names", choices=NAMES, default=NAMES[0], help=f"of a rig's joints (default: {NAMES[0]})")
    add("raw", action="store_true", help="measure angles and gait without their low-pass of 6 Hz")
    add(
        "smooth",
        type=frequency,
        metavar="HZ",
        help="take out what moves faster (6 in gait studies)",
    )
    command.add_argument(
        "--blender", metavar="PATH", help="what makes fbx (default: $BLENDER, or `blender`)"
    )


def export_settings(asked: argparse.Namespace) -> ExportSettings:
    """Raises: ValueError: the flags contradict each other."""
    return ExportSettings(
        units=asked.export_units,
        up=asked.export_up,
        space=asked.export_space,
        fps=asked.export_fps,
        in_place=asked.export_in_place,
        people=tuple(asked.export_person or ()),
        names=asked.export_names,
        smooth_hz=asked.export_smooth,
        blender=asked.blender,
        raw=asked.export_raw,
    )
