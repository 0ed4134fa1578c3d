"""Which detector is asked for, and what it is told: the same words for every back end."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from poselift.data.errors import PoseliftError
from poselift.models.devices import BEST

DEFAULT = "movenet"


@dataclass(frozen=True)
class DetectorChoice:
    """A back end and its options. What is None is the back end's own choice.

    Args:
        name: of poselift.inference.detectors.BACKENDS.
        model: which of its networks: a size, or a configuration.
        weights: the file or folder of the network, or an address where the back end says so.
        every: people are looked for in every N-th frame and followed in between.
        half: half precision on the GPU.
        device: auto, cpu, cuda or cuda:N, for back ends that can use a GPU; auto takes one
            where there is one.
    """

    name: str = DEFAULT
    model: str | None = None
    weights: str | None = None
    every: int | None = None
    half: bool = False
    device: str = BEST

    def __post_init__(self) -> None:
        """Raises: ValueError."""
        if self.every is not None and self.every < 1:
            raise ValueError(
                f"people are looked for in every N-th frame, N from 1, not {self.every}"
            )

    def on(self, device: str) -> DetectorChoice:
        """The same on a device, unless it names one itself."""
        return replace(self, device=device) if self.device == BEST else self

    def check_only(self, *known: str) -> None:
        """Raises: PoseliftError: an option is set that this back end does not have."""
        for option in fields(self):
            if option.name in {"name", "device", *known}:
                continue
            if getattr(self, option.name) != option.default:
                has = ", ".join(f"--detector-{name}" for name in known) or "none of its own"
                raise PoseliftError(
                    f"detector {self.name} has no option --detector-{option.name}. It has: {has}."
                )


def add_detector_flags(command: argparse.ArgumentParser, names: Iterable[str]) -> None:
    """--detector and what it can be told; read them with `chosen`."""
    command.add_argument(
        "--detector", default=DEFAULT, metavar="NAME", help=f"one of: {', '.join(names)}"
    )
    command.add_argument(
        "--detector-model", metavar="NAME", help="which of its networks: a size or configuration"
    )
    command.add_argument("--detector-weights", metavar="PATH", help="file or folder of its network")
    command.add_argument(
        "--detector-every", type=int, metavar="N",
        help="look for people in every N-th frame, follow them in between (movenet, rtmpose)",
    )  # fmt: skip
    command.add_argument(
        "--detector-half", action="store_true", help="half precision on CUDA (detectron2)"
    )


def chosen(asked: argparse.Namespace, device: str = BEST) -> DetectorChoice:
    """The choice that parsed flags stand for. Raises: ValueError."""
    return DetectorChoice(
        asked.detector,
        asked.detector_model,
        asked.detector_weights,
        asked.detector_every,
        asked.detector_half,
        device,
    )
