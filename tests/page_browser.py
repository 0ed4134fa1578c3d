"""A page in a real browser, and clips whose picture says its own number."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from standing_people import clip as standing

from poselift.data.structures import Poses3D, Tracks
from poselift.inference.video.video_reader import VideoReader
from poselift.pipeline.viewer.page import page_of
from poselift.pipeline.viewer.page_video import page_video
from poselift.pipeline.viewer.video_choice import How

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--no-first-run",
)
SIZE = (320, 180)
BITS = 8
OWN = ("blob:", "data:", "file:")
# The number that the video's picture says, read from its pixels as they are shown.
_NUMBER = """() => {
  const canvas = Object.assign(document.createElement("canvas"), {width: 320, height: 180});
  const pen = canvas.getContext("2d", {willReadFrequently: true});
  pen.drawImage(document.getElementById("video"), 0, 0, 320, 180);
  let number = 0;
  for (let bit = 0; bit < 8; bit += 1)
    if (pen.getImageData(bit * 40 + 20, 90, 1, 1).data[0] > 120) number |= 1 << bit;
  return number;
}"""


def numbered_clip(
    path: Path,
    *,
    frames: int = 60,
    variable: bool = False,
    delay_s: float = 0.0,
    sound: bool = False,
    codec: str = "libx264",
) -> None:
    """A clip at 30 frames/s, or of steps of one to three of its frames, with its number in bits."""
    tick = Fraction(1, 30000)
    steps = np.random.default_rng(1).choice([1, 1, 1, 2, 3], frames - 1) if variable else 1
    times = np.cumsum(np.r_[0, np.broadcast_to(steps, frames - 1)]) / 30 + delay_s
    with av.open(str(path), "w") as container:
        picture = container.add_stream(codec, rate=30)
        picture.width, picture.height = SIZE
        picture.pix_fmt = "yuv420p"
        picture.codec_context.time_base = tick
        audio = container.add_stream("aac", rate=44100) if sound else None
        for number, time_s in enumerate(times):
            bits = np.array([220 if number >> bit & 1 else 30 for bit in range(BITS)], np.uint8)
            row = np.repeat(bits, SIZE[0] // BITS)
            image = np.broadcast_to(row[None, :, None], (SIZE[1], SIZE[0], 3))
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24")
            frame.pts, frame.time_base = round(time_s * 30000), tick
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        for block in range(int(times[-1] * 44100 / 1024) if audio else 0):
            quiet = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            quiet.sample_rate, quiet.pts, quiet.time_base = 44100, block * 1024, Fraction(1, 44100)
            container.mux(audio.encode(quiet))
        if audio:
            container.mux(audio.encode(None))


def people_of(video: Path, people: int = 1, **stretch: float) -> tuple[Tracks, Poses3D]:
    """Standing people at the times of a numbered clip's frames."""
    times = np.array([frame.time_s for frame in VideoReader(video, **stretch)])  # type: ignore[arg-type]
    roots = np.stack([np.tile([1.5 * p - 0.5, 3.0], (len(times), 1)) for p in range(people)])
    return standing(roots, times, SIZE)


def write_page(video: Path, *, how: How = "embed", people: int = 1, **stretch: float) -> Path:
    """The page of a numbered clip, beside it."""
    tracks, poses = people_of(video, people, **stretch)
    page = video.with_suffix(".html")
    shown = page_video(video, video.parent, how)
    page.write_text(page_of(video.name, tracks, poses, shown, ["people.glb"]), encoding="utf-8")
    return page


class OpenPage:
    """A page that is open in a browser.

    Args:
        page: playwright's.
        told: what went wrong on the console, or left the page.
    """

    def __init__(self, page: Any, told: list[str]) -> None:
        self.page, self.told = page, told

    def run(self, script: str, value: Any = None) -> Any:
        return self.page.evaluate(script, value)

    def until(self, script: str, limit_s: float = 10.0) -> None:
        """Wait for a condition. Raises: AssertionError: it does not come."""
        limit = time.monotonic() + limit_s
        while not self.run(script):
            assert time.monotonic() < limit, f"never: {script}"
            time.sleep(0.02)

    def go(self, frame: int) -> tuple[int, int]:
        """Seek; (the number that the picture says, the frame that skeletons are drawn of)."""
        self.run("frame => { poselift.clock.go(frame); }", frame)
        limit = time.monotonic() + 2.0  # the browser tells of the picture when it has drawn it
        shown = -1, -1
        while shown != (shown[0], frame) and time.monotonic() < limit:
            time.sleep(0.03)
            shown = self.run(_NUMBER), self.run("poselift.clock.picture")
        return shown

    def played(self, frames: int) -> list[tuple[int, int]]:
        """Play slowly from the start; for each picture (its number, the frame of the skeletons)."""
        self.go(0)
        script = """(frames) => new Promise((done) => {
          const video = document.getElementById("video"), pairs = [], read = NUMBER;
          const each = () => {
            pairs.push([read(), poselift.clock.picture]);
            if (pairs.length < frames) video.requestVideoFrameCallback(each);
            else { poselift.clock.pause(); done(pairs); }
          };
          poselift.clock.setRate(0.1); // a machine that draws slowly sees each, too
          video.requestVideoFrameCallback(each);
          poselift.clock.play();
        })"""
        pairs = self.run(script.replace("NUMBER", _NUMBER), frames)
        return [(number, frame) for number, frame in pairs]


@contextmanager
def opened(browser: Any, page: Path, *, script: str = "", **view: Any) -> Iterator[OpenPage]:
    """Open a page from the disk, offline, and wait for it.

    Args:
        script: run before the page's own.
        view: options of playwright's browser context: viewport, color_scheme.
    """
    told: list[str] = []
    context = browser.new_context(
        offline=True, **({"viewport": {"width": 1000, "height": 700}} | view)
    )
    tab = context.new_page()
    if script:
        tab.add_init_script(script)
    tab.on("console", lambda m: told.append(m.text) if m.type == "error" else None)
    tab.on("pageerror", lambda error: told.append(str(error)))
    tab.on("request", lambda r: told.append(r.url[:80]) if not r.url.startswith(OWN) else None)
    try:
        tab.goto(page.resolve().as_uri())
        shown = OpenPage(tab, told)
        shown.until("!!document.body.dataset.ready")
        shown.until(
            "poselift.clip.video.missing || poselift.clock.failed || !poselift.clock.own", 15
        )
        yield shown
    finally:
        context.close()
