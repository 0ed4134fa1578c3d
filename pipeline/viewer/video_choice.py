"""Where the video of a page is: a choice that costs nothing to know of."""

from __future__ import annotations

from typing import Literal

How = Literal["embed", "link", "none"]
HOWS: tuple[How, ...] = ("embed", "link", "none")
