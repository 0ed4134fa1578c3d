"""The formats that poses are exported to: a row here, and a function that makes the files."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from poselift.data.errors import UnknownName
from poselift.data.exports.settings import Axes, ExportSettings, Units, Up
from poselift.data.files.optional_packages import optional_package
from poselift.pipeline.exports.fbx import find_blender

if TYPE_CHECKING:
    from poselift.pipeline.exports.scene import Scene

# What makes the content of each file, by the file's name.
Made = Mapping[str, Callable[[], bytes]]
Maker = Callable[["Scene", Axes], Made]


@dataclass(frozen=True)
class Format:
    """A kind of file that poses are exported to.

    Args:
        name: what `--to` and `--export` call it.
        files: a pattern of its files' names.
        maker: MODULE:FUNCTION, a Maker; imported when asked for.
        units, up: what it can be in, its own choice first; none: it holds no lengths, or no
            places, and takes whatever is asked.
        needs: raises MissingDependency where something that it needs is not here.
    """

    name: str
    files: str
    maker: str
    units: tuple[Units, ...] = ()
    up: tuple[Up, ...] = ()
    needs: Callable[[ExportSettings], object] = lambda _: None

    def axes(self, settings: ExportSettings) -> Axes:
        """What its files are in. Raises: UnknownName: the format cannot be in what is asked."""
        units = settings.units or (*self.units, "m")[0]
        up = settings.up or (*self.up, "y")[0]
        if self.units and units not in self.units:
            raise UnknownName(f"unit of {self.name}", units, self.units)
        if self.up and up not in self.up:
            raise UnknownName(f"axis that points up in {self.name}", up, self.up)
        return Axes(units, up, settings.space)

    def made(self, scene: Scene) -> Made:
        """Its files of a scene. Raises: UnknownName; LayoutMismatch: other joints are needed."""
        module, _, function = self.maker.partition(":")
        maker: Maker = getattr(importlib.import_module(f"poselift.{module}"), function)
        return maker(scene, self.axes(scene.settings))


def _package(package: str, name: str) -> Callable[[ExportSettings], object]:
    """That a package of the extra `exports` is installed."""
    return lambda _: optional_package(package, f"Exporting to {name}", "exports")


_MAKERS = "pipeline.exports.makers"
_ANALYSIS = "pipeline.exports.analysis"

FORMATS = {
    kind.name: kind
    for kind in (
        Format("bvh", r"person_\d+\.bvh", f"{_MAKERS}:bvh_files", ("cm", "m"), ("y", "z")),
        Format(
            "c3d",
            r"person_\d+\.c3d",
            f"{_MAKERS}:c3d_files",
            ("mm",),
            ("z", "y"),
            needs=_package("ezc3d", "c3d"),
        ),
        Format("csv", r"joints\.csv", f"{_MAKERS}:csv_files", ("m", "cm"), ("z", "y")),
        Format(
            "fbx",
            r"person_\d+\.fbx",
            f"{_MAKERS}:fbx_files",
            ("cm",),
            ("y",),
            needs=find_blender,
        ),
        Format("glb", r"people\.glb", f"{_MAKERS}:glb_files", ("m",), ("y",)),
        Format("json", r"poses\.json", f"{_MAKERS}:json_files", ("m", "cm"), ("z", "y")),
        Format(
            "parquet",
            r"joints\.parquet",
            f"{_MAKERS}:parquet_files",
            ("m", "cm"),
            ("z", "y"),
            needs=_package("pyarrow", "parquet"),
        ),
        Format("angles", r"angles\.csv", f"{_ANALYSIS}:angles_files"),
        Format("gait", r"(gait|contacts)\.csv", f"{_ANALYSIS}:gait_files"),
        Format("mot", r"person_\d+_angles\.mot", f"{_ANALYSIS}:mot_files"),
        Format("plots", r"person_\d+_(angles|path)\.png", f"{_ANALYSIS}:plot_files"),
        Format("trc", r"person_\d+\.trc", f"{_MAKERS}:trc_files", ("m", "cm"), ("y",)),
        Format("usd", r"people\.usda", f"{_MAKERS}:usda_files", ("m", "cm"), ("y", "z")),
    )
}
# The names of all files that an export writes.
FILES = re.compile("|".join(kind.files for kind in FORMATS.values()))


def check_formats(formats: Sequence[str], settings: ExportSettings) -> None:
    """Before any work.

    Raises: UnknownName: no such format, or it cannot be as asked; MissingDependency.
    """
    for name in formats:
        if name not in FORMATS:
            raise UnknownName("export format", name, FORMATS)
        kind = FORMATS[name]
        kind.axes(settings)
        kind.needs(settings)


def exports_of(scene: Scene, formats: Sequence[str]) -> Made:
    """What makes each file's content, by the file's name.

    Args:
        formats: names in FORMATS.
    Raises: UnknownName; LayoutMismatch: a rig cannot be made of these joints.
    """
    check_formats(formats, scene.settings)
    made: dict[str, Callable[[], bytes]] = {}
    for name in formats:
        made |= FORMATS[name].made(scene)
    return made
