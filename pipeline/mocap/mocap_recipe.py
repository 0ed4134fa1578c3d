"""How a lifter is trained on motion capture, as a TOML file that travels with the weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from poselift.data.errors import FormatError
from poselift.data.files.source_files import read_bounded
from poselift.data.files.toml_text import parse_toml
from poselift.data.mocap.detector_noise import NoiseRanges
from poselift.data.mocap.motion_variation import MotionRanges
from poselift.data.mocap.virtual_views import ViewRanges
from poselift.data.skeletons import COCO17, H36M17
from poselift.models.inputs import input_shape
from poselift.models.outputs import output_rows
from poselift.models.temporal import Architecture

T = TypeVar("T")

MAX_BYTES = 1 << 20
_LARGEST = 1e300  # TOML has whole numbers without end, which are no floats
_LEAST = {"steps": 1, "batch": 1, "frames": 2, "channels": 1, "trajectory_channels": 1}
_LEAST |= {"validate_every": 1, "warmup": 0, "weight_decay": 0, "velocity_weight": 0}
_LEAST |= {"bone_weight": 0, "averaging": 0}
_MOST = {"steps": 10**9, "batch": 10**6, "frames": 10**5, "warmup": 10**9, "validate_every": 10**9}


@dataclass(frozen=True)
class MocapTraining:
    """A recipe. One step predicts batch * frames poses, at least 2 frames a view: they move.

    Args:
        start_from: name or path of a lifter whose tensors are taken over where they fit.
        learning_rate: of the convolutions (Muon); `adamw_rate` of all else.
        bone_weight: of the error of the bones' directions in the loss.
        averaging: decay of the running average of the weights, which is what is kept; 0 keeps
            the last step's.
        straight_limbs: joints are calibrated, so that the straightest limbs are straight.
        archive_weights: file name without suffix -> how much more often than its length says an
            archive's clips are drawn; 1 where it is not named.
        views, motion, noise: what cameras and bodies, movements and detectors are drawn from.
    """

    steps: int = 16_000
    batch: int = 64
    frames: int = 48
    start_from: str = ""
    learning_rate: float = 6e-3
    adamw_rate: float = 1e-3
    weight_decay: float = 0.05
    warmup: int = 200
    velocity_weight: float = 0.5
    bone_weight: float = 0.0
    averaging: float = 0.0
    straight_limbs: bool = False
    filter_widths: tuple[int, ...] = (3, 3, 3)
    channels: int = 512
    trajectory_channels: int = 256
    causal: bool = False
    seed: int = 1234
    bf16: bool = False
    validate_every: int = 1000
    views: ViewRanges = field(default_factory=lambda: ViewRanges(limb_scale=0.1))
    motion: MotionRanges = field(default_factory=MotionRanges)
    noise: NoiseRanges = field(default_factory=NoiseRanges)
    archive_weights: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises: ValueError: a value that no training can have."""
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise ValueError(f"'{name}' is {getattr(self, name)}, but is at least {least}")
        for name in ("learning_rate", "adamw_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"'{name}' is {getattr(self, name)}, but is above 0")
        if self.averaging >= 1:
            raise ValueError(f"'averaging' is {self.averaging}, but is below 1")
        if any(width < 1 or width % 2 == 0 for width in self.filter_widths):
            raise ValueError(f"'filter_widths' are {self.filter_widths}, but are odd, from 1")
        for name, most in _MOST.items():
            if getattr(self, name) > most:
                raise ValueError(f"'{name}' is {getattr(self, name)}, but is at most {most}")
        if not 1 <= self.noise.longest_fill <= 10_000:
            raise ValueError(f"'longest_fill' is {self.noise.longest_fill}, but is 1 to 10000")
        for network in (self.position_network, self.trajectory_network):
            network()
        if abs(self.seed) >= 2**63:
            raise ValueError(f"'seed' is {self.seed}, but has at most 63 bits")
        logarithmic = ("views", "fps"), ("views", "focal"), ("views", "person_height")
        for table, name in (*logarithmic, ("noise", "level")):
            values = getattr(getattr(self, table), name)
            if min(values) <= 0:
                raise ValueError(f"'{name}' of [{table}] is {values}, but is above 0")

    def position_network(self) -> Architecture:
        rows = output_rows("anchored", H36M17.num_joints)
        return self._network(rows, self.channels)

    def trajectory_network(self) -> Architecture:
        return self._network(2, self.trajectory_channels)

    def _network(self, rows: int, channels: int) -> Architecture:
        joints_in, features_in = input_shape("person", COCO17.num_joints)
        return Architecture(
            joints_in, features_in, rows, self.filter_widths, channels, 0.0, self.causal
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and strings."""
        return _listed(asdict(self))


def read_recipe(path: Path) -> MocapTraining:
    """A recipe from its file; what the file leaves out is the default.

    Raises: FormatError: not TOML, an unknown key, or a value of the wrong kind or size.
    """
    try:
        table = parse_toml(read_bounded(path, MAX_BYTES).decode())
    except ValueError as error:
        raise FormatError(f"{path}: no recipe ({error}).") from error
    default = MocapTraining()
    parts = {"views": default.views, "motion": default.motion, "noise": default.noise}
    try:
        _check_archives(table.get("archive_weights", {}))
        for name, part in parts.items():
            if not isinstance(table.get(name, {}), dict):
                raise ValueError(f"'{name}' is {table[name]!r}, but should be a table")
            table[name] = _filled(part, table.get(name, {}))
        return _filled(default, table)
    except ValueError as error:
        raise FormatError(f"{path}: {error}.") from error


def _check_archives(table: Any) -> None:
    """Raises: ValueError."""
    if not isinstance(table, dict):
        raise ValueError(f"'archive_weights' is {table!r}, but should be a table")
    for name, weight in table.items():
        if not _alike(1.0, weight) or weight <= 0:
            raise ValueError(
                f"'{name}' of [archive_weights] is {weight!r}, but is a number above 0"
            )


def _filled(default: T, given: Mapping[str, Any]) -> T:
    """`default` with the given values. Raises: ValueError."""
    known = {part.name: getattr(default, part.name) for part in fields(default)}  # type: ignore[arg-type]
    for key, value in given.items():
        if key not in known:
            raise ValueError(f"knows no '{key}'; known are {', '.join(known)}")
        if not _alike(known[key], value):
            raise ValueError(f"'{key}' is {value!r}, but should be like {known[key]!r}")
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    return type(default)(**{**known, **values})


def _alike(default: Any, value: Any) -> bool:
    """Of the default's kind; ranges have two ends, and numbers are finite."""
    if isinstance(default, float):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and -_LARGEST < value < _LARGEST
    if isinstance(default, tuple):
        return (
            isinstance(value, (list, tuple))
            and bool(value)
            and (isinstance(default[0], int) or len(value) == len(default))
            and all(_alike(default[0], item) for item in value)
        )
    return type(value) is type(default)


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, (list, tuple)) else value
