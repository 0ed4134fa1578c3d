"""Flags that say what is known of the camera and the people."""

from __future__ import annotations

import argparse

from poselift.data.scene import FLOORS, WATCHED, KnownScene


def add_scene(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("what you know of the scene, in place of what is assumed")
    group.add_argument(
        "--height",
        type=heights,
        default=(None, ()),
        metavar="M|ID:M,...",
        help="how tall people are, metres: 1.78, or by person 1:1.78,2:1.65",
    )
    group.add_argument(
        "--fov", type=float, metavar="DEGREES", help="field of view across the picture's width"
    )
    group.add_argument(
        "--focal-px", type=float, metavar="PX", help="focal length in pixels of the full picture"
    )
    group.add_argument(
        "--level", action="store_true", help="the camera is level: --roll 0 --pitch 0"
    )
    group.add_argument(
        "--roll", type=float, metavar="DEGREES", help="the camera is turned clockwise by so much"
    )
    group.add_argument(
        "--pitch", type=float, metavar="DEGREES", help="the camera looks down by so much"
    )
    group.add_argument(
        "--floor",
        choices=FLOORS,
        default=FLOORS[0],
        help="shared: everybody stands on one floor (default); own: as high as they are seen",
    )
    command.set_defaults(camera=WATCHED[0])  # unless add_camera asks


def add_camera(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--camera",
        choices=WATCHED,
        default=WATCHED[0],
        help="auto: how it moves is found (default); still: it stands still",
    )


def known_scene(asked: argparse.Namespace) -> KnownScene:
    """Raises: ValueError: what cannot be, or two flags that say the same."""
    if asked.level and (asked.roll is not None or asked.pitch is not None):
        raise ValueError("--level says what --roll and --pitch say; give it, or them")
    height_m, heights_m = asked.height
    return KnownScene(
        height_m=height_m,
        heights_m=heights_m,
        fov=asked.fov,
        focal_px=asked.focal_px,
        roll=0.0 if asked.level else asked.roll,
        pitch=0.0 if asked.level else asked.pitch,
        floor=asked.floor,
        camera=asked.camera,
    )


def heights(text: str) -> tuple[float | None, tuple[tuple[int, float], ...]]:
    """`1.78` -> (1.78, ()); `1:1.78,2:1.65` -> (None, ((1, 1.78), (2, 1.65))).

    Raises: ArgumentTypeError.
    """
    try:
        if ":" not in text:
            return float(text), ()
        pairs = [part.split(":") for part in text.split(",")]
        return None, tuple((int(person), float(height)) for person, height in pairs)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is no height in metres like 1.78, nor heights by person like 1:1.78,2:1.65"
        ) from None
