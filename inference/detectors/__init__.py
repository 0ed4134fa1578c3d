"""Keypoint detectors behind one protocol, imported only when asked for.

A back end joins with one line in BACKENDS and passes tests/test_detectors.py.
"""

from __future__ import annotations

import importlib
from typing import Any, Protocol, cast

import numpy as np

from data.errors import UnknownName
from data.skeletons import Skeleton
from data.structures import FrameDetections


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


BACKENDS = {"movenet": "inference.detectors.movenet:MoveNet"}


def make_detector(name: str) -> Detector:
    """A new detector; each thread that detects needs its own.

    Raises:
        UnknownName: no such back end.
        MissingDependency: its package is not installed.
    """
    if name not in BACKENDS:
        raise UnknownName("detector", name, BACKENDS)
    module, _, factory = BACKENDS[name].partition(":")
    return cast(Detector, getattr(importlib.import_module(module), factory)())
