"""The page of what happens now: the parts of a clip's page, fed by a WebSocket."""

from __future__ import annotations

import html

from poselift.data.skeletons import COCO17, H36M17
from poselift.pipeline.viewer.html_page import clip_scripts, json_in_html, page_text, text_of
from poselift.pipeline.viewer.page_data import layout_table

SCRIPTS = (
    *("page_data.js", "page_theme.js", "page_overlay.js", "page_floor.js", "page_figures.js"),
    *("page_scene.js", "live_main.js"),
)
# People that are shown at once.
MOST_PEOPLE = 12


def live_page(name: str, host: str) -> str:
    """The whole page; people of COCO17 in the picture, of H36M17 in 3D.

    Args:
        name: what the source is called; any text.
        host: HOST:PORT that it is served at, and connects to.
    """
    table = {"flat": layout_table(COCO17), "solid": layout_table(H36M17), "most": MOST_PEOPLE}
    licence = text_of("three.LICENSE.txt").strip()
    parts = {
        "table": json_in_html(table),
        "licence": html.escape(licence.replace("--", "- -")),
    }
    scripts, feed = clip_scripts(SCRIPTS), f"ws://{host}"
    return page_text(
        "live.html", name, "page.css", scripts, parts, img_src="data:", connect_src=feed
    )
