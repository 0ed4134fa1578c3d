"""The cameras of the data sets, measured by their makers: numbers as data, beside this file.

`h36m_cameras()["S1"]` are the four cameras of Human3.6M as they stood when subject S1
was filmed; `humaneva_cameras()["S1"]` the three of HumanEva-I. Whose placement was never
published has no cameras.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from poselift.data.cameras import normalise_screen


@dataclass(frozen=True, eq=False)
class Camera:
    """One camera at its place.

    Args:
        id: the camera's name in file names.
        width, height: image size, pixels; 0 where it depends on the video.
        orientation: (4,) float32 unit quaternion (w, x, y, z), camera to world.
        translation: (3,) float32 where the camera stands, metres.
        intrinsics: (9,) float32 for poselift.data.cameras.project, screen units: focal (2),
            centre (2), radial (3), tangential (2). None where they are not known.
    """

    id: str
    width: int
    height: int
    orientation: np.ndarray
    translation: np.ndarray
    intrinsics: np.ndarray | None = None

    def __post_init__(self) -> None:
        shapes = {"orientation": (4,), "translation": (3,), "intrinsics": (9,)}
        for name, shape in shapes.items():
            value = getattr(self, name)
            if value is not None and value.shape != shape:
                raise ValueError(f"camera {self.id}: {name} of shape {value.shape}, not {shape}")


Cameras = Mapping[str, tuple[Camera, ...]]


@cache
def h36m_cameras() -> Cameras:
    """Subject -> its four cameras, in the order of the 2D archives; S2, S3, S4: none."""
    return _by_subject(_read("h36m_cameras.json"))


@cache
def humaneva_cameras() -> Cameras:
    """Subject -> its three cameras C1, C2, C3, without intrinsics; S4: none.

    Takes are named `Train/S1`, `Validate/S1`, `Unlabeled/S1`, ...: see humaneva_subject.
    """
    return _by_subject(_read("humaneva_cameras.json"))


def humaneva_subject(name: str) -> str:
    """`Unlabeled/Train/S1` -> `S1`."""
    return name.rsplit("/", 1)[-1]


@cache
def in_the_wild_camera() -> Camera:
    """The camera through which videos of unknown cameras are shown; its size is 0 x 0."""
    camera = _read("h36m_cameras.json")["in_the_wild"]
    return _placed({"id": "custom", "width": 0, "height": 0} | camera, camera)


def _read(name: str) -> Any:
    return json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))


def _by_subject(table: Mapping[str, Any]) -> Cameras:
    lenses = table["cameras"]
    cameras = {
        subject: tuple(
            _placed(lens, place) for lens, place in zip(lenses, places, strict=bool(places))
        )
        for subject, places in table["placements"].items()
    }
    return MappingProxyType(cameras)


def _placed(lens: Mapping[str, Any], place: Mapping[str, Any]) -> Camera:
    return Camera(
        id=lens["id"],
        width=lens["width"],
        height=lens["height"],
        orientation=_numbers(place["orientation"]),
        translation=_frozen(_numbers(place["translation_mm"]) / 1000),
        intrinsics=_intrinsics(lens) if "focal_px" in lens else None,
    )


def _intrinsics(lens: Mapping[str, Any]) -> np.ndarray:
    width, height = lens["width"], lens["height"]
    focal = _numbers(lens["focal_px"]) / width * 2
    centre = normalise_screen(_numbers(lens["centre_px"]), width, height)
    terms = (focal, centre, _numbers(lens["radial"]), _numbers(lens["tangential"]))
    return _frozen(np.concatenate(terms))


def _numbers(values: list[float]) -> np.ndarray:
    return _frozen(np.array(values, np.float32))


def _frozen(array: np.ndarray) -> np.ndarray:
    """Cached cameras are shared: nobody may write into them."""
    array.flags.writeable = False
    return array
