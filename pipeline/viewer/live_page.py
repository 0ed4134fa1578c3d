"""The page of what happens now: the parts of a clip's page, fed by a WebSocket."""

from __future__ import annotations

import html

from poselift.data import __version__
from poselift.data.skeletons import COCO17, H36M17
from poselift.pipeline.viewer.html_page import filled, json_in_html, policy
from poselift.pipeline.viewer.page import HERE
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
    three = (HERE / "three.bundle.js").read_text(encoding="ascii")
    bodies = [(HERE / script).read_text(encoding="utf-8") for script in SCRIPTS]
    script = '(() => {\n"use strict";\n' + "\n".join(bodies) + "})();\n"
    style = (HERE / "page.css").read_text(encoding="utf-8")
    table = {"flat": layout_table(COCO17), "solid": layout_table(H36M17), "most": MOST_PEOPLE}
    licence = (HERE / "three.LICENSE.txt").read_text(encoding="utf-8").strip()
    return filled(
        (HERE / "live.html").read_text(encoding="utf-8"),
        {
            "policy": html.escape(
                policy([three, script], [style], img_src="data:", connect_src=f"ws://{host}")
            ),
            "version": html.escape(__version__),
            "title": html.escape(name),
            "style": style,
            "table": json_in_html(table),
            "licence": html.escape(licence.replace("--", "- -")),
            "three": three,
            "script": script,
        },
    )
