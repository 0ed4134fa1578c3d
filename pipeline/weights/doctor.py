"""`poselift doctor`: what is installed, what works here, and what would make the rest work."""

from __future__ import annotations

import argparse
import platform
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import torch

from poselift.data import __version__
from poselift.data.errors import MissingDependency, MissingWeights, PoseliftError, one_line
from poselift.inference.detectors import BACKENDS, back_end, make_detector
from poselift.inference.detectors.choice import DEFAULT, DetectorChoice
from poselift.models.registry import checkpoint_file, manifest
from poselift.pipeline.versions import PACKAGES, version_of


@dataclass(frozen=True)
class BackEndState:
    """How a detector stands on this machine.

    Args:
        versions: of the packages that are here.
        devices: where it can run.
        networks: by --detector-model, those that lie here.
        problem: why it cannot be used; None: it works.
        enable: the command that would make it usable.
    """

    name: str
    versions: dict[str, str] = field(default_factory=dict)
    devices: list[str] = field(default_factory=list)
    networks: dict[str, Path] = field(default_factory=dict)
    problem: str | None = None
    enable: str | None = None


def add(commands: Any) -> None:
    command = commands.add_parser("doctor", help="what is installed and works here")
    command.set_defaults(handler=_doctor)


def state_of(name: str) -> BackEndState:
    """Try a detector with a network that is here. Raises: UnknownName."""
    kind = back_end(name)
    versions = {package: found for package in kind.packages if (found := version_of(package))}
    try:
        networks = kind.known_weights()
    except PoseliftError as error:
        return BackEndState(name, versions, problem=one_line(error))
    here = {model: path for model, (path, _) in networks.items() if path}
    fetch = next((command for path, command in networks.values() if not path), "")
    try:
        make_detector(DetectorChoice(name, model=next(iter(here), None) or None))
    except MissingDependency:
        enable = kind.install if here else f"{kind.install} && {fetch}"
        return BackEndState(name, versions, [], here, "is not installed", enable)
    except MissingWeights:
        problem = "is installed, but has no network here"
        return BackEndState(name, versions, kind.devices(), here, problem, fetch)
    except PoseliftError as error:
        return BackEndState(name, versions, kind.devices(), here, one_line(error))
    return BackEndState(name, versions, kind.devices(), here)


def _doctor(asked: argparse.Namespace) -> int:
    """Print what there is; status 1 when the main job cannot run."""
    print(f"poselift {__version__}, Python {platform.python_version()}, {platform.platform()}")
    for package in PACKAGES:
        print(f"  {package} {version_of(package) or 'is not installed as a package'}")
    print(f"  ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}")
    print("devices")
    print(f"  cpu: {torch.get_num_threads()} threads")
    for index in range(torch.cuda.device_count()):
        print(f"  cuda:{index}: {torch.cuda.get_device_name(index)}")
    if torch.backends.mps.is_available():
        print("  mps: Apple GPU")
    print("detectors")
    states = {name: state_of(name) for name in BACKENDS}
    for state in states.values():
        _print_state(state)
    print("shipped files")
    altered = altered_shipped("  ")
    return 1 if altered or states[DEFAULT].problem else 0


def altered_shipped(indent: str = "") -> int:
    """Print the state of every shipped file; how many are altered or missing."""
    failed = 0
    for file in manifest():
        try:
            print(f"{indent}{file}: ok ({checkpoint_file(file).sha256[:12]}...)")
        except PoseliftError as error:
            failed += 1
            print(one_line(error), file=sys.stderr)
    return failed


def _print_state(state: BackEndState) -> None:
    print(f"  {state.name}: {state.problem or 'works'}")
    facts = [" ".join(pair) for pair in state.versions.items()]
    facts += [f"on {', '.join(state.devices)}"] if state.devices else []
    if facts:
        print(f"    {', '.join(facts)}")
    for model, path in state.networks.items():
        print(f"    network {model}: {path}" if model else f"    network {path}")
    if state.enable:
        print(f"    to use it: {state.enable}")
