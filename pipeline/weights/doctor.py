"""What works on this machine, and what would make the rest work."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch

from poselift.data.errors import MissingDependency, MissingWeights, PoseliftError, one_line
from poselift.inference.detectors import back_end, make_detector
from poselift.inference.detectors.choice import DetectorChoice
from poselift.inference.detectors.following import Follows, FollowSettings
from poselift.pipeline.versions import version_of


@dataclass(frozen=True)
class BackEndState:
    """How a detector stands on this machine.

    Args:
        versions: of the packages that are here.
        devices: where it can run.
        networks: by --detector-model, those that lie here.
        following: how people are followed from frame to frame; None: they are not.
        problem: why it cannot be used; None: it works.
        enable: the command that would make it usable.
    """

    name: str
    versions: dict[str, str] = field(default_factory=dict)
    devices: list[str] = field(default_factory=list)
    networks: dict[str, Path] = field(default_factory=dict)
    following: FollowSettings | None = None
    problem: str | None = None
    enable: str | None = None


def devices() -> dict[str, str]:
    """What networks can run on: the name that --device takes -> what it is."""
    found = {"cpu": f"{torch.get_num_threads()} threads"}
    for index in range(torch.cuda.device_count()):
        found[f"cuda:{index}"] = torch.cuda.get_device_name(index)
    if torch.backends.mps.is_available():
        found["mps"] = "Apple GPU"
    return found


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
        detector = make_detector(DetectorChoice(name, model=next(iter(here), None) or None))
    except MissingDependency:
        enable = kind.install if here else f"{kind.install} && {fetch}"
        return BackEndState(name, versions, [], here, problem="is not installed", enable=enable)
    except MissingWeights:
        problem = "is installed, but has no network here"
        return BackEndState(name, versions, kind.devices(), here, problem=problem, enable=fetch)
    except PoseliftError as error:
        return BackEndState(name, versions, kind.devices(), here, problem=one_line(error))
    following = detector.following if isinstance(detector, Follows) else None
    return BackEndState(name, versions, kind.devices(), here, following)
