"""`poselift doctor`: what is installed, what works here, and what would make the rest work."""

from __future__ import annotations

import argparse
import platform
from typing import TYPE_CHECKING, Any

from poselift.data import __version__
from poselift.pipeline.commands.weights_commands import print_states
from poselift.pipeline.versions import PACKAGES, version_of
from poselift.pipeline.weights.weight_files import shipped_states

if TYPE_CHECKING:
    from poselift.pipeline.weights.doctor import BackEndState


def add(commands: Any) -> None:
    command = commands.add_parser("doctor", help="what is installed and works here")
    command.set_defaults(handler=_doctor)


def _doctor(asked: argparse.Namespace) -> int:
    """Print what there is; status 1 when the main job cannot run."""
    import imageio_ffmpeg

    from poselift.inference.detectors import BACKENDS
    from poselift.inference.detectors.choice import DEFAULT
    from poselift.pipeline.weights.doctor import devices, state_of

    print(f"poselift {__version__}, Python {platform.python_version()}, {platform.platform()}")
    for package in PACKAGES:
        print(f"  {package} {version_of(package) or 'is not installed as a package'}")
    print(f"  ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}")
    print("devices")
    for name, what in devices().items():
        print(f"  {name}: {what}")
    print("detectors")
    states = {name: state_of(name) for name in BACKENDS}
    for state in states.values():
        _print_state(state)
    print("shipped files")
    unaltered = print_states(shipped_states(), "  ")
    return 0 if unaltered and not states[DEFAULT].problem else 1


def _print_state(state: BackEndState) -> None:
    print(f"  {state.name}: {state.problem or 'works'}")
    facts = [" ".join(pair) for pair in state.versions.items()]
    facts += [f"on {', '.join(state.devices)}"] if state.devices else []
    if facts:
        print(f"    {', '.join(facts)}")
    for model, path in state.networks.items():
        print(f"    network {model}: {path}" if model else f"    network {path}")
    if state.following:
        print(f"    looks for people once in {state.following.every} frames, and follows them")
    if state.enable:
        print(f"    to use it: {state.enable}")
