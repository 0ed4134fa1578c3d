"""Keypoint detectors behind one protocol, imported only when asked for.

A back end joins with one line in BACKENDS and passes tests/test_detectors.py. Its module can
always be imported; the packages that it needs are imported when a detector is made.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, cast, runtime_checkable

import numpy as np

from poselift.data.errors import UnknownName
from poselift.data.skeletons import Skeleton
from poselift.data.structures import FrameDetections
from poselift.inference.detectors.choice import DetectorChoice


class Detector(Protocol):
    """Finds the people in one image and their keypoints.

    Attributes:
        layout: the skeleton of the keypoints.
        settings: everything that shapes the result, the weights' checksum included;
            plain JSON values. Two detectors with equal settings give equal results.
    """

    layout: Skeleton
    settings: dict[str, Any]

    def detect(self, image: np.ndarray) -> FrameDetections:
        """(H, W, 3) uint8 RGB -> everybody in it, best score first, in its pixels."""
        ...


@runtime_checkable
class BatchDetector(Protocol):
    """A detector that takes consecutive frames together.

    Attributes:
        batch: frames of a call; the last call of a clip may have fewer. A call's result
            depends on its own frames only.
        at_once: how many such detectors should work at a time; None: one for each core.
    """

    batch: int
    at_once: int | None

    def detect_batch(self, images: Sequence[np.ndarray]) -> list[FrameDetections]:
        """Consecutive frames of equal size -> everybody in each. See Detector.detect."""
        ...


class BackEnd(Protocol):
    """What is known of a kind of detector without importing what it needs.

    Attributes:
        packages: what it needs or can use, by the names that pip knows.
        install: the command that installs them.
    """

    packages: ClassVar[tuple[str, ...]]
    install: ClassVar[str]

    @classmethod
    def make(cls, choice: DetectorChoice) -> Detector:
        """A new detector. Raises: MissingDependency, MissingWeights, PoseliftError."""
        ...

    @classmethod
    def devices(cls) -> list[str]:
        """Where it can run here; its packages are installed."""
        ...

    @classmethod
    def known_weights(cls) -> Mapping[str, tuple[Path | None, str]]:
        """By --detector-model, the default first: where a network lies, if here, and how to
        get it.
        """
        ...


BACKENDS = {
    "movenet": "poselift.inference.detectors.movenet:MoveNet",
    "movenet-fast": "poselift.inference.detectors.movenet:MoveNetFast",
    "rtmpose": "poselift.inference.detectors.rtmpose:RTMPose",
    "mediapipe": "poselift.inference.detectors.blazepose:BlazePose",
    "detectron2": "poselift.inference.detectors.keypoint_rcnn:KeypointRCNN",
}


def back_end(name: str) -> type[BackEnd]:
    """The kind of detector of this name. Raises: UnknownName."""
    if name not in BACKENDS:
        raise UnknownName("detector", name, BACKENDS)
    module, _, kind = BACKENDS[name].partition(":")
    return cast("type[BackEnd]", getattr(importlib.import_module(module), kind))


def make_detector(choice: str | DetectorChoice) -> Detector:
    """A new detector, by name or with options; each thread that detects needs its own.

    Raises:
        UnknownName: no such back end.
        MissingDependency: its package is not installed.
        MissingWeights: its network is not here.
        PoseliftError: it has no such option, or cannot use the device.
    """
    if isinstance(choice, str):
        choice = DetectorChoice(choice)
    return back_end(choice.name).make(choice)
