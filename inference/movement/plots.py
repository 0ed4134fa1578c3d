"""Figures of one person: angles over time, and the path on the floor; PNG.

Nothing of Matplotlib's global state is used or changed: figures draw themselves with Agg.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, MultipleLocator

from poselift.data import __version__
from poselift.data.structures import Poses3D
from poselift.inference.movement.angles import Angles, smoothed_world
from poselift.inference.movement.gait import Gait
from poselift.inference.movement.walking import SIDES

DPI = 200
WIDTH_IN = 7.2  # two columns of a journal
# Okabe and Ito's: told apart by everybody, and in grey.
COLOURS = {"left": "#0072B2", "right": "#D55E00", "": "#333333", "second": "#009E73"}
UNSEEN, GRID, INK = "#e4e4e4", "#d8d8d8", "#222222"
_SIZE = 8.0  # of text, points
# Panels: title, angles with left and right, or others with their labels.
_PANELS: tuple[tuple[str, tuple[str, ...], bool], ...] = (
    ("Hip flexion", ("left_hip", "right_hip"), True),
    ("Knee flexion", ("left_knee", "right_knee"), True),
    ("Hip abduction", ("left_hip_abduction", "right_hip_abduction"), True),
    ("Trunk and head inclination", ("trunk", "head"), False),
    ("Shoulder flexion", ("left_shoulder", "right_shoulder"), False),
    ("Elbow flexion", ("left_elbow", "right_elbow"), False),
    ("Shoulder abduction", ("left_shoulder_abduction", "right_shoulder_abduction"), False),
    ("Pelvis and shoulder tilt", ("pelvis", "shoulders"), False),
)
# Of the floor that is drawn: height by width, and how wide at least.
_FLATTEST, _TALLEST, _LEAST_SPAN_M = 0.3, 0.8, 1.0
_MOST_MARKS = 8


def angles_png(angles: Angles, person: int, gait: Gait) -> bytes:
    """Angles over time: contacts as dotted lines, stance as bars, interpolated frames shaded.

    Args:
        person: the row in `angles`, of whom `gait` is, too.
    """
    frames = np.flatnonzero(angles.valid[person])
    times_s = angles.timeline.times_s[frames]
    figure = Figure((WIDTH_IN, 7.6), DPI)
    # Without a search for a layout: the panels of everybody lie alike.
    margins = {"left": 0.05, "right": 0.995, "top": 0.935, "bottom": 0.085}
    margins |= {"hspace": 0.2, "wspace": 0.13}
    panels = figure.subplots(4, 2, sharex=True, gridspec_kw=margins)
    for axes, (title, names, on_feet) in zip(panels.flat, _PANELS, strict=True):
        _dress(axes, title)
        _shade(axes, times_s, angles.interpolated[person, frames])
        for side in SIDES:
            touches = [c.time_s for c in gait.contacts if c.side == side]
            _lines(axes, [[(t, 0), (t, 1)] for t in touches], side, lw=0.6, ls=(0, (1, 2)))
        for i, name in enumerate(names):
            degrees = angles.of(gait.person_id, name)[frames]
            axes.plot(*_broken(times_s, degrees), color=_colour(name, i), lw=1.3)
        if names[0].partition("_")[0] not in SIDES:
            for i, name in enumerate(names):
                axes.plot([], [], color=_colour(name, i), lw=1.3, label=name.capitalize())
            axes.legend(
                loc="lower right", bbox_to_anchor=(1.01, 0.97), borderaxespad=0.2, ncols=2,
                handlelength=1.4, fontsize=_SIZE - 1, frameon=False, labelcolor=INK,
            )  # fmt: skip
        if on_feet:
            _stand(axes, gait)
    for axes in panels[-1]:
        axes.set_xlabel("Time (s)", fontsize=_SIZE, color=INK)
    panels[0, 0].set_xlim(float(times_s[0]), float(max(times_s[-1], times_s[0] + 1e-3)))
    smooth = f", low-pass {angles.cutoff_hz:g} Hz" if angles.smoothed[person] else ", not filtered"
    _title(figure, f"Person {gait.person_id}: joint and segment angles (degrees){smooth}")
    figure.legend(
        handles=_key(gait, bool(angles.interpolated[person].any())),
        loc="lower center", ncols=5, fontsize=_SIZE, frameon=False, labelcolor=INK,
    )  # fmt: skip
    return _png(figure)


def path_png(poses: Poses3D, person: int, gait: Gait, cutoff_hz: float | None) -> bytes:
    """The floor from above: the way of the root with its times, and where the feet came down.

    Args:
        person: the row in `poses`, of whom `gait` is, too.
    """
    frames = np.flatnonzero(poses.valid[person])
    world, times_s = smoothed_world(poses, cutoff_hz)[person], poses.timeline.times_s[frames]
    root = world[frames, 0, :2]
    feet = {
        side: np.array(
            [
                world[contact.frame, poses.layout.index(f"{side}_ankle"), :2]
                for contact in gait.contacts
                if contact.side == side
            ]
        ).reshape(-1, 2)
        for side in SIDES
    }
    low, high = (pick([pick(p, 0) for p in (root, *feet.values()) if len(p)], 0)
                 for pick in (np.min, np.max))  # fmt: skip
    figure, axes = _floor(low, high)
    unseen = poses.interpolated[person, frames]
    axes.plot(*np.where(unseen, np.nan, root.T), color=COLOURS[""], lw=1.4)
    axes.plot(*np.where(_beside(unseen), root.T, np.nan), color="#999999", lw=1.4, ls=(0, (2, 1.5)))
    for side, places in feet.items():
        axes.plot(*places.T, "o", color=COLOURS[side], ms=5.5, mew=0)
    _mark_times(axes, root, times_s)
    axes.set_xlabel("x (m), to the right of the picture", fontsize=_SIZE, color=INK)
    axes.set_ylabel("y (m), away from the camera", fontsize=_SIZE, color=INK)
    told = f": {gait.speed_m_s:.2f} m/s, {gait.cadence_steps_min:.0f} steps/min"
    _title(figure, f"Person {gait.person_id}, path on the floor{told if gait.contacts else ''}")
    figure.legend(
        handles=_path_key(gait, bool(unseen.any())),
        loc="outside lower center", ncols=5, fontsize=_SIZE, frameon=False, labelcolor=INK,
    )  # fmt: skip
    return _png(figure)


def _dress(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=_SIZE, loc="left", color=INK, pad=4)
    axes.tick_params(labelsize=_SIZE - 1, length=2.5, width=0.6, color="#888888", labelcolor=INK)
    axes.grid(visible=True, axis="y", color=GRID, lw=0.5)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set(linewidth=0.6, color="#888888")


def _floor(low: np.ndarray, high: np.ndarray) -> tuple[Figure, Axes]:
    """A map of the floor with (2,) corners, to scale and with one grid for both directions."""
    across, deep = np.maximum(high - low, _LEAST_SPAN_M) * 1.15
    across, deep = max(across, deep / _TALLEST), max(deep, across * _FLATTEST)
    figure = Figure((WIDTH_IN, (WIDTH_IN - 0.8) * deep / across + 1.2), DPI, layout="constrained")
    axes = figure.subplots()
    _dress(axes, "")
    axes.grid(visible=True, axis="x", color=GRID, lw=0.5)
    axes.set_aspect("equal", adjustable="box")
    middle = (low + high) / 2
    axes.set_xlim(middle[0] - across / 2, middle[0] + across / 2)
    axes.set_ylim(middle[1] - deep / 2, middle[1] + deep / 2)
    lines = MaxNLocator(12, steps=[1, 2, 5, 10]).tick_values(0, across)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MultipleLocator(float(lines[1] - lines[0])))
    return figure, axes


def _shade(axes: Axes, times_s: np.ndarray, unseen: np.ndarray) -> None:
    """Behind the frames in which nobody was seen, half a frame to both sides."""
    if not len(times_s) > 1:
        return
    edges = np.diff(unseen.astype(int), prepend=0, append=0)
    middles = (times_s[1:] + times_s[:-1]) / 2
    bounds = np.concatenate([times_s[:1], middles, times_s[-1:]])
    spans = [
        (bounds[first], bounds[last] - bounds[first])
        for first, last in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True)
    ]
    low_high = axes.get_xaxis_transform()
    axes.broken_barh(spans, (0, 1), transform=low_high, color=UNSEEN, lw=0, zorder=0)


def _lines(axes: Axes, lines: list[list[tuple[float, float]]], side: str, **style: Any) -> None:
    """Of any number, as one; x in seconds, y in shares of the panel's height."""
    of_panel = axes.get_xaxis_transform()
    axes.add_collection(
        LineCollection(lines, colors=COLOURS[side], transform=of_panel, **style), autolim=False
    )


def _stand(axes: Axes, gait: Gait) -> None:
    """A bar on the bottom of the panel for each time that a foot is on the ground."""
    for i, side in enumerate(SIDES):
        y = 0.02 + 0.035 * i
        bars = [
            [(contact.time_s, y), (contact.off_s, y)]
            for contact in gait.contacts
            if contact.side == side and contact.off_s is not None
        ]
        _lines(axes, bars, side, lw=2.2, alpha=0.85, capstyle="butt")
    if gait.contacts:
        axes.margins(y=0.12)


def _broken(times_s: np.ndarray, degrees: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The curve, parted where the angle goes from 180 to -180 degrees."""
    jumps = np.flatnonzero(np.abs(np.diff(degrees)) > 180) + 1
    return np.insert(times_s, jumps, np.nan), np.insert(degrees, jumps, np.nan)


def _beside(unseen: np.ndarray) -> np.ndarray:
    """The unseen frames and those next to them, so that lines meet."""
    wide = unseen.copy()
    wide[1:] |= unseen[:-1]
    wide[:-1] |= unseen[1:]
    return wide & unseen.any()


def _mark_times(axes: Axes, root: np.ndarray, times_s: np.ndarray) -> None:
    """Dots on the way at round seconds, and where it begins and ends."""
    length = float(times_s[-1] - times_s[0])
    step = next((s for s in (0.5, 1, 2, 5, 10, 30, 60) if length <= _MOST_MARKS * s), length / 8)
    wanted = np.arange(np.ceil(times_s[0] / step), np.floor(times_s[-1] / step) + 0.5) * step
    last = None
    for time_s in wanted[: 2 * _MOST_MARKS].tolist():
        t = int(np.abs(times_s - time_s).argmin())
        axes.plot(*root[t], "o", color="white", mec=COLOURS[""], ms=4, mew=1)
        # Somebody who stays would be a heap of words.
        if last is None or np.linalg.norm(root[t] - last) > 0.05 * np.ptp(axes.get_xlim()):
            way = root[min(t + 3, len(root) - 1)] - root[max(t - 3, 0)]
            beside = (8, -2) if abs(way[1]) > abs(way[0]) else (0, 6)
            axes.annotate(
                f"{time_s:g} s", root[t], beside, textcoords="offset points",
                ha="left" if beside[0] else "center", fontsize=_SIZE - 1.5, color=INK,
            )  # fmt: skip
            last = root[t]
    axes.plot(*root[0], "s", color=COLOURS[""], ms=5)
    axes.plot(*root[-1], "D", color=COLOURS[""], ms=5)


def _key(gait: Gait, unseen: bool) -> list[Line2D | Patch]:
    key: list[Line2D | Patch] = [
        Line2D([], [], color=COLOURS[side], lw=1.3, label=side.capitalize()) for side in SIDES
    ]
    if gait.contacts:
        key.append(Line2D([], [], color="#555555", lw=0.8, ls=(0, (1, 2)), label="Foot contact"))
        key.append(Line2D([], [], color="#555555", lw=2.4, label="Stance"))
    return key + ([Patch(color=UNSEEN, label="Interpolated")] if unseen else [])


def _path_key(gait: Gait, unseen: bool) -> list[Line2D | Patch]:
    ink = COLOURS[""]
    marks = (("s", "Start"), ("D", "End"))
    key: list[Line2D | Patch] = [
        Line2D([], [], color=ink, marker=mark, ls="", ms=5, label=name) for mark, name in marks
    ]
    if gait.contacts:
        key += [
            Line2D([], [], color=COLOURS[side], marker="o", ls="", ms=5.5, mew=0,
                   label=f"{side.capitalize()} foot contact")
            for side in SIDES
        ]  # fmt: skip
    dashed = Line2D([], [], color="#999999", lw=1.4, ls=(0, (2, 1.5)), label="Interpolated")
    return key + ([dashed] if unseen else [])


def _colour(name: str, i: int) -> str:
    side = name.partition("_")[0]
    return COLOURS[side] if side in SIDES else COLOURS[("", "second")[i]]


def _title(figure: Figure, text: str) -> None:
    figure.suptitle(text, x=0.01, y=0.99, va="top", ha="left", fontsize=_SIZE + 1.5, color=INK)


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(
        stream, format="png", facecolor="white", metadata={"Software": f"Poselift {__version__}"}
    )
    return stream.getvalue()
