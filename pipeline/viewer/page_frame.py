"""A page within another document: a notebook."""

from __future__ import annotations

import html
from pathlib import Path

HEIGHT_PX = 760


def framed(page: Path) -> str:
    """An element that holds the whole page, and lets it reach nothing around it.

    Raises: OSError: it is gone.
    """
    content = html.escape(page.read_text(encoding="utf-8"))
    return (
        f'<iframe srcdoc="{content}" sandbox="allow-scripts" title="Poselift" loading="lazy" '
        f'width="100%" height="{HEIGHT_PX}" style="border: 0"></iframe>'
    )
