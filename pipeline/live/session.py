"""A source, watched: everybody in its newest picture, again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from poselift.data.scene import NOTHING_KNOWN, KnownScene
from poselift.inference.detectors.choice import DetectorChoice
from poselift.inference.live.frames import LiveFrame
from poselift.inference.live.live_poses import DETECTOR, LIFTER, LivePoses
from poselift.inference.live.one_euro import Smooth
from poselift.inference.video.views import check_view
from poselift.models.devices import BEST
from poselift.pipeline.live.capture import Capture, Say
from poselift.pipeline.live.sources import Source, source_of


@dataclass(frozen=True)
class LiveSettings:
    """How a source is watched; see LivePoses.

    Args:
        rotate: degrees clockwise to turn the picture by.
        duration_s: end after so long; None: with the source.
    """

    detector: str | DetectorChoice = DETECTOR
    lifter: str = LIFTER
    device: str = BEST
    workers: int | None = None
    smooth: Smooth = "medium"
    scene: KnownScene = NOTHING_KNOWN
    rotate: int = 0
    duration_s: float | None = None

    def __post_init__(self) -> None:
        """Raises: ValueError."""
        check_view(self.rotate, None)
        if self.duration_s is not None and not self.duration_s > 0:
            raise ValueError(f"a duration is more than 0 s, not {self.duration_s:g}")


def live(
    source: str | int | Path,
    *,
    detector: str | DetectorChoice = DETECTOR,
    lifter: str = LIFTER,
    device: str = BEST,
    workers: int | None = None,
    smooth: Smooth = "medium",
    scene: KnownScene = NOTHING_KNOWN,
    rotate: int = 0,
    duration_s: float | None = None,
) -> Iterator[LiveFrame]:
    """Everybody in the newest picture of a source, again and again; leave the loop to end.

    Pictures that come while one is looked at are dropped, but for the last: the delay does not
    grow.

    Args:
        source: a camera's number or name, rtsp://..., udp://..., or a video, which is played at
            its own rate.
        detector, lifter, device, workers, smooth, scene: see LivePoses.
        rotate: degrees clockwise to turn the picture by: 0, 90, 180 or 270.
        duration_s: end after so long; None: with the source.
    Raises: VideoError: there is no such source, or it breaks off and does not come again; see
        LivePoses, too.

    >>> for frame in poselift.live("data/examples/walk.mp4", duration_s=0.5):
    ...     print(frame)  # doctest: +SKIP
    LiveFrame(0, 0.000 s, 0 people, 61 ms old, 0 dropped)
    """
    settings = LiveSettings(detector, lifter, device, workers, smooth, scene, rotate, duration_s)
    opened = source_of(str(source), rotate=rotate)
    return (frame for frame in watched(opened, settings) if frame is not None)


def watched(
    source: Source,
    settings: LiveSettings,
    say: Say = lambda text: None,
    make: Callable[[LiveSettings], LivePoses] | None = None,
) -> Iterator[LiveFrame | None]:
    """As `live`; None where no picture came for a while, so that the caller gets a turn.

    Args:
        say: told when the source is lost, and when it is back.
        make: makes what is told of the pictures.
    """
    with (make or _poses)(settings) as poses, Capture(source, say) as capture:
        begun = time.monotonic()
        for picture in capture:
            if settings.duration_s and time.monotonic() - begun >= settings.duration_s:
                return
            if picture is None:
                yield None
                continue
            image, size = picture.rgb()
            frame = poses.push(image, picture.time_s, size)
            age_s = time.monotonic() - picture.came_s
            yield replace(frame, age_s=age_s, dropped=picture.dropped)


def _poses(settings: LiveSettings) -> LivePoses:
    return LivePoses(
        settings.detector,
        settings.lifter,
        device=settings.device,
        workers=settings.workers,
        smooth=settings.smooth,
        scene=settings.scene,
        wait=False,
    )
