"""MoveNet on LiteRT: everybody followed, no GPU, no download.

First looks at the whole picture by MultiPose, in two sizes by turns, find up to six people;
SinglePose follows each in a crop of their own (see following.py). Sizes and intervals were
chosen by benchmarks/detector.py.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from poselift.data.skeletons import COCO17
from poselift.data.structures import FrameDetections
from poselift.inference.detectors.choice import DetectorChoice
from poselift.inference.detectors.followed import Pose
from poselift.inference.detectors.following import FollowSettings, detect_alone
from poselift.inference.detectors.movenet_networks import INSTALL, MultiPose, SinglePose
from poselift.inference.similarity import one_each
from poselift.models.registry import checkpoint_file

MULTIPOSE = "movenet_multipose_lightning_f16.tflite"


@dataclass(frozen=True)
class MoveNetSettings:
    """What shapes the result beyond the networks.

    Args:
        sides: longer side of the first looks' input, pixels, by turns.
        margin: the crop's half side against the joint that is farthest from the hips.
        same_person: two people of one first look who overlap more are one.
    """

    sides: tuple[int, ...] = (640, 384)
    margin: float = 1.1
    same_person: float = 0.6
    following: FollowSettings = field(default_factory=FollowSettings)


class MoveNet:
    """See Detector and Follows, with SinglePose Thunder. One instance serves one thread."""

    packages: ClassVar[tuple[str, ...]] = ("ai-edge-litert",)
    install: ClassVar[str] = INSTALL
    name: ClassVar[str] = "movenet"
    network: ClassVar[str] = "movenet_singlepose_thunder_f16.tflite"
    usual: ClassVar[MoveNetSettings] = MoveNetSettings()
    layout = COCO17

    @classmethod
    def make(cls, choice: DetectorChoice) -> MoveNet:
        """See BackEnd.make."""
        choice.check_only("every")
        following = cls.usual.following
        every = choice.every or following.every
        return cls(replace(cls.usual, following=replace(following, every=every)))

    @classmethod
    def devices(cls) -> list[str]:
        """See BackEnd.devices."""
        return ["cpu"]

    @classmethod
    def known_weights(cls) -> dict[str, tuple[Path | None, str]]:
        """See BackEnd.known_weights. Raises: FormatError: a shipped file is altered."""
        checkpoint_file(MULTIPOSE)
        return {"": (checkpoint_file(cls.network).path, "")}

    def __init__(self, settings: MoveNetSettings | None = None) -> None:
        """Raises: MissingDependency, FormatError."""
        self._chosen = settings or self.usual
        self.following: FollowSettings | None = self._chosen.following
        first, single = checkpoint_file(MULTIPOSE), checkpoint_file(self.network)
        self._first = MultiPose(first)
        self._single = SinglePose(single, self._chosen.margin)
        self.settings: dict[str, Any] = {
            "detector": self.name,
            "weights": [first.sha256, single.sha256],
            **asdict(self._chosen),
        }

    def detect(self, image: np.ndarray) -> FrameDetections:
        """See Detector.detect."""
        return detect_alone(self, image)

    def find(self, image: np.ndarray, number: int) -> FrameDetections:
        """See Follows.find."""
        found = self._first.look(image, self._chosen.sides[number % len(self._chosen.sides)])
        sure = found.select(found.scores >= self._chosen.following.start)
        return one_each(sure, self._chosen.same_person)

    def place(self, image: np.ndarray, near: Pose) -> Pose | None:
        """See Follows.place."""
        return self._single.place(image, near)


class MoveNetFast(MoveNet):
    """The same with SinglePose Lightning, which is three times as quick and less exact.

    It loses people sooner whose crop is placed two frames ahead, and is quick enough without.
    """

    name = "movenet-fast"
    network = "movenet_singlepose_lightning_f16.tflite"
    usual = MoveNetSettings(following=FollowSettings(ahead=1))
