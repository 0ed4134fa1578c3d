"""The index of a thousand clips in a real browser: it answers at once and asks nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from poselift.pipeline.viewer.gallery import gallery_of

EVIL = "<img src=x onerror=\"document.title='run'\">"
# The smallest JPEG that browsers show.
DOT = (
    "data:image/jpeg;base64,/9j/4AAQSkZJRgABAQEAYABgAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8U"
    "HRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgyPC4zNDL/wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAA"
    "AAAACf/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AKp//2Q=="
)


def card(i: int) -> dict[str, Any]:
    failed = i % 50 == 7
    name = EVIL if i == 500 else f"take_{i}"
    return {
        "name": name,
        "state": "failed" if failed else "done",
        "error": EVIL if failed else "",
        "seconds": None if failed else float(i),
        "frames": None if failed else i * 30,
        "people": None if failed else i % 4,
        "findings": [EVIL] * (i % 3 == 0),
        "source": EVIL,
        "links": [] if failed else [["Page", f"./take%20{i}/page.html"]],
        "poster": "" if failed else DOT,
        "key": str(i),
    }


class Page:
    """The page, and what it said and asked for."""

    def __init__(self, page: Any, path: Path) -> None:
        self.page, self.said, self.asked = page, [], []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(path.as_uri())

    def shown(self) -> list[str]:
        names = self.page.locator(".card:not([hidden]) .name")
        return list(names.all_text_contents())

    @property
    def count(self) -> str:
        return str(self.page.locator("#count").text_content())

    def focused(self) -> str:
        return str(self.page.evaluate("document.activeElement.textContent"))


@pytest.fixture(scope="module")
def thousand(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    path = tmp_path_factory.mktemp("out") / "index.html"
    path.write_bytes(gallery_of(EVIL, [card(i) for i in range(1000)]))
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        yield Page(context.new_page(), path)


def test_a_thousand_cards_are_found_sorted_and_filtered(thousand: Page) -> None:
    page = thousand.page
    assert thousand.count == "1,000 clips, 20 failed" and len(thousand.shown()) == 1000
    assert thousand.shown()[:4] == [EVIL, "take_0", "take_1", "take_2"]
    page.fill("#words", "TAKE_99")
    assert thousand.shown() == ["take_99", *(f"take_{i}" for i in range(990, 1000))]
    page.keyboard.press("Escape")
    page.select_option("#show", "failed")
    assert thousand.count == "20 of 1,000 clips, 20 failed"
    assert thousand.shown()[:2] == ["take_7", "take_57"]
    page.select_option("#show", "all")
    page.select_option("#order", "longest")
    assert thousand.shown()[:2] == ["take_999", "take_998"]
    page.fill("#words", "nothing like it")
    assert page.is_visible("#nothing") and thousand.shown() == []
    page.click("#all")
    page.select_option("#order", "name")
    assert len(thousand.shown()) == 1000


def test_it_runs_by_the_keyboard(thousand: Page) -> None:
    page = thousand.page
    page.keyboard.press("/")
    page.keyboard.type("take_1")
    assert len(thousand.shown()) == 111
    page.keyboard.press("ArrowDown")
    assert thousand.focused() == "take_1"
    page.keyboard.press("ArrowRight")
    assert thousand.focused() == "take_10"
    columns = page.evaluate(
        "getComputedStyle(document.getElementById('cards')).gridTemplateColumns.split(' ').length"
    )
    assert columns == 4
    page.keyboard.press("ArrowDown")
    assert thousand.focused() == thousand.shown()[1 + columns]
    page.keyboard.press("ArrowUp")
    assert thousand.focused() == "take_10"
    page.keyboard.press("Escape")
    assert len(thousand.shown()) == 1000


def test_posters_come_when_they_are_seen_and_texts_stay_texts(thousand: Page) -> None:
    page = thousand.page
    loaded = "document.querySelectorAll('.card img[src]').length"
    assert 0 < page.evaluate(loaded) < 200
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function("document.querySelector('.card:last-child img').naturalWidth === 1")
    assert page.evaluate(loaded) < 400
    assert page.evaluate("document.querySelectorAll('img[onerror], img[src=x]').length") == 0
    assert page.title().startswith("<img") and page.locator("h1").text_content() == EVIL
    assert thousand.said == []
    assert [url for url in thousand.asked if not url.startswith("data:")] == [page.url]


def test_on_a_telephone_nothing_sticks_out(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    path.write_bytes(gallery_of("out" * 40, [card(i) | {"name": "x" * 300} for i in range(9)]))
    for scheme in ("dark", "light"):
        view = {"width": 360, "height": 740}
        with browser.new_context(viewport=view, color_scheme=scheme, has_touch=True) as context:
            page = Page(context.new_page(), path).page
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            heights = page.locator("select, input").evaluate_all(
                "all => all.map((one) => one.offsetHeight)"
            )
            assert min(heights) >= 44
            back = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (int(back.strip("rgb()").split(",")[0]) < 60) == (scheme == "dark")
