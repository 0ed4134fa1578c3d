"""The page in Chromium: in step with its video, quiet, and every control does what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from page_browser import numbered_clip, opened, people_of, write_page

from poselift.pipeline.viewer.page import page_of
from poselift.pipeline.viewer.page_video import PageVideo, page_video

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two people in a clip with its video in it."""
    video = tmp_path_factory.mktemp("plain") / "numbers.mp4"
    numbered_clip(video)
    return write_page(video, people=2)


@pytest.mark.parametrize(
    ("name", "made", "stretch"),
    [
        ("constant.mp4", {}, {}),
        ("variable.mp4", {"variable": True, "delay_s": 0.73, "sound": True}, {}),
        ("late.mp4", {"delay_s": 0.5}, {}),
        ("cut.mkv", {"delay_s": 0.5, "sound": True}, {"start_s": 0.5, "end_s": 1.5}),
    ],
)
def test_skeletons_are_in_step_with_the_picture(
    name: str, made: dict, stretch: dict, browser: Any, tmp_path: Path
) -> None:
    video = tmp_path / name
    numbered_clip(video, **made)
    first = round(stretch.get("start_s", 0) * 30)
    with opened(browser, write_page(video, **stretch)) as page:
        last = page.run("poselift.clip.last")
        for frame in (7, last, 1, last - 1, 0):
            assert page.go(frame) == (frame + first, frame)
        pairs = page.played(7)[1:]  # the first may still be the picture before
        assert [number - first for number, _ in pairs] == [frame for _, frame in pairs]
        assert len({number for number, _ in pairs}) > 3
        assert page.told == []


def test_a_linked_video_turned(browser: Any, tmp_path: Path) -> None:
    """What is linked cannot be read by a script: the number is read from a photograph."""
    folder = tmp_path / "a folder #1"
    folder.mkdir()
    video = folder / "100% take:1.mp4"
    numbered_clip(video)
    tracks, poses = people_of(video)
    page = tmp_path / "page.html"
    film = page_video(video, tmp_path, "link", rotate=180)
    assert film.content is None
    page.write_text(page_of("clip", tracks, poses, film), encoding="utf-8")
    with opened(browser, page) as shown:
        shown.page.click("#show-bones")
        shown.page.click("#show-names")
        for frame in (41, 6):
            shown.run("frame => { poselift.clock.go(frame); }", frame)
            shown.until(f"poselift.clock.picture === {frame}")
            shown.run("new Promise((r) => setTimeout(r, 100))")
            photograph = np.frombuffer(shown.page.locator("#film").screenshot(), np.uint8)
            row = cv2.imdecode(photograph, cv2.IMREAD_GRAYSCALE)
            row = cv2.resize(row, (320, 180))[90, 20::40][::-1]  # upside down
            assert sum(1 << bit for bit, light in enumerate(row) if light > 120) == frame
        assert shown.told == []


def test_without_the_browsers_word_for_frames(browser: Any, plain: Path) -> None:
    """Older browsers tell the time alone."""
    old = "delete HTMLVideoElement.prototype.requestVideoFrameCallback;"
    with opened(browser, plain, script=old) as page:
        for frame in (10, 59, 0):
            assert page.go(frame) == (frame, frame)
        page.run("poselift.clock.play()")
        page.until("poselift.clock.frame > 5")
        page.run("poselift.clock.pause()")
        frame = page.run("poselift.clock.frame")
        assert page.go(frame) == (frame, frame)


def test_every_control(browser: Any, plain: Path) -> None:
    with opened(browser, plain) as opened_page:
        page, run = opened_page.page, opened_page.run
        state = "poselift.clock."

        def after(action: Any, expression: str) -> Any:
            action()
            return run(expression)

        # Playing.
        page.click("#play")
        opened_page.until(state + "frame > 2")
        assert page.get_attribute("#play", "aria-label") == "Pause"
        page.click("#play")
        assert run(state + "playing") is False
        opened_page.until("document.getElementById('said').textContent.startsWith('Paused at')")
        opened_page.go(20)
        assert after(lambda: page.click("#on"), state + "frame") == 21
        assert after(lambda: page.click("#back"), state + "frame") == 20
        assert after(lambda: page.keyboard.press("Shift+ArrowRight"), state + "frame") == 30
        assert after(lambda: page.keyboard.press("End"), state + "frame") == 59
        assert after(lambda: page.keyboard.press("Home"), state + "frame") == 0
        assert after(lambda: page.select_option("#speed", "0.5"), state + "rate") == 0.5
        assert run("document.getElementById('video').playbackRate") == 0.5
        run("document.activeElement.blur()")
        assert after(lambda: page.keyboard.press("."), state + "rate") == 1
        # A stretch, again and again.
        opened_page.go(10)
        page.keyboard.press("[")
        opened_page.go(16)
        page.keyboard.press("]")
        assert run("[poselift.clock.from, poselift.clock.to]") == [10, 16]
        run("window.seen = []; poselift.clock.on('frame', (c) => seen.push(c.frame))")
        page.keyboard.press("Space")
        opened_page.until("seen.some((f, i) => i && seen[i - 1] > f)")
        page.keyboard.press("Space")
        assert set(run("seen")) <= set(range(10, 17))
        assert after(lambda: page.click("#loop-all"), state + "to") == 59
        assert after(lambda: page.click("#loop"), state + "loop") is False
        opened_page.go(57)
        page.keyboard.press("Space")
        opened_page.until("!" + state + "playing")
        assert run(state + "frame") == 59
        # The scrubber, for hands and for readers of screens.
        track = page.locator("#ruler-row .track").bounding_box()
        page.mouse.click(track["x"] + track["width"] * 0.5, track["y"] + 10)
        assert run(state + "frame") == 30
        assert "frame 30 of" in page.get_attribute("#scrub", "aria-valuetext")
        page.focus("#scrub")
        assert after(lambda: page.keyboard.press("ArrowRight"), state + "frame") == 31
        # A part of the time.
        whole = run("poselift.timeline.to - poselift.timeline.from")
        page.click("#zoom-in")
        assert run("poselift.timeline.to - poselift.timeline.from") < whole / 1.5
        page.click("#zoom-out")
        assert run("poselift.timeline.to - poselift.timeline.from") == pytest.approx(whole)
        assert opened_page.told == []


def test_views_people_and_plots(browser: Any, plain: Path) -> None:
    with opened(browser, plain) as opened_page:
        page, run = opened_page.page, opened_page.run
        place = "poselift.scene.camera.position.clone().sub(poselift.scene.orbit.target).toArray()"
        places = []
        for name in ("angled", "front", "side", "top"):
            page.click(f"[data-view={name}]")
            assert page.get_attribute(f"[data-view={name}]", "aria-pressed") == "true"
            places.append(run(place))
        assert places[1][1] < -3 and places[2][0] > 3 and places[3][2] > 3
        assert page.is_disabled("[data-view=camera]")  # these poses know no camera
        solid = page.locator("#solid").bounding_box()
        page.mouse.move(solid["x"] + 200, solid["y"] + 150)
        page.mouse.down()
        page.mouse.move(solid["x"] + 260, solid["y"] + 190)
        page.mouse.up()
        assert run(place) != places[3] and run("poselift.scene.name") == ""
        before = run(place)
        page.focus("#solid")
        page.keyboard.press("ArrowLeft")
        assert run(place) != before
        page.select_option("#follow", "2")
        assert run("poselift.scene.orbit.target.x") == pytest.approx(1.0, abs=0.2)
        # Who is shown: on the video, in 3D and in the plot.
        opened_page.go(10)
        ink = (
            "() => { const canvas = document.getElementById('overlay'); poselift.overlay.draw(10);"
        )
        ink += "return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)"
        ink += ".data.filter((v) => v > 0).length; }"
        both = run(ink)
        page.click("[aria-label='Show person 2']")
        one = run(ink)
        assert 0 < one < both * 0.7
        assert page.locator("#values p").count() == 1
        page.click("#show-bones")
        assert run(ink) < one / 4
        page.click("#show-names")
        assert run(ink) == 0
        # A standing person: straight knees, wrists at 1.3 m, no speed.
        page.select_option("#whose", "1")
        told = {}
        for label in ("Knee bend", "Height: Wrists", "Speed: Head"):
            page.select_option("#measure", label=label)
            told[label] = page.inner_text("#values").split()
        assert told["Height: Wrists"] == ["L", "1.30", "m", "R", "1.30", "m"]
        assert told["Speed: Head"] == ["0.00", "m/s"]
        assert told["Knee bend"][1].endswith("°") and int(told["Knee bend"][1][:-1]) < 5
        page.select_option("#trails", "2")
        page.click("#help-open")
        assert page.is_visible("#help")
        page.keyboard.press("Escape")
        page.click("#files summary")
        assert page.get_attribute("#file-list a", "href") == "./people.glb"
        assert opened_page.told == []


HOSTILE = (
    '<img src=x onerror="window.hit=1"></script><script>window.hit=2</script>'
    "{{script}}&'\u2028.mp4"
)


def test_a_name_is_only_a_name(browser: Any, plain: Path, tmp_path: Path) -> None:
    video = plain.with_suffix(".mp4")
    tracks, poses = people_of(video)
    page = tmp_path / "page.html"
    film = page_video(video, tmp_path, "embed")
    page.write_text(page_of(HOSTILE, tracks, poses, film), encoding="utf-8")
    with opened(browser, page) as shown:
        assert shown.page.inner_text("#name") == HOSTILE
        assert shown.page.title() == f"{HOSTILE} – Poselift".strip()
        assert shown.run("window.hit") is None
        assert shown.run("document.images.length") == 0
        failures: list[str] = []
        shown.page.on("requestfailed", lambda request: failures.append(str(request.failure)))
        # And what gets in all the same is not run, nor loaded.
        shown.run(
            "document.body.insertAdjacentHTML('beforeend', '<img src=http://x/y onerror=hit=3>')"
        )
        shown.run("new Promise((r) => setTimeout(r, 200))")
        assert shown.run("window.hit") is None
        assert any("Content Security Policy" in text for text in shown.told)
        assert failures == ["csp"]


@pytest.mark.parametrize("sound", [False, True])
def test_a_video_that_is_not_decoded(sound: bool, browser: Any, tmp_path: Path) -> None:
    """The page says so, and the people are played by their own times."""
    video = tmp_path / "odd.mp4"
    numbered_clip(video, codec="mpeg4", sound=sound, frames=30)
    with opened(browser, write_page(video)) as page:
        assert page.run("poselift.clock.failed") is True
        assert "cannot show the video (mpeg4)" in page.page.inner_text("#no-film")
        page.page.click("#play")
        page.until("poselift.clock.frame > 10")
        page.page.click("#play")
        drawn = page.run("poselift.scene.draws")
        page.page.click("#on")
        assert page.run("poselift.scene.draws") > drawn


def test_without_3d(browser: Any, plain: Path) -> None:
    off = "HTMLCanvasElement.prototype.getContext = new Proxy("
    off += "HTMLCanvasElement.prototype.getContext, {apply: (f, canvas, [kind, ...more]) => "
    off += "kind.startsWith('webgl') ? null : f.call(canvas, kind, ...more)});"
    with opened(browser, plain, script=off) as page:
        assert "no 3D" in page.page.inner_text("#no-solid")
        assert page.go(12) == (12, 12)


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_how_it_looks(scheme: Any, browser: Any, plain: Path, assets: Path) -> None:
    """A small picture, compared loosely; scripts/test-page makes large ones to look at."""
    view = {"viewport": {"width": 1000, "height": 700}, "color_scheme": scheme}
    with opened(browser, plain, **view) as page:
        page.go(21)
        page.run("new Promise((r) => setTimeout(r, 200))")
        shot = np.frombuffer(page.page.screenshot(), np.uint8)
    image = cv2.imdecode(shot, cv2.IMREAD_COLOR)
    small = cv2.resize(image, (250, 175), interpolation=cv2.INTER_AREA)
    wanted = cv2.imread(str(assets / f"page_{scheme}.png"))
    off = np.abs(small.astype(int) - wanted).max(-1)
    assert (off > 40).mean() < 0.04


def test_on_a_telephone(browser: Any, plain: Path) -> None:
    view = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with opened(browser, plain, **view) as page:
        assert page.run("document.documentElement.scrollWidth") <= 390
        assert page.run("document.documentElement.scrollHeight") <= 844
        for part in ("#film", "#solid", "#play", "#plot"):
            box = page.page.locator(part).bounding_box()
            assert box["width"] >= 30 and box["height"] >= 30 and box["y"] + box["height"] <= 844
        page.page.tap("#play")
        page.until("poselift.clock.playing")


def test_no_video_at_all(browser: Any, plain: Path, tmp_path: Path) -> None:
    tracks, poses = people_of(plain.with_suffix(".mp4"))
    page = tmp_path / "page.html"
    film = PageVideo(missing="Browsers do not play .avi files.")
    page.write_text(page_of("clip.avi", tracks, poses, film), encoding="utf-8")
    with opened(browser, page) as shown:
        assert "Browsers do not play .avi files." in shown.page.inner_text("#no-film")
        shown.page.keyboard.press("Space")
        shown.until("poselift.clock.frame > 3")
        assert shown.told == []
