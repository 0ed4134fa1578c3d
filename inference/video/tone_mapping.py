"""HDR video as standard screens show it: PQ or HLG in BT.2020 becomes BT.709.

Sources: SMPTE ST 2084 (PQ) and ARIB STD-B67 (HLG) as in ITU-R BT.2100; the curve that bends
highlights is the EETF of BT.2390, where white lies is BT.2408's.
"""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np

Curve = Literal["pq", "hlg"]

WHITE_NITS = 203.0  # of paper in HDR, and the most that a standard picture has
PEAK_NITS = 1000.0  # highlights beyond are cut off
POINTS = 33  # of the table along each colour

# ffmpeg's numbers of the transfer characteristics (ITU-T H.273).
_CURVES: dict[int, Curve] = {16: "pq", 18: "hlg"}

_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)
_LUMINANCE = np.array([0.2627, 0.6780, 0.0593])


def curve_of(transfer: int) -> Curve | None:
    """By ffmpeg's number of the transfer characteristic; None for a standard video."""
    return _CURVES.get(transfer)


def sdr_of(signal: np.ndarray, curve: Curve) -> np.ndarray:
    """(..., 3) BT.2020 R'G'B' of HDR -> (..., 3) BT.709 R'G'B', both in [0, 1].

    What is darker than 92 nits keeps its light; from there to PEAK_NITS it is bent to end at
    white. The largest of red, green and blue decides, so that colours keep their hue.
    """
    nits = _pq_nits(signal) if curve == "pq" else _hlg_nits(signal)
    brightest = nits.max(-1, keepdims=True)
    nits = nits * (_bent(brightest) / np.maximum(brightest, 1e-6))
    light = np.clip(nits / WHITE_NITS @ _TO_709.T, 0, 1)
    return np.asarray(light ** (1 / 2.4))


class ToneMapper:
    """Maps the frames of one video, by a table that ffmpeg's lut3d interpolates in.

    At 1280x720 that takes 18 ms in place of 380 or more for the formulas in NumPy.
    """

    def __init__(self, curve: Curve) -> None:
        self._curve = curve
        self._graph: av.filter.Graph | None = None

    def mapped(self, frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
        """The frame as standard R'G'B' of this size, always the same for one mapper."""
        rgb = frame.reformat(width, height, "gbrp16le", interpolation="BILINEAR")
        rgb.colorspace = 0  # it is RGB now
        if self._graph is None:
            self._graph = _lookup(self._curve, width, height)
        self._graph.vpush(rgb)
        return self._graph.vpull()


def _lookup(curve: Curve, width: int, height: int) -> av.filter.Graph:
    """Frame in, frame out."""
    graph = av.filter.Graph()
    format_in, tick = av.VideoFormat("gbrp16le"), Fraction(1, 1000)
    source = graph.add_buffer(width=width, height=height, format=format_in, time_base=tick)
    with tempfile.TemporaryDirectory(prefix="poselift-") as folder:
        table = Path(folder) / "sdr.cube"
        table.write_text(_cube(curve), encoding="ascii")
        lookup = graph.add("lut3d", file=str(table))
        graph.link_nodes(source, lookup, graph.add("buffersink")).configure()
    return graph


def _cube(curve: Curve) -> str:
    """The table as a .cube file: red changes fastest."""
    steps = np.linspace(0, 1, POINTS)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    rows = sdr_of(np.stack([red, green, blue], -1).reshape(-1, 3), curve)
    lines = "\n".join(f"{r:.6f} {g:.6f} {b:.6f}" for r, g, b in rows.tolist())
    return f"LUT_3D_SIZE {POINTS}\n{lines}\n"


def _pq_nits(signal: np.ndarray) -> np.ndarray:
    root = np.clip(signal, 0, 1) ** (1 / _M2)
    return np.asarray(1e4 * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1))


def _pq_signal(nits: np.ndarray) -> np.ndarray:
    power = (nits / 1e4) ** _M1
    return np.asarray(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2)


def _hlg_nits(signal: np.ndarray) -> np.ndarray:
    """On a screen of PEAK_NITS, whose system gamma is 1.2."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luminance = (scene @ _LUMINANCE)[..., None]
    return np.asarray(PEAK_NITS * np.maximum(luminance, 1e-9) ** 0.2 * scene)


def _bent(nits: np.ndarray) -> np.ndarray:
    """BT.2390's EETF from PEAK_NITS to WHITE_NITS; black stays black."""
    peak = _pq_signal(np.array(PEAK_NITS))
    white = _pq_signal(np.array(WHITE_NITS)) / peak
    share = np.minimum(_pq_signal(nits) / peak, 1)
    knee = 1.5 * white - 0.5
    t = np.clip((share - knee) / (1 - knee), 0, 1)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * white
    )
    return _pq_nits(np.where(share < knee, share, spline) * peak)
