"""What a run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from poselift.data.errors import UnknownName
from poselift.data.exports.settings import ExportSettings
from poselift.data.scene import KnownScene
from poselift.inference.detectors import BACKENDS
from poselift.inference.detectors.choice import DEFAULT as DEFAULT_DETECTOR
from poselift.inference.detectors.choice import DetectorChoice
from poselift.inference.video.views import check_view
from poselift.models.devices import BEST
from poselift.models.registry import DEFAULT_LIFTER
from poselift.pipeline.exports.formats import check_formats
from poselift.pipeline.overlay.look import Look, StyleName, View
from poselift.pipeline.viewer.video_choice import HOWS, How

STAGES = ("detect", "camera", "track", "lift", "render", "export", "page")
ENDS = frozenset({"render", "export", "page"})  # they shape no other stage
RENDERS = ("mp4", "gif", "none")


@dataclass(frozen=True)
class RunSettings:
    """The options of `poselift run`.

    Args:
        detector: a name of poselift.inference.detectors.BACKENDS, or one with its options.
        lifter: a shipped lifter's name or the path of a checkpoint.
        device: of the lifter, and of a detector that can use one (unless its options name
            another); `auto` takes a GPU where there is one.
        people: `all`, `best`, or how many of the best, as text.
        render: overlay format; `none` leaves the stage out.
        view, style: of the overlay's 3D panel, see Look.
        exports: formats to export the poses to, of poselift.pipeline.exports.formats.FORMATS.
        export_settings: how.
        start_s, end_s: the stretch of the video to use.
        rotate: degrees clockwise to turn the shown picture by: 0, 90, 180 or 270.
        fps: pictures a second, of numbered pictures; a video has its own.
        scene: what is known of the camera and the people.
        workers: detectors at work at once; None takes one for each core.
        page: make page.html. page_video: how it has the video: `embed` up to 30 MB, `link`, `none`.
        force: stages to run again even when up to date (and so all after them).
        use_cache: False runs every stage again.
    """

    detector: str | DetectorChoice = DEFAULT_DETECTOR
    lifter: str = DEFAULT_LIFTER
    device: str = BEST
    people: str = "all"
    render: Literal["mp4", "gif", "none"] = "mp4"
    view: View = "auto"
    style: StyleName = "dark"
    exports: tuple[str, ...] = ()
    export_settings: ExportSettings = field(default_factory=ExportSettings)
    start_s: float | None = None
    end_s: float | None = None
    rotate: int = 0
    fps: float | None = None
    scene: KnownScene = field(default_factory=KnownScene)
    workers: int | None = None
    page: bool = True
    page_video: How = "embed"
    force: frozenset[str] = field(default_factory=frozenset)
    use_cache: bool = True

    def __post_init__(self) -> None:
        """Raises: UnknownName, ValueError."""
        if self.detector_choice.name not in BACKENDS:
            raise UnknownName("detector", self.detector_choice.name, BACKENDS)
        for stage in self.force:
            if stage not in STAGES:
                raise UnknownName("stage", stage, STAGES)
        if self.render not in RENDERS:
            raise UnknownName("overlay format", self.render, RENDERS)
        check_formats(self.exports, self.export_settings)
        if self.page_video not in HOWS:
            raise UnknownName("way to have the video in the page", self.page_video, HOWS)
        checked_people(self.people)
        _ = self.look
        if self.workers is not None and self.workers < 1:
            raise ValueError(f"workers is a number from 1, not {self.workers}")
        start, end = self.start_s or 0.0, self.end_s
        if start < 0 or (end is not None and end <= start):
            raise ValueError(f"the stretch from {start:g} s to {end} s is empty")
        check_view(self.rotate, self.fps)

    @property
    def look(self) -> Look:
        return Look(self.view, self.style)

    @property
    def detector_choice(self) -> DetectorChoice:
        """The detector with its options; its device is the run's unless it names one."""
        detector = self.detector
        choice = DetectorChoice(detector) if isinstance(detector, str) else detector
        return choice.on(self.device)


def checked_people(text: str) -> str:
    """Raises: ValueError: not `all`, `best` or a number from 1."""
    if text not in {"all", "best"} and not (text.isdecimal() and int(text) > 0):
        raise ValueError(f"people is all, best or a number from 1, not '{text}'")
    return text
