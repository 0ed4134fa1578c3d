"""What became of one clip."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poselift.data.structures import Detections, Poses3D, Tracks
from poselift.pipeline.viewer.page_frame import framed


@dataclass(frozen=True, eq=False)
class ClipResult:
    """What became of one clip.

    Args:
        overlay: path of the rendered video; None without rendering.
        exports: paths of the files that the poses were exported to.
        page: path of the page, which a notebook shows in place of the result; None without.
        summary: the content of summary.json.
    """

    source: Path
    folder: Path
    detections: Detections
    tracks: Tracks
    poses: Poses3D
    overlay: Path | None
    page: Path | None
    summary: dict[str, Any] = field(repr=False)
    exports: tuple[Path, ...] = ()

    def _repr_html_(self) -> str | None:
        """The page, framed, for Jupyter; None without one."""
        return framed(self.page) if self.page and self.page.is_file() else None
