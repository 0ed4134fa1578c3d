"""How the overlay looks: from where its 3D panel is seen, and in which colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from poselift.data.errors import UnknownName
from poselift.data.skeletons import Side

Colour = tuple[int, int, int]
View = Literal["auto", "front", "side"]
StyleName = Literal["dark", "light"]

VIEWS: tuple[View, ...] = ("auto", "front", "side")


@dataclass(frozen=True)
class Style:
    """The colours of the 3D panel and of the frame about the video.

    Args:
        top, horizon: of the wall; floor: where it is lit.
        grid: how much a full line takes from the floor, or adds to it (`glowing`).
        text: captions; outline: about bones and joints.
        letterbox: beside a video that is smaller than its panel.
        shadow: share of the light that a full shadow takes.
        sides: of the bones.
    """

    top: Colour
    horizon: Colour
    floor: Colour
    grid: Colour
    glowing: bool
    text: Colour
    outline: Colour
    letterbox: Colour
    shadow: float
    sides: dict[Side, Colour]


# Blue and orange stay apart for every common kind of colour blindness.
DARK = Style(
    top=(42, 47, 57),
    horizon=(52, 58, 69),
    floor=(66, 73, 86),
    grid=(42, 46, 54),
    glowing=True,
    text=(214, 219, 227),
    outline=(20, 22, 27),
    letterbox=(24, 26, 32),
    shadow=0.62,
    sides={"left": (255, 159, 28), "right": (56, 176, 255), "centre": (232, 236, 241)},
)
LIGHT = Style(
    top=(250, 251, 252),
    horizon=(238, 240, 243),
    floor=(228, 231, 236),
    grid=(62, 58, 52),
    glowing=False,
    text=(58, 64, 74),
    outline=(255, 255, 255),
    letterbox=(226, 229, 234),
    shadow=0.34,
    sides={"left": (222, 112, 0), "right": (0, 112, 204), "centre": (74, 82, 96)},
)
STYLES: dict[StyleName, Style] = {"dark": DARK, "light": LIGHT}


@dataclass(frozen=True)
class Look:
    """What the user chose.

    Args:
        view: `front` is the video's own direction, `side` that from its right; `auto` is the
            one of many in which people hide one another least and are large.
    """

    view: View = "auto"
    style: StyleName = "dark"

    def __post_init__(self) -> None:
        """Raises: UnknownName."""
        if self.view not in VIEWS:
            raise UnknownName("view", self.view, VIEWS)
        if self.style not in STYLES:
            raise UnknownName("style", self.style, STYLES)

    @property
    def colours(self) -> Style:
        return STYLES[self.style]
