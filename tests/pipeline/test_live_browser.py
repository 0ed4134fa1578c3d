"""The live page in a real browser: it shows what comes, and says when it ends."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from foreign_files import Frames
from live_people import Scripted, detections_of
from page_browser import OpenPage

from poselift.inference.live.live_poses import LivePoses
from poselift.pipeline.live.serving import PageServer


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_page_shows_what_happens(
    scheme: Any, browser: Any, frames: Frames, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = PageServer("<i>hall</i>")
    view = {"viewport": {"width": 1100, "height": 640}, "color_scheme": scheme}
    context = browser.new_context(**view)
    told: list[str] = []
    try:
        tab = context.new_page()
        tab.on("console", lambda m: told.append(m.text) if m.type == "error" else None)
        tab.on("pageerror", lambda error: told.append(str(error)))
        tab.goto(server.url)
        page = OpenPage(tab, told)
        assert tab.inner_text("#name") == "<i>hall</i>"
        limit = time.monotonic() + 10
        while not server.clients and time.monotonic() < limit:
            time.sleep(0.02)
        image = np.full((360, 640, 3), (40, 90, 60), np.uint8)
        script = detections_of(frames)[:14]
        with LivePoses(lambda: Scripted(script), workers=1) as poses:
            for t in range(len(script)):
                frame = poses.push(image, t / 30)
                server.send(frame)
                page.until(f"poselift.frame === {t}")
        assert page.run("poselift.clip.people.filter((p) => p.there).map((p) => p.id)") == [1, 2]
        assert "2 people" in tab.inner_text("#facts") and "ms old" in tab.inner_text("#facts")
        # The picture, the skeletons over it, and the people where they are in the world.
        pixel = (
            "[...document.getElementById('video').getContext('2d').getImageData(5, 5, 1, 1).data]"
        )
        np.testing.assert_allclose(page.run(pixel)[:3], (40, 90, 60), atol=6)
        ink = "document.getElementById('overlay').getContext('2d').getImageData(0, 0, 4000, 4000)"
        assert page.run(f"{ink}.data.filter((v) => v > 0).length") > 2000
        hip = page.run("[...poselift.clip.people[0].places.slice(0, 3)]")
        np.testing.assert_allclose(hip, frame.people[0].world[0], atol=1e-3)
        labels = (
            "[...document.querySelectorAll('#labels span:not([hidden])')].map((e) => e.textContent)"
        )
        assert page.run(labels) == ["1", "2"]
        tab.screenshot(path=str(tmp_path_factory.getbasetemp() / f"live_{scheme}.png"))
        tab.click("[data-view=top]")
        assert tab.get_attribute("[data-view=top]", "aria-pressed") == "true"
        tab.click("#show-bones")
        tab.click("#show-names")
        assert page.run(f"{ink}.data.filter((v) => v > 0).length") == 0
        assert told == []
        server.close()
        page.until("document.body.dataset.ended === 'yes'")
        assert "has ended" in tab.inner_text("#no-film")
    finally:
        server.close()
        context.close()
