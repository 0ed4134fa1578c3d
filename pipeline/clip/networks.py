"""What is made once and serves every clip: the detectors and the lifter."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

import numpy as np

from poselift.data import __version__
from poselift.data.errors import PoseliftError
from poselift.inference.detecting import DETECTION_SIDE, DetectorPool
from poselift.inference.detectors import make_detector
from poselift.inference.people.tracking import TrackerSettings
from poselift.inference.poses.lifting import Lifter
from poselift.models.devices import checked_device
from poselift.models.lifters import open_lifter
from poselift.pipeline.clip.settings import RunSettings


class Networks:
    """Detectors and lifter as the settings want them; close it, or use it in `with`.

    Args:
        cores: how many of the machine's this process should use; None: all.
    Raises: PoseliftError: one of them cannot be had, or they do not fit together.
    """

    def __init__(self, settings: RunSettings, cores: int | None = None) -> None:
        self.settings = settings
        self.lifter, self.lifter_sha256 = make_lifter(settings.lifter, settings.device)
        self.pool = DetectorPool(
            lambda: make_detector(settings.detector_choice), settings.workers, cores
        )
        try:
            self.lifter.check_layout(self.pool.first.layout)
        except PoseliftError:
            self.pool.close()
            raise

    @property
    def key(self) -> str:
        """A digest of all that shapes a clip's results but the clip."""
        settings = asdict(self.settings)
        for name in ("detector", "device", "workers", "force", "use_cache"):
            del settings[name]
        told = [__version__, settings, DETECTION_SIDE, asdict(TrackerSettings())]
        told += [self.pool.first.settings, self.lifter_sha256]
        text = json.dumps(told, sort_keys=True, default=_plain)
        return hashlib.sha256(text.encode()).hexdigest()

    def __enter__(self) -> Networks:
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.close()


def _plain(value: Any) -> Any:
    """Arrays in full, sets in order, paths as text."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return sorted(map(str, value)) if isinstance(value, set | frozenset) else str(value)


def make_lifter(name: str, device: str) -> tuple[Lifter, str]:
    """A lifter by its shipped name or path, and its sha256.

    Raises: UnknownName, FormatError; PoseliftError: torch has no such device here.
    """
    weights, sha256 = open_lifter(name)
    return Lifter(weights, checked_device(device)), sha256
