"""What all pages share: templates that are filled once, JSON within HTML, what may run.

Names and numbers come from files of strangers: text is escaped, and the browser is told to run
and show only what lies in the page (Content-Security-Policy with the hashes of its own parts).
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from poselift.data import __version__

HERE = Path(__file__).resolve().parent


def page_text(
    template: str,
    title: str,
    style: str,
    scripts: Mapping[str, str],
    parts: Mapping[str, str],
    **more: str,
) -> str:
    """A whole page.

    Args:
        template, style: names of files here.
        title: any text.
        scripts: what runs, by the template's names for it; parts: the rest, as HTML.
        more: what else the browser may load, see policy.
    """
    css = text_of(style)
    named = {"version": html.escape(__version__), "title": html.escape(title)}
    rules = html.escape(policy([*scripts.values()], [css], **more))
    head = filled(text_of("head.html"), {**named, "policy": rules, "style": css})
    return filled(text_of(template), {**named, "head": head.rstrip("\n"), **scripts, **parts})


def text_of(name: str) -> str:
    """Of a file that lies here."""
    return (HERE / name).read_text(encoding="utf-8")


def clip_scripts(names: Sequence[str]) -> dict[str, str]:
    """What page.html and live.html run: three.js, and our own as parts of one function."""
    bodies = "\n".join(map(text_of, names))
    script = f'(() => {{\n"use strict";\n{bodies}}})();\n'
    return {"three": text_of("three.bundle.js"), "script": script}


def filled(template: str, parts: Mapping[str, str]) -> str:
    """Each {{name}} replaced once: what a part brings is not looked at again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


def json_in_html(value: Any) -> str:
    """JSON that ends no script, opens no comment, and holds no line separator of JavaScript's.

    Raises: ValueError: NaN or infinity.
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return re.sub("[<>&]", lambda found: f"\\u{ord(found[0]):04x}", text)


def policy(scripts: Sequence[str], styles: Sequence[str], **more: str) -> str:
    """What the browser may run and load: these parts, by their hashes, and nothing from outside.

    Args:
        more: further directives, `img_src="data:"`.
    """
    directives = {
        "default-src": "'none'",
        "script-src": " ".join(map(content_hash, scripts)) or "'none'",
        "style-src": " ".join(map(content_hash, styles)) or "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    } | {name.replace("_", "-"): value for name, value in more.items()}
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def content_hash(text: str) -> str:
    """Of a script or style, as browsers take it, which see line breaks as \\n."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
