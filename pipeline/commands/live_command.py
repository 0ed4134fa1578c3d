"""`poselift live`: a camera, a stream, or a file as if it were one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poselift.data.errors import VideoError, one_line
from poselift.inference.detectors.choice import chosen
from poselift.pipeline.flags.scene_flags import add_scene, known_scene
from poselift.pipeline.flags.shared_flags import add_detector, add_device, add_rotate

if TYPE_CHECKING:
    from poselift.pipeline.live.outputs import Output, Place
    from poselift.pipeline.live.sources import Source

# As in inference.live, which is not loaded for --help.
DETECTOR, LIFTER = "movenet-fast", "body27v5-causal"
SMOOTHINGS = ("none", "light", "medium", "strong")


def add(commands: Any) -> None:
    command = commands.add_parser(
        "live",
        help="a camera or a stream to 3D poses while they happen",
        description="Watch a source until it ends, q is pressed, or Ctrl-C.",
    )
    command.add_argument(
        "source", metavar="SOURCE", help="camera (number or name), rtsp://, udp://, or a video"
    )
    command.add_argument(
        "--as-live", action="store_true", help="play a video at its own rate, as if it happened now"
    )
    add_detector(command)
    command.add_argument(
        "--lifter", default=LIFTER, metavar="NAME", help=f"a causal one (default: {LIFTER})"
    )
    add_device(command)
    command.add_argument(
        "--smooth", choices=SMOOTHINGS, default="medium", help="calmer, and later (default: medium)"
    )
    add_rotate(command)
    add_scene(command)
    command.add_argument("--duration", type=float, metavar="S", help="end after so many seconds")
    _add_outputs(command.add_argument_group("where the poses go, any of these together"))
    command.set_defaults(detector=DETECTOR, handler=lambda asked: watch(asked, command))


def _add_outputs(group: Any) -> None:
    group.add_argument("--json", action="store_true", help="a line of JSON a frame")
    group.add_argument(
        "--udp", action="append", default=[], metavar="HOST:PORT", help="JSON datagrams"
    )
    group.add_argument(
        "--vmc",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="one person's rotations for avatars (VMC over OSC, usually port 39539)",
    )
    group.add_argument(
        "--serve",
        nargs="?",
        const="0",
        metavar="PORT",
        help="a page for a browser, on this computer (default: a free port); HOST:PORT for others",
    )
    group.add_argument("--lsl", action="store_true", help="streams of the Lab Streaming Layer")
    group.add_argument(
        "--record", type=Path, metavar="OUT", help="keep the pictures and results: OUT/live.mp4"
    )


def watch(asked: argparse.Namespace, command: argparse.ArgumentParser) -> int:
    from poselift.pipeline.live.keys import keys
    from poselift.pipeline.live.session import LiveSettings, watched
    from poselift.pipeline.live.sources import FileSource, source_of
    from poselift.pipeline.live.watching import watch_into

    try:
        settings = LiveSettings(
            detector=chosen(asked),
            lifter=asked.lifter,
            device=asked.device,
            workers=asked.workers,
            smooth=asked.smooth,
            scene=known_scene(asked),
            rotate=asked.rotate,
            duration_s=asked.duration,
        )
        places = _places(asked)
    except ValueError as error:
        command.error(str(error))
    source = source_of(asked.source, rotate=asked.rotate)
    if isinstance(source, FileSource) and not asked.as_live:
        raise VideoError(
            f"{asked.source}: is a video. Add --as-live to play it at its own rate, or use "
            "`poselift run`, which sees all of it."
        )
    outputs = _outputs(asked, places, source)
    with keys() as typed:
        summary = watch_into(watched(source, settings, _say), outputs, typed.ended)
    _say(f"{source.name}: {summary}")
    for note in (getattr(output, "note", "") for output in outputs):
        if note:
            _say(note)
    return 0


def _places(asked: argparse.Namespace) -> dict[str, list[Place]]:
    """Raises: ValueError: a place that is none."""
    from poselift.pipeline.live.outputs import Place

    serve = [asked.serve] if asked.serve is not None else []
    return {
        "udp": [Place.of(text) for text in asked.udp],
        "vmc": [Place.of(text) for text in asked.vmc],
        "serve": [Place.of(text, host="127.0.0.1", free=True) for text in serve],
    }


def _outputs(
    asked: argparse.Namespace, places: dict[str, list[Place]], source: Source
) -> Sequence[Output]:
    """Raises: OutputError, MissingDependency."""
    from poselift.pipeline.live.outputs import JsonLines, StatusLine, UdpJson

    outputs: list[Output] = []
    if asked.json:
        outputs.append(JsonLines())
    outputs += [UdpJson(place) for place in places["udp"]]
    if places["vmc"]:
        from poselift.pipeline.live.vmc import Vmc

        outputs += [Vmc(place) for place in places["vmc"]]
    if asked.lsl:
        from poselift.pipeline.live.lab_streams import LabStreams

        outputs.append(LabStreams(source.name))
    if asked.record:
        from poselift.pipeline.live.recording import Recording

        outputs.append(Recording(asked.record))
    for place in places["serve"]:  # last: what is wrong with the others is told before
        from poselift.pipeline.live.serving import PageServer

        server = PageServer(source.name, place.host, place.port)
        _say(f"open {server.url} in a browser")
        outputs.append(server)
    if sys.stderr.isatty():
        outputs.append(StatusLine(sys.stderr))
    return outputs


def _say(text: str) -> None:
    print(f"poselift: {one_line(text)}", file=sys.stderr, flush=True)
