"""A still for papers: frames of a clip with their keypoints, and the people in 3D from two sides.

The 3D views are orthographic, so that metres can be read off: from the front (x, z) and from
the right (y, z). One scale serves all rows. In vector files text stays text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from poselift.data.errors import MissingDependency
from poselift.data.files.file_kinds import FileKind
from poselift.data.files.whole_file import whole_file
from poselift.data.skeletons import Skeleton
from poselift.data.structures import Poses3D, Tracks
from poselift.pipeline.overlay.drawing import accent, bone_colours, joint_colours
from poselift.pipeline.overlay.look import LIGHT, Colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_IN = 7.2  # of the figure: two columns of a journal
ROW_IN = (1.3, 3.4)  # least and greatest height of a row
SHAPES = (0.2, 5.0)  # width over height of a picture, whatever lies how far apart
GAPS_IN = 1.5  # between the three pictures of a row, with their labels
MARGIN_M = 0.25  # about the people
SEEN = 0.05  # confidence from which a joint is drawn
SMALL_PT, DOTS_PER_INCH = 7, 220
_MARK = "Poselift"
_KEPT_HEAD, _KEPT_TAIL = 4096, 1 << 16


def _is_figure(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.read(_KEPT_HEAD)
        if head.startswith(b"\x89PNG"):
            return b"Software\0" + _MARK.encode() in head
        if head.startswith(b"%PDF"):
            stream.seek(max(0, path.stat().st_size - _KEPT_TAIL))
            return b"/Creator (" + _MARK.encode() + b")" in head + stream.read()
    return b"<svg" in head and b"<dc:title>" + _MARK.encode() + b"</dc:title>" in head


FIGURE_FILE = FileKind("a figure", (".png", ".svg", ".pdf"), _is_figure)


@dataclass(frozen=True, eq=False)
class Moment:
    """A row of the figure.

    Args:
        frame: index in the clip.
        image: (H, W, 3) uint8 RGB, upright, of the source's shape.
    """

    frame: int
    image: np.ndarray


def draw_figure(poses: Poses3D, tracks: Tracks | None, moments: Sequence[Moment]) -> Figure:
    """A row for each moment: the image with its keypoints, the front, the right side.

    Args:
        tracks: of the same clip; None leaves the images bare.
    Raises: MissingDependency.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependency(
            "figures need matplotlib. Install it: pip install matplotlib"
        ) from error
    low, high = _extent(poses, [moment.frame for moment in moments])
    spans = high - low
    aspect = moments[0].image.shape[1] / moments[0].image.shape[0]
    shapes = np.array([aspect, spans[0] / spans[2], spans[1] / spans[2]]).clip(*SHAPES)
    row_in = float(np.clip((WIDTH_IN - GAPS_IN) / shapes.sum(), *ROW_IN))
    size = (float(shapes.sum()) * row_in + GAPS_IN, (row_in + 0.35) * len(moments) + 0.35)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(moments), 3, squeeze=False, width_ratios=list(shapes))
    for row, moment in zip(grid, moments, strict=True):
        last = moment is moments[-1]
        _draw_image(row[0], tracks, moment)
        row[0].set_title(_title(poses, moment.frame), fontsize=SMALL_PT + 1, loc="left")
        for axes, across, label in zip(row[1:], (0, 1), ("x", "depth y"), strict=True):
            _draw_view(axes, poses, moment.frame, across)
            axes.set(xlim=(low[across], high[across]), ylim=(low[2], high[2]), aspect="equal")
            axes.set_xlabel(f"{label} (m)" if last else "", fontsize=SMALL_PT)
            axes.tick_params(labelsize=SMALL_PT, length=2, labelbottom=last)
            _ticks(axes, float(spans.max()))
        row[1].set_ylabel("z (m)", fontsize=SMALL_PT)
        row[2].tick_params(labelleft=False)
    grid[0][1].set_title("front", fontsize=SMALL_PT + 1)
    grid[0][2].set_title("from the right", fontsize=SMALL_PT + 1)
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """As .png, .svg or .pdf, by the name. Raises: OutputError."""
    from matplotlib import rc_context

    kind = path.suffix.lower().removeprefix(".")
    metadata: dict[str, dict[str, str | None]] = {
        "png": {"Software": _MARK},
        "svg": {"Title": _MARK, "Date": None},
        "pdf": {"Creator": _MARK, "CreationDate": None},
    }
    with whole_file(path) as part, rc_context({"svg.fonttype": "none", "pdf.fonttype": 42}):
        figure.savefig(part, format=kind, dpi=DOTS_PER_INCH, metadata=metadata[kind])


def _extent(poses: Poses3D, frames: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """(3,), (3,) metres: the room that holds everybody in all of the frames, and the floor."""
    chosen = poses.world[:, list(frames)][poses.valid[:, list(frames)]]
    points = chosen[np.isfinite(chosen).all((1, 2))].reshape(-1, 3).astype(np.float64)
    if not len(points):
        points = np.array([[-0.5, -0.5, 0.0], [0.5, 0.5, 1.8]])
    low, high = points.min(0) - MARGIN_M, points.max(0) + MARGIN_M
    low[2] = min(low[2], -0.1)
    narrow = np.maximum(1.0 - (high - low), 0) / 2 * (1, 1, 0)
    return low - narrow, high + narrow


def _draw_image(axes: Axes, tracks: Tracks | None, moment: Moment) -> None:
    axes.imshow(moment.image, interpolation="antialiased")
    axes.set_axis_off()
    if tracks is None:
        return
    height, width = moment.image.shape[:2]
    scale = np.array([width / tracks.timeline.width, height / tracks.timeline.height])
    for order, person in enumerate(tracks.people):
        xy = (person.xy[moment.frame] + 0.5) * scale - 0.5
        known = np.isfinite(xy).all(-1) & (person.confidence[moment.frame] >= SEEN)
        filled = not person.seen[moment.frame]
        _draw_bones(axes, person.layout, xy, known, order, dashed=filled, width=1.1)
        if known.any():
            _name(axes, person.person_id, xy[known], upward=-1)
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def _draw_view(axes: Axes, poses: Poses3D, frame: int, across: int) -> None:
    """Everybody as seen along the other axis, the furthest first.

    Args:
        across: the world's axis that runs to the right: 0 from the front, 1 from the right.
    """
    axes.axhline(0, color="0.55", linewidth=0.8, zorder=0)
    axes.grid(color="0.9", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    world = poses.world[:, frame].astype(np.float64)
    shown = np.flatnonzero(poses.valid[:, frame] & np.isfinite(world).all((1, 2)))
    away = -world[shown].mean(1)[:, 1] if across == 0 else world[shown].mean(1)[:, 0]
    for order, p in enumerate(shown[np.argsort(away)]):
        flat = world[p][:, [across, 2]]
        known, filled = np.ones(len(flat), bool), bool(poses.interpolated[p, frame])
        _draw_bones(axes, poses.layout, flat, known, order, dashed=filled, width=1.7)
        _name(axes, int(poses.person_id[p]), flat, upward=1)


def _draw_bones(
    axes: Axes,
    layout: Skeleton,
    xy: np.ndarray,
    known: np.ndarray,
    order: int,
    *,
    dashed: bool,
    width: float,
) -> None:
    """Bones with a white rim about the whole person, so that people who cross stay apart."""
    from matplotlib.collections import LineCollection

    style = (0, (2.2, 1.4)) if dashed else "solid"
    bones = [i for i, (a, b) in enumerate(layout.edges) if known[a] and known[b]]
    lines = [xy[list(layout.edges[i])] for i in bones]
    shades = [_shade(bone_colours(layout, LIGHT.sides)[i]) for i in bones]
    rims = LineCollection(lines, colors="white", linewidths=width + 1.2, capstyle="round")
    marks = LineCollection(lines, colors=shades, linewidths=width, linestyles=[style])
    for collection in (rims, marks):
        collection.set_zorder(2 + 0.01 * order)
        axes.add_collection(collection, autolim=False)
    shade = np.array([_shade(colour) for colour in joint_colours(layout, LIGHT.sides)])
    size = (1.5 * width) ** 2
    axes.scatter(
        xy[known, 0], xy[known, 1], s=size, c=shade[known], linewidths=0, zorder=2 + 0.01 * order
    )


def _name(axes: Axes, person: int, xy: np.ndarray, *, upward: int) -> None:
    """The person's number above them."""
    x, y = float(xy[:, 0].mean()), float((xy[:, 1] * upward).max() * upward)
    axes.annotate(
        str(person),
        (x, y),
        (0, 5),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=SMALL_PT - 1,
        annotation_clip=True,
        zorder=4,
        bbox={
            "boxstyle": "circle,pad=0.18",
            "facecolor": _shade(accent(person)),
            "edgecolor": "none",
        },
    )


def _ticks(axes: Axes, span_m: float) -> None:
    """A line for each metre, or each half of one where there is little room."""
    from matplotlib.ticker import MultipleLocator

    scale = 10 ** max(np.floor(np.log10(span_m / 4)), 0)
    step = next(step for step in (0.5, 1, 2, 5, 10) if span_m / (step * scale) <= 8) * scale
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.yaxis.set_major_locator(MultipleLocator(step))


def _title(poses: Poses3D, frame: int) -> str:
    return f"frame {frame}, {float(poses.timeline.times_s[frame]):.2f} s"


def _shade(colour: Colour) -> tuple[float, float, float]:
    r, g, b = (part / 255 for part in colour)
    return r, g, b
